"""Rows to test with, each valid and as plain as possible: a test says only what it is about."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from crm_core.calls.facts import CallFacts, CallState, CallStatus, Direction, LegFacts, LegOutcome
from crm_core.calls.models import Call, CallParty, Leg, Recording, RecordingState
from crm_core.customers.imports.models import CustomerImport, ImportPreset
from crm_core.customers.kinds import PhoneKind
from crm_core.customers.models import AccountNumber, Customer, Phone
from crm_core.db.database import Database
from crm_core.kernel.ids import derived_id, new_id, show
from crm_core.kernel.phone import NumberKind, normalise
from crm_core.organization import passwords, queries
from crm_core.organization.access import Actor
from crm_core.organization.models import Centre, CentreKind, Department, Role, User

PASSWORD = "correct horse battery staple"  # of every user made here
_numbers = itertools.count(1)


@functools.cache
def _password_hash() -> str:
    return passwords.hash_now(PASSWORD)


async def add_centre(db: Database, name: str = "", *, kind: CentreKind = CentreKind.SALES) -> Centre:
    centre = Centre(id=new_id(), kind=kind, name=name or f"Centre {next(_numbers)}")
    async with db.uow() as uow:
        uow.session.add(centre)
    return centre


async def add_department(
    db: Database, name: str = "", *, sales_centre: Centre | None = None, parent: Department | None = None
) -> Department:
    department = Department(
        id=new_id(),
        name=name or f"Department {next(_numbers)}",
        parent_id=parent.id if parent else None,
        sales_centre_id=sales_centre.id if sales_centre else None,
    )
    async with db.uow() as uow:
        uow.session.add(department)
    return department


async def add_user(
    db: Database,
    name: str = "",
    *,
    role: Role = Role.AGENT,
    extension: str | None = None,
    department: Department | None = None,
    **fields: Any,
) -> User:
    """A user who can sign in with ``PASSWORD``."""
    name = name or f"user{next(_numbers)}"
    values: dict[str, Any] = {
        "id": new_id(),
        "name": name,
        "display_name": name,
        "role": role,
        "password_hash": _password_hash(),
        "extension": extension,
        "department_id": department.id if department else None,
        "created_at": db.clock.now(),
    }
    user = User(**{**values, **fields})
    async with db.uow() as uow:
        uow.session.add(user)
    return user


async def actor_of(db: Database, user: User) -> Actor:
    async with db.read() as session:
        return await queries.actor_by_name(session, user.name)


async def add_actor(db: Database, name: str = "", **fields: Any) -> Actor:
    """A new user (see ``add_user``) as the one who acts."""
    return await actor_of(db, await add_user(db, name, **fields))


async def add_customer(
    db: Database,
    name: str = "张三",
    *,
    phones: Sequence[str] = (),
    owner: User | Actor | None = None,
    department: Department | None = None,
    area_code: str = "021",
    **fields: Any,
) -> Customer:
    """A customer with these numbers, the first one primary; written past the service, so without events and audit."""
    now, customer_id, account_number = db.clock.now(), new_id(), f"T{next(_numbers):07d}"
    values: dict[str, Any] = {
        "id": customer_id,
        "account_number": account_number,
        "name": name,
        "owner_id": _user_id(owner),
        "department_id": department.id if department else None,
        "created_at": now,
        "updated_at": now,
        "phones": [_phone(number, position, area_code) for position, number in enumerate(phones)],
    }
    customer = Customer(**{**values, **fields})
    async with db.uow() as uow:
        uow.session.add(customer)
        await uow.session.flush()
        uow.session.add(AccountNumber(number=account_number, customer_id=customer_id, given_at=now))
    return customer


async def add_call(
    db: Database,
    *,
    number: str = "13800138000",
    agent: User | Actor | None = None,
    customer: Customer | None = None,
    status: CallStatus = CallStatus.ANSWERED,
    seconds: float = 60.0,
    recording: str | None = None,
    **fields: Any,
) -> Call:
    """An ended inbound call that the agent (when given) took or, for other states than answered, missed.

    ``recording`` is the base name of a recording's file; ``seconds`` is the call's length, ten of them ringing.
    """
    now = db.clock.now()
    start = fields.get("started_at", now - timedelta(seconds=seconds))
    answered = start + timedelta(seconds=10) if status is CallStatus.ANSWERED else None
    uniqueid = f"{int(start.timestamp())}.{next(_numbers)}"
    extension = agent.extension if agent else None
    values: dict[str, Any] = {
        "id": derived_id("main", uniqueid),
        "pbx": "main",
        "uniqueid": uniqueid,
        "direction": Direction.INBOUND,
        "state": CallState.ENDED,
        "status": status,
        "caller_number": number,
        "called_number": "8001",
        "customer_number": number,
        "customer_e164": normalise(number, "021").e164,
        "customer_id": customer.id if customer else None,
        "owner_id": _user_id(agent),
        "department_id": agent.department_id if agent else None,
        "started_at": start,
        "answered_at": answered,
        "ended_at": start + timedelta(seconds=seconds),
        "wait_seconds": 10.0 if answered else seconds,
        "talk_seconds": seconds - 10.0 if answered else 0.0,
        "hold_seconds": 0.0,
        "agents": [extension] if answered and extension else [],
        "legs": [],
        "recordings": [],
    }
    call = Call(**{**values, **fields})
    if agent and extension:
        call.legs.append(_leg(call, agent, extension))
    if recording:
        call.recordings.append(_recording(call, recording))
    async with db.uow() as uow:
        uow.session.add(call)
        await uow.session.flush()
        if agent and extension:
            uow.session.add(_party(call, agent, extension))
    return call


def call_facts(*legs: LegFacts, **fields: Any) -> CallFacts:
    """What the tracker would say of an answered inbound call; any field can be given."""
    uniqueid = f"1795226400.{next(_numbers)}"
    values: dict[str, Any] = {
        "id": derived_id("main", uniqueid),
        "pbx": "main",
        "uniqueid": uniqueid,
        "direction": Direction.INBOUND,
        "state": CallState.ENDED,
        "status": CallStatus.ANSWERED,
        "caller_number": "13800138000",
        "caller_name": None,
        "called_number": "8001",
        "customer_number": "13800138000",
        "started_at": 1795226400.0,
        "answered_at": 1795226410.0,
        "ended_at": 1795226460.0,
        "wait_seconds": 10.0,
        "talk_seconds": 50.0,
        "hold_seconds": 0.0,
        "agents": tuple(leg.extension for leg in legs if leg.outcome is LegOutcome.ANSWERED),
        "legs": legs,
    }
    return CallFacts(**{**values, **fields})


def leg_facts(extension: str = "1001", **fields: Any) -> LegFacts:
    """A leg that rang at the start and was answered after ten seconds; any field can be given."""
    values: dict[str, Any] = {
        "id": new_id(),
        "channel": f"PJSIP/{extension}-{next(_numbers):08x}",
        "extension": extension,
        "rang_at": 1795226400.0,
        "answered_at": 1795226410.0,
        "ended_at": 1795226460.0,
        "outcome": LegOutcome.ANSWERED,
        "talk_seconds": 50.0,
    }
    return LegFacts(**{**values, **fields})


async def add_import(db: Database, owner: Actor, *, preset: bool = False) -> str:
    """An uploaded list without its file, or a remembered mapping, of this user; its id as it is shown."""
    values: dict[str, Any] = {"id": new_id()}
    async with db.uow() as uow:
        if preset:
            name, now = f"mapping {next(_numbers)}", db.clock.now()
            uow.session.add(ImportPreset(user_id=owner.user_id, name=name, mapping={}, changed_at=now, **values))
        else:
            mapping = {"columns": ["name"]}
            values |= {"created_by_id": owner.user_id, "created_at": db.clock.now(), "file_name": "list.csv"}
            uow.session.add(CustomerImport(headers=["姓名"], mapping=mapping, total=1, **values))
    return show(values["id"])


def _user_id(who: User | Actor | None) -> int | None:
    if who is None:
        return None
    return who.user_id if isinstance(who, Actor) else who.id


def _phone(number: str, position: int, area_code: str) -> Phone:
    known = normalise(number, area_code)
    kind = PhoneKind.LANDLINE if known.kind is NumberKind.LANDLINE else PhoneKind.MOBILE
    return Phone(
        id=new_id(),
        number=number,
        e164=known.e164,
        reversed_digits=known.reversed_digits,
        kind=kind,
        position=position,
    )


def _leg(call: Call, agent: User | Actor, extension: str) -> Leg:
    return Leg(
        id=new_id(),
        extension=extension,
        user_id=_user_id(agent),
        channel=f"PJSIP/{extension}-{next(_numbers):08x}",
        rang_at=call.started_at,
        answered_at=call.answered_at,
        ended_at=call.ended_at,
        outcome=LegOutcome.ANSWERED if call.answered_at else LegOutcome.NO_ANSWER,
        talk_seconds=call.talk_seconds,
        hold_seconds=0.0,
    )


def _recording(call: Call, file: str) -> Recording:
    return Recording(
        id=derived_id(call.pbx, file),
        pbx=call.pbx,
        file=file,
        started_at=call.answered_at or call.started_at,
        stopped_at=call.ended_at,
        state=RecordingState.READY,
        seconds=call.talk_seconds,
    )


def _party(call: Call, agent: User | Actor, extension: str) -> CallParty:
    return CallParty(
        call_id=call.id,
        extension=extension,
        user_id=_user_id(agent),
        started_at=call.started_at,
        as_agent=True,
        spoke_at=call.answered_at,
        talk_seconds=call.talk_seconds if call.answered_at else None,
    )
