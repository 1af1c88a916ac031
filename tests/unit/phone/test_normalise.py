"""Phone numbers as people type them and PBXs send them, with `phonenumbers` as the oracle."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crm_core.kernel.errors import Rejected
from crm_core.kernel.phone import NumberKind, mask, national, normalise, recognise, split_cell

MOBILE = "+8613800138000"
SHANGHAI = "+862162345678"


@pytest.mark.parametrize(
    "text",
    [
        "13800138000",
        "１３８００１３８０００",
        "138-0013-8000",
        "138 0013 8000",
        "+86 138 0013 8000",
        "＋86-13800138000",
        "008613800138000",
        "0086-138-0013-8000",
        "8613800138000",
        "013800138000",
        "17951 13800138000",
        "1795113800138000",
        "12593-13800138000",
        "手机：13800138000",
        "tel:+8613800138000",
        "sip:13800138000@10.0.0.1",
        "\u202a13800138000\u202c",
    ],
)
def test_a_mobile_number_is_the_same_in_every_spelling(text: str) -> None:
    number = normalise(text)
    assert (number.e164, number.kind, number.extension) == (MOBILE, NumberKind.MOBILE, None)


@pytest.mark.parametrize(
    "text",
    [
        "021-62345678",
        "(021)6234-5678",
        "（021）62345678",
        "021 6234 5678",
        "62345678",
        "6234-5678",
        "+86 21 62345678",
        "+86 (0)21 6234 5678",
        "86-21-62345678",
        "0086 021 62345678",
        "2162345678",
        "17909 021 62345678",
    ],
)
def test_a_landline_gets_the_local_area_code(text: str) -> None:
    number = normalise(text, "021")
    assert (number.e164, number.kind) == (SHANGHAI, NumberKind.LANDLINE)


@pytest.mark.parametrize(
    ("text", "e164", "extension"),
    [
        ("021-62345678-123", SHANGHAI, "123"),
        ("021-62345678转123", SHANGHAI, "123"),
        ("62345678 转分机 8", None, None),
        ("62345678 分机8", SHANGHAI, "8"),
        ("021-62345678 ext. 12", SHANGHAI, "12"),
        ("(021)62345678x12", SHANGHAI, "12"),
        ("021-62345678#9", SHANGHAI, "9"),
        ("0571-8765432-1", "+865718765432", "1"),
        ("0571-87654321", "+8657187654321", None),
        ("400-810-1234-5", "+864008101234", "5"),
        ("6234-5678", SHANGHAI, None),
    ],
)
def test_an_extension_is_told_from_a_group_of_digits(text: str, e164: str | None, extension: str | None) -> None:
    number = recognise(text, "021")
    if e164 is None:
        assert number is None or number.e164 == SHANGHAI
    else:
        assert number is not None
        assert (number.e164, number.extension) == (e164, extension)


@pytest.mark.parametrize(
    ("text", "e164"),
    [
        ("4008101234", "+864008101234"),
        ("400 810 1234", "+864008101234"),
        ("8008101234", "+868008101234"),
        ("95588", None),
        ("10086", None),
        ("12315", None),
        ("110", None),
        ("10690001234", None),
    ],
)
def test_service_numbers_are_known_as_such(text: str, e164: str | None) -> None:
    number = normalise(text, "021")
    assert (number.kind, number.e164) == (NumberKind.SERVICE, e164)
    assert mask(text) == text


@pytest.mark.parametrize(
    ("text", "e164"),
    [("+1 415 555 0100", "+14155550100"), ("0085223456789", "+85223456789"), ("+44 20 7946 0000", "+442079460000")],
)
def test_foreign_numbers_keep_their_country(text: str, e164: str) -> None:
    number = normalise(text, "021")
    assert (number.e164, number.kind) == (e164, NumberKind.FOREIGN)


def test_a_local_landline_without_any_area_code_has_only_digits() -> None:
    number = normalise("62345678")
    assert (number.e164, number.digits, number.reversed_digits) == (None, "62345678", "87654326")


@pytest.mark.parametrize(
    "text",
    ["", "   ", "anonymous", "unknown", "张三", "1001", "1380013800", "138001380001", "12800138000", "0000000000",
     "6234567", "021-1234567", "<script>", "13800138000abc", "+86", "+", "--", "١٣٨٠٠١٣٨٠٠٠x", "0400 810 1234"],
)  # fmt: skip
def test_junk_is_refused_with_a_reason(text: str) -> None:
    with pytest.raises(Rejected) as refused:
        normalise(text, "021")
    assert refused.value.code in ("phone_invalid", "phone_empty")
    assert refused.value.detail
    assert recognise(text, "021") is None


@pytest.mark.parametrize(
    ("cell", "numbers"),
    [
        ("13800138000,13900139000", [MOBILE, "+8613900139000"]),
        ("13800138000、13900139000；62345678", [MOBILE, "+8613900139000", SHANGHAI]),
        ("13800138000 13900139000", [MOBILE, "+8613900139000"]),
        ("1380013800013900139000", [MOBILE, "+8613900139000"]),
        ("021 62345678 13800138000", [SHANGHAI, MOBILE]),
        ("13800138000/021-62345678", [MOBILE, SHANGHAI]),
        ("021-62345678/79", [SHANGHAI, "+862162345679"]),
        ("13800138000 或 62345678转8", [MOBILE, SHANGHAI]),
        ("13800138000\n13800138000", [MOBILE]),
    ],
)
def test_all_numbers_of_a_cell_are_found(cell: str, numbers: list[str]) -> None:
    found, junk = split_cell(cell, "021")
    assert [number.e164 for number in found] == numbers
    assert junk == []


def test_what_is_no_number_in_a_cell_is_given_back() -> None:
    found, junk = split_cell("13800138000; 没有; 12", "021")
    assert [number.e164 for number in found] == [MOBILE]
    assert junk == ["没有", "12"]


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("13800138000", "138****8000"),
        (MOBILE, "138****8000"),
        ("021-62345678", "021****5678"),
        (SHANGHAI, "021****5678"),
        ("0571-8765432", "0571***5432"),
        ("62345678", "****5678"),
        ("1001", "****"),
        (None, None),
        ("", ""),
    ],
)
def test_masks(number: str | None, shown: str | None) -> None:
    assert mask(number) == shown


@given(st.text(max_size=40))
@example("+8613800138000")
@example("张13800138000")
def test_a_mask_never_shows_more_than_seven_digits_of_a_private_number(text: str) -> None:
    known = recognise(text)
    if known is not None and known.kind is NumberKind.SERVICE:
        return
    assert sum(c.isdigit() for c in mask(text) or "") <= 8


@given(st.text(max_size=60), st.sampled_from(["", "021", "0571", "755"]))
def test_nothing_makes_it_fail(text: str, area_code: str) -> None:
    number = recognise(text, area_code)
    split_cell(text, area_code)
    if number is not None and number.e164 is not None:
        again = recognise(number.e164, area_code)
        assert again is not None and again.e164 == number.e164
        assert recognise(national(number.e164)) == again


_MOBILES = r"0?1[3-9][0-9]{9}"
_LANDLINES = r"0(10|2[0-57-9])[2-8][0-9]{6,7}|0[3-9][0-9]{2}[2-8][0-9]{6,7}|[2-8][0-9]{7}"


@given(st.from_regex(rf"({_MOBILES}|{_LANDLINES})", fullmatch=True))
def test_whatever_the_oracle_accepts_is_the_same_number_here(text: str) -> None:
    parsed = phonenumbers.parse(text if len(text) > 8 else "021" + text, "CN")
    if not phonenumbers.is_valid_number(parsed):
        return
    kind = phonenumbers.number_type(parsed)
    if kind not in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
        return
    expected = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    ours = recognise(text, "021")
    assert ours is not None and ours.e164 == expected
