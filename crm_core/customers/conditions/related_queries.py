"""What lies in other tables than the customers' own: names of people and centres, and facts related to a customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, false, func, not_, or_, select

from crm_core.customers.conditions.fields import Field, Kind, Test, birth_of, text, word
from crm_core.customers.kinds import (
    CustomerKind,
    MaritalState,
    OwnerChangeKind,
    PhoneKind,
    PhoneState,
    PurchaseState,
    RecordState,
    RetentionState,
    Sex,
    UseState,
)
from crm_core.customers.models import Customer, FamilyMember, OwnerChange, Phone
from crm_core.organization.models import Centre, Department, User


@dataclass(frozen=True, slots=True)
class Related:
    """A table whose rows belong to customers, and what of it can be asked."""

    model: Any
    fields: Mapping[str, Field]

    def customers(self, where: ColumnElement[bool] | None) -> ColumnElement[bool]:
        """Customers with such a row."""
        return Customer.id.in_(self._rows(where))

    def measured(self, where: ColumnElement[bool] | None, holds: ColumnElement[bool]) -> ColumnElement[bool]:
        """Customers with such rows of which the aggregate in ``holds`` is true."""
        return Customer.id.in_(self._rows(where).group_by(self.model.customer_id).having(holds))

    def _rows(self, where: ColumnElement[bool] | None) -> Any:
        rows = select(self.model.customer_id)
        return rows if where is None else rows.where(where)


def named(foreign: Any, model: Any) -> Field:
    """Somebody or something by its name: the column holds its id."""

    def through(test: Test) -> ColumnElement[bool]:
        found: ColumnElement[bool] = foreign.in_(select(model.id).where(test(model.name)))
        return found

    return Field(Kind.TEXT, foreign, through=through, missing=lambda: foreign.is_(None))


def _centre(own: Any, of_department: Any) -> Field:
    """A customer's own centre of a kind, or where he has none that of his department."""

    def departments(condition: ColumnElement[bool]) -> ColumnElement[bool]:
        return and_(own.is_(None), Customer.department_id.in_(select(Department.id).where(condition)))

    def through(test: Test) -> ColumnElement[bool]:
        centres = select(Centre.id).where(test(Centre.name))
        return or_(own.in_(centres), departments(of_department.in_(centres)))

    def missing() -> ColumnElement[bool]:
        return and_(own.is_(None), not_(func.coalesce(departments(of_department.is_not(None)), false())))

    return Field(Kind.TEXT, own, through=through, missing=missing)


def _phones() -> Field:
    def through(test: Test) -> ColumnElement[bool]:
        return Customer.id.in_(select(Phone.customer_id).where(test(Phone.reversed_digits)))

    return Field(
        Kind.PHONE, Phone.number, through=through, missing=lambda: Customer.id.not_in(select(Phone.customer_id))
    )


_TEXTS: Final = (
    "account_number", "name", "type", "source", "membership", "grade", "occupation", "form_of_address", "collected_by",
    "collected_department", "ethnicity", "origin", "education", "position", "economic_state", "email", "wechat", "qq",
    "best_time", "best_way", "remarks", "taboos",
)  # fmt: skip
_ADDRESS: Final = ("province", "city", "district", "community", "street", "postcode")
_INSTANTS: Final = ("created_at", "updated_at", "allocated_at", "last_contact_at", "verified_at")
_NUMBERS: Final = ("completeness", "rfm_recency_days", "rfm_frequency", "rfm_monetary")
FIELDS: Final[Mapping[str, Field]] = {
    **{name: text(getattr(Customer, name)) for name in _TEXTS},
    **{f"address.{name}": text(getattr(Customer, name)) for name in _ADDRESS},
    **{name: Field(Kind.INSTANT, getattr(Customer, name)) for name in _INSTANTS},
    **{name: Field(Kind.NUMBER, getattr(Customer, name)) for name in _NUMBERS},
    "id": Field(Kind.ID, Customer.id),
    "referred_by": Field(Kind.ID, Customer.referred_by_id),
    "do_not_call": Field(Kind.FLAG, Customer.do_not_call),
    "collected_at": Field(Kind.DAY, Customer.collected_at),
    "wedding_day": Field(Kind.DAY, Customer.wedding_day),
    "birthday": Field(Kind.YEARLY, birth_of(Customer)),
    "age": Field(Kind.AGE, birth_of(Customer)),
    "kind": word(Customer.kind, CustomerKind),
    "sex": word(Customer.sex, Sex),
    "marital_state": word(Customer.marital_state, MaritalState),
    "use_state": word(Customer.use_state, UseState),
    "record_state": word(Customer.record_state, RecordState),
    "purchase_state": word(Customer.purchase_state, PurchaseState),
    "retention_state": word(Customer.retention_state, RetentionState),
    "owner": named(Customer.owner_id, User),
    "entered_by": named(Customer.entered_by_id, User),
    "department": named(Customer.department_id, Department),
    "centre": _centre(Customer.sales_centre_id, Department.sales_centre_id),
    "profit_centre": _centre(Customer.profit_centre_id, Department.profit_centre_id),
    "service_centre": _centre(Customer.service_centre_id, Department.service_centre_id),
    "phones": _phones(),
    "id_card": Field(Kind.ID_CARD, Customer.id_card_index),
}
# Encrypted each with a salt of its own: nobody can look for them, and the refusal says so.
ENCRYPTED: Final = frozenset({"medical_history", "contraindications", "allergies", "health_state", "beliefs"})
RELATED: Final[Mapping[str, Related]] = {
    "phones": Related(
        Phone,
        {
            "number": Field(Kind.PHONE, Phone.reversed_digits),
            "kind": word(Phone.kind, PhoneKind),
            "state": word(Phone.state, PhoneState),
            "primary": Field(Kind.FLAG, Phone.position == 0),
            "failed_tries": Field(Kind.NUMBER, Phone.failed_tries),
            "tried_at": Field(Kind.INSTANT, Phone.tried_at),
            "reached_at": Field(Kind.INSTANT, Phone.reached_at),
        },
    ),
    "family": Related(
        FamilyMember,
        {
            **{
                name: text(getattr(FamilyMember, name))
                for name in ("relation", "name", "education", "school", "occupation", "hobbies", "blood_type")
            },
            "sex": word(FamilyMember.sex, Sex),
            "birthday": Field(Kind.YEARLY, birth_of(FamilyMember)),
            "age": Field(Kind.AGE, birth_of(FamilyMember)),
            "customer": Field(Kind.ID, FamilyMember.member_id),
        },
    ),
    "transfers": Related(
        OwnerChange,
        {
            "at": Field(Kind.INSTANT, OwnerChange.at),
            "from": named(OwnerChange.from_user_id, User),
            "to": named(OwnerChange.to_user_id, User),
            "by": named(OwnerChange.by_user_id, User),
            "kind": word(OwnerChange.kind, OwnerChangeKind),
            "reason": text(OwnerChange.reason),
        },
    ),
}
