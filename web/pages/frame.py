"""Draws a page inside the common frame: who reads, in which language and theme, with which menu."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from types import SimpleNamespace
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment

from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError
from crm_core.organization.access import Action, Actor
from web import i18n
from web.auth import IDENTITY, Identity
from web.context import context_of
from web.middleware import csp_nonce
from web.pages.navigation import Entry, entries
from web.pages.reasons import reason
from web.pages.render import THEMES
from web.pages.words import problem_text

ENVIRONMENT: Final = web.AppKey("jinja", Environment)
THEME_COOKIE: Final = "theme"
LANGUAGE_COOKIE: Final = "language"


def theme_of(request: web.Request) -> str:
    wish = request.cookies.get(THEME_COOKIE)
    return wish if wish in THEMES else THEMES[0]


def telephones(actor: Actor) -> bool:
    """Whether this user can dial: has the right and a phone."""
    return actor.may(Action.CALL_DIAL) and actor.extension is not None


def common(request: web.Request) -> dict[str, Any]:
    """What every template is given."""
    identity = request.get(IDENTITY)
    actor = identity.actor if identity is not None else None
    return {
        "user": None if actor is None else _reader(actor),
        "can_telephone": actor is not None and telephones(actor),
        "navigation": [] if actor is None else menu(entries(actor), request.path),
        "csrf_token": (identity.csrf_token if identity is not None else None) or "",
        "server_time": int(context_of(request).clock.now().timestamp() * 1000),
        "language": i18n.language(),
        "theme": theme_of(request),
        "here": request.path_qs if request.method == "GET" else request.path,
        "nonce": csp_nonce(request),
    }


def _reader(actor: Actor) -> SimpleNamespace:
    return SimpleNamespace(
        id=ids.show(actor.user_id or 0),
        name=actor.display_name or actor.name,
        role=actor.role,
        department=None,
        extension=actor.extension,
        live=actor.extension is not None or actor.may(Action.BOARD_WATCH) or actor.may(Action.INTAKE_ENTER),
        can_search=actor.may(Action.CUSTOMER_READ),
    )


def menu(shown_entries: Iterable[Entry], path: str) -> list[dict[str, Any]]:
    """Single entries, and groups with ``items``, in the menu's order."""
    shown: list[dict[str, Any]] = []
    for group, of_group in groupby(shown_entries, key=lambda entry: entry.group):
        items = [
            {"href": e.href, "text": i18n.gettext(e.text), "current": path == e.href or path.startswith(e.href + "/")}
            for e in of_group
        ]
        if not group or len(items) == 1:
            shown += items
        else:
            current = any(item["current"] for item in items)
            shown.append({"text": i18n.gettext(group), "items": items, "current": current})
    return shown


def html(request: web.Request, template: str, *, status: int = 200, **values: Any) -> web.Response:
    """A page or a fragment of one."""
    text = request.config_dict[ENVIRONMENT].get_template(template).render(common(request) | values)
    return web.Response(text=text, content_type="text/html", status=status)


def see_other(path: str) -> web.Response:
    """After a write: the browser fetches the page anew, so that reloading repeats nothing."""
    return web.Response(status=303, headers={"Location": path})


def partial(request: web.Request) -> bool:
    """Whether a script asks for a fragment."""
    return request.headers.get("HX-Request") == "true"


async def form_of(request: web.Request) -> dict[str, str]:
    """The fields of a posted form, stripped; files are ignored."""
    return {key: value.strip() for key, value in (await request.post()).items() if isinstance(value, str)}


def said(error: CrmError) -> str:
    """The refusal in the reader's language."""
    return problem_text(error.code, error.detail)


class Errors(dict[str, str | None]):
    """Messages by field; a field without one has None, which templates read as "in order"."""

    def __missing__(self, key: str) -> None:
        return None


def errors_of(error: CrmError) -> Errors:
    """Field by field; a mere code word is replaced by the sentence of the whole refusal."""
    sentence = said(error)
    return Errors({name: sentence if " " not in text else reason(text) for name, text in error.errors.items()})


def session_identity(request: web.Request) -> Identity | None:
    identity = request.get(IDENTITY)
    return identity if identity is not None and identity.session_token is not None else None
