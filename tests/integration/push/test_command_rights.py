"""Generated from the push commands: another's call or customer answers each role as one that does not exist."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from callcenter.push_commands import Commands
from crm_core.customers import queries
from crm_core.db.database import Database
from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError, Denied, NotFound
from crm_core.organization.access import Actor
from crm_core.organization.models import Role
from tests.factories import add_actor, add_call, add_centre, add_customer, add_department

# Commands that are about an object, with what they need besides; the others are about oneself.
ABOUT: dict[str, dict[str, Any]] = {
    "call.dial": {},
    "call.hangup": {},
    "call.listen": {"mode": "listen"},
    "call.note": {"text": "x"},
    "call.progress": {"progress": 50},
}
ONESELF = {"agent.state", "agent.pause", "agent.resume", "agent.wrapup"}
NOBODYS = ids.show(4711)


class Telephony:
    """One call is live, the stranger's; numbers are looked up as the service does."""

    def __init__(self, db: Database, live: int) -> None:
        self._db = db
        self._live = live

    def live_call(self, call_id: int) -> Any:
        if call_id != self._live:
            raise NotFound("call_not_live", "This call is not live any more.")
        return SimpleNamespace(pbx="main", caller_number=None, legs=[SimpleNamespace(extension="1002")])

    async def dial(self, actor: Actor, number: str | None, *, customer_id: int | None) -> Any:
        async with self._db.read() as session:
            await queries.dial_number(session, actor, customer_id or 0)
        return SimpleNamespace(extension=actor.extension)


async def answer(commands: Commands, actor: Actor, name: str, subject: str) -> str:
    key = "customer_id" if name == "call.dial" else "call_id"
    try:
        await commands.run(actor, name, {**ABOUT[name], key: subject})
    except CrmError as error:
        return f"{type(error).__name__} {error.code}"
    return "done"


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMIN])
async def test_no_push_command_reaches_anothers_object(db: Database, role: Role) -> None:
    here, there = [await add_department(db, sales_centre=await add_centre(db)) for _ in range(2)]
    me = await add_actor(db, role=role, extension="1001", department=here)
    stranger = await add_actor(db, role=Role.AGENT, extension="1002", department=there)
    customer = await add_customer(db, "别人的", phones=["13800138000"], owner=stranger, department=there)
    call = await add_call(db, agent=stranger, customer=customer)
    person = SimpleNamespace(user_id=stranger.user_id, department_id=there.id)
    people = SimpleNamespace(at=lambda _pbx, extension: person if extension == "1002" else None)
    commands = Commands(db, cast("Any", Telephony(db, call.id)), cast("Any", people))
    assert set(commands._known) == set(ABOUT) | ONESELF
    for name in ABOUT:
        theirs = ids.show(customer.id if name == "call.dial" else call.id)
        told = await answer(commands, me, name, theirs)
        assert told == await answer(commands, me, name, NOBODYS), name
        assert told.split()[0] in (NotFound.__name__, Denied.__name__), (name, told)
