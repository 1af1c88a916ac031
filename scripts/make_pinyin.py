"""Builds crm_core/customers/data/pinyin.txt, every reading of every usual character, from the `pypinyin` package (MIT).

The service reads this table and not the package: its dictionaries of phrases take 57 MB and are of no use for names,
for which every reading is indexed.
"""

from __future__ import annotations

from pathlib import Path

from pypinyin import Style, pinyin

TARGET = Path(__file__).parent.parent / "crm_core" / "customers" / "data" / "pinyin.txt"
CHARACTERS = [*range(0x3400, 0x4DC0), 0x3007, *range(0x4E00, 0xA000)]


def main() -> None:
    first: dict[str, list[str]] = {}
    others: dict[str, list[str]] = {}
    for code in CHARACTERS:
        character = chr(code)
        (readings,) = pinyin(character, style=Style.NORMAL, heteronym=True, errors="ignore") or ([],)
        plain = list(dict.fromkeys(r.replace("ü", "v") for r in readings if r.isalpha()))
        for index, reading in enumerate(plain):
            (others if index else first).setdefault(reading, []).append(character)
    lines = [
        f"{r} {''.join(first.get(r, ()))} {''.join(others.get(r, ()))}".rstrip() for r in sorted({*first, *others})
    ]
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{TARGET.name}: {len(lines)} readings, {sum(map(len, first.values()))} characters")


if __name__ == "__main__":
    main()
