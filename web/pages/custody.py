"""For the custodian of the data: who takes more than he used to, the audit log, and everybody's promise of secrecy."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from types import SimpleNamespace
from typing import Any, Final

from aiohttp import web

from crm_core.audit import queries as audit
from crm_core.audit.models import AuditLine
from crm_core.customers import queries as customers
from crm_core.customers.protection import agreements, custody_queries
from crm_core.customers.protection.rules import Amounts
from crm_core.kernel import ids
from crm_core.kernel.errors import NotFound, Rejected
from crm_core.kernel.pages import parse_text_cursor, text_cursor
from crm_core.organization.access import SYSTEM, Action
from web.auth import actor_of
from web.context import WebContext, context_of
from web.i18n import gettext as _
from web.pages.calls import address
from web.pages.frame import html, said, see_other
from web.pages.people import Names
from web.pages.words import word

routes = web.RouteTableDef()
_PAGE: Final = 50
_FILTERS: Final = ("actor", "action", "object", "since", "until")
# The kinds of acts that can be asked for together, as the log begins their names.
KINDS: Final = (
    "customer", "export", "person", "reveal", "consent", "agreement", "audit", "keys", "allocation", "call",
    "recording", "intake", "field", "setting", "user", "department", "centre", "token", "login", "sessions", "job",
    "view",
)  # fmt: skip
# Items of a line that hold a code, by what the line is about, and the words for the code.
_CODES: Final = {
    ("job", "kind"): "job_kind",
    ("centre", "kind"): "centre_kind",
    ("user", "role"): "role",
    ("export", "kind"): "request_kind",
}
_LINKS: Final = {"customer": "/customers/", "call": "/calls/", "job": "/jobs/"}


@routes.get("/opened-cards")
async def opened_cards(request: web.Request) -> web.StreamResponse:
    actor, context = actor_of(request, Action.CUSTOMER_EXPORT), context_of(request)
    days = 30 if request.query.get("days") == "30" else 7
    await context.reads.flush(context.db)
    since = (context.clock.now() - timedelta(days=days)).astimezone(context.settings.timezone).date()
    async with context.db.read() as session:
        found = await custody_queries.custody(session, actor, context.clock.now(), days)
        names = await Names.read(session)
    people = [
        {
            "name": names.named(one.user),
            "one": one,
            "amounts": [_amount(name, one) for name in Amounts.__slots__],
            "audit": address("/audit", {"actor": one.user, "since": since.isoformat()}),
        }
        for one in found
    ]
    presets = [(_("7 days"), "/opened-cards", days == 7), (_("30 days"), "/opened-cards?days=30", days == 30)]
    can_audit = actor.may(Action.AUDIT_READ)
    return html(request, "exports/opened.html", people=people, presets=presets, can_audit=can_audit)


def _amount(name: str, one: custody_queries.CustodyView) -> dict[str, Any]:
    return {"now": getattr(one.now, name), "before": getattr(one.before, name), "odd": name in one.unusual}


@routes.get("/audit")
async def audit_log(request: web.Request) -> web.StreamResponse:
    actor_of(request, Action.AUDIT_READ)
    context, chosen = context_of(request), {n: request.query[n] for n in _FILTERS if request.query.get(n)}
    cursor, problem = request.query.get("cursor"), None
    lines: list[AuditLine] = []
    async with context.db.read() as session:
        try:
            given = _given(chosen, context)
            given["object_id"] = await _object(session, chosen.get("object", ""))
            given["object_type"] = "customer" if given["object_id"] is not None else None
            before = parse_text_cursor(cursor)[1] if cursor else None
            lines = list(await audit.page(session, before=before, limit=_PAGE + 1, **given))
        except (NotFound, Rejected) as error:
            problem = said(error)
        names = await Names.read(session)
    more = len(lines) > _PAGE
    last = text_cursor("", lines[_PAGE - 1].seq) if more else None
    return html(
        request,
        "exports/audit.html",
        status=422 if problem else 200,
        lines=[_line(line, names) for line in lines[:_PAGE]],
        filter=chosen,
        kinds=[(f"{kind}*", word("audit_kind", kind)) for kind in KINDS],
        problem=problem,
        first=address("/audit", chosen) if cursor else None,
        next=address("/audit", chosen | {"cursor": last}) if last else None,
    )


def _given(chosen: Mapping[str, str], context: WebContext) -> dict[str, Any]:
    """Raises Rejected for a day that is none."""
    zone = context.settings.timezone
    found: dict[str, Any] = {"actor": chosen.get("actor"), "action": chosen.get("action")}
    for name, plus in (("since", 0), ("until", 1)):
        if name not in chosen:
            continue
        try:
            day = date.fromisoformat(chosen[name]) + timedelta(days=plus)
        except (ValueError, OverflowError):
            raise Rejected("day_invalid", "This is no day.", errors={name: "must be a date"}) from None
        found[name] = datetime.combine(day, time.min, tzinfo=zone)
    return found


async def _object(session: Any, text: str) -> int | None:
    """A customer by the account number, as people have it at hand. Raises NotFound."""
    if not text:
        return None
    found = await customers.id_of_account(session, text.strip())
    if found is None:
        raise NotFound("customer_not_found", "There is no customer with this account number.")
    return found


def _line(line: AuditLine, names: Names) -> SimpleNamespace:
    link = _LINKS.get(line.object_type)
    return SimpleNamespace(
        seq=line.seq,
        at=line.at,
        by=_("the system") if line.actor_name == SYSTEM.name else names.named(line.actor_name),
        action=line.action,
        act=word("audit_act", line.action),
        kind=word("audit_kind", line.action.partition(".")[0]),
        href=f"{link}{ids.show(line.object_id)}" if link and line.object_id is not None else None,
        object=word("audit_kind", line.object_type),
        detail=[(word("audit_item", name), _value(line, name, value)) for name, value in line.detail.items()],
        address=line.address,
        request_id=line.request_id,
    )


def _value(line: AuditLine, name: str, value: Any) -> str:
    """Codes of ours in words; what people wrote, and names of columns, as they are."""
    known = _CODES.get((line.object_type, name))
    return word(known, value) if known is not None and isinstance(value, str) else _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(one) for one in value) or "–"
    if isinstance(value, dict):
        return "; ".join(f"{word('audit_item', name)}: {_plain(one)}" for name, one in value.items())
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return "–" if value is None else str(value)


@routes.get("/agreement")
async def agreement(request: web.Request) -> web.StreamResponse:
    actor, context = actor_of(request), context_of(request)
    async with context.db.read() as session:
        at = await custody_queries.agreed_at(session, actor.user_id or 0)
    return html(request, "exports/agreement.html", agreed_at=at)


@routes.post("/agreement")
async def agree(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request)
    async with context_of(request).db.uow() as uow:
        await agreements.agree(uow, by=actor)
    return see_other("/agreement")
