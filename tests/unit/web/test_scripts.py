"""The browser's pure scripts, run by Node's own test runner."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SUITES = sorted((Path(__file__).parent / "js").glob("*.test.mjs"))
SCRIPTS = sorted((Path(__file__).resolve().parents[3] / "web" / "static" / "js").glob("*.js"))


def _node() -> str:
    node = shutil.which("node")
    assert node is not None, "Node.js 20 or newer is needed for the browser scripts' tests: apt-get install nodejs"
    return node


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.stem)
def test_scripts_keep_their_rules(suite: Path) -> None:
    done = subprocess.run([_node(), "--test", str(suite)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_never_make_markup_of_text(script: Path) -> None:
    source = script.read_text(encoding="utf-8")
    # dom.markup() is the one door, for what our own server has drawn and escaped.
    allowed = 1 if script.name == "dom.js" else 0
    assert source.count("innerHTML") == allowed
    for door in ("outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"):
        assert door not in source
