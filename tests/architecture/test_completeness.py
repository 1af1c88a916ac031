"""./run test leaves nothing out: there a skipped test is a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT

SKIPPED = "import pytest\n\ndef test_of_a_part_that_is_not_here():\n    pytest.skip('no PBX')\n"
HOOKS = "from tests.conftest import pytest_sessionfinish, pytest_terminal_summary\n"


@pytest.mark.parametrize(("complete", "code"), [("1", 1), ("", 0)])
def test_a_skipped_test_fails_the_complete_run_and_no_other(complete: str, code: int, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(HOOKS)
    (tmp_path / "test_it.py").write_text(SKIPPED)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), str(tmp_path)],
        env={**os.environ, "CALLCENTER_TEST_COMPLETE": complete, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert ("no PBX" in done.stdout.partition("short test summary")[0]) == bool(complete)
