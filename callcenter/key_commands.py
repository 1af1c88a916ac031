"""A new key for what is encrypted: made, taken up by the running service, everything sealed anew with it."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

from callcenter import keys
from callcenter.commands import database
from callcenter.settings import Settings
from crm_core.audit import service as audit
from crm_core.customers.protection.resealing import reseal
from crm_core.organization.access import SYSTEM

OK = 0
# Running processes look at the key file once a second; nothing is sealed with a key that they do not know.
_TAKEN_UP_SECONDS = 3.0


async def rotate(settings: Settings, *, new_key: bool = True, wait: float = _TAKEN_UP_SECONDS) -> int:
    """Without ``new_key`` it goes on with what an interrupted one left."""
    async with database(settings) as db:
        if new_key:
            db.keyring = await asyncio.to_thread(keys.add_key, keys.key_file(settings.data_dir))
            _tell(f"The new key is {db.keyring.current}. Copy {keys.key_file(settings.data_dir)} to its safe place.")
            await asyncio.sleep(wait)
        sealed: Counter[str] = Counter()
        async for place, count in reseal(db):
            sealed[place] += count
        async with db.uow() as uow:
            detail = {"key": db.keyring.current, "sealed": dict(sealed)}
            audit.record(uow, SYSTEM, "keys.rotate" if new_key else "keys.reseal", "keys", None, detail)
    for place, count in sealed.items():
        sys.stdout.write(f"{place}\t{count}\n")
    _tell("Everything is sealed with the new key. The older keys stay in the file: backups need them.")
    return OK


def _tell(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
