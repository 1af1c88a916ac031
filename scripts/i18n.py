"""Keeps the catalogues in step with the sources: collects the strings, merges them, says what is missing.

``--check`` changes nothing and fails when a string is missing, untranslated or fuzzy in any language but English.
"""

from __future__ import annotations

import argparse
import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
# What callcenter and the core say with N_() is shown by the pages too.
FOLDERS = ("web", "callcenter", "crm_core")
LOCALES = ("zh_CN",)
_DATES = (b'"POT-Creation-Date', b'"PO-Revision-Date', b'"Last-Translator', b'"Generated-By')
METHODS = [("templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
OPTIONS = {"templates/**.html": {"trimmed": "true", "newstyle_gettext": "true"}}
KEYWORDS = {"_": None, "N_": None, "gettext": None, "ngettext": (1, 2)}


def collected() -> Catalog:
    """Every string of the sources, in their order."""
    catalog = Catalog(project="callcenter", charset="utf-8")
    for folder in FOLDERS:
        found = extract_from_dir(ROOT / folder, METHODS, OPTIONS, keywords=KEYWORDS, comment_tags=("Translators:",))
        for name, _line, message, comments, context in sorted(found, key=lambda one: (one[0], one[1])):
            # No line numbers: a moved line must not change the catalogue.
            catalog.add(message, None, [(f"{folder}/{name}", 0)], auto_comments=comments, context=context)
    return catalog


def path_of(locale: str) -> Path:
    return WEB / "translations" / locale / "LC_MESSAGES" / "messages.po"


def read(locale: str) -> Catalog:
    if not path_of(locale).exists():
        return Catalog(locale=locale)
    with path_of(locale).open("rb") as source:
        return read_po(source, locale=locale)


def merged(locale: str) -> Catalog:
    """The catalogue with the new strings in and those that are no longer used out."""
    catalog = read(locale)
    catalog.update(collected(), no_fuzzy_matching=True)
    catalog.obsolete.clear()
    return catalog


def written(catalog: Catalog) -> bytes:
    """The file's text, without the dates that would make every run a change."""
    catalog.fuzzy = False
    out = io.BytesIO()
    write_po(out, catalog, width=120, include_lineno=False)
    return b"".join(line for line in out.getvalue().splitlines(keepends=True) if not line.startswith(_DATES))


def problems(locale: str) -> list[str]:
    """What keeps this language from being complete."""
    known = read(locale)
    wrong = []
    for message in collected():
        if not message.id:
            continue
        here = known.get(message.id if isinstance(message.id, str) else message.id[0], message.context)
        text = here.string if here is not None else None
        if here is None or not text or (isinstance(text, tuple | list) and not all(text)):
            wrong.append(f"{locale}: not translated: {message.id!r}")
        elif here.fuzzy:
            wrong.append(f"{locale}: fuzzy: {message.id!r}")
    return wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail when something is missing")
    if not parser.parse_args().check:
        for locale in LOCALES:
            catalog = merged(locale)
            path_of(locale).parent.mkdir(parents=True, exist_ok=True)
            path_of(locale).write_bytes(written(catalog))
    wrong = [line for locale in LOCALES for line in problems(locale)]
    print("\n".join(wrong) or "all strings are translated")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
