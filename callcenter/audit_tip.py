"""The audit log's last line, written down outside the database: lines cut off the end are missed by nothing else."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import orjson

from crm_core.audit import queries
from crm_core.audit.service import Tip
from crm_core.db.database import Database
from crm_core.kernel.errors import Unavailable

NAME = "audit-tip.json"


def read(data_dir: Path) -> Tip | None:
    """What was written down last; None when nothing was. Raises Unavailable when it cannot be read."""
    file = data_dir / NAME
    try:
        found = orjson.loads(file.read_bytes())
        return Tip(int(found["seq"]), str(found["hash"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        raise Unavailable(
            "audit_tip_unreadable",
            f"{file} cannot be read. Look who changed it; delete it to begin anew from the log as it is now.",
        ) from None


def write(data_dir: Path, tip: Tip) -> None:
    """Replaces what was written down. Raises Unavailable when the disk does not take it."""
    file = data_dir / NAME
    partial = file.with_name(f"{NAME}.{os.getpid()}")
    try:
        with os.fdopen(os.open(partial, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as stream:
            stream.write(orjson.dumps({"seq": tip.seq, "hash": tip.hash}))
        partial.replace(file)
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise Unavailable("audit_tip_unwritable", f"{file} cannot be written: {error.strerror}.") from None


async def note(db: Database, data_dir: Path) -> None:
    """Writes down the line that is last now, unless the log has become shorter than what was written down before."""
    async with db.read() as session:
        last = await queries.last(session)
    before = read(data_dir)
    if last is not None and (before is None or last.seq > before.seq):
        write(data_dir, Tip(last.seq, last.hash))
