"""Departments and centres."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

from aiohttp import web

from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError
from crm_core.organization import queries, service
from crm_core.organization.access import Action
from crm_core.organization.models import CentreKind
from web.auth import actor_of
from web.context import context_of
from web.pages.calls import options
from web.pages.frame import form_of, html, said, see_other

routes = web.RouteTableDef()
_ADDRESS = "/admin/organization"


@routes.get(_ADDRESS)
async def organization(request: web.Request) -> web.StreamResponse:
    actor_of(request, Action.USER_MANAGE)
    return await _page(request, None)


async def _page(request: web.Request, problem: str | None) -> web.Response:
    async with context_of(request).db.read() as session:
        departments, centres = await queries.departments(session), await queries.centres(session)
        people = Counter(user.department_id for user in await queries.users(session, limit=5000))
    names = {department.id: department.name for department in departments}
    centre_names = {centre.id: centre.name for centre in centres}

    def centre(identifier: int | None) -> str | None:
        return None if identifier is None else centre_names.get(identifier)

    rows = [
        SimpleNamespace(
            name=one.name,
            parent=None if one.parent_id is None else names.get(one.parent_id),
            sales=centre(one.sales_centre_id),
            profit=centre(one.profit_centre_id),
            service=centre(one.service_centre_id),
            people=people[one.id],
        )
        for one in departments
    ]
    return html(
        request,
        "admin/organization.html",
        status=422 if problem else 200,
        departments=rows,
        centres=[SimpleNamespace(name=one.name, kind=str(one.kind)) for one in centres],
        parents=[(ids.show(one.id), one.name) for one in departments],
        choices={kind: [(ids.show(one.id), one.name) for one in centres if one.kind == kind] for kind in CentreKind},
        centre_kinds=options("centre_kind"),
        problem=problem,
    )


def _optional(form: dict[str, str], name: str) -> int | None:
    return ids.parse(form[name]) if form.get(name) else None


@routes.post("/admin/departments")
async def add_department(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.USER_MANAGE), await form_of(request)
    try:
        async with context_of(request).db.uow() as uow:
            await service.add_department(
                uow,
                name=form.get("name", "")[:80],
                by=actor,
                parent_id=_optional(form, "parent"),
                sales_centre_id=_optional(form, "sales"),
                profit_centre_id=_optional(form, "profit"),
                service_centre_id=_optional(form, "service"),
            )
    except CrmError as error:
        return await _page(request, said(error))
    return see_other(_ADDRESS)


@routes.post("/admin/centres")
async def add_centre(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.USER_MANAGE), await form_of(request)
    try:
        kind = CentreKind(form["kind"]) if form.get("kind") in set(CentreKind) else CentreKind.SALES
        async with context_of(request).db.uow() as uow:
            await service.add_centre(uow, kind=kind, name=form.get("name", "")[:80], by=actor)
    except CrmError as error:
        return await _page(request, said(error))
    return see_other(_ADDRESS)
