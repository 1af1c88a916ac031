"""Keeps what was done to a customer's record for the timeline."""

from __future__ import annotations

from collections.abc import Iterable

from crm_core.customers.change_models import ChangeKind, CustomerChange
from crm_core.customers.kinds import PhoneState
from crm_core.customers.models import Phone
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.ids import new_id

_MOST_FIELDS = 60  # a form has fewer; a script may send everything


def edited(uow: UnitOfWork, customer_id: int, fields: Iterable[str], *, by_id: int | None) -> None:
    """Somebody changed these fields or parts of the record."""
    names = sorted(fields)[:_MOST_FIELDS]
    uow.session.add(_change(uow, customer_id, ChangeKind.EDITED, by_id, fields=names))


def verified(uow: UnitOfWork, customer_id: int, *, by_id: int | None) -> None:
    """Somebody asked: all of it is still right."""
    uow.session.add(_change(uow, customer_id, ChangeKind.VERIFIED, by_id))


def phone_turned(uow: UnitOfWork, phone: Phone, before: PhoneState, *, by_id: int | None = None) -> None:
    """The state of a number is another than ``before``; nothing when it is not. ``by_id`` None: calls showed it."""
    if phone.state is not before:
        change = _change(uow, phone.customer_id, ChangeKind.PHONE, by_id)
        change.phone_id, change.old, change.new = phone.id, before, phone.state
        uow.session.add(change)


def _change(
    uow: UnitOfWork, customer_id: int, kind: ChangeKind, by_id: int | None, *, fields: Iterable[str] = ()
) -> CustomerChange:
    return CustomerChange(
        id=new_id(), customer_id=customer_id, at=uow.clock.now(), kind=kind, by_id=by_id, fields=list(fields)
    )
