"""Centres and departments."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from crm_core.kernel import ids
from crm_core.kernel.errors import Rejected
from crm_core.organization import queries, service
from crm_core.organization.access import Action
from crm_core.organization.models import Centre, CentreKind, Department
from web.api.asked import Asked
from web.api.values import Cursor, Id, Input, Line, ObjectId
from web.registry import Routes

routes = Routes("organization")
_RIGHT = Action.USER_MANAGE
Name = Annotated[Line, Field(min_length=1, max_length=80)]


class CentreAnswer(TypedDict):
    """One centre of one of the three hierarchies."""

    id: Id
    kind: CentreKind
    name: str
    parent_id: Id | None
    pbx: str | None


class CentreList(TypedDict):
    items: list[CentreAnswer]
    next: Cursor | None


class DepartmentAnswer(TypedDict):
    """A department and the centre of each kind that it belongs to."""

    id: Id
    name: str
    parent_id: Id | None
    sales_centre_id: Id | None
    profit_centre_id: Id | None
    service_centre_id: Id | None


class DepartmentList(TypedDict):
    items: list[DepartmentAnswer]
    next: Cursor | None


class NewCentre(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "sales", "name": "上海"}]})

    kind: CentreKind
    name: Name
    parent_id: ObjectId | None = None
    pbx: Annotated[Line | None, Field(max_length=40)] = None


class NewDepartment(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "电话一部"}]})

    name: Name
    parent_id: ObjectId | None = None
    sales_centre_id: ObjectId | None = None
    profit_centre_id: ObjectId | None = None
    service_centre_id: ObjectId | None = None


def _shown(identifier: int | None) -> str | None:
    return None if identifier is None else ids.show(identifier)


def centre_answer(centre: Centre) -> CentreAnswer:
    return {
        "id": ids.show(centre.id),
        "kind": centre.kind,
        "name": centre.name,
        "parent_id": _shown(centre.parent_id),
        "pbx": centre.pbx,
    }


def department_answer(department: Department) -> DepartmentAnswer:
    return {
        "id": ids.show(department.id),
        "name": department.name,
        "parent_id": _shown(department.parent_id),
        "sales_centre_id": _shown(department.sales_centre_id),
        "profit_centre_id": _shown(department.profit_centre_id),
        "service_centre_id": _shown(department.service_centre_id),
    }


@routes.route("GET", "/centres", "All centres", right=_RIGHT)
async def list_centres(asked: Asked) -> CentreList:
    async with asked.read() as session:
        return {"items": [centre_answer(row) for row in await queries.centres(session)], "next": None}


@routes.route("POST", "/centres", "Add a centre", right=_RIGHT, status=201, errors={409: ["centre_taken"]})
async def add_centre(asked: Asked, body: NewCentre) -> CentreAnswer:
    async with asked.uow() as uow:
        if body.parent_id is not None:
            same = {centre.id for centre in await queries.centres(uow.session) if centre.kind is body.kind}
            _known("parent_id", body.parent_id, same)
        centre = await service.add_centre(
            uow, kind=body.kind, name=body.name, parent_id=body.parent_id, pbx=body.pbx, by=asked.actor
        )
        return centre_answer(centre)


@routes.route("GET", "/departments", "All departments", right=_RIGHT)
async def list_departments(asked: Asked) -> DepartmentList:
    async with asked.read() as session:
        return {"items": [department_answer(row) for row in await queries.departments(session)], "next": None}


@routes.route("POST", "/departments", "Add a department", right=_RIGHT, status=201, errors={409: ["department_taken"]})
async def add_department(asked: Asked, body: NewDepartment) -> DepartmentAnswer:
    async with asked.uow() as uow:
        if body.parent_id is not None:
            _known("parent_id", body.parent_id, {d.id for d in await queries.departments(uow.session)})
        centres = await queries.centres(uow.session)
        for kind in CentreKind:
            field = f"{kind.value}_centre_id"
            _known(field, getattr(body, field), {centre.id for centre in centres if centre.kind is kind})
        department = await service.add_department(
            uow,
            name=body.name,
            by=asked.actor,
            parent_id=body.parent_id,
            sales_centre_id=body.sales_centre_id,
            profit_centre_id=body.profit_centre_id,
            service_centre_id=body.service_centre_id,
        )
        return department_answer(department)


def _known(field: str, identifier: int | None, existing: set[int]) -> None:
    if identifier is not None and identifier not in existing:
        raise Rejected("invalid_input", "It names something that does not exist.", errors={field: "unknown"})
