"""The key file: ``keys.json`` in the data folder, readable by the service's user alone, made at the first start.

It is no part of the database's backup on purpose: who has both can read everything.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from crm_core.customers.sealed_queries import any_sealed
from crm_core.db.database import Database
from crm_core.kernel.errors import Rejected, Unavailable
from crm_core.kernel.sealing import KeyRing, key_id_of, new_key

NAME = "keys.json"
_LOOK_SECONDS = 1.0


def key_file(data_dir: Path) -> Path:
    """Where the keys are kept."""
    return data_dir / NAME


def ring(data_dir: Path) -> KeyRing:
    """The keys of this installation; made when there are none yet. Raises Unavailable, with what to do."""
    file = key_file(data_dir)
    with suppress(FileExistsError):
        _make(file)
    return read(file)


async def attach(db: Database, data_dir: Path) -> None:
    """Gives the database the keys of this installation; makes them at the first start.

    Raises Unavailable: the file is damaged, or there is encrypted data and its keys are not there.
    """
    await check(db, key_file(data_dir))
    db.keyring = await asyncio.to_thread(ring, data_dir)


async def check(db: Database, file: Path) -> None:
    """Raises Unavailable when some encrypted value cannot be read with this key file."""
    async with db.read() as session:
        sealed = await any_sealed(session)
    if sealed is None:
        return
    # New keys would not open what is there: better stand still than seal a second half of the data with them.
    stored = await asyncio.to_thread(read, file)
    key_id = key_id_of(sealed)
    if key_id not in stored.ids:
        raise Unavailable(
            "key_missing", f"The key {key_id!r} of encrypted data is not in {file}. Put the right key file back."
        )


async def watch(db: Database, data_dir: Path) -> None:
    """For ever: takes up a key that was added to the file, so that a rotation needs no restart."""
    file = key_file(data_dir)
    seen = await asyncio.to_thread(_changed_at, file)
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        now = await asyncio.to_thread(_changed_at, file)
        if now is not None and now != seen:
            seen = now
            with suppress(Unavailable):  # half-written or unreadable: the keys that are known go on
                await attach(db, data_dir)


def _changed_at(file: Path) -> int | None:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return None


def read(file: Path) -> KeyRing:
    """The keys in this file. Raises Unavailable: it is missing, not readable or damaged."""
    return _ring(_stored(file))


def add_key(file: Path) -> KeyRing:
    """A new key that is used from now on; the older ones stay for what they sealed. Raises Unavailable."""
    stored = _stored(file)
    stored["current"] = _new_id(len(stored["keys"]) + 1)
    stored["keys"][stored["current"]] = _text(new_key())
    _replace(file, stored)
    return _ring(stored)


def drop_key(file: Path, key_id: str) -> KeyRing:
    """Without a key that seals nothing any more. Raises Rejected for the current one, Unavailable."""
    stored = _stored(file)
    if key_id == stored["current"]:
        raise Rejected("key_in_use", f"The key {key_id} is in use; add a new one first.")
    stored["keys"].pop(key_id, None)
    _replace(file, stored)
    return _ring(stored)


def _make(file: Path) -> None:
    """Writes a first key; raises FileExistsError when another process was quicker."""
    if file.exists():
        raise FileExistsError
    file.parent.mkdir(parents=True, exist_ok=True)
    first = _new_id(1)
    stored = {"current": first, "keys": {first: _text(new_key())}, "index": _text(new_key())}
    partial = _written(file, stored)
    try:
        # A link appears whole or not at all, and never over a file that is there.
        os.link(partial, file)
    finally:
        partial.unlink()


def _replace(file: Path, stored: Mapping[str, Any]) -> None:
    _written(file, stored).replace(file)


def _written(file: Path, stored: Mapping[str, Any]) -> Path:
    partial = file.with_name(f"{file.name}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as stream:
            stream.write(orjson.dumps(stored, option=orjson.OPT_INDENT_2))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise Unavailable("keys_unwritable", f"The key file {file} cannot be written: {error.strerror}.") from None
    return partial


def _stored(file: Path) -> dict[str, Any]:
    try:
        stored = orjson.loads(file.read_bytes())
    except FileNotFoundError:
        raise Unavailable("keys_missing", f"The key file {file} is missing. Put it back from its safe copy.") from None
    except OSError as error:
        raise Unavailable("keys_unreadable", f"The key file {file} cannot be read: {error.strerror}.") from None
    except orjson.JSONDecodeError:
        raise _damaged(file) from None
    if not isinstance(stored, dict) or not isinstance(stored.get("keys"), dict) or not stored["keys"]:
        raise _damaged(file)
    try:
        _ring(stored)
    except (KeyError, TypeError, ValueError, binascii.Error, Rejected):
        raise _damaged(file) from None
    return stored


def _ring(stored: Mapping[str, Any]) -> KeyRing:
    keys = {key_id: base64.b64decode(key, validate=True) for key_id, key in stored["keys"].items()}
    return KeyRing(keys, stored["current"], base64.b64decode(stored["index"], validate=True))


def _damaged(file: Path) -> Unavailable:
    return Unavailable("keys_damaged", f"The key file {file} is damaged. Put it back from its safe copy.")


def _new_id(number: int) -> str:
    # With some chance in it: the first key of another installation must not pass for the first key of this one.
    return f"k{number}-{secrets.token_hex(4)}"


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()
