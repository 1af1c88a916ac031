"""Pure rules of own fields: what a definition may say, what a value may be, how a cell of a file becomes a value."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from crm_core.customers.custom.kinds import FieldSubject, FieldType
from crm_core.kernel.errors import Rejected

PREFIX: Final = "custom."
MOST_FIELDS: Final = 200
LONGEST_TEXT: Final = 2000
_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LONGEST_LABEL = 60
_MOST_CHOICES = 200
_LARGEST = 10**15  # above it a JSON number loses digits on its way through a browser
_MONEY_PLACES = Decimal("0.01")
_BETWEEN = re.compile(r"[,，、;；|]")
_YES = frozenset({"1", "true", "yes", "y", "是", "有", "√", "✓", "对"})
_NO = frozenset({"0", "false", "no", "n", "否", "无", "×", "错"})
_DAY = re.compile(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?")


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """One entry of a list to choose from; a retired one stays readable but can no longer be chosen."""

    code: str
    zh: str = ""
    en: str = ""
    active: bool = True

    def label(self, language: str) -> str:
        """In that language, else in the other one, else the code."""
        return ((self.en or self.zh) if language == "en" else (self.zh or self.en)) or self.code


@dataclass(frozen=True, slots=True)
class Definition:
    """An own field as everybody else sees it."""

    id: int
    subject: FieldSubject
    code: str
    type: FieldType
    zh: str
    en: str
    group: str
    required: bool
    active: bool
    position: int
    choices: tuple[FieldChoice, ...]
    version: int

    def label(self, language: str) -> str:
        """In that language, else in the other one, else the code."""
        return ((self.en or self.zh) if language == "en" else (self.zh or self.en)) or self.code

    @property
    def name(self) -> str:
        """How filters, import and export call it."""
        return PREFIX + self.code


def definition(given: Mapping[str, Any], *, new: bool) -> dict[str, Any]:
    """The fields of a definition, cleaned. Raises Rejected that names every wrong one."""
    errors: dict[str, str] = {}
    values: dict[str, Any] = {}
    for name, value in given.items():
        check = _PARTS.get(name)
        if check is None or (not new and name in ("code", "type", "subject")):
            errors[name] = "unknown field" if check is None else "cannot be changed afterwards"
            continue
        try:
            values[name] = check(value)
        except ValueError as error:
            errors[name] = str(error)
    if new:
        errors |= {name: "must not be empty" for name in ("code", "type") if name not in {**values, **errors}}
    if errors:
        raise Rejected("field_invalid", f"Please correct: {', '.join(sorted(errors))}.", errors=errors)
    return values


def whole(values: Mapping[str, Any]) -> None:
    """What must fit together in a definition. Raises Rejected."""
    errors = {}
    if not values["zh"] and not values["en"]:
        errors["zh"] = "a label in Chinese or in English is needed"
    chosen = values["type"] in (FieldType.CHOICE, FieldType.MULTI_CHOICE)
    if chosen and not any(choice["active"] for choice in values["choices"]):
        errors["choices"] = "needs at least one entry to choose"
    if not chosen and values["choices"]:
        errors["choices"] = "only for a field of type choice or multi_choice"
    if errors:
        raise Rejected("field_invalid", f"Please correct: {', '.join(sorted(errors))}.", errors=errors)


def _code(value: Any) -> str:
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        raise ValueError("a small letter, then small letters, digits and underscores, at most 40")
    return value


def _label(value: Any) -> str:
    text = value.strip() if isinstance(value, str) else None
    if text is None or not text.isprintable():
        raise ValueError("must be text in one line")
    if len(text) > _LONGEST_LABEL:
        raise ValueError(f"at most {_LONGEST_LABEL} characters")
    return text


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _position(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 9999:
        raise ValueError("must be 0 to 9999")
    return value


def _type(value: Any) -> FieldType:
    try:
        return FieldType(value)
    except ValueError:
        raise ValueError(f"must be one of {', '.join(FieldType)}") from None


def _subject(value: Any) -> FieldSubject:
    try:
        return FieldSubject(value)
    except ValueError:
        raise ValueError(f"must be one of {', '.join(FieldSubject)}") from None


def _choices(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) > _MOST_CHOICES:
        raise ValueError(f"must be a list of at most {_MOST_CHOICES} entries")
    found: list[dict[str, Any]] = []
    for one in value:
        if not isinstance(one, Mapping) or one.keys() - {"code", "zh", "en", "active"}:
            raise ValueError("each entry has code, zh, en and active")
        code = _code(one.get("code"))
        if any(other["code"] == code for other in found):
            raise ValueError(f"{code} is there twice")
        labels = {language: _label(one.get(language, "")) for language in ("zh", "en")}
        found.append({"code": code, **labels, "active": _flag(one.get("active", True))})
    return found


_PARTS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "subject": _subject,
    "code": _code,
    "type": _type,
    "zh": _label,
    "en": _label,
    "group": _label,
    "required": _flag,
    "active": _flag,
    "position": _position,
    "choices": _choices,
}


def checked(
    definitions: Sequence[Definition],
    given: Mapping[str, Any],
    *,
    before: Mapping[str, Any] | None = None,
    users: Collection[str] = (),
) -> dict[str, Any]:
    """All own values of a record after the change: those named are set or (null, "") cleared, the others stay.

    ``before`` None is a new record: then required ones must be given. ``users`` are the names that may be chosen.
    Values of retired fields stay as they are. Raises Rejected with the wrong ones as ``custom.<code>``.
    """
    by_code = {one.code: one for one in definitions}
    kept = dict(before or {})
    errors: dict[str, str] = {}
    for code, value in given.items():
        field = by_code.get(code)
        if kept.get(code) == value and (value is not None or field is not None):
            continue  # sent back as it was shown
        if field is None or not field.active:
            errors[PREFIX + code] = "unknown field" if field is None else "is retired and cannot be changed"
            continue
        try:
            found = value_of(field, value, users)
        except ValueError as error:
            errors[PREFIX + code] = str(error)
            continue
        if found is None:
            kept.pop(code, None)
        else:
            kept[code] = found
    for field in definitions:
        asked = before is None or field.code in given
        if field.active and field.required and asked and field.code not in kept:
            errors.setdefault(field.name, "must not be empty")
    if errors:
        raise Rejected("customer_invalid", f"Please correct: {', '.join(sorted(errors))}.", errors=errors)
    return kept


def value_of(field: Definition, value: Any, users: Collection[str] = ()) -> Any:
    """One value as it is stored; None is none. Raises ValueError with what is wrong."""
    if value is None or value in ("", []):
        return None
    return _VALUES[field.type](field, value, users)


def _text_value(field: Definition, value: Any, users: Collection[str]) -> str | None:
    if not isinstance(value, str):
        raise ValueError("must be text")
    if any(unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t" for c in value):
        raise ValueError("holds control characters")
    if len(value.strip()) > LONGEST_TEXT:
        raise ValueError(f"at most {LONGEST_TEXT} characters")
    return value.strip() or None


def _number_value(field: Definition, value: Any, users: Collection[str]) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("must be a number")
    if abs(value) >= _LARGEST:
        raise ValueError("must have at most 15 digits")
    return int(value) if float(value).is_integer() else value


def _date_value(field: Definition, value: Any, users: Collection[str]) -> str:
    try:
        day = value if isinstance(value, date) else date.fromisoformat(value)
    except (TypeError, ValueError):
        raise ValueError("must be a date, as in 2026-07-20") from None
    return day.isoformat()


def _money_value(field: Definition, value: Any, users: Collection[str]) -> str:
    """As text with two places: amounts are never binary fractions."""
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise ValueError('must be an amount as text, as in "12.50"')
    try:
        amount = Decimal(value)
        if not amount.is_finite() or abs(amount) >= _LARGEST or amount != amount.quantize(_MONEY_PLACES):
            raise ValueError
    except (InvalidOperation, ValueError):
        raise ValueError('must be an amount with at most two decimal places, as in "12.50"') from None
    return str(amount.quantize(_MONEY_PLACES))


def _flag_value(field: Definition, value: Any, users: Collection[str]) -> bool:
    return _flag(value)


def _choice_value(field: Definition, value: Any, users: Collection[str]) -> str:
    allowed = [choice.code for choice in field.choices if choice.active]
    if not isinstance(value, str) or value not in allowed:
        raise ValueError(f"must be one of {', '.join(allowed)}")
    return value


def _multi_value(field: Definition, value: Any, users: Collection[str]) -> list[str]:
    if not isinstance(value, list):
        raise ValueError("must be a list")
    chosen = {_choice_value(field, one, users) for one in value}
    return [choice.code for choice in field.choices if choice.code in chosen]


def _user_value(field: Definition, value: Any, users: Collection[str]) -> str:
    if not isinstance(value, str) or value not in users:
        raise ValueError("must be the name of a user")
    return value


_VALUES: Final[Mapping[FieldType, Callable[[Definition, Any, Collection[str]], Any]]] = {
    FieldType.TEXT: _text_value,
    FieldType.NUMBER: _number_value,
    FieldType.DATE: _date_value,
    FieldType.CHOICE: _choice_value,
    FieldType.MULTI_CHOICE: _multi_value,
    FieldType.FLAG: _flag_value,
    FieldType.MONEY: _money_value,
    FieldType.USER: _user_value,
}


def from_text(field: Definition, text: str) -> Any:
    """What a cell of a file or a field of a form says, ready for ``value_of``; None for an empty one.

    Choices may be written by code or by a label in any language. Raises ValueError with what is wrong.
    """
    given = unicodedata.normalize("NFKC", text).strip() if field.type is not FieldType.TEXT else text.strip()
    if not given:
        return None
    read = _TEXTS.get(field.type)
    return given if read is None else read(field, given)


def _number_text(field: Definition, text: str) -> int | float:
    try:
        return float(text.replace(",", ""))
    except ValueError:
        raise ValueError("must be a number") from None


def _money_text(field: Definition, text: str) -> str:
    return text.replace(",", "").strip("¥￥元 ")


def _flag_text(field: Definition, text: str) -> bool:
    if text.casefold() in _YES | _NO:
        return text.casefold() in _YES
    raise ValueError("must be yes or no (是, 否)")


def _date_text(field: Definition, text: str) -> str:
    found = _DAY.match(text)
    if found is None:
        return text
    year, month, day = (int(part) for part in found.groups())
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        raise ValueError("there is no such day") from None


def _choice_text(field: Definition, text: str) -> str:
    wanted = text.casefold()
    for choice in field.choices:
        if wanted in (choice.code, choice.zh.casefold(), choice.en.casefold()):
            return choice.code
    return text


def _multi_text(field: Definition, text: str) -> list[str]:
    return [_choice_text(field, part.strip()) for part in _BETWEEN.split(text) if part.strip()]


_TEXTS: Final[Mapping[FieldType, Callable[[Definition, str], Any]]] = {
    FieldType.NUMBER: _number_text,
    FieldType.MONEY: _money_text,
    FieldType.FLAG: _flag_text,
    FieldType.DATE: _date_text,
    FieldType.CHOICE: _choice_text,
    FieldType.MULTI_CHOICE: _multi_text,
}


def to_text(field: Definition, value: Any, language: str) -> str:
    """A stored value as people read it and as ``from_text`` reads it back."""
    if value is None:
        return ""
    labels = {choice.code: choice.label(language) for choice in field.choices}
    if field.type is FieldType.FLAG:
        yes, no = ("yes", "no") if language == "en" else ("是", "否")
        return yes if value else no
    if field.type is FieldType.MULTI_CHOICE and isinstance(value, list):
        return ("; " if language == "en" else "；").join(labels.get(one, str(one)) for one in value)
    if field.type is FieldType.CHOICE:
        return labels.get(value, str(value))
    return str(value)
