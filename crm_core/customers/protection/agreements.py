"""The promise to keep customers' data secret (保密协议): given once a person and version of its words."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import service as audit
from crm_core.customers.protection import custody_queries, queries
from crm_core.customers.protection.models import Agreement
from crm_core.customers.protection.rules import AGREEMENT
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.errors import Denied
from crm_core.organization.access import Actor


async def agree(uow: UnitOfWork, *, by: Actor) -> datetime:
    """Once is enough: a second time gives the day of the first. Raises Denied for who is no person."""
    if by.user_id is None:
        raise Denied("not_allowed", "Only a person can promise anything.")
    known = await custody_queries.agreed_at(uow.session, by.user_id)
    if known is not None:
        return known
    now = uow.clock.now()
    uow.session.add(Agreement(user_id=by.user_id, version=AGREEMENT, agreed_at=now))
    audit.record(uow, by, "agreement.sign", "user", by.user_id, {"version": AGREEMENT})
    return now


async def require(session: AsyncSession, by: Actor) -> None:
    """Raises Denied ``agreement_missing`` where the house asks for the promise and this person has not given it."""
    if by.user_id is None or not (await queries.limits(session)).agreement_required:
        return
    if await custody_queries.agreed_at(session, by.user_id) is None:
        raise Denied("agreement_missing", "Read and accept the confidentiality agreement first: page /agreement.")
