"""Which tables hold something about a person, and what becomes of it when the person wants to be forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Column, Table

from crm_core.db.base import Base

# Derived from the rest, unreadable for people: it goes with an erasure and is no news to the person.
DERIVED: Final = frozenset({"search_tokens", "search_entries", "match_keys", "match_records", "duplicate_pairs"})
# Goes with an erasure, row by row.
WIPED: Final = DERIVED | {
    "customer_phones",
    "customer_notes",
    "family_members",
    "person_details",
    "organization_details",
    "memorial_days",
    "customer_relations",
    "customer_attitudes",
    "organization_contacts",
    "consents",
    "pool_entries",
    "unfit_customers",
    "number_choices",
}
# Kept with an erasure, without what names the person: who owned whom when, who asked for what, figures and books.
# By column what replaces the text; calls are wiped by their own tier.
KEPT: Final[Mapping[str, Mapping[str, Any]]] = {
    "account_numbers": {},
    "owner_changes": {"reason": ""},
    "data_requests": {},
    "reveals": {"reason": ""},
    "customer_changes": {},
    "card_reads": {},
    "calls": {},
    "allocation_results": {},
    "reclaim_notices": {},
    "classification_changes": {},
    "customer_merges": {"sealed": None},
    "customer_import_rows": {"kept_sealed": None, "reasons": []},
    "registration_entries": {"name": None, "phone": None, "note": None},
    "job_rows": {"data": None, "reason": ""},
}
# Told to the person by the tier that owns it, in its own words, or nothing but our own work.
UNTOLD: Final = frozenset(
    {"calls", "number_choices", "job_rows", "allocation_results", "customer_import_rows", "customer_changes"}
)
# Columns that point at a customer without a foreign key.
POINTERS: Final = frozenset(
    {
        ("search_tokens", "customer_id"),
        ("duplicate_pairs", "first_id"),
        ("duplicate_pairs", "second_id"),
        ("job_rows", "subject_id"),
        ("card_reads", "customer_id"),
    }
)
# Of the customer's own row everything goes that is not named here.
KEPT_COLUMNS: Final = frozenset(
    {
        "id", "account_number", "kind", "owner_id", "department_id", "created_at", "updated_at", "version",
        "entered_by_id", "record_state", "purchase_state", "retention_state", "grade", "rfm_recency_days",
        "rfm_frequency", "rfm_monetary", "sales_centre_id", "profit_centre_id", "service_centre_id", "allocated_at",
        "type", "source", "membership", "province", "city", "completeness", "birth_leap", "custom", "do_not_call",
        "pinyin", "initials", "name", "collected_at",
    }
)  # fmt: skip


def tables() -> dict[str, list[Column[Any]]]:
    """Every table but the customers' own that points at a customer, with the columns that do."""
    found: dict[str, list[Column[Any]]] = {}
    for table in Base.metadata.sorted_tables:
        columns = [column for column in table.columns if _points(table, column)]
        if columns and table.name != "customers":
            found[str(table.name)] = columns
    return found


def _points(table: Table, column: Column[Any]) -> bool:
    if (table.name, column.name) in POINTERS:
        return True
    return any(key.column.table.name == "customers" for key in column.foreign_keys)


def table(name: str) -> Table:
    return Base.metadata.tables[name]
