"""Identifiers: unique, rising, opaque outside, and never misread."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.kernel import ids
from crm_core.kernel.errors import NotFound


@given(st.integers(0, 2**63 - 1))
def test_the_text_form_leads_back_to_the_number(number: int) -> None:
    text = ids.show(number)
    assert ids.parse(text) == ids.parse(text.upper()) == number
    assert len(text) == 13


@given(st.text(max_size=20))
def test_text_that_is_no_identifier_is_not_found(text: str) -> None:
    try:
        number = ids.parse(text)
    except NotFound:
        return
    assert ids.show(number) == text.lower()


def test_new_ids_are_unique_and_fit_a_signed_column() -> None:
    made = [ids.new_id() for _ in range(5000)]
    assert len(set(made)) == len(made)
    assert max(made) < 2**63


def test_same_parts_give_the_same_derived_id_and_borders_count() -> None:
    assert ids.derived_id("main", "1.2") == ids.derived_id("main", "1.2")
    assert ids.derived_id("ab", "c") != ids.derived_id("a", "bc")


def test_an_id_beyond_63_bits_is_not_found() -> None:
    with pytest.raises(NotFound):
        ids.parse("z" * 13)
