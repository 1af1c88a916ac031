"""Who may import whom: the contracts of pyproject.toml, none of them with an exception."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from typing import Any

import pytest

from tests.architecture.sources import ROOT, modules, none_of

CONTRACTS: list[dict[str, Any]] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
    "contracts"
]


def test_the_import_contracts_are_kept() -> None:
    lint = (
        "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(cache_dir=None, no_cache=True))"
    )
    done = subprocess.run([sys.executable, "-c", lint], cwd=ROOT, capture_output=True, text=True, timeout=55)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_contract_has_an_exception() -> None:
    none_of([c["id"] for c in CONTRACTS if c.get("ignore_imports") or c.get("unmatched_ignore_imports_alerting")])


def test_every_pure_module_is_named_in_the_contract_of_purity() -> None:
    """Rules and facts are pure by their name: a new ``rules.py`` must come under the contract."""
    pure = next(set(c["source_modules"]) for c in CONTRACTS if c["id"] == "pure")
    clockless = next(set(c["source_modules"]) for c in CONTRACTS if c["id"] == "clockless")
    named = {
        file.removesuffix(".py").replace("/", ".")
        for file, _ in modules("crm_core")
        if file.endswith(("/rules.py", "_rules.py", "/facts.py"))
    }
    assert named - pure == set()
    assert pure == clockless


@pytest.mark.parametrize("tier", ["crm_core"])
def test_the_tiers_name_every_context(tier: str) -> None:
    contract = next(c for c in CONTRACTS if c["id"] == "tiers")
    assert contract["containers"] == [tier]
    assert contract["exhaustive"] is True
