"""What a new customer is found by that hangs on the keys or on his account number: the worker knows neither."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from crm_core.customers import sealed
from crm_core.customers.search import tokens
from crm_core.customers.search.facts_queries import CARD_FIELD, FRAGMENT
from crm_core.kernel.sealing import KeyRing

_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


class CardTokens:
    """Remembers the tokens of fragments of ID cards: few compared with the cards that hold them."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def of(self, ring: KeyRing, number: str) -> bytes:
        """The tokens of an ID card, packed."""
        whole, known, found = number + tokens.ID_END, self._known, set[int]()
        for start in range(len(whole) - FRAGMENT + 1):
            part = whole[start : start + FRAGMENT]
            if part not in known:
                known[part] = min(_tokens(id_card=tuple(ring.fragments(part, sealed.ID_CARD, FRAGMENT))))
            found.add(known[part])
        return tokens.packed(found)


def number_tokens(number: str, values: Mapping[str, Any]) -> bytes:
    """The tokens of the account number and of a membership card, packed."""
    card = values.get("custom", {}).get(CARD_FIELD)
    return tokens.packed(_tokens(numbers=(number, str(card)) if card else (number,)))


def _tokens(numbers: tuple[str, ...] = (), id_card: tuple[str, ...] = ()) -> set[int]:
    return tokens.tokens_of(tokens.Facts(0, "", "", "", _NEVER, numbers=numbers, id_card=id_card))
