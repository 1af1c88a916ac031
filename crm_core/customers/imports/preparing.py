"""What of a new customer can be worked out before anything is asked or locked: his id, what is sealed, his keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from crm_core.customers import sealed
from crm_core.customers.imports.cleaning import CleanRow
from crm_core.customers.imports.finding import CardTokens
from crm_core.kernel.ids import new_id
from crm_core.kernel.sealing import KeyRing


@dataclass(frozen=True, slots=True)
class Prepared:
    """``index`` is the keyed index of the ID card, ``sealed`` columns by name, ``tokens`` what the card is found by."""

    customer_id: int
    index: str | None
    sealed: dict[str, Any]
    tokens: bytes


class Preparer:
    """``dry``: nobody is going to be stored, so that only the indexes are worked out."""

    def __init__(self, ring: KeyRing, *, dry: bool) -> None:
        self._ring = ring
        self._dry = dry
        self._tokens = CardTokens()

    def prepare(self, rows: Sequence[CleanRow]) -> dict[int, Prepared]:
        """By row number, for rows without errors of their own; much work, for a thread."""
        return {row.number: self._prepared(row) for row in rows if not row.errors}

    def _prepared(self, row: CleanRow) -> Prepared:
        values, ring = row.values, self._ring
        card = values.get("id_card")
        if self._dry:
            return Prepared(0, None if card is None else sealed.id_card_index(ring, card), {}, b"")
        customer_id = new_id()
        columns = sealed.columns(ring, customer_id, values)
        tokens = b"" if card is None else self._tokens.of(ring, card)
        return Prepared(customer_id, columns.get("id_card_index"), columns, tokens)
