"""How values are written for readers."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from web import i18n
from web.pages.explain import explanation
from web.pages.filters import duration, filters, initial, number, percent, phone
from web.pages.render import attributes, icon
from web.ports import Meaning


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "–"), (0, "0:00"), (5.6, "0:06"), (59.6, "1:00"), (252, "4:12"), (3723, "1:02:03"), (-3, "0:00")],
)
def test_durations_line_up(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("13800138000", "138 0013 8000"),
        ("+8613800138000", "138 0013 8000"),
        ("138****8000", "138 **** 8000"),
        ("02161234567", "02161234567"),
        ("1001", "1001"),
        (None, ""),
    ],
)
def test_numbers_are_grouped_as_people_say_them(given: str | None, text: str) -> None:
    assert phone(given) == text


def test_instants_are_told_in_the_zone_and_language_of_the_reader() -> None:
    told = filters(ZoneInfo("Asia/Shanghai"))
    moment = datetime(2020, 1, 31, 18, 5, tzinfo=UTC)
    i18n.use("zh")
    assert told["when"](moment) == "2020年2月1日 02:05"
    assert told["day"](date(2020, 2, 1)) == "2020年2月1日"
    i18n.use("en")
    assert told["when"]("2020-01-31T18:05:00+00:00") == "1 Feb 2020 02:05"
    assert told["clock"](moment.timestamp()) == "02:05:00"
    assert told["ago"](None) == "never"
    i18n.use("zh")


def test_missing_values_are_dashes_and_never_zero() -> None:
    assert [number(None), percent(None), filters(ZoneInfo("UTC"))["when"](None)] == ["–", "–", "–"]
    assert percent(0.954) == "95.4%"


def test_a_person_has_a_sign() -> None:
    assert [initial("张桂兰"), initial(" wang"), initial(""), initial(None)] == ["张", "W", "?", "?"]


def test_attributes_are_escaped() -> None:
    assert str(attributes({"data_x": '"><b>', "hidden": True, "title": None})) == ' data-x="&#34;&gt;&lt;b&gt;" hidden'


def test_an_icon_that_is_not_in_the_sprite_is_an_error() -> None:
    assert "#phone" in str(icon("phone"))
    with pytest.raises(KeyError):
        icon("no-such-icon")


def test_pbx_events_are_told_in_words() -> None:
    i18n.use("en")
    lines = explanation(
        [
            Meaning(1795226403.45, "AgentConnect", "", "%(agent)s took the call", {"agent": "1001"}),
            Meaning(1795226404.0, "DialEnd", "", "it ended: %(status)s", {"status": "busy"}),
        ]
    )
    assert [line["text"] for line in lines] == ["1001 took the call", "it ended: Busy"]
    assert [line["at"] for line in lines] == [1795226403.45, 1795226404.0]
    i18n.use("zh")
