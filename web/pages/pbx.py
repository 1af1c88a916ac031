"""The PBX links as they are now, and the doctor's findings."""

from __future__ import annotations

from types import SimpleNamespace

from aiohttp import web

from crm_core.kernel.errors import CrmError
from crm_core.organization.access import Action
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext as _
from web.pages.frame import html, said
from web.pages.reasons import reason
from web.pages.words import word
from web.ports import Finding, PbxStatus, Severity

routes = web.RouteTableDef()


@routes.get("/admin/pbx")
async def pbx_page(request: web.Request) -> web.StreamResponse:
    """The links at once; the doctor, who takes seconds, follows as a fragment."""
    actor_of(request, Action.PBX_MANAGE)
    return html(request, "admin/pbx.html", pbxes=[_shape(p) for p in context_of(request).telephony.pbxes()])


@routes.get("/admin/pbx/doctor")
async def doctor(request: web.Request) -> web.StreamResponse:
    actor_of(request, Action.PBX_MANAGE)
    try:
        findings = await context_of(request).telephony.doctor()
    except CrmError as error:
        findings = [Finding(error.code, Severity.ERROR, "doctor", "%(reason)s", params={"reason": said(error)})]
    return html(request, "admin/doctor.html", findings=[_finding(f) for f in findings])


def _shape(pbx: PbxStatus) -> SimpleNamespace:
    return SimpleNamespace(
        name=pbx.name,
        version=pbx.version,
        host=pbx.host,
        port=pbx.port,
        state=pbx.link,
        since=pbx.since,
        problem=reason(pbx.reason) if pbx.reason and pbx.link != "connected" else None,
        actions=pbx.actions,
        live_calls=pbx.live_calls,
        events=pbx.events,
        lag=pbx.lag_seconds,
    )


def _finding(finding: Finding) -> SimpleNamespace:
    part, _space, name = finding.subject.partition(" ")
    params = {key: reason(text) if key == "reason" else text for key, text in finding.params.items()}
    return SimpleNamespace(
        severity=str(finding.severity),
        title=word("subject", part) % {"name": name},
        text=_(finding.message) % params,
        advice=_(finding.advice_message) % params,
    )
