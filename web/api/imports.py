"""Imports: a list of customers from Excel or CSV, checked row by row, imported, taken back."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import orjson
from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from crm_core.customers.imports import queries, receiving, service
from crm_core.customers.imports.deciding import Options
from crm_core.customers.imports.failures import write_failures
from crm_core.customers.imports.receiving import Asked as AskedFor
from crm_core.kernel import ids
from crm_core.kernel.errors import NotFound, Rejected
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.import_json import (
    CheckInput,
    ImportForm,
    ImportPage,
    RowQuery,
    WholeImport,
    detail,
    import_answer,
    row_answer,
)
from web.api.values import ById, Paging
from web.registry import Routes

routes = Routes("imports")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_LONGEST_FIELD = 1 << 18
_BUSY = {409: ["import_busy", "import_done"]}
_UNREADABLE = ["import_file_unreadable", "import_file_too_large", "import_file_too_long", "import_file_too_wide"]


async def _whole(asked: Asked, import_id: int, query: RowQuery) -> WholeImport:
    async with asked.read() as session:
        view = await queries.import_view(session, asked.actor, import_id)
        page = await queries.rows(
            session, import_id, verdict=query.verdict, warned=query.warned, limit=query.limit, cursor=query.cursor
        )
    return {
        **import_answer(view, asked.context.settings.timezone),
        "rows": [row_answer(row) for row in page.items],
        "next": page.next,
    }


@routes.route(
    "POST",
    "/imports",
    "Bring a list of customers",
    right=Action.CUSTOMER_IMPORT,
    status=201,
    form=ImportForm,
    errors={
        404: ["preset_not_found"],
        422: [*_UNREADABLE, "import_mapping_invalid", "file_too_large"],
    },
)
async def add_import(asked: Asked) -> WholeImport:
    """The list is stored, its headings are understood, and it is checked (`dry_run`, the default) or imported.

    Both go on by themselves: `GET /imports/{id}` says how far, and what becomes of each row.
    """
    form, dry_run = await read_form(asked.request, asked)
    options = options_of(asked, form.options)
    batch = await receiving.receive(asked.context.db, asked.context.files, form, by=asked.actor)
    await receiving.go_on(asked.context.db, batch, options, dry_run=dry_run, by=asked.actor)
    asked.headers["Location"] = f"/api/v1/imports/{ids.show(batch.id)}"
    return await _whole(asked, batch.id, RowQuery())


async def read_form(request: web.Request, asked: Asked) -> tuple[AskedFor, bool]:
    """The parts as they come, the file straight to its place. Raises Rejected for wrong ones."""
    form, dry_run, errors = AskedFor(), True, dict[str, str]()
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                continue
            if part.name == "file" and form.file_id is None:
                form.file_name = _sound(part.filename or "list")
                limit = asked.context.settings.max_upload_bytes
                form.file_id, _ = await asked.context.files.save(part, limit=limit)
                continue
            text = (await part.read(decode=True))[: _LONGEST_FIELD + 1].decode("utf-8", "replace").strip()
            if part.name == "dry_run" and text in ("true", "false"):
                dry_run = text == "true"
            elif part.name in ("mapping", "options", "preset") and len(text) <= _LONGEST_FIELD:
                _take(form, part.name, text, errors)
            elif part.name != "csrf_token":
                errors[_sound(part.name or "body")] = "not expected here, or not in this form"
    except (ValueError, HttpProcessingError):
        errors["file"] = "the form is damaged"
    if errors:
        if form.file_id is not None:
            await asked.context.files.delete(form.file_id)
        raise Rejected("invalid_input", "Some of the input is wrong; see errors.", errors=errors)
    return form, dry_run


def _sound(name: str) -> str:
    """A part's heading is not always UTF-8: what is not comes as half characters, which nothing can store or send."""
    return name.encode("utf-8", "replace").decode("utf-8")


def _take(form: AskedFor, name: str, text: str, errors: dict[str, str]) -> None:
    if not text:
        return
    try:
        if name == "preset":
            form.preset_id = ids.parse(text)
            return
        value = orjson.loads(text)
    except (ValueError, NotFound):
        errors[name] = "is no id" if name == "preset" else "is no JSON"
        return
    if not isinstance(value, dict) or (name == "mapping" and not all(isinstance(one, str) for one in value.values())):
        errors[name] = "has to be an object"
    elif name == "mapping":
        form.mapping = value
    else:
        form.options = value


def options_of(asked: Asked, given: dict[str, Any]) -> Options:
    settings = asked.context.settings
    return service.options_of(given, area_code=settings.area_code, timezone=settings.timezone.key)


@routes.route("GET", "/imports", "Imports, newest first", right=Action.CUSTOMER_IMPORT)
async def list_imports(asked: Asked, query: Paging) -> ImportPage:
    """One's own; an administrator sees everybody's."""
    async with asked.read() as session:
        page = await queries.imports(session, asked.actor, limit=query.limit, cursor=query.cursor)
    return {"items": [import_answer(view, asked.context.settings.timezone) for view in page.items], "next": page.next}


@routes.route("GET", "/imports/{id}", "One import", right=Action.CUSTOMER_IMPORT, subject="import")
async def get_import(asked: Asked, path: ById, query: RowQuery) -> WholeImport:
    """`rows` is a page of them; `next` goes on."""
    return await _whole(asked, path.id, query)


@routes.route(
    "POST",
    "/imports/{id}/check",
    "Check once more, with another mapping",
    right=Action.CUSTOMER_IMPORT,
    subject="import",
    errors={**_BUSY, 422: ["import_mapping_invalid"]},
)
async def check_import(asked: Asked, path: ById, body: CheckInput) -> WholeImport:
    async with asked.read() as session:
        view = await queries.import_view(session, asked.actor, path.id)
    columns = None if body.mapping is None else [body.mapping.get(heading, "") for heading in view.headings]
    async with asked.uow() as uow:
        options = options_of(asked, dict(body.options))
        await service.check(uow, path.id, columns=columns, options=options, by=asked.actor)
    return await _whole(asked, path.id, RowQuery())


@routes.route(
    "POST",
    "/imports/{id}/run",
    "Import in earnest",
    right=Action.CUSTOMER_IMPORT,
    subject="import",
    errors={**_BUSY, 422: ["import_mapping_invalid"]},
)
async def run_import(asked: Asked, path: ById) -> WholeImport:
    """One that broke off or was stopped goes on where it was."""
    async with asked.uow() as uow:
        await service.run(uow, path.id, by=asked.actor)
    return await _whole(asked, path.id, RowQuery())


@routes.route(
    "POST",
    "/imports/{id}/undo",
    "Take an import back",
    right=Action.CUSTOMER_IMPORT,
    subject="import",
    errors={409: ["import_busy", "import_not_run"]},
)
async def undo_import(asked: Asked, path: ById) -> WholeImport:
    """What people have changed or used since stays; its rows then say `kept` and why."""
    async with asked.uow() as uow:
        await service.undo(uow, path.id, by=asked.actor)
    return await _whole(asked, path.id, RowQuery())


@routes.route(
    "GET",
    "/imports/{id}/errors.xlsx",
    "The rows that brought nothing, to mend",
    right=Action.CUSTOMER_IMPORT,
    subject="import",
    media_type=XLSX,
)
async def failed_rows(asked: Asked, path: ById) -> web.StreamResponse:
    """As they were, with the reason in a last column: mended it can be brought again."""
    return await failures_answer(asked, path.id, "Reason", lambda reasons: " ".join(map(detail, reasons)))


async def failures_answer(asked: Asked, import_id: int, heading: str, said: Any) -> web.StreamResponse:
    """The workbook as a download."""
    async with asked.read() as session:
        view = await queries.import_view(session, asked.actor, import_id)
        ring = session.info["keyring"]
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "errors.xlsx"
            await write_failures(session, ring, view, place, reason=heading, said=said)
            content = await asyncio.to_thread(place.read_bytes)
    headers = {"Content-Disposition": 'attachment; filename="errors.xlsx"'}
    return web.Response(body=content, content_type=XLSX, headers=headers)
