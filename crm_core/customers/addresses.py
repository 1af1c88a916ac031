"""Addresses against the list of provinces, cities and districts: what follows is added, what is nowhere is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from crm_core.kernel import places

UPPER: Final = ("province", "city", "district")
_WRONG: Final = {
    "province": "there is no such province",
    "city": "there is no such city in this province",
    "district": "there is no such district in this city",
}


def completed(given: Mapping[str, Any], before: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What follows for the parts that are given, and what is wrong with them by name.

    ``before`` is what is stored: parts that stay are neither judged nor touched, they may come from an older list. A
    street that begins with province or city is taken apart when the parts above it are given empty.
    """
    now = {name: given[name] if name in given else before.get(name) for name in (*UPPER, "street")}
    if not any(now[name] for name in UPPER):
        whole = now["street"] if given.keys() >= {*UPPER, "street"} else None
        return (_taken_apart(whole) if whole and whole != before.get("street") else {}), {}
    if all(now[name] == before.get(name) for name in UPPER):
        return {}, {}
    try:
        found = _filled(now)
    except places.Unknown:
        try:
            # A part that is changed alone need not fit those that stay: they are corrected with the next change.
            found = _filled({name: given.get(name) for name in UPPER})
        except places.Unknown as unknown:
            return {}, {str(unknown): _WRONG[str(unknown)]}
    return {name: text for name, text in found.items() if name in given and text and text != now[name]}, {}


def _filled(parts: Mapping[str, Any]) -> dict[str, str | None]:
    return dict(zip(UPPER, places.filled(*(parts[name] for name in UPPER)), strict=True))


def _taken_apart(street: str) -> dict[str, Any]:
    found = places.complete(street)
    # A province alone at the beginning may be the name of a house: 浙江大厦.
    if found is None or found.city is None:
        return {}
    return {"province": found.province, "city": found.city, "district": found.district, "street": found.rest or None}
