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
from crm_core.db.database import Database
from crm_core.jobs import service as jobs
from crm_core.jobs.runner import run_one
from crm_core.organization.access import SYSTEM

_TITLE: Final = "Duplicates of the whole base"
_TYPING_MS: Final = 100.0
_THRESHOLDS: Final = (0.02, 0.05, *(n / 20 for n in range(2, 20)), 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 0.999)
Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a contestant found, and in how many seconds; ``alone`` is without reading and preparing the rows."""

    seconds: float
    found: frozenset[Pair]
    alone: float = 0.0

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
        within("a candidate while typing, p50", typing.p50 * 1000, _TYPING_MS, "ms"),
        within("a candidate while typing, p99", typing.p99 * 1000, _TYPING_MS, "ms"),
    ]
    rows.append(Row("making all keys, once", f"{keys:,.1f} s"))
    missed = Counter(kind for pair, kind in known.pairs.items() if pair not in ours.found)
    every = Counter(known.pairs.values())
    shares = ", ".join(f"{kind} {1 - missed[kind] / count:.0%}" for kind, count in sorted(every.items()))
    notes = [f"{size.customers:,} customers, {len(known.pairs):,} of them second ones. Found by kind: {shares}."]
    notes.append("Whole search: from the customers in the database to the pairs; ours stores them in it, too.")
    if peer:
        alone = f"{peer.alone:,.1f} s of splink's are its own, the rest is reading and normalising the rows in Python"
        notes.append(f"{alone}; its threshold is the one with its best F1 on this base, ours is fixed.")
    else:
        notes.append("splink is not installed (./run bench duplicates installs it): no peer.")
    return Figure(_TITLE, tuple(rows), tuple(notes))


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

    began = time.perf_counter()
    table = pyarrow.table(_columns(known.database))
    prepared = time.perf_counter()
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
    scored = _predicted(DuckDBAPI().register(table), settings, block_on)
    over = time.perf_counter()
    return Outcome(over - began, _best(scored, known.pairs), over - prepared)


def _best(scored: list[tuple[int, int, float]], truth: dict[Pair, str]) -> frozenset[Pair]:
    """The pairs above the threshold with the best F1: nobody could choose a better one."""
    best, found = 0.0, frozenset[Pair]()
    for least in _THRESHOLDS:
        pairs = frozenset((min(one, other), max(one, other)) for one, other, score in scored if score >= least)
        right = len(pairs & truth.keys())
        if (f1 := 2 * right / max(1, len(pairs) + len(truth))) > best:
            best, found = f1, pairs
    return found


def _predicted(frame: Any, settings: Any, block_on: Any) -> list[tuple[int, int, float]]:
    from splink import Linker

    linker = Linker(frame, settings, log_level="ERROR")
    certain = [block_on("phone", "name"), block_on("name", "born", "address")]
    linker.training.estimate_probability_two_random_records_match(certain, recall=0.6)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in (block_on("phone"), block_on("name", "born")):
        linker.training.estimate_parameters_using_expectation_maximisation(rule, record_sample_proportion=1.0)
    found = linker.inference.predict(threshold_match_probability=_THRESHOLDS[0])
    pairs: list[tuple[int, int, float]] = (
        found.as_duckdbpyrelation().project("unique_id_l, unique_id_r, match_probability").fetchall()
    )
    return pairs


def _columns(database: Path) -> dict[str, list[Any]]:
    """The rows as the peer wants them: flat, one mobile and one landline each, normalised as ours are."""
    columns = "id, name, pinyin, birth_calendar, birth_year, birth_month, birth_day, city, street"
    with closing(sqlite3.connect(database)) as connection:
        mobiles, landlines = dict[int, str](), dict[int, str]()
        for customer_id, e164 in connection.execute(
            "SELECT customer_id, e164 FROM customer_phones ORDER BY customer_id, position DESC"
        ):
            (mobiles if e164.startswith("+861") else landlines)[customer_id] = e164
        rows = connection.execute(f"SELECT {columns} FROM customers").fetchall()  # noqa: S608 - our own columns
    ids, names, pinyins, calendars, years, months, days, cities, streets = zip(*rows, strict=True)
    born = zip(calendars, years, months, days, strict=True)
    homes = zip(cities, streets, strict=True)
    return {
        "unique_id": list(ids),
        "name": list(names),
        "surname": [name[:1] for name in names],
        "pinyin": [pinyin.split(" ", 1)[0] for pinyin in pinyins],
        "born": [f"{kind[0]}{year:04d}{month:02d}{day:02d}" if year else None for kind, year, month, day in born],
        "phone": [mobiles.get(one) for one in ids],
        "landline": [landlines.get(one) for one in ids],
        "address": [address_key({"city": city, "street": street}) for city, street in homes],
    }
