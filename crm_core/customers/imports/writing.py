"""Writes what was decided of a chunk: new customers in a few statements, updates one by one with what they replaced."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson
from sqlalchemy import bindparam, update
from sqlalchemy.orm.attributes import flag_modified

from crm_core.customers import completeness, record, rules, sealed
from crm_core.customers.account_numbers import take_account_numbers
from crm_core.customers.duplicates import keys as match_keys
from crm_core.customers.duplicates import service as duplicates
from crm_core.customers.duplicates.rules import Facts
from crm_core.customers.events import CustomerTransferred
from crm_core.customers.imports import queries
from crm_core.customers.imports.deciding import Decision, Options
from crm_core.customers.imports.events import CustomersImported
from crm_core.customers.imports.kinds import Verdict
from crm_core.customers.imports.models import ImportRow
from crm_core.customers.kinds import Calendar, CustomerKind, MaritalState, PhoneKind, PhoneState, RecordState, Sex
from crm_core.customers.models import AccountNumber, Customer, OwnerChange, Phone
from crm_core.customers.pinyin import keys as pinyin_keys
from crm_core.customers.search import service as search
from crm_core.db.bulk import insert_rows
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import insert_new, table_of
from crm_core.kernel.ids import new_id
from crm_core.kernel.texts import N_
from crm_core.organization.access import Actor

_customers, _phones, _numbers, _rows = (table_of(m) for m in (Customer, Phone, AccountNumber, ImportRow))
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
_ROW: Final = (
    "import_id", "number", "verdict", "customer_id", "score", "reasons", "warned", "kept_sealed", "version", "undone",
)  # fmt: skip
_TYPES: Final[Mapping[str, Callable[[str], Any]]] = {
    "kind": CustomerKind,
    "sex": Sex,
    "birth_calendar": Calendar,
    "marital_state": MaritalState,
    "collected_at": date.fromisoformat,
}
_DEFAULTS: Final[Mapping[str, Any]] = {"kind": CustomerKind.PERSON, "birth_leap": False, "do_not_call": False}
_HOME: Final = frozenset({"province", "city", "district", "community", "street"})
_DERIVED: Final = frozenset({"pinyin", "initials", "household_key"})
_NOT_UPDATED: Final = _DERIVED | {"account_number", "created_at", "entered_by_id"}
_KEPT: Final = "customer_imports.kept"
_give_number = update(_numbers).where(_numbers.c.number == bindparam("of")).values(customer_id=bindparam("to"))


class Writer:
    """Writes the chunks of one import."""

    def __init__(self, import_id: int, options: Options, by: Actor) -> None:
        self._import_id = import_id
        self._zone = ZoneInfo(options.timezone)
        self._fill_only = options.fill_only
        self._by = by

    async def write(self, uow: UnitOfWork, decisions: Sequence[Decision]) -> list[dict[str, Any]]:
        """The customers and what they draw along; gives the rows of the import as they are to be kept."""
        new = [one for one in decisions if one.verdict is Verdict.CREATE]
        made = await self._create(uow, new)
        changed = await self._update(uow, [one for one in decisions if one.verdict is Verdict.UPDATE])
        touched = sorted({*made.values(), *(id for id, _, _ in changed.values())})
        if touched:
            await search.index_ids(uow, touched)
            uow.emit(CustomersImported(self._import_id, touched, self._by.user_id))
        return [kept_row(uow, self._import_id, one, made, changed) for one in decisions]

    async def _create(self, uow: UnitOfWork, new: Sequence[Decision]) -> dict[int, int]:
        """Customer by row number. A number that somebody else took meanwhile makes the row an error."""
        numbers = await self._account_numbers(uow, new)
        customers, phones, facts, made = [], [], list[Facts](), dict[int, int]()
        given = []
        for decision in new:
            number = numbers.get(decision.row.number)
            if number is None:
                continue
            customer_id = made[decision.row.number] = new_id()
            values = self._values(uow, customer_id, number, decision)
            customers.append([values.get(name) for name in (*_GIVEN, *_SET)])
            phones += _phone_rows(customer_id, decision.row.phones)
            numbers_of = frozenset(phone[1] or phone[2][::-1] for phone in decision.row.phones)
            facts.append(match_keys.facts_of(customer_id, values, numbers_of))
            given.append({"of": number, "to": customer_id})
        if customers:
            await insert_rows(uow.session, _customers, (*_GIVEN, *_SET), customers)
            await insert_rows(uow.session, _phones, _PHONE, phones)
            connection = await uow.session.connection()
            await connection.execute(_give_number, given)
            await duplicates.add_keys(uow, facts)
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

    def _values(self, uow: UnitOfWork, customer_id: int, number: str, decision: Decision) -> dict[str, Any]:
        given, now = _typed(decision.values), uow.clock.now()
        values = {**_DEFAULTS, "custom": {}, **given}
        created = self._instant(given["created_at"]) if "created_at" in given else now
        values |= {
            "id": customer_id,
            "account_number": number,
            "created_at": min(created, now),
            "updated_at": now,
            "entered_by_id": given.get("entered_by_id", self._by.user_id),
            "version": 1,
            "record_state": RecordState.NEW.value,
        }
        values |= _sealed(uow, customer_id, given)
        parts = completeness.known(values, phone=bool(decision.row.phones))
        values["completeness"] = completeness.share(values["kind"], parts)
        return values

    def _instant(self, text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=self._zone)

    async def _update(
        self, uow: UnitOfWork, decisions: Sequence[Decision]
    ) -> dict[int, tuple[int, int, dict[str, Any]]]:
        """By row number: the customer, the version it has now, and what was there before."""
        ids = {one.target_id for one in decisions if one.target_id is not None}
        customers = await queries.customers_to_change(uow.session, ids)
        done: dict[int, tuple[Customer, dict[str, Any]]] = {}
        for decision in decisions:
            customer = customers.get(decision.target_id or 0)
            if customer is None:
                decision.verdict = Verdict.ERROR
                decision.reasons = [("", N_("The customer has gone meanwhile."), {})]
                continue
            before = await self._lay_in(uow, customer, decision)
            if not before:
                decision.verdict = Verdict.UNCHANGED
                continue
            done[decision.row.number] = (customer, before)
        await uow.session.flush()
        if done:
            await duplicates.renew(uow, sorted({customer.id for customer, _ in done.values()}))
        return {number: (customer.id, customer.version, before) for number, (customer, before) in done.items()}

    async def _lay_in(self, uow: UnitOfWork, customer: Customer, decision: Decision) -> dict[str, Any]:
        """Lays the row's values into the customer; gives what was there before, nothing when all was so already."""
        columns = {name: value for name, value in _typed(decision.values).items() if name not in _NOT_UPDATED}
        hidden: dict[str, str | None] = {name: columns.pop(name) for name in sealed.FIELDS if name in columns}
        if "custom" in columns:
            columns["custom"] = {**customer.custom, **columns["custom"]}
        if self._fill_only:
            columns = {name: value for name, value in columns.items() if getattr(customer, name) in (None, "", {})}
        old_hidden = _opened(uow, customer)
        old_owner = customer.owner_id
        changes = await record.store(uow, customer, record.Entered(columns, hidden))
        added = _add_phones(customer, decision.row.phones)
        if not changes and not added:
            return {}
        before: dict[str, Any] = {name: plain(old) for name, (old, _) in changes.items() if name not in hidden}
        before |= {name: old_hidden[name] for name in changes if name in hidden}
        if "owner_id" in changes:
            note_transfer(uow, self._import_id, customer, old_owner, self._by)
        derive(customer, changes.keys())
        customer.updated_at, customer.record_state = uow.clock.now(), RecordState.CHANGED
        flag_modified(customer, "updated_at")
        await record.measure(uow, customer)
        return {"fields": before, "phones": [phone.id for phone in added]}


def note_transfer(uow: UnitOfWork, import_id: int, customer: Customer, before: int | None, by: Actor) -> None:
    """The customer has another owner by this import: the history says so, and whoever reacts hears of it."""
    now, owner_id = uow.clock.now(), customer.owner_id
    uow.session.add(
        OwnerChange(
            id=new_id(),
            customer_id=customer.id,
            at=now,
            from_user_id=before,
            to_user_id=owner_id,
            by_user_id=by.user_id,
            reason="import",
            batch_id=import_id,
        )
    )
    uow.emit(
        CustomerTransferred(customer_id=customer.id, from_user_id=before, to_user_id=owner_id, by_user_id=by.user_id)
    )


async def keep_rows(uow: UnitOfWork, rows: Sequence[Mapping[str, Any]]) -> None:
    """Writes down what became of the rows."""
    await insert_rows(uow.session, _rows, _ROW, [[row[name] for name in _ROW] for row in rows])


def kept_row(
    uow: UnitOfWork,
    import_id: int,
    decision: Decision,
    made: Mapping[int, int],
    changed: Mapping[int, tuple[int, int, dict[str, Any]]],
) -> dict[str, Any]:
    """A row of the import: the cells of a failed one and what an update replaced lie in it under seal."""
    number, verdict = decision.row.number, decision.verdict
    customer_id, version, kept = decision.target_id, None, None
    if number in made:
        customer_id, version = made[number], 1
    elif number in changed:
        customer_id, version, kept = changed[number]
    elif verdict in (Verdict.ERROR, Verdict.DUPLICATE):
        kept = {"cells": decision.row.cells}
    reasons = [{"field": name, "sentence": text, "values": values} for name, text, values in decision.reasons]
    return {
        "import_id": import_id,
        "number": number,
        "verdict": verdict.value,
        "customer_id": customer_id,
        "score": None if decision.score is None else round(decision.score * 100),
        "reasons": reasons,
        "warned": bool(reasons) and verdict in (Verdict.CREATE, Verdict.UPDATE),
        "kept_sealed": None if kept is None else seal(uow, import_id, kept),
        "version": version,
        "undone": None,
    }


def seal(uow: UnitOfWork, import_id: int, kept: Mapping[str, Any]) -> bytes:
    return uow.keyring.seal(orjson.dumps(kept).decode(), f"{_KEPT}:{import_id}")


def unseal(ring: Any, import_id: int, kept: bytes) -> dict[str, Any]:
    return dict(orjson.loads(ring.open(kept, f"{_KEPT}:{import_id}")))


def derive(customer: Customer, changed: Any) -> None:
    """What follows from the name and the address."""
    if "name" in changed:
        customer.pinyin, customer.initials = pinyin_keys(customer.name)
    if _HOME.intersection(changed):
        customer.household_key = rules.household_key({name: getattr(customer, name) for name in _HOME})


def plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | bool | dict) else str(value)


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Texts from the worker as the values of the tables."""
    return {name: _TYPES[name](value) if name in _TYPES else value for name, value in values.items()}


def _phone_rows(customer_id: int, phones: Sequence[Any]) -> list[list[Any]]:
    return [
        [new_id(), customer_id, number, e164, backwards, kind, PhoneState.UNVERIFIED.value, position]
        for position, (number, e164, backwards, kind) in enumerate(phones)
    ]


def _add_phones(customer: Customer, phones: Sequence[Any]) -> list[Phone]:
    """The numbers that the customer does not have yet, behind those that he has."""
    known = {phone.reversed_digits for phone in customer.phones}
    added = [
        Phone(
            id=new_id(),
            number=number,
            e164=e164,
            reversed_digits=backwards,
            kind=PhoneKind(kind),
            state=PhoneState.UNVERIFIED,
            position=len(customer.phones) + place,
        )
        for place, (number, e164, backwards, kind) in enumerate(one for one in phones if one[2] not in known)
    ][: rules.MOST_PHONES - len(customer.phones)]
    customer.phones.extend(added)
    return added


def _sealed(uow: UnitOfWork, customer_id: int, given: Mapping[str, Any]) -> dict[str, Any]:
    """The sealed columns of a new customer."""
    ring, found = uow.keyring, dict[str, Any]()
    if "id_card" in given:
        found["id_card_sealed"] = ring.seal(given["id_card"], f"{sealed.ID_CARD}:{customer_id}")
        found["id_card_index"] = sealed.id_card_index(ring, given["id_card"])
    medical = {name: given[name] for name in sealed.MEDICAL if name in given}
    if medical:
        vessel = Customer(id=customer_id)
        sealed.set_medical(ring, vessel, medical)
        found |= {name: getattr(vessel, name) for name in ("medical_sealed", "contraindications_sealed")}
    return found


def _opened(uow: UnitOfWork, customer: Customer) -> dict[str, str | None]:
    ring = uow.keyring
    found: dict[str, str | None] = {"id_card": sealed.open_id_card(ring, customer.id, customer.id_card_sealed)}
    return found | sealed.open_medical(ring, customer.id, customer.medical_sealed, customer.contraindications_sealed)
