"""What the service loads before it says ``ready``: only what every minute of its work needs."""

from __future__ import annotations

import subprocess
import sys

from alembic.script import ScriptDirectory

from crm_core import migrations

_LOADED = "import sys, callcenter.service; print('\\n'.join(sys.modules))"
# Read or written by one kind of work each, or needed by the other database alone.
_LATER = ("alembic", "asyncpg", "cryptography", "mako", "numpy", "python_calamine", "xlsxwriter")


def loaded() -> set[str]:
    found = subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, text=True, check=True)
    return set(found.stdout.split())


def test_starting_loads_nothing_that_only_some_work_needs() -> None:
    modules = loaded()
    assert "web.app" in modules
    assert modules.intersection(_LATER) == set()


def test_the_newest_revision_is_known_without_loading_what_changes_tables() -> None:
    assert migrations.head() == ScriptDirectory.from_config(migrations.config()).get_current_head()
