"""What is made from the sources is in step with them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.architecture.sources import ROOT


@pytest.mark.parametrize(
    "command",
    [("scripts/i18n.py", "--check"), ("scripts/vendor.py", "--check"), ("scripts/write_docs.py", "--check")],
    ids=["every text is translated", "vendored files are those of the manifest", "written documents are up to date"],
)
def test_what_is_made_from_the_sources_is_up_to_date(command: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stdout + done.stderr
