"""The project's own files, as the architecture tests read them."""

from __future__ import annotations

import ast
import functools
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PRODUCT = ("callcenter", "crm_core", "web", "sms")
_NOT_OURS = ("web/static/vendor/",)


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file; prints as editors like it."""

    file: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}"


@functools.cache
def files() -> tuple[str, ...]:
    """Every file that is, or would be, in the repository; generated and third-party ones left out."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return tuple(sorted(f for f in set(listed) if not f.startswith(_NOT_OURS) and (ROOT / f).is_file()))


@functools.cache
def texts() -> dict[str, str]:
    """The text files among them, by path."""
    found = {}
    for file in files():
        raw = (ROOT / file).read_bytes()
        if b"\0" not in raw[:8192]:
            found[file] = raw.decode("utf-8", "replace")
    return found


def modules(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """The Python modules below these top-level folders, parsed."""
    for file in files():
        if file.endswith(".py") and file.split("/", 1)[0] in folders:
            yield file, _parsed(file)


@functools.cache
def _parsed(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"), file)


def dotted(node: ast.expr) -> str:
    """``datetime.now`` for the expression of that name; empty for anything that is no plain name."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        before = dotted(node.value)
        return f"{before}.{node.attr}" if before else f".{node.attr}"
    return ""


def none_of(found: Iterable[object]) -> None:
    """Fails with one line for each, in full."""
    lines = [str(one) for one in found]
    assert not lines, "\n" + "\n".join(lines)
