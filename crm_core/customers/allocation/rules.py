"""Pure rules of allocation: sharing out, room under cap and quota, evenness, what goes back to the pool."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo
from fractions import Fraction
from typing import Final

from crm_core.customers.allocation.kinds import Method, Period, ReclaimRule

# Why somebody gets no more, and why a customer was given to nobody: stable codes of the result lists.
CAP_REACHED: Final = "cap_reached"
QUOTA_USED: Final = "quota_used"
NOBODY_MATCHES: Final = "nobody_matches"
NOBODY_HAS_ROOM: Final = "nobody_has_room"
HAS_OWNER: Final = "has_owner"
NOT_FOUND: Final = "not_found"
SAME_OWNER: Final = "same_owner"
NO_OWNER: Final = "no_owner"
SELF_ALLOCATION: Final = "self_allocation"
MOVED_MEANWHILE: Final = "moved_meanwhile"
ARCHIVED: Final = "archived"
REFUSALS: Final = {
    ARCHIVED: "The customer is archived, out of allocation; a manager can bring him back.",
    CAP_REACHED: "The cap on open customers of this person is reached; he can apply for more.",
    SAME_OWNER: "The customer belongs to this person already.",
    NO_OWNER: "Nobody has this customer: ask for an allocation, which the data department carries out.",
    SELF_ALLOCATION: "Nobody allocates customers to himself.",
    MOVED_MEANWHILE: "Somebody else has given the customer to another person meanwhile; look who has him now.",
}
_EVEN, _FAIRLY_EVEN = 0.1, 0.25  # upper bounds of the Gini coefficient


@dataclass(frozen=True, slots=True)
class Candidate:
    """A customer to be given to somebody; ``places`` are his province, city and district."""

    customer_id: int
    places: frozenset[str] = frozenset()
    type: str | None = None


@dataclass(slots=True)
class Receiver:
    """Somebody who takes part. ``room`` None is without limit; ``full`` says why there is none.

    ``given`` counts what the run has given him so far, ``received`` what he had in the period before it.
    """

    user_id: int
    weight: int = 1
    open: int = 0
    received: int = 0
    room: int | None = None
    full: str = CAP_REACHED
    regions: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    given: int = 0
    order: int = field(default=0)

    @property
    def has_room(self) -> bool:
        return self.room is None or self.room > 0

    def takes(self, customer: Candidate) -> bool:
        """Whether region and type fit; who names none takes any."""
        return (not self.regions or not self.regions.isdisjoint(customer.places)) and (
            not self.types or customer.type in self.types
        )


@dataclass(frozen=True, slots=True)
class Share:
    """Who gets the customer; nobody, with the reason's code."""

    customer_id: int
    user_id: int | None
    reason: str = ""


def distribute(method: Method, customers: Iterable[Candidate], receivers: Sequence[Receiver]) -> list[Share]:
    """Gives each customer to one receiver or to nobody; ``receivers`` keep count of what they were given.

    Round robin begins with who received least in the period. Those who never lack room differ by at most one; the
    weighted way is D'Hondt's, so that each gets at least the whole part of his share.
    """
    for order, one in enumerate(sorted(receivers, key=lambda r: r.received)):
        one.order = order
    shares = []
    for customer in customers:
        fitting = [r for r in receivers if r.takes(customer)] if method is Method.MATCHING else receivers
        free = [r for r in fitting if r.has_room]
        if not free:
            shares.append(Share(customer.customer_id, None, _why_nobody(fitting)))
            continue
        chosen = min(free, key=lambda r: _turn(method, r))
        chosen.given += 1
        chosen.open += 1
        if chosen.room is not None:
            chosen.room -= 1
        shares.append(Share(customer.customer_id, chosen.user_id))
    return shares


def _turn(method: Method, receiver: Receiver) -> tuple[Fraction | int, int]:
    """The one with the smallest is next."""
    if method is Method.WEIGHTED:
        return Fraction(receiver.given + 1, receiver.weight), receiver.order
    if method is Method.LEAST_OPEN:
        return receiver.open, receiver.order
    return receiver.given, receiver.order


def _why_nobody(fitting: Sequence[Receiver]) -> str:
    if not fitting:
        return NOBODY_MATCHES
    reasons = {receiver.full for receiver in fitting}
    return reasons.pop() if len(reasons) == 1 else NOBODY_HAS_ROOM


def room(*, open_now: int, cap: int | None, used: int, quota: int | None) -> tuple[int | None, str]:
    """How many more somebody may be given, and which limit it is that stops him."""
    under_cap = None if cap is None else max(0, cap - open_now)
    under_quota = None if quota is None else max(0, quota - used)
    if under_quota is None:
        return under_cap, CAP_REACHED
    if under_cap is None or under_quota < under_cap:
        return under_quota, QUOTA_USED
    return under_cap, CAP_REACHED


def period_start(now: datetime, period: Period, zone: tzinfo) -> datetime:
    """Midnight of the first day of the day, week (Monday) or month in which ``now`` lies."""
    today = now.astimezone(zone).date()
    if period is Period.WEEK:
        today -= timedelta(days=today.weekday())
    elif period is Period.MONTH:
        today = today.replace(day=1)
    return datetime.combine(today, time.min, tzinfo=zone)


def gini(counts: Sequence[int]) -> float:
    """0 when all have the same, towards 1 when one has everything (the Gini coefficient); 0 for nobody or nothing."""
    total, people = sum(counts), len(counts)
    if not total or people < 2:
        return 0.0
    ranked = sorted(counts)
    return sum((2 * rank - people - 1) * count for rank, count in enumerate(ranked, 1)) / (people * total)


def evenness(coefficient: float) -> str:
    """The measure in a word: ``even``, ``fairly_even``, ``uneven``."""
    if coefficient < _EVEN:
        return "even"
    return "fairly_even" if coefficient < _FAIRLY_EVEN else "uneven"


def reclaim_rule(
    *,
    now: datetime,
    since: datetime,
    contacted: datetime | None,
    bought: bool,
    not_contacted_days: int | None,
    not_bought_days: int | None,
) -> ReclaimRule | None:
    """Which rule sends a customer back, given since when he has his owner; None: he stays."""
    last = max(since, contacted) if contacted is not None else since
    if not_contacted_days is not None and last <= now - timedelta(days=not_contacted_days):
        return ReclaimRule.NOT_CONTACTED
    if not_bought_days is not None and not bought and since <= now - timedelta(days=not_bought_days):
        return ReclaimRule.NOT_BOUGHT
    return None


def is_new(joined: datetime, now: datetime, days: int) -> bool:
    """Whether somebody counts as new staff."""
    return now - joined < timedelta(days=days)
