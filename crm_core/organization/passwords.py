"""Passwords: Argon2id, a minimum that people can meet, and hashing off the event loop."""

from __future__ import annotations

import asyncio

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from crm_core.kernel.errors import Rejected

MIN_LENGTH = 10
MAX_LENGTH = 200
# RFC 9106's second recommended option: 64 MiB, 3 passes; one lane, because two cores serve everybody here.
_hasher = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=1)
# Two at once at most: a burst of log-ins must not take 64 MiB each.
_gate = asyncio.Semaphore(2)
_COMMON = frozenset(
    {"1234567890", "password123", "qwertyuiop", "0987654321", "1111111111", "callcenter", "changeme123"}
)


def check_new(password: str, name: str) -> None:
    """Raises Rejected when the password is too short, too long, too common, or the user's name."""
    problem = None
    if len(password) < MIN_LENGTH:
        problem = f"The password needs at least {MIN_LENGTH} characters."
    elif len(password) > MAX_LENGTH:
        problem = f"The password may have at most {MAX_LENGTH} characters."
    elif password.lower() in _COMMON or password.lower() == name.lower() or len(set(password)) < 4:
        problem = "The password is too easy to guess; take several words."
    if problem:
        raise Rejected("weak_password", problem, errors={"password": problem})


def hash_now(password: str) -> str:
    """For the command line and for bulk data; takes about 0.1 s of one core."""
    return _hasher.hash(password)


async def hashed(password: str) -> str:
    async with _gate:
        return await asyncio.to_thread(_hasher.hash, password)


async def matches(password: str, password_hash: str) -> bool:
    async with _gate:
        return await asyncio.to_thread(_verify, password, password_hash)


def _verify(password: str, password_hash: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(password_hash: str) -> bool:
    return _hasher.check_needs_rehash(password_hash)
