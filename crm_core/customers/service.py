"""Changes to customers: who did it is always said, numbers are normalised, account numbers are never given twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.orm.exc import StaleDataError

from crm_core.audit import service as audit
from crm_core.customers import changes as history
from crm_core.customers import queries, record, rules, sealed
from crm_core.customers.account_numbers import claim_account_number, take_account_numbers
from crm_core.customers.allocation import queries as allocation_queries
from crm_core.customers.allocation import service as allocation
from crm_core.customers.classification import service as classification
from crm_core.customers.duplicates import queries as duplicates_queries
from crm_core.customers.duplicates import rules as duplicate_rules
from crm_core.customers.duplicates import service as duplicates
from crm_core.customers.duplicates.queries import Probe
from crm_core.customers.events import CustomerChanged, CustomerCreated
from crm_core.customers.kinds import Calendar, RecordState
from crm_core.customers.models import AccountNumber, Customer, CustomerNote
from crm_core.customers.phones import new_phones, numbers_changed, replace_phones
from crm_core.customers.pinyin import keys
from crm_core.customers.rules import PhoneInput
from crm_core.customers.search import service as search
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.errors import Conflict, Denied, Rejected
from crm_core.kernel.ids import new_id
from crm_core.kernel.phone import normalise
from crm_core.organization import queries as organization_queries
from crm_core.organization.access import Action, Actor

_ADDRESS = frozenset({"province", "city", "district", "community", "street"})


async def create(
    uow: UnitOfWork,
    fields: Mapping[str, Any],
    phones: Sequence[PhoneInput] = (),
    *,
    by: Actor,
    area_code: str = "",
    account_number: str | None = None,
    accept_duplicate: bool = False,
) -> Customer:
    """A new customer. ``fields`` are ``rules.WRITABLE``; ``account_number`` only for those who bring one along.

    Raises Rejected with the wrong fields, Conflict ``possible_duplicate`` or ``account_number_taken``.
    """
    by.require(Action.CUSTOMER_WRITE)
    if account_number is not None:
        by.require(Action.CUSTOMER_IMPORT)  # brought from another system, as an import brings many
    if accept_duplicate:
        by.require(Action.CUSTOMER_ACCEPT_DUPLICATE)
    now = uow.clock.now()
    entered = await record.checked(uow, fields, None, now.date(), by=by)
    values = entered.columns
    if by.may(Action.CALL_DIAL) and not by.may(Action.CUSTOMER_ASSIGN):
        values.setdefault("owner_id", by.user_id)  # who works with customers works with those he enters
    numbers = new_phones(phones, area_code)
    if not accept_duplicate:
        await _refuse_duplicate(uow, entered, phones, area_code, by)
    await _set_owner_fields(uow, values, by, Action.CUSTOMER_WRITE)
    if values.get("owner_id") is not None:
        await allocation.check_first_owner(uow, values["owner_id"], by)
    entered.sealed = {name: text for name, text in entered.sealed.items() if text}
    record.refuse_without_medical_right(entered, by, values.get("owner_id"), values["department_id"])
    account_number = await _account_number(uow, account_number)
    customer = Customer(
        id=new_id(), account_number=account_number, created_at=now, updated_at=now, entered_by_id=by.user_id, **values
    )
    customer.phones = numbers
    await _add(uow, customer, entered)
    audit.record(uow, by, "customer.create", "customer", customer.id, {"account_number": account_number})
    uow.emit(CustomerCreated(customer_id=customer.id, by_user_id=by.user_id))
    numbers_changed(uow, customer, ())
    await _keep_up(uow, customer, {name: (None, value) for name, value in values.items()}, by)
    return customer


async def _account_number(uow: UnitOfWork, brought: str | None) -> str:
    """The next one, or the one that came along. Raises Conflict when it was ever given."""
    if brought is None:
        (number,) = await take_account_numbers(uow, 1)
        return number
    return await claim_account_number(uow, brought)


async def _add(uow: UnitOfWork, customer: Customer, entered: record.Entered) -> None:
    _derive(customer)
    record.prepare(uow, customer, entered)
    uow.session.add(customer)
    await uow.session.flush()
    number = await uow.session.get_one(AccountNumber, customer.account_number)
    number.customer_id = customer.id
    record.store_details(uow, customer, entered)


async def update(
    uow: UnitOfWork,
    customer_id: int,
    fields: Mapping[str, Any],
    *,
    by: Actor,
    phones: Sequence[PhoneInput] | None = None,
    version: int | None = None,
    area_code: str = "",
    reason: str = "",
) -> Customer:
    """Changes what is given and nothing else; ``version`` is the one the user saw, ``reason`` goes with a new owner.

    Raises Conflict ``stale`` when somebody else has changed it since, NotFound, Rejected.
    """
    if fields.get("owner_id") is not None:
        # People before customers, as every transfer locks them: two that cross then never wait for each other.
        await allocation_queries.lock_people(uow.session, [fields["owner_id"]])
    customer = await queries.customer_to_change(uow.session, by, customer_id, Action.CUSTOMER_WRITE)
    if version is not None and version != customer.version:
        raise _stale()
    entered = await record.checked(uow, fields, customer, uow.clock.now().date(), by=by)
    record.refuse_without_medical_right(entered, by, customer.owner_id, customer.department_id)
    moved = await _change_reach(uow, customer, entered.columns, by, reason)
    changes = await record.store(uow, customer, entered)
    if changes:
        _derive(customer, changes)
    if phones is not None and replace_phones(uow, customer, phones, area_code, by):
        changes["phones"] = (None, None)
    if changes:
        await _changed(uow, customer, changes, by, RecordState.ALLOCATED if moved else RecordState.CHANGED)
    return customer


async def verify(uow: UnitOfWork, customer_id: int, *, by: Actor) -> Customer:
    """Somebody has asked the customer: all of this is still right today."""
    customer = await queries.customer_to_change(uow.session, by, customer_id, Action.CUSTOMER_WRITE)
    customer.verified_at, customer.verified_by_id = uow.clock.now(), by.user_id
    audit.record(uow, by, "customer.verify", "customer", customer.id)
    history.verified(uow, customer.id, by_id=by.user_id)
    await _flushed(uow)
    return customer


async def add_phone(
    uow: UnitOfWork, customer_id: int, phone: PhoneInput, *, by: Actor, area_code: str = ""
) -> Customer:
    """One more number; one that is there already only changes its kind, state or place."""
    customer = await queries.customer_to_change(uow.session, by, customer_id, Action.CUSTOMER_WRITE)
    kept = [PhoneInput(p.number, p.kind, state=p.state) for p in customer.phones]
    given = normalise(phone.number, area_code)
    kept = [k for k, p in zip(kept, customer.phones, strict=True) if p.reversed_digits != given.reversed_digits]
    if replace_phones(uow, customer, [phone, *kept] if phone.primary else [*kept, phone], area_code, by):
        await _changed(uow, customer, {"phones": (None, None)}, by)
    return customer


async def add_note(uow: UnitOfWork, customer_id: int, text: str, *, by: Actor) -> CustomerNote:
    """A remark with its author and time. Who may read the customer may add one."""
    customer = await queries.customer_to_change(uow.session, by, customer_id, Action.CUSTOMER_READ)
    note = CustomerNote(
        id=new_id(), customer_id=customer.id, at=uow.clock.now(), author_id=by.user_id, text=checked_note(text)
    )
    uow.session.add(note)
    audit.record(uow, by, "customer.note", "customer", customer.id)
    return note


def checked_note(text: str) -> str:
    """Raises Rejected for an empty or an endless one."""
    plain = rules.clean(text)
    if not plain:
        raise Rejected("note_empty", "The note is empty.", errors={"text": "must not be empty"})
    if len(plain) > rules.NOTE_LIMIT:
        raise Rejected(
            "note_too_long", f"A note has at most {rules.NOTE_LIMIT} characters.", errors={"text": "too long"}
        )
    return plain


async def transfer(uow: UnitOfWork, customer_id: int, *, to_user_id: int | None, reason: str, by: Actor) -> Customer:
    """Gives the customer to somebody else, with reason and history; an agent cannot."""
    return await update(uow, customer_id, {"owner_id": to_user_id}, by=by, reason=reason)


async def reveal_phones(uow: UnitOfWork, customer_id: int, *, reason: str, by: Actor) -> list[str]:
    """The full numbers for one who sees them masked; the audit keeps who, when and why."""
    customer = await queries.customer_to_change(uow.session, by, customer_id, Action.CUSTOMER_REVEAL)
    audit.record(uow, by, "customer.reveal_phones", "customer", customer.id, {"reason": checked_reason(reason)})
    return [phone.number for phone in customer.phones]


async def reveal_id_card(uow: UnitOfWork, customer_id: int, *, reason: str, by: Actor) -> list[str]:
    """The whole number of the ID card, if it is known; the audit keeps who, when and why."""
    customer = await queries.customer_to_change(uow.session, by, customer_id, Action.CUSTOMER_REVEAL)
    audit.record(uow, by, "customer.reveal_id_card", "customer", customer.id, {"reason": checked_reason(reason)})
    number = sealed.open_id_card(uow.keyring, customer.id, customer.id_card_sealed)
    return [] if number is None else [number]


def checked_reason(reason: str) -> str:
    """Why somebody needs a whole number. Raises Rejected for none."""
    plain = rules.clean(reason)
    if not plain:
        raise Rejected("reason_missing", "Say why you need the full number.", errors={"reason": "must not be empty"})
    return plain[:500]


async def _refuse_duplicate(
    uow: UnitOfWork, entered: record.Entered, phones: Sequence[PhoneInput], area_code: str, by: Actor
) -> None:
    """Raises Conflict ``possible_duplicate`` that names who is stored already, best first."""
    values = entered.columns
    probe = Probe(
        name=values["name"],
        phones=[phone.number for phone in phones],
        id_card_index=sealed.id_card_index(uow.keyring, entered.card.number18) if entered.card else None,
        birthday=(values.get("birth_year"), values.get("birth_month"), values.get("birth_day")),
        calendar=values.get("birth_calendar") or Calendar.SOLAR,
        leap=values.get("birth_leap", False),
        sex=values.get("sex"),
        kind=values["kind"],
        address={name: values.get(name) for name in ("province", "city", "street")},
        area_code=area_code,
    )
    found = await duplicates_queries.candidates(uow.session, by, probe, least=duplicate_rules.LIKELY)
    if found:
        raise Conflict(
            "possible_duplicate",
            f"{values['name']} seems to be stored already.",
            extra={
                "candidates": [
                    {
                        "customer_id": one.customer_id if one.reachable else None,
                        "name": one.name if one.reachable else None,
                        "ask": None
                        if one.ask is None
                        else {"person": one.ask.person, "department": one.ask.department},
                        "score": one.score,
                        "reasons": [str(reason) for reason in one.reasons],
                    }
                    for one in found
                ]
            },
        )


async def _keep_up(uow: UnitOfWork, customer: Customer, changes: Mapping[str, tuple[Any, Any]], by: Actor) -> None:
    """What follows from each change: the history of classifications, the keys of likeness, the search index."""
    classification.record_changes(uow, customer.id, changes, by=by)
    await duplicates.keys_changed(uow, customer)
    await search.index(uow, [customer])


async def _set_owner_fields(uow: UnitOfWork, values: dict[str, Any], by: Actor, right: Action) -> None:
    """Owner and department fit together and are within the reach of who says so."""
    owner_id = values.get("owner_id")
    if owner_id is not None:
        owner = await organization_queries.user_by_id(uow.session, owner_id)
        values["department_id"] = owner.department_id
    else:
        values.setdefault("department_id", by.department_id)
    if not by.reaches(right, owner_id=owner_id, department_id=values["department_id"]):
        raise Denied("owner_out_of_reach", "You may not give customers to this person.")


async def _change_reach(uow: UnitOfWork, customer: Customer, columns: dict[str, Any], by: Actor, reason: str) -> bool:
    """A new owner, department or centre: only by who may give customers away. Whether the owner is another now."""
    changed = {
        name: columns.pop(name)
        for name in ("owner_id", "department_id", *sorted(rules.CENTRES))
        if name in columns and columns[name] != getattr(customer, name)
    }
    if not changed:
        return False
    by.require(Action.CUSTOMER_ASSIGN)
    moved = "owner_id" in changed
    if moved:
        owner_id = changed.pop("owner_id")
        await allocation.change_owner(uow, customer.id, owner_id, reason, by=by, owner_seen=customer.owner_id)
        await uow.session.refresh(customer, [column.key for column in Customer.__mapper__.column_attrs])
    if customer.owner_id is not None:
        changed.pop("department_id", None)  # a customer is where his owner is
    elif "department_id" in changed:
        await _set_owner_fields(uow, changed | {"owner_id": None}, by, Action.CUSTOMER_ASSIGN)
    columns |= changed
    return moved


def _derive(customer: Customer, changed: Iterable[str] = ("name", *_ADDRESS)) -> None:
    if "name" in changed:
        customer.pinyin, customer.initials = keys(customer.name)
    if _ADDRESS.intersection(changed):
        customer.household_key = rules.household_key({name: getattr(customer, name) for name in _ADDRESS})


async def _changed(
    uow: UnitOfWork,
    customer: Customer,
    changes: Mapping[str, tuple[Any, Any]],
    by: Actor,
    state: RecordState = RecordState.CHANGED,
) -> None:
    customer.updated_at = uow.clock.now()
    flag_modified(customer, "updated_at")  # the version rises, also for a mere change of numbers
    record_state, customer.record_state = (customer.record_state, state), state
    await record.measure(uow, customer)
    await _flushed(uow)
    shown = {name: pair for name, pair in changes.items() if name != "phones" and name not in sealed.FIELDS}
    old = {name: _plain(before) for name, (before, _after) in shown.items()}
    new = {name: _plain(after) for name, (_before, after) in shown.items()}
    audit.record(
        uow, by, "customer.update", "customer", customer.id, {"fields": sorted(changes), "old": old, "new": new}
    )
    history.edited(uow, customer.id, changes, by_id=by.user_id)
    uow.emit(CustomerChanged(customer_id=customer.id, by_user_id=by.user_id, fields=sorted(changes)))
    await _keep_up(uow, customer, {**changes, "record_state": record_state}, by)


async def _flushed(uow: UnitOfWork) -> None:
    try:
        await uow.session.flush()
    except StaleDataError:
        raise _stale() from None


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | bool | dict) else str(value)


def _stale() -> Conflict:
    return Conflict("stale", "Somebody else has changed this customer meanwhile; read it again and repeat the change.")
