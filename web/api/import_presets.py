"""Imports: what a column can mean, and remembered mappings."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue
from typing_extensions import TypedDict

from crm_core.customers.imports import queries, service
from crm_core.customers.imports.fields import FIELDS
from crm_core.customers.imports.models import ImportPreset
from crm_core.kernel import ids
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.imports import options_of
from web.api.values import ById, Cursor, Id, Input, Line, Time, time_text
from web.registry import Routes

routes = Routes("imports")


class FieldAnswer(TypedDict):
    """`several`: more than one column may mean it."""

    name: str
    label: str
    several: bool


class FieldList(TypedDict):
    items: list[FieldAnswer]
    next: Cursor | None


class PresetInput(Input):
    name: Annotated[Line, Field(min_length=1, max_length=service.MOST_PRESET_NAME)]
    mapping: Annotated[dict[str, str], Field(max_length=300)]
    options: Annotated[dict[str, JsonValue], Field(default_factory=dict)]
    shared: Annotated[bool, Field(description="for everybody who imports")] = False

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Fair", "mapping": {"姓名": "name"}, "shared": False}]}
    )


class PresetAnswer(TypedDict):
    id: Id
    name: str
    mapping: dict[str, str]
    options: dict[str, JsonValue]
    shared: bool
    changed_at: Time


class PresetList(TypedDict):
    items: list[PresetAnswer]
    next: Cursor | None


@routes.route("GET", "/import-fields", "What a column can mean", right=Action.CUSTOMER_IMPORT)
async def list_fields(asked: Asked) -> FieldList:
    """Own fields are `custom.` and their code."""
    items: list[FieldAnswer] = [{"name": f.name, "label": f.label, "several": f.several} for f in FIELDS]
    return {"items": items, "next": None}


def _preset(asked: Asked, found: ImportPreset) -> PresetAnswer:
    return {
        "id": ids.show(found.id),
        "name": found.name,
        "mapping": found.mapping,
        "options": found.options,
        "shared": found.user_id is None,
        "changed_at": time_text(found.changed_at, asked.context.settings.timezone) or "",
    }


@routes.route("GET", "/import-presets", "Remembered mappings", right=Action.CUSTOMER_IMPORT)
async def list_presets(asked: Asked) -> PresetList:
    """One's own and the shared ones, by name."""
    async with asked.read() as session:
        found = await queries.presets(session, asked.actor)
    return {"items": [_preset(asked, one) for one in found], "next": None}


@routes.route(
    "POST",
    "/import-presets",
    "Remember a mapping",
    right=Action.CUSTOMER_IMPORT,
    status=201,
    errors={422: ["preset_invalid"]},
)
async def save_preset(asked: Asked, body: PresetInput) -> PresetAnswer:
    """One of the same name is replaced."""
    options_of(asked, dict(body.options))
    async with asked.uow() as uow:
        found = await service.save_preset(
            uow, name=body.name, mapping=body.mapping, options=body.options, shared=body.shared, by=asked.actor
        )
    return _preset(asked, found)


@routes.route(
    "DELETE",
    "/import-presets/{id}",
    "Forget a mapping",
    right=Action.CUSTOMER_IMPORT,
    subject="import preset",
    status=204,
)
async def delete_preset(asked: Asked, path: ById) -> None:
    async with asked.uow() as uow:
        await service.delete_preset(uow, path.id, by=asked.actor)
