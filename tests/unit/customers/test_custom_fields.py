"""Values of own fields: each type takes what it should, files read what people write, retired fields keep theirs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.customers.custom import rules
from crm_core.customers.custom.kinds import FieldSubject, FieldType
from crm_core.customers.custom.rules import Definition, FieldChoice, checked, from_text, to_text, value_of
from crm_core.kernel.errors import Rejected

_CHOICES = (FieldChoice("red", "红", "Red"), FieldChoice("blue", "蓝", "Blue"), FieldChoice("old", "旧", "", False))


def field(type_: FieldType, code: str = "x", **more: Any) -> Definition:
    chosen = _CHOICES if type_ in (FieldType.CHOICE, FieldType.MULTI_CHOICE) else ()
    plain = {"zh": "某", "en": "", "group": "", "required": False, "active": True, "position": 0, "version": 1}
    return Definition(id=1, subject=FieldSubject.CUSTOMER, code=code, type=type_, choices=chosen, **{**plain, **more})


@pytest.mark.parametrize(
    ("type_", "given", "stored"),
    [
        (FieldType.TEXT, " 张三 ", "张三"),
        (FieldType.NUMBER, 38.0, 38),
        (FieldType.NUMBER, -1.5, -1.5),
        (FieldType.DATE, "2026-07-20", "2026-07-20"),
        (FieldType.CHOICE, "red", "red"),
        (FieldType.MULTI_CHOICE, ["blue", "red", "blue"], ["red", "blue"]),
        (FieldType.FLAG, False, False),
        (FieldType.MONEY, "12.5", "12.50"),
        (FieldType.MONEY, 7, "7.00"),
        (FieldType.USER, "agent", "agent"),
    ],
)
def test_each_type_stores_what_is_right(type_: FieldType, given: Any, stored: Any) -> None:
    assert value_of(field(type_), given, {"agent"}) == stored


@pytest.mark.parametrize(
    ("type_", "given"),
    [
        (FieldType.TEXT, 5),
        (FieldType.TEXT, "a\0b"),
        (FieldType.TEXT, "x" * 2001),
        (FieldType.NUMBER, "5"),
        (FieldType.NUMBER, True),
        (FieldType.NUMBER, 10**15),
        (FieldType.NUMBER, float("nan")),
        (FieldType.DATE, "2026-02-30"),
        (FieldType.DATE, 5),
        (FieldType.CHOICE, "green"),
        (FieldType.CHOICE, "old"),
        (FieldType.CHOICE, {"a": 1}),
        (FieldType.MULTI_CHOICE, "red"),
        (FieldType.MULTI_CHOICE, ["red", "green"]),
        (FieldType.FLAG, 1),
        (FieldType.MONEY, 1.5),
        (FieldType.MONEY, "1.005"),
        (FieldType.MONEY, "NaN"),
        (FieldType.USER, "nobody"),
    ],
)
def test_each_type_refuses_what_is_wrong(type_: FieldType, given: Any) -> None:
    with pytest.raises(ValueError, match=r"must|holds|at most"):
        value_of(field(type_), given, {"agent"})


@pytest.mark.parametrize(
    ("type_", "text", "stored"),
    [
        (FieldType.NUMBER, "１,234.0", 1234),
        (FieldType.DATE, "2026年7月1日", "2026-07-01"),
        (FieldType.DATE, "2026/7/1", "2026-07-01"),
        (FieldType.DATE, "2026-07-01", "2026-07-01"),
        (FieldType.CHOICE, "红", "red"),
        (FieldType.CHOICE, "BLUE", "blue"),
        (FieldType.MULTI_CHOICE, "红、Blue", ["red", "blue"]),
        (FieldType.FLAG, "是", True),
        (FieldType.FLAG, "No", False),
        (FieldType.MONEY, "￥1,234.5元", "1234.50"),
        (FieldType.TEXT, "  ", None),
    ],
)
def test_a_cell_is_read_as_people_write_it(type_: FieldType, text: str, stored: Any) -> None:
    one = field(type_)
    assert value_of(one, from_text(one, text)) == stored


@pytest.mark.parametrize(("type_", "text"), [(FieldType.FLAG, "maybe"), (FieldType.DATE, "2026.2.30")])
def test_a_cell_that_says_nothing_known_is_refused(type_: FieldType, text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        from_text(field(type_), text)


@given(
    st.sampled_from(list(FieldType)).flatmap(
        lambda type_: st.tuples(st.just(type_), _STORED[type_], st.sampled_from(["zh", "en"]))
    )
)
def test_what_is_exported_is_imported_again_as_the_same(made: tuple[FieldType, Any, str]) -> None:
    type_, value, language = made
    one = field(type_)
    stored = value_of(one, value, {"agent"})
    assert value_of(one, from_text(one, to_text(one, stored, language)), {"agent"}) == stored


_STORED: dict[FieldType, st.SearchStrategy[Any]] = {
    FieldType.TEXT: st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=50),
    FieldType.NUMBER: st.integers(-(10**14), 10**14) | st.floats(-1e9, 1e9, width=32),
    FieldType.DATE: st.dates(date(1900, 1, 1)).map(date.isoformat),
    FieldType.CHOICE: st.sampled_from(["red", "blue"]),
    FieldType.MULTI_CHOICE: st.lists(st.sampled_from(["red", "blue"])),
    FieldType.FLAG: st.booleans(),
    FieldType.MONEY: st.decimals(-(10**9), 10**9, places=2).map(str),
    FieldType.USER: st.just("agent"),
}


def test_only_what_is_named_changes_and_null_clears() -> None:
    fields = [field(FieldType.TEXT, "a"), field(FieldType.NUMBER, "b")]
    assert checked(fields, {"b": 2}, before={"a": "x", "b": 1}) == {"a": "x", "b": 2}
    assert checked(fields, {"a": None}, before={"a": "x", "b": 1}) == {"b": 1}


def test_a_retired_field_keeps_its_value_and_takes_no_new_one() -> None:
    fields = [field(FieldType.TEXT, "a", active=False, required=True)]
    assert checked(fields, {"a": "x"}, before={"a": "x"}) == {"a": "x"}
    assert checked(fields, {}, before={"a": "x"}) == {"a": "x"}
    with pytest.raises(Rejected) as refused:
        checked(fields, {"a": "y"}, before={"a": "x"})
    assert list(refused.value.errors) == ["custom.a"]


def test_every_wrong_value_is_named_at_once() -> None:
    fields = [field(FieldType.NUMBER, "a"), field(FieldType.FLAG, "b")]
    with pytest.raises(Rejected) as refused:
        checked(fields, {"a": "x", "b": 1, "c": 1})
    assert sorted(refused.value.errors) == ["custom.a", "custom.b", "custom.c"]
    assert refused.value.errors["custom.c"] == "unknown field"


def test_a_required_field_is_asked_for_with_a_new_record_and_cannot_be_cleared() -> None:
    fields = [field(FieldType.TEXT, "a", required=True), field(FieldType.TEXT, "b")]
    with pytest.raises(Rejected, match=r"custom\.a"):
        checked(fields, {"b": "x"})
    with pytest.raises(Rejected, match=r"custom\.a"):
        checked(fields, {"a": None}, before={"a": "x"})
    assert checked(fields, {"b": "x"}, before={}) == {"b": "x"}  # an old record is not locked by a new rule


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"code": "A", "type": "text", "zh": "x"}, "code"),
        ({"code": "a", "type": "colour", "zh": "x"}, "type"),
        ({"code": "a", "zh": "x"}, "type"),
        ({"code": "a", "type": "text", "zh": "x\ny"}, "zh"),
        ({"code": "a", "type": "text", "colour": 1}, "colour"),
        ({"code": "a", "type": "choice", "choices": [{"code": "b"}, {"code": "b"}]}, "choices"),
        ({"code": "a", "type": "text", "position": -1}, "position"),
        ({"code": "a", "type": "text", "required": 1}, "required"),
        ({"code": "a", "type": "text", "subject": "moon"}, "subject"),
    ],
)
def test_a_wrong_definition_names_the_wrong_part(given: dict[str, Any], wrong: str) -> None:
    with pytest.raises(Rejected) as refused:
        rules.definition(given, new=True)
    assert list(refused.value.errors) == [wrong]


def test_the_type_of_a_field_never_changes() -> None:
    with pytest.raises(Rejected) as refused:
        rules.definition({"type": "number"}, new=False)
    assert refused.value.errors == {"type": "cannot be changed afterwards"}


def test_amounts_are_kept_exactly() -> None:
    assert Decimal(value_of(field(FieldType.MONEY), "0.10")) * 3 == Decimal("0.30")
