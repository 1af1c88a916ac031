"""Own fields: what an administrator adds to records. Their values stand in `custom` of the record, by code."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from crm_core.customers.custom import queries, service
from crm_core.customers.custom.kinds import FieldSubject, FieldType
from crm_core.customers.custom.rules import Definition
from crm_core.kernel import ids
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.customers import IfMatch
from web.api.values import ById, Id, Input, Line
from web.registry import Routes

routes = Routes("fields")
Label = Annotated[Line, Field(max_length=60)]
Code = Annotated[Line, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Position = Annotated[int, Field(ge=0, le=9999)]


class FieldChoiceAnswer(TypedDict):
    """A retired entry stays readable in old records but can no longer be chosen."""

    code: str
    zh: str
    en: str
    active: bool


class FieldAnswer(TypedDict):
    """`name` is what filters, imports and exports call the field. Fields are retired (`active`), never deleted."""

    id: Id
    subject: FieldSubject
    code: str
    name: str
    type: FieldType
    zh: str
    en: str
    group: str
    required: bool
    active: bool
    position: int
    choices: list[FieldChoiceAnswer]
    version: int


class FieldList(TypedDict):
    items: list[FieldAnswer]


class FieldChoiceInput(Input):
    code: Code
    zh: Label = ""
    en: Label = ""
    active: bool = True


Choices = Annotated[list[FieldChoiceInput], Field(max_length=200)]


class FieldInput(Input):
    """`type` and `code` never change afterwards. At least one label; entries for `choice` and `multi_choice` only."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"code": "shoe_size", "type": "number", "zh": "鞋码", "en": "Shoe size"}]}
    )

    subject: FieldSubject = FieldSubject.CUSTOMER
    code: Code
    type: FieldType
    zh: Label = ""
    en: Label = ""
    group: Label = ""
    required: bool = False
    active: bool = True
    position: Position | None = None
    choices: Choices = Field(default_factory=list)


class FieldChange(Input):
    """Only what is named changes. An entry left out of `choices` is retired; retire a field with `active` false."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"zh": "鞋的尺码", "required": False}]})

    zh: Label | None = None
    en: Label | None = None
    group: Label | None = None
    required: bool | None = None
    active: bool | None = None
    position: Position | None = None
    choices: Choices | None = None


class FieldQuery(Input):
    subject: FieldSubject = FieldSubject.CUSTOMER
    retired: Annotated[bool, Field(description="with those that are retired")] = False


@routes.route("GET", "/fields", "Own fields of one kind of record, in their order", right=Action.CUSTOMER_READ)
async def list_fields(asked: Asked, query: FieldQuery) -> FieldList:
    """All of them at once: at most 200 a kind."""
    async with asked.read() as session:
        found = await queries.definitions(session, query.subject, retired=query.retired)
    return {"items": [field_answer(one) for one in found]}


@routes.route(
    "POST",
    "/fields",
    "Add an own field",
    right=Action.SETTING_WRITE,
    status=201,
    errors={409: ["field_taken"], 422: ["field_invalid", "too_many_fields"]},
)
async def add_field(asked: Asked, body: FieldInput) -> FieldAnswer:
    async with asked.uow() as uow:
        return field_answer(await service.add(uow, _given(body), by=asked.actor))


@routes.route(
    "PATCH",
    "/fields/{id}",
    "Change an own field",
    right=Action.SETTING_WRITE,
    subject="field",
    errors={409: ["stale"], 422: ["field_invalid"]},
)
async def change_field(asked: Asked, path: ById, headers: IfMatch, body: FieldChange) -> FieldAnswer:
    """What was entered stays, also when the field or an entry of its list is retired."""
    async with asked.uow() as uow:
        found = await service.change(uow, path.id, _given(body), by=asked.actor, version=headers.version)
        return field_answer(found)


def _given(body: Input) -> dict[str, Any]:
    """What was named, with null for "as it is"."""
    return body.model_dump(exclude_unset=True, exclude_none=True)


def field_answer(field: Definition) -> FieldAnswer:
    return {
        "id": ids.show(field.id),
        "subject": field.subject,
        "code": field.code,
        "name": field.name,
        "type": field.type,
        "zh": field.zh,
        "en": field.en,
        "group": field.group,
        "required": field.required,
        "active": field.active,
        "position": field.position,
        "choices": [{"code": c.code, "zh": c.zh, "en": c.en, "active": c.active} for c in field.choices],
        "version": field.version,
    }
