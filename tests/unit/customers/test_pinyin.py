"""Search keys of names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypinyin import lazy_pinyin

from crm_core.customers.pinyin import keys, query_key


@pytest.mark.parametrize(
    ("surname", "readings"),
    [
        ("仇", ("qiu", "chou")),
        ("查", ("zha", "cha")),
        ("解", ("xie", "jie")),
        ("曾", ("zeng", "ceng")),
        ("翟", ("zhai", "di")),
        ("区", ("ou", "qu")),
        ("乐", ("yue", "le")),
        ("盖", ("ge", "gai")),
        ("缪", ("miao", "mou")),
        ("朴", ("piao", "pu")),
        ("单", ("shan", "dan")),
    ],
)
def test_a_surname_is_found_by_every_reading(surname: str, readings: tuple[str, str]) -> None:
    pinyin, initials = keys(surname + "国华")
    for reading in readings:
        assert f"{reading}guohua" in pinyin.split(" ")
        assert f"{reading[0]}gh" in initials.split(" ")
    assert pinyin.split(" ")[0] == f"{readings[0]}guohua"


def test_a_surname_of_two_characters_has_two_initials() -> None:
    assert keys("欧阳娜娜")[1].split(" ")[0] == "oynn"
    assert keys("单于清风")[0].split(" ")[0] == "chanyuqingfeng"


def test_latin_names_and_signs() -> None:
    assert keys("John  Smith") == ("johnsmith", "js")
    assert keys("……") == ("", "")


@given(st.text(max_size=200))
def test_keys_fit_their_columns(name: str) -> None:
    pinyin, initials = keys(name)
    assert len(pinyin) <= 400
    assert len(initials) <= 80


@pytest.mark.parametrize("name", ["王小明", "李秀英", "陈建国", "吕布", "赵敏", "周杰伦", "上海好运公司"])
def test_the_usual_reading_agrees_with_the_oracle(name: str) -> None:
    assert "".join(lazy_pinyin(name)) in keys(name)[0].split(" ")


def test_what_is_typed_is_brought_into_the_form_of_the_keys() -> None:
    assert query_key(" Lü Bu") == "lvbu"
