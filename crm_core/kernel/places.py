"""The provinces, cities and districts of China (GB/T 2260), and addresses taken apart by them.

The table is built by ``scripts/make_places.py`` and read at the first question only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

_PROVINCE_ENDS = ("维吾尔自治区", "壮族自治区", "回族自治区", "自治区", "特别行政区", "省", "市")
_CITY_ENDS = ("地区", "市", "盟")
_PEOPLES = "朝鲜|土家|布依|哈尼|景颇|傈僳|蒙古|苗|黎|藏|羌|彝|侗|壮|傣|白|回"
_AUTONOMOUS = re.compile(rf"(?:(?:{_PEOPLES})族)+自治[州县]$|(?:哈萨克|蒙古|柯尔克孜)自治州$")
# After a short name these say that it is the name of a street: 南京路, 上海大道.
_STREET = re.compile(r"(?:[东西南北中]{0,2}(?:路|街|道|巷|弄|里|胡同)|大道|大街)")
# 朝阳区 and 朝阳县 are not the city of 朝阳 with something behind it.
_LOWER = re.compile(r"(?:新?区|县|镇|乡)")
_SUFFIXES = ("", "区", "县", "市", "新区", "旗")
# What stands for the city where a municipality has none.
_NO_CITY = frozenset({"市辖区", "县", "直辖县级"})
_BLANK = re.compile(r"[\s,，、;；/·]+")


@dataclass(frozen=True, slots=True)
class Place:
    """Parts of an address in their full names; ``rest`` is what stood behind them."""

    province: str
    city: str | None = None
    district: str | None = None
    rest: str = ""


class Unknown(ValueError):
    """A part of an address that is nowhere, or not inside the part before it; the text is which one."""


@dataclass(frozen=True, slots=True)
class _Table:
    tree: Mapping[str, Mapping[str, tuple[str, ...]]]
    codes: Mapping[str, Place]
    short: Mapping[str, str]  # of provinces
    city_homes: Mapping[str, tuple[tuple[str, str], ...]]  # full and short name of a city -> (province, city)
    district_homes: Mapping[str, tuple[tuple[str, str], ...]]


def provinces() -> tuple[str, ...]:
    """All of them, in the order of the standard."""
    return tuple(_table().tree)


def cities(province: str) -> tuple[str, ...]:
    """The cities of a province, by its full or short name; none when it is not known.

    A municipality is its own city; a county that belongs to no city stands among the cities.
    """
    return tuple(_table().tree.get(_province(province) or "", ()))


def districts(province: str, city: str) -> tuple[str, ...]:
    """The districts and counties of a city; none when it has none or is not known."""
    own = _table().tree.get(_province(province) or "", {})
    return own.get(_city(own, city) or "", ())


def known(province: str | None, city: str | None = None, district: str | None = None) -> bool:
    """Whether each part that is given is there and lies in the one before it; short names count."""
    if not province:
        return not city and not district
    full = _province(province)
    if full is None:
        return False
    own = _table().tree[full]
    if not city:
        return not district or any(district in inside for inside in own.values())
    found = _city(own, city)
    return found is not None and (not district or district in own[found])


def filled(province: str | None, city: str | None, district: str | None) -> tuple[str | None, str | None, str | None]:
    """The parts as they were given, with those above them that follow, and 浦东 as 浦东新区.

    Raises Unknown: ``province``, ``city`` or ``district``.
    """
    homes = _homes(province, city)
    if not district:
        only = homes[0] if city and homes is not None and len(homes) == 1 else (None, None)
        return province or only[0], city if city not in _NO_CITY else only[1], None
    name, fitting = _district(district, homes)
    only = fitting[0] if len(fitting) == 1 else (None, None)
    return province or only[0], city if city and city not in _NO_CITY else only[1], name


def _homes(province: str | None, city: str | None) -> list[tuple[str, str]] | None:
    """The cities that are meant; None: any. Raises Unknown."""
    table, full = _table(), _province(province) if province else None
    if province and full is None:
        raise Unknown("province")
    if full is None:
        if city and city not in table.city_homes:
            raise Unknown("city")
        return list(table.city_homes[city]) if city else None
    own = table.tree[full]
    if not city or (city in _NO_CITY and len(own) == 1):
        return [(full, one) for one in own]
    found = _city(own, city)
    if found is None:
        raise Unknown("city")
    return [(full, found)]


def _district(name: str, homes: list[tuple[str, str]] | None) -> tuple[str, list[tuple[str, str]]]:
    """Its full name and the cities that have one of this name. Raises Unknown."""
    table = _table()
    for suffix in _SUFFIXES:
        found = table.district_homes.get(name + suffix, ())
        fitting = [home for home in found if homes is None or home in homes]
        if fitting:
            return name + suffix, fitting
    # A county that belongs to no city stands among the cities; a city without districts has towns of any name.
    counties = [home for home in table.city_homes.get(name, ()) if homes is None or home in homes]
    if counties or (homes is not None and len(homes) == 1 and not table.tree[homes[0][0]][homes[0][1]]):
        return name, counties
    raise Unknown("district")


def by_code(code: str) -> Place | None:
    """The place of a six-digit code, or of its province when the district is no longer in the standard."""
    codes = _table().codes
    return codes.get(code) or codes.get(code[:4]) or codes.get(code[:2])


def complete(text: str) -> Place | None:
    """An address taken apart, missing upper parts added where only one place bears the name; None: nothing found."""
    given = unicodedata.normalize("NFKC", text).strip()
    table = _table()
    province, rest = _take_province(given)
    if province is not None:
        city, rest = _take_city(table.tree[province], rest)
        if city is None:
            found = _take_district(rest, [(province, one) for one in table.tree[province]])
            return found or Place(province, None, None, rest)
        return _take_district(rest, [(province, city)]) or Place(province, city, None, rest)
    for length in range(min(len(given), 12), 1, -1):
        homes = table.city_homes.get(given[:length], ())
        behind = _trimmed(given[length:])
        if len(homes) == 1 and (given[:length] == homes[0][1] or not _goes_on(behind)):
            return _take_district(behind, [homes[0]]) or Place(*homes[0], None, behind)
    return _take_district(given, None)


def _take_province(text: str) -> tuple[str | None, str]:
    table = _table()
    for full in table.tree:
        if text.startswith(full):
            return full, _trimmed(text[len(full) :])
    for short, full in table.short.items():
        if text.startswith(short):
            behind = text[len(short) :]
            # 吉林市 is the city, not the province with a stray 市; municipalities are both.
            if not _STREET.match(behind) and not (behind.startswith("市") and f"{short}市" in table.tree[full]):
                return full, _trimmed(behind.removeprefix("省"))
    return None, text


def _take_city(own: Mapping[str, tuple[str, ...]], text: str) -> tuple[str | None, str]:
    by_length = sorted(own, key=len, reverse=True)
    for full in by_length:
        if text.startswith(full):
            return full, _trimmed(text[len(full) :])
    for full in by_length:
        short = _short_city(full)
        if short != full and text.startswith(short) and not _goes_on(text[len(short) :]):
            return full, _trimmed(text[len(short) :])
    # The one city of a municipality is named by naming the municipality.
    return (next(iter(own)), text) if len(own) == 1 else (None, text)


def _goes_on(behind: str) -> bool:
    """Whether a short name is only the beginning of another: of a street's, or of a district's."""
    return bool(_STREET.match(behind) or _LOWER.match(behind))


def _take_district(text: str, homes: list[tuple[str, str]] | None) -> Place | None:
    """The district that the text begins with, in one of these cities or, without them, wherever only one has it."""
    table = _table()
    for length in range(min(len(text), 16), 1, -1):
        found = table.district_homes.get(text[:length], ())
        fitting = [home for home in found if homes is None or home in homes]
        if len(fitting) == 1:
            return Place(*fitting[0], text[:length], _trimmed(text[length:]))
    return None


def _province(name: str) -> str | None:
    table = _table()
    return name if name in table.tree else table.short.get(name)


def _city(own: Mapping[str, tuple[str, ...]], name: str) -> str | None:
    if name in own:
        return name
    return next((full for full in own if _short_city(full) == name), None)


def _short_province(name: str) -> str:
    return next((name.removesuffix(end) for end in _PROVINCE_ENDS if name.endswith(end)), name)


def _short_city(name: str) -> str:
    short = _AUTONOMOUS.sub("", name)
    short = next((short.removesuffix(end) for end in _CITY_ENDS if short.endswith(end)), short)
    return short if len(short) > 1 else name


def _trimmed(text: str) -> str:
    found = _BLANK.match(text)
    return text[found.end() :] if found else text


@lru_cache(maxsize=1)
def _table() -> _Table:
    lines = (resources.files("crm_core.kernel") / "data" / "places.txt").read_text(encoding="utf-8").splitlines()
    tree: dict[str, dict[str, tuple[str, ...]]] = {}
    codes: dict[str, Place] = {}
    city_homes: dict[str, list[tuple[str, str]]] = {}
    district_homes: dict[str, list[tuple[str, str]]] = {}
    province = city = ""
    for line in lines:
        depth = len(line) - len(line.lstrip(" "))
        name, _, code = line.strip().partition(" ")
        if depth == 0:
            province, place = name, Place(name)
            tree[province] = {}
        elif depth == 1:
            city, place = name, Place(province, name)
            tree[province][city] = ()
            for spelling in {name, _short_city(name)}:
                city_homes.setdefault(spelling, []).append((province, city))
        else:
            place = Place(province, city, name)
            tree[province][city] += (name,)
            district_homes.setdefault(name, []).append((province, city))
        if code:
            codes[code] = place
    short = {_short_province(name): name for name in tree}
    frozen = [{name: tuple(homes) for name, homes in found.items()} for found in (city_homes, district_homes)]
    return _Table(tree, codes, short, frozen[0], frozen[1])
