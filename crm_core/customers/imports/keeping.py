"""What is kept of each row of an import: its verdict, and under seal its cells or what it replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from crm_core.customers.imports.deciding import Decision
from crm_core.customers.imports.kinds import Verdict
from crm_core.customers.imports.models import ImportRow
from crm_core.db.bulk import insert_rows
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import table_of
from crm_core.kernel.sealing import KeyRing

_rows = table_of(ImportRow)
_ROW: Final = (
    "import_id", "number", "verdict", "customer_id", "score", "reasons", "warned", "kept_sealed", "version", "undone",
)  # fmt: skip
_CONTEXT: Final = "customer_imports.kept"
_MADE_ANEW: Final = 1  # the version of a customer who has just been stored
Kept = tuple[Any, ...]  # in the order of _ROW
Changed = Mapping[int, tuple[int, int, dict[str, Any]]]  # by row number: the customer, his version, what was before


async def keep_rows(uow: UnitOfWork, rows: Sequence[Kept]) -> None:
    """Writes down what became of the rows."""
    await insert_rows(uow.session, _rows, _ROW, rows)


def kept_rows(
    ring: KeyRing, import_id: int, decisions: Sequence[Decision], made: Mapping[int, int], changed: Changed
) -> list[Kept]:
    """Rows of the import: the cells of a failed one and what an update replaced lie in them under seal."""
    return [_kept_row(ring, import_id, one, made, changed) for one in decisions]


def _kept_row(ring: KeyRing, import_id: int, decision: Decision, made: Mapping[int, int], changed: Changed) -> Kept:
    number, verdict = decision.row.number, decision.verdict
    customer_id, version = decision.target_id, None
    kept: dict[str, Any] | None = None
    if number in made:
        customer_id, version = made[number], _MADE_ANEW
    elif number in changed:
        customer_id, version, kept = changed[number]
    elif verdict in (Verdict.ERROR, Verdict.DUPLICATE):
        kept = {"cells": decision.row.all_cells()}
    reasons = [{"field": name, "sentence": text, "values": values} for name, text, values in decision.reasons]
    warned = bool(reasons) and verdict in (Verdict.CREATE, Verdict.UPDATE)
    score = None if decision.score is None else round(decision.score * 100)
    under_seal = None if kept is None else seal(ring, import_id, kept)
    return (import_id, number, verdict.value, customer_id, score, reasons, warned, under_seal, version, None)


def seal(ring: KeyRing, import_id: int, kept: Mapping[str, Any]) -> bytes:
    return ring.seal(orjson.dumps(kept).decode(), f"{_CONTEXT}:{import_id}")


def unseal(ring: KeyRing, import_id: int, kept: bytes) -> dict[str, Any]:
    return dict(orjson.loads(ring.open(kept, f"{_CONTEXT}:{import_id}")))
