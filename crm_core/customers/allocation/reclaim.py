"""Sleeping customers go back to the pool by rule: announced first, spared when something happens or is open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

from sqlalchemy import insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.allocation import moving, reclaim_queries, rules
from crm_core.customers.allocation.events import ReclaimAnnounced
from crm_core.customers.allocation.kinds import NoticeState
from crm_core.customers.allocation.models import PoolEntry, ReclaimNotice
from crm_core.customers.allocation.policy import Policy
from crm_core.customers.allocation.queries import carries_out, policy
from crm_core.customers.allocation.views import ReclaimLine
from crm_core.customers.kinds import OwnerChangeKind
from crm_core.db.types import AnyRow
from crm_core.db.uow import UnitOfWork
from crm_core.jobs import service as jobs
from crm_core.jobs.models import Job
from crm_core.jobs.runner import Step, Work
from crm_core.kernel.errors import Conflict, Rejected
from crm_core.kernel.ids import new_id
from crm_core.organization.access import SYSTEM, Action, Actor

JOB: Final = "customers.reclaim"
CHUNK: Final = 500
_DUE: Final = "reclaimed"
_KEPT_NOTICE: Final = "kept"
_ANNOUNCED: Final = "announced"


class Exemption(Protocol):
    """What spares a customer: a context that knows of open orders or tasks implements it."""

    async def spared(self, session: AsyncSession, customer_ids: Sequence[int]) -> Mapping[int, str]:
        """The code of the reason (``open_order``, ``open_task``) for each customer that stays."""
        ...


class Contacts(Protocol):
    """When customers were last spoken with; a context that knows of calls or visits implements it."""

    async def last(self, session: AsyncSession, customer_ids: Sequence[int]) -> Mapping[int, datetime]: ...


async def lines(
    session: AsyncSession,
    after: int,
    *,
    now: datetime,
    zone: tzinfo,
    exemptions: Iterable[Exemption] = (),
    contacts: Iterable[Contacts] = (),
    departments: Iterable[int] | None = None,
) -> tuple[list[ReclaimLine], int | None]:
    """What the rules say of the next customers with an owner that are old enough, and where the look ended.

    At most ``CHUNK`` of them; None at the end: nobody is left.

    ``due_on`` is when it happens: the day of an announcement made already, else the day one made now would name.
    """
    house = await policy(session)
    days = [d for d in (house.not_contacted_days, house.not_bought_days) if d is not None]
    if not days:
        return [], None
    rows, end = await reclaim_queries.asleep(session, after, now - timedelta(days=min(days)), CHUNK, departments)
    found = await _judged(session, rows, house, now, zone, contacts)
    return await _with_exemptions(session, found, exemptions), end


async def _judged(
    session: AsyncSession,
    rows: Sequence[AnyRow],
    house: Policy,
    now: datetime,
    zone: tzinfo,
    contacts: Iterable[Contacts],
) -> list[ReclaimLine]:
    """Those of the customers that a rule sends back."""
    ids = [row.id for row in rows]
    spoken: dict[int, datetime] = {}
    for source in contacts:
        for customer_id, at in (await source.last(session, ids)).items():
            spoken[customer_id] = max(at, spoken.get(customer_id, at))
    announced = await reclaim_queries.announced(session, ids)
    today = now.astimezone(zone).date()
    judged = (_line(row, house, now, spoken.get(row.id), announced.get(row.id), today) for row in rows)
    return [line for line in judged if line is not None]


def _line(
    row: AnyRow, house: Policy, now: datetime, spoken: datetime | None, notice: date | None, today: date
) -> ReclaimLine | None:
    since = row.allocated_at or row.created_at
    known = [at for at in (row.last_contact_at, row.last_note_at, spoken) if at is not None]
    contacted = max(known) if known else None
    rule = rules.reclaim_rule(
        now=now,
        since=since,
        contacted=contacted,
        bought=row.bought,
        not_contacted_days=house.not_contacted_days,
        not_bought_days=house.not_bought_days,
    )
    if rule is None:
        return None
    due = notice or today + timedelta(days=house.notice_days)
    return ReclaimLine(
        row.id,
        row.name,
        row.account_number,
        row.owner_id,
        row.owner,
        rule,
        contacted,
        since,
        due,
        announced=bool(notice),
    )


async def _with_exemptions(
    session: AsyncSession, found: list[ReclaimLine], exemptions: Iterable[Exemption]
) -> list[ReclaimLine]:
    ids, reasons = [line.customer_id for line in found], dict[int, str]()
    for exemption in exemptions:
        reasons |= await exemption.spared(session, ids) if ids else {}
    return [replace(line, spared=reasons.get(line.customer_id, "")) for line in found]


async def start(uow: UnitOfWork, *, by: Actor, zone: ZoneInfo) -> Job:
    """Begins the job now. Raises Denied, Conflict ``data_department_only``, Rejected ``no_reclaim_rule``."""
    by.require(Action.CUSTOMER_ALLOCATE)
    house = await policy(uow.session)
    if not carries_out(by, house):
        raise Conflict("data_department_only", "Only the data department takes customers back to the pool.")
    if house.not_contacted_days is None and house.not_bought_days is None:
        raise Rejected("no_reclaim_rule", "No rule says when a customer goes back to the pool; set one first.")
    if await reclaim_queries.under_way(uow.session, JOB):
        raise Conflict("reclaim_runs", "This work is under way already.")
    return await jobs.start(uow, JOB, {"zone": zone.key}, by=by)


async def run(work: Work, exemptions: Sequence[Exemption], contacts: Sequence[Contacts]) -> Mapping[str, Any]:
    """The job: announces, takes back what is due, and keeps those for whom something has happened since."""
    zone = ZoneInfo(work.params["zone"])
    counts: Counter[str] = Counter(work.position.get("counts", {}))
    batch = work.position.get("batch") or new_id()
    after: int | None = work.position.get("after", 0)
    while after is not None:
        async with work.step() as step:
            now = step.uow.clock.now()
            found, following = await lines(
                step.uow.session, after, now=now, zone=zone, exemptions=exemptions, contacts=contacts
            )
            counts.update(await _apply(step, found, batch, now.astimezone(zone).date()))
            step.position = {"after": following, "batch": batch, "counts": dict(counts)}
        after = following
    async with work.step() as step:
        counts[_KEPT_NOTICE] += await _void(step.uow, contacts, zone)
    return dict(counts)


async def _apply(step: Step, found: Sequence[ReclaimLine], batch: int, today: date) -> Counter[str]:
    uow, counts = step.uow, Counter[str]()
    due, fresh = [], []
    for line in found:
        verdict = "spared" if line.spared else _ANNOUNCED
        if not line.spared and line.due_on is not None and line.due_on <= today:
            verdict = _DUE
            due.append(line)
        elif not line.spared and not line.announced:
            fresh.append(line)
        step.done += 1
        step.row(step.done, verdict, line.spared or line.rule, subject_id=line.customer_id)
        counts[verdict] += 1
    await _announce(uow, fresh)
    await _take_back(uow, due, batch)
    return counts


async def _announce(uow: UnitOfWork, fresh: Sequence[ReclaimLine]) -> None:
    rows = [
        {
            "id": new_id(),
            "customer_id": line.customer_id,
            "owner_id": line.owner_id,
            "rule": line.rule,
            "state": NoticeState.ANNOUNCED,
            "announced_at": uow.clock.now(),
            "due_on": line.due_on,
        }
        for line in fresh
    ]
    if rows:
        await uow.session.execute(insert(ReclaimNotice), rows)
    for (owner, due_on), count in Counter((line.owner_id, line.due_on) for line in fresh).items():
        if due_on is not None:
            uow.emit(ReclaimAnnounced(user_id=owner, count=count, due_on=due_on.isoformat()))


async def _take_back(uow: UnitOfWork, due: Sequence[ReclaimLine], batch: int) -> None:
    """Only from whom the rule meant: who got another owner meanwhile stays with him."""
    owners = {line.customer_id: line.owner_id for line in due}
    rules_of = {line.customer_id: line.rule for line in due}
    locked = [row for row in await reclaim_queries.locked(uow.session, list(owners)) if row.owner_id == owners[row.id]]
    if not locked:
        return
    ids = [row.id for row in locked]
    closed = {"state": NoticeState.RECLAIMED, "closed_at": uow.clock.now()}
    await _close(uow, ids, closed)
    act = moving.Act(OwnerChangeKind.RECLAIM, "reclaim", batch)
    await moving.move(uow, locked, dict.fromkeys(ids, (None, None)), act, by=SYSTEM)
    now = uow.clock.now()
    entries = [
        {"customer_id": row.id, "from_user_id": row.owner_id, "since": now, "rule": rules_of[row.id]} for row in locked
    ]
    await uow.session.execute(insert(PoolEntry), entries)


async def _close(uow: UnitOfWork, customer_ids: Sequence[int], values: Mapping[str, Any]) -> None:
    open_ones = update(ReclaimNotice).where(
        ReclaimNotice.customer_id.in_(customer_ids), ReclaimNotice.state == NoticeState.ANNOUNCED
    )
    await uow.session.execute(open_ones.values(**values), execution_options={"synchronize_session": False})


async def _void(uow: UnitOfWork, contacts: Sequence[Contacts], zone: tzinfo) -> int:
    """Announcements whose reason is gone (the owner has called) are closed, so that a later sleep counts anew."""
    house, now, kept = await policy(uow.session), uow.clock.now(), 0
    async for rows in reclaim_queries.announced_customers(uow.session, CHUNK):
        asleep = {line.customer_id for line in await _judged(uow.session, rows, house, now, zone, contacts)}
        awake = [row.id for row in rows if row.id not in asleep]
        await _close(uow, awake, {"state": NoticeState.KEPT, "closed_at": now, "outcome": "contacted"})
        kept += len(awake)
    return kept
