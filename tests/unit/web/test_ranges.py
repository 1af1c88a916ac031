"""Byte ranges as RFC 9110 wants them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.ranges import Part, matches, still_valid, wanted

WHOLE = Part(0, 100, partial=False)


@pytest.mark.parametrize(
    ("header", "part"),
    [
        (None, WHOLE),
        ("bytes=0-", Part(0, 100, partial=True)),
        ("bytes=0-0", Part(0, 1, partial=True)),
        ("bytes=10-19", Part(10, 20, partial=True)),
        ("bytes=90-1000", Part(90, 100, partial=True)),
        ("bytes=-10", Part(90, 100, partial=True)),
        ("bytes=-1000", Part(0, 100, partial=True)),
        ("Bytes=5-6", Part(5, 7, partial=True)),
        ("bytes=100-", None),
        ("bytes=-0", None),
        ("bytes=5-3", WHOLE),
        ("bytes=-", WHOLE),
        ("bytes=0-1,5-6", WHOLE),
        ("lines=0-1", WHOLE),
        ("bytes=a-b", WHOLE),
        ("bytes=" + "9" * 400 + "-", WHOLE),
    ],
)
def test_a_range_names_its_bytes(header: str | None, part: Part | None) -> None:
    assert wanted(header, 100) == part


@given(st.text(max_size=40) | st.from_regex(r"bytes=\d{0,3}-\d{0,3}", fullmatch=True), st.integers(0, 500))
def test_whatever_is_asked_the_part_lies_inside_the_file(header: str, size: int) -> None:
    part = wanted(header, size)
    assert part is None or 0 <= part.start <= part.end <= size


def test_a_range_of_another_version_is_not_served() -> None:
    assert still_valid(None, '"a"', "Fri, 20 Nov 2026 08:00:00 GMT")
    assert still_valid('"a"', '"a"', "Fri, 20 Nov 2026 08:00:00 GMT")
    assert still_valid("Fri, 20 Nov 2026 08:00:00 GMT", '"a"', "Fri, 20 Nov 2026 08:00:00 GMT")
    assert not still_valid('"b"', '"a"', "Fri, 20 Nov 2026 08:00:00 GMT")


def test_a_copy_that_is_still_good_is_known_by_its_tag() -> None:
    assert matches('W/"a", "b"', '"a"')
    assert matches("*", '"a"')
    assert not matches('"c"', '"a"')
    assert not matches(None, '"a"')
