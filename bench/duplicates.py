"""Who is stored twice, in a base with known duplicates: our search against splink on duckdb, same rows, same truth."""

from __future__ import annotations

import asyncio
import importlib.util
import sqlite3
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench import twins
from bench.figure import Figure, Row, Samples, Size, within
from bench.twins import Twins
from crm_core.customers.duplicates import queries
from crm_core.customers.duplicates.jobs import FIND_DUPLICATES, HANDLERS
from crm_core.customers.duplicates.keys import address_key
from crm_core.customers.duplicates.queries import Probe
from crm_core.customers.duplicates.rules import WORTH_A_LOOK
from crm_core.db.database import Database
from crm_core.jobs import service as jobs
from crm_core.jobs.runner import run_one
from crm_core.organization.access import SYSTEM

_TITLE: Final = "Duplicates of the whole base"
_TYPING_MS: Final = 100.0
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a contestant found, and in how many seconds."""

    seconds: float
    found: frozenset[Pair]

    def recall(self, truth: dict[Pair, str]) -> float:
        return len(self.found & truth.keys()) / max(1, len(truth))

    def precision(self, truth: dict[Pair, str]) -> float:
        return len(self.found & truth.keys()) / max(1, len(self.found))


def run(size: Size) -> Figure:
    with tempfile.TemporaryDirectory(prefix="callcenter-bench-") as folder:
        known = asyncio.run(twins.make(Path(folder), size.customers))
        ours, typing, keys = asyncio.run(_ours(known, size.lookups))
        peer = _splink(known) if importlib.util.find_spec("splink") else None
    rows = [
        *_against(ours, peer, known.pairs),
        within("a candidate while typing, p99", typing.p99 * 1000, _TYPING_MS, "ms"),
    ]
    rows.append(Row("making all keys, once", f"{keys:,.1f} s"))
    missed = Counter(kind for pair, kind in known.pairs.items() if pair not in ours.found)
    every = Counter(known.pairs.values())
    shares = ", ".join(f"{kind} {1 - missed[kind] / count:.0%}" for kind, count in sorted(every.items()))
    notes = (f"{size.customers:,} customers, {len(known.pairs):,} of them second ones. Found by kind: {shares}.",)
    return Figure(_TITLE, tuple(rows), notes if peer else (*notes, "splink is not installed (extra bench): no peer."))


def _against(ours: Outcome, peer: Outcome | None, truth: dict[Pair, str]) -> list[Row]:
    rows = []
    for name in ("recall", "precision"):
        mine, its = getattr(ours, name)(truth), None if peer is None else getattr(peer, name)(truth)
        met = its is None or mine >= its
        rows.append(Row(name, f"{mine:.3f}", "" if its is None else f"{its:.3f}", "", "≥ the peer", met))
    if peer is None:
        return [Row("whole search", f"{ours.seconds:,.1f} s"), *rows]
    ratio = ours.seconds / peer.seconds
    time_row = Row(
        "whole search", f"{ours.seconds:,.1f} s", f"{peer.seconds:,.1f} s", f"{ratio:.2f} ×", "≤ 1 ×", ratio <= 1
    )
    return [time_row, *rows]


async def _ours(known: Twins, lookups: int) -> tuple[Outcome, Samples, float]:
    db = Database(f"sqlite+aiosqlite:///{known.database}")
    began = time.perf_counter()
    await _search(db)  # makes the keys too, which the service does as customers are entered
    first = time.perf_counter() - began
    with closing(sqlite3.connect(known.database)) as connection:
        connection.execute("DELETE FROM duplicate_pairs")
        connection.execute("ANALYZE match_keys")
        connection.commit()
    began = time.perf_counter()
    await _search(db)
    seconds = time.perf_counter() - began
    typing = await _typing(db, known, lookups)
    await db.close()
    with closing(sqlite3.connect(known.database)) as connection:
        found = frozenset(connection.execute("SELECT first_id, second_id FROM duplicate_pairs"))
    return Outcome(seconds, found), typing, first - seconds


async def _search(db: Database) -> None:
    async with db.uow() as uow:
        await jobs.start(uow, FIND_DUPLICATES, {}, by=SYSTEM)
    assert await run_one(db, HANDLERS)


async def _typing(db: Database, known: Twins, lookups: int) -> Samples:
    """What the entry page asks with each field that was filled in."""
    asked, samples = sorted(known.pairs)[:: max(1, len(known.pairs) // lookups)], Samples()
    async with db.read() as session:
        stored = await queries.stored_customers(session, {second for _, second in asked})
    for one in stored.values():
        birthday, phones = one.facts.typed_birthday, tuple(one.facts.phones)
        began = time.perf_counter()
        async with db.read() as session:
            await queries.candidates(session, SYSTEM, Probe(name=one.name, phones=phones, birthday=birthday))
        samples.add(time.perf_counter() - began)
    return samples


def _splink(known: Twins) -> Outcome:
    """Settings as its documentation advises for people: names, sound, day of birth, phone, address; all trained."""
    import pyarrow  # the peer's own, in the extra bench alone
    from splink import SettingsCreator, block_on
    from splink import comparison_library as cl
    from splink.backends.duckdb import DuckDBAPI

    table = pyarrow.Table.from_pylist(_records(known.database))
    began = time.perf_counter()
    settings = SettingsCreator(
        link_type="dedupe_only",
        comparisons=[
            cl.JaroWinklerAtThresholds("name", [0.7]).configure(term_frequency_adjustments=True),
            cl.ExactMatch("pinyin"),
            cl.LevenshteinAtThresholds("born", [1, 2]),
            cl.ExactMatch("phone"),
            cl.ExactMatch("landline"),
            cl.ExactMatch("address"),
        ],
        blocking_rules_to_generate_predictions=[
            block_on("phone"),
            block_on("landline"),
            block_on("name", "born"),
            block_on("pinyin", "born"),
            block_on("surname", "born"),
            block_on("name", "address"),
        ],
    )
    return Outcome(*_predicted(DuckDBAPI().register(table), settings, block_on, began))


def _predicted(frame: Any, settings: Any, block_on: Any, began: float) -> tuple[float, frozenset[Pair]]:
    from splink import Linker

    linker = Linker(frame, settings, log_level="ERROR")
    certain = [block_on("phone", "name"), block_on("name", "born", "address")]
    linker.training.estimate_probability_two_random_records_match(certain, recall=0.6)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in (block_on("phone"), block_on("name", "born")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule, record_sample_proportion=1.0)
    found = linker.inference.predict(threshold_match_probability=WORTH_A_LOOK)
    pairs = found.as_duckdbpyrelation().project("unique_id_l, unique_id_r").fetchall()
    seconds = time.perf_counter() - began
    return seconds, frozenset((min(pair), max(pair)) for pair in pairs)


def _records(database: Path) -> list[dict[str, Any]]:
    """The rows as the peer wants them: flat, one mobile and one landline each."""
    with closing(sqlite3.connect(database)) as connection:
        numbers: dict[int, dict[str, str]] = {}
        for customer_id, e164 in connection.execute(
            "SELECT customer_id, e164 FROM customer_phones ORDER BY position DESC"
        ):
            numbers.setdefault(customer_id, {})["phone" if e164.startswith("+861") else "landline"] = e164
        columns = "id, name, pinyin, birth_calendar, birth_year, birth_month, birth_day, city, street"
        return [
            {
                "unique_id": one,
                "name": name,
                "surname": name[:1],
                "pinyin": pinyin.split(" ")[0],
                "born": f"{calendar[0]}{year:04d}{month:02d}{day:02d}" if year else None,
                "phone": numbers.get(one, {}).get("phone"),
                "landline": numbers.get(one, {}).get("landline"),
                "address": address_key({"city": city, "street": street}),
            }
            for one, name, pinyin, calendar, year, month, day, city, street in connection.execute(
                f"SELECT {columns} FROM customers"  # noqa: S608 - our own columns
            )
        ]
