"""The JSON API: one module a noun; every route is declared in the registry, which also writes the OpenAPI document."""

from __future__ import annotations

from aiohttp import web

from web.api import (
    audit,
    board,
    calls,
    customers,
    documents,
    me,
    missed_calls,
    operations,
    organization,
    pbxes,
    recordings,
    reports,
    settings,
    timeline,
    users,
)
from web.api.dispatch import mount
from web.context import CONTEXT
from web.registry import Routes

ROUTES = Routes.joined(
    calls.routes,
    missed_calls.routes,
    recordings.routes,
    customers.routes,
    timeline.routes,
    reports.routes,
    settings.routes,
    me.routes,
    users.routes,
    organization.routes,
    pbxes.routes,
    board.routes,
    audit.routes,
    documents.routes,
    operations.routes,
)


def setup(app: web.Application) -> None:
    app[documents.DOCUMENT] = documents.Document(ROUTES, app[CONTEXT].settings.version)
    mount(app, ROUTES)
