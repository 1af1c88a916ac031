"""Customers that should not be in the base: found or marked, then kept or archived by a manager, never deleted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import service as audit
from crm_core.customers import queries as customers
from crm_core.customers.allocation import moving, reclaim_queries, unfit_queries
from crm_core.customers.allocation import queries as allocation
from crm_core.customers.allocation.kinds import UnfitReason, UnfitState
from crm_core.customers.allocation.models import UnfitCustomer
from crm_core.customers.allocation.reclaim import Exemption
from crm_core.customers.kinds import OwnerChangeKind
from crm_core.customers.rules import clean
from crm_core.db.uow import UnitOfWork
from crm_core.jobs import service as jobs
from crm_core.jobs.models import Job
from crm_core.jobs.runner import Step, Work
from crm_core.kernel.errors import Conflict, Rejected
from crm_core.kernel.ids import new_id
from crm_core.organization.access import Action, Actor

JOB: Final = "customers.unfit"
CHUNK: Final = 1000
MOST: Final = 500  # decided at once
_TEXT: Final = 500


class UnfitSource(Protocol):
    """What speaks against customers; a context that knows of purchases, cost or complaints implements it."""

    async def reasons(self, session: AsyncSession, customer_ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
        """Codes of ``UnfitReason`` for each customer that it speaks against."""
        ...


class ByPhone:
    """What the customers' numbers say."""

    async def reasons(self, session: AsyncSession, customer_ids: Sequence[int]) -> Mapping[int, Sequence[str]]:
        house = await allocation.policy(session)
        return await unfit_queries.by_phone(session, customer_ids, house.unfit_tries)


async def mark(uow: UnitOfWork, customer_id: int, *, reason: UnfitReason, note: str, by: Actor) -> UnfitCustomer:
    """Somebody says that this customer should not be in the base. Raises NotFound, Rejected without the words."""
    customer = await customers.customer_to_change(uow.session, by, customer_id, Action.CUSTOMER_WRITE)
    text = clean(note)[:_TEXT]
    if not text:
        raise Rejected("unfit_note_missing", "Say what speaks against this customer.", errors={"note": "missing"})
    one = (await unfit_queries.known(uow.session, [customer.id])).get(customer.id)
    if one is None:
        one = _entry(uow, customer.id, [])
        uow.session.add(one)
    if one.state is UnfitState.ARCHIVED:
        raise Conflict("customer_archived", "This customer is archived already.")
    one.state, one.note, one.marked_by_id = UnfitState.PROPOSED, text, by.user_id
    one.reasons = sorted({*one.reasons, reason})
    audit.record(uow, by, "customer.unfit", "customer", customer.id, {"reason": reason})
    return one


def _entry(uow: UnitOfWork, customer_id: int, reasons: Sequence[str]) -> UnfitCustomer:
    return UnfitCustomer(
        customer_id=customer_id, state=UnfitState.PROPOSED, reasons=sorted(reasons), found_at=uow.clock.now()
    )


async def decide(uow: UnitOfWork, ids: Sequence[int], *, archive: bool, answer: str, by: Actor) -> int:
    """Keeps or archives what is on the list; how many. An archived one has no owner and is not allocated.

    Raises Denied, Rejected without a reason or for too many. Who is out of reach or not on the list is left out.
    """
    by.require(Action.CUSTOMER_ASSIGN)
    text, wanted = clean(answer)[:_TEXT], list(dict.fromkeys(ids))
    if not text or not 1 <= len(wanted) <= MOST:
        raise Rejected(
            "unfit_decision",
            f"Pick 1 to {MOST} customers and say why.",
            errors={"answer": "missing"} if not text else {"ids": f"1 to {MOST}"},
        )
    rows = await allocation.to_move(uow.session, by, wanted)
    state = UnfitState.ARCHIVED if archive else UnfitState.KEPT
    changed = [one for one in (await unfit_queries.known(uow.session, list(rows))).values() if one.state is not state]
    for one in changed:
        one.state, one.answer, one.decided_by_id, one.decided_at = state, text, by.user_id, uow.clock.now()
    await uow.session.flush()
    owned = [rows[one.customer_id] for one in changed if archive and rows[one.customer_id].owner_id is not None]
    act = moving.Act(OwnerChangeKind.TRANSFER, text, new_id())
    await moving.move(uow, owned, {row.id: (None, None) for row in owned}, act, by=by)
    moved = [one.customer_id for one in changed]
    audit.record(uow, by, f"customer.unfit_{state}", "customer", None, {"customers": moved, "reason": text})
    return len(moved)


async def start(uow: UnitOfWork, *, by: Actor) -> Job:
    """Looks for them through the whole base. Raises Denied, Conflict ``unfit_search_runs``."""
    by.require(Action.CUSTOMER_ALLOCATE)
    if await reclaim_queries.under_way(uow.session, JOB):
        raise Conflict("unfit_search_runs", "This search is under way already.")
    return await jobs.start(uow, JOB, {}, by=by)


async def run(work: Work, sources: Sequence[UnfitSource], exemptions: Sequence[Exemption]) -> Mapping[str, Any]:
    """The job: asks every source about everybody. Who was kept is proposed anew only for a reason that is new."""
    counts: Counter[str] = Counter(work.position.get("counts", {}))
    while True:
        after = work.position.get("after", 0)
        async with work.step() as step:
            ids = await unfit_queries.next_ids(step.uow.session, after, CHUNK)
            if not ids:
                return dict(counts)
            counts.update(await _look(step, ids, sources, exemptions))
            step.done += len(ids)
            step.position = {"after": ids[-1], "counts": dict(counts)}


async def _look(
    step: Step, ids: Sequence[int], sources: Sequence[UnfitSource], exemptions: Sequence[Exemption]
) -> Counter[str]:
    uow, reasons = step.uow, dict[int, set[str]]()
    for source in sources:
        for customer_id, codes in (await source.reasons(uow.session, ids)).items():
            reasons.setdefault(customer_id, set()).update(map(str, codes))
    spared: dict[int, str] = {}
    for exemption in exemptions:
        spared |= await exemption.spared(uow.session, list(reasons)) if reasons else {}
    known, counts = await unfit_queries.known(uow.session, list(reasons)), Counter[str]()
    for customer_id, against in reasons.items():
        one = known.get(customer_id)
        if customer_id in spared or (one is not None and against <= set(one.reasons)):
            counts["spared" if customer_id in spared else "unchanged"] += 1
            continue
        if one is None:
            uow.session.add(_entry(uow, customer_id, sorted(against)))
        else:
            one.reasons = sorted(against | set(one.reasons))
            if one.state is UnfitState.KEPT:
                one.state, one.found_at = UnfitState.PROPOSED, uow.clock.now()
        counts["proposed"] += 1
    return counts
