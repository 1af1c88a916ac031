"""Days of calls that lie behind: written straight into the running product's own database."""

from __future__ import annotations

from datetime import timedelta

from crm_core.db.database import Database
from crm_core.organization import queries
from tests.e2e.product import Product
from tests.factories import add_call

# How long each agent usually talks: normal, hasty, far too long.
HABITS = {"agent1001": 225, "agent1002": 70, "agent1003": 420}
DAYS = 3
_CALLS_A_DAY = 6


async def days_of_calls(product: Product) -> None:
    """A few days in which each agent talked as long as it is that agent's habit."""
    db = Database(f"sqlite+aiosqlite:///{product.folder / 'var' / 'callcenter.db'}")
    try:
        for name, usual in HABITS.items():
            async with db.read() as session:
                agent = await queries.actor_by_name(session, name)
            for number in range(DAYS * _CALLS_A_DAY):
                begun = db.clock.now() - timedelta(days=1 + number % DAYS, minutes=10 * number)
                caller = f"1370000{agent.extension}"[:11]
                await add_call(db, number=caller, agent=agent, seconds=10 + usual + number, started_at=begun)
    finally:
        await db.close()
