"""Writes what was decided of a chunk: new customers with all that hangs on them in a few statements."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from crm_core.customers.account_numbers import give_account_numbers, take_account_numbers
from crm_core.customers.classification import service as classification
from crm_core.customers.duplicates import keys as match_keys
from crm_core.customers.duplicates import service as duplicates
from crm_core.customers.imports.deciding import Decision, Options
from crm_core.customers.imports.events import CustomersImported
from crm_core.customers.imports.finding import number_tokens
from crm_core.customers.imports.keeping import Kept, kept_rows
from crm_core.customers.imports.kinds import Verdict
from crm_core.customers.imports.preparing import Prepared
from crm_core.customers.imports.updating import Updater
from crm_core.customers.kinds import CustomerKind, PhoneState, RecordState
from crm_core.customers.models import AccountNumber, Customer, Phone
from crm_core.customers.search import service as search
from crm_core.db.bulk import insert_rows
from crm_core.db.pairs import Pair
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import insert_new, table_of
from crm_core.kernel.ids import new_id
from crm_core.kernel.texts import N_
from crm_core.organization.access import Actor

_customers, _phones, _numbers = (table_of(m) for m in (Customer, Phone, AccountNumber))
# Columns of a new customer that a list can fill, and those that are set for every one.
_GIVEN: Final = (
    "kind", "name", "pinyin", "initials", "form_of_address", "sex", "birth_calendar", "birth_year", "birth_month",
    "birth_day", "birth_leap", "occupation", "position", "ethnicity", "origin", "education", "marital_state",
    "economic_state", "email", "wechat", "qq", "province", "city", "district", "community", "street", "postcode",
    "household_key", "owner_id", "department_id", "type", "source", "membership", "referred_by_id", "best_time",
    "best_way", "taboos", "do_not_call", "remarks", "custom", "collected_at", "collected_by", "collected_department",
)  # fmt: skip
_SET: Final = (
    "id", "account_number", "created_at", "updated_at", "entered_by_id", "version", "record_state", "completeness",
    "id_card_sealed", "id_card_index", "medical_sealed", "contraindications_sealed",
)  # fmt: skip
_PHONE: Final = ("id", "customer_id", "number", "e164", "reversed_digits", "kind", "state", "position")
_COLUMNS: Final = (*_GIVEN, *_SET)
_DEFAULTS: Final[Mapping[str, Any]] = {
    "kind": CustomerKind.PERSON.value,
    "birth_leap": False,
    "do_not_call": False,
    "custom": {},
    "version": 1,
    "record_state": RecordState.NEW.value,
}


@dataclass(slots=True)
class _Made:
    """New rows by table; ``ids`` are the customers by row number, ``tokens`` by customer."""

    ids: dict[int, int] = field(default_factory=dict)
    customers: list[dict[str, Any]] = field(default_factory=list)
    phones: list[list[Any]] = field(default_factory=list)
    numbers: list[tuple[str, int]] = field(default_factory=list)
    keys: list[Pair] = field(default_factory=list)
    tokens: dict[int, bytes] = field(default_factory=dict)
    classified: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)


class Writer:
    """Writes the chunks of one import."""

    def __init__(self, import_id: int, options: Options, by: Actor) -> None:
        self._import_id = import_id
        self._zone = ZoneInfo(options.timezone)
        self._updater = Updater(import_id, by, fill_only=options.fill_only)
        self._by = by

    async def write(
        self, uow: UnitOfWork, decisions: Sequence[Decision], prepared: Mapping[int, Prepared]
    ) -> list[Kept]:
        """The customers and what they draw along; gives the rows of the import as they are to be kept."""
        made = await self._create(uow, [one for one in decisions if one.verdict is Verdict.CREATE], prepared)
        changed = await self._updater.update(uow, [one for one in decisions if one.verdict is Verdict.UPDATE])
        touched = sorted({*made.values(), *(id for id, _, _ in changed.values())})
        if touched:
            uow.emit(CustomersImported(self._import_id, touched, self._by.user_id))
        return await asyncio.to_thread(kept_rows, uow.keyring, self._import_id, decisions, made, changed)

    async def _create(
        self, uow: UnitOfWork, new: Sequence[Decision], prepared: Mapping[int, Prepared]
    ) -> Mapping[int, int]:
        """Customer by row number. A number that somebody else took meanwhile makes the row an error."""
        if not new:
            return {}
        numbers = await self._account_numbers(uow, new)
        stored = [one for one in new if one.row.number in numbers]
        made = await asyncio.to_thread(self._made, uow, stored, numbers, prepared)
        await insert_rows(uow.session, _customers, *await asyncio.to_thread(_filled, made.customers))
        await insert_rows(uow.session, _phones, _PHONE, made.phones)
        await give_account_numbers(uow, made.numbers)
        await duplicates.add_known_keys(uow, made.keys)
        await search.note(uow, made.tokens)
        await classification.record_new(uow, made.classified, by=self._by)
        return made.ids

    def _made(
        self, uow: UnitOfWork, new: Sequence[Decision], numbers: Mapping[int, str], prepared: Mapping[int, Prepared]
    ) -> _Made:
        """All rows of all tables; much work and no waiting, for a thread."""
        made = _Made()
        for decision in new:
            row, number = decision.row, numbers[decision.row.number]
            ready, values = prepared[row.number], decision.values
            customer_id = made.ids[row.number] = ready.customer_id
            made.customers.append(self._customer(uow, number, decision, ready))
            made.phones += _phone_rows(customer_id, row.phones)
            made.numbers.append((number, customer_id))
            made.keys += [(key, customer_id) for key in row.match]
            if ready.index is not None:
                made.keys.append((match_keys.card_key(ready.index), customer_id))
            made.tokens[customer_id] = bytes.fromhex(row.tokens) + number_tokens(number, values) + ready.tokens
            made.classified.append((customer_id, values))
        return made

    async def _account_numbers(self, uow: UnitOfWork, new: Sequence[Decision]) -> dict[int, str]:
        """A number for each row: its own where it brings one along, else the next ones."""
        own = {one.row.number: one.values["account_number"] for one in new if one.values.get("account_number")}
        at = uow.clock.now()
        rows = [{"number": number, "customer_id": None, "given_at": at} for number in own.values()]
        free = set(await insert_new(uow.session, _numbers, rows, key="number")) if rows else set()
        for decision in new:
            number = own.get(decision.row.number)
            if number is not None and number not in free:
                decision.verdict = Verdict.ERROR
                decision.reasons = [
                    ("account_number", N_("The account number %(value)s was given before."), {"value": number})
                ]
                del own[decision.row.number]
        without = [one.row.number for one in new if not one.values.get("account_number")]
        taken = await take_account_numbers(uow, len(without)) if without else []
        return own | dict(zip(without, taken, strict=True))

    def _customer(self, uow: UnitOfWork, number: str, decision: Decision, ready: Prepared) -> dict[str, Any]:
        """The columns of a new customer."""
        given, now = decision.values, uow.clock.now()
        created = min(self._instant(given["created_at"]), now) if "created_at" in given else now
        values = {
            **_DEFAULTS,
            **given,
            **ready.sealed,
            "id": ready.customer_id,
            "account_number": number,
            "created_at": created,
            "updated_at": now,
            "entered_by_id": given.get("entered_by_id", self._by.user_id),
            "completeness": decision.row.complete,
        }
        if "collected_at" in given:
            values["collected_at"] = date.fromisoformat(given["collected_at"])
        return values

    def _instant(self, text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=self._zone)


def _filled(customers: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[Any]]]:
    """The columns that any of the customers fills, and their rows: a list leaves half of all columns empty."""
    names = set[str]().union(*customers)
    columns: list[str] = [name for name in _COLUMNS if name in names]
    return columns, [[one.get(name) for name in columns] for one in customers]


def _phone_rows(customer_id: int, phones: Sequence[Any]) -> list[list[Any]]:
    return [
        [new_id(), customer_id, number, e164, backwards, kind, PhoneState.UNVERIFIED.value, position]
        for position, (number, e164, backwards, kind) in enumerate(phones)
    ]
