"""Who opened which customer's card: gathered in memory and written once a second, so that no reader waits for a lock.

What a crash loses is what was read in its last second; a clean stop loses nothing.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Any, Final

from sqlalchemy.exc import IntegrityError

from crm_core.customers.protection import queries
from crm_core.customers.protection.models import CardRead
from crm_core.db.database import Database
from crm_core.db.upsert import Excluded, table_of, upsert
from crm_core.kernel.errors import Unavailable

log = logging.getLogger(__name__)
_table = table_of(CardRead)
_EVERY_SECONDS: Final = 1.0
_MOST: Final = 20_000
_HOUR: Final = 3600

_Key = tuple[int, int, int]


class CardReads:
    """Bounded: when the database is away for so long that it is full, the oldest are given up and counted."""

    def __init__(self) -> None:
        self._seen: dict[_Key, list[Any]] = {}
        self._writing = asyncio.Lock()
        self.lost = 0

    def note(self, customer_id: int, user_id: int | None, at: datetime) -> None:
        """Somebody has the card open now; costs no more than a look into a dictionary."""
        if user_id is None:
            return
        key = (customer_id, int(at.timestamp()) // _HOUR, user_id)
        known = self._seen.get(key)
        if known is not None:
            known[1], known[2] = at, known[2] + 1
            return
        self._seen[key] = [at, at, 1]
        if len(self._seen) > _MOST:
            self._seen.pop(next(iter(self._seen)))
            self.lost += 1

    async def flush(self, db: Database) -> None:
        """Writes what has gathered. Raises Unavailable; then nothing is forgotten."""
        async with self._writing:
            if not self._seen:
                return
            taken, self._seen = self._seen, {}
            try:
                async with db.uow() as uow:
                    # Merged or erased since: there is nobody left to keep a record of.
                    here = await queries.existing(uow.session, {customer_id for customer_id, _, _ in taken})
                    rows = [_row(key, value) for key, value in sorted(taken.items()) if key[0] in here]
                    keys = ["customer_id", "hour", "user_id"]
                    await upsert(uow.session, _table, rows, keys=keys, change=_more)
            except BaseException:
                self._put_back(taken)
                raise

    def _put_back(self, taken: dict[_Key, list[Any]]) -> None:
        for key, (first, last, times) in taken.items():
            since = self._seen.get(key)
            self._seen[key] = [first, since[1], times + since[2]] if since else [first, last, times]

    async def run(self, db: Database) -> None:
        """For ever."""
        while True:
            await asyncio.sleep(_EVERY_SECONDS)
            try:
                await self.flush(db)
            except Unavailable as error:
                log.warning("opened cards not written yet", extra={"reason": error.code, "waiting": len(self._seen)})
            except IntegrityError:
                # Somebody was merged away between our look and our write: the next look leaves him out.
                log.info("opened cards are written a second later")


def _row(key: _Key, value: list[Any]) -> dict[str, Any]:
    customer_id, hour, user_id = key
    first, last, times = value
    return {
        "customer_id": customer_id, "hour": hour, "user_id": user_id,
        "first_at": first, "last_at": last, "times": times,
    }  # fmt: skip


def _more(new: Excluded) -> dict[str, Any]:
    return {"last_at": new.last_at, "times": _table.c.times + new.times}
