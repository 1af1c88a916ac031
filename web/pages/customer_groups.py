"""Which fields a customer has on pages, in which groups, for persons and organisations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from crm_core.customers.details import FIELDS as DETAILS
from crm_core.customers.details import ValueKind
from crm_core.customers.kinds import CustomerKind
from crm_core.customers.rules import LIMITS
from crm_core.kernel.texts import N_

DETAIL: Final = "details."
CUSTOM: Final = "custom."
BIRTH: Final = ("birth_calendar", "birth_year", "birth_month", "birth_day", "birth_leap")


@dataclass(frozen=True, slots=True)
class Entry:
    """One field of a form. ``kind``: text, tel, prose, number, decimal, date, check, customer, day, or words."""

    name: str
    label: str
    kind: str = "text"
    most: int = 400
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """``medical`` ones are only for those with the right to them."""

    title: str
    entries: tuple[Entry, ...]
    medical: bool = False


def _column(name: str, label: str, kind: str = "text") -> Entry:
    kind = "prose" if kind == "text" and LIMITS.get(name, 0) > 400 else kind
    return Entry(name, label, kind, LIMITS.get(name, 400), name == "name")


_KINDS: Final = {
    ValueKind.LINE: "text",
    ValueKind.PROSE: "prose",
    ValueKind.WHOLE: "number",
    ValueKind.DECIMAL: "decimal",
    ValueKind.DAY: "date",
}


def _details(kind: CustomerKind, labels: Mapping[str, str]) -> tuple[Entry, ...]:
    found = ((DETAILS[kind][name], label) for name, label in labels.items())
    return tuple(Entry(DETAIL + field.name, label, _KINDS[field.kind], field.most) for field, label in found)


_ADDRESS: Final = (
    _column("province", N_("Province")),
    _column("city", N_("City")),
    _column("district", N_("District")),
    _column("community", N_("Community")),
    _column("street", N_("Street")),
    _column("postcode", N_("Postcode")),
)
_REACH: Final = Group(
    N_("How to reach"),
    (
        _column("best_time", N_("Best time to call")),
        _column("best_way", N_("Best way of contact")),
        _column("email", N_("E-mail")),
        _column("wechat", N_("WeChat")),
        _column("qq", N_("QQ")),
        *_ADDRESS,
    ),
)
_CLASSES: Final = (
    _column("type", N_("Type")),
    _column("source", N_("Source"), "source"),
    Entry("referred_by_id", N_("Referred by (account number)"), "customer", 20),
)
_MIND: Final = Group(
    N_("What to mind"),
    (
        _column("taboos", N_("Taboos: shown in red on every call")),
        _column("remarks", N_("Remarks")),
        Entry("do_not_call", N_("Does not want to be called"), "check"),
    ),
)
_PROVENANCE: Final = Group(
    N_("Where it comes from"),
    (
        _column("collected_at", N_("Collected on"), "date"),
        _column("collected_by", N_("Collected by")),
        _column("collected_department", N_("Department that collected")),
    ),
)
ACCOUNT: Final = Entry("account_number", N_("Account number brought along"), most=20)
_P, _O = CustomerKind.PERSON, CustomerKind.ORGANIZATION
GROUPS: Final[Mapping[CustomerKind, tuple[Group, ...]]] = {
    _P: (
        Group(
            N_("Who"),
            (
                _column("name", N_("Name")),
                _column("form_of_address", N_("Form of address")),
                _column("sex", N_("Sex"), "sex"),
                _column("id_card", N_("ID card")),
                Entry("birthday", N_("Birthday"), "day"),
                _column("occupation", N_("Occupation")),
                *_CLASSES,
                _column("use_state", N_("Buys for"), "use_state"),
                _column("ethnicity", N_("Ethnicity")),
                _column("origin", N_("Place of origin")),
                *_details(_P, {"domicile": N_("Registered domicile")}),
            ),
        ),
        _REACH,
        _MIND,
        Group(
            N_("Health"),
            (
                _column("medical_history", N_("Medical history")),
                _column("contraindications", N_("Contraindications: never sell or serve")),
                _column("allergies", N_("Allergies")),
                _column("health_state", N_("State of health")),
                _column("beliefs", N_("Beliefs")),
            ),
            medical=True,
        ),
        Group(
            N_("Education and work"),
            (
                _column("education", N_("Education")),
                _column("position", N_("Position")),
                _column("economic_state", N_("Economic state")),
                *_details(
                    _P,
                    {
                        "school": N_("School"),
                        "major": N_("Major"),
                        "honours": N_("Honours"),
                        "employer": N_("Employer"),
                        "yearly_income": N_("Income a year"),
                        "active_income": N_("Active income"),
                        "passive_income": N_("Passive income"),
                        "income_remarks": N_("About the income"),
                    },
                ),
            ),
        ),
        Group(
            N_("Home life"),
            (
                _column("marital_state", N_("Marital state"), "marital_state"),
                _column("wedding_day", N_("Wedding day"), "date"),
                *_details(
                    _P,
                    {
                        "wedding_celebration": N_("How the wedding day is kept"),
                        "children": N_("Children"),
                        "children_plans": N_("Plans for children"),
                        "relatives": N_("Relatives, and who is closest"),
                        "friends": N_("Friends, neighbours, colleagues"),
                    },
                ),
            ),
        ),
        Group(
            N_("Life and character"),
            _details(
                _P,
                {
                    "hobbies": N_("Hobbies"),
                    "likes": N_("Likes"),
                    "smoking": N_("Smoking"),
                    "drinking": N_("Drinking"),
                    "diet": N_("Diet"),
                    "dishes": N_("Favourite dishes"),
                    "restaurants": N_("Favourite restaurants"),
                    "leisure": N_("Leisure"),
                    "sports": N_("Sports"),
                    "topics": N_("Topics"),
                    "media": N_("Media"),
                    "books": N_("Books"),
                    "motto": N_("Motto"),
                    "clubs": N_("Clubs"),
                    "special_identity": N_("Special identity, cards held"),
                    "social_accounts": N_("Other social accounts"),
                    "personality": N_("Personality"),
                    "manner": N_("Manner"),
                    "height_cm": N_("Height, cm"),
                    "weight_kg": N_("Weight, kg"),
                    "blood_type": N_("Blood type"),
                },
            ),
        ),
        Group(
            N_("How this customer buys"),
            _details(
                _P,
                {
                    "buys_what": N_("Prefers"),
                    "buys_how": N_("Way of buying"),
                    "buys_where": N_("Place of buying"),
                    "buys_level": N_("Level of spending"),
                    "buys_most": N_("Buys most in"),
                    "buys_least": N_("Buys least in"),
                },
            ),
        ),
        _PROVENANCE,
    ),
    _O: (
        Group(
            N_("Who"),
            (
                _column("name", N_("Name of the organisation")),
                *_CLASSES,
                *_details(
                    _O,
                    {
                        "short_name": N_("Short name"),
                        "credit_code": N_("Social credit code"),
                        "legal_form": N_("Legal form"),
                        "nature": N_("Nature of the enterprise"),
                        "industry": N_("Industry"),
                        "head_count": N_("Head count"),
                        "assets": N_("Assets"),
                        "founded_on": N_("Founded on"),
                        "website": N_("Website"),
                        "branches": N_("Branches and their addresses"),
                        "history": N_("History"),
                    },
                ),
            ),
        ),
        _REACH,
        _MIND,
        Group(
            N_("Market and character"),
            _details(
                _O,
                {
                    "services": N_("Services"),
                    "service_area": N_("Service area"),
                    "market": N_("Market"),
                    "ideas": N_("Ideas of management"),
                    "direction": N_("Direction"),
                    "traits": N_("Traits"),
                    "image": N_("Image"),
                    "reputation": N_("Reputation"),
                },
            ),
        ),
        Group(
            N_("State of business"),
            _details(
                _O,
                {
                    "sales_power": N_("Sales power"),
                    "results": N_("Results"),
                    "potential": N_("Potential and strengths"),
                    "problems": N_("Problems"),
                    "measures": N_("Measures"),
                },
            ),
        ),
        Group(
            N_("Trade with us"),
            _details(
                _O,
                {
                    "trade_terms": N_("Terms of trade"),
                    "credit_terms": N_("Credit terms"),
                    "credit_limit": N_("Credit limit"),
                    "credit_problems": N_("Credit problems"),
                    "relationship": N_("Relation to us"),
                    "attitude": N_("Attitude to us"),
                    "opinions": N_("Opinions"),
                },
            ),
        ),
        _PROVENANCE,
    ),
}
