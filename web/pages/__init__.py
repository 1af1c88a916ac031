"""The pages: one module a screen; each only asks the core, shapes what it is told, and draws a template."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from web.context import CONTEXT
from web.errors import ERROR_PAGE
from web.pages import (
    allocation,
    allocation_moves,
    allocation_people,
    board,
    calls,
    classification,
    custody,
    customer_edit,
    customer_list,
    customer_parts,
    customers,
    desk,
    dial,
    duplicates,
    exports,
    fairness,
    fields,
    handover,
    imports,
    intake,
    intake_entry,
    jobs,
    leaving,
    missed,
    organization,
    pbx,
    registration_form,
    scans,
    service_entry,
    settings,
    signing_in,
    talktime,
    timeline,
    unfit,
    users,
    verification,
)
from web.pages.failure import error_page
from web.pages.frame import ENVIRONMENT
from web.pages.preferred import prefer
from web.pages.render import STATIC, environment

_YEAR: Final = "public, max-age=31536000, immutable"
ROUTES: Final = (
    signing_in.routes,
    desk.routes,
    dial.routes,
    calls.routes,
    missed.routes,
    allocation.routes,
    allocation_people.routes,
    fairness.routes,
    handover.routes,
    leaving.routes,
    unfit.routes,
    allocation_moves.routes,
    exports.routes,
    custody.routes,
    customer_list.routes,
    customer_edit.routes,
    customer_parts.routes,
    customers.routes,
    timeline.routes,
    duplicates.routes,
    service_entry.routes,
    board.routes,
    talktime.routes,
    users.routes,
    organization.routes,
    pbx.routes,
    settings.routes,
    fields.routes,
    classification.routes,
    intake_entry.routes,
    verification.routes,
    registration_form.routes,
    scans.routes,
    intake.routes,
    imports.routes,
    jobs.routes,
)


def setup(app: web.Application) -> None:
    """Adds the pages, the static files and the error page to the application."""
    app[ENVIRONMENT] = environment(app[CONTEXT].settings.timezone, app[CONTEXT].clock)
    app[ERROR_PAGE] = error_page
    for table in ROUTES:
        app.router.add_routes(table)
    app.router.add_static("/static/", STATIC, follow_symlinks=False)
    app.middlewares.append(prefer)
    app.on_response_prepare.append(_cache_static)


async def _cache_static(request: web.Request, response: web.StreamResponse) -> None:
    """A file asked for by its content's hash never changes; others are asked for again, which costs a 304."""
    if request.path.startswith("/static/") and response.status in (200, 206, 304):
        response.headers["Cache-Control"] = _YEAR if "v" in request.query else "no-cache"
