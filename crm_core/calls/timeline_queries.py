"""Everything that happened with one customer, newest first: one statement finds a page, one more each kind on it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from sqlalchemy import ColumnElement, Integer, bindparam, literal_column, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from crm_core.calls.models import Call
from crm_core.calls.timeline import TimelineItem, TimelineKind
from crm_core.calls.timeline_fact_queries import told
from crm_core.customers import queries as customer_queries
from crm_core.customers.change_models import ChangeKind, CustomerChange
from crm_core.customers.classification.models import ClassificationChange
from crm_core.customers.detail_models import Attitude
from crm_core.customers.imports.models import CustomerImport, ImportRow
from crm_core.customers.intake.models import RegistrationEntry
from crm_core.customers.merge_models import CustomerMerge
from crm_core.customers.models import Customer, CustomerNote, OwnerChange
from crm_core.customers.protection.models import Consent, Reveal
from crm_core.db.base import Id
from crm_core.db.types import AnySelect, UtcDateTime
from crm_core.kernel.pages import Page, bad_cursor, checked_limit, page_of, parse_time_cursor, time_cursor
from crm_core.organization.access import Action, Actor

_Kind = TimelineKind
_CUSTOMER: Final = bindparam("customer", type_=Id)
_AT: Final = bindparam("at", type_=UtcDateTime)
_LAST: Final = bindparam("last", type_=Id)
_MOST: Final = bindparam("most", type_=Integer)
_RANK: Final = {kind: rank for rank, kind in enumerate(TimelineKind)}


@dataclass(frozen=True, slots=True)
class Key:
    """Which thing happened when: all that the order of a page needs."""

    at: datetime
    kind: TimelineKind
    id: int


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the things of one kind stand. An index leads from the customer (and what ``also`` says) to the time."""

    kind: TimelineKind
    id: Any
    at: Any
    whose: InstrumentedAttribute[Any] | None = None
    also: ColumnElement[bool] | None = None

    def rows(self) -> AnySelect:
        found: AnySelect = select(self.at.label("at"), self.id.label("id"))
        if self.whose is None:  # a person is in few imports, and the file says when
            mine = select(ImportRow.import_id).where(ImportRow.customer_id == _CUSTOMER)
            return found.where(CustomerImport.id.in_(mine), CustomerImport.run_at.is_not(None))
        found = found.where(self.whose == _CUSTOMER)
        return found if self.also is None else found.where(self.also)


def _changes(kind: TimelineKind, of: ChangeKind) -> _Source:
    return _Source(kind, CustomerChange.id, CustomerChange.at, CustomerChange.customer_id, CustomerChange.kind == of)


_SOURCES: Final = {
    source.kind: source
    for source in (
        _Source(_Kind.CALL, Call.id, Call.started_at, Call.customer_id),
        _Source(_Kind.NOTE, CustomerNote.id, CustomerNote.at, CustomerNote.customer_id),
        _Source(_Kind.TRANSFER, OwnerChange.id, OwnerChange.at, OwnerChange.customer_id),
        _Source(
            _Kind.CLASSIFICATION, ClassificationChange.id, ClassificationChange.at, ClassificationChange.customer_id
        ),
        _Source(_Kind.ATTITUDE, Attitude.id, Attitude.noted_at, Attitude.customer_id),
        _Source(_Kind.CONSENT, Consent.id, Consent.at, Consent.customer_id),
        _changes(_Kind.PHONE, ChangeKind.PHONE),
        _changes(_Kind.EDIT, ChangeKind.EDITED),
        _changes(_Kind.CHECK, ChangeKind.VERIFIED),
        _Source(_Kind.REVEAL, Reveal.id, Reveal.at, Reveal.customer_id),
        _Source(
            _Kind.UNMERGE,
            CustomerMerge.id,
            CustomerMerge.undone_at,
            CustomerMerge.survivor_id,
            CustomerMerge.undone_at.is_not(None),
        ),
        _Source(_Kind.MERGE, CustomerMerge.id, CustomerMerge.at, CustomerMerge.survivor_id),
        _Source(_Kind.IMPORT, CustomerImport.id, CustomerImport.run_at),
        _Source(
            _Kind.REGISTRATION,
            RegistrationEntry.id,
            RegistrationEntry.finished_at,
            RegistrationEntry.customer_id,
            RegistrationEntry.finished_at.is_not(None),
        ),
        _Source(_Kind.CREATED, Customer.id, Customer.created_at, Customer.id),
    )
}


async def timeline(
    session: AsyncSession,
    actor: Actor,
    customer_id: int,
    *,
    today: date,
    kinds: Collection[TimelineKind] = (),
    limit: int = 50,
    cursor: str | None = None,
) -> Page[TimelineItem]:
    """Who may see the customer may see what happened with him; ``kinds`` empty is all kinds. Raises NotFound."""
    # A merged customer's id leads to the survivor, and so does his story.
    customer_id = (await customer_queries.customer(session, actor, customer_id, today=today)).id
    return await story(session, actor, customer_id, kinds=kinds, limit=limit, cursor=cursor)


async def story(
    session: AsyncSession,
    actor: Actor,
    customer_id: int,
    *,
    kinds: Collection[TimelineKind] = (),
    limit: int = 50,
    cursor: str | None = None,
) -> Page[TimelineItem]:
    """The same for who has read the customer already, with the id that was read."""
    checked_limit(limit)
    before = None if cursor is None else _parsed(cursor)
    wanted = [kind for kind in shown_kinds(actor) if not kinds or kind in kinds]
    keys = await _keys(session, customer_id, wanted, before, limit) if wanted else []
    page = page_of(keys, limit, _cursor)
    found: dict[tuple[TimelineKind, int], TimelineItem] = {}
    by_kind = sorted(page.items, key=lambda key: _RANK[key.kind])
    for kind, of_kind in groupby(by_kind, key=attrgetter("kind")):
        ids = [key.id for key in of_kind]
        found |= {(kind, item.id): item for item in await told(session, actor, kind, ids, customer_id)}
    return Page([found[key.kind, key.id] for key in page.items if (key.kind, key.id) in found], page.next)


def shown_kinds(actor: Actor) -> list[TimelineKind]:
    """Who looked at whole numbers is for those who read the audit."""
    return [kind for kind in TimelineKind if kind is not _Kind.REVEAL or actor.may(Action.AUDIT_READ)]


async def _keys(
    session: AsyncSession, customer_id: int, kinds: Sequence[TimelineKind], before: Key | None, limit: int
) -> list[Key]:
    """Of each kind the newest that come after the cursor, and of all those the newest: however long the story is."""
    values: dict[str, Any] = {"customer": customer_id, "most": limit + 1}
    if before is not None:
        values |= {"at": before.at, "last": before.id}
    statement = _newest(tuple(kinds), None if before is None else before.kind)
    order = list(TimelineKind)
    return [Key(row.at, order[row.rank], row.id) for row in await session.execute(statement, values)]


@lru_cache(maxsize=128)
def _newest(kinds: tuple[TimelineKind, ...], before: TimelineKind | None) -> AnySelect:
    """The statement for a page, which takes longer to put together than to run."""
    parts = []
    for kind in kinds:
        source = _SOURCES[kind]
        rows = source.rows() if before is None else source.rows().where(_after(source, before))
        part = rows.order_by(source.at.desc(), source.id.desc()).limit(_MOST).subquery()
        parts.append(select(part.c.at, literal_column(str(_RANK[kind])).label("rank"), part.c.id))
    whole = union_all(*parts).subquery()
    newest = select(whole.c.at, whole.c.rank, whole.c.id)
    return newest.order_by(whole.c.at.desc(), whole.c.rank, whole.c.id.desc()).limit(_MOST)


def _after(source: _Source, before: TimelineKind) -> ColumnElement[bool]:
    """What of this kind comes after that: of one instant the kinds have their order, and of one kind the ids."""
    if source.kind is before:
        within: ColumnElement[bool] = tuple_(source.at, source.id) < tuple_(_AT, _LAST)
        return within
    later: ColumnElement[bool] = source.at <= _AT if _RANK[source.kind] > _RANK[before] else source.at < _AT
    return later


def _cursor(key: Key) -> str:
    return f"{key.kind}.{time_cursor(key.at, key.id)}"


def _parsed(cursor: str) -> Key:
    """Raises Rejected for anything that no page gave out."""
    kind, _, rest = cursor.partition(".")
    if kind not in _RANK:
        raise bad_cursor()
    at, identifier = parse_time_cursor(rest)
    return Key(at, TimelineKind(kind), identifier)
