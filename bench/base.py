"""The company that is measured on: so many agents, so many invented customers; made once and kept in .cache."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.processes import ROOT
from callcenter.demo import customers as made
from crm_core import migrations
from crm_core.customers.models import AccountNumber, Customer, Phone
from crm_core.db.bulk import insert_rows, without_indexes
from crm_core.db.database import Database
from crm_core.db.upsert import table_of
from crm_core.kernel.ids import new_id
from crm_core.organization import passwords, signing_in
from crm_core.organization.access import SYSTEM
from crm_core.organization.models import Department, Role, User

_FIRST_EXTENSION = 10_000
_SAMPLE = 20_000
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody who can be called, with an API token."""

    extension: str
    token: str


@dataclass(frozen=True, slots=True)
class Base:
    """A database file that may be written to, its agents, and a sample of numbers with the names they belong to."""

    folder: Path
    agents: tuple[Agent, ...]
    callers: tuple[tuple[str, str], ...]  # (number, name)


def base(folder: Path, customers: int, agents: int) -> Base:
    """A copy of the base in ``folder``; the first use makes it, which takes a minute for a million customers."""
    kept = ROOT / ".cache" / "bench" / f"{customers}-{agents}-{_version()}"
    if not (kept / "base.json").exists():
        for old in kept.parent.glob(f"{customers}-{agents}-*"):
            shutil.rmtree(old)
        kept.mkdir(parents=True)
        asyncio.run(_make(kept, customers, agents))
    shutil.copyfile(kept / "callcenter.db", folder / "callcenter.db")
    known = json.loads((kept / "base.json").read_text(encoding="utf-8"))
    return Base(folder, tuple(Agent(*pair) for pair in known["agents"]), tuple(map(tuple, known["callers"])))


def _version() -> str:
    """Changes with the tables and with the makers of the data."""
    sources = [path.read_bytes() for path in sorted(Path(migrations.__file__).parent.glob("versions/*.py"))]
    sources += [inspect.getsource(made).encode(), Path(__file__).read_bytes()]
    return hashlib.sha256(b"".join(sources)).hexdigest()[:12]


async def _make(kept: Path, customers: int, agents: int) -> None:
    db = Database(f"sqlite+aiosqlite:///{kept / 'callcenter.db'}")
    await migrations.upgrade(db)
    owners, tokens = await _staff(db, agents)
    callers = await _fill(db, owners, customers)
    await db.close()
    _settle(kept / "callcenter.db")
    known = {
        "agents": [[owner.extension, token] for owner, token in zip(owners, tokens, strict=True)],
        "callers": callers,
    }
    (kept / "base.json").write_text(json.dumps(known, ensure_ascii=False), encoding="utf-8")


def _settle(database: Path) -> None:
    """All in one file, with statistics, as after a night's rest."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("ANALYZE")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def _staff(db: Database, agents: int) -> tuple[list[made.Owner], list[str]]:
    department = Department(id=new_id(), name="Bench")
    password_hash = passwords.hash_now("nobody signs in with this")
    owners, tokens = [], []
    async with db.uow() as uow:
        uow.session.add(department)
        await uow.session.flush()
        for number in range(agents):
            extension = str(_FIRST_EXTENSION + number)
            user = User(
                id=new_id(),
                name=f"agent{extension}",
                display_name=f"Agent {extension}",
                role=Role.AGENT,
                password_hash=password_hash,
                extension=extension,
                department_id=department.id,
                created_at=_NOW,
            )
            uow.session.add(user)
            await uow.session.flush()
            _, token = await signing_in.issue_token(uow, user.id, "bench", by=SYSTEM)
            owners.append(made.Owner(user.id, user.name, extension, department.id))
            tokens.append(token)
    return owners, tokens


async def _fill(db: Database, owners: Sequence[made.Owner], customers: int) -> list[tuple[str, str]]:
    """Writes the customers; gives a sample of their numbers, each with the name."""
    maker = made.CustomerMaker(owners, seed=1, now=_NOW)
    tables = [table_of(model) for model in (Customer, Phone, AccountNumber)]
    columns = (made.CUSTOMER_COLUMNS, made.PHONE_COLUMNS, made.NUMBER_COLUMNS)
    callers: list[tuple[str, str]] = []
    async with without_indexes(db, *tables):
        for first, count in maker.stretches(customers):
            rows = await asyncio.to_thread(maker.make, first, count)
            async with db.uow() as uow:
                for table, names, values in zip(
                    tables, columns, (rows.customers, rows.phones, rows.numbers), strict=True
                ):
                    await insert_rows(uow.session, table, names, values)
            callers += _mobiles(rows)
    # Spread over the whole base, so that no page of the file is warm by chance.
    return callers[:: max(1, len(callers) // _SAMPLE)]


def _mobiles(rows: made.CustomerRows) -> list[tuple[str, str]]:
    """(number, name) for the first number of each customer, where that is a mobile."""
    who, number, first = (made.PHONE_COLUMNS.index(name) for name in ("customer_id", "number", "position"))
    own, name = made.CUSTOMER_COLUMNS.index("id"), made.CUSTOMER_COLUMNS.index("name")
    names = {row[own]: row[name] for row in rows.customers}
    return [
        (row[number], names[row[who]])
        for row in rows.phones
        if row[first] == 0 and len(row[number]) == 11 and row[number].startswith("1")
    ]
