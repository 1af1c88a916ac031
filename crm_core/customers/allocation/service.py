"""Transfers: a customer, or many, given to somebody else by a manager, with reason and history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from crm_core.customers.allocation import moving, people_queries, queries
from crm_core.customers.allocation.choosing import MOST, Filter
from crm_core.customers.allocation.kinds import Verdict
from crm_core.customers.allocation.policy import KEY, Policy, checked, plain
from crm_core.customers.allocation.rules import CAP_REACHED, NOT_FOUND, SAME_OWNER
from crm_core.customers.allocation.views import Outcome
from crm_core.customers.kinds import OwnerChangeKind
from crm_core.customers.queries import no_customer
from crm_core.customers.rules import clean
from crm_core.db.types import AnyRow
from crm_core.db.uow import UnitOfWork
from crm_core.jobs import service as jobs
from crm_core.kernel.errors import Denied, Rejected
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
) -> Transferred:
    """Gives the customers to somebody (None: to nobody), as far as his cap allows, in the order of ``ids``.

    Raises Denied without the right or for people out of reach, NotFound when no customer is within reach, Rejected
    for a missing reason or somebody who has left.
    """
    by.require(Action.CUSTOMER_ASSIGN)
    text = checked_reason(reason)
    receiver = await _receiver(uow, to_user_id, by)
    wanted = list(dict.fromkeys(ids))
    rows = await queries.to_move(uow.session, by, wanted)
    if not rows and batch is None:
        raise no_customer()
    left = await _room(uow, receiver, zone)
    outcomes = [_outcome(one, rows.get(one), to_user_id, left) for one in wanted]
    moved = [rows[one.customer_id] for one in outcomes if one.verdict is Verdict.GIVEN]
    act = moving.Act(OwnerChangeKind.TRANSFER, text, batch or new_id())
    target = (to_user_id, receiver.department_id if receiver else None)
    await moving.move(uow, moved, {row.id: target for row in moved}, act, by=by)
    return Transferred(act.batch_id, tuple(outcomes))


async def _receiver(uow: UnitOfWork, user_id: int | None, by: Actor) -> User | None:
    if user_id is None:
        return None
    await queries.lock_people(uow.session, [user_id])
    user = await organization.user_by_id(uow.session, user_id)
    if not user.active:
        raise Rejected("receiver_inactive", f"{user.name} may not sign in any more.", errors={"to": "is not active"})
    if not by.reaches(Action.CUSTOMER_ASSIGN, owner_id=user.id, department_id=user.department_id):
        raise Denied("owner_out_of_reach", "You may not give customers to this person.")
    return user


async def _room(uow: UnitOfWork, receiver: User | None, zone: tzinfo) -> list[int] | None:
    """How many more fit under the cap, as a counter that the outcomes use up; None: any number."""
    if receiver is None:
        return None
    found = await people_queries.standings(uow.session, [receiver.id], now=uow.clock.now(), zone=zone)
    standing = found[receiver.id]
    return None if standing.cap is None else [max(0, standing.cap - standing.open)]


def _outcome(customer_id: int, row: AnyRow | None, to_user_id: int | None, left: list[int] | None) -> Outcome:
    if row is None:
        return Outcome(customer_id, Verdict.REFUSED, NOT_FOUND)
    if row.owner_id == to_user_id:
        return Outcome(customer_id, Verdict.REFUSED, SAME_OWNER, to_user_id)
    if left is not None:
        if left[0] <= 0:
            return Outcome(customer_id, Verdict.REFUSED, CAP_REACHED)
        left[0] -= 1
    return Outcome(customer_id, Verdict.GIVEN, "", to_user_id)


async def transfer_many(
    uow: UnitOfWork, ids: Sequence[int], to_user_id: int, reason: str, *, by: Actor, zone: ZoneInfo
) -> Transferred:
    """As ``transfer``; above ``AT_ONCE`` customers a job does it, after rights, receiver and reason were checked."""
    if len(ids) <= AT_ONCE:
        return await transfer(uow, ids, to_user_id, reason, by, zone=zone)
    by.require(Action.CUSTOMER_ASSIGN)
    text = checked_reason(reason)
    await _receiver(uow, to_user_id, by)
    wanted = list(dict.fromkeys(ids))
    batch_id = new_id()
    params = {"ids": wanted, "to": to_user_id, "reason": text, "batch": batch_id, "zone": zone.key}
    job = await jobs.start(uow, TRANSFER_JOB, params, by=by, total=len(wanted))
    return Transferred(batch_id, job_id=job.id)


async def filtered(uow: UnitOfWork, chosen: Filter, *, by: Actor) -> list[int]:
    """The customers that a list's filter leaves. Raises Rejected for too many, NotFound for none."""
    ids = await queries.filtered_ids(uow.session, by, chosen, MOST + 1)
    if not ids:
        raise no_customer()
    if len(ids) > MOST:
        raise Rejected("too_many_customers", f"At most {MOST} customers at once; cut the list further.")
    return ids


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
