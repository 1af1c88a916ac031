"""Asking for more: somebody applies, a manager looks at the facts and decides until when it holds; personal limits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta, tzinfo
from typing import Any, Final

from crm_core.audit import service as audit
from crm_core.customers.allocation import people_queries, queries
from crm_core.customers.allocation.kinds import ApplicationKind, ApplicationState
from crm_core.customers.allocation.models import AllocationLimit, QuotaApplication
from crm_core.customers.rules import clean
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.errors import Conflict, NotFound, Rejected
from crm_core.kernel.ids import new_id
from crm_core.organization import queries as organization
from crm_core.organization.access import Action, Actor

MOST: Final = 100_000
_TEXT: Final = 500


async def apply(uow: UnitOfWork, *, kind: ApplicationKind, wanted: int, reason: str, by: Actor) -> int:
    """Somebody asks for himself. The application's id. Raises Rejected, Conflict ``application_waits``."""
    by.require(Action.CUSTOMER_WRITE)
    errors = {}
    text = clean(reason)
    if not 1 <= wanted <= MOST:
        errors["wanted"] = f"must be from 1 to {MOST}"
    if not text:
        errors["reason"] = "must not be empty"
    if errors or by.user_id is None:
        raise Rejected("application_invalid", "Say how many more and why.", errors=errors)
    await queries.lock_people(uow.session, [by.user_id])
    if await people_queries.waits_already(uow.session, by.user_id, kind):
        raise Conflict("application_waits", "Your last application of this kind is not decided yet.")
    one = QuotaApplication(
        id=new_id(),
        user_id=by.user_id,
        kind=kind,
        state=ApplicationState.WAITING,
        wanted=wanted,
        reason=text[:_TEXT],
        asked_at=uow.clock.now(),
    )
    uow.session.add(one)
    audit.record(uow, by, "allocation.apply", "quota_application", one.id, {"kind": kind, "wanted": wanted})
    return one.id


async def decide(
    uow: UnitOfWork,
    application_id: int,
    *,
    granted: int,
    by: Actor,
    zone: tzinfo,
    valid_until: date | None = None,
    note: str = "",
    facts: Mapping[str, Any] | None = None,
) -> None:
    """A manager grants so many more (0: refuses); ``facts`` are what he saw. The last day that counts is included.

    Raises NotFound, Denied, Conflict ``own_application`` or ``application_over``, Rejected.
    """
    by.require(Action.CUSTOMER_ASSIGN)
    one, department_id = await people_queries.application_to_change(uow.session, application_id)
    if not by.reaches(Action.CUSTOMER_ASSIGN, owner_id=one.user_id, department_id=department_id):
        raise people_queries.no_application()
    if one.user_id == by.user_id:
        raise Conflict("own_application", "Somebody else has to decide about your own application.")
    if one.state is not ApplicationState.WAITING:
        raise Conflict("application_over", "This application is decided already.")
    today = uow.clock.now().astimezone(zone).date()
    last = valid_until or today + timedelta(days=(await queries.policy(uow.session)).grant_days)
    if not 0 <= granted <= MOST or last < today or last > today + timedelta(days=366):
        raise Rejected(
            "application_invalid",
            "Grant a number and a last day within a year.",
            errors={"granted": f"0 to {MOST}", "valid_until": "today to a year from now"},
        )
    one.state = ApplicationState.GRANTED if granted else ApplicationState.REFUSED
    one.granted, one.valid_until = (granted, last) if granted else (0, None)
    one.decided_by_id, one.decided_at, one.note = by.user_id, uow.clock.now(), clean(note)[:_TEXT] or None
    one.facts = dict(facts or {})
    audit.record(uow, by, f"allocation.{one.state}", "quota_application", one.id, {"granted": granted})


async def withdraw(uow: UnitOfWork, application_id: int, *, by: Actor) -> None:
    """Who asked takes it back. Raises NotFound, Conflict ``not_your_application``, ``application_over``."""
    await people_queries.application(uow.session, by, application_id)
    one, _department = await people_queries.application_to_change(uow.session, application_id)
    if one.user_id != by.user_id:
        raise Conflict("not_your_application", "Only who asked can take an application back; you can refuse it.")
    if one.state is not ApplicationState.WAITING:
        raise Conflict("application_over", "This application is decided already.")
    one.state = ApplicationState.WITHDRAWN
    audit.record(uow, by, "allocation.withdraw_application", "quota_application", one.id)


async def set_limits(uow: UnitOfWork, user_id: int, *, cap: int | None, quota: int | None, by: Actor) -> None:
    """One person's own cap and quota; None is the house's. Raises NotFound, Conflict ``own_limits``, Rejected."""
    by.require(Action.CUSTOMER_ASSIGN)
    user = await organization.user_by_id(uow.session, user_id)
    if not by.reaches(Action.CUSTOMER_ASSIGN, owner_id=user.id, department_id=user.department_id):
        raise NotFound("user_not_found", "There is no such user.")
    if user_id == by.user_id:
        raise Conflict("own_limits", "Somebody else has to set your own limits.")
    errors = {n: f"0 to {MOST}" for n, v in (("cap", cap), ("quota", quota)) if v is not None and not 0 <= v <= MOST}
    if errors:
        raise Rejected("limits_invalid", "A limit is a number from 0, or empty for the house's.", errors=errors)
    await uow.session.merge(
        AllocationLimit(user_id=user_id, cap=cap, quota=quota, changed_by_id=by.user_id, changed_at=uow.clock.now())
    )
    audit.record(uow, by, "allocation.limits", "user", user_id, {"cap": cap, "quota": quota})
