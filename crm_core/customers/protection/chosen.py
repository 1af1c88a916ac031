"""Whom a list export is about: a condition, what a list shows (its filters and its text), or both at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crm_core.customers.search import filters as search_filters
from crm_core.customers.search.filters import Filters
from crm_core.customers.search.queries import Wanted


@dataclass(frozen=True, slots=True)
class Chosen:
    """All of it has to hold; nothing at all is everybody whom the right reaches."""

    where: Mapping[str, Any] | None = None
    listed: Wanted | None = None

    @property
    def filters(self) -> Filters:
        return self.listed.filters if self.listed else Filters()

    @property
    def text(self) -> str:
        return self.listed.text.strip() if self.listed else ""

    def kept(self) -> dict[str, Any]:
        """As JSON, for the request; ``read`` makes it the choice again."""
        parts = {"where": dict(self.where or {}), "filters": self.filters.kept(), "q": self.text}
        return {name: value for name, value in parts.items() if value}


def read(kept: Mapping[str, Any]) -> Chosen:
    """Raises Rejected for a filter that is no more."""
    listed = Wanted(kept.get("q", ""), search_filters.read(kept.get("filters", {})))
    return Chosen(kept.get("where"), listed if listed.text or listed.filters else None)
