"""What an administrator changes while the service runs."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator
from typing_extensions import TypedDict

from crm_core.organization import queries, service
from crm_core.organization.access import Action
from crm_core.organization.preferences import Preferences
from web.api.asked import Asked
from web.api.values import Input, Line
from web.registry import Routes

routes = Routes("settings")
Span = Annotated[float, Field(ge=1, le=7200, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0.01, le=1, allow_inf_nan=False)]
Label = Annotated[Line, Field(max_length=60)]
Code = Annotated[Line, Field(pattern=r"^[a-z0-9][a-z0-9_]{0,39}$")]


class NormalTalkAnswer(TypedDict):
    """The normal average talk time in seconds; reports mark who lies outside."""

    low: float
    high: float


class LimitsAnswer(TypedDict):
    """Seconds from which the board marks a talk, a wrap-up, a wait in a queue as too long."""

    talk: float
    wrap_up: float
    queue_wait: float


class TargetsAnswer(TypedDict):
    """Shares from 0 to 1; the service level is the share answered within `service_level_seconds`."""

    answered_rate: float
    service_level: float
    service_level_seconds: float


class IntakeAnswer(TypedDict):
    """A day with more than `delay_sheets` sheets may be finished `delay_days` later; 0 sheets: never."""

    delay_sheets: float
    delay_days: float
    lease_minutes: float
    tries: float


class ChoiceAnswer(TypedDict):
    """An entry of a list; without labels the interface has its own word for the code."""

    code: str
    zh: str
    en: str


class SettingsAnswer(TypedDict):
    """`queue_labels` gives the PBX's queues the names that people know; `wrap_up_seconds` 0 gives no wrap-up."""

    normal_talk: NormalTalkAnswer
    limits: LimitsAnswer
    targets: TargetsAnswer
    pause_reasons: list[ChoiceAnswer]
    dispositions: list[ChoiceAnswer]
    queue_labels: dict[str, str]
    wrap_up_seconds: float
    verify_after_days: Annotated[float, Field(description="then somebody should ask if a record is still right")]
    sources: list[ChoiceAnswer]
    intake: IntakeAnswer


class NormalTalk(Input):
    low: Span
    high: Span

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.low >= self.high:
            raise ValueError("low has to be less than high")
        return self


class Limits(Input):
    talk: Span = 480.0
    wrap_up: Span = 90.0
    queue_wait: Span = 30.0


class Targets(Input):
    answered_rate: Share = 0.95
    service_level: Share = 0.8
    service_level_seconds: Annotated[float, Field(ge=1, le=600, allow_inf_nan=False)] = 20.0


class Intake(Input):
    delay_sheets: Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)] = 200.0
    delay_days: Annotated[float, Field(ge=0, le=30, allow_inf_nan=False)] = 1.0
    lease_minutes: Annotated[float, Field(ge=1, le=480, allow_inf_nan=False)] = 30.0
    tries: Annotated[float, Field(ge=1, le=20, allow_inf_nan=False)] = 3.0


class ChoiceInput(Input):
    code: Code
    zh: Label = ""
    en: Label = ""


class SettingsChange(Input):
    """Only the named settings change, each as a whole."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"normal_talk": {"low": 210, "high": 240}}]})

    normal_talk: NormalTalk | None = None
    limits: Limits | None = None
    targets: Targets | None = None
    pause_reasons: Annotated[list[ChoiceInput] | None, Field(min_length=1, max_length=40)] = None
    dispositions: Annotated[list[ChoiceInput] | None, Field(min_length=1, max_length=40)] = None
    queue_labels: Annotated[dict[Label, Label] | None, Field(max_length=500)] = None
    verify_after_days: Annotated[float | None, Field(ge=1, le=3650, allow_inf_nan=False)] = None
    wrap_up_seconds: Annotated[float | None, Field(ge=0, le=3600, allow_inf_nan=False)] = None
    sources: Annotated[list[ChoiceInput] | None, Field(min_length=1, max_length=40)] = None
    intake: Intake | None = None


@routes.route("GET", "/settings", "The settings", right=Action.SETTING_WRITE)
async def get_settings(asked: Asked) -> SettingsAnswer:
    async with asked.read() as session:
        return _answer(await queries.preferences(session))


@routes.route("PATCH", "/settings", "Change settings", right=Action.SETTING_WRITE, errors={422: ["setting_invalid"]})
async def change_settings(asked: Asked, body: SettingsChange) -> SettingsAnswer:
    """In force from the next request on; old and new value are on record."""
    changes: dict[str, Any] = body.model_dump(exclude_none=True)
    async with asked.uow() as uow:
        return _answer(await service.change_preferences(uow, changes, by=asked.actor))


def _answer(now: Preferences) -> SettingsAnswer:
    low, high = now.normal_talk
    limits, targets, intake = now.limits, now.targets, now.intake
    return {
        "normal_talk": {"low": low, "high": high},
        "limits": {"talk": limits.talk, "wrap_up": limits.wrap_up, "queue_wait": limits.queue_wait},
        "targets": {
            "answered_rate": targets.answered_rate,
            "service_level": targets.service_level,
            "service_level_seconds": targets.service_level_seconds,
        },
        "pause_reasons": [{"code": one.code, "zh": one.zh, "en": one.en} for one in now.pause_reasons],
        "dispositions": [{"code": one.code, "zh": one.zh, "en": one.en} for one in now.dispositions],
        "queue_labels": dict(now.queue_labels),
        "wrap_up_seconds": now.wrap_up_seconds,
        "verify_after_days": now.verify_after_days,
        "sources": [{"code": one.code, "zh": one.zh, "en": one.en} for one in now.sources],
        "intake": {
            "delay_sheets": intake.delay_sheets,
            "delay_days": intake.delay_days,
            "lease_minutes": intake.lease_minutes,
            "tries": intake.tries,
        },
    }
