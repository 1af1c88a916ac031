"""The house's rules of allocation as an administrator sets them: one setting, checked field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from crm_core.customers.allocation.kinds import Period
from crm_core.kernel.errors import Rejected

KEY: Final = "allocation.policy"
_MOST: Final = 1_000_000
_LONGEST_DAYS: Final = 3650


@dataclass(frozen=True, slots=True)
class Policy:
    """None is no limit. New staff get ``new_quota`` customers in all until they have been here ``new_days`` days.

    ``data_department_id`` carries allocations out; without one only those whose right reaches everything do.
    A reclaim rule that is None sleeps.
    """

    data_department_id: int | None = None
    cap: int | None = None
    quota: int | None = None
    period: Period = Period.MONTH
    new_days: int = 90
    new_quota: int | None = 50
    not_contacted_days: int | None = None
    not_bought_days: int | None = None
    notice_days: int = 7
    unfit_tries: int | None = 10  # tries in a row without an answer after which a customer is asked about
    contacts_most: int | None = 3  # contacts of one customer in ``contacts_days`` days; more and his card warns
    contacts_days: int = 7
    grant_days: int = 30  # how long a granted application holds unless the manager says otherwise


_RANGES: Final[Mapping[str, tuple[int, int]]] = {
    "cap": (0, _MOST),
    "quota": (0, _MOST),
    "new_days": (0, _LONGEST_DAYS),
    "new_quota": (0, _MOST),
    "not_contacted_days": (1, _LONGEST_DAYS),
    "not_bought_days": (1, _LONGEST_DAYS),
    "notice_days": (0, 365),
    "unfit_tries": (1, 1000),
    "contacts_most": (1, 1000),
    "contacts_days": (1, 365),
    "grant_days": (1, 365),
}
_REQUIRED: Final = frozenset({"new_days", "notice_days", "contacts_days", "grant_days"})


def _wrong(name: str, value: object) -> str | None:
    if name == "period":
        return None if value in set(Period) else "must be day, week or month"
    if name == "data_department_id":
        return None if value is None or isinstance(value, int) else "must be a department"
    low, high = _RANGES[name]
    if value is None:
        return "must be a number" if name in _REQUIRED else None
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        return f"must be a whole number from {low} to {high}"
    return None


def checked(policy: Policy, changes: Mapping[str, Any]) -> Policy:
    """The policy with the named fields changed. Raises Rejected with every wrong field."""
    errors: dict[str, str] = {}
    for name, value in changes.items():
        known = name in _RANGES or name in ("period", "data_department_id")
        wrong = _wrong(name, value) if known else "is not known"
        if wrong:
            errors[name] = wrong
    if errors:
        raise Rejected("allocation_policy_invalid", "Some of the rules are not allowed; see errors.", errors=errors)
    values = dict(changes)
    if "period" in values:
        values["period"] = Period(values["period"])
    return replace(policy, **values)


def plain(policy: Policy) -> dict[str, Any]:
    """As it is stored."""
    return asdict(policy)


def parse(stored: object) -> Policy:
    """From the stored setting; a value that is no longer allowed counts as not set."""
    policy = Policy()
    if isinstance(stored, Mapping):
        for name, value in stored.items():
            try:
                policy = checked(policy, {str(name): value})
            except Rejected:
                continue
    return policy
