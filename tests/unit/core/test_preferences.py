"""What administrators may set, and what is made of it."""

from __future__ import annotations

from typing import Any

import pytest

from crm_core.kernel.errors import Rejected
from crm_core.organization.preferences import Choice, Limits, Preferences, checked, parse, plain


def test_what_was_never_set_has_its_default() -> None:
    assert parse({}) == Preferences()
    assert Preferences().normal_talk == (210.0, 240.0)
    assert Preferences().queue_label("sales") == "sales"


def test_what_is_stored_is_read_back() -> None:
    changes = {
        "normal_talk": {"low": 200, "high": 250},
        "limits": {"talk": 600},
        "dispositions": [{"code": "sale", "zh": "成交", "en": "Sold"}, {"code": "own", "zh": "自定"}],
        "queue_labels": {"sales": " 销售热线 ", "service": ""},
        "wrap_up_seconds": 20,
    }
    known = parse(checked(changes))
    assert known.normal_talk == (200.0, 250.0)
    assert known.limits == Limits(talk=600.0)
    assert known.dispositions == (Choice("sale", "成交", "Sold"), Choice("own", "自定", ""))
    assert known.queue_labels == {"sales": "销售热线"}
    assert known.wrap_up_seconds == 20.0
    assert parse(checked(plain(known))) == known


def test_a_choice_without_a_label_in_one_language_is_shown_in_the_other() -> None:
    assert Choice("own", "自定").label("en") == "自定"
    assert Choice("own", "自定", "Own").label("en") == "Own"
    assert Choice("own").label("zh") == ""


@pytest.mark.parametrize(
    ("name", "value", "where"),
    [
        ("normal_talk", {"low": 240, "high": 210}, "normal_talk.high"),
        ("normal_talk", {"low": "x", "high": 210}, "normal_talk.low"),
        ("normal_talk", {"low": True, "high": 210}, "normal_talk.low"),
        ("normal_talk", {"low": float("nan"), "high": 210}, "normal_talk.low"),
        ("limits", {"talk": 0}, "limits.talk"),
        ("limits", {"sleep": 1}, "limits.sleep"),
        ("targets", {"answered_rate": 95}, "targets.answered_rate"),
        ("pause_reasons", [], "pause_reasons"),
        ("pause_reasons", [{"code": "wrap_up"}], "pause_reasons.0.code"),
        ("pause_reasons", [{"code": "a"}, {"code": "a"}], "pause_reasons.1.code"),
        ("dispositions", [{"code": "a", "zh": "一\n二"}], "dispositions.0.zh"),
        ("dispositions", [{"code": "a", "zh": "长" * 61}], "dispositions.0.zh"),
        ("dispositions", "abc", "dispositions"),
        ("queue_labels", ["sales"], "queue_labels"),
        ("wrap_up_seconds", -1, "wrap_up_seconds"),
        ("weather", 1, "weather"),
    ],
)
def test_a_wrong_value_is_named(name: str, value: Any, where: str) -> None:
    with pytest.raises(Rejected) as refused:
        checked({name: value})
    assert list(refused.value.errors) == [where]


def test_a_stored_value_that_is_no_longer_allowed_counts_as_not_set() -> None:
    assert parse({"board.limits": {"talk": -5}, "agents.wrap_up_seconds": 5}) == Preferences(wrap_up_seconds=5.0)
