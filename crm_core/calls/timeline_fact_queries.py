"""What a page of the timeline tells of each thing: one statement a kind, whatever their number."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from sqlalchemy import null, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crm_core.calls.models import Call, CallNote
from crm_core.calls.queries import call_rows, views
from crm_core.calls.timeline import TimelineItem, TimelineKind
from crm_core.calls.views import NoteView
from crm_core.customers.change_models import CustomerChange
from crm_core.customers.classification.models import ClassificationChange
from crm_core.customers.detail_models import Attitude
from crm_core.customers.imports.models import CustomerImport, ImportRow
from crm_core.customers.intake.models import Registration, RegistrationEntry
from crm_core.customers.merge_models import CustomerMerge
from crm_core.customers.models import Customer, CustomerNote, OwnerChange, Phone
from crm_core.customers.protection.models import Consent, Reveal
from crm_core.customers.queries import masked_number
from crm_core.db.types import AnyRow, AnySelect
from crm_core.organization.access import Actor, Mask
from crm_core.organization.models import User

_Kind = TimelineKind
_From, _To = aliased(User), aliased(User)


async def told(
    session: AsyncSession, actor: Actor, kind: TimelineKind, ids: Sequence[int], customer_id: int
) -> list[TimelineItem]:
    """These things of one kind with what is to be said of them, as this reader may see it."""
    if kind in _PLAIN:
        rows = await session.execute(_PLAIN[kind](ids))
        return [_said(kind, row) for row in rows]
    return await _SPECIAL[kind](session, actor, ids, customer_id)


def _said(kind: TimelineKind, row: AnyRow) -> TimelineItem:
    written = (NoteView(row.id, row.at, row.by, row.text),) if kind is _Kind.NOTE else ()
    return TimelineItem(row.at, row.id, kind, row.by, row.about, row.old, row.new, row.text, notes=written)


def _plain(
    key: Any, at: Any, by: Any, *, about: Any = None, old: Any = None, new: Any = None, text: Any = None
) -> Callable[[Sequence[int]], AnySelect]:
    """A statement for kinds of which one row says everything."""
    said = {"about": about, "old": old, "new": new, "text": text}
    named = [(null() if column is None else column).label(name) for name, column in said.items()]
    rows: AnySelect = select(key.label("id"), at.label("at"), User.name.label("by"), *named)
    rows = rows.outerjoin(User, User.id == by)
    return lambda ids: rows.where(key.in_(ids))


_PLAIN: Final = {
    _Kind.NOTE: _plain(CustomerNote.id, CustomerNote.at, CustomerNote.author_id, text=CustomerNote.text),
    _Kind.CLASSIFICATION: _plain(
        ClassificationChange.id,
        ClassificationChange.at,
        ClassificationChange.by_id,
        about=ClassificationChange.field,
        old=ClassificationChange.old,
        new=ClassificationChange.new,
        text=ClassificationChange.rule,
    ),
    _Kind.CHECK: _plain(CustomerChange.id, CustomerChange.at, CustomerChange.by_id),
    _Kind.REVEAL: _plain(Reveal.id, Reveal.at, Reveal.user_id, about=Reveal.what, text=Reveal.reason),
    _Kind.MERGE: _plain(
        CustomerMerge.id, CustomerMerge.at, CustomerMerge.by_user_id, about=CustomerMerge.account_number
    ),
    _Kind.UNMERGE: _plain(
        CustomerMerge.id, CustomerMerge.undone_at, CustomerMerge.undone_by_id, about=CustomerMerge.account_number
    ),
    _Kind.CREATED: _plain(Customer.id, Customer.created_at, Customer.entered_by_id, about=Customer.account_number),
}


async def _calls(session: AsyncSession, actor: Actor, ids: Sequence[int], _customer_id: int) -> list[TimelineItem]:
    calls = await views(session, actor, (await session.execute(call_rows().where(Call.id.in_(ids)))).all())
    notes = await notes_of(session, ids)
    return [
        TimelineItem(call.started_at, call.id, _Kind.CALL, call=call, notes=tuple(notes.get(call.id, ())))
        for call in calls
    ]


async def _transfers(session: AsyncSession, _actor: Actor, ids: Sequence[int], _customer_id: int) -> list[TimelineItem]:
    rows = await session.execute(
        select(OwnerChange, User.name.label("by"), _From.name.label("old"), _To.name.label("new"))
        .outerjoin(User, User.id == OwnerChange.by_user_id)
        .outerjoin(_From, _From.id == OwnerChange.from_user_id)
        .outerjoin(_To, _To.id == OwnerChange.to_user_id)
        .where(OwnerChange.id.in_(ids))
    )
    return [
        TimelineItem(one.at, one.id, _Kind.TRANSFER, by, one.kind, old, new, one.reason or None)
        for one, by, old, new in rows
    ]


async def _attitudes(session: AsyncSession, _actor: Actor, ids: Sequence[int], _customer_id: int) -> list[TimelineItem]:
    rows = await session.execute(
        select(Attitude, User.name).outerjoin(User, User.id == Attitude.noted_by_id).where(Attitude.id.in_(ids))
    )
    return [
        TimelineItem(
            one.noted_at,
            one.id,
            _Kind.ATTITUDE,
            by,
            one.kind,
            new=None if one.score is None else str(one.score),
            text=" ".join(part for part in (one.subject, one.value) if part) or None,
        )
        for one, by in rows
    ]


async def _consents(session: AsyncSession, _actor: Actor, ids: Sequence[int], _customer_id: int) -> list[TimelineItem]:
    rows = await session.execute(
        select(Consent, User.name).outerjoin(User, User.id == Consent.noted_by_id).where(Consent.id.in_(ids))
    )
    return [
        TimelineItem(
            one.at,
            one.id,
            _Kind.CONSENT,
            by,
            one.channel,
            new=one.state,
            text=one.evidence or None,
            fields=(one.purpose, one.way),
        )
        for one, by in rows
    ]


async def _phones(session: AsyncSession, actor: Actor, ids: Sequence[int], _customer_id: int) -> list[TimelineItem]:
    rows = await session.execute(
        select(CustomerChange, User.name, Phone.number, Phone.e164)
        .outerjoin(User, User.id == CustomerChange.by_id)
        .outerjoin(Phone, Phone.id == CustomerChange.phone_id)
        .where(CustomerChange.id.in_(ids))
    )
    masked = actor.masks(Mask.PHONE)
    return [
        TimelineItem(
            one.at,
            one.id,
            _Kind.PHONE,
            by,
            masked_number(number, e164) if number and masked else number,
            one.old,
            one.new,
        )
        for one, by, number, e164 in rows
    ]


async def _edits(session: AsyncSession, _actor: Actor, ids: Sequence[int], _customer_id: int) -> list[TimelineItem]:
    rows = await session.execute(
        select(CustomerChange, User.name)
        .outerjoin(User, User.id == CustomerChange.by_id)
        .where(CustomerChange.id.in_(ids))
    )
    return [TimelineItem(one.at, one.id, _Kind.EDIT, by, fields=tuple(one.fields)) for one, by in rows]


async def _imports(session: AsyncSession, _actor: Actor, ids: Sequence[int], customer_id: int) -> list[TimelineItem]:
    """A file may hold the same person twice: the first line tells."""
    rows = await session.execute(
        select(CustomerImport.run_at, CustomerImport.id, CustomerImport.file_name, User.name, ImportRow.verdict)
        .join(ImportRow, ImportRow.import_id == CustomerImport.id)
        .outerjoin(User, User.id == CustomerImport.created_by_id)
        .where(CustomerImport.id.in_(ids), ImportRow.customer_id == customer_id)
        .order_by(ImportRow.number.desc())
    )
    first = {key: (at, file, by, verdict) for at, key, file, by, verdict in rows if at is not None}
    return [
        TimelineItem(at, key, _Kind.IMPORT, by, file, new=verdict) for key, (at, file, by, verdict) in first.items()
    ]


async def _registrations(
    session: AsyncSession, _actor: Actor, ids: Sequence[int], _customer_id: int
) -> list[TimelineItem]:
    rows = await session.execute(
        select(RegistrationEntry, Registration.collected_by, User.name)
        .join(Registration, Registration.id == RegistrationEntry.registration_id)
        .outerjoin(User, User.id == RegistrationEntry.finished_by_id)
        .where(RegistrationEntry.id.in_(ids))
    )
    return [
        TimelineItem(one.finished_at, one.id, _Kind.REGISTRATION, by, collected_by, text=one.note)
        for one, collected_by, by in rows
        if one.finished_at is not None
    ]


_Special = Callable[[AsyncSession, Actor, Sequence[int], int], Awaitable[list[TimelineItem]]]
_SPECIAL: Final[dict[TimelineKind, _Special]] = {
    _Kind.CALL: _calls,
    _Kind.TRANSFER: _transfers,
    _Kind.ATTITUDE: _attitudes,
    _Kind.CONSENT: _consents,
    _Kind.PHONE: _phones,
    _Kind.EDIT: _edits,
    _Kind.IMPORT: _imports,
    _Kind.REGISTRATION: _registrations,
}


async def notes_of(session: AsyncSession, call_ids: Sequence[int]) -> dict[int, list[NoteView]]:
    """What was written about each of these calls, oldest first."""
    rows = await session.execute(
        select(CallNote.id, CallNote.at, User.name, CallNote.text, CallNote.call_id)
        .outerjoin(User, User.id == CallNote.author_id)
        .where(CallNote.call_id.in_(call_ids))
        .order_by(CallNote.at, CallNote.id)
    )
    found: dict[int, list[NoteView]] = {}
    for row in rows:
        found.setdefault(row.call_id, []).append(NoteView(*row[:4]))
    return found
