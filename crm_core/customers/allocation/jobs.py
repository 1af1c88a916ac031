"""The long work of allocation: big transfers, big runs, the nightly way back to the pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from crm_core.customers.allocation import choosing, leaving, queries, reclaim, runs, service, unfit
from crm_core.customers.allocation.kinds import RunState
from crm_core.customers.allocation.reclaim import Contacts, Exemption
from crm_core.customers.allocation.runs import ALLOCATE_JOB
from crm_core.customers.allocation.service import AT_ONCE, TRANSFER_JOB
from crm_core.customers.allocation.unfit import ByPhone, UnfitSource
from crm_core.customers.allocation.views import Outcome
from crm_core.jobs.runner import Cancelled, Handler, Step, Work
from crm_core.kernel.ids import show


def handlers(
    exemptions: Sequence[Exemption] = (),
    contacts: Sequence[Contacts] = (),
    against: Sequence[UnfitSource] = (ByPhone(),),
) -> dict[str, Handler]:
    """The handlers by kind; later contexts say here what spares a customer, when he was spoken with, and what speaks
    against him.
    """

    async def reclaim_all(work: Work) -> Mapping[str, Any]:
        return await reclaim.run(work, exemptions, contacts)

    async def unfit_search(work: Work) -> Mapping[str, Any]:
        return await unfit.run(work, against, exemptions)

    return {
        TRANSFER_JOB: _transfer,
        ALLOCATE_JOB: _allocate,
        reclaim.JOB: reclaim_all,
        unfit.JOB: unfit_search,
        leaving.JOB: _hand_over,
    }


def _rows(step: Step, start: int, outcomes: Sequence[Outcome]) -> None:
    for number, one in enumerate(outcomes, start + 1):
        step.row(number, one.verdict, one.reason, subject_id=one.customer_id, data=_first(one))
    step.done += len(outcomes)


def _first(one: Outcome) -> dict[str, Any] | None:
    """Who was first, for the row of who came too late."""
    if one.first is None:
        return None
    return {"by": one.first.by, "to": one.first.to, "at": one.first.at.isoformat()}


async def _transfer(work: Work) -> Mapping[str, Any]:
    p, zone = work.params, ZoneInfo(work.params["zone"])
    seen, batch = service.Seen(mark=p.get("mark", p["batch"])), p["batch"]
    while True:
        ids, position = await _next(work)
        if not ids:
            break
        async with work.step() as step:
            done = await service.transfer(step.uow, ids, p["to"], p["reason"], work.actor, batch, zone, seen)
            _rows(step, work.done, done.outcomes)
            step.position = position | {"given": work.position.get("given", 0) + done.given}
    given = work.position.get("given", 0)
    return {"given": given, "refused": work.done - given, "batch": str(batch)}


async def _next(work: Work) -> tuple[list[int], dict[str, Any]]:
    """The next customers and where the work stands after them."""
    ids = work.params.get("ids")
    if ids is not None:
        start = work.position.get("next", 0)
        return ids[start : start + AT_ONCE], {"next": start + AT_ONCE}
    where, after = choosing.where_of(work.params["where"]), work.position.get("after", 0)
    async with work.db.read() as session:
        # By id: what the work moves out of the condition does not shift what is still to come.
        found = await queries.found_ids(
            session, work.actor, where, limit=AT_ONCE, after=after, until=work.params["batch"]
        )
    return found, {"after": found[-1] if found else after}


async def _allocate(work: Work) -> Mapping[str, Any]:
    run_id, ids, zone = work.params["run"], work.params["ids"], ZoneInfo(work.params["zone"])
    try:
        while (start := work.position.get("next", 0)) < len(ids):
            async with work.step() as step:
                run = await queries.run_to_change(step.uow.session, work.actor, run_id)
                chunk = ids[start : start + AT_ONCE]
                _rows(step, start, await runs.give(step.uow, run, chunk, start, by=work.actor, zone=zone))
                step.position = {"next": start + len(chunk)}
    except Cancelled:
        # What is given stays given; the run says how much that was.
        await _close(work, run_id)
        raise
    return await _close(work, run_id)


async def _hand_over(work: Work) -> Mapping[str, Any]:
    wish, zone, batch = leaving.parse(work.params), ZoneInfo(work.params["zone"]), work.params["batch"]
    while True:
        given = {int(user): count for user, count in work.position.get("given", {}).items()}
        async with work.step() as step:
            after = work.position.get("after", 0)
            outcomes, last = await leaving.give_on(
                step.uow, wish, batch, after=after, given=given, by=work.actor, zone=zone
            )
            if last is None:
                total = sum(given.values())
                return {"given": total, "refused": work.done - total, "batch": str(batch)}
            _rows(step, work.done, outcomes)
            for one in outcomes:
                if one.user_id is not None:
                    given[one.user_id] = given.get(one.user_id, 0) + 1
            step.position = {"after": last, "given": {str(user): count for user, count in given.items()}}


async def _close(work: Work, run_id: int) -> Mapping[str, Any]:
    async with work.db.uow() as uow:
        run = await queries.run_to_change(uow.session, work.actor, run_id)
        run.state = RunState.DONE
        return {"given": run.given, "refused": run.refused, "run": show(run.id)}


HANDLERS = handlers()
