"""Identity card numbers: what a right one says, and which fault a wrong one has."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from crm_core.kernel import id_card
from crm_core.kernel.id_card import Damaged, Wrong, parse

_BIRTHDAYS = st.dates(date(1900, 1, 1), date(2099, 12, 31))
_REGIONS = st.sampled_from(["110101", "310115", "440305", "650102", "810000"])


@st.composite
def numbers(draw: st.DrawFn, birthdays: st.SearchStrategy[date] = _BIRTHDAYS) -> tuple[str, date, int]:
    """(number of 18, birthday, running number)."""
    birthday, running = draw(birthdays), draw(st.integers(1, 999))
    body = f"{draw(_REGIONS)}{birthday:%Y%m%d}{running:03d}"
    return body + id_card.check_digit(body), birthday, running


@given(numbers())
def test_a_right_number_tells_birthday_sex_and_region(made: tuple[str, date, int]) -> None:
    number, birthday, running = made
    card = parse(number)
    assert (card.number18, card.birthday, card.region) == (number, birthday, number[:6])
    assert card.sex == ("male" if running % 2 else "female")


@given(numbers(), st.integers(0, 17), st.integers(0, 9))
def test_any_single_wrong_digit_is_noticed(made: tuple[str, date, int], place: int, digit: int) -> None:
    number = made[0]
    assume(number[place] != str(digit))
    with pytest.raises(Wrong):
        parse(number[:place] + str(digit) + number[place + 1 :])


@given(numbers(), st.integers(0, 16))
def test_two_neighbours_that_changed_places_are_noticed(made: tuple[str, date, int], place: int) -> None:
    number = made[0]
    assume(number[place] != number[place + 1])
    with pytest.raises(Wrong):
        parse(number[:place] + number[place + 1] + number[place] + number[place + 2 :])


@given(numbers(st.dates(date(1900, 1, 1), date(1999, 12, 31))))
def test_fifteen_digits_become_the_eighteen_of_the_same_person(made: tuple[str, date, int]) -> None:
    number = made[0]
    assert parse(number[:6] + number[8:17]).number18 == number


@given(numbers(), st.sampled_from(["full", "blanks", "dashes", "apostrophe", "lower"]))
def test_the_spelling_does_not_matter(made: tuple[str, date, int], spelling: str) -> None:
    number = made[0]
    spelt = {
        "full": "".join(chr(ord(c) + 0xFEE0) for c in number),
        "blanks": f" {number[:6]} {number[6:14]}\u3000{number[14:]}\n",
        "dashes": f"{number[:6]}-{number[6:14]}–{number[14:]}",
        "apostrophe": f"'{number}",
        "lower": number.lower(),
    }[spelling]
    assert parse(spelt).number18 == number


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("", "id_card_length"),
        ("1234", "id_card_length"),
        ("1101011990030738", "id_card_length"),
        ("11010119900307A87X", "id_card_characters"),
        ("X10101199003073870", "id_card_characters"),
        ("110101199003073871", "id_card_check"),
        ("000101900307387", "id_card_region"),
        ("110101901307387", "id_card_birthday"),
        ("110101900230387", "id_card_birthday"),
    ],
)
def test_each_fault_has_its_slug(text: str, slug: str) -> None:
    with pytest.raises(Wrong) as wrong:
        parse(text)
    assert str(wrong.value) == slug


@pytest.mark.parametrize("text", ["1.10101E+17", "1.10101199003074E+17", "1,1E17", "110101199003073000", "3.1E+17"])
def test_a_number_that_a_spreadsheet_cut_short_is_called_damaged(text: str) -> None:
    with pytest.raises(Damaged, match="id_card_damaged"):
        parse(text)


def test_a_right_number_that_ends_in_zeros_is_not_damaged() -> None:
    body = next(b for n in range(1, 32) if id_card.check_digit(b := f"110101199{n % 10}01{n:02d}100") == "0")
    assert parse(body + "0").number18 == body + "0"


@given(st.text(max_size=30))
def test_any_text_is_either_a_number_or_wrong_with_a_slug(text: str) -> None:
    try:
        card = parse(text)
    except Wrong as wrong:
        assert str(wrong).startswith("id_card_")
    else:
        assert parse(card.number18) == card
