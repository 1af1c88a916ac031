"""What is encrypted on a customer: the ID card, the medical data, the contraindications; each bound to its customer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from crm_core.customers.models import Customer
from crm_core.kernel.sealing import KeyRing

ID_CARD: Final = "customers.id_card"
_MEDICAL: Final = "customers.medical"
_CONTRAINDICATIONS: Final = "customers.contraindications"
# In one sealed text; beliefs and health are sensitive data like the medical history (PIPL, article 28).
IN_MEDICAL: Final = ("medical_history", "allergies", "health_state", "beliefs")
MEDICAL: Final = (*IN_MEDICAL, "contraindications")
FIELDS: Final = ("id_card", *MEDICAL)
NO_MEDICAL: Final[Mapping[str, str | None]] = dict.fromkeys(MEDICAL)
_SHOWN_FIRST, _SHOWN_LAST = 3, 4


def id_card_index(ring: KeyRing, number: str) -> str:
    """The same for the same 18-digit number; tells nothing without the key."""
    return ring.blind(number, ID_CARD)


def set_id_card(ring: KeyRing, customer: Customer, number: str | None) -> None:
    """Seals an 18-digit number into the customer, or takes it away."""
    customer.id_card_sealed = None if number is None else ring.seal(number, f"{ID_CARD}:{customer.id}")
    customer.id_card_index = None if number is None else id_card_index(ring, number)


def columns(ring: KeyRing, customer_id: int, given: Mapping[str, str]) -> dict[str, Any]:
    """The sealed columns of a new customer, from what is named of ``FIELDS``; for many at once."""
    found: dict[str, Any] = {}
    if number := given.get("id_card"):
        found["id_card_sealed"] = ring.seal(number, f"{ID_CARD}:{customer_id}")
        found["id_card_index"] = id_card_index(ring, number)
    if kept := {name: given[name] for name in IN_MEDICAL if given.get(name)}:
        found["medical_sealed"] = ring.seal(json.dumps(kept, ensure_ascii=False), f"{_MEDICAL}:{customer_id}")
    if text := given.get("contraindications"):
        found["contraindications_sealed"] = ring.seal(text, f"{_CONTRAINDICATIONS}:{customer_id}")
    return found


def open_id_card(ring: KeyRing, customer_id: int, sealed: bytes | None) -> str | None:
    return None if sealed is None else ring.open(sealed, f"{ID_CARD}:{customer_id}")


def masked_id_card(number: str) -> str:
    """Without the day of birth: 310***********1234."""
    hidden = len(number) - _SHOWN_FIRST - _SHOWN_LAST
    return f"{number[:_SHOWN_FIRST]}{'*' * hidden}{number[-_SHOWN_LAST:]}"


def set_medical(ring: KeyRing, customer: Customer, changes: Mapping[str, str | None]) -> None:
    """Changes what is named of ``MEDICAL`` and keeps the rest."""
    if "contraindications" in changes:
        text = changes["contraindications"]
        customer.contraindications_sealed = ring.seal(text, f"{_CONTRAINDICATIONS}:{customer.id}") if text else None
    named = {name: text for name, text in changes.items() if name in IN_MEDICAL}
    if named:
        known = _opened(ring, customer.id, customer.medical_sealed) | named
        kept = {name: text for name, text in known.items() if text}
        plain = json.dumps(kept, ensure_ascii=False)
        customer.medical_sealed = ring.seal(plain, f"{_MEDICAL}:{customer.id}") if kept else None


def open_medical(
    ring: KeyRing, customer_id: int, medical: bytes | None, contraindications: bytes | None
) -> dict[str, str | None]:
    """All of ``MEDICAL``; None for what is not known."""
    last = None
    if contraindications is not None:
        last = ring.open(contraindications, f"{_CONTRAINDICATIONS}:{customer_id}")
    return {**NO_MEDICAL, **_opened(ring, customer_id, medical), "contraindications": last}


def _opened(ring: KeyRing, customer_id: int, sealed: bytes | None) -> dict[str, Any]:
    return {} if sealed is None else dict(json.loads(ring.open(sealed, f"{_MEDICAL}:{customer_id}")))
