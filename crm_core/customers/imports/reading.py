"""What one cell says, by the kind of its column (pure). A cell that says nothing useful is an Unclear."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from crm_core.customers import rules
from crm_core.customers.imports.days import Day, NoDay, read_day
from crm_core.customers.imports.sheets import Cell
from crm_core.customers.kinds import Calendar, CustomerKind, MaritalState, PhoneKind, Sex
from crm_core.kernel import id_card
from crm_core.kernel.phone import NumberKind, PhoneNumber, split_cell
from crm_core.kernel.texts import N_

# Text that people write where there is nothing to write.
_NOTHING: Final = frozenset({"", "-", "--", "/", "无", "暂无", "不详", "未知", "null", "n/a", "#n/a", "none", "nan"})
_LONGEST_NOTHING: Final = max(map(len, _NOTHING))
_SEXES: Final = {
    Sex.MALE: "男 男性 男士 先生 m male man 1",
    Sex.FEMALE: "女 女性 女士 小姐 f female woman 2 0",
}
_KINDS: Final = {
    CustomerKind.PERSON: "个人 个人客户 自然人 person",
    CustomerKind.ORGANIZATION: "单位 企业 公司 单位客户 组织 机构 organization company",
}
_MARITAL: Final = {
    MaritalState.SINGLE: "未婚 单身 single",
    MaritalState.MARRIED: "已婚 有配偶 married 是",
    MaritalState.DIVORCED: "离异 离婚 divorced",
    MaritalState.WIDOWED: "丧偶 widowed",
}
_YES: Final = frozenset({"是", "有", "y", "yes", "true", "1", "√", "对"})
_NO: Final = frozenset({"否", "无", "n", "no", "false", "0", "×", "不"})
_PHONE_KINDS: Final = {kind: PhoneKind(kind) for kind in ("mobile", "landline", "home", "office", "fax")}
_EXPONENT: Final = re.compile(r"\d[.,]?\d*e\+?\d+", re.IGNORECASE)
_FIRST_SERIAL, _LAST_SERIAL, _LARGEST_DAY = 1, 73_050, 100_000_000  # the last as digits: 99991231
_EXACT_DIGITS: Final = 15  # what a spreadsheet's number holds
ID_CARD_SENTENCES: Final = {
    "id_card_length": N_("An ID card number has 18 digits, an old one 15."),
    "id_card_characters": N_("An ID card number holds digits only, and at the end perhaps an X."),
    "id_card_region": N_("The ID card number begins with no province."),
    "id_card_birthday": N_("The ID card number holds no possible birthday."),
    "id_card_check": N_("The ID card number is mistyped: its last character does not fit the others."),
    "id_card_damaged": N_(
        "Excel has destroyed the last digits of this ID card number; format the column as text, enter it again."
    ),
}
_PHONE_DAMAGED: Final = N_("Excel has shortened this phone number; format the column as text, enter it again.")


class Unclear(ValueError):
    """``sentence`` is a key of the catalogues with places for ``values``."""

    def __init__(self, sentence: str, value: object = "", **values: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.values = {"value": as_text(value)[:60], **values}


def as_text(value: object) -> str:
    """A cell as the user sees it: whole numbers without a point, days without a time."""
    if isinstance(value, str):
        return value.strip() if value.isprintable() else rules.clean(value)
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(" ", "seconds").removesuffix(" 00:00:00")
    return value.isoformat() if isinstance(value, date | time) else str(value)


def is_blank(plain: str) -> bool:
    return not plain or (len(plain) <= _LONGEST_NOTHING and plain.casefold() in _NOTHING)


def text(value: Cell, most: int) -> str:
    plain = as_text(value)
    if len(plain) > most:
        raise Unclear(
            N_("This has %(length)s characters, at most %(most)s fit."), length=str(len(plain)), most=str(most)
        )
    return plain


def _choice(words: Mapping[Any, str], sentence: str) -> Callable[[Cell], str]:
    known: dict[str, str] = {word: member.value for member, line in words.items() for word in line.split()}
    known |= {member.value: member.value for member in words}

    def read(value: Cell) -> str:
        plain = as_text(value)
        found = known.get(plain) or known.get(unicodedata.normalize("NFKC", plain).strip().casefold())
        if found is None:
            raise Unclear(sentence, value)
        return found

    return read


sex = _choice(_SEXES, N_("“%(value)s” is no sex; write 男 or 女."))
kind = _choice(_KINDS, N_("“%(value)s” is neither a person nor an organisation; write 个人 or 单位."))
marital = _choice(_MARITAL, N_("“%(value)s” is no marital state; write 未婚, 已婚, 离异 or 丧偶."))


_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")


def email(value: Cell) -> str:
    plain = text(unicodedata.normalize("NFKC", as_text(value)), rules.LIMITS["email"])
    if not _EMAIL.fullmatch(plain):
        raise Unclear(N_("“%(value)s” is no e-mail address."), value)
    return plain


def flag(value: Cell) -> bool:
    plain = as_text(value).casefold()
    if plain in _YES or plain in _NO:
        return plain in _YES
    raise Unclear(N_("“%(value)s” is neither yes nor no; write 是 or 否."), value)


def birthday(value: Cell, latest_year: int, *, lunar: bool = False) -> dict[str, Any]:
    """The fields of a birthday. In a column of lunar birthdays 5-3 means the third of the fifth month."""
    if lunar and isinstance(value, str):
        value = "农历" + value
    day = _day(value, latest_year)
    if lunar and day.calendar is Calendar.SOLAR:
        day = _day(f"农历{day.year or ''}{'年' if day.year else ''}{day.month}月{day.day}日", latest_year)
    return {
        "birth_calendar": day.calendar.value,
        "birth_year": day.year,
        "birth_month": day.month,
        "birth_day": day.day,
        "birth_leap": day.leap,
    }


def solar_day(value: Cell, latest_year: int) -> date:
    found = _day(value, latest_year).solar()
    if found is None:
        raise Unclear(N_("“%(value)s” is no whole date; write it as 2026-03-02."), value)
    return found


def moment(value: Cell, latest_year: int) -> str:
    """A day, with its time where the cell has one: ISO, in the business's time zone."""
    if isinstance(value, float) and _FIRST_SERIAL <= value < _LAST_SERIAL and value != int(value):
        value = datetime(1899, 12, 30) + timedelta(days=value)  # noqa: DTZ001 - local time of the list
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", value.strip()):
        try:
            return datetime.fromisoformat(value.strip()).replace(tzinfo=None).isoformat(timespec="seconds")
        except ValueError:
            raise Unclear(N_("“%(value)s” is no time; write it as 2026-03-02 14:30."), value) from None
    return solar_day(value, latest_year).isoformat()


def _day(value: Cell, latest_year: int) -> Day:
    strange = isinstance(value, int | float) and not abs(value) < _LARGEST_DAY
    if strange or isinstance(value, time | timedelta | bool):
        raise Unclear(N_("“%(value)s” is no whole date; write it as 2026-03-02."), value)
    try:
        return read_day(value, latest_year)
    except NoDay as wrong:
        raise Unclear(wrong.sentence, value) from None


def card(value: Cell) -> id_card.IdCard:
    """Numbers of a spreadsheet have 15 digits at most: a longer one came to harm."""
    damaged = isinstance(value, int | float) and abs(value) >= 10**_EXACT_DIGITS
    try:
        if damaged:
            raise id_card.Damaged("id_card_damaged")
        return id_card.parse(as_text(value))
    except id_card.Wrong as wrong:
        # Without the number: reasons are kept in plain text.
        raise Unclear(ID_CARD_SENTENCES.get(str(wrong), ID_CARD_SENTENCES["id_card_length"])) from None


Phone = tuple[str, str | None, str, str]  # as shown, E.164, digits backwards, kind


def phones(value: Cell, column_kind: str, area_code: str) -> list[Phone]:
    """All numbers of a cell. Raises Unclear for a piece that is none."""
    plain = as_text(value)
    if _EXPONENT.fullmatch(plain):
        raise Unclear(_PHONE_DAMAGED, value)
    numbers, junk = split_cell(plain, area_code)
    if junk:
        raise Unclear(N_("“%(value)s” is not a phone number."), junk[0])
    return [_phone(number, column_kind) for number in numbers]


def _phone(number: PhoneNumber, column_kind: str) -> Phone:
    kind = _PHONE_KINDS.get(column_kind)
    if kind is None or (kind is PhoneKind.MOBILE) != (number.kind is NumberKind.MOBILE):
        kind = rules.phone_kind(None, number)
    shown = f"{number.national}-{number.extension}" if number.extension else number.national
    return shown[:40], number.e164, number.reversed_digits, kind.value
