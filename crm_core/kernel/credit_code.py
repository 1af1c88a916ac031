"""The unified social credit code of organisations (统一社会信用代码, GB 32100-2015): 18 places, the last one checks."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# Letters that look like digits (I, O, Z, S, V) are none of it.
_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_WEIGHTS: Final = tuple(pow(3, place, 31) for place in range(17))  # GB 32100: 3^(i-1) modulo 31
_IGNORED: Final = re.compile(r"[\s\-‐-―'’`]+")


class Wrong(ValueError):
    """No credit code; the text is a slug: ``credit_code_length``, ``credit_code_characters``, ``credit_code_check``."""


def parse(text: str) -> str:
    """The code in any spelling (full-width, small letters, blanks and dashes) as its 18 characters. Raises Wrong."""
    code = _IGNORED.sub("", unicodedata.normalize("NFKC", text)).upper()
    if len(code) != 18:
        raise Wrong("credit_code_length")
    # The authority, the kind of body and the region come first; the region's six places are digits.
    if any(c not in _ALPHABET for c in code) or not code[2:8].isdigit():
        raise Wrong("credit_code_characters")
    if code[17] != check_character(code[:17]):
        raise Wrong("credit_code_check")
    return code


def check_character(body: str) -> str:
    """The eighteenth character for the seventeen before it."""
    total = sum(_ALPHABET.index(c) * weight for c, weight in zip(body, _WEIGHTS, strict=True))
    return _ALPHABET[(31 - total % 31) % 31]
