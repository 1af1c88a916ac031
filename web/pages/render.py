"""The jinja environment and what every page is given: who reads it, in which language and theme, and how to link."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from crm_core.kernel.clock import Clock, SystemClock
from web import i18n
from web.pages.filters import filters
from web.pages.words import WORDS, problem_text, script_texts, word

WEB: Final = Path(__file__).resolve().parent.parent
STATIC: Final = WEB / "static"
THEMES: Final = ("light", "dark")


@functools.cache
def _digest(path: str) -> str:
    return hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:10]


def static(path: str) -> str:
    """Address of a static file; it changes with the content, so browsers may keep it for ever."""
    return f"/static/{path}?v={_digest(path)}"


@functools.cache
def _drawn() -> frozenset[str]:
    return frozenset((STATIC / "icons.txt").read_text(encoding="utf-8").split())


@functools.cache
def icon(name: str, label: str | None = None) -> Markup:
    """An icon of the sprite: decoration unless it has a label. Raises KeyError for one that the sprite lacks."""
    if name not in _drawn():
        raise KeyError(f"icon {name!r} is not in static/icons.txt")
    use = Markup('<use href="{}#{}"/>').format(static("vendor/icons.svg"), name)
    if label is None:
        return Markup('<svg class="c-icon" aria-hidden="true" focusable="false">{}</svg>').format(use)
    return Markup('<svg class="c-icon" role="img" aria-label="{}" focusable="false">{}</svg>').format(label, use)


def attributes(values: Mapping[str, Any]) -> Markup:
    """HTML attributes from a mapping; underscores become dashes, None and False leave the attribute out."""
    parts = []
    for name, value in values.items():
        if value is None or value is False:
            continue
        key = escape(name.rstrip("_").replace("_", "-"))
        parts.append(Markup(" {}").format(key) if value is True else Markup(' {}="{}"').format(key, value))
    return Markup("").join(parts)


def environment(zone: ZoneInfo, clock: Clock | None = None) -> Environment:
    """One environment a process: autoescape on, undefined names are errors, strings of the request's language."""
    made = Environment(
        loader=FileSystemLoader(WEB / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.install_gettext_callables(i18n.gettext, i18n.ngettext, newstyle=True)  # type: ignore[attr-defined]
    made.filters.update(filters(zone, clock or SystemClock()))
    made.filters["attributes"] = attributes
    made.globals.update(
        static=static,
        icon=icon,
        word=word,
        problem=problem_text,
        words=WORDS,
        script_texts=script_texts,
        languages=i18n.LANGUAGES,
    )
    return made
