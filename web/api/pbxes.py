"""The PBX links and the doctor's findings."""

from __future__ import annotations

from typing_extensions import TypedDict

from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.values import Cursor, Time, time_text
from web.ports import Severity
from web.registry import Routes

routes = Routes("pbxes")
_RIGHT = Action.PBX_MANAGE


class PbxAnswer(TypedDict):
    """One PBX; `link` is connected, connecting or disconnected, with the `reason` when it is not connected."""

    name: str
    host: str
    port: int
    link: str
    since: Time | None
    version: str | None
    reason: str | None
    actions: bool
    live_calls: int
    events: int
    lag_seconds: float | None


class PbxList(TypedDict):
    items: list[PbxAnswer]
    next: Cursor | None


class FindingAnswer(TypedDict):
    """What the doctor found, and what to do about it: `detail` and `advice` in English.

    `message` and `advice_message` are the same with places for `params`, as keys for a translation.
    """

    code: str
    severity: Severity
    subject: str
    detail: str
    advice: str
    message: str
    advice_message: str
    params: dict[str, str]


class FindingList(TypedDict):
    items: list[FindingAnswer]
    next: Cursor | None


@routes.route("GET", "/pbxes", "The state of each PBX link", right=_RIGHT)
async def list_pbxes(asked: Asked) -> PbxList:
    zone = asked.context.settings.timezone
    items: list[PbxAnswer] = [
        {
            "name": pbx.name,
            "host": pbx.host,
            "port": pbx.port,
            "link": pbx.link,
            "since": time_text(pbx.since, zone),
            "version": pbx.version,
            "reason": pbx.reason,
            "actions": pbx.actions,
            "live_calls": pbx.live_calls,
            "events": pbx.events,
            "lag_seconds": pbx.lag_seconds,
        }
        for pbx in asked.context.telephony.pbxes()
    ]
    return {"items": items, "next": None}


@routes.route("GET", "/doctor", "What is right and wrong with the set-up", right=_RIGHT)
async def doctor(asked: Asked) -> FindingList:
    items: list[FindingAnswer] = [
        {
            "code": finding.code,
            "severity": finding.severity,
            "subject": finding.subject,
            "detail": finding.detail,
            "advice": finding.advice,
            "message": finding.message,
            "advice_message": finding.advice_message,
            "params": dict(finding.params),
        }
        for finding in await asked.context.telephony.doctor()
    ]
    return {"items": items, "next": None}
