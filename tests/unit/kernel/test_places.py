"""Places of China: addresses taken apart, missing upper parts added only where they are certain."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.kernel import places
from crm_core.kernel.places import Place, complete, known

_ALL = [
    (province, city, district)
    for province in places.provinces()
    for city in places.cities(province)
    for district in places.districts(province, city)
]


def test_the_table_has_all_provinces_and_municipalities_are_their_own_city() -> None:
    assert len(places.provinces()) == 34
    assert len(_ALL) > 3000
    assert places.cities("上海市") == ("上海市",)
    assert "浦东新区" in places.districts("上海", "上海")
    assert "仙桃市" in places.cities("湖北省")
    assert places.districts("湖北省", "仙桃市") == ()


@given(st.sampled_from(_ALL))
def test_a_whole_address_gives_back_its_parts(place: tuple[str, str, str]) -> None:
    province, city, district = place
    assert known(province, city, district)
    assert complete(f"{province}{city}{district}幸福小区3号") == Place(province, city, district, "幸福小区3号")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("上海市浦东新区张江镇1号", Place("上海市", "上海市", "浦东新区", "张江镇1号")),
        ("上海 浦东新区，张江", Place("上海市", "上海市", "浦东新区", "张江")),
        ("江苏昆山市玉山镇", Place("江苏省", "苏州市", "昆山市", "玉山镇")),
        ("昆山市玉山镇", Place("江苏省", "苏州市", "昆山市", "玉山镇")),
        ("南京市鼓楼区x", Place("江苏省", "南京市", "鼓楼区", "x")),
        ("吉林市昌邑区", Place("吉林省", "吉林市", "昌邑区", "")),
        ("云南大理大理市古城", Place("云南省", "大理白族自治州", "大理市", "古城")),
        ("江苏省不知道什么地方", Place("江苏省", None, None, "不知道什么地方")),
    ],
)
def test_short_and_incomplete_addresses_are_completed(text: str, place: Place) -> None:
    assert complete(text) == place


@pytest.mark.parametrize("text", ["", "abc", "鼓楼区中山路", "南京路100号", "上海路12号", "北京东路3号"])
def test_what_is_not_certain_is_not_guessed(text: str) -> None:
    assert complete(text) is None


@given(st.text(max_size=40))
def test_any_text_is_taken_without_an_error(text: str) -> None:
    found = complete(text)
    assert found is None or known(found.province, found.city, found.district)


def test_an_unknown_part_or_one_of_another_place_is_not_known() -> None:
    assert known("江苏省", "苏州市", "昆山市")
    assert known("江苏", "苏州", None)
    assert known(None, None, None)
    assert not known("江苏省", "苏州市", "浦东新区")
    assert not known("江苏省", "杭州市")
    assert not known("亚特兰蒂斯")
    assert not known(None, "苏州市")


def test_a_code_that_is_no_longer_used_still_tells_its_province() -> None:
    assert places.by_code("310115") == Place("上海市", "上海市", "浦东新区")
    assert places.by_code("310225") is not None
    assert places.by_code("999999") is None
