"""Rows of allocation to test with, written past the service."""

from __future__ import annotations

from crm_core.customers.allocation.kinds import ApplicationKind, ApplicationState, Method, RunState
from crm_core.customers.allocation.models import Allocation, QuotaApplication
from crm_core.db.database import Database
from crm_core.kernel.ids import new_id
from crm_core.organization.access import Actor


async def add_allocation(db: Database, owner: Actor) -> int:
    """One that waits for the approval of the owner's department."""
    run = Allocation(
        id=new_id(),
        state=RunState.WAITING,
        method=Method.ROUND_ROBIN,
        department_id=owner.department_id,
        choice={"ids": [], "filter": {}, "most": 1, "departments": []},
        reason="test",
        requested_at=db.clock.now(),
    )
    async with db.uow() as uow:
        uow.session.add(run)
    return run.id


async def add_application(db: Database, owner: Actor) -> int:
    """One that waits for a decision."""
    one = QuotaApplication(
        id=new_id(),
        user_id=owner.user_id or 0,
        kind=ApplicationKind.QUOTA,
        state=ApplicationState.WAITING,
        wanted=5,
        reason="test",
        asked_at=db.clock.now(),
    )
    async with db.uow() as uow:
        uow.session.add(one)
    return one.id
