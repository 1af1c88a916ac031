"""The aiohttp application: API, pages and middlewares put together around a context."""

from __future__ import annotations

from aiohttp import web

from web import api, middleware, pages
from web.context import CONTEXT, WebContext


def create_app(context: WebContext) -> web.Application:
    """Everything that is served over HTTP. Run it with ``access_log=None``: the middleware writes that log itself."""
    app = web.Application(
        middlewares=middleware.chain(context.settings),
        client_max_size=context.settings.max_body_bytes,
    )
    app[CONTEXT] = context
    app.on_response_prepare.append(middleware.secure_headers)
    api.setup(app)
    pages.setup(app)
    return app
