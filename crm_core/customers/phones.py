"""A customer's numbers: normalised, each once, and what the tries to reach them say of their health."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from crm_core.customers import changes, queries, rules
from crm_core.customers.events import PhonesChanged
from crm_core.customers.kinds import PhoneState
from crm_core.customers.models import Customer, Phone
from crm_core.customers.queries import masked_number
from crm_core.customers.rules import PhoneInput
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.errors import Rejected
from crm_core.kernel.ids import new_id
from crm_core.kernel.phone import normalise
from crm_core.organization.access import Actor, Mask


def new_phones(given: Sequence[PhoneInput], area_code: str) -> list[Phone]:
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


def replace_phones(uow: UnitOfWork, customer: Customer, given: Sequence[PhoneInput], area_code: str, by: Actor) -> bool:
    """Whether anything changed; what was there keeps its id, and its state unless a new one is given."""
    old = {phone.reversed_digits: phone for phone in customer.phones}
    before = [(p.reversed_digits, p.kind, p.state) for p in customer.phones]
    given = [_unmasked(phone, customer, by) for phone in given]
    wanted = new_phones(given, area_code)
    states = {normalise(p.number, area_code).reversed_digits: p.state for p in given if p.state is not None}
    numbers = []
    for new in wanted:
        kept = old.get(new.reversed_digits)
        if kept is not None:
            kept.kind, kept.position = new.kind, new.position
            kept.state = states.get(new.reversed_digits, kept.state)
        numbers.append(kept or new)
    if [(p.reversed_digits, p.kind, p.state) for p in numbers] == before:
        return False
    gone = [phone.e164 for phone in customer.phones if phone not in numbers]
    customer.phones = numbers
    numbers_changed(uow, customer, [e164 for e164 in gone if e164])
    return True


def _unmasked(phone: PhoneInput, customer: Customer, by: Actor) -> PhoneInput:
    """Who sees 138****8000 sends it back so: it stands for the one number that looks like it."""
    if "*" not in phone.number or not by.masks(Mask.PHONE):
        return phone
    same = [p for p in customer.phones if masked_number(p.number, p.e164) == phone.number]
    if len(same) != 1:
        raise Rejected("phone_masked", "A masked number cannot be changed; type the whole number.")
    return PhoneInput(same[0].number, phone.kind or same[0].kind, phone.primary, phone.state)


def numbers_changed(uow: UnitOfWork, customer: Customer, gone: Iterable[str]) -> None:
    """Says so, for those who remember whose a number is."""
    numbers = sorted({*gone, *(phone.e164 for phone in customer.phones if phone.e164)})
    if numbers:
        uow.emit(PhonesChanged(customer_id=customer.id))


async def note_try(uow: UnitOfWork, e164: str, *, reached: bool, unreachable_after: int) -> None:
    """A call to this number was answered or not: after so many in vain in a row it counts as unreachable.

    A talk makes it valid again; a number that somebody called wrong stays so until a talk.
    """
    for phone in await queries.phones_with(uow.session, e164):
        before, phone.tried_at = phone.state, uow.clock.now()
        if reached:
            phone.failed_tries, phone.reached_at, phone.state = 0, uow.clock.now(), PhoneState.VALID
        else:
            phone.failed_tries = min(phone.failed_tries + 1, 9999)
            if phone.failed_tries >= unreachable_after and phone.state is not PhoneState.WRONG:
                phone.state = PhoneState.UNREACHABLE
        changes.phone_turned(uow, phone, before)
