"""What administrators have set, at hand while a page is drawn, as the language is."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from crm_core.organization import queries
from crm_core.organization.preferences import Preferences
from web.auth import IDENTITY
from web.context import context_of

_NO_PAGES: Final = ("/static/", "/api/")
_DEFAULTS: Final = Preferences()
_preferences: ContextVar[Preferences] = ContextVar("preferences", default=_DEFAULTS)


def use(preferences: Preferences) -> None:
    """Set what the running request is drawn with."""
    _preferences.set(preferences)


def preferred() -> Preferences:
    return _preferences.get()


@web.middleware
async def prefer(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Reads them once for each page of somebody who is signed in: a change holds from the next page on."""
    if IDENTITY in request and not request.path.startswith(_NO_PAGES):
        async with context_of(request).db.read() as session:
            use(await queries.preferences(session))
    else:
        use(_DEFAULTS)
    return await handler(request)
