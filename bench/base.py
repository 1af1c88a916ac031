"""The company that is measured on: so many agents, so many invented customers; made once and kept in .cache."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import json
import shutil
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.processes import ROOT
from callcenter import keys
from callcenter.demo import customers as made
from callcenter.demo import id_cards, stocks, twins
from crm_core import migrations
from crm_core.customers import sealed
from crm_core.customers.duplicates import service as duplicates
from crm_core.customers.models import AccountNumber, Customer, Phone
from crm_core.customers.search import facts_queries, tokens
from crm_core.customers.search import service as search
from crm_core.db.bulk import insert_rows, without_indexes
from crm_core.db.database import Database
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import table_of
from crm_core.kernel.ids import new_id
from crm_core.kernel.sealing import KeyRing
from crm_core.organization import passwords, signing_in
from crm_core.organization.access import SYSTEM
from crm_core.organization.models import Centre, CentreKind, Department, Role, User

_FIRST_EXTENSION = 10_000
_SAMPLE = 20_000
_TEAM = 50  # agents of a department
_KEYS = 1_000_000  # of one transaction
_FEW_CARDS = 100  # customers of a stretch
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody who can be called, with an API token."""

    extension: str
    token: str


@dataclass(frozen=True, slots=True)
class Base:
    """A database file that may be written to with its keys, its agents, and samples: (number, name), (ID card, name).

    The search index and the keys of the duplicate check are there. ``seconds`` tells what making each part took.
    """

    folder: Path
    agents: tuple[Agent, ...]
    callers: tuple[tuple[str, str], ...]
    cards: tuple[tuple[str, str], ...]
    seconds: dict[str, float]


def base(folder: Path, customers: int, agents: int) -> Base:
    """A copy of the base in ``folder``; the first use makes it, which takes minutes for a million customers."""
    kept = kept_folder("sqlite", customers, agents)
    if not (kept / "base.json").exists():
        asyncio.run(_make_file(kept, customers, agents))
    for name in ("callcenter.db", "keys.json"):
        shutil.copyfile(kept / name, folder / name)
    (folder / "keys.json").chmod(0o600)
    return read_base(kept, folder)


def kept_folder(database: str, customers: int, agents: int) -> Path:
    """Where such a base is kept; those of former versions are deleted."""
    kept = ROOT / ".cache" / "bench" / f"{database}-{customers}-{agents}-{_version()}"
    for old in kept.parent.glob(f"{database}-{customers}-{agents}-*"):
        if old != kept:
            shutil.rmtree(old)
    kept.mkdir(parents=True, exist_ok=True)
    return kept


def read_base(kept: Path, folder: Path) -> Base:
    """What was written down of a base that was made in ``kept`` and is used in ``folder``."""
    known = json.loads((kept / "base.json").read_text(encoding="utf-8"))
    agents = tuple(Agent(*pair) for pair in known["agents"])
    callers, cards = (tuple((number, name) for number, name in known[kind]) for kind in ("callers", "cards"))
    return Base(folder, agents, callers, cards, known["seconds"])


def _version() -> str:
    """Changes with the tables and with the makers of the data."""
    sources = [path.read_bytes() for path in sorted(Path(migrations.__file__).parent.glob("versions/*.py"))]
    makers = (made, stocks, id_cards, twins, tokens, facts_queries, search, duplicates)
    sources += [*(inspect.getsource(maker).encode() for maker in makers), Path(__file__).read_bytes()]
    return hashlib.sha256(b"".join(sources)).hexdigest()[:12]


async def _make_file(kept: Path, customers: int, agents: int) -> None:
    (kept / "callcenter.db").unlink(missing_ok=True)
    db = Database(f"sqlite+aiosqlite:///{kept / 'callcenter.db'}", keyring=keys.ring(kept))
    await make(db, kept, customers, agents)
    await db.close()
    _settle(kept / "callcenter.db")


async def make(db: Database, kept: Path, customers: int, agents: int) -> None:
    """Fills an empty database and writes down in ``kept`` what is in it."""
    await migrations.upgrade(db)
    owners, tokens_of_agents = await _staff(db, agents)
    seconds: dict[str, float] = {}
    began = time.perf_counter()
    callers, cards = await _fill(db, owners, customers)
    seconds["customers"] = time.perf_counter() - began
    began = time.perf_counter()
    await search.build(db)
    seconds["search index"] = time.perf_counter() - began
    known = {
        "agents": [[owner.extension, token] for owner, token in zip(owners, tokens_of_agents, strict=True)],
        "callers": callers,
        "cards": cards,
        "seconds": seconds,
    }
    (kept / "base.json").write_text(json.dumps(known, ensure_ascii=False), encoding="utf-8")


def _settle(database: Path) -> None:
    """All in one file, with statistics, as after a night's rest."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("ANALYZE")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


async def _staff(db: Database, agents: int) -> tuple[list[made.Owner], list[str]]:
    password_hash = passwords.hash_now("nobody signs in with this")
    owners, tokens = [], []
    async with db.uow() as uow:
        departments = await _departments(uow, -(-agents // _TEAM))
        for number in range(agents):
            department = departments[number // _TEAM]
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


async def _departments(uow: UnitOfWork, count: int) -> list[Department]:
    """Of two sales centres by turns."""
    centres = [Centre(id=new_id(), kind=CentreKind.SALES, name=f"Bench {side}") for side in ("east", "west")]
    uow.session.add_all(centres)
    await uow.session.flush()
    found = [Department(id=new_id(), name=f"Bench {n}", sales_centre_id=centres[n % 2].id) for n in range(1, count + 1)]
    uow.session.add_all(found)
    await uow.session.flush()
    return found


async def _fill(
    db: Database, owners: Sequence[made.Owner], customers: int
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Writes the customers with the keys of the duplicate check; gives a sample of their numbers and ID cards."""
    maker = made.CustomerMaker(owners, seed=1, now=_NOW, keys=db.keyring, complete=True)
    tables = [table_of(model) for model in (Customer, Phone, AccountNumber)]
    columns = (made.CUSTOMER_COLUMNS, made.PHONE_COLUMNS, made.NUMBER_COLUMNS)
    callers: list[tuple[str, str]] = []
    cards: list[tuple[str, str]] = []
    keys_of: list[tuple[int, int]] = []
    async with without_indexes(db, *tables):
        for first, count in maker.stretches(customers):
            rows = await asyncio.to_thread(maker.make, first, count)
            async with db.uow() as uow:
                for table, names, values in zip(
                    tables, columns, (rows.customers, rows.phones, rows.numbers), strict=True
                ):
                    await insert_rows(uow.session, table, names, values)
                await duplicates.add_records(uow, rows.records)
            callers += _mobiles(rows)
            cards += _cards(rows, db.keyring)
            keys_of += rows.keys
    await _write_keys(db, keys_of)
    # Spread over the whole base, so that no page of the file is warm by chance.
    return callers[:: max(1, len(callers) // _SAMPLE)], cards[:: max(1, len(cards) // _SAMPLE)]


async def _write_keys(db: Database, keys_of: list[tuple[int, int]]) -> None:
    keys_of.sort()
    for start in range(0, len(keys_of), _KEYS):
        async with db.uow() as uow:
            await duplicates.add_known_keys(uow, keys_of[start : start + _KEYS])


def _cards(rows: made.CustomerRows, ring: KeyRing) -> list[tuple[str, str]]:
    """(ID card, name) of a few customers of the stretch."""
    own, name, card = (made.CUSTOMER_COLUMNS.index(column) for column in ("id", "name", "id_card_sealed"))
    some = [row for row in rows.customers[:_FEW_CARDS] if row[card] is not None]
    return [(sealed.open_id_card(ring, row[own], row[card]) or "", row[name]) for row in some]


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
