"""Builds crm_core/kernel/data/regions.bin from the places and carriers in the `phonenumbers` package (Apache-2.0).

The service itself never imports that data: it takes more than 100 MB of memory there and under 1 MB here.
"""

from __future__ import annotations

import re
import sys
import zlib
from array import array
from pathlib import Path
from typing import Any

import orjson
import phonenumbers
from phonenumbers.carrierdata import CARRIER_DATA
from phonenumbers.geodata import GEOCODE_DATA

TARGET = Path(__file__).parent.parent / "crm_core" / "kernel" / "data" / "regions.bin"
DIGITS = 7  # of the national number: as fine as the data is
PROVINCE = re.compile(
    r"^(北京市|上海市|天津市|重庆市|内蒙古自治区|内蒙古|广西壮族自治区|广西|西藏自治区|西藏"
    r"|宁夏回族自治区|宁夏|新疆维吾尔自治区|新疆|.{2,3}?省)(.*)$"
)


def place_of(names: dict[str, str]) -> tuple[str, str, str]:
    """Province and city in Chinese, and both in English."""
    chinese = names.get("zh", "")
    match = PROVINCE.match(chinese)
    province, city = match.groups() if match else (chinese, "")
    return province, city or province, names.get("en", "")


def painted(national: dict[str, tuple[str, str, str]]) -> dict[int, tuple[str, str, str]]:
    """Each 7-digit beginning with the place of its longest known prefix."""
    table: dict[int, tuple[str, str, str]] = {}
    for prefix in sorted(national, key=len):
        width = DIGITS - len(prefix)
        first = int(prefix) * 10**width
        table.update(dict.fromkeys(range(first, first + 10**width), national[prefix]))
    return table


def main() -> None:
    national = {key[2:]: place_of(names) for key, names in GEOCODE_DATA.items() if key.startswith("86")}
    table = painted(national)
    places = sorted(set(table.values()))
    number = {place: index + 1 for index, place in enumerate(places)}  # 0 is "not known"
    starts, values = array("I"), array("H")
    before, last = -1, 0
    for beginning in sorted(table):
        if beginning != before + 1 and last != 0:
            starts.append(before + 1)
            values.append(0)
            last = 0
        if number[table[beginning]] != last:
            starts.append(beginning)
            last = number[table[beginning]]
            values.append(last)
        before = beginning
    if sys.byteorder == "big":
        starts.byteswap()
        values.byteswap()
    carriers: dict[str, list[str]] = {
        key[2:]: [names.get("zh", names["en"]), names["en"]] for key, names in CARRIER_DATA.items() if key[:2] == "86"
    }
    head: dict[str, Any] = {
        "source": f"phonenumbers {phonenumbers.__version__} (Apache-2.0)",
        "places": places,
        "carriers": carriers,
        "ranges": len(starts),
    }
    packed = orjson.dumps(head) + b"\n" + starts.tobytes() + values.tobytes()
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_bytes(zlib.compress(packed, 9))
    print(f"{TARGET.name}: {len(places)} places, {len(starts)} ranges, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
