"""Scoring is symmetric, keys are the same for the same facts, and undoing a merge of fields gives back what was."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from crm_core.customers.duplicates import fields, keys
from crm_core.customers.duplicates.features import packed
from crm_core.customers.duplicates.keys import KeyKind
from crm_core.customers.duplicates.rules import Facts, compare
from crm_core.customers.duplicates.stretches import Base, Part
from crm_core.customers.duplicates.sweep import compared, worth_comparing
from crm_core.customers.kinds import Calendar, Sex

NAMES = st.text("王李曾单英秀瑛芳方伟小明 aZ", max_size=5)
NUMBERS = st.sampled_from(["+8613800138000", "+8613900139000", "+862162345678", "62345678"])
TEXTS = st.none() | st.sampled_from(["", "上海", "上海市", "张江路5号", "张江路 5-302"])
ROWS = st.fixed_dictionaries(
    {
        "name": NAMES,
        "sex": st.none() | st.sampled_from(list(Sex)),
        "birth_calendar": st.none() | st.sampled_from(list(Calendar)),
        "birth_year": st.none() | st.integers(1890, 2026),
        "birth_month": st.none() | st.integers(1, 12),
        "birth_day": st.none() | st.integers(1, 31),
        "birth_leap": st.booleans(),
        "id_card_index": st.none() | st.sampled_from(["a", "b"]),
        "city": TEXTS,
        "street": TEXTS,
        "remarks": TEXTS,
        "do_not_call": st.booleans(),
        "custom": st.dictionaries(st.sampled_from("abc"), st.integers(0, 2)),
    }
)
FACTS = st.builds(lambda row, phones: keys.facts_of(1, row, phones), ROWS, st.frozensets(NUMBERS, max_size=2))


@given(FACTS, FACTS)
def test_it_does_not_matter_who_is_compared_with_whom(one: Facts, other: Facts) -> None:
    alike = compare(one, other)
    assert alike == compare(other, one)
    assert 0.0 <= alike.score <= 1.0


@given(FACTS)
def test_keys_are_bounded_and_always_the_same(facts: Facts) -> None:
    found = keys.keys_of(facts)
    assert found == keys.keys_of(facts)
    assert len(found) <= 40


@given(ROWS, ROWS, st.sets(st.sampled_from(["name", "birthday", "address", "remarks", "custom"])))
def test_what_a_merge_changes_its_undoing_gives_back(
    survivor: dict[str, Any], other: dict[str, Any], take: set[str]
) -> None:
    changes = fields.combined(survivor, other, take)
    after = {**survivor, "completeness": 0, **changes}
    before = {**survivor, "completeness": 0}
    difference = {name: [value, after[name]] for name, value in before.items() if value != after[name]}
    back, kept = fields.restored(difference, after)
    assert kept == []
    assert after | back == before


@settings(max_examples=20, deadline=None)
@given(st.lists(FACTS, min_size=2, max_size=7), st.sampled_from([0.05, 0.5, 0.9]), st.sampled_from([0.0, 2.5]))
def test_the_whole_search_finds_what_comparing_all_who_share_a_key_finds(
    facts: list[Facts], least: float, crowd: float
) -> None:
    """So the bound by which it leaves out pairs is one, and its keys are those of the table."""
    people = [replace(one, customer_id=100 + n) for n, one in enumerate(facts)]
    expected = {}
    for one, other in combinations(people, 2):
        alike = compare(one, other, crowd)
        if keys.keys_of(one) & keys.keys_of(other) and alike.score >= least:
            expected[one.customer_id, other.customer_id] = alike
    with TemporaryDirectory() as folder:
        for name, part in (("0", people[:5]), ("1", people[5:])):
            stretch = Part(Path(folder), name)
            stretch.add([one.customer_id for one in part], [packed(one) for one in part])
            stretch.close()
        base = Base(Path(folder), ["0", "1"])
        assert [base.facts(row) for row in range(len(base))] == people
        pairs, too_large, _ = worth_comparing(base, KeyKind, least, crowd)
        found = {(one, other): alike for one, other, alike in compared(base, pairs, least, crowd)}
    assert sum(too_large.values()) == 0
    assert found == expected
