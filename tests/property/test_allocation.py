"""What must hold however customers and people come: nobody above his room, nobody twice, turns that stay even."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from crm_core.customers.allocation.kinds import Method
from crm_core.customers.allocation.rules import Candidate, Receiver, distribute, gini

rooms = st.one_of(st.none(), st.integers(0, 30))
receivers = st.lists(
    st.tuples(rooms, st.integers(1, 20), st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=12
).map(
    lambda rows: [
        Receiver(n, weight=weight, open=open_now, received=received, room=room)
        for n, (room, weight, open_now, received) in enumerate(rows)
    ]
)


def _customers(count: int) -> list[Candidate]:
    return [Candidate(n) for n in range(count)]


@given(st.sampled_from(Method), st.integers(0, 120), receivers)
def test_nobody_gets_more_than_his_room_and_each_customer_goes_once(
    method: Method, count: int, people: list[Receiver]
) -> None:
    before = {one.user_id: one.room for one in people}
    shares = distribute(method, _customers(count), people)
    assert [share.customer_id for share in shares] == list(range(count))
    got = Counter(share.user_id for share in shares if share.user_id is not None)
    assert all(before[user] is None or number <= before[user] for user, number in got.items())
    # Who was refused was refused because nobody had room.
    refused = [share for share in shares if share.user_id is None]
    assert all(share.reason for share in refused)
    assert not refused or all(not one.has_room for one in people)


@given(st.integers(0, 200), receivers)
def test_turns_differ_by_at_most_one_between_those_who_never_lacked_room(count: int, people: list[Receiver]) -> None:
    distribute(Method.ROUND_ROBIN, _customers(count), people)
    given_to = [one.given for one in people if one.has_room]
    assert not given_to or max(given_to) - min(given_to) <= 1


@given(st.integers(0, 200), st.integers(1, 40), receivers)
def test_turns_stay_even_when_the_work_is_cut_into_steps(count: int, chunk: int, people: list[Receiver]) -> None:
    for start in range(0, count, chunk):
        distribute(Method.ROUND_ROBIN, [Candidate(n) for n in range(start, min(count, start + chunk))], people)
    given_to = [one.given for one in people if one.has_room]
    assert not given_to or max(given_to) - min(given_to) <= 1


@given(st.integers(0, 300), st.lists(st.integers(1, 30), min_size=1, max_size=10))
def test_weights_give_each_at_least_the_whole_part_of_his_share(count: int, weights: list[int]) -> None:
    people = [Receiver(n, weight=weight) for n, weight in enumerate(weights)]
    distribute(Method.WEIGHTED, _customers(count), people)
    assert all(one.given >= count * one.weight // sum(weights) for one in people)


@given(st.lists(st.integers(0, 1000), max_size=40))
def test_the_spread_lies_between_nought_and_one(counts: list[int]) -> None:
    assert 0.0 <= gini(counts) < 1.0
