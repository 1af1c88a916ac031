"""The pages of the customer database with a million customers, while fifty signed-in people click.

Floor: the service's smallest page (the form that changes the own password), clicked by the same people in between: it
signs the reader in, draws the frame and reads nothing of customers. Everybody waits some seconds between two clicks,
as people do; a click is one page, its scripts and styles are in the browser already.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
from sqlalchemy import text

from bench.base import Base, base
from bench.figure import Figure, Row, Samples, Size, milliseconds, within
from bench.processes import Service, service
from crm_core.calls.facts import CallState, CallStatus, Direction
from crm_core.calls.models import Call
from crm_core.customers import pinyin
from crm_core.customers.duplicates.models import DuplicatePair, PairState
from crm_core.customers.models import CustomerNote
from crm_core.db.bulk import Row as BulkRow
from crm_core.db.bulk import insert_rows
from crm_core.db.database import Database
from crm_core.db.upsert import table_of
from crm_core.kernel import ids
from crm_core.organization import passwords, signing_in
from crm_core.organization.models import Centre, CentreKind, Role, User

_PEOPLE = {Role.AGENT: 30, Role.SUPERVISOR: 6, Role.DATA_CLERK: 8, Role.MANAGER: 6}
_THINK_SECONDS = 3.0  # between two clicks of one person, on the average
_STORY = 10_000
_LIMIT_MS = 150.0
_FLOOR = "the own password"
_PASSWORD = secrets.token_urlsafe()
_BEGAN = datetime(2024, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to click on."""

    customers: tuple[str, ...]  # ids as they are shown
    story: str
    callers: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class Person:
    """Who clicks: the cookie, and which pages this role opens."""

    cookie: str
    role: Role
    own: tuple[str, ...]
    dice: random.Random
    seen: dict[str, Samples] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)


def run(size: Size) -> Figure:
    with tempfile.TemporaryDirectory(prefix="callcenter-bench-") as folder:
        return asyncio.run(_measure(base(Path(folder), size.customers, size.agents), size))


async def _measure(made: Base, size: Size) -> Figure:
    database = Database(f"sqlite+aiosqlite:///{made.folder / 'callcenter.db'}")
    known = await _prepared(database, made)
    people = await _signed_in(database)
    await database.close()
    async with service(made.folder, None) as served:
        costs = await _costs(served, people, known, max(5, size.lookups // 100))
        before, began = served.processor_seconds(), time.monotonic()
        await _click(served, people, known, size.soak_seconds)
        busy = (served.processor_seconds() - before) / (time.monotonic() - began)
        return _figure(people, costs, size, busy, served.memory())


async def _prepared(database: Database, made: Base) -> Known:
    """One customer with a long story, and pairs that may be the same person."""
    async with database.read() as session:
        some = (await session.execute(text("SELECT id FROM customers ORDER BY id LIMIT 2000"))).scalars().all()
    await _write_story(database, some[0])
    await _write_pairs(database, some)
    shown = tuple(ids.show(one) for one in some[1:])
    return Known(shown, ids.show(some[0]), made.callers)


async def _write_story(database: Database, customer_id: int) -> None:
    """Half notes, half calls, over two years."""
    notes: list[BulkRow] = []
    calls: list[BulkRow] = []
    for n in range(_STORY // 2):
        at = _BEGAN + timedelta(hours=3 * n)
        notes.append((1_000_000_000 + n, customer_id, at, None, f"Spoke about delivery {n}; wants a call next week."))
        ended, answered = at + timedelta(minutes=4), at + timedelta(seconds=9)
        facts = (
            "main",
            f"{n}.1",
            Direction.INBOUND,
            CallState.ENDED,
            CallStatus.ANSWERED,
            "13800138000",
            "13800138000",
        )
        times = (at + timedelta(hours=1), answered, ended, 9.0, 231.0, 0.0)
        calls.append((1_000_000_000 + n, *facts, customer_id, *times, ["10000"], "complete", [], []))
    columns = {
        CustomerNote: ("id", "customer_id", "at", "author_id", "text"),
        Call: (
            "id", "pbx", "uniqueid", "direction", "state", "status", "caller_number", "customer_number", "customer_id",
            "started_at", "answered_at", "ended_at", "wait_seconds", "talk_seconds", "hold_seconds", "agents",
            "certainty", "queues", "holds",
        ),
    }  # fmt: skip
    async with database.uow() as uow:
        for model, rows in ((CustomerNote, notes), (Call, calls)):
            await insert_rows(uow.session, table_of(model), columns[model], rows)


async def _write_pairs(database: Database, some: Sequence[int]) -> None:
    """Pairs to decide on, so that the list of duplicates is a list."""
    columns = ("id", "first_id", "second_id", "score", "reasons", "state", "found_at")
    rows = [
        (n + 1, *sorted(pair), 90 - n % 40, ["same_phone"], PairState.OPEN, _BEGAN)
        for n, pair in enumerate(pairwise(some))
    ]
    async with database.uow() as uow:
        await insert_rows(uow.session, table_of(DuplicatePair), columns, rows)


async def _signed_in(database: Database) -> list[Person]:
    """Agents of the base, and people of the other roles in their department, each with a browser's session."""
    hashed, centre = passwords.hash_now(_PASSWORD), Centre(id=ids.new_id(), kind=CentreKind.SALES, name="Bench")
    async with database.uow() as uow:
        uow.session.add(centre)
        await uow.session.flush()
        await uow.session.execute(text("UPDATE departments SET sales_centre_id = :centre"), {"centre": centre.id})
        await uow.session.execute(text("UPDATE users SET password_hash = :hashed"), {"hashed": hashed})
        found = (
            await uow.session.execute(text("SELECT id, name, department_id FROM users ORDER BY id LIMIT 30"))
        ).all()
        users = {name: (Role.AGENT, user_id) for user_id, name, _ in found[: _PEOPLE[Role.AGENT]]}
        for role in (Role.SUPERVISOR, Role.DATA_CLERK, Role.MANAGER):
            for n in range(_PEOPLE[role]):
                user = _user(f"{role}{n}", role, found[0].department_id, hashed)
                uow.session.add(user)
                users[user.name] = (role, user.id)
    return [await _person(database, name, role, user_id) for name, (role, user_id) in users.items()]


def _user(name: str, role: Role, department_id: int, hashed: str) -> User:
    return User(
        id=ids.new_id(),
        name=name,
        display_name=name,
        role=role,
        password_hash=hashed,
        department_id=department_id,
        created_at=_BEGAN,
    )


async def _person(database: Database, name: str, role: Role, user_id: int) -> Person:
    reach = (
        "owner_id = :user"
        if role is Role.AGENT
        else "department_id = (SELECT department_id FROM users WHERE id = :user)"
    )
    own = text(f"SELECT id FROM customers WHERE {reach} ORDER BY id DESC LIMIT 50")  # noqa: S608 - one of two texts of ours
    async with database.read() as session:
        customers = (await session.execute(own, {"user": user_id})).scalars().all()
    signed = await signing_in.sign_in(database, name, _PASSWORD, address="127.0.0.1", browser="bench")
    return Person(signed.token, role, tuple(map(ids.show, customers)), random.Random(name))


Choice = tuple[str, Callable[[Person, Known], str]]


def _card(person: Person, known: Known) -> str:
    return f"/customers/{person.dice.choice(person.own or known.customers)}"


def _typed(person: Person, known: Known) -> str:
    """A name, its initials or the end of a number, as people type; a single find opens at once."""
    number, name = person.dice.choice(known.callers)
    return "/customers?" + urlencode({"q": person.dice.choice((name, pinyin.keys(name)[1].split(" ")[0], number[-4:]))})


def _always(path: str) -> Callable[[Person, Known], str]:
    return lambda _person, _known: path


_EVERYBODY: tuple[Choice, ...] = (
    (_FLOOR, _always("/password")),
    ("customer list", _always("/customers")),
    ("search", _typed),
    ("card", _card),
    ("entry page of a customer", lambda person, known: f"{_card(person, known)}/edit"),
)
_MORE: Mapping[Role, tuple[Choice, ...]] = {
    Role.AGENT: (("desk", _always("/desk")), ("calls", _always("/calls"))),
    Role.SUPERVISOR: (("calls", _always("/calls")), ("duplicates", _always("/duplicates"))),
    Role.DATA_CLERK: (
        ("entry page", _always("/intake/enter")),
        ("duplicates", _always("/duplicates")),
        (f"timeline of {_STORY:,}", lambda _person, known: f"/customers/{known.story}/timeline"),
        (f"card with a story of {_STORY:,}", lambda _person, known: f"/customers/{known.story}"),
    ),
    Role.MANAGER: (
        ("allocation", _always("/allocation")),
        (f"timeline of {_STORY:,}", lambda _person, known: f"/customers/{known.story}/timeline"),
        ("calls", _always("/calls")),
    ),
}


async def _costs(served: Service, people: Sequence[Person], known: Known, times: int) -> dict[str, float]:
    """Processor milliseconds of the service for each page, one after the other: what other load cannot blur."""
    costs: dict[str, float] = {}
    async with aiohttp.ClientSession() as web:
        for person in {person.role: person for person in people}.values():
            for what, path_of in _EVERYBODY + _MORE[person.role]:
                for counts in (False, True):  # the first visits of a page compile it
                    before = served.processor_seconds()
                    for _ in range(times if counts else 2):
                        await _open(web, served, person, path_of(person, known))
                    costs[what] = (served.processor_seconds() - before) / times * 1000
    return costs


async def _open(web: aiohttp.ClientSession, served: Service, person: Person, path: str) -> float:
    """Seconds until the whole page was there."""
    headers = {"Cookie": f"callcenter_session={person.cookie}", "Accept-Language": "zh"}
    began = time.perf_counter()
    async with web.get(served.http + path, headers=headers, allow_redirects=False) as answer:
        await answer.read()
        if answer.status not in (200, 303):
            person.wrong.append(f"{path}: {answer.status}")
    return time.perf_counter() - began


async def _click(served: Service, people: Sequence[Person], known: Known, seconds: float) -> None:
    """Everybody clicks until the time is over; raises RuntimeError with the first page that is not one."""
    until = time.monotonic() + seconds
    async with aiohttp.ClientSession() as web, asyncio.TaskGroup() as group:
        for person in people:
            group.create_task(_one(web, served, person, known, until))
    if wrong := [one for person in people for one in person.wrong]:
        raise RuntimeError(f"{len(wrong)} pages failed, the first: {wrong[0]}")


async def _one(web: aiohttp.ClientSession, served: Service, person: Person, known: Known, until: float) -> None:
    choices = _EVERYBODY + _MORE[person.role]
    while (rest := until - time.monotonic()) > 0:
        await asyncio.sleep(min(rest, person.dice.expovariate(1 / _THINK_SECONDS)))
        what, path_of = person.dice.choice(choices)
        person.seen.setdefault(what, Samples()).add(await _open(web, served, person, path_of(person, known)))


def _figure(people: Sequence[Person], costs: Mapping[str, float], size: Size, busy: float, memory: float) -> Figure:
    by_page: dict[str, Samples] = {}
    for person in people:
        for what, samples in person.seen.items():
            by_page.setdefault(what, Samples()).values += samples.values
    floor = by_page.pop(_FLOOR)
    every = Samples([seconds for samples in by_page.values() for seconds in samples.values])
    rows = [
        _row(f"{what} ({costs[what]:.0f} ms of processor alone)", samples, floor)
        for what, samples in sorted(by_page.items())
    ]
    return Figure(
        f"Pages with {size.customers:,} customers, {len(people)} people clicking (SQLite)",
        (within("any page, 95th percentile", every.quantile(0.95) * 1000, _LIMIT_MS, "ms"), *rows),
        (
            f"Each time p50 / p95; floor: the smallest page ({costs[_FLOOR]:.0f} ms of processor) in the same run."
            f" {len(every.values):,} pages, one a person every {_THINK_SECONDS:g} s; the service used {busy:.0%} of"
            f" a core and {memory:,.0f} MiB.",
        ),
    )


def _row(what: str, samples: Samples, floor: Samples) -> Row:
    high = samples.quantile(0.95)
    return Row(what, _both(samples), _both(floor), f"{high / floor.quantile(0.95):.2f} ×", "", None)


def _both(samples: Samples) -> str:
    return f"{milliseconds(samples.p50)} / {milliseconds(samples.quantile(0.95))}"
