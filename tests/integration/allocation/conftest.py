"""A department with its manager, its agents and the data department that carries allocations out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from crm_core.customers.allocation import queries, runs, service
from crm_core.customers.allocation.choosing import Choice
from crm_core.customers.allocation.kinds import Method
from crm_core.customers.allocation.runs import Wish
from crm_core.customers.allocation.views import Person
from crm_core.customers.models import Customer
from crm_core.db.database import Database
from crm_core.organization.access import Actor
from crm_core.organization.models import CentreKind, Department, Role
from tests.factories import actor_of, add_actor, add_centre, add_customer, add_department, add_user

ZONE = ZoneInfo("Asia/Shanghai")


@dataclass
class Staff:
    """Who there is. The agents have been here for a year, so that the quota of new staff does not touch them."""

    db: Database
    department: Department
    manager: Actor
    data: Actor
    boss: Actor
    agents: list[Actor]

    async def customers(self, count: int, **fields: Any) -> list[int]:
        """Customers that nobody looks after."""
        made = [await add_customer(self.db, f"客户{n}", department=self.department, **fields) for n in range(count)]
        return [one.id for one in made]

    async def agent(self, name: str, *, days: int = 365) -> Actor:
        joined = self.db.clock.now() - timedelta(days=days)
        user = await add_user(self.db, name, department=self.department, created_at=joined)
        return await actor_of(self.db, user)

    async def rules(self, **changes: object) -> None:
        async with self.db.uow() as uow:
            await service.change_policy(uow, changes, by=self.boss)

    async def request(self, ids: list[int], method: Method = Method.ROUND_ROBIN, by: Actor | None = None) -> int:
        people = tuple(Person(one.user_id or 0) for one in self.agents)
        wish = Wish(method, Choice(ids=tuple(ids)), people, "new leads")
        async with self.db.uow() as uow:
            return await runs.request(uow, wish, by=by or self.manager)

    async def carry_out(self, run_id: int, by: Actor | None = None) -> None:
        async with self.db.uow() as uow:
            await runs.carry_out(uow, run_id, by=by or self.data, zone=ZONE)

    async def allocate(self, ids: list[int], method: Method = Method.ROUND_ROBIN) -> dict[int, tuple[int | None, str]]:
        """Asked for and carried out; the receiver and the reason of each customer."""
        run_id = await self.request(ids, method)
        await self.carry_out(run_id)
        return await self.results(run_id)

    async def results(self, run_id: int) -> dict[int, tuple[int | None, str]]:
        names = {one.name: one.user_id for one in self.agents}
        async with self.db.read() as session:
            page = await queries.results(session, run_id, limit=500)
        return {one.customer_id: (names.get(one.user or ""), one.reason) for one in page.items}

    async def owner(self, customer_id: int) -> int | None:
        async with self.db.read() as session:
            return (await session.get_one(Customer, customer_id)).owner_id


@pytest.fixture
async def staff(db: Database) -> Staff:
    centre = await add_centre(db, kind=CentreKind.SALES)
    department = await add_department(db, sales_centre=centre)
    office = await add_department(db, "数据部", sales_centre=centre)
    made = Staff(
        db,
        department,
        await add_actor(db, "manager", role=Role.MANAGER, department=department),
        await add_actor(db, "data", role=Role.MANAGER, department=office),
        await add_actor(db, "boss", role=Role.ADMIN),
        [],
    )
    made.agents = [await made.agent(f"agent{n}") for n in range(3)]
    await made.rules(data_department_id=office.id)
    return made
