"""Sealing of what must not be read from a stolen database: AES-256-GCM with named keys, and keyed look-up tokens.

A sealed value names its key, so that old ones stay readable while a new key is already in use. The index key is
apart from them: changing the sealing key leaves every look-up token as it is.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING

from crm_core.kernel.errors import Rejected, Unavailable

# OpenSSL is large, and a service that opened nothing yet can do without it: loaded with the first cipher.
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_VERSION = 1
_NONCE_BYTES = 12  # what NIST SP 800-38D advises for GCM
_TAG_BYTES = 16
_BLIND_CHARACTERS = 32
_FRAGMENT_CHARACTERS = 16
_MOST_FRAGMENTS = 50_000
_KEY_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


class KeyRing:
    """All keys by their id; ``current`` is the one that new values are sealed with.

    Without ``index`` the look-up tokens hang on the first key. Raises Rejected for keys that cannot be used.
    """

    def __init__(self, keys: Mapping[str, bytes], current: str, index: bytes | None = None) -> None:
        for key_id, key in keys.items():
            if not _KEY_ID.fullmatch(key_id) or len(key) != KEY_BYTES:
                raise Rejected("key_invalid", f"The key {key_id!r} cannot be used: it needs a short name and 32 bytes.")
        if keys and current not in keys:
            raise Rejected("key_invalid", f"The current key {current!r} is not among the keys.")
        if index is not None and len(index) != KEY_BYTES:
            raise Rejected("key_invalid", "The index key cannot be used: it needs 32 bytes.")
        self.current = current
        self._keys = dict(keys)
        self._ciphers: dict[str, AESGCM] = {}
        first = next(iter(keys.values()), b"")
        self._fragments: dict[tuple[str, str, str], str] = {}
        self._index = index or hmac.digest(first, b"index", "sha256")

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_ciphers": {}}  # each process makes its own

    def __repr__(self) -> str:
        return f"<KeyRing of {len(self._keys)} keys>"  # never a key in a log

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all keys, in the order given."""
        return tuple(self._keys)

    def seal(self, plain: str, context: str) -> bytes:
        """The value encrypted with the current key, readable only in the same ``context``. Raises Unavailable."""
        self._need_keys()
        header = _header(self.current)
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return header + nonce + self._cipher(self.current).encrypt(nonce, plain.encode(), _bound(header, context))

    def open(self, sealed: bytes, context: str) -> str:
        """The value again. Raises Unavailable: its key is missing, or the value was changed or moved."""
        key_id, start = _read_header(sealed)
        self._need_keys()
        if key_id not in self._keys:
            raise Unavailable(
                "key_missing", f"The key {key_id!r} of this value is not in the key file. Put the old key file back."
            )
        from cryptography.exceptions import InvalidTag

        nonce, secret = sealed[start : start + _NONCE_BYTES], sealed[start + _NONCE_BYTES :]
        try:
            return self._cipher(key_id).decrypt(nonce, secret, _bound(sealed[:start], context)).decode()
        except InvalidTag:
            raise Unavailable(
                "sealed_damaged", "The encrypted value does not fit its key or its place. Is it the right key file?"
            ) from None

    def blind(self, value: str, context: str) -> str:
        """32 hex digits that are the same for the same value and context, and tell nothing without the key."""
        return self._token("blind", context, value)[:_BLIND_CHARACTERS]

    def fragments(self, value: str, context: str, size: int = 4) -> list[str]:
        """One keyed token for each different run of ``size`` characters, in their order; none for a shorter value."""
        parts = dict.fromkeys(value[start : start + size] for start in range(len(value) - size + 1))
        purpose = f"fragment{size}"
        return [self._fragment(purpose, context, part) for part in parts]

    def _fragment(self, purpose: str, context: str, part: str) -> str:
        # Remembered: short runs of digits are few, and a base has them ten million times.
        known = self._fragments.get((purpose, context, part))
        if known is None:
            known = self._token(purpose, context, part)[:_FRAGMENT_CHARACTERS]
            if len(self._fragments) < _MOST_FRAGMENTS:
                self._fragments[purpose, context, part] = known
        return known

    def _token(self, purpose: str, context: str, value: str) -> str:
        self._need_keys()
        return hmac.digest(self._index, "\0".join((purpose, context, value)).encode(), "sha256").hex()

    def _cipher(self, key_id: str) -> AESGCM:
        found = self._ciphers.get(key_id)
        if found is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM

            found = self._ciphers[key_id] = AESGCM(self._keys[key_id])
        return found

    def _need_keys(self) -> None:
        if not self._keys:
            raise Unavailable("keys_missing", "Without its keys, encrypted fields can be neither read nor set.")


NO_KEYS = KeyRing({}, "")


def key_id_of(sealed: bytes) -> str:
    """The id of the key that a value is sealed with. Raises Unavailable for what is no sealed value."""
    return _read_header(sealed)[0]


def new_key() -> bytes:
    """32 bytes of chance."""
    return secrets.token_bytes(KEY_BYTES)


def _header(key_id: str) -> bytes:
    return bytes((_VERSION, len(key_id))) + key_id.encode("ascii")


def _read_header(sealed: bytes) -> tuple[str, int]:
    """The key's id and where the nonce begins."""
    shortest = 2 + 1 + _NONCE_BYTES + _TAG_BYTES
    if len(sealed) < shortest or sealed[0] != _VERSION or len(sealed) < shortest - 1 + sealed[1]:
        raise Unavailable("sealed_damaged", "This is no encrypted value of this product, or it was cut short.")
    start = 2 + sealed[1]
    return sealed[2:start].decode("ascii", "replace"), start


def _bound(header: bytes, context: str) -> bytes:
    # Bound to header and place: a value copied from one customer's field to another's does not open there.
    return header + context.encode()
