"""The scan of a stack of registration forms over REST."""

from __future__ import annotations

from typing import Annotated

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError
from pydantic import BaseModel, Field

from crm_core.kernel.errors import Rejected
from crm_core.organization.access import Action
from web import scans
from web.api.asked import Asked
from web.api.dispatch import check_form
from web.api.registration_json import RegistrationDetail, registration_detail
from web.api.values import ById
from web.registry import Routes

routes = Routes("registrations")


class ScanForm(BaseModel):
    """PDF, JPEG or PNG of at most 20 MiB; it takes the place of an earlier one."""

    file: Annotated[str, Field(json_schema_extra={"format": "binary"}, description="the scanned sheets")]


@routes.route(
    "POST",
    "/registrations/{id}/scan",
    "Attach the scan of the sheets",
    right=Action.INTAKE_HAND_IN,
    subject="registration",
    form=ScanForm,
    errors={422: ["scan_unknown", "file_too_large"]},
)
async def attach_scan(asked: Asked, path: ById) -> RegistrationDetail:
    """What the file is follows from its content, not from its name."""
    await scans.seen(asked.context, asked.actor, path.id)
    check_form(asked.request)
    found = False
    try:
        async for part in await asked.request.multipart():
            if isinstance(part, BodyPartReader) and part.name == "file" and not found:
                found = True
                await scans.keep(asked.context, asked.actor, path.id, part)
    except (ValueError, HttpProcessingError):
        raise _damaged("the form is damaged") from None
    if not found:
        raise _damaged("must not be empty")
    stack = await scans.seen(asked.context, asked.actor, path.id)
    return registration_detail(stack, asked.context.settings.timezone)


@routes.route(
    "GET",
    "/registrations/{id}/scan",
    "The scan of the sheets",
    right=Action.INTAKE_HAND_IN,
    subject="registration",
    media_type="application/octet-stream",
    errors={404: ["file_not_found"]},
)
async def get_scan(asked: Asked, path: ById) -> web.StreamResponse:
    return await scans.given(asked.context, asked.actor, path.id)


def _damaged(what: str) -> Rejected:
    return Rejected("invalid_input", "Some of the input is wrong; see errors.", errors={"file": what})
