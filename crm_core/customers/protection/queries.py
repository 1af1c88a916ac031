"""Reads of data protection: requests, who opened a card, what was shown whole, what a customer allowed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from crm_core.customers.models import Customer
from crm_core.customers.protection.kinds import (
    Channel,
    ConsentState,
    ConsentWay,
    FileFormat,
    Purpose,
    RequestKind,
    RequestState,
    Secret,
)
from crm_core.customers.protection.models import CardRead, Consent, DataRequest, Reveal
from crm_core.customers.protection.rules import Limits, Standing, limits_of, standing
from crm_core.db.types import AnySelect
from crm_core.kernel.errors import NotFound
from crm_core.kernel.pages import Page, checked_limit, page_of, parse_text_cursor, text_cursor
from crm_core.organization import queries as organization
from crm_core.organization.access import Action, Actor
from crm_core.organization.models import User

SETTING = "customers.protection"
_Asker, _Decider = aliased(User), aliased(User)


@dataclass(frozen=True, slots=True)
class RequestView:
    """A wish to take data out, with names for people; ``rows`` is None until the file is written."""

    id: int
    kind: RequestKind
    state: RequestState
    format: FileFormat | None
    customer_id: int | None
    customer: str | None
    filters: dict[str, Any]
    columns: list[str]
    reason: str
    rows_expected: int
    rows: int | None
    needs_approval: bool
    asked_by_id: int
    asked_by: str
    asked_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decision: str | None
    job_id: int | None
    expires_at: datetime | None
    collected_at: datetime | None
    sha256: str | None
    failure: str | None


def _requests() -> AnySelect:
    r = DataRequest
    return (
        select(
            r.id, r.kind, r.state, r.format, r.customer_id, Customer.name, r.filters, r.columns, r.reason,
            r.rows_expected, r.rows, r.needs_approval, r.asked_by_id, _Asker.name, r.asked_at, _Decider.name,
            r.decided_at, r.decision, r.job_id, r.expires_at, r.collected_at, r.sha256, r.failure,
        )
        .join(_Asker, _Asker.id == r.asked_by_id)
        .outerjoin(_Decider, _Decider.id == r.decided_by_id)
        .outerjoin(Customer, Customer.id == r.customer_id)
    )  # fmt: skip


def _seen_by(actor: Actor) -> ColumnElement[bool] | None:
    """One's own requests and those of the people whom the right to export reaches; None is all."""
    actor.require(Action.CUSTOMER_EXPORT)
    departments = actor.departments(Action.CUSTOMER_EXPORT)
    if departments is None:
        return None
    return or_(DataRequest.asked_by_id == actor.user_id, _Asker.department_id.in_(departments))


async def request(session: AsyncSession, actor: Actor, request_id: int) -> RequestView:
    """Raises NotFound, also for what is out of reach."""
    rows, seen = _requests().where(DataRequest.id == request_id), _seen_by(actor)
    found = (await session.execute(rows if seen is None else rows.where(seen))).one_or_none()
    if found is None:
        raise NotFound("export_not_found", "There is no such request.")
    return RequestView(*found)


async def requests(
    session: AsyncSession,
    actor: Actor,
    *,
    state: RequestState | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[RequestView]:
    """Newest first."""
    checked_limit(limit)
    rows, seen = _requests().order_by(DataRequest.id.desc()).limit(limit + 1), _seen_by(actor)
    rows = rows if seen is None else rows.where(seen)
    if state is not None:
        rows = rows.where(DataRequest.state == state)
    if cursor is not None:
        rows = rows.where(DataRequest.id < parse_text_cursor(cursor)[1])
    views = [RequestView(*row) for row in await session.execute(rows)]
    return page_of(views, limit, lambda last: text_cursor("", last.id))


async def request_to_change(session: AsyncSession, request_id: int) -> DataRequest:
    """The request itself, locked; the caller has made sure that it may be seen. Raises NotFound."""
    found = await session.scalars(select(DataRequest).where(DataRequest.id == request_id).with_for_update())
    request_ = found.one_or_none()
    if request_ is None:
        raise NotFound("export_not_found", "There is no such request.")
    return request_


async def open_erasure(session: AsyncSession, customer_id: int) -> int | None:
    """The request to erase this customer that waits or runs."""
    rows = select(DataRequest.id).where(
        DataRequest.customer_id == customer_id,
        DataRequest.kind == RequestKind.ERASURE,
        DataRequest.state.in_([RequestState.WAITING, RequestState.RUNNING]),
    )
    return (await session.scalars(rows.limit(1))).one_or_none()


async def stale_files(session: AsyncSession, now: datetime, limit: int = 100) -> Sequence[DataRequest]:
    """Requests whose file waited too long."""
    rows = select(DataRequest).where(DataRequest.state == RequestState.READY, DataRequest.expires_at < now)
    return (await session.scalars(rows.limit(limit))).all()


async def limits(session: AsyncSession) -> Limits:
    return limits_of(await organization.setting(session, SETTING, None))


@dataclass(frozen=True, slots=True)
class ReadView:
    """Somebody had the card open between these times, so often, within one hour."""

    user_id: int
    user: str
    first_at: datetime
    last_at: datetime
    times: int


async def reads(
    session: AsyncSession, customer_id: int, *, limit: int = 50, cursor: str | None = None
) -> Page[ReadView]:
    """Newest first; the caller has the right to know."""
    checked_limit(limit)
    r = CardRead
    rows = select(r.user_id, User.name, r.first_at, r.last_at, r.times, r.hour).join(User, User.id == r.user_id)
    rows = rows.where(r.customer_id == customer_id).order_by(r.hour.desc(), r.user_id.desc()).limit(limit + 1)
    if cursor is not None:
        hour, user_id = parse_text_cursor(cursor)
        at = int(hour) if hour.isdigit() and len(hour) < 10 else 0
        rows = rows.where((r.hour < at) | ((r.hour == at) & (r.user_id < user_id)))
    page = page_of(
        list((await session.execute(rows)).all()), limit, lambda row: text_cursor(str(row.hour), row.user_id)
    )
    return Page([ReadView(*row[:5]) for row in page.items], page.next)


async def reveals_since(session: AsyncSession, user_id: int, what: Secret, since: datetime) -> Sequence[datetime]:
    """When this user was shown such a value whole."""
    rows = select(Reveal.at).where(Reveal.user_id == user_id, Reveal.what == what, Reveal.at > since)
    return (await session.scalars(rows)).all()


@dataclass(frozen=True, slots=True)
class ConsentView:
    id: int
    channel: Channel
    purpose: Purpose
    state: ConsentState
    at: datetime
    way: ConsentWay
    text_version: str
    evidence: str
    call_id: int | None
    noted_by: str | None
    noted_at: datetime


async def consents(session: AsyncSession, customer_id: int, *, limit: int = 200) -> list[ConsentView]:
    """The whole history, newest first; the caller has made sure that the customer may be seen."""
    c = Consent
    rows = select(
        c.id, c.channel, c.purpose, c.state, c.at, c.way, c.text_version, c.evidence, c.call_id, User.name, c.noted_at
    ).outerjoin(User, User.id == c.noted_by_id)
    rows = rows.where(c.customer_id == customer_id).order_by(c.at.desc(), c.id.desc()).limit(limit)
    return [ConsentView(*row) for row in await session.execute(rows)]


async def last_said(session: AsyncSession, customer_id: int) -> dict[tuple[Channel, Purpose], ConsentState]:
    """The newest word for each channel and purpose."""
    rows = select(Consent.channel, Consent.purpose, Consent.state).where(Consent.customer_id == customer_id)
    found = await session.execute(rows.order_by(Consent.at, Consent.id))
    return {(channel, purpose): state for channel, purpose, state in found}


async def standings(session: AsyncSession, customer_id: int) -> dict[tuple[Channel, Purpose], Standing]:
    """Whether this customer may be approached in each way for each purpose."""
    last = await last_said(session, customer_id)
    rows = await session.scalars(select(Customer.do_not_call).where(Customer.id == customer_id))
    silent = bool(rows.one_or_none())
    return {
        (channel, purpose): standing(last, channel, purpose, do_not_call=silent)
        for channel in Channel
        for purpose in Purpose
    }


async def existing(session: AsyncSession, customer_ids: Collection[int]) -> set[int]:
    """Those of them that are there."""
    return set(await session.scalars(select(Customer.id).where(Customer.id.in_(customer_ids))))
