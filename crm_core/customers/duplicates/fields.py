"""Which of two customers' values the survivor has after a merge; pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, Final

from crm_core.customers.duplicates.snapshots import Row
from crm_core.customers.kinds import PurchaseState
from crm_core.kernel.errors import Rejected
from crm_core.kernel.texts import N_

# What is chosen as one: half of a birthday or of an address would be nobody's. The first column says if it is known.
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "birthday": ("birth_month", "birth_day", "birth_year", "birth_calendar", "birth_leap"),
    "address": ("street", "city", "province", "district", "community", "postcode"),
    "owner": ("owner_id", "department_id", "allocated_at"),
    "id_card": ("id_card_index", "id_card_sealed"),
    "medical": ("medical_sealed",),
    "contraindications": ("contraindications_sealed",),
    "referred_by": ("referred_by_id",),
    "collected": ("collected_at", "collected_by", "collected_department"),
    "verified": ("verified_at", "verified_by_id"),
    "rfm": ("rfm_recency_days", "rfm_frequency", "rfm_monetary"),
}
# The record's own: they stay the survivor's whatever is chosen.
OWN: Final = frozenset({"id", "account_number", "created_at", "updated_at", "entered_by_id", "version", "record_state"})
DERIVED: Final = frozenset({"pinyin", "initials", "household_key", "completeness"})
# Two remarks are both true, and what must not be sold or served counts double.
_JOINED: Final = ("remarks", "taboos", "contraindications_sealed")
_LATEST: Final = ("last_contact_at",)
# What a person chooses from, in the order of the page.
CHOICES: Final[Mapping[str, str]] = {
    "name": N_("Name"),
    "kind": N_("Kind"),
    "form_of_address": N_("Form of address"),
    "sex": N_("Sex"),
    "birthday": N_("Birthday"),
    "id_card": N_("ID card"),
    "address": N_("Address"),
    "occupation": N_("Occupation"),
    "owner": N_("Owner"),
    "type": N_("Type"),
    "source": N_("Source"),
    "membership": N_("Membership"),
    "referred_by": N_("Referred by"),
    "email": N_("E-mail"),
    "wechat": N_("WeChat"),
    "qq": N_("QQ"),
    "best_time": N_("Best time"),
    "taboos": N_("Taboos"),
    "remarks": N_("Remarks"),
}


def combined(survivor: Row, other: Row, take: Collection[str] = ()) -> Row:
    """The survivor's columns that change: what it does not know, and what is chosen. Raises Rejected."""
    columns = [name for name in survivor if name not in OWN and name not in DERIVED]
    groups = dict(GROUPS) | {name: (name,) for name in columns if not any(name in own for own in GROUPS.values())}
    if unknown := sorted(set(take) - set(groups)):
        raise Rejected(
            "merge_invalid", "These fields cannot be chosen.", errors=dict.fromkeys(unknown, "unknown field")
        )
    changes: Row = {}
    for group, names in groups.items():
        chosen = group in take and _known(other, names)
        if chosen or (not _known(survivor, names) and _known(other, names)):
            changes |= {name: other[name] for name in names if name in other}
        elif group not in take:
            changes |= _of_both(names[0], survivor, other)
    if "custom" not in take or not other.get("custom"):
        changes["custom"] = (other.get("custom") or {}) | (survivor.get("custom") or {})
    else:
        changes["custom"] = (survivor.get("custom") or {}) | other["custom"]
    return {name: value for name, value in changes.items() if value != survivor.get(name)}


def _known(row: Row, names: tuple[str, ...]) -> bool:
    value = row.get(names[0])
    if names[0] == "birth_month":
        return value is not None or row.get("birth_year") is not None
    if names[0] == "street":
        return any(row.get(name) for name in names)
    return value not in (None, "", PurchaseState.NONE) and value is not False


def _of_both(name: str, survivor: Row, other: Row) -> Row:
    """Where both know something and both hold."""
    mine, others = survivor.get(name), other.get(name)
    if not mine or not others or mine == others:
        return {}
    if name in _JOINED:
        return {name: mine if str(others) in str(mine) else f"{mine}\n{others}"}
    if name in _LATEST:
        return {name: max(mine, others)}
    if name == "medical_sealed":
        return {name: json.dumps(json.loads(others) | json.loads(mine), ensure_ascii=False)}
    return {}


def restored(changes: Mapping[str, list[Any]], now: Row) -> tuple[Row, list[str]]:
    """(columns to set back, columns that a person changed since and that stay as they are)."""
    back: Row = {}
    kept: list[str] = []
    for name, (before, after) in changes.items():
        if isinstance(before, dict) and isinstance(after, dict) and isinstance(now[name], dict):
            value, stays = _restored_object(before, after, now[name])
            back[name] = value
            kept += [f"{name}.{key}" for key in stays]
        elif now[name] == after:
            back[name] = before
        elif name not in DERIVED:
            kept.append(name)
    for names in GROUPS.values():  # a group goes back as a whole or not at all
        if any(name in kept for name in names):
            for name in names:
                back.pop(name, None)
    return back, kept


def _restored_object(before: Row, after: Row, now: Row) -> tuple[Row, list[str]]:
    """Own fields one by one."""
    value, stays = dict(now), []
    for key in after:
        if before.get(key) == after[key]:
            continue
        if now.get(key) != after[key]:
            stays.append(key)
        elif key in before:
            value[key] = before[key]
        else:
            value.pop(key)
    return value, stays
