"""What customers allow: noted with its proof, never changed afterwards; the newest word holds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from crm_core.audit import service as audit
from crm_core.customers import queries as customers
from crm_core.customers.protection.kinds import Channel, ConsentState, ConsentWay, Purpose
from crm_core.customers.protection.models import Consent
from crm_core.customers.rules import clean
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.errors import Rejected
from crm_core.kernel.ids import new_id
from crm_core.organization.access import Action, Actor

_LENGTHS: Final = {"text_version": 80, "evidence": 400}
_CLOCKS_DIFFER: Final = timedelta(minutes=5)


async def note(
    uow: UnitOfWork,
    customer_id: int,
    *,
    channel: Channel,
    purpose: Purpose,
    state: ConsentState,
    way: ConsentWay,
    by: Actor,
    at: datetime | None = None,
    text_version: str = "",
    evidence: str = "",
    call_id: int | None = None,
) -> Consent:
    """One word of the customer's. A grant needs its proof: the text agreed to, and where it lies or in which call.

    Raises NotFound when the customer is out of reach, Rejected with the wrong fields.
    """
    customer = await customers.customer_to_change(uow.session, by, customer_id, Action.CUSTOMER_WRITE)
    now = uow.clock.now()
    texts = {"text_version": clean(text_version), "evidence": clean(evidence)}
    _check(texts, state, late=at is not None and at > now + _CLOCKS_DIFFER, said_in_call=call_id is not None)
    found = Consent(
        id=new_id(),
        customer_id=customer.id,
        channel=channel,
        purpose=purpose,
        state=state,
        at=at or now,
        way=way,
        call_id=call_id,
        noted_by_id=by.user_id,
        noted_at=now,
        **texts,
    )
    uow.session.add(found)
    detail = {"channel": channel, "purpose": purpose, "consent": found.id}
    audit.record(uow, by, f"consent.{state}", "customer", customer.id, detail)
    return found


def _check(texts: dict[str, str], state: ConsentState, *, late: bool, said_in_call: bool) -> None:
    errors = {name: f"at most {most} characters" for name, most in _LENGTHS.items() if len(texts[name]) > most}
    if late:
        errors["at"] = "lies in the future"
    if state is ConsentState.GRANTED:
        if not texts["text_version"]:
            errors["text_version"] = "say which text was agreed to"
        if not texts["evidence"] and not said_in_call:
            errors["evidence"] = "say where the proof is, or in which call it was said"
    if errors:
        raise Rejected("consent_invalid", "A consent needs its proof; see errors.", errors=errors)
