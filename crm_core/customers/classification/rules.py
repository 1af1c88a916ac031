"""Pure rules of classification: what follows from the facts of buying, and the sentence that says why."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any, Final

from crm_core.customers.classification.kinds import ENTERED, IMPORTED, ClassField
from crm_core.customers.kinds import PurchaseState, RetentionState
from crm_core.kernel.errors import Rejected
from crm_core.kernel.texts import N_

SCORES: Final = 5  # each of R, F and M is worth 1 to 5
_STEPS: Final = SCORES - 1
_MOST_GRADES: Final = 10
_LONGEST_DAYS: Final = 3650
_LONGEST_LABEL: Final = 60


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a customer's buying. ``supplied_until`` is when the last goods run out, ``came_back_on`` the
    first order after the last loss, ``window_*`` counts and adds the orders of the grade's window.
    """

    orders: int = 0
    first_order_on: date | None = None
    last_order_on: date | None = None
    supplied_until: date | None = None
    came_back_on: date | None = None
    window_orders: int = 0
    window_amount: Decimal = Decimal(0)


NOTHING: Final = Facts()


@dataclass(frozen=True, slots=True)
class Retention:
    """Days: stopped so long after the supply ran out, lost so long after it, returned for so long after coming back."""

    stopped_after: int = 30
    lost_after: int = 180
    returned_for: int = 90


@dataclass(frozen=True, slots=True)
class Grade:
    """Given from this sum of scores on (3 to 15)."""

    code: str
    at_least: int
    zh: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True)
class Grading:
    """Thresholds of the scores: recency in days (fewer is better), orders and amount within ``window_days``."""

    window_days: int = 365
    recency: tuple[int, ...] = (30, 90, 180, 365)
    frequency: tuple[int, ...] = (2, 3, 5, 10)
    monetary: tuple[Decimal, ...] = (Decimal(500), Decimal(2000), Decimal(5000), Decimal(10000))
    grades: tuple[Grade, ...] = field(default=(Grade("A", 13), Grade("B", 10), Grade("C", 7), Grade("D", 3)))


@dataclass(frozen=True, slots=True)
class Settings:
    """What an administrator sets for the derived classifications."""

    retention: Retention = Retention()
    grading: Grading = Grading()


@dataclass(frozen=True, slots=True)
class Ruling:
    """A derived value, the rule that set it and the figures it used."""

    value: str | None
    rule: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Derived:
    """All that follows for one customer."""

    purchase_state: Ruling
    retention_state: Ruling
    grade: Ruling
    recency_days: int | None
    frequency: int | None
    monetary: Decimal | None


# The rules in words; the figures stand in ``params``.
RULES: Final[Mapping[str, str]] = {
    ENTERED: N_("Entered by hand."),
    IMPORTED: N_("Came with an import."),
    "purchase.none": N_("Nothing was bought yet."),
    "purchase.first": N_("One order so far, on %(on)s."),
    "purchase.repeat": N_("%(orders)s orders since %(since)s."),
    "retention.none": N_("Nothing was bought yet, so nothing can be lost."),
    "retention.in_use": N_("Supplied until %(until)s; counts as stopped %(limit)s days after it."),
    "retention.stopped": N_("The supply ended on %(until)s, %(days)s days ago; from %(limit)s days on it is stopped."),
    "retention.lost": N_(
        "The supply ended on %(until)s, %(days)s days ago; from %(limit)s days on the customer is lost."
    ),
    "retention.returned": N_("Lost before, came back on %(on)s; counts as returned for %(limit)s days."),
    "grade.none": N_("Nothing was bought yet, so there is no grade."),
    "grade.rfm": N_(
        "Last order %(recency_days)s days ago (%(r)s), %(frequency)s orders (%(f)s) for %(monetary)s (%(m)s): "
        "%(score)s of 15 points."
    ),
    "grade.below": N_("%(score)s of 15 points: fewer than the lowest grade asks for."),
}


def why(rule: str, params: Mapping[str, Any], say: Callable[[str], str] = str) -> str:
    """The rule in words with its figures; ``say`` translates. A rule of another version is shown by its name."""
    sentence = RULES.get(rule)
    if sentence is None:
        return rule
    try:
        return say(sentence) % dict(params)
    except KeyError:
        return rule


# What holds of a derived state as long as no pass has set another.
FIRST: Final[Mapping[ClassField, str]] = {
    ClassField.PURCHASE_STATE: "purchase.none",
    ClassField.RETENTION_STATE: "retention.none",
    ClassField.GRADE: "grade.none",
}


def derive(facts: Facts, settings: Settings, today: date) -> Derived:
    """Everything that follows from the facts on that day."""
    recency = None if facts.last_order_on is None else max(0, (today - facts.last_order_on).days)
    bought = facts.orders > 0
    return Derived(
        purchase_state=purchase_state(facts),
        retention_state=retention_state(facts, settings.retention, today),
        grade=grade(facts, settings.grading, today),
        recency_days=recency if bought else None,
        frequency=facts.window_orders if bought else None,
        monetary=facts.window_amount if bought else None,
    )


def purchase_state(facts: Facts) -> Ruling:
    """未购买, 首次购买, 重复购买."""
    if facts.orders == 0:
        return Ruling(PurchaseState.NONE, "purchase.none")
    since = _day(facts.first_order_on)
    if facts.orders == 1:
        return Ruling(PurchaseState.FIRST, "purchase.first", {"on": since})
    return Ruling(PurchaseState.REPEAT, "purchase.repeat", {"orders": facts.orders, "since": since})


def retention_state(facts: Facts, limits: Retention, today: date) -> Ruling:
    """在用, 停用, 流失, 返回; without an order none. The supply counts from the last order where no end is known."""
    base = facts.supplied_until or facts.last_order_on
    if facts.orders == 0 or base is None:
        return Ruling(None, "retention.none")
    days = (today - base).days
    figures = {"until": _day(base), "days": days}
    if days >= limits.lost_after:
        return Ruling(RetentionState.LOST, "retention.lost", {**figures, "limit": limits.lost_after})
    if days >= limits.stopped_after:
        return Ruling(RetentionState.STOPPED, "retention.stopped", {**figures, "limit": limits.stopped_after})
    back = facts.came_back_on
    if back is not None and (today - back).days < limits.returned_for:
        return Ruling(RetentionState.RETURNED, "retention.returned", {"on": _day(back), "limit": limits.returned_for})
    return Ruling(RetentionState.IN_USE, "retention.in_use", {"until": _day(base), "limit": limits.stopped_after})


def came_back(orders: Sequence[tuple[date, date]], limits: Retention) -> date | None:
    """The first order after the last loss; ``orders`` are (ordered on, supplied until) by their first day."""
    found: date | None = None
    supplied: date | None = None
    for ordered, until in orders:
        if supplied is not None and (ordered - supplied).days >= limits.lost_after:
            found = ordered
        supplied = until if supplied is None else max(supplied, until)
    return found


def grade(facts: Facts, grading: Grading, today: date) -> Ruling:
    """By recency, frequency and money; without an order none."""
    if facts.orders == 0 or facts.last_order_on is None:
        return Ruling(None, "grade.none")
    days = max(0, (today - facts.last_order_on).days)
    r, f, m = scores(days, facts.window_orders, facts.window_amount, grading)
    found = graded(r + f + m, grading)
    if found is None:
        return Ruling(None, "grade.below", {"score": r + f + m})
    figures = {"recency_days": days, "frequency": facts.window_orders, "monetary": str(facts.window_amount)}
    return Ruling(found, "grade.rfm", {**figures, "r": r, "f": f, "m": m, "score": r + f + m})


def scores(recency_days: int, frequency: int, monetary: Decimal, grading: Grading) -> tuple[int, int, int]:
    """Each 1 to 5."""
    r = 1 + sum(recency_days <= limit for limit in grading.recency)
    f = 1 + sum(frequency >= limit for limit in grading.frequency)
    m = 1 + sum(monetary >= limit for limit in grading.monetary)
    return r, f, m


def graded(score: int, grading: Grading) -> str | None:
    """The grade of a sum of scores; None below the lowest."""
    return next((one.code for one in grading.grades if score >= one.at_least), None)


def plain(settings: Settings) -> dict[str, Any]:
    """As it is stored and as the API shows it; amounts are text."""
    values = asdict(settings)
    grading = values["grading"]
    grading |= {"recency": list(grading["recency"]), "frequency": list(grading["frequency"])}
    grading["monetary"] = [str(amount) for amount in settings.grading.monetary]
    grading["grades"] = list(grading["grades"])
    return values


def parsed(stored: object) -> Settings:
    """From what is stored; what is no longer allowed counts as not set."""
    try:
        return checked(stored if isinstance(stored, Mapping) else {}, Settings())
    except Rejected:
        return Settings()


def checked(changes: Mapping[str, Any], now: Settings) -> Settings:
    """The settings with these changes, in the form of ``plain``. Raises Rejected that names every wrong value."""
    before, errors = plain(now), dict[str, str]()
    values: dict[str, dict[str, Any]] = {"retention": before["retention"], "grading": before["grading"]}
    for part, given in changes.items():
        if part not in values or not isinstance(given, Mapping):
            errors[part] = "unknown field" if part not in values else "must be an object"
            continue
        errors |= {f"{part}.{name}": "unknown field" for name in given if name not in values[part]}
        values[part] = {**values[part], **given}
    retention = _retention(values["retention"], errors)
    grading = _grading(values["grading"], errors)
    if errors:
        raise Rejected("classification_invalid", f"Please correct: {', '.join(sorted(errors))}.", errors=errors)
    return Settings(retention, grading)


def _retention(given: Mapping[str, Any], errors: dict[str, str]) -> Retention:
    names = ("stopped_after", "lost_after", "returned_for")
    days = {name: _whole(given[name], f"retention.{name}", 0, _LONGEST_DAYS, errors) for name in names}
    if not errors and days["lost_after"] <= days["stopped_after"]:
        errors["retention.lost_after"] = "must be more than the days to stopped"
    return Retention(**days)


def _grading(given: Mapping[str, Any], errors: dict[str, str]) -> Grading:
    window = _whole(given["window_days"], "grading.window_days", 1, _LONGEST_DAYS, errors)
    recency = _steps(given["recency"], "grading.recency", errors)
    frequency = _steps(given["frequency"], "grading.frequency", errors)
    monetary = _amounts(given["monetary"], errors)
    return Grading(window, recency, frequency, monetary, _grades(given["grades"], errors))


def _whole(value: Any, where: str, low: int, high: int, errors: dict[str, str]) -> int:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        errors[where] = f"must be {low} to {high}"
        return low
    return value


def _steps(value: Any, where: str, errors: dict[str, str]) -> tuple[int, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != _STEPS:
        errors[where] = f"must be {_STEPS} numbers"
        return ()
    found = tuple(_whole(one, where, 0, 1_000_000, errors) for one in value)
    if any(first >= second for first, second in itertools.pairwise(found)):
        errors.setdefault(where, "each must be more than the one before")
    return found


def _amounts(value: Any, errors: dict[str, str]) -> tuple[Decimal, ...]:
    where = "grading.monetary"
    try:
        found = tuple(Decimal(str(one)) for one in value)
        right = len(found) == _STEPS and all(one.is_finite() and 0 <= one < 10**12 for one in found)
    except (ArithmeticError, TypeError, ValueError):
        found, right = (), False
    if not right:
        errors[where] = f"must be {_STEPS} amounts"
    elif any(first >= second for first, second in itertools.pairwise(found)):
        errors[where] = "each must be more than the one before"
    return found


def _grades(value: Any, errors: dict[str, str]) -> tuple[Grade, ...]:
    where = "grading.grades"
    if not isinstance(value, Sequence) or isinstance(value, str) or not 1 <= len(value) <= _MOST_GRADES:
        errors[where] = f"must be a list of 1 to {_MOST_GRADES} entries"
        return ()
    found = []
    for place, one in enumerate(value):
        given = dict(one) if isinstance(one, Mapping) else {}
        code = given.get("code")
        if not isinstance(code, str) or not 1 <= len(code) <= 20 or not code.isalnum():
            errors[f"{where}.{place}.code"] = "letters and digits, at most 20"
            code = ""
        labels = [_label(given.get(language, ""), f"{where}.{place}.{language}", errors) for language in ("zh", "en")]
        least = _whole(given.get("at_least"), f"{where}.{place}.at_least", 3, 3 * SCORES, errors)
        found.append(Grade(code, least, *labels))
    found.sort(key=lambda one: -one.at_least)
    for name, taken in (("code", {one.code for one in found}), ("at_least", {one.at_least for one in found})):
        if len(taken) < len(found):
            errors.setdefault(where, f"{name} is there twice")
    return tuple(found)


def _label(value: Any, where: str, errors: dict[str, str]) -> str:
    if not isinstance(value, str) or not value.isprintable() or len(value) > _LONGEST_LABEL:
        errors[where] = f"must be text in one line, at most {_LONGEST_LABEL} characters"
        return ""
    return value.strip()


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
