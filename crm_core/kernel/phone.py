"""Chinese phone numbers (pure): from what people type and PBXs send to E.164, and to what may be shown of them.

Own code because the trade's cells hold what general libraries refuse: extensions, several numbers in one cell,
landlines without area code, carrier prefixes. The tests hold it against `phonenumbers` as an oracle.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from crm_core.kernel.errors import Rejected


class NumberKind(StrEnum):
    MOBILE = "mobile"
    LANDLINE = "landline"
    SERVICE = "service"  # 400, 800, 95xxx, 10086, 12315, 106… and the emergency numbers
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A recognised number. ``e164`` is None for a landline whose area is not known and for short service codes.

    ``digits`` is what matching by suffix works on: the E.164 digits when known, else the digits as given.
    """

    e164: str | None
    kind: NumberKind
    digits: str
    extension: str | None = None

    @property
    def reversed_digits(self) -> str:
        return self.digits[::-1]

    @property
    def national(self) -> str:
        """As dialled inside China: 13800138000, 02162345678, 4008101234; foreign ones with 00."""
        return national(self.e164) if self.e164 else self.digits


_AREA3 = r"(?:10|2[0-57-9])"
_AREA4 = (
    r"(?:3(?:1\d|35|49|5\d|7\d|9[1-68])|4(?:1[125-9]|2[179]|[35]\d|6[47-9]|7\d|8[23])"
    r"|5(?:[1357]\d|2[37]|4[36]|6[1-46]|80|9[1-9])|6(?:3[1-35]|6[0238]|9[12])"
    r"|7(?:01|[1579]\d|2[248]|3\d|4[3-6]|6[0-689])|8(?:1[236-8]|2[5-7]|[37]\d|5[14-9]|8[36-8]|9[1-8])"
    r"|9(?:0[1-9]|[1379]\d|4[13]|5[1-5]|94|9\d))"
)
_SHORT = r"(?:95\d{3,4}|96\d{3,4}|100\d\d|123\d\d)"  # service codes that can be dialled with an area code too
_MOBILE: Final = re.compile(r"1[3-9]\d{9}")
_AREA_CODE: Final = re.compile(rf"0({_AREA3}|{_AREA4})")
_LANDLINE: Final = re.compile(rf"(?:({_AREA3})([2-9]\d{{7}}|{_SHORT})|({_AREA4})([2-9]\d{{6,7}}|{_SHORT}))")
_LOCAL: Final = re.compile(r"[2-9]\d{6,7}")
_TOLL_FREE: Final = re.compile(r"[48]00\d{7}")
_SERVICE: Final = re.compile(
    r"11[02479]|12[02]|12[13]\d\d|100\d\d|101\d\d|95\d{3,6}|96\d{3,4}|1010\d{4}|11[68]114|106\d{5,17}"
)
# Prefixes that choose a long-distance carrier or hide the caller; what follows is a complete number.
_CARRIER: Final = re.compile(r"(?:179(?:00|01|08|09|10|11|50|51|61|69|90|91|96)|12593|12520|10193|11808)(?=\d{10,})")
_LABEL: Final = re.compile(
    r"^(?:电话|手机|固话|座机|联系电话|传真|办公|住宅|家|tel|mobile|phone|sip)(?:号码)?[:：]?", re.IGNORECASE
)
_EXTENSION: Final = re.compile(r"(?:转接?|分机号?|extension|ext\.?|[x*#])[\s:：]*(\d{1,6})$", re.IGNORECASE)
_DASHED_EXTENSION: Final = re.compile(r"^(.*?(\d+))[-—–](\d{1,5})$")
_SEPARATORS: Final = re.compile(r"[\s\-—–‐‑_.·()（）\u200b\u202a-\u202e\ufeff]+")
_BETWEEN: Final = re.compile(r"[,，;；、|\n\r\t/\\]+|(?:\s+(?:或者?|or|and|和)\s+)|或")
_LONGEST_CELL = 400
_TWO_MOBILES = 22
SEVERAL: Final = "holds several numbers: give each a field of its own"
_FULL = 10  # without 0 or +86 in front only a number of this length can hold its area code


def normalise(text: str, area_code: str = "") -> PhoneNumber:
    """The one number in ``text``; ``area_code`` ("021") completes a local landline. Raises Rejected otherwise."""
    plain = _plain(text)
    if not plain:
        raise Rejected("phone_empty", "The phone number is empty.")
    number = _with_extension(plain, area_code)
    if number is None:
        if len(split_cell(text, area_code)[0]) > 1:
            raise Rejected("phone_invalid", SEVERAL)
        raise Rejected("phone_invalid", f"“{text.strip()[:40]}” is not a phone number: {_why(plain, area_code)}")
    return number


def recognise(text: str | None, area_code: str = "") -> PhoneNumber | None:
    """Like normalise, but None for what is no number: hidden callers, names, junk from the line."""
    plain = _plain(text or "")
    return _with_extension(plain, area_code) if plain else None


def split_cell(text: str, area_code: str = "") -> tuple[list[PhoneNumber], list[str]]:
    """All numbers in a cell, in order and each once, and the pieces that are none."""
    if text.isascii() and _MOBILE.fullmatch(text):  # most cells
        return [PhoneNumber("+86" + text, NumberKind.MOBILE, "86" + text)], []
    found: dict[tuple[str, str | None], PhoneNumber] = {}
    junk: list[str] = []
    previous: PhoneNumber | None = None
    for piece in _BETWEEN.split(unicodedata.normalize("NFKC", text)[:_LONGEST_CELL]):
        if not piece or not piece.strip():
            continue
        numbers = _several(piece.strip(), area_code) or _continued(previous, piece.strip())
        if not numbers:
            junk.append(piece.strip())
        for number in numbers:
            found.setdefault((number.digits, number.extension), number)
            previous = number
    return list(found.values()), junk


def national(e164: str) -> str:
    """+8613800138000 as 13800138000, +862162345678 as 02162345678, +14155550100 as 0014155550100."""
    if not e164.startswith("+86"):
        return "00" + e164.lstrip("+")
    rest = e164[3:]
    return "0" + rest if _LANDLINE.fullmatch(rest) and not _MOBILE.fullmatch(rest) else rest


def mask(number: str | None) -> str | None:
    """What may be shown of a number where the full one is hidden: 138****8000, 021****5678, 1415***0100."""
    if not number:
        return number
    known = recognise(number)
    if known is not None and known.kind is NumberKind.SERVICE:
        return number
    if known is not None and known.kind is NumberKind.MOBILE:
        plain = known.national
        return f"{plain[:3]}****{plain[-4:]}"
    digits = known.national if known else re.sub(r"\D", "", _plain(number))
    if len(digits) <= 4:
        return "*" * len(digits) if digits else "****"
    area = _AREA_CODE.match(digits)
    head = area.end() if area and len(digits) - area.end() >= 6 else min(4, max(0, len(digits) - 8))
    return digits[:head] + "*" * max(1, len(digits) - head - 4) + digits[-4:]


def _plain(text: str) -> str:
    """Half-width ASCII digits, without labels and SIP decoration."""
    plain = unicodedata.normalize("NFKC", text).strip().strip("\"'`")
    if not plain.isascii():
        plain = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in plain)
    plain = _LABEL.sub("", plain).strip()
    return plain.split("@", 1)[0] if "@" in plain else plain


def _with_extension(plain: str, area_code: str) -> PhoneNumber | None:
    """Says the number and its extension, if any; a dash before a short tail means one only after a complete number."""
    if marked := _EXTENSION.search(plain):
        return _joined(plain[: marked.start()], area_code, marked[1])
    if dashed := _DASHED_EXTENSION.match(plain):
        main = _joined(dashed[1], area_code, dashed[3])
        if main and (len(dashed[2]) >= 7 or main.kind in (NumberKind.MOBILE, NumberKind.SERVICE)):
            return main
    return _joined(plain, area_code, None)


def _joined(text: str, area_code: str, extension: str | None) -> PhoneNumber | None:
    compact = _SEPARATORS.sub("", text)
    international = compact.startswith("+")
    digits = compact.lstrip("+")
    if not digits.isascii() or not digits.isdigit():
        return None
    number = _international(digits, area_code) if international else _domestic(digits, area_code)
    if number is None or extension is None:
        return number
    return PhoneNumber(number.e164, number.kind, number.digits, extension)


def _international(digits: str, area_code: str) -> PhoneNumber | None:
    if digits.startswith("86"):
        rest = digits[2:].removeprefix("0")
        return _significant(rest) or (_domestic(rest, area_code) if _SERVICE.fullmatch(rest) else None)
    if 7 <= len(digits) <= 15 and digits[0] != "0":
        return PhoneNumber("+" + digits, NumberKind.FOREIGN, digits)
    return None


def _domestic(digits: str, area_code: str) -> PhoneNumber | None:
    if digits.startswith("00"):
        return _international(digits[2:], area_code)
    if carrier := _CARRIER.match(digits):
        return _domestic(digits[carrier.end() :], area_code)
    if _SERVICE.fullmatch(digits):
        return PhoneNumber(None, NumberKind.SERVICE, digits)
    if digits.startswith("0"):
        return _significant(digits[1:], toll_free=False)
    if len(digits) >= _FULL and (number := _significant(digits)):
        return number
    if digits.startswith("86") and 12 <= len(digits) <= 14 and (number := _significant(digits[2:].removeprefix("0"))):
        return number
    return _local(digits, area_code)


def _significant(digits: str, *, toll_free: bool = True) -> PhoneNumber | None:
    """A national number without the leading zero."""
    if _MOBILE.fullmatch(digits):
        kind = NumberKind.MOBILE
    elif _TOLL_FREE.fullmatch(digits):
        if not toll_free:
            return None
        kind = NumberKind.SERVICE
    elif _LANDLINE.fullmatch(digits):
        kind = NumberKind.LANDLINE
    else:
        return None
    return PhoneNumber("+86" + digits, kind, "86" + digits)


def _local(digits: str, area_code: str) -> PhoneNumber | None:
    if not _LOCAL.fullmatch(digits):
        return None
    if not area_code:
        return PhoneNumber(None, NumberKind.LANDLINE, digits)
    return _significant(area_code.removeprefix("0") + digits, toll_free=False)


def _several(piece: str, area_code: str) -> list[PhoneNumber]:
    """The numbers of a piece without separators: one, two mobiles run together, or several between blanks."""
    if one := recognise(piece, area_code):
        return [one]
    digits = _SEPARATORS.sub("", piece)
    if len(digits) == _TWO_MOBILES and _MOBILE.fullmatch(digits[:11]) and _MOBILE.fullmatch(digits[11:]):
        return [number for half in (digits[:11], digits[11:]) if (number := recognise(half, area_code))]
    words = piece.split()
    for count in range(len(words) - 1, 0, -1):
        first = recognise(" ".join(words[:count]), area_code)
        if first and (rest := _several(" ".join(words[count:]), area_code)):
            return [first, *rest]
    return []


def _continued(previous: PhoneNumber | None, piece: str) -> list[PhoneNumber]:
    """62345678/79 means 62345678 and 62345679."""
    if previous is None or previous.kind is not NumberKind.LANDLINE or not re.fullmatch(r"\d{1,4}", piece):
        return []
    digits = previous.digits[: -len(piece)] + piece
    return [PhoneNumber("+" + digits if previous.e164 else None, NumberKind.LANDLINE, digits)]


def _why(plain: str, area_code: str) -> str:
    digits = re.sub(r"\D", "", plain)
    if not digits:
        return "it has no digits."
    if re.search(r"[^\d\s\-+().]", _EXTENSION.sub("", plain)):
        return "it holds other characters than digits."
    if digits.startswith("1") and len(digits) in (10, 12):
        return f"a mobile number has 11 digits, this one {len(digits)}."
    if _LOCAL.fullmatch(digits) and area_code:
        return f"it does not fit the area code {area_code}."
    if len(digits) < 7:
        return f"{len(digits)} digits are too few."
    return f"no number in use has these {len(digits)} digits."
