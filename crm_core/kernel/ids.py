"""Identifiers: 63-bit integers inside (small keys, quick joins), opaque 13-character text outside."""

from __future__ import annotations

import hashlib
import itertools
import secrets
import time

from crm_core.kernel.errors import NotFound

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base32: no i, l, o, u to misread on the phone
_VALUES = {c: i for i, c in enumerate(_ALPHABET)} | {c.upper(): i for i, c in enumerate(_ALPHABET)}
_EPOCH_MS = 1_577_836_800_000  # 2020-01-01: 41 bits of milliseconds reach to 2089
_LENGTH = 13
_counter = itertools.count(secrets.randbits(10))


def new_id() -> int:
    """A new identifier: 41 bits of time, 10 of a counter, 12 random; rises with time, unique across processes."""
    ms = time.time_ns() // 1_000_000 - _EPOCH_MS
    return (ms & 0x1FF_FFFF_FFFF) << 22 | (next(_counter) & 0x3FF) << 12 | secrets.randbits(12)


def derived_id(*parts: str) -> int:
    """The identifier that follows from these parts: same parts, same id, in every process and after every restart."""
    digest = hashlib.blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1


def show(identifier: int) -> str:
    """The text form that leaves the house."""
    out = []
    for _ in range(_LENGTH):
        out.append(_ALPHABET[identifier & 31])
        identifier >>= 5
    return "".join(reversed(out))


def parse(text: str) -> int:
    """Back from the text form; text that can be no identifier is simply not found (NotFound)."""
    if len(text) != _LENGTH:
        raise NotFound("not_found", "There is no such object.")
    value = 0
    for c in text:
        digit = _VALUES.get(c)
        if digit is None:
            raise NotFound("not_found", "There is no such object.")
        value = value << 5 | digit
    if value >> 63:
        raise NotFound("not_found", "There is no such object.")
    return value
