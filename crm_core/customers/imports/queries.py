"""Reads of imports: batches, their rows, remembered mappings; and what a chunk of rows meets in the database."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import selectinload

from crm_core.customers.imports.kinds import Stage, Undone, Verdict
from crm_core.customers.imports.models import CustomerImport, ImportPreset, ImportRow
from crm_core.customers.models import AccountNumber, Customer
from crm_core.customers.search.models import SearchEntry
from crm_core.db.base import Base
from crm_core.db.types import AnyRow
from crm_core.db.upsert import table_of
from crm_core.jobs.models import OVER, Job, JobState
from crm_core.kernel.errors import NotFound
from crm_core.kernel.pages import Page, checked_limit, page_of, parse_text_cursor, text_cursor
from crm_core.organization.access import Action, Actor
from crm_core.organization.models import Department, User

# What belongs to a customer from the start or is worked out from him: having it is no use made of him.
_OWN_TABLES = frozenset(
    {
        "customer_phones",
        "account_numbers",
        "match_keys",
        "match_records",
        "search_entries",
        "person_details",
        "organization_details",
        "customer_import_rows",
        "classification_changes",
    }
)

_BLOCK = 500  # values of one statement
# Made once, so that each is worked out once.
_CARD_HOLDERS = select(Customer.id_card_index, Customer.id).where(
    Customer.id_card_index.in_(bindparam("indexes", expanding=True))
)
# One value for all of them: thousands of keys, whose places in a statement would cost more than finding them.
_KEYED_ROWS = {
    "sqlite": "SELECT key, number FROM customer_import_keys WHERE import_id = ?"
    " AND key IN (SELECT value FROM json_each(?))",
    "postgresql": "SELECT key, number FROM customer_import_keys WHERE import_id = $1::bigint"
    " AND key = ANY($2::bigint[])",
}


@dataclass(frozen=True, slots=True)
class ImportView:
    """An import and how far its last job is; ``done`` and ``total`` count rows of the file."""

    id: int
    created_by_id: int | None
    created_by: str | None
    created_at: datetime
    file_name: str
    headings: list[str]
    mapping: dict[str, Any]
    options: dict[str, Any]
    stage: Stage
    total: int
    run_at: datetime | None
    undone_at: datetime | None
    file_kept: bool
    job_id: int | None
    job_state: JobState | None
    done: int
    job_error_code: str | None
    job_error: str | None
    verdicts: dict[str, int]


@dataclass(frozen=True, slots=True)
class RowView:
    number: int
    verdict: Verdict
    customer_id: int | None
    score: int | None
    reasons: list[Any]
    undone: Undone | None
    kept_sealed: bytes | None


@dataclass(frozen=True, slots=True)
class AccountHolder:
    """Whose an account number is; ``customer_id`` None: it was given once and is free never again."""

    customer_id: int | None
    owner_id: int | None
    department_id: int | None


def _mine(actor: Actor) -> Any:
    """One's own; an administrator sees everybody's."""
    return None if actor.may(Action.SETTING_WRITE) else CustomerImport.created_by_id == actor.user_id


def _batches() -> Any:
    i = CustomerImport
    return (
        select(i, User.name.label("creator"), Job.state, Job.done, Job.error_code, Job.error)
        .outerjoin(User, User.id == i.created_by_id)
        .outerjoin(Job, Job.id == i.job_id)
    )


async def import_view(session: AsyncSession, actor: Actor, import_id: int) -> ImportView:
    """Raises NotFound, also for another's."""
    actor.require(Action.CUSTOMER_IMPORT)
    rows = _batches().where(CustomerImport.id == import_id)
    mine = _mine(actor)
    row = (await session.execute(rows if mine is None else rows.where(mine))).one_or_none()
    if row is None:
        raise no_import()
    return _view(row, await verdicts(session, import_id))


async def imports(
    session: AsyncSession, actor: Actor, *, limit: int = 50, cursor: str | None = None
) -> Page[ImportView]:
    """Newest first."""
    actor.require(Action.CUSTOMER_IMPORT)
    checked_limit(limit)
    rows = _batches().order_by(CustomerImport.id.desc()).limit(limit + 1)
    mine = _mine(actor)
    rows = rows if mine is None else rows.where(mine)
    if cursor is not None:
        rows = rows.where(CustomerImport.id < parse_text_cursor(cursor)[1])
    found = (await session.execute(rows)).all()
    counts = await _verdicts_of(session, [row.CustomerImport.id for row in found[:limit]])
    views = [_view(row, counts.get(row.CustomerImport.id, {})) for row in found]
    return page_of(views, limit, lambda last: text_cursor("", last.id))


def _view(row: AnyRow, counts: dict[str, int]) -> ImportView:
    batch: CustomerImport = row.CustomerImport
    return ImportView(
        id=batch.id,
        created_by_id=batch.created_by_id,
        created_by=row.creator,
        created_at=batch.created_at,
        file_name=batch.file_name,
        headings=batch.headers,
        mapping=batch.mapping,
        options=batch.options,
        stage=batch.stage,
        total=batch.total,
        run_at=batch.run_at,
        undone_at=batch.undone_at,
        file_kept=batch.file_id is not None,
        job_id=batch.job_id,
        job_state=row.state,
        done=row.done or 0,
        job_error_code=row.error_code,
        job_error=row.error,
        verdicts=counts,
    )


async def verdicts(session: AsyncSession, import_id: int) -> dict[str, int]:
    return (await _verdicts_of(session, [import_id])).get(import_id, {})


async def _verdicts_of(session: AsyncSession, ids: Collection[int]) -> dict[int, dict[str, int]]:
    counted = (
        select(ImportRow.import_id, ImportRow.verdict, func.count())
        .where(ImportRow.import_id.in_(ids))
        .group_by(ImportRow.import_id, ImportRow.verdict)
    )
    found: dict[int, dict[str, int]] = {}
    for import_id, verdict, count in await session.execute(counted):
        found.setdefault(import_id, {})[verdict.value] = count
    return found


async def rows(
    session: AsyncSession,
    import_id: int,
    *,
    verdict: Verdict | None = None,
    warned: bool = False,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[RowView]:
    """In the file's order; the caller has made sure that the import may be seen."""
    checked_limit(limit)
    r = ImportRow
    found = (
        select(r.number, r.verdict, r.customer_id, r.score, r.reasons, r.undone, r.kept_sealed)
        .where(r.import_id == import_id)
        .order_by(r.number)
        .limit(limit + 1)
    )
    if verdict is not None:
        found = found.where(r.verdict == verdict)
    if warned:
        found = found.where(r.warned)
    if cursor is not None:
        found = found.where(r.number > parse_text_cursor(cursor)[1])
    views = [RowView(*row) for row in await session.execute(found)]
    return page_of(views, limit, lambda last: text_cursor("", last.number))


async def import_to_change(session: AsyncSession, actor: Actor, import_id: int) -> CustomerImport:
    """The batch itself, locked. Raises NotFound, also for another's."""
    actor.require(Action.CUSTOMER_IMPORT)
    found = select(CustomerImport).where(CustomerImport.id == import_id).with_for_update()
    mine = _mine(actor)
    batch = (await session.scalars(found if mine is None else found.where(mine))).one_or_none()
    if batch is None:
        raise no_import()
    return batch


async def job_state(session: AsyncSession, job_id: int | None) -> JobState | None:
    return (await session.execute(select(Job.state).where(Job.id == job_id))).scalar_one_or_none()


def no_import() -> NotFound:
    return NotFound("import_not_found", "There is no such import.")


async def presets(session: AsyncSession, actor: Actor) -> Sequence[ImportPreset]:
    """One's own and everybody's, by name."""
    found = select(ImportPreset).where(or_(ImportPreset.user_id == actor.user_id, ImportPreset.user_id.is_(None)))
    return (await session.scalars(found.order_by(ImportPreset.name, ImportPreset.id).limit(200))).all()


async def preset_named(session: AsyncSession, user_id: int | None, name: str) -> ImportPreset | None:
    whose = ImportPreset.user_id.is_(None) if user_id is None else ImportPreset.user_id == user_id
    return (await session.scalars(select(ImportPreset).where(whose, ImportPreset.name == name))).one_or_none()


async def preset(session: AsyncSession, preset_id: int) -> ImportPreset | None:
    return await session.get(ImportPreset, preset_id)


async def people(session: AsyncSession) -> list[tuple[int, str, str, int | None, bool]]:
    """(id, name, shown name, department, active) of every user."""
    found = await session.execute(select(User.id, User.name, User.display_name, User.department_id, User.active))
    return [(row[0], row[1], row[2], row[3], row[4]) for row in found]


async def departments(session: AsyncSession) -> dict[str, int]:
    found = await session.execute(select(Department.name, Department.id))
    return {row.name: row.id for row in found}


async def account_holders(session: AsyncSession, numbers: Collection[str]) -> dict[str, AccountHolder]:
    """Those of the numbers that were ever given."""
    found = (
        select(AccountNumber.number, AccountNumber.customer_id, Customer.owner_id, Customer.department_id)
        .outerjoin(Customer, Customer.id == AccountNumber.customer_id)
        .where(AccountNumber.number.in_(numbers))
    )
    if not numbers:
        return {}
    return {number: AccountHolder(*rest) for number, *rest in await session.execute(found)}


async def card_holders(session: AsyncSession, indexes: Sequence[str]) -> dict[str, int]:
    """Customers by the keyed index of their ID card."""
    found: dict[str, int] = {}
    for start in range(0, len(indexes), _BLOCK):
        rows = await session.execute(_CARD_HOLDERS, {"indexes": indexes[start : start + _BLOCK]})
        found |= {row.id_card_index: row.id for row in rows if row.id_card_index is not None}
    return found


async def rows_with_keys(session: AsyncSession, import_id: int, keys: Iterable[int]) -> dict[int, int]:
    """Row number by key, of rows that were worked off before."""
    wanted = list(keys)
    if not wanted:
        return {}
    connection = await session.connection()
    asked: Any = str(wanted) if connection.dialect.name == "sqlite" else wanted
    rows: Any = await connection.exec_driver_sql(_KEYED_ROWS[connection.dialect.name], (import_id, asked))
    return {row[0]: row[1] for row in rows}


async def noted(session: AsyncSession, import_id: int, after: int, to: int) -> dict[int, bytes]:
    """What the search has noted of the customers whom the rows behind ``after``, up to ``to``, have made."""
    r, e = ImportRow, SearchEntry
    mine = (r.import_id == import_id) & (r.verdict == Verdict.CREATE) & (r.number > after) & (r.number <= to)
    rows = select(e.customer_id, e.tokens).join(r, r.customer_id == e.customer_id).where(mine)
    return {row.customer_id: row.tokens for row in await session.execute(rows)}


async def made_by(session: AsyncSession, import_id: int, customer_ids: Collection[int]) -> set[int]:
    """Which of the customers this import has made."""
    if not customer_ids:
        return set()
    r = ImportRow
    mine = (r.import_id == import_id) & (r.verdict == Verdict.CREATE)
    found = await session.scalars(select(r.customer_id).where(mine, r.customer_id.in_(customer_ids)))
    return {customer_id for customer_id in found if customer_id is not None}


async def customers_to_change(session: AsyncSession, ids: Collection[int]) -> dict[int, Customer]:
    """With their numbers, locked, in the order of their ids so that two imports never wait for each other."""
    if not ids:
        return {}
    found = select(Customer).where(Customer.id.in_(ids)).options(selectinload(Customer.phones)).order_by(Customer.id)
    return {one.id: one for one in await session.scalars(found.with_for_update(of=Customer))}


async def rows_to_undo(session: AsyncSession, import_id: int, before: int, limit: int) -> Sequence[ImportRow]:
    """The last rows first, those that changed something and are not undone yet."""
    r = ImportRow
    found = select(r).where(
        r.import_id == import_id,
        r.number < before,
        r.verdict.in_((Verdict.CREATE, Verdict.UPDATE)),
        r.customer_id.is_not(None),
        r.undone.is_(None),
    )
    return (await session.scalars(found.order_by(r.number.desc()).limit(limit))).all()


async def used_since(session: AsyncSession, ids: Collection[int]) -> dict[int, str]:
    """Customers that something leads to which the import did not make, with the table of it."""
    if not ids:
        return {}
    target, used = table_of(Customer), dict[int, str]()
    for table in Base.metadata.sorted_tables:
        if table.name in _OWN_TABLES:
            continue
        for column in table.columns:
            if any(key.column.table is target for key in column.foreign_keys):
                found = await session.execute(select(column).where(column.in_(ids)).distinct())
                used |= dict.fromkeys(found.scalars(), table.name)
    return used


async def failed_rows(session: AsyncSession, import_id: int, after: int, limit: int) -> Iterable[AnyRow]:
    """Rows that brought nothing, with their sealed cells, in the file's order."""
    r = ImportRow
    found = select(r.number, r.verdict, r.reasons, r.kept_sealed).where(
        r.import_id == import_id, r.number > after, r.verdict.in_((Verdict.ERROR, Verdict.DUPLICATE))
    )
    return (await session.execute(found.order_by(r.number).limit(limit))).all()


async def file_of(session: AsyncSession, import_id: int) -> int | None:
    return (await session.execute(select(CustomerImport.file_id).where(CustomerImport.id == import_id))).scalar_one()


async def left_lying(session: AsyncSession, before: datetime) -> Sequence[CustomerImport]:
    """Imports with a file since before then that nothing works on, a few at a time."""
    i = CustomerImport
    working = select(Job.id).where(Job.id == i.job_id, Job.state.not_in(OVER)).exists()
    since = func.coalesce(select(Job.created_at).where(Job.id == i.job_id).scalar_subquery(), i.created_at)
    found = select(i).where(i.file_id.is_not(None), since < before, ~working).order_by(i.id).limit(100)
    return (await session.scalars(found.with_for_update(skip_locked=True))).all()


async def last_row(session: AsyncSession, import_id: int) -> int:
    """The number of the last row that was worked off, 0 for none."""
    found = await session.execute(select(func.max(ImportRow.number)).where(ImportRow.import_id == import_id))
    return found.scalar_one() or 0


async def count_rows(session: AsyncSession, import_id: int) -> int:
    found = await session.execute(select(func.count()).where(ImportRow.import_id == import_id))
    return int(found.scalar_one())


async def earlier_updates(session: AsyncSession, import_id: int, customer_id: int, before: int) -> Sequence[ImportRow]:
    """Rows of an import further up that touched the same customer."""
    r = ImportRow
    mine = (r.import_id == import_id) & (r.customer_id == customer_id) & (r.number < before) & r.undone.is_(None)
    return (await session.scalars(select(r).where(mine))).all()


async def batch(session: AsyncSession, import_id: int) -> CustomerImport:
    """The caller has made sure that it may be seen."""
    return await session.get_one(CustomerImport, import_id)
