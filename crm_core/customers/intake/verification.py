"""Verifying numbers: each try is kept; who cannot be reached so many times is unreachable."""

from __future__ import annotations

from sqlalchemy.orm.attributes import flag_modified

from crm_core.audit import service as audit
from crm_core.customers import changes
from crm_core.customers.events import CustomerChanged
from crm_core.customers.intake import verification_queries
from crm_core.customers.intake.kinds import CheckResult
from crm_core.customers.intake.models import PhoneCheck
from crm_core.customers.kinds import PhoneState
from crm_core.customers.models import Phone
from crm_core.customers.rules import clean
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.ids import new_id
from crm_core.organization import queries as organization
from crm_core.organization.access import Actor

_NOTE_LIMIT = 400


async def record_check(
    uow: UnitOfWork, phone_id: int, result: CheckResult, *, by: Actor, note: str | None = None
) -> Phone:
    """Notes a try. A number that nobody answers stays to be verified until the tries that the house allows are over.

    Raises NotFound when the right does not reach the number's customer.
    """
    phone = await verification_queries.phone_to_check(uow.session, by, phone_id)
    now, before = uow.clock.now(), phone.state
    tries = (await organization.preferences(uow.session)).intake.tries
    phone.tried_at = now
    if result is CheckResult.UNREACHABLE:
        phone.failed_tries += 1
        phone.state = PhoneState.UNREACHABLE if phone.failed_tries >= tries else before
    else:
        phone.state, phone.failed_tries = PhoneState(result.value), 0
        phone.reached_at = now
    uow.session.add(
        PhoneCheck(
            id=new_id(),
            phone_id=phone.id,
            at=now,
            by_user_id=by.user_id,
            result=result,
            note=clean(note or "")[:_NOTE_LIMIT] or None,
        )
    )
    changes.phone_turned(uow, phone, before, by_id=by.user_id)
    if phone.state is not before:
        phone.customer.updated_at = now
        flag_modified(phone.customer, "updated_at")  # the version rises: who edits the card sees the new state first
        uow.emit(CustomerChanged(customer_id=phone.customer_id, by_user_id=by.user_id, fields=["phones"]))
    await uow.session.flush()
    detail = {"phone_id": phone.id, "result": result, "state": phone.state}
    audit.record(uow, by, "customer.phone_checked", "customer", phone.customer_id, detail)
    return phone
