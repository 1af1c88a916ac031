"""The nightly pass: derives every customer's states anew, a batch a step."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from crm_core.customers.classification import queries, service
from crm_core.customers.classification.sources import NO_FACTS, FactSource
from crm_core.jobs.runner import Handler, Work

REDERIVE = "rederive"
_BATCH = 250  # of one transaction: others write between two of them


def handlers(source: FactSource = NO_FACTS) -> Mapping[str, Handler]:
    """With the facts of those who keep orders."""

    async def rederive(work: Work) -> Mapping[str, Any]:
        """``today`` of the params is the business day, as ISO text; without it that of UTC."""
        given = work.params.get("today")
        today = None if given is None else date.fromisoformat(given)
        while await _batch(work, source, today):
            pass
        return {"customers": work.done, "changed": work.position.get("changed", 0)}

    return {REDERIVE: rederive}


async def _batch(work: Work, source: FactSource, today: date | None) -> bool:
    """One step; False when none was left."""
    async with work.step() as step:
        if step.total is None:
            step.total = await queries.how_many(step.uow.session)
        ids = await queries.ids_after(step.uow.session, work.position.get("after", 0), _BATCH)
        if not ids:
            return False
        changed = await service.rederive(step.uow, ids, source=source, today=today)
        step.position = {"after": ids[-1], "changed": work.position.get("changed", 0) + changed}
        step.done += len(ids)
    return True


HANDLERS = handlers()
