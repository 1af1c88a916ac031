"""Each kind of long work has its name in the interface's words."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from callcenter import jobs
from callcenter.files import KeptFiles
from web.pages.words import WORDS


def test_each_kind_of_job_and_each_verdict_of_allocation_has_a_word(tmp_path: Path) -> None:
    kinds = jobs.handlers(KeptFiles(tmp_path), ZoneInfo("Asia/Shanghai"))
    assert set(kinds) <= set(WORDS["job_kind"])
    assert {"given", "refused", "announced", "reclaimed", "spared", "unchanged", "done"} <= set(WORDS["verdict"])
