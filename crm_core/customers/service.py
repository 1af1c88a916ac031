"""Changes to customers: who did it is always said, numbers are normalised, account numbers are never given twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.orm.exc import StaleDataError

from crm_core.audit import service as audit
from crm_core.customers import queries, rules
from crm_core.customers.account_numbers import claim_account_number, take_account_numbers
from crm_core.customers.events import CustomerChanged, CustomerCreated, CustomerTransferred, PhonesChanged
from crm_core.customers.kinds import PhoneState
from crm_core.customers.models import AccountNumber, Customer, CustomerNote, FamilyMember, OwnerChange, Phone
from crm_core.customers.pinyin import keys
from crm_core.customers.queries import masked_number
from crm_core.customers.rules import PhoneInput
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.errors import Conflict, Denied, Rejected
from crm_core.kernel.ids import new_id
from crm_core.kernel.phone import normalise
from crm_core.organization import queries as organization_queries
from crm_core.organization.access import Action, Actor, Mask

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
    values = rules.checked(fields, new=True)
    if by.may(Action.CALL_DIAL) and not by.may(Action.CUSTOMER_ASSIGN):
        values.setdefault("owner_id", by.user_id)  # who works with customers works with those he enters
    numbers = _phones(phones, area_code)
    if not accept_duplicate:
        await _refuse_duplicate(uow, values["name"], numbers)
    await _set_owner_fields(uow, values, by, Action.CUSTOMER_WRITE)
    now = uow.clock.now()
    if account_number is None:
        (account_number,) = await take_account_numbers(uow, 1)
    else:
        await claim_account_number(uow, account_number)
    customer = Customer(
        id=new_id(), account_number=account_number, created_at=now, updated_at=now, entered_by_id=by.user_id, **values
    )
    _derive(customer)
    customer.phones = numbers
    uow.session.add(customer)
    await uow.session.flush()
    number = await uow.session.get_one(AccountNumber, account_number)
    number.customer_id = customer.id
    audit.record(uow, by, "customer.create", "customer", customer.id, {"account_number": account_number})
    uow.emit(CustomerCreated(customer_id=customer.id, by_user_id=by.user_id))
    _numbers_changed(uow, customer, ())
    return customer


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
    customer = await queries.customer_to_change(uow.session, by, customer_id, Action.CUSTOMER_WRITE)
    if version is not None and version != customer.version:
        raise _stale()
    values = rules.checked(fields, new=False)
    before = {name: getattr(customer, name) for name in values}
    changed = {name: value for name, value in values.items() if value != before[name]}
    if "owner_id" in changed or "department_id" in changed:
        await _change_owner(uow, customer, changed, by, reason)
    for name, value in changed.items():
        setattr(customer, name, value)
    if changed:
        _derive(customer, changed)
    if phones is not None and _replace_phones(uow, customer, phones, area_code, by):
        changed["phones"] = None
    if changed:
        await _changed(uow, customer, {name: before.get(name) for name in changed}, by)
    return customer


async def add_phone(
    uow: UnitOfWork, customer_id: int, phone: PhoneInput, *, by: Actor, area_code: str = ""
) -> Customer:
    """One more number; one that is there already only changes its kind, state or place."""
    customer = await queries.customer_to_change(uow.session, by, customer_id, Action.CUSTOMER_WRITE)
    kept = [PhoneInput(p.number, p.kind, state=p.state) for p in customer.phones]
    given = normalise(phone.number, area_code)
    kept = [k for k, p in zip(kept, customer.phones, strict=True) if p.reversed_digits != given.reversed_digits]
    if _replace_phones(uow, customer, [phone, *kept] if phone.primary else [*kept, phone], area_code, by):
        await _changed(uow, customer, {"phones": None}, by)
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


def checked_reason(reason: str) -> str:
    """Why somebody needs a whole number. Raises Rejected for none."""
    plain = rules.clean(reason)
    if not plain:
        raise Rejected("reason_missing", "Say why you need the full number.", errors={"reason": "must not be empty"})
    return plain[:500]


async def add_family_member(
    uow: UnitOfWork, customer_id: int, *, name: str, relation: str, by: Actor, birth_year: int | None = None
) -> FamilyMember:
    """Raises NotFound when the customer is out of reach, Rejected without name or relation, or for an odd year."""
    customer = await queries.customer_to_change(uow.session, by, customer_id, Action.CUSTOMER_WRITE)
    plain = {"name": rules.clean(name), "relation": rules.clean(relation)}
    errors = {field: "must not be empty" for field, text in plain.items() if not text}
    errors |= {field: "too long" for field, most in (("name", 120), ("relation", 40)) if len(plain[field]) > most}
    if birth_year is not None and not 1880 <= birth_year <= uow.clock.now().year:
        errors["birth_year"] = "no year of birth"
    if errors:
        raise Rejected("family_invalid", "A relative needs a name and a relation.", errors=errors)
    member = FamilyMember(id=new_id(), customer_id=customer.id, birth_year=birth_year, **plain)
    uow.session.add(member)
    audit.record(uow, by, "customer.family_added", "customer", customer.id, {"relation": plain["relation"]})
    return member


async def _refuse_duplicate(uow: UnitOfWork, name: str, phones: Iterable[Phone]) -> None:
    numbers = [phone.e164 for phone in phones if phone.e164]
    found = await queries.same_person(uow.session, name, numbers) if numbers else []
    if found:
        raise Conflict(
            "possible_duplicate",
            f"{name} is stored already with this number ({found[0].account_number}).",
            extra={
                "candidates": [{"customer_id": row.id, "score": 0.95, "reasons": ["phone", "name"]} for row in found]
            },
        )


def _phones(given: Sequence[PhoneInput], area_code: str) -> list[Phone]:
    """Normalised, each number once, the primary first. Raises Rejected that names the wrong ones."""
    if len(given) > rules.MOST_PHONES:
        raise Rejected("too_many_phones", f"A customer has at most {rules.MOST_PHONES} numbers.")
    errors: dict[str, str] = {}
    found: dict[str, Phone] = {}
    ordered = sorted(enumerate(given), key=lambda pair: not pair[1].primary)
    for index, phone in ordered:
        try:
            number = normalise(phone.number, area_code)
        except Rejected as error:
            errors[f"phones.{index}.number"] = error.detail
            continue
        found.setdefault(
            number.reversed_digits,
            Phone(
                id=new_id(),
                number=rules.clean(phone.number)[:40],
                e164=number.e164,
                reversed_digits=number.reversed_digits,
                kind=rules.phone_kind(phone.kind, number),
                state=phone.state or PhoneState.UNVERIFIED,
            ),
        )
    if errors:
        raise Rejected("phone_invalid", next(iter(errors.values())), errors=errors)
    for position, one in enumerate(found.values()):
        one.position = position
    return list(found.values())


def _replace_phones(
    uow: UnitOfWork, customer: Customer, given: Sequence[PhoneInput], area_code: str, by: Actor
) -> bool:
    """Whether anything changed; what was there keeps its id, and its state unless a new one is given."""
    old = {phone.reversed_digits: phone for phone in customer.phones}
    before = [(p.reversed_digits, p.kind, p.state) for p in customer.phones]
    given = [_unmasked(phone, customer, by) for phone in given]
    states = {normalise(p.number, area_code).reversed_digits: p.state for p in given if p.state is not None}
    numbers = []
    for new in _phones(given, area_code):
        kept = old.get(new.reversed_digits)
        if kept is not None:
            kept.kind, kept.position = new.kind, new.position
            kept.state = states.get(new.reversed_digits, kept.state)
        numbers.append(kept or new)
    if [(p.reversed_digits, p.kind, p.state) for p in numbers] == before:
        return False
    gone = [phone.e164 for phone in customer.phones if phone not in numbers]
    customer.phones = numbers
    _numbers_changed(uow, customer, [e164 for e164 in gone if e164])
    return True


def _unmasked(phone: PhoneInput, customer: Customer, by: Actor) -> PhoneInput:
    """Who sees 138****8000 sends it back so: it stands for the one number that looks like it."""
    if "*" not in phone.number or not by.masks(Mask.PHONE):
        return phone
    same = [p for p in customer.phones if masked_number(p.number, p.e164) == phone.number]
    if len(same) != 1:
        raise Rejected("phone_masked", "A masked number cannot be changed; type the whole number.")
    return PhoneInput(same[0].number, phone.kind or same[0].kind, phone.primary, phone.state)


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


async def _change_owner(uow: UnitOfWork, customer: Customer, changed: dict[str, Any], by: Actor, reason: str) -> None:
    by.require(Action.CUSTOMER_ASSIGN)
    values = {"owner_id": changed.get("owner_id", customer.owner_id)}
    if values["owner_id"] is None:
        values["department_id"] = changed.get("department_id", customer.department_id)
    await _set_owner_fields(uow, values, by, Action.CUSTOMER_ASSIGN)
    changed.update(values)
    if values["owner_id"] == customer.owner_id:
        return
    uow.session.add(
        OwnerChange(
            id=new_id(),
            customer_id=customer.id,
            at=uow.clock.now(),
            from_user_id=customer.owner_id,
            to_user_id=values["owner_id"],
            by_user_id=by.user_id,
            reason=rules.clean(reason),
        )
    )
    uow.emit(
        CustomerTransferred(
            customer_id=customer.id,
            from_user_id=customer.owner_id,
            to_user_id=values["owner_id"],
            by_user_id=by.user_id,
        )
    )


def _derive(customer: Customer, changed: Iterable[str] = ("name", *_ADDRESS)) -> None:
    if "name" in changed:
        customer.pinyin, customer.initials = keys(customer.name)
    if _ADDRESS.intersection(changed):
        customer.household_key = rules.household_key({name: getattr(customer, name) for name in _ADDRESS})


async def _changed(uow: UnitOfWork, customer: Customer, before: Mapping[str, Any], by: Actor) -> None:
    customer.updated_at = uow.clock.now()
    flag_modified(customer, "updated_at")  # the version rises, also for a mere change of numbers
    try:
        await uow.session.flush()
    except StaleDataError:
        raise _stale() from None
    old = {name: _plain(value) for name, value in before.items() if name != "phones"}
    new = {name: _plain(getattr(customer, name)) for name in old}
    audit.record(
        uow, by, "customer.update", "customer", customer.id, {"fields": sorted(before), "old": old, "new": new}
    )
    uow.emit(CustomerChanged(customer_id=customer.id, by_user_id=by.user_id, fields=sorted(before)))


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | bool | dict) else str(value)


def _stale() -> Conflict:
    return Conflict("stale", "Somebody else has changed this customer meanwhile; read it again and repeat the change.")


def _numbers_changed(uow: UnitOfWork, customer: Customer, gone: Iterable[str]) -> None:
    numbers = sorted({*gone, *(phone.e164 for phone in customer.phones if phone.e164)})
    if numbers:
        uow.emit(PhonesChanged(customer_id=customer.id, e164=numbers))
