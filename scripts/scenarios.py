"""The recorded calls as a document: what happened, what the call log must say, and what the tracker makes of it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crm_core.calls.facts import CallFacts
from tests.traces.folding import TRACES, fold, recorded

_HEAD = """# Scenarios

Calls recorded on a real Asterisk, byte by byte. Beside each recording stands its truth (`tests/traces/`), taken from
Asterisk's CDR, its queue_log and the stream itself. The tests compare every leg, hold, queue visit and pop; this table
has the calls alone. *Result* compares status, direction, numbers, queue, transfer, who ended it, agents, times and
recordings. Times are seconds.

Written by `./run docs scenarios`; do not edit.
"""
_COLUMNS = (
    "| scenario | call | status | agents | wait | talk | hold | transfer | ended by | result |\n" + "|---" * 10 + "|"
)
_PLAIN = ("direction", "status", "queue", "transferred", "ended_by")
_NUMBERS = {"caller": "caller_number", "called": "called_number"}
_TIMES = {"wait": "wait_seconds", "talk": "talk_seconds", "hold": "hold_seconds"}
_NEAR = 0.05


def table() -> str:
    """The whole document."""
    parts = [_HEAD]
    for folder in sorted(TRACES.glob("asterisk*"), reverse=True):
        rows = [row for truth in sorted(folder.glob("*.truth.toml")) for row in _rows(truth)]
        version = folder.name.removeprefix("asterisk")
        count = len(list(folder.glob("*.truth.toml")))
        parts.append(f"## Asterisk {version}: {count} scenarios\n\n{_COLUMNS}\n" + "\n".join(rows) + "\n")
    return "\n".join(parts)


def _rows(path: Path) -> list[str]:
    name = path.name.removesuffix(".truth.toml")
    calls: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8")).get("call", [])
    made = fold(recorded(path.with_name(f"{name}.ami"))).in_order()
    rows = []
    for index, truth in enumerate(calls):
        story = _title(path, name) if index == 0 else ""
        rows.append(f"| {story} | {_parties(truth)} | {_cells(truth)} | {_verdict(truth, made)} |")
    return rows or [f"| {_title(path, name)} | no call | | | | | | | | {_nothing(made)} |"]


def _title(path: Path, name: str) -> str:
    title, story = f"**{name.replace('_', ' ')}**", _story(path)
    return f"{title}<br>{story}" if story else title


def _story(path: Path) -> str:
    lines = path.read_text(encoding="utf-8").splitlines()
    words = " ".join(line[1:].strip() for line in lines if line.startswith("#"))
    return words.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def _parties(truth: Mapping[str, Any]) -> str:
    return f"{truth.get('direction', '')} {truth.get('caller') or 'hidden'} → {truth.get('called', '')}"


def _cells(truth: Mapping[str, Any]) -> str:
    times = [f"{truth[key]:.1f}" if truth.get(key) is not None else "" for key in _TIMES]
    rest = [truth.get("transferred", ""), truth.get("ended_by", "")]
    return " | ".join([truth.get("status", ""), ", ".join(truth.get("agents", [])), *times, *rest])


def _verdict(truth: Mapping[str, Any], made: Sequence[CallFacts]) -> str:
    """``as it must be``, or what differs in the call that comes nearest."""
    differences = [_differences(truth, call) for call in made]
    if not differences:
        return "no call"
    nearest = min(differences, key=len)
    return "as it must be" if not nearest else ", ".join(nearest)


def _differences(truth: Mapping[str, Any], call: CallFacts) -> list[str]:
    wrong = [key for key in _PLAIN if truth.get(key) != getattr(call, key)]
    wrong += [key for key, field in _NUMBERS.items() if truth.get(key) != getattr(call, field)]
    for key, field in _TIMES.items():
        must, got = truth.get(key), getattr(call, field)
        if (must is None) != (got is None) or (must is not None and abs(must - got) > _NEAR):
            wrong.append(key)
    if list(truth.get("agents", [])) != list(call.agents):
        wrong.append("agents")
    if [Path(one).name for one in truth.get("recordings", [])] != [Path(one.path).name for one in call.recordings]:
        wrong.append("recordings")
    return wrong


def _nothing(made: Sequence[CallFacts]) -> str:
    return "as it must be" if not made else f"{len(made)} calls"
