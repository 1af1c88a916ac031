"""``python -m bench [NAME …] [--small] [--write]``: runs the figures, prints the tables, writes them down."""

from __future__ import annotations

import argparse
import importlib
import sys
import time
from collections.abc import Callable
from pathlib import Path

from bench.figure import FULL, SMALL, Figure, Size, dump, load, machine, markdown, summary, text

NAMES = (
    "decode_track",
    "whole_way",
    "pop",
    "lookup",
    "quick_search",
    "start",
    "duplicates",
    "imports",
    "allocation",
    "pages",
    "growth",
)
ROOT = Path(__file__).resolve().parent.parent
DOCUMENT, README, KEPT = ROOT / "docs" / "figures.md", ROOT / "README.md", ROOT / "docs" / "figures.json"
_BEGIN, _END = "<!-- figures: written by ./run bench --write -->", "<!-- end of figures -->"
_INTRODUCTION = """# Figures

Measured by `./run bench --write`. Each time stands beside its floor or peer, measured in the same run on the same
machine; only the ratios travel. What each floor is stands in the module of that name in `bench/`. A figure that is
measured alone (`./run bench NAME --write`) replaces its own table; the others stay, if they are of the same machine.
"""


def main() -> int:
    arguments = _arguments()
    names = arguments.names or list(NAMES)
    print(machine(), flush=True)
    figures: dict[str, Figure] = {}
    for name in names:
        began = time.monotonic()
        run: Callable[[Size], Figure] = importlib.import_module(f"bench.{name}").run
        figures[name] = run(SMALL if arguments.small else FULL)
        print(f"\n{text(figures[name])}\n  ({name}: {time.monotonic() - began:.0f} s)", flush=True)
    if arguments.write:
        _write(figures)
    return 0 if all(row.met is not False for figure in figures.values() for row in figure.rows) else 1


def _write(measured: dict[str, Figure]) -> None:
    kept = load(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    kept = kept | measured
    KEPT.write_text(dump(kept), encoding="utf-8")
    figures = [kept[name] for name in NAMES if name in kept]
    tables = "\n".join(markdown(figure) for figure in figures)
    DOCUMENT.write_text(f"{_INTRODUCTION}\nMachine: {machine()}.\n\n{tables}", encoding="utf-8")
    before, begin, rest = README.read_text(encoding="utf-8").partition(_BEGIN)
    _, end, after = rest.partition(_END)
    README.write_text(f"{before}{begin}\n{summary(figures)}\n{end}{after}", encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Figures with their floors, measured in one run.")
    parser.add_argument("names", nargs="*", choices=[[], *NAMES], metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--small", action="store_true", help="small sizes: to see that it runs")
    parser.add_argument("--write", action="store_true", help="write docs/figures.md and the README's table")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
