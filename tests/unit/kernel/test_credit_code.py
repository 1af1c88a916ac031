"""Credit codes of organisations: known ones hold, one wrong character does not."""

from __future__ import annotations

import pytest

from crm_core.kernel import credit_code, places

REAL = ["91330100799655058B", "9144030071526726XG", "914403001922038216", "91110000802100433B"]


@pytest.mark.parametrize("code", REAL)
def test_a_real_code_holds_in_any_spelling_and_no_changed_one_does(code: str) -> None:
    assert credit_code.parse(f" {code[:8].lower()}-{code[8:].lower()} ") == code
    for place in range(18):
        other = "1" if code[place] != "1" else "2"
        with pytest.raises(credit_code.Wrong):
            credit_code.parse(code[:place] + other + code[place + 1 :])


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (("上海", "上海", "浦东新区"), ("上海", "上海", "浦东新区")),
        (("上海市", "市辖区", "浦东"), ("上海市", "上海市", "浦东新区")),
        ((None, None, "朝阳区"), (None, None, "朝阳区")),
        ((None, "杭州", "西湖"), ("浙江省", "杭州", "西湖区")),
    ],
)
def test_parts_of_an_address_keep_their_spelling_and_get_what_follows(
    given: tuple[str | None, ...], found: tuple[str | None, ...]
) -> None:
    assert places.filled(*given) == found


def test_a_district_is_not_taken_for_the_city_of_its_name() -> None:
    assert places.complete("朝阳区建国路1号") is None
    assert places.complete("辽宁省朝阳县某乡") == places.Place("辽宁省", "朝阳市", "朝阳县", "某乡")
