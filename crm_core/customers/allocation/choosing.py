"""Which customers are meant: a list of ids, or a filter; data from outside, checked here and never run as SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from crm_core.kernel.errors import Rejected

MOST: Final = 100_000
_TREE: Final = frozenset({"all", "any", "not", "field", "related"})
_LONGEST: Final = 120


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list can be cut by; None does not cut. ``owner_id`` is ignored where only the ownerless are meant."""

    owner_id: int | None = None
    department_id: int | None = None
    type: str | None = None
    source: str | None = None
    membership: str | None = None
    province: str | None = None
    city: str | None = None
    district: str | None = None
    record_state: str | None = None
    purchase_state: str | None = None


TEXTS: Final = tuple(name for name in Filter.__dataclass_fields__ if not name.endswith("_id"))


@dataclass(frozen=True, slots=True)
class Choice:
    """Either ``ids`` in the order of the giving, or the ownerless that ``filter`` leaves, oldest first.

    ``most`` bounds the second; ``departments`` are those whose customers may be taken (None: all), beside customers
    that belong to no department.
    """

    ids: tuple[int, ...] = ()
    filter: Filter = Filter()
    most: int = 500
    departments: tuple[int, ...] | None = None


def checked_where(where: Mapping[str, Any]) -> Mapping[str, str]:
    """The texts of a list's filter. Raises Rejected for a condition tree and for filters that do not exist."""
    if _TREE.intersection(where):
        raise Rejected(
            "tree_not_understood",
            "Transfers take ids or the filters of the list (owner, department, type, source, membership, province, "
            "city, district, record_state, purchase_state), not a condition tree: search first, then send the ids.",
            errors={"where": "has to be ids or the filters of the list"},
        )
    known = {*TEXTS, "owner", "department"}
    errors = {f"where.{name}": "is not known" for name in where if name not in known}
    errors |= {
        f"where.{name}": "must be a text"
        for name, value in where.items()
        if name in known and (not isinstance(value, str) or not value.strip() or len(value) > _LONGEST)
    }
    if not where:
        errors["where"] = "must cut by something"
    if errors:
        raise Rejected("where_invalid", "The filter is wrong; see errors.", errors=errors)
    return {name: str(value).strip() for name, value in where.items()}


def plain(choice: Choice) -> dict[str, Any]:
    """As it is stored with the run."""
    cut = {name: value for name, value in asdict(choice.filter).items() if value is not None}
    departments = None if choice.departments is None else list(choice.departments)
    return {"ids": list(choice.ids), "filter": cut, "most": choice.most, "departments": departments}


def parse(stored: Mapping[str, Any]) -> Choice:
    departments = stored.get("departments")
    return Choice(
        ids=tuple(stored.get("ids", ())),
        filter=Filter(**stored.get("filter", {})),
        most=stored.get("most", 500),
        departments=None if departments is None else tuple(departments),
    )
