"""Languages of the interface: the catalogue key is the English text, the translations are read from their .po files."""

from __future__ import annotations

import functools
import gettext as _gettext
from contextvars import ContextVar
from pathlib import Path
from typing import Final

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

TRANSLATIONS: Final = Path(__file__).resolve().parent / "translations"
DEFAULT_LANGUAGE: Final = "zh"
LANGUAGES: Final = {"zh": "中文", "en": "English"}
LOCALES: Final = {"zh": "zh_CN", "en": "en"}

_language: ContextVar[str] = ContextVar("language", default=DEFAULT_LANGUAGE)


def choose(*wishes: str | None) -> str:
    """The first wish that is a language of ours, else the default."""
    return next((wish for wish in wishes if wish in LANGUAGES), DEFAULT_LANGUAGE)


def use(language: str) -> None:
    """Set the language of the running request."""
    _language.set(language)


def language() -> str:
    return _language.get()


def locale() -> Locale:
    return _locale(_language.get())


@functools.cache
def _locale(wanted: str) -> Locale:
    """Parsed once: babel looks through its whole folder of locales each time, for every date of a page."""
    return Locale.parse(LOCALES[wanted])


@functools.cache
def _catalogue(wanted: str) -> _gettext.NullTranslations:
    """Read the .po itself: no compiled file to forget, at a cost of some milliseconds once a process."""
    import io

    path = TRANSLATIONS / LOCALES[wanted] / "LC_MESSAGES" / "messages.po"
    if not path.exists():
        return _gettext.NullTranslations()
    compiled = io.BytesIO()
    with path.open("rb") as source:
        write_mo(compiled, read_po(source, locale=LOCALES[wanted]))
    compiled.seek(0)
    return _gettext.GNUTranslations(compiled)


def gettext(message: str) -> str:
    # The empty key is the catalogue's own header.
    return _catalogue(_language.get()).gettext(message) if message else ""


def gettext_in(language: str, message: str) -> str:
    """The message in another language than the reader's."""
    return _catalogue(language).gettext(message) if message else ""


def ngettext(singular: str, plural: str, n: int) -> str:
    return _catalogue(_language.get()).ngettext(singular, plural, n)
