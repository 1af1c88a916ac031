"""Why a call is what it is, in the reader's language: each PBX event that meant something, and what it meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from web.i18n import gettext as _
from web.pages.words import WORDS
from web.ports import Meaning

_SHOWN = 500  # a call with more is read in the journal, not in a page


def explanation(meanings: Sequence[Meaning]) -> list[dict[str, Any]]:
    """One line a meaning: when, by which event, in words."""
    return [
        {"at": meaning.at, "event": meaning.event, "text": _(meaning.sentence) % _in_words(meaning)}
        for meaning in meanings[:_SHOWN]
    ]


def _in_words(meaning: Meaning) -> dict[str, str]:
    values = dict(meaning.values)
    word = WORDS["status"].get(values.get("status", ""))
    if word is not None:
        values["status"] = _(word)
    return values
