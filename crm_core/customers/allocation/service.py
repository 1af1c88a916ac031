"""Transfers: a customer, or many, given to somebody else by a manager, with reason and history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.allocation import change_queries, moving, people_queries, queries, unfit_queries
from crm_core.customers.allocation.choosing import MOST_FOUND, Where
from crm_core.customers.allocation.kinds import Verdict
from crm_core.customers.allocation.policy import KEY, Policy, checked, plain
from crm_core.customers.allocation.rules import (
    ARCHIVED,
    CAP_REACHED,
    MOVED_MEANWHILE,
    NO_OWNER,
    NOT_FOUND,
    REFUSALS,
    SAME_OWNER,
    SELF_ALLOCATION,
)
from crm_core.customers.allocation.views import Outcome
from crm_core.customers.kinds import OwnerChangeKind
from crm_core.customers.queries import no_customer
from crm_core.customers.rules import clean
from crm_core.db.uow import UnitOfWork
from crm_core.jobs import service as jobs
from crm_core.kernel.errors import Conflict, Denied, Rejected
from crm_core.kernel.ids import new_id
from crm_core.organization import queries as organization
from crm_core.organization import service as organization_service
from crm_core.organization.access import Action, Actor
from crm_core.organization.models import User

AT_ONCE: Final = 500  # customers of one transaction; more become a job
TRANSFER_JOB: Final = "customers.transfer"
_REASON_LIMIT: Final = 500


@dataclass(frozen=True, slots=True)
class Transferred:
    """``job_id`` when there were too many for one go: then ``outcomes`` are in its result list."""

    batch_id: int
    outcomes: tuple[Outcome, ...] = ()
    job_id: int | None = None

    @property
    def given(self) -> int:
        return sum(one.verdict is Verdict.GIVEN for one in self.outcomes)


@dataclass(frozen=True, slots=True)
class Seen:
    """What was so when somebody decided: who changed hands since then was somebody else's decision, and stays so.

    ``owners`` are those that were read; ``mark`` is an id from then (ids rise with time): a later change is news.
    """

    owners: Mapping[int, int | None] = field(default_factory=dict)
    mark: int | None = None


NOTHING_SEEN: Final = Seen()


def checked_reason(reason: str) -> str:
    """Raises Rejected for none."""
    text = clean(reason)
    if not text:
        raise Rejected("move_reason_missing", "Say why the customers change hands.", errors={"reason": "missing"})
    return text[:_REASON_LIMIT]


async def transfer(
    uow: UnitOfWork,
    ids: Sequence[int],
    to_user_id: int | None,
    reason: str,
    by: Actor,
    batch: int | None = None,
    zone: tzinfo = UTC,
    seen: Seen = NOTHING_SEEN,
) -> Transferred:
    """Gives the customers to somebody (None: to nobody), as far as his cap allows, in the order of ``ids``.

    Raises Denied without the right or for people out of reach, NotFound when no customer is within reach, Rejected
    for a missing reason or somebody who has left.
    """
    by.require(Action.CUSTOMER_ASSIGN)
    act = moving.Act(OwnerChangeKind.TRANSFER, checked_reason(reason), batch or new_id())
    outcomes = await _moved(uow, list(dict.fromkeys(ids)), to_user_id, act, by, zone, seen)
    if batch is None and all(one.reason == NOT_FOUND for one in outcomes):
        raise no_customer()
    return Transferred(act.batch_id, outcomes)


async def change_owner(
    uow: UnitOfWork, customer_id: int, to_user_id: int | None, reason: str, *, by: Actor, owner_seen: int | None
) -> None:
    """A new owner from the customer's card: the same way as ``transfer``, a refusal is raised as Conflict of its code.

    ``owner_seen`` is who had him when the card was read.
    """
    by.require(Action.CUSTOMER_ASSIGN)
    act = moving.Act(OwnerChangeKind.EDIT, clean(reason)[:_REASON_LIMIT], new_id())
    (one,) = await _moved(uow, [customer_id], to_user_id, act, by, UTC, Seen({customer_id: owner_seen}))
    if one.reason == NOT_FOUND:
        raise no_customer()
    if one.reason:
        raise Conflict(one.reason, REFUSALS[one.reason], errors={"owner": one.reason})


async def check_first_owner(uow: UnitOfWork, owner_id: int, by: Actor) -> None:
    """Whether somebody may enter a customer for another: that is giving him one. Raises Denied, Conflict.

    Who enters a customer for himself is given nothing.
    """
    if owner_id == by.user_id:
        return
    by.require(Action.CUSTOMER_ASSIGN)
    gate = await _gate(uow, owner_id, by, UTC)
    refusal = gate.refusal(None)
    if refusal:
        raise Conflict(refusal, REFUSALS[refusal], errors={"owner": refusal})


async def _moved(
    uow: UnitOfWork, ids: list[int], to_user_id: int | None, act: moving.Act, by: Actor, zone: tzinfo, seen: Seen
) -> tuple[Outcome, ...]:
    gate = await _gate(uow, to_user_id, by, zone)
    rows = await queries.to_move(uow.session, by, ids)
    news = await change_queries.moved_since(uow.session, list(rows), seen.mark, act.batch_id)
    overtaken = [one for one, row in rows.items() if one in news or seen.owners.get(one, row.owner_id) != row.owner_id]
    firsts = await change_queries.last_moves(uow.session, overtaken)
    archived = await unfit_queries.archived(uow.session, rows) if to_user_id is not None else set()
    outcomes = []
    for one in ids:
        row = rows.get(one)
        if row is None:
            outcomes.append(Outcome(one, Verdict.REFUSED, NOT_FOUND))
        elif row.owner_id == to_user_id:
            outcomes.append(Outcome(one, Verdict.REFUSED, SAME_OWNER, to_user_id, firsts.get(one)))
        elif one in overtaken:
            outcomes.append(Outcome(one, Verdict.REFUSED, MOVED_MEANWHILE, first=firsts.get(one)))
        elif one in archived:
            outcomes.append(Outcome(one, Verdict.REFUSED, ARCHIVED))
        elif refusal := gate.refusal(row.owner_id):
            outcomes.append(Outcome(one, Verdict.REFUSED, refusal))
        else:
            outcomes.append(Outcome(one, Verdict.GIVEN, "", to_user_id))
    moved = [rows[one.customer_id] for one in outcomes if one.verdict is Verdict.GIVEN]
    target = (to_user_id, gate.department_id)
    await moving.move(uow, moved, {row.id: target for row in moved}, act, by=by)
    return tuple(outcomes)


@dataclass(slots=True)
class _Gate:
    """Whether somebody gets one more: ``left`` is the room under his cap, counted down (None: any number).

    ``first_owners`` is whether who gives may give customers that nobody has: with a data department only it.
    """

    department_id: int | None
    left: int | None
    first_owners: bool
    himself: bool

    def refusal(self, owner_id: int | None) -> str:
        """The code of what stands against it; empty when nothing does, and then it is counted."""
        if owner_id is None and not self.first_owners:
            return NO_OWNER
        if owner_id is None and self.himself:
            return SELF_ALLOCATION
        if self.left is not None:
            if self.left <= 0:
                return CAP_REACHED
            self.left -= 1
        return ""


async def _gate(uow: UnitOfWork, to_user_id: int | None, by: Actor, zone: tzinfo) -> _Gate:
    if to_user_id is None:
        return _Gate(None, None, first_owners=True, himself=False)
    receiver = await _receiver(uow, to_user_id, by)
    found = await people_queries.standings(uow.session, [receiver.id], now=uow.clock.now(), zone=zone)
    cap, taken = found[receiver.id].cap, found[receiver.id].open
    house = await queries.policy(uow.session)
    named = house.data_department_id is not None
    return _Gate(
        receiver.department_id,
        None if cap is None else max(0, cap - taken),
        first_owners=not named or queries.carries_out(by, house),
        himself=named and receiver.id == by.user_id,
    )


async def _receiver(uow: UnitOfWork, user_id: int, by: Actor) -> User:
    await queries.lock_people(uow.session, [user_id])
    user = await organization.user_by_id(uow.session, user_id)
    if not user.active:
        raise Rejected("receiver_inactive", f"{user.name} may not sign in any more.", errors={"to": "is not active"})
    if not by.reaches(Action.CUSTOMER_ASSIGN, owner_id=user.id, department_id=user.department_id):
        raise Denied("owner_out_of_reach", "You may not give customers to this person.")
    return user


@dataclass(frozen=True, slots=True)
class Picked:
    """Who is to be transferred, as it was when it was asked: ``ids``, or with too many of them ``where``."""

    ids: tuple[int, ...] = ()
    where: Where | None = None
    total: int = 0
    seen: Seen = NOTHING_SEEN


async def picked(session: AsyncSession, actor: Actor, *, ids: Sequence[int] = (), where: Where | None = None) -> Picked:
    """Looks who is meant and who has them, before anything is locked. Raises NotFound for none, Rejected."""
    chosen = list(dict.fromkeys(ids))
    if where is not None:
        actor.require(Action.CUSTOMER_ASSIGN)
        chosen = await queries.found_ids(session, actor, where, limit=AT_ONCE + 1)
        if not chosen:
            raise no_customer()
        if len(chosen) > AT_ONCE:
            total = await queries.found_count(session, actor, where, MOST_FOUND + 1)
            if total > MOST_FOUND:
                raise Rejected("too_many_customers", f"At most {MOST_FOUND} customers at once; cut the list further.")
            return Picked(where=where, total=total)
    owners = await queries.owners(session, chosen) if len(chosen) <= AT_ONCE else {}
    return Picked(tuple(chosen), None, len(chosen), Seen(owners))


async def transfer_picked(
    uow: UnitOfWork, chosen: Picked, to_user_id: int, reason: str, *, by: Actor, zone: ZoneInfo, mark: int | None = None
) -> Transferred:
    """As ``transfer``; above ``AT_ONCE`` customers a job does it, after rights, receiver and reason were checked.

    ``mark`` is an id from when the customers were shown; without one what was so when this was asked counts.
    """
    if chosen.total <= AT_ONCE:
        seen = chosen.seen if mark is None else replace(chosen.seen, mark=mark)
        return await transfer(uow, chosen.ids, to_user_id, reason, by, zone=zone, seen=seen)
    by.require(Action.CUSTOMER_ASSIGN)
    text = checked_reason(reason)
    await _receiver(uow, to_user_id, by)
    batch_id = new_id()
    params = {"to": to_user_id, "reason": text, "batch": batch_id, "zone": zone.key, "mark": mark or batch_id}
    params["ids"] = list(chosen.ids) if chosen.where is None else None
    params["where"] = None if chosen.where is None else chosen.where.plain()
    job = await jobs.start(uow, TRANSFER_JOB, params, by=by, total=chosen.total)
    return Transferred(batch_id, job_id=job.id)


async def transfer_many(
    uow: UnitOfWork, ids: Sequence[int], to_user_id: int, reason: str, *, by: Actor, zone: ZoneInfo
) -> Transferred:
    """``transfer_picked`` for ids alone, as they are now."""
    chosen = list(dict.fromkeys(ids))
    return await transfer_picked(uow, Picked(tuple(chosen), None, len(chosen)), to_user_id, reason, by=by, zone=zone)


async def change_policy(uow: UnitOfWork, changes: Mapping[str, Any], *, by: Actor) -> Policy:
    """Sets the named rules of the house. Raises Denied, Rejected with every wrong field."""
    by.require(Action.SETTING_WRITE)
    policy = checked(await queries.policy(uow.session), changes)
    department = policy.data_department_id
    if department is not None and department not in {one.id for one in await organization.departments(uow.session)}:
        raise Rejected(
            "allocation_policy_invalid", "There is no such department.", errors={"data_department_id": "is not known"}
        )
    await organization_service.put_setting(uow, KEY, plain(policy), by=by)
    return policy
