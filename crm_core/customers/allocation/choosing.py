"""Which customers are meant: ids, the filters of a list, or a tree of conditions; data, checked and never SQL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from crm_core.kernel.errors import Rejected

MOST: Final = 100_000
MOST_FOUND: Final = 1_000_000  # of one condition: a job takes them some at a time
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
class Where:
    """The filters of a list, or a tree of conditions as ``conditions`` knows them."""

    filter: Filter = Filter()
    tree: Mapping[str, Any] | None = None

    def plain(self) -> dict[str, Any]:
        """As it is stored with a job."""
        cut = {name: value for name, value in asdict(self.filter).items() if value is not None}
        return {"filter": cut, "tree": None if self.tree is None else dict(self.tree)}


def where_of(stored: Mapping[str, Any]) -> Where:
    return Where(Filter(**stored["filter"]), stored["tree"])


@dataclass(frozen=True, slots=True)
class Choice:
    """Either ``ids`` in the order of the giving, or the ownerless that ``filter`` and ``tree`` leave, oldest first.

    ``most`` bounds the second; ``departments`` are those whose customers may be taken (None: all), beside customers
    that belong to no department.
    """

    ids: tuple[int, ...] = ()
    filter: Filter = Filter()
    most: int = 500
    departments: tuple[int, ...] | None = None
    tree: Mapping[str, Any] | None = None


def is_tree(where: Mapping[str, Any]) -> bool:
    """Whether it is a tree of conditions and not the filters of a list."""
    return not _TREE.isdisjoint(where)


def checked_where(where: Mapping[str, Any]) -> Mapping[str, str]:
    """The texts of a list's filter. Raises Rejected for filters that do not exist."""
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
    tree = None if choice.tree is None else dict(choice.tree)
    return {"ids": list(choice.ids), "filter": cut, "most": choice.most, "departments": departments, "tree": tree}


def parse(stored: Mapping[str, Any]) -> Choice:
    departments = stored.get("departments")
    return Choice(
        ids=tuple(stored.get("ids", ())),
        filter=Filter(**stored.get("filter", {})),
        most=stored.get("most", 500),
        departments=None if departments is None else tuple(departments),
        tree=stored.get("tree"),
    )
