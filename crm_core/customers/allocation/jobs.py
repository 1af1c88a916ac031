"""The long work of allocation: big transfers, big runs, the nightly way back to the pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from crm_core.customers.allocation import queries, reclaim, runs, service
from crm_core.customers.allocation.kinds import RunState
from crm_core.customers.allocation.reclaim import Contacts, Exemption
from crm_core.customers.allocation.runs import ALLOCATE_JOB
from crm_core.customers.allocation.service import AT_ONCE, TRANSFER_JOB
from crm_core.customers.allocation.views import Outcome
from crm_core.jobs.runner import Cancelled, Handler, Step, Work


def handlers(exemptions: Sequence[Exemption] = (), contacts: Sequence[Contacts] = ()) -> dict[str, Handler]:
    """The handlers by kind; later contexts say here what spares a customer and when he was spoken with."""

    async def reclaim_all(work: Work) -> Mapping[str, Any]:
        return await reclaim.run(work, exemptions, contacts)

    return {TRANSFER_JOB: _transfer, ALLOCATE_JOB: _allocate, reclaim.JOB: reclaim_all}


def _rows(step: Step, start: int, outcomes: Sequence[Outcome]) -> None:
    for number, one in enumerate(outcomes, start + 1):
        step.row(number, one.verdict, one.reason, subject_id=one.customer_id)
    step.done += len(outcomes)


async def _transfer(work: Work) -> Mapping[str, Any]:
    ids, zone = work.params["ids"], ZoneInfo(work.params["zone"])
    while (start := work.position.get("next", 0)) < len(ids):
        async with work.step() as step:
            chunk = ids[start : start + AT_ONCE]
            done = await service.transfer(
                step.uow, chunk, work.params["to"], work.params["reason"], work.actor, work.params["batch"], zone
            )
            _rows(step, start, done.outcomes)
            step.position = {"next": start + len(chunk), "given": work.position.get("given", 0) + done.given}
    given = work.position.get("given", 0)
    return {"given": given, "refused": len(ids) - given, "batch": str(work.params["batch"])}


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


async def _close(work: Work, run_id: int) -> Mapping[str, Any]:
    async with work.db.uow() as uow:
        run = await queries.run_to_change(uow.session, work.actor, run_id)
        run.state = RunState.DONE
        return {"given": run.given, "refused": run.refused}


HANDLERS = handlers()
