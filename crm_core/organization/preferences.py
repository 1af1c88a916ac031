"""What an administrator sets for the whole house while it runs: keys, defaults and what is allowed, in one place."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from crm_core.kernel.errors import Rejected

NORMAL_TALK: Final = (210.0, 240.0)  # 3.5 to 4 minutes: the trade's own figure
_CODE = re.compile(r"[a-z0-9][a-z0-9_]{0,39}")
_SHORTEST_SPAN: Final = 1.0
_LONGEST_SPAN: Final = 7200.0
_LONGEST_LABEL: Final = 60
_MOST_CHOICES: Final = 40
_MOST_QUEUES: Final = 500
WRAP_UP: Final = "wrap_up"  # the PBX is told this reason while an agent writes up: no pause may have its name


@dataclass(frozen=True, slots=True)
class Choice:
    """One entry of a list to choose from; an empty label means the house's own word for the code."""

    code: str
    zh: str = ""
    en: str = ""

    def label(self, language: str) -> str:
        """In that language, else in the other one; empty when there is none."""
        return (self.en or self.zh) if language == "en" else (self.zh or self.en)


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds from which the board marks a talk, a wrap-up, a wait in a queue as too long."""

    talk: float = 480.0
    wrap_up: float = 90.0
    queue_wait: float = 30.0


@dataclass(frozen=True, slots=True)
class Targets:
    """What the day is measured by: shares from 0 to 1; the service level is the share answered within the seconds."""

    answered_rate: float = 0.95
    service_level: float = 0.8
    service_level_seconds: float = 20.0


@dataclass(frozen=True, slots=True)
class IntakeRules:
    """How sheets go into the base.

    A day on which more than ``delay_sheets`` were handed in may be finished ``delay_days`` later (0 sheets: never);
    a sheet stays with its clerk for ``lease_minutes``; a number that nobody answers ``tries`` times is unreachable.
    """

    delay_sheets: float = 200.0
    delay_days: float = 1.0
    lease_minutes: float = 30.0
    tries: float = 3.0


# With customers the Chinese word is stored, because that is what files and older records bring along.
_SOURCES: Final = (
    ("own", "个人搜集", "Own collection"),
    ("referral", "转介绍", "Referral"),
    ("company_event", "公司活动", "Company event"),
    ("outside", "外联", "Outside channel"),
    ("lecture", "科普会", "Health lecture"),
    ("tour", "旅游", "Tour"),
    ("experience", "体验", "Trial session"),
    ("organization", "单位合作", "Co-operation with an organisation"),
    ("call_centre", "呼叫中心", "Call centre"),
    ("web", "网站", "Web"),
    ("social", "社交媒体", "Social media"),
    ("mail", "信函", "Mail"),
    ("interview", "面谈", "Interview"),
    ("questionnaire", "问卷调查", "Questionnaire"),
    ("phone_survey", "电话调查", "Phone survey"),
    ("measurement", "仪器检测", "Measurement"),
    ("data_trace", "数据追踪", "Data trace"),
    ("service", "售后服务", "Service"),
    ("shop", "销售终端", "Point of sale"),
    ("media", "媒体", "Media"),
    ("authority", "主管部门", "Authority"),
    ("bank", "银行", "Bank"),
    ("consultancy", "咨询公司", "Consultancy"),
    ("partner", "合作伙伴", "Partner"),
    ("association", "行业协会", "Association"),
    ("other", "其他", "Other"),
)
_PAUSES: Final = ("break", "lunch", "training", "meeting", "backoffice", "callback")
_DISPOSITIONS: Final = (
    "sale",
    "follow_up",
    "information",
    "complaint",
    "no_interest",
    "wrong_number",
    "not_reached",
    "other",
)


@dataclass(frozen=True, slots=True)
class Preferences:
    """All of them; what was never set has its default. ``wrap_up_seconds`` 0: nobody is given wrap-up by himself."""

    normal_talk: tuple[float, float] = NORMAL_TALK
    limits: Limits = Limits()
    targets: Targets = Targets()
    pause_reasons: tuple[Choice, ...] = tuple(Choice(code) for code in _PAUSES)
    dispositions: tuple[Choice, ...] = tuple(Choice(code) for code in _DISPOSITIONS)
    queue_labels: Mapping[str, str] = field(default_factory=dict)
    wrap_up_seconds: float = 0.0
    verify_after_days: float = 365.0  # a customer who was not asked for so long should be: data grow stale
    sources: tuple[Choice, ...] = tuple(Choice(*source) for source in _SOURCES)
    intake: IntakeRules = IntakeRules()

    def queue_label(self, name: str) -> str:
        """What people call the queue of this PBX name."""
        return self.queue_labels.get(name, name)


class _Wrong(ValueError):
    """A value that is not allowed: where in it, and why."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(why)
        self.where = where


def _number(value: object, where: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise _Wrong(where, "must be a number")
    if not low <= value <= high:
        raise _Wrong(where, f"must be from {low:g} to {high:g}")
    return float(value)


def _mapping(value: object, names: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise _Wrong("", "must be an object")
    for name in value:
        if name not in names:
            raise _Wrong(str(name), "is not known")
    return value


def _normal_talk(value: object) -> tuple[float, float]:
    given = _mapping(value, ("low", "high"))
    low = _number(given.get("low"), "low", _SHORTEST_SPAN, _LONGEST_SPAN)
    high = _number(given.get("high"), "high", _SHORTEST_SPAN, _LONGEST_SPAN)
    if low >= high:
        raise _Wrong("high", "must be more than the lower bound")
    return low, high


def _limits(value: object) -> Limits:
    given = {**asdict(Limits()), **_mapping(value, [f.name for f in fields(Limits)])}
    return Limits(**{name: _number(seconds, name, _SHORTEST_SPAN, _LONGEST_SPAN) for name, seconds in given.items()})


def _targets(value: object) -> Targets:
    given = {**asdict(Targets()), **_mapping(value, [f.name for f in fields(Targets)])}
    bounds = {"service_level_seconds": (_SHORTEST_SPAN, 600.0)}
    return Targets(**{name: _number(one, name, *bounds.get(name, (0.01, 1.0))) for name, one in given.items()})


def _label(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip().isprintable():
        raise _Wrong(where, "must be text in one line")
    if len(value.strip()) > _LONGEST_LABEL:
        raise _Wrong(where, f"at most {_LONGEST_LABEL} characters")
    return value.strip()


def _choices(value: object) -> tuple[Choice, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not 1 <= len(value) <= _MOST_CHOICES:
        raise _Wrong("", f"must be a list of 1 to {_MOST_CHOICES} entries")
    found: list[Choice] = []
    for place, one in enumerate(value):
        given = _mapping(one, ("code", "zh", "en"))
        code = given.get("code")
        if not isinstance(code, str) or not _CODE.fullmatch(code) or code == WRAP_UP:
            raise _Wrong(f"{place}.code", "small letters, digits and underscores, at most 40")
        if any(other.code == code for other in found):
            raise _Wrong(f"{place}.code", "is there twice")
        labels = (_label(given.get(language, ""), f"{place}.{language}") for language in ("zh", "en"))
        found.append(Choice(code, *labels))
    return tuple(found)


def _queue_labels(value: object) -> Mapping[str, str]:
    if not isinstance(value, Mapping) or len(value) > _MOST_QUEUES:
        raise _Wrong("", f"must be an object of at most {_MOST_QUEUES} queues")
    labels = {_label(name, "name"): _label(label, str(name)) for name, label in value.items()}
    return {name: label for name, label in labels.items() if name and label}


def _verify_after_days(value: object) -> float:
    return _number(value, "", 1, 3650)


def _wrap_up_seconds(value: object) -> float:
    return _number(value, "", 0, 3600)


def _intake(value: object) -> IntakeRules:
    given = {**asdict(IntakeRules()), **_mapping(value, [f.name for f in fields(IntakeRules)])}
    bounds = {"delay_sheets": (0, 100_000), "delay_days": (0, 30), "lease_minutes": (1, 480), "tries": (1, 20)}
    return IntakeRules(**{name: _number(one, name, *bounds[name]) for name, one in given.items()})


_KNOWN: Final[Mapping[str, tuple[str, Callable[[object], Any]]]] = {
    "normal_talk": ("calls.normal_talk", _normal_talk),
    "limits": ("board.limits", _limits),
    "targets": ("board.targets", _targets),
    "pause_reasons": ("agents.pause_reasons", _choices),
    "dispositions": ("calls.dispositions", _choices),
    "queue_labels": ("queues.labels", _queue_labels),
    "verify_after_days": ("customers.verify_after_days", _verify_after_days),
    "wrap_up_seconds": ("agents.wrap_up_seconds", _wrap_up_seconds),
    "sources": ("customers.sources", _choices),
    "intake": ("customers.intake", _intake),
}


def plain(preferences: Preferences) -> dict[str, Any]:
    """As it is stored and as the API shows it: by field, in plain lists, objects and numbers."""
    values = asdict(preferences)
    low, high = preferences.normal_talk
    return values | {"normal_talk": {"low": low, "high": high}}


def parse(stored: Mapping[str, Any]) -> Preferences:
    """The preferences from the stored settings by key; a value that is no longer allowed counts as not set."""
    values = {}
    for name, (key, read) in _KNOWN.items():
        if key in stored:
            try:
                values[name] = read(stored[key])
            except _Wrong:
                continue
    return Preferences(**values)


def checked(changes: Mapping[str, Any]) -> dict[str, Any]:
    """What to store under which key; ``changes`` are by field, in the form of ``plain``.

    Raises Rejected that names every wrong field.
    """
    values, errors = {}, {}
    for name, value in changes.items():
        if name not in _KNOWN:
            errors[name] = "is not known"
            continue
        try:
            values[name] = _KNOWN[name][1](value)
        except _Wrong as wrong:
            errors[f"{name}.{wrong.where}".rstrip(".")] = str(wrong)
    if errors:
        raise Rejected("setting_invalid", "Some of the settings are not allowed; see errors.", errors=errors)
    wanted = plain(Preferences(**values))
    return {_KNOWN[name][0]: wanted[name] for name in values}
