"""Imports: bring a list, say what its columns mean, see what each row would do, run it, take it back."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.custom import queries as custom
from crm_core.customers.imports import queries, receiving, service
from crm_core.customers.imports.kinds import Verdict
from crm_core.customers.imports.queries import ImportView
from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError
from crm_core.organization.access import Action, Actor
from web.api.asked import Asked
from web.api.imports import failures_answer, options_of, read_form
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext, language
from web.pages import import_shape
from web.pages.calls import address
from web.pages.frame import form_of, html, partial, said, see_other
from web.pages.people import Names

routes = web.RouteTableDef()
_PAGE = 100


@routes.get("/imports")
async def list_imports(request: web.Request) -> web.StreamResponse:
    actor, cursor = actor_of(request, Action.CUSTOMER_IMPORT), request.query.get("cursor")
    async with context_of(request).db.read() as session:
        page = await queries.imports(session, actor, limit=50, cursor=cursor)
        names = await Names.read(session)
    return html(
        request,
        "imports/list.html",
        imports=[import_shape.shape(view, names) for view in page.items],
        limit=context_of(request).settings.max_upload_bytes >> 20,
        first="/imports" if cursor else None,
        next=address("/imports", {"cursor": page.next}) if page.next else None,
    )


@routes.post("/imports")
async def bring(request: web.Request) -> web.StreamResponse:
    """The file goes straight to its place; the script is told where the columns are to be looked at."""
    actor, context = actor_of(request, Action.CUSTOMER_IMPORT), context_of(request)
    form, _ = await read_form(request, Asked(request, context))
    batch = await receiving.receive(context.db, context.files, form, by=actor)
    return web.json_response({"location": f"/imports/{ids.show(batch.id)}"}, status=201)


@routes.get("/imports/{id}")
async def show_import(request: web.Request) -> web.StreamResponse:
    actor_of(request, Action.CUSTOMER_IMPORT)
    return await _page(request)


async def _page(
    request: web.Request, problem: str | None = None, wrong: dict[int, str] | None = None
) -> web.StreamResponse:
    actor, import_id = actor_of(request, Action.CUSTOMER_IMPORT), ids.parse(request.match_info["id"])
    async with context_of(request).db.read() as session:
        view = await queries.import_view(session, actor, import_id)
        values = await _values(request, session, actor, view)
    values |= {"problem_text": problem, "wrong": wrong or {}}
    template = "imports/body.html" if partial(request) else "imports/page.html"
    return html(request, template, status=422 if problem else 200, **values)


async def own_field_labels(session: AsyncSession) -> dict[str, str]:
    return {one.code: one.label(language()) for one in await custom.definitions(session)}


async def _values(request: web.Request, session: AsyncSession, actor: Actor, view: ImportView) -> dict[str, Any]:
    """What the page shows: the columns while they may be changed, and a page of rows."""
    path, own_fields = f"/imports/{ids.show(view.id)}", await own_field_labels(session)
    asked, cursor = request.query.get("verdict", ""), request.query.get("cursor")
    chosen = {"verdict": asked} if asked in (*Verdict, "warned") else {}
    verdict = Verdict(asked) if asked in list(Verdict) else None
    page = await queries.rows(session, view.id, verdict=verdict, warned=asked == "warned", limit=_PAGE, cursor=cursor)
    shaped = import_shape.shape(view, await Names.read(session))
    sample = service.sample(session.info["keyring"], await queries.batch(session, view.id)) if shaped["can_map"] else []
    presets = await queries.presets(session, actor) if shaped["can_map"] else []
    return {
        "one": shaped,
        "columns": import_shape.columns(view, sample, own_fields),
        "fields": import_shape.field_options(own_fields),
        "options": {"update_by": "nothing", "on_duplicate": "skip", "fill_only": False} | view.options,
        "update_by": import_shape.choices(import_shape.UPDATE_BY),
        "on_duplicate": import_shape.choices(import_shape.ON_DUPLICATE),
        "presets": [(ids.show(one.id), one.name) for one in presets],
        "rows": [import_shape.row(row) for row in page.items],
        "verdicts": [
            (name.value, view.verdicts[name], address(path, {"verdict": name}), name.value == asked)
            for name in Verdict
            if view.verdicts.get(name)
        ],
        "warned": (address(path, {"verdict": "warned"}), asked == "warned"),
        "all": path if chosen else None,
        "first": address(path, chosen) if cursor else None,
        "next": address(path, chosen | {"cursor": page.next}) if page.next else None,
    }


@routes.post("/imports/{id}/check")
async def check(request: web.Request) -> web.StreamResponse:
    """The mapping as it stands in the form; remembered too when it is given a name."""
    actor, form, context = actor_of(request, Action.CUSTOMER_IMPORT), await form_of(request), context_of(request)
    import_id = ids.parse(request.match_info["id"])
    async with context.db.read() as session:
        view = await queries.import_view(session, actor, import_id)
    columns = [form.get(f"column-{place}", "") for place in range(len(view.headings))]
    given = {name: form[name] for name in ("update_by", "on_duplicate") if form.get(name)}
    try:
        options = options_of(Asked(request, context), {**given, "fill_only": "fill_only" in form})
        async with context.db.uow() as uow:
            await service.check(uow, import_id, columns=columns, options=options, by=actor)
            if form.get("preset_name"):
                mapping = dict(zip(view.headings, columns, strict=True))
                kept = {name: value for name, value in asdict(options).items() if name not in ("area_code", "timezone")}
                shared = "preset_shared" in form
                await service.save_preset(
                    uow, name=form["preset_name"], mapping=mapping, options=kept, shared=shared, by=actor
                )
    except CrmError as error:
        wrong = {int(n): text for name, text in error.errors.items() if (n := name.partition(".")[2]).isdecimal()}
        return await _page(request, said(error), {place: gettext(text) for place, text in wrong.items()})
    return see_other(f"/imports/{request.match_info['id']}")


@routes.post("/imports/{id}/preset")
async def use_preset(request: web.Request) -> web.StreamResponse:
    """Lays a remembered mapping over the columns."""
    actor, form = actor_of(request, Action.CUSTOMER_IMPORT), await form_of(request)
    import_id, preset_id = ids.parse(request.match_info["id"]), ids.parse(form.get("preset", ""))
    async with context_of(request).db.uow() as uow:
        await service.use_preset(uow, import_id, preset_id, by=actor)
    return see_other(f"/imports/{request.match_info['id']}")


@routes.post("/imports/{id}/run")
async def run(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.CUSTOMER_IMPORT)
    async with context_of(request).db.uow() as uow:
        await service.run(uow, ids.parse(request.match_info["id"]), by=actor)
    return see_other(f"/imports/{request.match_info['id']}")


@routes.post("/imports/{id}/undo")
async def undo(request: web.Request) -> web.StreamResponse:
    actor = actor_of(request, Action.CUSTOMER_IMPORT)
    async with context_of(request).db.uow() as uow:
        await service.undo(uow, ids.parse(request.match_info["id"]), by=actor)
    return see_other(f"/imports/{request.match_info['id']}")


@routes.get("/imports/{id}/errors.xlsx")
async def failed_rows(request: web.Request) -> web.StreamResponse:
    actor_of(request, Action.CUSTOMER_IMPORT)
    asked = Asked(request, context_of(request))
    return await failures_answer(asked, ids.parse(request.match_info["id"]), gettext("Why"), import_shape.said)
