"""The JSON API: one module a noun; every route is declared in the registry, which also writes the OpenAPI document."""

from __future__ import annotations

from aiohttp import web

from web.api import (
    allocation_people,
    allocations,
    audit,
    board,
    calls,
    classification,
    consents,
    custody,
    customer_exact,
    customer_lists,
    customer_parts,
    customer_search,
    customers,
    documents,
    duplicates,
    entry_check,
    exports,
    fields,
    handovers,
    import_presets,
    imports,
    jobs,
    me,
    missed_calls,
    operations,
    organization,
    pbxes,
    phone_checks,
    recordings,
    registration_scans,
    registrations,
    reports,
    settings,
    timeline,
    transfers,
    unfit,
    users,
)
from web.api.dispatch import mount
from web.context import CONTEXT
from web.registry import Routes

ROUTES = Routes.joined(
    calls.routes,
    missed_calls.routes,
    recordings.routes,
    customer_lists.routes,
    customer_exact.routes,
    customer_search.routes,
    customers.routes,
    duplicates.routes,
    customer_parts.routes,
    fields.routes,
    classification.routes,
    registrations.routes,
    registration_scans.routes,
    entry_check.routes,
    phone_checks.routes,
    timeline.routes,
    exports.routes,
    consents.routes,
    custody.routes,
    transfers.routes,
    allocations.routes,
    allocation_people.routes,
    unfit.routes,
    handovers.routes,
    reports.routes,
    settings.routes,
    me.routes,
    users.routes,
    organization.routes,
    pbxes.routes,
    board.routes,
    imports.routes,
    import_presets.routes,
    jobs.routes,
    audit.routes,
    documents.routes,
    operations.routes,
)


def setup(app: web.Application) -> None:
    app[documents.DOCUMENT] = documents.Document(ROUTES, app[CONTEXT].settings.version)
    mount(app, ROUTES)
