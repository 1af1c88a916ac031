"""Token buckets: a burst, then the rate; bounded memory."""

from __future__ import annotations

from web.limits import Buckets


def test_a_burst_is_let_through_and_then_the_rate() -> None:
    buckets = Buckets(rate=2.0, burst=3, keys=10)
    assert [buckets.take("a", 0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert buckets.take("a", 0.5) == 0.0
    assert buckets.take("a", 0.5) == 0.5


def test_each_key_has_its_own_bucket() -> None:
    buckets = Buckets(rate=1.0, burst=1, keys=10)
    assert buckets.take("a", 0.0) == 0.0
    assert buckets.take("b", 0.0) == 0.0
    assert buckets.take("a", 0.0) > 0


def test_a_pause_fills_no_more_than_the_burst() -> None:
    buckets = Buckets(rate=1.0, burst=2, keys=10)
    assert [buckets.take("a", at) for at in (0.0, 1000.0, 1000.0, 1000.0)] == [0.0, 0.0, 0.0, 1.0]


def test_a_clock_that_steps_back_gives_nothing_away() -> None:
    buckets = Buckets(rate=1.0, burst=1, keys=10)
    assert buckets.take("a", 100.0) == 0.0
    assert buckets.take("a", 0.0) > 0


def test_memory_is_bounded() -> None:
    buckets = Buckets(rate=1.0, burst=1, keys=100)
    for number in range(10_000):
        buckets.take(str(number), 0.0)
    assert len(buckets) == 100
