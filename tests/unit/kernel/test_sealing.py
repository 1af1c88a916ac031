"""Sealed values: readable with the right key in the right place only; look-up tokens tell nothing without the key."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_core.kernel.errors import Rejected, Unavailable
from crm_core.kernel.sealing import NO_KEYS, KeyRing, key_id_of, new_key

_OLD, _NEW, _INDEX = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))
_RING = KeyRing({"k1": _OLD}, "k1", _INDEX)
_AFTER = KeyRing({"k1": _OLD, "k2": _NEW}, "k2", _INDEX)
_TEXT = st.text(st.characters(codec="utf-8"), max_size=200)


@given(_TEXT, _TEXT)
def test_a_sealed_value_opens_in_its_own_context(plain: str, context: str) -> None:
    sealed = _RING.seal(plain, context)
    assert _RING.open(sealed, context) == plain
    assert len(plain) < 8 or plain.encode() not in sealed


@given(_TEXT, st.data())
def test_a_single_changed_byte_is_noticed(plain: str, data: st.DataObject) -> None:
    sealed = bytearray(_RING.seal(plain, "customer 1 id_card"))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Unavailable):
        _RING.open(bytes(sealed), "customer 1 id_card")


@given(st.binary(max_size=100))
def test_bytes_that_are_no_sealed_value_are_told_as_damaged(junk: bytes) -> None:
    with pytest.raises(Unavailable):
        _RING.open(junk, "anything")


def test_a_value_does_not_open_in_another_place() -> None:
    with pytest.raises(Unavailable, match="place"):
        _RING.open(_RING.seal("secret", "customer 1"), "customer 2")


def test_the_same_value_is_sealed_differently_each_time() -> None:
    assert _RING.seal("secret", "a") != _RING.seal("secret", "a")


def test_after_a_new_key_the_old_values_still_open_and_new_ones_name_the_new_key() -> None:
    old = _RING.seal("before", "a")
    new = _AFTER.seal("after", "a")
    assert (key_id_of(old), key_id_of(new)) == ("k1", "k2")
    assert (_AFTER.open(old, "a"), _AFTER.open(new, "a")) == ("before", "after")
    with pytest.raises(Unavailable, match="'k2'"):
        _RING.open(new, "a")


def test_a_new_sealing_key_leaves_look_up_tokens_as_they_are() -> None:
    assert _RING.blind("x", "id_card") == _AFTER.blind("x", "id_card")
    assert _RING.fragments("123456", "id_card") == _AFTER.fragments("123456", "id_card")


@given(_TEXT, _TEXT)
def test_blind_tokens_are_equal_for_equal_values_alone(one: str, other: str) -> None:
    assert (_RING.blind(one, "a") == _RING.blind(other, "a")) == (one == other)
    assert _RING.blind(one, "a") != _RING.blind(one, "b")
    assert len(_RING.blind(one, "a")) == 32


@given(st.text("0123456789X", min_size=4, max_size=18), st.data())
def test_every_fragment_of_a_value_finds_it(value: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(value) - 4))
    end = data.draw(st.integers(start + 4, len(value)))
    assert set(_RING.fragments(value[start:end], "id")) <= set(_RING.fragments(value, "id"))


def test_a_value_shorter_than_a_fragment_has_none() -> None:
    assert _RING.fragments("123", "id") == []
    assert len(_RING.fragments("1111111", "id")) == 1


def test_other_keys_give_other_tokens() -> None:
    other = KeyRing({"k1": _NEW}, "k1")
    assert other.blind("x", "a") != KeyRing({"k1": _OLD}, "k1").blind("x", "a")


def test_without_keys_nothing_is_sealed_opened_or_looked_up() -> None:
    sealed = _RING.seal("x", "a")
    for work in (
        lambda: NO_KEYS.seal("x", "a"),
        lambda: NO_KEYS.open(sealed, "a"),
        lambda: NO_KEYS.blind("x", "a"),
        lambda: NO_KEYS.fragments("12345", "a"),
    ):
        with pytest.raises(Unavailable):
            work()


@pytest.mark.parametrize(
    ("keys", "current"), [({"k1": b"short"}, "k1"), ({"": _OLD}, ""), ({"k1": _OLD}, "k2"), ({"K 1": _OLD}, "K 1")]
)
def test_keys_that_cannot_be_used_are_refused(keys: dict[str, bytes], current: str) -> None:
    with pytest.raises(Rejected):
        KeyRing(keys, current)


def test_the_ring_never_shows_a_key() -> None:
    key = new_key()
    ring = KeyRing({"k1": key}, "k1")
    assert key.hex() not in repr(ring)
    assert repr(key) not in repr(ring)
