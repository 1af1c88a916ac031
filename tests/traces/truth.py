"""Truth tables: what a recorded call is, read from its stream, its CDR lines and its queue_log.

``NAME.truth.toml`` beside ``NAME.ami``; ``verified`` says by what it was checked against what happened. Each
``[[call]]`` in order of start; ``rang`` and all durations in seconds from the call's start; what is absent must be
absent. ``[[call.leg]]`` in order of ringing, ``[[call.visit]]`` a stay in a queue, ``[[call.pop]]`` a pop with the
reason for which it was taken back, if it was.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from callcenter.tracking.changes import LegClosed, LegRang
from crm_core.calls.facts import CallFacts
from tests.traces.folding import Folded

# The tables are rounded to milliseconds; two clocks of the PBX's threads differ by less than this.
TOLERANCE = 0.02

Table = dict[str, Any]


def truth_of(path: Path) -> list[Table]:
    calls: list[Table] = tomllib.loads(path.with_suffix(".truth.toml").read_text(encoding="utf-8"))["call"]
    return calls


def differences(folded: Folded, truth: list[Table]) -> list[str]:
    """Everything in which a fold differs from the table, in words."""
    got = folded.in_order()
    if len(got) != len(truth):
        return [f"{len(got)} calls, not {len(truth)}"]
    found: list[str] = []
    for number, (facts, table) in enumerate(zip(got, truth, strict=True), 1):
        found += [f"call {number}: {text}" for text in _call(folded, facts, table)]
    return found


def _call(folded: Folded, facts: CallFacts, table: Table) -> list[str]:
    ended = facts.ended_at
    found = _same(
        {
            "direction": facts.direction,
            "status": facts.status,
            "caller": facts.caller_number,
            "called": facts.called_number,
            "name": facts.caller_name,
            "queue": facts.queue,
            "transferred": facts.transferred,
            "ended_by": facts.ended_by,
            "agents": list(facts.agents),
            "recordings": [recording.path.rsplit("/", 1)[-1] for recording in facts.recordings],
        },
        table,
    )
    times = {
        "wait": facts.wait_seconds,
        "talk": facts.talk_seconds,
        "hold": facts.hold_seconds,
        "started": facts.started_at,
        "lasts": None if ended is None else ended - facts.started_at,
    }
    found += _close(times, table)
    found += _rows("leg", _legs(facts), table.get("leg", []))
    found += _rows("visit", _visits(facts), table.get("visit", []))
    found += _rows("pop", _pops(folded, facts), table.get("pop", []))
    return found


def _same(got: Table, table: Table) -> list[str]:
    return [f"{key} {value!r}, not {table.get(key)!r}" for key, value in got.items() if value != table.get(key)]


def _close(got: dict[str, float | None], table: Table) -> list[str]:
    found = []
    for key, value in got.items():
        if value is None or abs(value - table[key]) > TOLERANCE:
            found.append(f"{key} {value}, not {table[key]}")
    return found


def _rows(kind: str, got: list[Table], table: list[Table]) -> list[str]:
    if len(got) != len(table):
        return [f"{len(got)} {kind}s, not {len(table)}: {got}"]
    found = []
    for number, (one, other) in enumerate(zip(got, table, strict=True), 1):
        times: dict[str, float | None] = {key: value for key, value in one.items() if isinstance(value, float)}
        words = {key: value for key, value in one.items() if not isinstance(value, float)}
        found += [f"{kind} {number}: {text}" for text in _same(words, other) + _close(times, other)]
    return found


def _legs(facts: CallFacts) -> list[Table]:
    return [
        {
            "extension": leg.extension,
            "outcome": leg.outcome,
            "rang": None if leg.rang_at is None else leg.rang_at - facts.started_at,
            "talk": leg.talk_seconds,
            "hold": leg.hold_seconds,
            "queue": leg.queue,
            "transferred_from": leg.transferred_from,
        }
        for leg in facts.legs
    ]


def _visits(facts: CallFacts) -> list[Table]:
    return [
        {
            "queue": visit.queue,
            "outcome": visit.outcome,
            "waited": None if visit.left_at is None else visit.left_at - visit.joined_at,
        }
        for visit in facts.queues
    ]


def _pops(folded: Folded, facts: CallFacts) -> list[Table]:
    """Pops in order, each with the reason for which that very ring's was taken back."""
    hidden = {change.leg.id: change for change in folded.changes if isinstance(change, LegClosed)}
    pops: list[Table] = []
    for change in folded.changes:
        if isinstance(change, LegRang) and change.call_id == facts.id:
            back = hidden.get(change.leg.id)
            pops.append({"extension": change.leg.extension, "hidden": back and back.reason, "by": back and back.by})
    return pops
