"""Allocation: a manager asks, the data department carries out; nobody gives to himself, nobody gets too many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import service as audit
from crm_core.customers.allocation import choosing, moving, people_queries, queries, rules, unfit_queries
from crm_core.customers.allocation.choosing import Choice
from crm_core.customers.allocation.kinds import Method, RunState, Verdict
from crm_core.customers.allocation.models import Allocation, AllocationPerson, AllocationResult
from crm_core.customers.allocation.service import AT_ONCE, checked_reason
from crm_core.customers.allocation.views import Outcome, Person, Plan
from crm_core.customers.kinds import OwnerChangeKind
from crm_core.db.types import AnyRow
from crm_core.db.uow import UnitOfWork
from crm_core.jobs import service as jobs
from crm_core.kernel.errors import Conflict, Denied, Rejected
from crm_core.kernel.ids import new_id
from crm_core.organization.access import Action, Actor
from crm_core.organization.models import User

ALLOCATE_JOB: Final = "customers.allocate"
MOST_PEOPLE: Final = 200
_SHOWN: Final = 200  # lines of a preview


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be allocated to whom and how."""

    method: Method
    choice: Choice
    people: tuple[Person, ...]
    reason: str = ""


async def _checked(session: AsyncSession, wish: Wish, by: Actor) -> tuple[Wish, dict[int, User]]:
    """The wish with the departments it may take from, and its people. Raises Denied, Rejected."""
    by.require(Action.CUSTOMER_ASSIGN)
    errors = {}
    if not 1 <= len(wish.people) <= MOST_PEOPLE or len({p.user_id for p in wish.people}) != len(wish.people):
        errors["people"] = f"has to name 1 to {MOST_PEOPLE} people, each once"
    if not 1 <= wish.choice.most <= choosing.MOST or len(wish.choice.ids) > choosing.MOST:
        errors["most"] = f"must be from 1 to {choosing.MOST}"
    if any(not 1 <= person.weight <= 100 for person in wish.people):
        errors["people"] = "a weight is from 1 to 100"
    if errors:
        raise Rejected("allocation_invalid", "Some of the input is wrong; see errors.", errors=errors)
    if by.user_id in {person.user_id for person in wish.people}:
        raise Rejected(
            "self_allocation", "Nobody allocates customers to himself.", errors={"people": "you are one of them"}
        )
    known = {one.id: one for one in await people_queries.receivers(session, by)}
    if any(person.user_id not in known for person in wish.people):
        raise Denied("owner_out_of_reach", "You may not give customers to one of these people.")
    everything = queries.carries_out(by, await queries.policy(session))
    reach = None if everything else by.departments(Action.CUSTOMER_ASSIGN)
    choice = replace(wish.choice, departments=None if reach is None else tuple(sorted(reach)))
    return replace(wish, choice=choice), known


async def preview(session: AsyncSession, wish: Wish, *, by: Actor, now: datetime, zone: tzinfo) -> Plan:
    """What carrying the wish out would do at this moment; nothing is stored. Raises Denied, Rejected."""
    wish, _known = await _checked(session, wish, by)
    ids = await queries.chosen_ids(session, wish.choice)
    receivers = await _receivers(session, wish.people, now, zone)
    shares: dict[int, tuple[int | None, str]] = {}
    given: dict[int, int] = {}
    reasons: dict[str, int] = {}
    for start in range(0, len(ids), AT_ONCE):
        chunk = ids[start : start + AT_ONCE]
        for share in await _shares(session, wish.method, wish.choice, chunk, receivers, lock=False):
            if share.user_id is not None:
                given[share.user_id] = given.get(share.user_id, 0) + 1
            else:
                reasons[share.reason] = reasons.get(share.reason, 0) + 1
            if len(shares) < _SHOWN:
                shares[share.customer_id] = (share.user_id, share.reason)
    return Plan(len(ids), given, reasons, tuple(await queries.plan_lines(session, shares)))


async def request(uow: UnitOfWork, wish: Wish, *, by: Actor) -> int:
    """Stores the wish; a manager who may give to all these people has approved it thereby. The run's id.

    Raises Denied, Rejected (also ``self_allocation``).
    """
    reason = checked_reason(wish.reason)
    wish, known = await _checked(uow.session, wish, by)
    departments = {known[person.user_id].department_id for person in wish.people}
    if len(departments) > 1:
        raise Rejected(
            "one_department",
            "One allocation is for people of one department.",
            errors={"people": "several departments"},
        )
    department = departments.pop()
    approved = by.reaches(Action.CUSTOMER_ASSIGN, owner_id=None, department_id=department)
    now = uow.clock.now()
    run = Allocation(
        id=new_id(),
        state=RunState.APPROVED if approved else RunState.WAITING,
        method=wish.method,
        department_id=department,
        choice=choosing.plain(wish.choice),
        reason=reason,
        requested_by_id=by.user_id,
        requested_at=now,
        approved_by_id=by.user_id if approved else None,
        approved_at=now if approved else None,
    )
    uow.session.add(run)
    await uow.session.flush()
    await uow.session.execute(insert(AllocationPerson), [_person(run.id, n, p) for n, p in enumerate(wish.people)])
    audit.record(uow, by, "allocation.request", "allocation", run.id, {"approved": approved, "reason": reason})
    return run.id


def _person(run_id: int, position: int, person: Person) -> dict[str, Any]:
    return {
        "allocation_id": run_id,
        "user_id": person.user_id,
        "position": position,
        "weight": person.weight,
        "regions": list(person.regions),
        "types": list(person.types),
    }


async def decide(uow: UnitOfWork, run_id: int, *, approve: bool, by: Actor, answer: str = "") -> None:
    """The manager of the receiving department approves or refuses. Raises NotFound, Denied, Conflict."""
    run = await queries.run_to_change(uow.session, by, run_id)
    if not by.reaches(Action.CUSTOMER_ASSIGN, owner_id=None, department_id=run.department_id):
        raise Denied("owner_out_of_reach", "The manager of these people has to approve this.")
    if run.state is not RunState.WAITING:
        raise _over(run)
    run.state = RunState.APPROVED if approve else RunState.REFUSED
    run.approved_by_id, run.approved_at = by.user_id, uow.clock.now()
    run.answer = answer.strip()[:500] or None
    audit.record(uow, by, f"allocation.{run.state}", "allocation", run.id)


async def withdraw(uow: UnitOfWork, run_id: int, *, by: Actor) -> None:
    """Takes back what has not been carried out. Raises NotFound, Conflict."""
    run = await queries.run_to_change(uow.session, by, run_id)
    if run.state not in (RunState.WAITING, RunState.APPROVED):
        raise _over(run)
    run.state = RunState.WITHDRAWN
    audit.record(uow, by, "allocation.withdrawn", "allocation", run.id)


def _over(run: Allocation) -> Conflict:
    if run.state is RunState.WAITING:
        return Conflict("allocation_not_approved", "The manager of these people has not approved this yet.")
    return Conflict("allocation_over", f"This allocation is {run.state} already.")


async def carry_out(uow: UnitOfWork, run_id: int, *, by: Actor, zone: ZoneInfo) -> None:
    """The data department gives the customers out, above ``AT_ONCE`` as a job.

    Raises NotFound, Conflict (``data_department_only``, ``allocation_not_approved``, ``allocation_over``), Rejected
    ``self_allocation``.
    """
    run = await queries.run_to_change(uow.session, by, run_id)
    if not queries.carries_out(by, await queries.policy(uow.session)):
        raise Conflict(
            "data_department_only",
            "Allocations are carried out by the data department; it finds this one in its list.",
        )
    if run.state is not RunState.APPROVED:
        raise _over(run)
    people = (await queries.people_of(uow.session, [run.id])).get(run.id, [])
    if by.user_id in {person.user_id for person in people}:
        raise Rejected("self_allocation", "Nobody allocates customers to himself.")
    ids = await queries.chosen_ids(uow.session, choosing.parse(run.choice))
    run.executed_by_id, run.executed_at = by.user_id, uow.clock.now()
    audit.record(uow, by, "allocation.carry_out", "allocation", run.id, {"customers": len(ids)})
    if len(ids) > AT_ONCE:
        params = {"run": run.id, "ids": ids, "zone": zone.key}
        job = await jobs.start(uow, ALLOCATE_JOB, params, by=by, total=len(ids))
        run.state, run.job_id = RunState.RUNNING, job.id
        return
    await give(uow, run, ids, 0, by=by, zone=zone)
    run.state = RunState.DONE


async def give(
    uow: UnitOfWork, run: Allocation, ids: Sequence[int], position: int, *, by: Actor, zone: tzinfo
) -> list[Outcome]:
    """One transaction's worth of a run: counts, shares out and moves under locks, and keeps the result list.

    ``position`` is the place of the first of ``ids`` in the whole.
    """
    people = (await queries.people_of(uow.session, [run.id])).get(run.id, [])
    await queries.lock_people(uow.session, [person.user_id for person in people])
    receivers = await _receivers(uow.session, people, uow.clock.now(), zone)
    before = await queries.given_so_far(uow.session, run.id)
    for receiver in receivers:
        receiver.given = before.get(receiver.user_id, 0)
        receiver.received -= receiver.given
    choice = choosing.parse(run.choice)
    shares = await _shares(uow.session, run.method, choice, ids, receivers, lock=True)
    await _store(uow, run, shares, position, by)
    given = sum(share.user_id is not None for share in shares)
    run.given, run.refused = run.given + given, run.refused + len(shares) - given
    return [
        Outcome(s.customer_id, Verdict.REFUSED if s.user_id is None else Verdict.GIVEN, s.reason, s.user_id)
        for s in shares
    ]


async def _store(
    uow: UnitOfWork,
    run: Allocation,
    shares: Sequence[rules.Share],
    position: int,
    by: Actor,
) -> None:
    rows = await queries.ownerless(
        uow.session, choosing.parse(run.choice), [s.customer_id for s in shares if s.user_id]
    )
    to = {share.customer_id: (share.user_id, run.department_id) for share in shares if share.user_id is not None}
    act = moving.Act(OwnerChangeKind.ALLOCATION, run.reason, run.id)
    await moving.move(uow, [rows[one] for one in to], to, act, by=by)
    known = await queries.existing(uow.session, Choice(), [share.customer_id for share in shares])
    lines = [
        {
            "allocation_id": run.id,
            "position": place,
            "customer_id": share.customer_id,
            "user_id": share.user_id,
            "verdict": Verdict.REFUSED if share.user_id is None else Verdict.GIVEN,
            "reason": share.reason,
        }
        for place, share in enumerate(shares, position)
        if share.customer_id in known
    ]
    if lines:
        await uow.session.execute(insert(AllocationResult), lines)


async def _receivers(
    session: AsyncSession, people: Sequence[Person], now: datetime, zone: tzinfo
) -> list[rules.Receiver]:
    """Those who may still sign in, with their room of this moment."""
    standings = await people_queries.standings(session, [p.user_id for p in people], now=now, zone=zone)
    return [
        rules.Receiver(
            user_id=person.user_id,
            weight=person.weight,
            open=standings[person.user_id].open,
            received=standings[person.user_id].used,
            room=standings[person.user_id].room,
            full=standings[person.user_id].full,
            regions=frozenset(person.regions),
            types=frozenset(person.types),
        )
        for person in people
        if person.user_id in standings and standings[person.user_id].active
    ]


async def _shares(
    session: AsyncSession,
    method: Method,
    choice: Choice,
    ids: Sequence[int],
    receivers: Sequence[rules.Receiver],
    *,
    lock: bool,
) -> list[rules.Share]:
    """Each of ``ids`` with its receiver or the reason why it has none, in their order."""
    rows = await queries.ownerless(session, choice, ids, lock=lock)
    shares = rules.distribute(method, [_candidate(rows[one]) for one in ids if one in rows], receivers)
    by_customer = {share.customer_id: share for share in shares}
    rest = [one for one in ids if one not in rows]
    there = await queries.existing(session, choice, rest) if rest else set()
    out = await unfit_queries.archived(session, there) if there else set()
    return [by_customer.get(one) or rules.Share(one, None, _why_not(one, there, out)) for one in ids]


def _why_not(customer_id: int, there: set[int], archived: set[int]) -> str:
    if customer_id not in there:
        return rules.NOT_FOUND
    return rules.ARCHIVED if customer_id in archived else rules.HAS_OWNER


def _candidate(row: AnyRow) -> rules.Candidate:
    places = frozenset(place for place in (row.province, row.city, row.district) if place)
    return rules.Candidate(row.id, places, row.type)
