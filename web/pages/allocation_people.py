"""People and their limits, applications for more, the report of fairness, the rules of the house."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from crm_core.customers.allocation import applications, people_queries, queries, service
from crm_core.customers.allocation.kinds import ApplicationKind, ApplicationState, Period
from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError, Rejected
from crm_core.organization import queries as organization
from crm_core.organization.access import Action, Actor
from web.api.allocation_people import facts_of
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext as _
from web.pages.allocation_shape import PAGE, day_of, local_now, menu, people_with_standing, whole
from web.pages.calls import address
from web.pages.frame import Errors, errors_of, form_of, html, said, see_other
from web.pages.people import Names
from web.pages.words import word

routes = web.RouteTableDef()
_RIGHT = Action.CUSTOMER_ASSIGN
_NUMBERS: Final = (
    "cap", "quota", "new_days", "new_quota", "not_contacted_days", "not_bought_days", "notice_days", "grant_days",
    "unfit_tries", "contacts_most", "contacts_days",
)  # fmt: skip


@routes.get("/allocation/people")
async def people(request: web.Request) -> web.StreamResponse:
    return await _people(request, actor_of(request, _RIGHT), None)


async def _people(request: web.Request, actor: Actor, problem: str | None) -> web.Response:
    async with context_of(request).db.read() as session:
        departments = {one.id: one.name for one in await organization.departments(session)}
        rows = await people_with_standing(request, session, actor, departments)
        limits = {one["id"]: await people_queries.limit_of(session, ids.parse(one["id"])) for one in rows}
        policy = await queries.policy(session)
    return html(
        request,
        "allocation/people.html",
        status=422 if problem else 200,
        menu=menu(actor, "/allocation/people"),
        people=[one | {"limit": limits[one["id"]]} for one in rows],
        policy=policy,
        problem=problem,
    )


def _limit(text: str) -> int | None:
    """Raises Rejected for what is neither empty nor a number."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 7):
        raise Rejected("limits_invalid", "A limit is a number from 0, or empty for the house's.")
    return int(text)


@routes.post("/allocation/people/{id}")
async def set_limits(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, _RIGHT), await form_of(request)
    try:
        cap, quota = _limit(form.get("cap", "")), _limit(form.get("quota", ""))
        async with context_of(request).db.uow() as uow:
            await applications.set_limits(uow, ids.parse(request.match_info["id"]), cap=cap, quota=quota, by=actor)
    except CrmError as error:
        return await _people(request, actor, said(error))
    return see_other("/allocation/people")


@routes.get("/allocation/applications")
async def list_applications(request: web.Request) -> web.StreamResponse:
    return await _applications(request, actor_of(request, Action.CUSTOMER_WRITE), None)


async def _applications(
    request: web.Request, actor: Actor, problem: str | None, form: dict[str, str] | None = None
) -> web.Response:
    cursor, now = request.query.get("cursor"), local_now(request)
    async with context_of(request).db.read() as session:
        page = await people_queries.applications(session, actor, limit=PAGE, cursor=cursor)
        names, rows = await Names.read(session), []
        for one in page.items:
            waits = one.state is ApplicationState.WAITING
            decides = waits and actor.may(_RIGHT) and one.user_id != actor.user_id
            facts = await facts_of(session, one.user_id, now) if decides else one.facts
            rows.append(
                {
                    "id": ids.show(one.id),
                    "one": one,
                    "name": names.user(one.user_id, one.user),
                    "by": names.named(one.decided_by),
                    "facts": facts,
                    "decides": decides,
                    "withdraws": waits and one.user_id == actor.user_id,
                }
            )
    path = "/allocation/applications"
    return html(
        request,
        "allocation/applications.html",
        status=422 if problem else 200,
        menu=menu(actor, path),
        rows=rows,
        kinds=[(one.value, word("application_kind", one.value)) for one in ApplicationKind],
        form=form or {},
        problem=problem,
        first=path if cursor else None,
        next=address(path, {"cursor": page.next}) if page.next else None,
    )


@routes.post("/allocation/applications")
async def apply(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.CUSTOMER_WRITE), await form_of(request)
    kind = ApplicationKind.CAP if form.get("kind") == "cap" else ApplicationKind.QUOTA
    try:
        async with context_of(request).db.uow() as uow:
            wanted = whole(form.get("wanted", ""), 0)
            await applications.apply(uow, kind=kind, wanted=wanted, reason=form.get("reason", ""), by=actor)
    except CrmError as error:
        return await _applications(request, actor, said(error), form)
    return see_other("/allocation/applications")


@routes.post("/allocation/applications/{id}/{act:grant|refuse|withdraw}")
async def decide(request: web.Request) -> web.StreamResponse:
    actor, form, act = actor_of(request, Action.CUSTOMER_WRITE), await form_of(request), request.match_info["act"]
    which = ids.parse(request.match_info["id"])
    try:
        async with context_of(request).db.uow() as uow:
            if act == "withdraw":
                await applications.withdraw(uow, which, by=actor)
            else:
                await _decide(request, uow, which, actor, form, grant=act == "grant")
    except CrmError as error:
        return await _applications(request, actor, said(error))
    return see_other("/allocation/applications")


async def _decide(
    request: web.Request, uow: Any, which: int, actor: Actor, form: dict[str, str], *, grant: bool
) -> None:
    one = await people_queries.application(uow.session, actor, which)
    granted = whole(form.get("granted", ""), 0) if grant else 0
    if grant and not granted:
        raise Rejected("application_invalid", "Grant a number and a last day within a year.")
    await applications.decide(
        uow,
        which,
        granted=granted,
        valid_until=day_of(form.get("valid_until", "")),
        note=form.get("note", ""),
        facts=await facts_of(uow.session, one.user_id, uow.clock.now()),
        by=actor,
        zone=context_of(request).settings.timezone,
    )


@routes.get("/allocation/rules")
async def rules(request: web.Request) -> web.StreamResponse:
    return await _rules(request, actor_of(request, Action.SETTING_WRITE))


async def _rules(request: web.Request, actor: Actor, **more: Any) -> web.Response:
    async with context_of(request).db.read() as session:
        policy = await queries.policy(session)
        departments = [(ids.show(one.id), one.name) for one in await organization.departments(session)]
    values: dict[str, Any] = {name: getattr(policy, name) for name in _NUMBERS} | {"period": policy.period.value}
    values["data_department"] = ids.show(policy.data_department_id) if policy.data_department_id else ""
    shown: dict[str, Any] = {
        "menu": menu(actor, "/allocation/rules"),
        "values": values,
        "departments": departments,
        "periods": [(one.value, word("period", one.value)) for one in Period],
        "errors": Errors(),
        "problem": None,
        "notices": [(_("Saved."), "ok")] if "saved" in request.query else [],
    }
    return html(request, "allocation/rules.html", status=422 if more else 200, **(shown | more))


@routes.post("/allocation/rules")
async def change_rules(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.SETTING_WRITE), await form_of(request)
    changes: dict[str, Any] = {name: _number(form[name]) for name in _NUMBERS if name in form}
    changes["period"] = form.get("period", "")
    changes["data_department_id"] = ids.parse(form["data_department"]) if form.get("data_department") else None
    try:
        async with context_of(request).db.uow() as uow:
            await service.change_policy(uow, changes, by=actor)
    except CrmError as error:
        return await _rules(
            request,
            actor,
            values=dict.fromkeys((*_NUMBERS, "period", "data_department"), "") | form,
            errors=errors_of(error),
            problem=said(error),
        )
    return see_other("/allocation/rules?saved=1")


def _number(text: str) -> int | str | None:
    """Empty is no limit; what is no number goes on as it is and is refused by the rule."""
    return None if not text else int(text) if text.isascii() and text.isdigit() and len(text) < 9 else text
