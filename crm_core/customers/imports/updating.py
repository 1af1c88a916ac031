"""Lays rows into the customers that they bring news of, and says what was there before."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy.orm.attributes import flag_modified

from crm_core.customers import record, rules, sealed
from crm_core.customers.classification import service as classification
from crm_core.customers.classification.kinds import IMPORTED
from crm_core.customers.duplicates import service as duplicates
from crm_core.customers.events import CustomerTransferred
from crm_core.customers.imports import queries
from crm_core.customers.imports.deciding import Decision
from crm_core.customers.imports.kinds import Verdict
from crm_core.customers.kinds import Calendar, CustomerKind, MaritalState, PhoneKind, PhoneState, RecordState, Sex
from crm_core.customers.models import Customer, OwnerChange, Phone
from crm_core.customers.pinyin import keys as pinyin_keys
from crm_core.customers.search import service as search
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.ids import new_id
from crm_core.kernel.texts import N_
from crm_core.organization.access import Actor

_TYPES: Final[Mapping[str, Callable[[str], Any]]] = {
    "kind": CustomerKind,
    "sex": Sex,
    "birth_calendar": Calendar,
    "marital_state": MaritalState,
    "collected_at": date.fromisoformat,
}
_HOME: Final = frozenset({"province", "city", "district", "community", "street"})
_DERIVED: Final = frozenset({"pinyin", "initials", "household_key"})
_NOT_UPDATED: Final = _DERIVED | {"account_number", "created_at", "entered_by_id"}


class Updater:
    """Updates customers in the name of one import; ``fill_only`` leaves alone what is there."""

    def __init__(self, import_id: int, by: Actor, *, fill_only: bool) -> None:
        self._import_id = import_id
        self._fill_only = fill_only
        self._by = by

    async def update(
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
        changed = {customer.id: customer for customer, _ in done.values()}
        await record.measure_many(uow, changed.values())
        await uow.session.flush()
        if changed:
            await duplicates.renew(uow, sorted(changed))
            await search.index_ids(uow, sorted(changed))
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
        if self._fill_only:
            hidden = {name: text for name, text in hidden.items() if not old_hidden[name]}
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
        changes["record_state"] = (customer.record_state, RecordState.CHANGED)
        classification.record_changes(uow, customer.id, changes, IMPORTED, self._by)
        customer.updated_at, customer.record_state = uow.clock.now(), RecordState.CHANGED
        flag_modified(customer, "updated_at")
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


def _opened(uow: UnitOfWork, customer: Customer) -> dict[str, str | None]:
    ring = uow.keyring
    found: dict[str, str | None] = {"id_card": sealed.open_id_card(ring, customer.id, customer.id_card_sealed)}
    return found | sealed.open_medical(ring, customer.id, customer.medical_sealed, customer.contraindications_sealed)
