"""Every act that the audit log can hold is said in words, not in codes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from web.pages.words import WORDS

ROOT = Path(__file__).resolve().parents[3]


def _recorded() -> Iterator[str]:
    """The acts that are named outright where a line is added."""
    for folder in ("crm_core", "callcenter", "web", "sms"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and _called(node) == "record" and len(node.args) > 3:
                    act = node.args[2]
                    if isinstance(act, ast.Constant) and isinstance(act.value, str):
                        yield act.value


def _called(call: ast.Call) -> str | None:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr
    return call.func.id if isinstance(call.func, ast.Name) else None


def test_what_is_recorded_has_words() -> None:
    acts = set(_recorded())
    assert len(acts) > 40
    assert acts - set(WORDS["audit_act"]) == set()


def test_what_an_act_is_about_has_words() -> None:
    kinds = {act.partition(".")[0] for act in WORDS["audit_act"]}
    assert kinds - set(WORDS["audit_kind"]) == set()
