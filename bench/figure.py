"""What a measurement says, and how big it is made."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured: FULL for figures worth telling, SMALL to see that it runs."""

    customers: int
    agents: int
    seconds: float  # of each stretch of a latency measurement
    soak_seconds: float
    repeats: int
    lookups: int


FULL = Size(customers=1_000_000, agents=1_000, seconds=20.0, soak_seconds=60.0, repeats=3, lookups=5_000)
SMALL = Size(customers=20_000, agents=400, seconds=3.0, soak_seconds=3.0, repeats=1, lookups=300)


@dataclass(frozen=True, slots=True)
class Row:
    """One line: ours beside the peer's, in words; ``ratio`` is what the target is about."""

    what: str
    ours: str
    peer: str = ""
    ratio: str = ""
    target: str = ""
    met: bool | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured table. ``notes`` say what the numbers cannot."""

    title: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class Samples:
    """Times in seconds and what can be said of them."""

    values: list[float] = field(default_factory=list)

    def add(self, seconds: float) -> None:
        self.values.append(seconds)

    def quantile(self, share: float) -> float:
        ordered = sorted(self.values)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")

    @property
    def p50(self) -> float:
        return self.quantile(0.5)

    @property
    def p99(self) -> float:
        return self.quantile(0.99)


def machine() -> str:
    """The machine in one line."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB memory, Python {platform.python_version()}, {_processor()}"


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms"


def at_most(what: str, ours: float, peer: float, target: float) -> Row:
    """A time against its floor: the ratio may be ``target`` at most."""
    ratio = ours / peer
    return Row(what, milliseconds(ours), milliseconds(peer), f"{ratio:.2f} ×", f"≤ {target:g} ×", ratio <= target)


def at_least(what: str, ours: float, peer: float, target: float, unit: str) -> Row:
    """A speed against its peer: the ratio must be ``target`` at least."""
    ratio = ours / peer
    return Row(what, f"{ours:,.0f} {unit}", f"{peer:,.0f} {unit}", f"{ratio:.2f} ×", f"≥ {target:g} ×", ratio >= target)


def within(what: str, ours: float, limit: float, unit: str, *, digits: int = 1) -> Row:
    """An absolute figure with a limit."""
    return Row(what, f"{ours:,.{digits}f} {unit}", "", "", f"≤ {limit:g} {unit}", ours <= limit)


def complete(what: str, got: int, expected: int) -> Row:
    """A count that must be whole."""
    return Row(what, f"{got:,} of {expected:,}", "", "", "all", got == expected)


_MARKDOWN_HEAD = "| | ours | floor or peer | ratio | target | |\n|---|---|---|---|---|---|"


def markdown(figure: Figure) -> str:
    """The table as it stands in docs/figures.md."""
    lines = [f"## {figure.title}", "", _MARKDOWN_HEAD, *map(_markdown_row, figure.rows)]
    return "\n".join([*lines, *(f"\n{note}" for note in figure.notes)]) + "\n"


def summary(figures: Sequence[Figure]) -> str:
    """What stands in the README: the rows that have a target."""
    lines = [_MARKDOWN_HEAD]
    for figure in figures:
        lines.append(f"| **{figure.title}** | | | | | |")
        lines += [_markdown_row(row) for row in figure.rows if row.target]
    return "\n".join([*lines, "", f"{machine()}."])


def _markdown_row(row: Row) -> str:
    return f"| {row.what} | {row.ours} | {row.peer} | {row.ratio} | {row.target} | {_verdict(row.met)} |"


def dump(figures: Mapping[str, Figure]) -> str:
    """Figures by name as JSON, for the next time that only one of them is measured."""
    kept = {"machine": machine(), "figures": {name: asdict(figure) for name, figure in figures.items()}}
    return json.dumps(kept, ensure_ascii=False, indent=1) + "\n"


def load(written: str) -> dict[str, Figure]:
    """What ``dump`` wrote; nothing when another machine did."""
    kept = json.loads(written)
    if kept["machine"] != machine():
        return {}
    return {
        name: Figure(one["title"], tuple(Row(**row) for row in one["rows"]), tuple(one["notes"]))
        for name, one in kept["figures"].items()
    }


def text(figure: Figure) -> str:
    """The table for the terminal."""
    cells = [("", "ours", "floor or peer", "ratio", "target", "")]
    cells += [(row.what, row.ours, row.peer, row.ratio, row.target, _verdict(row.met)) for row in figure.rows]
    widths = [max(len(line[column]) for line in cells) for column in range(6)]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([figure.title, *(f"  {line}" for line in table), *(f"  {note}" for note in figure.notes)])


def _verdict(met: bool | None) -> str:
    return "" if met is None else "yes" if met else "no"
