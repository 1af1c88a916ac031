"""Sealing everything anew with the current key: in batches, as often as it takes, beside running work.

Look-up tokens hang on the index key, which does not change: they stay as they are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import LargeBinary, and_, update

from crm_core.customers.protection import resealing_queries
from crm_core.db.base import Base
from crm_core.db.database import Database
from crm_core.kernel.sealing import key_id_of

_BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class Sealed:
    """A column of sealed values; ``context`` and the number in ``bound`` are what each is bound to."""

    table: str
    column: str
    context: str
    bound: str = "id"


PLACES: Final = (
    Sealed("customers", "id_card_sealed", "customers.id_card"),
    Sealed("customers", "medical_sealed", "customers.medical"),
    Sealed("customers", "contraindications_sealed", "customers.contraindications"),
    Sealed("customer_merges", "sealed", "customer_merges.sealed"),
    Sealed("customer_imports", "sample_sealed", "customer_imports.sample"),
    Sealed("customer_import_rows", "kept_sealed", "customer_imports.kept", "import_id"),
)


def sealed_columns() -> set[tuple[str, str]]:
    """Every column that holds sealed values, by its name."""
    return {
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary) and column.name.endswith("sealed")
    }


async def reseal(db: Database) -> AsyncIterator[tuple[str, int]]:
    """Tells after each batch in which column how many values were sealed anew. Stopping loses nothing.

    Raises Unavailable when a value's key is missing: nothing is lost then either.
    """
    for place in PLACES:
        last: Sequence[Any] | None = None
        while True:
            last, changed = await _batch(db, place, last)
            yield f"{place.table}.{place.column}", changed
            if last is None:
                break


async def _batch(db: Database, place: Sealed, last: Sequence[Any] | None) -> tuple[Sequence[Any] | None, int]:
    table = Base.metadata.tables[place.table]
    keys, changed, ring = list(table.primary_key.columns), 0, db.keyring
    async with db.uow() as uow:
        rows = await resealing_queries.after(uow.session, table, place.column, last, _BATCH)
        connection = await uow.session.connection()
        for row in rows:
            old: bytes = row[-1]
            if key_id_of(old) == ring.current:
                continue
            context = f"{place.context}:{row._mapping[place.bound]}"
            fresh = ring.seal(ring.open(old, context), context)
            # Only while it is still the value that was read: somebody may change it at this moment.
            same = and_(*(key == row[n] for n, key in enumerate(keys)), table.c[place.column] == old)
            await connection.execute(update(table).where(same).values({place.column: fresh}))
            changed += 1
    return (tuple(rows[-1][: len(keys)]) if len(rows) == _BATCH else None), changed
