"""The job that forgets a person: what names him goes for good, what the books and figures need stays without a name."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import delete, update

from crm_core.audit import service as audit
from crm_core.customers import queries as customers
from crm_core.customers.events import CustomerChanged, PhonesChanged
from crm_core.customers.protection import leftover_queries, person_queries, personal, queries
from crm_core.customers.protection.elsewhere import Elsewhere
from crm_core.customers.protection.exporting import Files, attempted, request_of
from crm_core.customers.protection.kinds import RequestState
from crm_core.db.uow import UnitOfWork
from crm_core.jobs.models import OVER
from crm_core.jobs.runner import Work
from crm_core.organization.access import Action

_EMPTY: Final[Mapping[str, Any]] = {
    "name": "*", "pinyin": "", "initials": "", "custom": {}, "do_not_call": True, "birth_leap": False,
    "completeness": 0,
}  # fmt: skip


class EraseJob:
    """Called by the runner: one transaction, all or nothing. Nobody can take it back."""

    def __init__(self, files: Files, elsewhere: Sequence[Elsewhere]) -> None:
        self._files = files
        self._elsewhere = elsewhere

    async def __call__(self, work: Work) -> Mapping[str, Any]:
        return await attempted(work, self._erased(work))

    async def _erased(self, work: Work) -> Mapping[str, Any]:
        found = await request_of(work)
        if found.customer_id is None:
            raise customers.no_customer()
        files: list[int] = []
        async with work.step() as step:
            uow, customer_id = step.uow, found.customer_id
            customer = await customers.customer_to_change(uow.session, work.actor, customer_id, Action.CUSTOMER_ERASE)
            version = customer.version
            uow.session.expunge_all()
            numbers = await person_queries.numbers(uow.session, customer_id)
            files = await _leftovers(uow, customer_id, numbers)
            wiped = await self._wipe(uow, customer_id, version, numbers)
            request = await queries.request_to_change(uow.session, found.id)
            request.state, request.rows = RequestState.DONE, 1
            audit.record(uow, work.actor, "person.erase", "customer", customer_id, {"request": found.id})
            wiped["audit_lines"] = await audit.erase_details(uow, "customer", [customer_id], by=work.actor)
            uow.emit(CustomerChanged(customer_id=customer_id, by_user_id=work.actor.user_id, fields=["erased"]))
        for file_id in files:
            await asyncio.to_thread(self._files.path(file_id).unlink, True)
        return wiped

    async def _wipe(self, uow: UnitOfWork, customer_id: int, version: int, numbers: Sequence[str]) -> dict[str, int]:
        wiped: dict[str, int] = {}
        for tier in self._elsewhere:
            wiped |= await tier.erase(uow, customer_id, numbers)
        connection = await uow.session.connection()
        for name, columns in personal.tables().items():
            table = personal.table(name)
            for column in columns:
                if name in personal.WIPED:
                    gone = await connection.execute(delete(table).where(column == customer_id))
                    wiped[name] = wiped.get(name, 0) + gone.rowcount
                elif personal.KEPT.get(name):
                    emptied = update(table).where(column == customer_id).values(**personal.KEPT[name])
                    await connection.execute(emptied)
        await connection.execute(_nobody(customer_id, version, uow))
        if numbers:
            uow.emit(PhonesChanged(customer_id=customer_id))
        return {name: count for name, count in wiped.items() if count}


async def _leftovers(uow: UnitOfWork, customer_id: int, numbers: Sequence[str]) -> list[int]:
    """What names the person outside the tables about him goes; gives the files to delete.

    A list that somebody has not fetched yet may hold him: it is not handed out any more, and can be asked for anew.
    """
    session = uow.session
    words = await leftover_queries.words_of(session, customer_id, numbers)
    for wish in await leftover_queries.requests_with(session, words):
        wish.filters = {}
    for job in await leftover_queries.jobs_with(session, words):
        if job.state in OVER:
            job.params = {}
    for answer in await leftover_queries.answers_with(session, customer_id):
        answer.status, answer.body = 409, {"detail": "The customer of this answer was forgotten since."}
    stale = await leftover_queries.waiting_files(session, customer_id)
    for waiting in stale:
        waiting.state = RequestState.EXPIRED
    await session.flush()
    return [waiting.file_id for waiting in stale if waiting.file_id is not None]


def _nobody(customer_id: int, version: int, uow: UnitOfWork) -> Any:
    """The customer's row without a person: the account number stays given, nobody gets it again."""
    table = personal.table("customers")
    gone = {column.name: None for column in table.columns if column.name not in personal.KEPT_COLUMNS}
    values = gone | dict(_EMPTY) | {"updated_at": uow.clock.now(), "version": version + 1}
    return update(table).where(table.c.id == customer_id).values(**values)
