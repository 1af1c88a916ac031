"""What an administrator changes while the service runs."""

from __future__ import annotations

from typing import Annotated, Any, Final, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator
from sqlalchemy.ext.asyncio import AsyncSession
from typing_extensions import TypedDict

from crm_core.calls.rules import NORMAL_TALK
from crm_core.organization import queries, service
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.values import Input
from web.registry import Routes

routes = Routes("settings")
_NORMAL_TALK: Final = "calls.normal_talk"
Span = Annotated[float, Field(gt=0, le=7200, allow_inf_nan=False)]


class NormalTalkAnswer(TypedDict):
    """The normal average talk time in seconds; reports mark who lies outside."""

    low: float
    high: float


class SettingsAnswer(TypedDict):
    normal_talk: NormalTalkAnswer


class NormalTalk(Input):
    low: Span
    high: Span

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low >= self.high:
            raise ValueError("low has to be less than high")
        return self


class SettingsChange(Input):
    """Only the named settings change."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"normal_talk": {"low": 210, "high": 240}}]})

    normal_talk: NormalTalk | None = None


async def normal_talk(session: AsyncSession) -> tuple[float, float]:
    """The normal average talk time, as set or the trade's own."""
    stored: Any = await queries.setting(session, _NORMAL_TALK, None)
    try:
        known = NormalTalk.model_validate(stored)
    except ValidationError:
        return NORMAL_TALK
    return known.low, known.high


@routes.route("GET", "/settings", "The settings", right=Action.SETTING_WRITE)
async def get_settings(asked: Asked) -> SettingsAnswer:
    async with asked.read() as session:
        low, high = await normal_talk(session)
    return {"normal_talk": {"low": low, "high": high}}


@routes.route("PATCH", "/settings", "Change settings", right=Action.SETTING_WRITE)
async def change_settings(asked: Asked, body: SettingsChange) -> SettingsAnswer:
    """In force from the next request on; old and new value are on record."""
    if body.normal_talk is not None:
        async with asked.uow() as uow:
            await service.put_setting(uow, _NORMAL_TALK, body.normal_talk.model_dump(), by=asked.actor)
    return await get_settings(asked)
