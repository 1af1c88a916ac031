"""Work that only one transaction at a time may do, whichever database it is."""

from __future__ import annotations

from hashlib import blake2b

from sqlalchemy.ext.asyncio import AsyncSession


async def take_turn(session: AsyncSession, name: str) -> None:
    """Waits until no other transaction has this turn; it ends with this one.

    The embedded database has one writer, whose turn it is anyway. What is read afterwards holds what the others stored.
    """
    connection = await session.connection()
    if connection.dialect.name == "postgresql":
        key = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)
        await connection.exec_driver_sql("SELECT pg_advisory_xact_lock($1)", (key,))
