"""One customer's record put together: what was entered is checked, sealed, laid into its tables and measured."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from crm_core.customers import addresses, completeness, details, identity, parts_queries, queries, rules, sealed
from crm_core.customers.custom import service as custom
from crm_core.customers.detail_models import OrganizationContact
from crm_core.customers.kinds import CustomerKind
from crm_core.customers.models import Customer
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.errors import Conflict, Denied, NotFound, Rejected
from crm_core.kernel.id_card import IdCard
from crm_core.organization.access import Action, Actor, Mask


@dataclass(slots=True)
class Entered:
    """What was given, by where it is kept; ``card`` is the ID card that was read from it."""

    columns: dict[str, Any]
    sealed: dict[str, str | None]
    details: dict[str, Any] = field(default_factory=dict)
    card: IdCard | None = None


async def checked(
    uow: UnitOfWork, fields: Mapping[str, Any], customer: Customer | None, today: date, *, by: Actor
) -> Entered:
    """``fields`` are ``rules.WRITABLE`` and ``details``. Raises Rejected with the wrong fields, Conflict for an ID card
    that another customer has.
    """
    plain = {name: value for name, value in fields.items() if name != "details"}
    values = rules.checked(plain, new=customer is None)
    if customer is None or "custom" in values:
        before = None if customer is None else customer.custom
        values["custom"] = await custom.checked(uow.session, values.get("custom", {}), before=before)
    entered = Entered({name: value for name, value in values.items() if name not in sealed.FIELDS}, {})
    entered.sealed = {name: value for name, value in values.items() if name in sealed.FIELDS}
    kind: CustomerKind | None = entered.columns.get("kind")
    if customer is None:
        kind = entered.columns.setdefault("kind", CustomerKind.PERSON)
    elif kind is None:
        kind = customer.kind
    if fields.get("details"):
        entered.details = details.checked(kind, fields["details"])
    errors = _identity(uow, entered, customer, kind, today, by) | _address(entered, customer)
    errors |= await _referral(uow, entered, customer, by)
    if errors:
        raise Rejected("customer_invalid", f"Please correct: {', '.join(sorted(errors))}.", errors=errors)
    if entered.card is not None:
        await _refuse_taken(uow, entered.card, customer)
    return entered


def _address(entered: Entered, customer: Customer | None) -> dict[str, str]:
    """What is wrong with the address; what follows from its parts is added."""
    before = {name: getattr(customer, name, None) for name in (*addresses.UPPER, "street")}
    nothing: dict[str, Any] = dict.fromkeys(before) if customer is None else {}
    found, errors = addresses.completed(nothing | entered.columns, before)
    entered.columns |= found
    return errors


async def _referral(uow: UnitOfWork, entered: Entered, customer: Customer | None, by: Actor) -> dict[str, str]:
    """Only somebody whom the asker can see is newly named as the one who recommended us."""
    given = entered.columns.get("referred_by_id")
    if given is None or (customer is not None and given == customer.referred_by_id):
        return {}
    try:
        found = entered.columns["referred_by_id"] = await queries.reachable(uow.session, by, given)
    except NotFound:
        return {"referred_by_id": "there is no such customer"}
    return {} if customer is None or found != customer.id else {"referred_by_id": "is the customer himself"}


def _identity(
    uow: UnitOfWork, entered: Entered, customer: Customer | None, kind: CustomerKind, today: date, by: Actor
) -> dict[str, str]:
    """What is wrong with birthday and ID card, alone and together; what follows from the card is added."""
    errors = {}
    known = {name: getattr(customer, name, None) for name in ("sex", *identity.PARTS)} | entered.columns
    touched = entered.columns.keys() & {"sex", *identity.PARTS}
    if touched and (wrong := identity.birthday_error(known, today)) is not None:
        errors["birthday"] = wrong
    card = None
    if "id_card" in entered.sealed:
        try:
            card = entered.card = _card(uow, entered, customer, kind, by)
        except ValueError as error:
            errors["id_card"] = str(error)
    elif touched and customer is not None and customer.id_card_sealed is not None:
        card = identity.read_id_card(_stored_card(uow, customer) or "")
    if card is not None and not errors:
        errors |= identity.contradictions(card, known)
        entered.columns |= identity.derived(card, known)
    return errors


def _card(uow: UnitOfWork, entered: Entered, customer: Customer | None, kind: CustomerKind, by: Actor) -> IdCard | None:
    """The card that was entered. One that is sent back as it was shown changes nothing. Raises ValueError."""
    text = entered.sealed["id_card"]
    if text is None:
        return None
    stored = None if customer is None else _stored_card(uow, customer)
    if stored is not None and by.masks(Mask.ID_CARD) and text == sealed.masked_id_card(stored):
        del entered.sealed["id_card"]
        return None
    if kind is CustomerKind.ORGANIZATION:
        raise ValueError("an organisation has no ID card")
    card = identity.read_id_card(text)
    entered.sealed["id_card"] = card.number18
    return card


def _stored_card(uow: UnitOfWork, customer: Customer) -> str | None:
    return sealed.open_id_card(uow.keyring, customer.id, customer.id_card_sealed)


async def _refuse_taken(uow: UnitOfWork, card: IdCard, customer: Customer | None) -> None:
    other = await queries.with_id_card(uow.session, sealed.id_card_index(uow.keyring, card.number18))
    if other is not None and (customer is None or other != customer.id):
        raise Conflict(
            "id_card_taken",
            "Another customer has this ID card: find and open that record instead of entering a second one.",
            errors={"id_card": "another customer has it"},
        )


def refuse_without_medical_right(entered: Entered, by: Actor, owner_id: int | None, department_id: int | None) -> None:
    """Raises Denied when medical fields are given by somebody who may not write them."""
    given = [name for name in sealed.MEDICAL if name in entered.sealed]
    if given and not by.reaches(Action.CUSTOMER_MEDICAL_WRITE, owner_id=owner_id, department_id=department_id):
        raise Denied("medical_denied", "Your role may not change medical data.")


async def store(uow: UnitOfWork, customer: Customer, entered: Entered) -> dict[str, tuple[Any, Any]]:
    """Lays the checked fields into the stored customer; answers old and new by name, never the sealed values."""
    changes: dict[str, tuple[Any, Any]] = {}
    for name, value in entered.columns.items():
        if (old := getattr(customer, name)) != value:
            changes[name] = (old, value)
            setattr(customer, name, value)
    changes |= _seal(uow, customer, entered)
    if entered.details:
        changes |= await _store_details(uow, customer, entered.details)
    return changes


def _seal(uow: UnitOfWork, customer: Customer, entered: Entered) -> dict[str, tuple[Any, Any]]:
    ring, changed = uow.keyring, dict(entered.sealed)
    old: dict[str, str | None] = {"id_card": _stored_card(uow, customer)} if "id_card" in changed else {}
    if changed.keys() - {"id_card"}:
        old |= sealed.open_medical(ring, customer.id, customer.medical_sealed, customer.contraindications_sealed)
    changed = {name: text for name, text in changed.items() if old[name] != text}
    if "id_card" in changed:
        sealed.set_id_card(ring, customer, changed["id_card"])
    sealed.set_medical(ring, customer, {name: text for name, text in changed.items() if name != "id_card"})
    return dict.fromkeys(changed, (None, None))


async def _store_details(uow: UnitOfWork, customer: Customer, given: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    table = details.TABLES[customer.kind]
    with uow.session.no_autoflush:
        row = await uow.session.get(table, customer.id)
    if row is None:
        row = table(customer_id=customer.id)
        uow.session.add(row)
    changes = {}
    for name, value in given.items():
        if (old := getattr(row, name)) != value:
            changes[f"details.{name}"] = (old, value)
            setattr(row, name, value)
    return changes


def prepare(uow: UnitOfWork, customer: Customer, entered: Entered) -> None:
    """Seals and measures a customer that is not stored yet: all of it is written with the first statement."""
    _seal(uow, customer, entered)
    _measure(customer, entered.details, contacts=False)


def store_details(uow: UnitOfWork, customer: Customer, entered: Entered) -> None:
    """The details of a customer that has just been stored."""
    if any(value is not None for value in entered.details.values()):
        uow.session.add(details.TABLES[customer.kind](customer_id=customer.id, **entered.details))


async def measure(uow: UnitOfWork, customer: Customer) -> None:
    """Writes down anew how complete the record is."""
    contacts = 0
    with uow.session.no_autoflush:  # one change of the customer is one rise of the version
        known = await queries.details_of(uow.session, customer.id, customer.kind)
        if customer.kind is CustomerKind.ORGANIZATION:
            contacts = await parts_queries.count(uow.session, OrganizationContact, customer.id)
    _measure(customer, known, contacts=contacts > 0)


async def measure_many(uow: UnitOfWork, customers: Collection[Customer]) -> None:
    """The same for many, in three statements."""
    known: dict[int, dict[str, Any]] = {}
    with uow.session.no_autoflush:
        for kind in CustomerKind:
            ids = [one.id for one in customers if one.kind is kind]
            known |= await parts_queries.details_of_many(uow.session, ids, kind)
        organizations = [one.id for one in customers if one.kind is CustomerKind.ORGANIZATION]
        reachable = await parts_queries.with_contacts(uow.session, organizations)
    for one in customers:
        _measure(one, known.get(one.id, {}), contacts=one.id in reachable)


def _measure(customer: Customer, known: Mapping[str, Any], *, contacts: bool) -> None:
    values = {column.name: getattr(customer, column.name) for column in Customer.__table__.columns} | dict(known)
    parts = completeness.known(values, phone=bool(customer.phones), contacts=contacts)
    customer.completeness = completeness.share(customer.kind, parts)
