"""Somebody leaves: all that he looks after is handed to several others in one go, by a plan, within their caps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.allocation import change_queries, moving, people_queries, queries, rules
from crm_core.customers.allocation.kinds import Method, Verdict
from crm_core.customers.allocation.runs import MOST_PEOPLE
from crm_core.customers.allocation.service import AT_ONCE, checked_reason
from crm_core.customers.allocation.views import Outcome, Person
from crm_core.customers.kinds import OwnerChangeKind
from crm_core.db.types import AnyRow
from crm_core.db.uow import UnitOfWork
from crm_core.jobs import service as jobs
from crm_core.jobs.models import Job
from crm_core.kernel.errors import Conflict, Denied, Rejected
from crm_core.kernel.ids import new_id
from crm_core.organization import queries as organization
from crm_core.organization.access import Action, Actor

JOB: Final = "customers.hand_over"


@dataclass(frozen=True, slots=True)
class HandOver:
    """Who gives everything away, to whom and how."""

    from_user_id: int
    method: Method
    people: tuple[Person, ...]
    reason: str = ""

    def plain(self) -> dict[str, Any]:
        """As it is stored with its job."""
        people = [[one.user_id, one.weight, list(one.regions), list(one.types)] for one in self.people]
        return {"from": self.from_user_id, "method": self.method, "people": people, "reason": self.reason}


def parse(stored: Mapping[str, Any]) -> HandOver:
    people = tuple(
        Person(user, weight, tuple(regions), tuple(types)) for user, weight, regions, types in stored["people"]
    )
    return HandOver(stored["from"], Method(stored["method"]), people, stored["reason"])


async def _checked(session: AsyncSession, wish: HandOver, by: Actor) -> None:
    """Raises Denied for people out of reach, Rejected for a plan that cannot be."""
    by.require(Action.CUSTOMER_ASSIGN)
    receivers = {one.user_id for one in wish.people}
    if not 1 <= len(wish.people) <= MOST_PEOPLE or len(receivers) != len(wish.people):
        errors = {"people": f"has to name 1 to {MOST_PEOPLE} people, each once"}
        raise Rejected("allocation_invalid", "Some of the input is wrong; see errors.", errors=errors)
    if wish.from_user_id in receivers or any(not 1 <= one.weight <= 100 for one in wish.people):
        errors = {"people": "without who leaves, each with a weight from 1 to 100"}
        raise Rejected("allocation_invalid", "Some of the input is wrong; see errors.", errors=errors)
    leaver = await organization.user_by_id(session, wish.from_user_id)
    known = {one.id for one in await people_queries.receivers(session, by)}
    reached = by.reaches(Action.CUSTOMER_ASSIGN, owner_id=leaver.id, department_id=leaver.department_id)
    if not reached or not receivers <= known:
        raise Denied("owner_out_of_reach", "You may not move the customers of one of these people.")


@dataclass(frozen=True, slots=True)
class Preview:
    """What the plan would do now: how many each gets, and how many stay, by reason."""

    total: int
    given: Mapping[int, int]
    reasons: Mapping[str, int]


async def preview(session: AsyncSession, wish: HandOver, *, by: Actor, now: datetime, zone: tzinfo) -> Preview:
    """Nothing is stored. Raises Denied, Rejected."""
    await _checked(session, wish, by)
    receivers = await _receivers(session, wish.people, now, zone)
    given, reasons, after = Counter[int](), Counter[str](), 0
    while rows := await queries.owned_by(session, by, wish.from_user_id, after=after, limit=AT_ONCE):
        for share in rules.distribute(wish.method, map(_candidate, rows), receivers):
            if share.user_id is None:
                reasons[share.reason] += 1
            else:
                given[share.user_id] += 1
        after = rows[-1].id
    return Preview(given.total() + reasons.total(), given, reasons)


async def start(uow: UnitOfWork, wish: HandOver, *, by: Actor, zone: ZoneInfo) -> Job:
    """A job that does it. Raises Denied, Rejected, Conflict ``nothing_to_hand_over``."""
    reason = checked_reason(wish.reason)
    await _checked(uow.session, wish, by)
    total = await queries.owned_count(uow.session, by, wish.from_user_id)
    if not total:
        raise Conflict("nothing_to_hand_over", "This person looks after nobody within your reach.")
    params = wish.plain() | {"reason": reason, "batch": new_id(), "zone": zone.key}
    return await jobs.start(uow, JOB, params, by=by, total=total)


async def give_on(
    uow: UnitOfWork, wish: HandOver, batch: int, *, after: int, given: Mapping[int, int], by: Actor, zone: tzinfo
) -> tuple[list[Outcome], int | None]:
    """One transaction's worth: what became of the next customers, and where they end (None: there are none left).

    ``given`` is what each has had of this plan, so that the shares stay right over the steps. Somebody whom another
    moved meanwhile is not his any more and is left alone.
    """
    await queries.lock_people(uow.session, [one.user_id for one in wish.people])
    ids = [row.id for row in await queries.owned_by(uow.session, by, wish.from_user_id, after=after, limit=AT_ONCE)]
    if not ids:
        return [], None
    locked = await queries.to_move(uow.session, by, ids)
    rows = [locked[one] for one in ids if one in locked and locked[one].owner_id == wish.from_user_id]
    receivers = await _receivers(uow.session, wish.people, uow.clock.now(), zone)
    for receiver in receivers:
        receiver.given = given.get(receiver.user_id, 0)
        receiver.received -= receiver.given
    shares = rules.distribute(wish.method, map(_candidate, rows), receivers)
    await _move(uow, wish, batch, rows, shares, by)
    gone = [one for one in ids if one not in {row.id for row in rows}]
    firsts = await change_queries.last_moves(uow.session, gone)
    outcomes = [
        Outcome(s.customer_id, Verdict.REFUSED if s.user_id is None else Verdict.GIVEN, s.reason, s.user_id)
        for s in shares
    ]
    outcomes += [Outcome(one, Verdict.REFUSED, rules.MOVED_MEANWHILE, first=firsts.get(one)) for one in gone]
    return outcomes, ids[-1]


async def _move(
    uow: UnitOfWork, wish: HandOver, batch: int, rows: Sequence[AnyRow], shares: Sequence[rules.Share], by: Actor
) -> None:
    homes = await people_queries.departments_of(uow.session, [one.user_id for one in wish.people])
    to = {one.customer_id: (one.user_id, homes[one.user_id]) for one in shares if one.user_id is not None}
    act = moving.Act(OwnerChangeKind.TRANSFER, wish.reason, batch)
    await moving.move(uow, [row for row in rows if row.id in to], to, act, by=by)


async def _receivers(
    session: AsyncSession, people: Sequence[Person], now: datetime, zone: tzinfo
) -> list[rules.Receiver]:
    """With the room under their caps; a quota bounds what is newly allocated, and these are not new."""
    found = await people_queries.standings(session, [one.user_id for one in people], now=now, zone=zone)
    return [
        rules.Receiver(
            user_id=person.user_id,
            weight=person.weight,
            open=one.open,
            room=None if one.cap is None else max(0, one.cap - one.open),
            regions=frozenset(person.regions),
            types=frozenset(person.types),
        )
        for person in people
        if (one := found.get(person.user_id)) is not None and one.active
    ]


def _candidate(row: AnyRow) -> rules.Candidate:
    places = frozenset(place for place in (row.province, row.city, row.district) if place)
    return rules.Candidate(row.id, places, row.type)
