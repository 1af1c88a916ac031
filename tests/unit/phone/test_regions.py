"""Where a number is registered, against the data that the table was built from."""

from __future__ import annotations

import random

import pytest
from phonenumbers import carrier, geocoder, parse

from crm_core.kernel.regions import Region, region_of


def test_a_mobile_says_its_city_and_carrier() -> None:
    assert region_of("+8613800138000") == Region("北京市", "北京市", "Beijing", "中国移动", "China Mobile")


def test_a_landline_says_its_city_only() -> None:
    region = region_of("+8675526012345")
    assert region is not None
    assert (region.province, region.city, region.chinese, region.carrier) == ("广东省", "深圳市", "广东省深圳市", None)


@pytest.mark.parametrize("e164", [None, "+14155550100", "+864008101234"])
def test_others_say_nothing(e164: str | None) -> None:
    assert region_of(e164) is None


def test_the_table_agrees_with_its_source() -> None:
    numbers = random.Random(2).sample(range(13_000_000_000, 19_999_999_999), 1500)
    landlines = [f"{area}{random.Random(area).randint(62_000_000, 88_999_999)}" for area in (10, 21, 20, 755, 571, 27)]
    for digits in [*map(str, numbers), *landlines]:
        known = parse(f"+86{digits}", None)
        region = region_of(f"+86{digits}")
        expected = geocoder.description_for_valid_number(known, "zh")
        assert (region.chinese if region else "") == ("" if expected == "中国" else expected)
        if digits.startswith("1") and len(digits) == 11:
            assert ((region and region.carrier) or "") == carrier.name_for_valid_number(known, "zh")
