"""Days as lists write them: 1958-3-2, 1958年3月2日, 19580302, Excel's serial number, 农历五月初三 (pure)."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from crm_core.customers.kinds import Calendar
from crm_core.kernel.lunar import FIRST_YEAR, LAST_YEAR, to_solar
from crm_core.kernel.texts import N_

_EPOCH: Final = date(1899, 12, 30)  # Excel's day 0, its leap day of 1900 that never was included
_FIRST_SERIAL, _LAST_SERIAL = 61, 73_050  # 1 March 1900 to the end of 2099
_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "○": 0, "两": 2, "元": 1, "正": 1}
_LUNAR_WORD: Final = re.compile(r"农历|阴历|旧历|夏历|lunar", re.IGNORECASE)
_SOLAR_WORD: Final = re.compile(r"公历|阳历|新历|国历|西历|solar", re.IGNORECASE)
_PLAIN: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})", re.ASCII)
_YEAR_FIRST: Final = re.compile(r"(\d{4}|\d{2})[-/.年\s]+(\d{1,2})[-/.月\s]+(\d{1,2})[日号]?")
_YEAR_LAST: Final = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
_COMPACT: Final = re.compile(r"(\d{4})(\d{2})(\d{2})")
_MONTH_DAY: Final = re.compile(r"(\d{1,2})[-/.月](\d{1,2})[日号]?")
_YEAR_MONTH: Final = re.compile(r"(\d{4})[-/.年](\d{1,2})月?")
_YEAR: Final = re.compile(r"(\d{4})年?")
_TIME: Final = re.compile(r"[T\s]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?$")
_CHINESE: Final = re.compile(
    r"(?:([零〇○一二三四五六七八九]{4}|\d{4})年)?(闰)?(正|元|冬|腊|十[一二]?|[一二三四五六七八九]|1[0-2]|0?[1-9])月"
    r"(初[一二三四五六七八九十]|二十[一二三四五六七八九]?|廿[一二三四五六七八九]?|三十|卅|十[一二三四五六七八九]?"
    r"|[一二三四五六七八九]|[12]\d|30|31|0?[1-9])[日号]?"
)
_LUNAR_ONLY: Final = re.compile(r"闰|正月|冬月|腊月|初|廿|卅")


class NoDay(ValueError):
    """``sentence`` says what is wrong and what to write instead; a key of the catalogues."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


UNKNOWN = N_("“%(value)s” is not a date; write it as 1958-03-02.")
AMBIGUOUS = N_("“%(value)s” can mean two days; write it as 1958-03-02.")
IMPOSSIBLE = N_("“%(value)s” does not exist in the calendar.")


@dataclass(frozen=True, slots=True)
class Day:
    """A day as far as it is known: the year may be missing, or all but the year."""

    calendar: Calendar
    year: int | None
    month: int | None
    day: int | None
    leap: bool = False

    def solar(self) -> date | None:
        """The solar date, when it is one and whole."""
        if self.calendar is Calendar.LUNAR or self.year is None or self.month is None or self.day is None:
            return None
        return date(self.year, self.month, self.day)


def read_day(value: object, latest_year: int) -> Day:
    """The day in a cell. Two-digit years end with ``latest_year``. Raises NoDay."""
    if isinstance(value, datetime):
        return _solar(value.year, value.month, value.day)
    if isinstance(value, date):
        return _solar(value.year, value.month, value.day)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value, latest_year)
    if isinstance(value, str) and (found := _PLAIN.fullmatch(value)):  # most are written so
        return _made(Calendar.SOLAR, int(found[1]), int(found[2]), int(found[3]))
    text = unicodedata.normalize("NFKC", str(value)).strip()
    lunar, solar = bool(_LUNAR_WORD.search(text)), bool(_SOLAR_WORD.search(text))
    plain = re.sub(r"[()（）:：、,，]+|生日|\b0:00(:00)?$", "", _SOLAR_WORD.sub("", _LUNAR_WORD.sub("", text))).strip()
    if lunar and solar:
        raise NoDay(AMBIGUOUS)
    return _read(plain if lunar else _TIME.sub("", text if not solar else plain).strip(), lunar, latest_year)


def _number(value: float, latest_year: int) -> Day:
    if _FIRST_SERIAL <= value < _LAST_SERIAL:
        found = _EPOCH + timedelta(days=int(value))
        if 1850 <= value <= 2150 and value == int(value):  # a bare year is likelier than a day of 1905
            return Day(Calendar.SOLAR, int(value), None, None)
        return _solar(found.year, found.month, found.day)
    return _read(str(int(value)), False, latest_year)


def _read(text: str, lunar: bool, latest_year: int) -> Day:
    calendar = Calendar.LUNAR if lunar else Calendar.SOLAR
    compact = re.sub(r"\s+", "", text)
    if found := _YEAR_FIRST.fullmatch(text):
        return _made(calendar, _year(found[1], latest_year), int(found[2]), int(found[3]))
    if found := _COMPACT.fullmatch(compact):
        return _made(calendar, int(found[1]), int(found[2]), int(found[3]))
    if found := _YEAR_LAST.fullmatch(text):
        return _year_last(calendar, int(found[1]), int(found[2]), int(found[3]))
    if found := _YEAR_MONTH.fullmatch(compact):
        return _made(calendar, int(found[1]), int(found[2]), None)
    if found := _YEAR.fullmatch(compact):
        return _made(calendar, int(found[1]), None, None)
    if found := _MONTH_DAY.fullmatch(compact):
        return _made(calendar, None, int(found[1]), int(found[2]))
    if found := _CHINESE.fullmatch(compact):
        lunar = lunar or bool(_LUNAR_ONLY.search(compact))
        year = None if found[1] is None else int("".join(str(_DIGITS.get(c, c)) for c in found[1]))
        made = Calendar.LUNAR if lunar else Calendar.SOLAR
        return _made(made, year, _chinese_number(found[3]), _chinese_number(found[4]), found[2] is not None)
    raise NoDay(UNKNOWN)


def _year_last(calendar: Calendar, first: int, second: int, year: int) -> Day:
    if first <= 12 and second <= 12 and first != second:
        raise NoDay(AMBIGUOUS)
    month, day = (second, first) if first > 12 else (first, second)
    return _made(calendar, year, month, day)


def _year(text: str, latest_year: int) -> int:
    if len(text) == 4:
        return int(text)
    year = latest_year // 100 * 100 + int(text)
    return year if year <= latest_year else year - 100


def _chinese_number(text: str) -> int:
    if text.isdigit() and text.isascii():
        return int(text)
    if text in ("冬", "腊"):
        return 11 if text == "冬" else 12
    text = text.removeprefix("初").replace("廿", "二十").replace("卅", "三十")
    if "十" not in text:
        return _DIGITS[text]
    tens, _, ones = text.partition("十")
    return (_DIGITS[tens] if tens else 1) * 10 + (_DIGITS[ones] if ones else 0)


def _made(calendar: Calendar, year: int | None, month: int | None, day: int | None, leap: bool = False) -> Day:
    if calendar is Calendar.SOLAR:
        return _solar(year, month, day)
    if not (month is None or 1 <= month <= 12) or not (day is None or 1 <= day <= 30):
        raise NoDay(IMPOSSIBLE)
    whole = year is not None and month is not None and day is not None
    if whole and FIRST_YEAR <= (year or 0) <= LAST_YEAR and to_solar(year or 0, month or 0, day or 0, leap) is None:
        raise NoDay(IMPOSSIBLE)
    return Day(calendar, _within(year), month, day, leap)


def _solar(year: int | None, month: int | None, day: int | None) -> Day:
    if month is not None:
        try:
            date(year or 2000, month, day or 1)  # 2000 is a leap year: 29 February is a birthday
        except ValueError:
            raise NoDay(IMPOSSIBLE) from None
    return Day(Calendar.SOLAR, _within(year), month, day)


def _within(year: int | None) -> int | None:
    if year is not None and not 1850 <= year <= 2150:
        raise NoDay(IMPOSSIBLE)
    return year
