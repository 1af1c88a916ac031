"""A customer's fields in the edit form and in the card's details: what stands in them, and how a form is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from types import SimpleNamespace
from typing import Any

from crm_core.customers.custom import rules as custom_rules
from crm_core.customers.custom.kinds import FieldType
from crm_core.customers.custom.rules import Definition
from crm_core.customers.kinds import Calendar, CustomerKind
from crm_core.customers.rules import LIMITS
from crm_core.customers.views import CustomerView
from web import i18n
from web.i18n import gettext as _
from web.pages.customer_groups import ACCOUNT, BIRTH, CUSTOM, DETAIL, GROUPS, Entry
from web.pages.words import WORDS, word


def values_of(customer: CustomerView, referrer: str | None) -> dict[str, Any]:
    """What the form's fields hold of a customer; ``referrer`` is the account number of who recommended us."""
    values = {name: getattr(customer, name) for name in (*LIMITS, *BIRTH, "sex", "marital_state", "use_state")}
    values |= {name: getattr(customer, name) for name in ("wedding_day", "collected_at", "do_not_call", "kind")}
    values |= {DETAIL + name: value for name, value in (customer.details or {}).items()}
    values |= {CUSTOM + code: value for code, value in customer.custom.items()}
    return values | {"referred_by_id": referrer}


def groups(
    kind: CustomerKind, *, medical: bool, own: Sequence[Definition], account: bool = False
) -> list[SimpleNamespace]:
    """The form's groups in the reader's language, own fields last; ``account``: a number may be brought along."""
    shown = [
        SimpleNamespace(title=_(group.title), entries=[_entry(one) for one in group.entries])
        for group in GROUPS[kind]
        if medical or not group.medical
    ]
    if account:
        shown[-1].entries.append(_entry(ACCOUNT))
    if own:
        shown.append(SimpleNamespace(title=_("Own fields"), entries=[_own(one) for one in own if one.active]))
    for group in shown:
        # Long texts last: high and low fields side by side leave holes.
        group.entries.sort(key=lambda entry: entry.kind in ("prose", "check"))
    return shown


def _entry(one: Entry) -> SimpleNamespace:
    options = [(code, _(text)) for code, text in WORDS.get(one.kind, {}).items()]
    kind = "select" if options else one.kind
    return SimpleNamespace(
        name=one.name,
        label=_(one.label),
        kind=kind,
        options=options,
        most=one.most,
        needed=one.needed,
        names=BIRTH,
    )


def _own(field: Definition) -> SimpleNamespace:
    language = i18n.language()
    options = [(choice.code, choice.label(language)) for choice in field.choices if choice.active]
    kind = {FieldType.CHOICE: "select", FieldType.DATE: "date", FieldType.FLAG: "select"}.get(field.type, "text")
    if field.type is FieldType.FLAG:
        options = [("true", _("Yes")), ("false", _("No"))]
    return SimpleNamespace(
        name=CUSTOM + field.code,
        label=field.label(language),
        kind=kind,
        options=options,
        most=400,
        needed=field.required,
        names=BIRTH,
    )


def shown_value(field: str, value: Any, own: Mapping[str, Definition]) -> str:
    """A value as the form's input holds it."""
    if field.startswith(CUSTOM) and (definition := own.get(field.removeprefix(CUSTOM))) is not None:
        if definition.type is FieldType.FLAG:
            return str(value).lower()
        return (
            value if definition.type is FieldType.CHOICE else custom_rules.to_text(definition, value, i18n.language())
        )
    return "" if value is None else str(value)


def said_value(entry: SimpleNamespace, value: Any) -> str | None:
    """A value as the card says it; None for nothing."""
    if value is None or value == "" or value is False:
        return None
    if value is True:
        return _("Yes")
    options: dict[str, str] = dict(entry.options)
    return options.get(value, str(value))


def read(form: Mapping[str, str], kind: CustomerKind, own: Sequence[Definition]) -> dict[str, Any]:
    """The fields that the form holds, as the core takes them; what is wrong stays text and is refused there."""
    entries = [entry for group in GROUPS[kind] for entry in group.entries]
    fields: dict[str, Any] = {}
    details: dict[str, Any] = {}
    for entry in entries:
        if entry.kind == "day":
            if entry.name in form or BIRTH[1] in form:
                fields |= read_day(form, BIRTH)
        elif entry.name in form and entry.kind not in ("check", "customer"):
            place = details if entry.name.startswith(DETAIL) else fields
            place[entry.name.removeprefix(DETAIL)] = _read(entry.kind, form[entry.name])
    if details:
        fields["details"] = details
    return fields | _read_own(form, own)


def _read(kind: str, text: str) -> Any:
    if not text:
        return None
    try:
        if kind == "number":
            return int(text)
        if kind == "decimal":
            return Decimal(text.replace(",", ""))
        if kind == "date":
            return date.fromisoformat(text)
    except (ValueError, InvalidOperation):
        return text
    return text


def read_day(form: Mapping[str, str], names: Sequence[str]) -> dict[str, Any]:
    """A day in one of both calendars; no calendar when nothing of the day is given."""
    calendar, *numbers, leap = names
    found = {name: int(form.get(name, "")) if form.get(name, "").isdecimal() else form.get(name) for name in numbers}
    found = {name: value or None for name, value in found.items()}
    known = any(value is not None for value in found.values())
    return {calendar: form.get(calendar, Calendar.SOLAR) if known else None, **found, leap: leap in form}


def _read_own(form: Mapping[str, str], own: Sequence[Definition]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for field in own:
        text = form.get(CUSTOM + field.code)
        if text is None or not field.active:
            continue
        try:
            given[field.code] = custom_rules.from_text(field, text) if text else None
        except ValueError:
            given[field.code] = text
    return {"custom": given} if given else {}


def day_text(calendar: str | None, year: int | None, month: int | None, day: int | None, leap: bool) -> str | None:
    """1953-08-15 (lunar), as far as known; None for nothing."""
    parts = [year, month, day]
    if not any(parts):
        return None
    text = "-".join("?" if part is None else f"{part:02d}" for part in parts)
    if calendar != Calendar.LUNAR:
        return text
    return f"{text} ({_('lunar, leap month') if leap else word('calendar', 'lunar')})"
