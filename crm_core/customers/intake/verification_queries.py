"""Reads of the numbers that nobody has verified yet."""

from __future__ import annotations

from sqlalchemy import Boolean, ColumnElement, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload

from crm_core.customers.intake.views import NumberToVerify
from crm_core.customers.models import Customer, Phone
from crm_core.customers.queries import masked_number, visible_to
from crm_core.db.types import AnyRow
from crm_core.kernel.errors import NotFound
from crm_core.kernel.pages import Page, checked_limit, page_of, parse_text_cursor, text_cursor
from crm_core.kernel.regions import region_of
from crm_core.organization.access import Action, Actor, Mask

# Word by word as in the partial index, or the databases would not use it.
_UNVERIFIED: ColumnElement[bool] = literal_column("customer_phones.state = 'unverified'", Boolean)


async def to_verify(
    session: AsyncSession, actor: Actor, *, limit: int = 50, cursor: str | None = None
) -> Page[NumberToVerify]:
    """In the order in which they were entered."""
    checked_limit(limit)
    p, c = Phone, Customer
    rows = (
        select(
            p.id, p.customer_id, c.name, c.account_number, p.number, p.e164, p.kind, p.state, c.do_not_call,
            c.best_time, p.failed_tries, p.tried_at,
        )
        .join(c, c.id == p.customer_id)
        .where(_UNVERIFIED)
    )  # fmt: skip
    seen = visible_to(actor, Action.CUSTOMER_WRITE)
    rows = rows if seen is None else rows.where(seen)
    if cursor is not None:
        rows = rows.where(p.id > parse_text_cursor(cursor)[1])
    found = (await session.execute(rows.order_by(p.id).limit(limit + 1))).all()
    page = page_of(found, limit, lambda row: text_cursor("", row.id))
    masked = actor.masks(Mask.PHONE)
    return Page([_view(row, masked) for row in page.items], page.next)


def _view(row: AnyRow, masked: bool) -> NumberToVerify:
    region = region_of(row.e164)
    return NumberToVerify(
        phone_id=row.id,
        customer_id=row.customer_id,
        customer=row.name,
        account_number=row.account_number,
        number=masked_number(row.number, row.e164) if masked else row.number,
        masked=masked,
        kind=row.kind,
        state=row.state,
        region=region.chinese if region else None,
        carrier=region.carrier if region else None,
        do_not_call=row.do_not_call,
        best_time=row.best_time,
        tries=row.failed_tries,
        tried_at=row.tried_at,
    )


async def phone_to_check(session: AsyncSession, actor: Actor, phone_id: int) -> Phone:
    """The number with its customer, both locked. Raises NotFound when the right does not reach the customer."""
    rows = (
        select(Phone)
        .join(Customer, Customer.id == Phone.customer_id)
        .where(Phone.id == phone_id)
        .options(joinedload(Phone.customer))
        .with_for_update(of=[Phone, Customer])
    )
    seen = visible_to(actor, Action.CUSTOMER_WRITE)
    found = (await session.scalars(rows if seen is None else rows.where(seen))).one_or_none()
    if found is None:
        raise NotFound("number_not_found", "There is no such number.")
    return found
