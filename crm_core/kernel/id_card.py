"""Chinese identity card numbers (GB 11643-1999): 18 digits with a check digit, and the older 15 without one."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Final

_WEIGHTS: Final = tuple(pow(2, 17 - place, 11) for place in range(17))  # GB 11643: 2^(18-i) modulo 11
_CHECKS: Final = "10X98765432"
# The provinces of GB/T 2260 by their first two digits; 81 to 83 are residents from Hong Kong, Macao and Taiwan.
_PROVINCES: Final = frozenset(
    (*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82, 83)
)
_SIGNIFICANT: Final = 15  # digits that a spreadsheet keeps of a number; it writes zeros for the rest
_EXPONENT = re.compile(r"\d(?:[.,]\d+)?E\+?\d+", re.IGNORECASE)
_OLD, _NEW = re.compile(r"\d{15}"), re.compile(r"\d{17}[\dX]")
_IGNORED = re.compile(r"[\s\-‐-―'’`]+")


class Wrong(ValueError):
    """No identity card number; the text is a slug: ``id_card_length``, ``id_card_characters``, ``id_card_region``,
    ``id_card_birthday``, ``id_card_check``."""


class Damaged(Wrong):
    """A spreadsheet took the number for a figure and lost its last digits (``id_card_damaged``)."""


@dataclass(frozen=True, slots=True)
class IdCard:
    """What a valid number says. ``region`` is the six-digit code of the place of issue, as of that day."""

    number18: str
    birthday: date
    sex: str  # "male" or "female"
    region: str


def parse(text: str) -> IdCard:
    """The number in any spelling: full-width, small x, blanks and dashes, 15 digits. Raises Wrong with a slug."""
    number = _IGNORED.sub("", unicodedata.normalize("NFKC", text)).upper()
    if _EXPONENT.fullmatch(number) or number.removesuffix(".0") != number:
        raise Damaged("id_card_damaged")
    if _OLD.fullmatch(number):
        # The short form was given to people of the twentieth century only.
        body = f"{number[:6]}19{number[6:]}"
        return _card(body + check_digit(body))
    if not _NEW.fullmatch(number):
        raise Wrong("id_card_characters" if len(number) in (15, 18) else "id_card_length")
    if number[17] != check_digit(number[:17]):
        # A right number may end in 000 too: only with a wrong check digit is it a spreadsheet's work.
        raise Damaged("id_card_damaged") if number[_SIGNIFICANT:] == "000" else Wrong("id_card_check")
    return _card(number)


def check_digit(body: str) -> str:
    """The eighteenth character for the seventeen digits before it (ISO 7064 MOD 11-2)."""
    return _CHECKS[sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11]


def _card(number: str) -> IdCard:
    if int(number[:2]) not in _PROVINCES:
        raise Wrong("id_card_region")
    try:
        birthday = date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        raise Wrong("id_card_birthday") from None
    if not 1850 <= birthday.year <= 2150:
        raise Wrong("id_card_birthday")
    return IdCard(number, birthday, "male" if int(number[16]) % 2 else "female", number[:6])
