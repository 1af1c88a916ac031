"""One change for many customers at once: for those picked, or for all that a list holds; each with its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from zoneinfo import ZoneInfo

from crm_core.customers import rules, service
from crm_core.customers.allocation import service as allocation
from crm_core.customers.search import filters, queries
from crm_core.customers.search.queries import Now, Wanted
from crm_core.db.uow import UnitOfWork
from crm_core.jobs import service as jobs
from crm_core.jobs.models import Job
from crm_core.jobs.runner import Handler, Step, Work
from crm_core.kernel.errors import CrmError, Rejected
from crm_core.kernel.ids import new_id
from crm_core.organization.access import Action, Actor

BULK_JOB: Final = "customers.bulk"
MOST_PICKED: Final = 10_000
SETTABLE: Final = ("type", "source", "membership")
_CHUNK = 200  # customers of one transaction: others write in between
DONE, SAME, REFUSED = "done", "unchanged", "refused"


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of each customer: a field's new value (None takes it away), or another owner with the reason."""

    field: str | None = None
    value: str | None = None
    to_user_id: int | None = None
    reason: str = ""


async def start(
    uow: UnitOfWork, change: Change, *, ids: Sequence[int] | None, wanted: Wanted | None, by: Actor, zone: ZoneInfo
) -> Job:
    """A job that does it; its rows say what became of whom. Raises Denied, Rejected for a change that is none."""
    by.require(Action.CUSTOMER_WRITE if change.field else Action.CUSTOMER_ASSIGN)
    if (ids is None) == (wanted is None):
        raise Rejected("bulk_who", "Pick customers, or take all of the list.", errors={"ids": "missing"})
    if ids is not None and not 1 <= len(ids) <= MOST_PICKED:
        raise Rejected("bulk_who", f"Pick 1 to {MOST_PICKED} customers.", errors={"ids": f"1 to {MOST_PICKED}"})
    _check(change)
    params: dict[str, Any] = {
        "field": change.field,
        "value": change.value,
        "to": change.to_user_id,
        "reason": change.reason,
        "batch": new_id(),
        "zone": zone.key,
        "ids": None if ids is None else list(dict.fromkeys(ids)),
        "q": wanted.text if wanted else "",
        "filters": wanted.filters.kept() if wanted else {},
    }
    total = len(params["ids"]) if ids is not None else None
    if wanted is not None and not wanted.text.strip():
        today = uow.clock.now().astimezone(zone).date()
        total = await queries.count(uow.session, by, wanted.filters, now=Now(today, zone))
    return await jobs.start(uow, BULK_JOB, params, by=by, total=total)


def _check(change: Change) -> None:
    if change.field is None:
        allocation.checked_reason(change.reason)
        return
    if change.field not in SETTABLE:
        raise Rejected("bulk_field", "This field cannot be set for many at once.", errors={"field": "not for many"})
    if change.value is not None and len(rules.clean(change.value)) > rules.LIMITS[change.field]:
        errors = {"value": f"at most {rules.LIMITS[change.field]} characters"}
        raise Rejected("customer_invalid", "The value is too long.", errors=errors)


async def _run(work: Work) -> Mapping[str, Any]:
    counts = dict(work.position.get("counts", {}))
    while True:
        ids, position = await _next(work)
        async with work.step() as step:
            for verdict in await _apply(work, step, ids) if ids else ():
                counts[verdict] = counts.get(verdict, 0) + 1
            step.done += len(ids)
            step.position = {**position, "counts": counts}
        if position.get("end"):
            return counts


async def _next(work: Work) -> tuple[list[int], dict[str, Any]]:
    """The next customers and where the work stands after them."""
    picked: list[int] | None = work.params["ids"]
    if picked is not None:
        start = work.position.get("next", 0)
        return picked[start : start + _CHUNK], {"next": start + _CHUNK, "end": start + _CHUNK >= len(picked)}
    zone = ZoneInfo(work.params["zone"])
    wanted = Wanted(work.params["q"], filters.read(work.params["filters"]))
    now = Now(work.db.clock.now().astimezone(zone).date(), zone)
    cursor = work.position.get("cursor")
    async with work.db.read() as session:
        # Newest first by id: what a change moves out of the list does not shift what is still to come.
        page = await queries.find_ids(session, work.actor, wanted, now=now, limit=_CHUNK, cursor=cursor)
    return list(page.items), {"cursor": page.next, "end": page.next is None}


async def _apply(work: Work, step: Step, ids: Sequence[int]) -> list[str]:
    if work.params["field"] is None:
        return await _transfer(work, step, ids)
    verdicts = []
    for number, customer_id in enumerate(ids, work.done + 1):
        verdict, reason = await _set(work, step.uow, customer_id)
        step.row(number, verdict, reason, subject_id=customer_id)
        verdicts.append(verdict)
    return verdicts


async def _set(work: Work, uow: UnitOfWork, customer_id: int) -> tuple[str, str]:
    try:
        async with uow.session.begin_nested():
            before = await queries.version_of(uow.session, customer_id)
            fields = {work.params["field"]: work.params["value"]}
            after = await service.update(uow, customer_id, fields, by=work.actor)
            return (SAME if after.version == before else DONE), ""
    except CrmError as error:
        return REFUSED, error.detail


async def _transfer(work: Work, step: Step, ids: Sequence[int]) -> list[str]:
    p = work.params
    done = await allocation.transfer(step.uow, ids, p["to"], p["reason"], work.actor, p["batch"], ZoneInfo(p["zone"]))
    for number, one in enumerate(done.outcomes, work.done + 1):
        step.row(number, one.verdict, one.reason, subject_id=one.customer_id)
    return [str(one.verdict) for one in done.outcomes]


HANDLERS: dict[str, Handler] = {BULK_JOB: _run}
