"""Own fields: which there are, adding one, changing and retiring it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType, SimpleNamespace
from typing import Any, Final

from aiohttp import web

from crm_core.customers.custom import queries, service
from crm_core.customers.custom.kinds import FieldSubject, FieldType
from crm_core.customers.custom.rules import Definition
from crm_core.kernel import ids
from crm_core.kernel.errors import CrmError
from crm_core.kernel.texts import N_
from crm_core.organization.access import Action
from web import i18n
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext as _
from web.pages.frame import Errors, form_of, html, said, see_other
from web.pages.reasons import reason

routes = web.RouteTableDef()
_ADDRESS: Final = "/admin/fields"
_TEXTS: Final = ("id", "version", "code", "type", "zh", "en", "group", "position", "choices")
_BLANK: Final[Mapping[str, Any]] = MappingProxyType({**dict.fromkeys(_TEXTS, ""), "required": False, "active": False})
SUBJECTS: Final = {
    FieldSubject.CUSTOMER: N_("Customers"),
    FieldSubject.ORDER: N_("Orders"),
    FieldSubject.ACTIVITY: N_("Activities"),
    FieldSubject.FOLLOW_UP: N_("Follow-ups"),
}
TYPES: Final = {
    FieldType.TEXT: N_("A text"),
    FieldType.NUMBER: N_("A number"),
    FieldType.DATE: N_("A date"),
    FieldType.CHOICE: N_("One of a list"),
    FieldType.MULTI_CHOICE: N_("Several of a list"),
    FieldType.FLAG: N_("Yes or no"),
    FieldType.MONEY: N_("Amount of money"),
    FieldType.USER: N_("A user"),
}


@routes.get(_ADDRESS)
async def fields(request: web.Request) -> web.StreamResponse:
    actor_of(request, Action.SETTING_WRITE)
    notices = [(_("Saved. It holds from the next page on."), "ok")] if "saved" in request.query else []
    return await _page(request, None, Errors(), None, notices=notices)


@routes.post(_ADDRESS)
async def change_field(request: web.Request) -> web.StreamResponse:
    """Adds one, or with ``id`` changes that one."""
    actor, form = actor_of(request, Action.SETTING_WRITE), await form_of(request)
    try:
        async with context_of(request).db.uow() as uow:
            if form.get("id"):
                version = int(form["version"]) if form.get("version", "").isdigit() else None
                field_id = ids.parse(form["id"])
                kept = queries.as_definition(await queries.field(uow.session, field_id))
                changed = await service.change(uow, field_id, _given(form, kept), by=actor, version=version)
            else:
                named = {name: form[name] for name in ("code", "type", "subject") if form.get(name)}
                changed = await service.add(uow, named | _given(form, None), by=actor)
    except CrmError as error:
        errors = Errors({name: reason(text) for name, text in error.errors.items()})
        return await _page(request, form, errors, said(error))
    return see_other(f"{_ADDRESS}?saved=1&subject={changed.subject}")


def _given(form: Mapping[str, str], kept: Definition | None) -> dict[str, Any]:
    """The form in the words of the core; a position that is no number stays text and is refused."""
    given: dict[str, Any] = {name: form.get(name, "") for name in ("zh", "en", "group")}
    given |= {"required": bool(form.get("required")), "active": bool(form.get("active"))}
    if position := form.get("position", ""):
        given["position"] = int(position) if position.isdigit() and len(position) < 6 else position
    known = [] if kept is None else [choice.code for choice in kept.choices]
    given["choices"] = _choices(form.get("choices", ""), known)
    return given


def _choices(text: str, known: Sequence[str]) -> list[dict[str, str]]:
    """A line an entry, ``Chinese | English | code``; a new one gets its code from its English."""
    found: list[dict[str, str]] = []
    for line in text.splitlines():
        zh, en, code = ([part.strip() for part in line.split("|")] + ["", "", ""])[:3]
        if not (zh or en or code):
            continue
        taken = {*known, *(one["code"] for one in found)}
        found.append({"code": code or _new_code(en, taken), "zh": zh, "en": en})
    return found


def _new_code(label: str, taken: set[str]) -> str:
    base = re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")[:30]
    base = base if base[:1].isalpha() else f"c{base}".rstrip("_")
    return next(code for code in (base, *(f"{base}_{n}" for n in range(2, 1000))) if code not in taken)


async def _page(
    request: web.Request, form: Mapping[str, str] | None, errors: Errors, problem: str | None, **more: Any
) -> web.Response:
    asked = (form or request.query).get("subject") or FieldSubject.CUSTOMER
    subject = asked if asked in SUBJECTS else FieldSubject.CUSTOMER
    async with context_of(request).db.read() as session:
        found = await queries.definitions(session, subject, retired=True)
    chosen = (form or {}).get("id") or request.query.get("field", "")
    edited = next((one for one in found if ids.show(one.id) == chosen), None)
    values = {**_BLANK, **(_values(edited) if form is None else form)}
    return html(
        request,
        "admin/fields.html",
        status=422 if problem else 200,
        fields=[_row(one) for one in found],
        edited=edited,
        chooses=edited is not None and edited.type in (FieldType.CHOICE, FieldType.MULTI_CHOICE),
        values=values,
        errors=errors,
        problem=problem,
        subject=str(subject),
        subjects=[(str(key), _(text)) for key, text in SUBJECTS.items()],
        types=[(str(key), _(text)) for key, text in TYPES.items()],
        type_text=_(TYPES[edited.type]) if edited else "",
        groups=sorted({one.group for one in found if one.group}),
        **more,
    )


def _row(field: Definition) -> SimpleNamespace:
    language = i18n.language()
    return SimpleNamespace(
        id=ids.show(field.id),
        label=field.label(language),
        code=field.code,
        type=_(TYPES[field.type]),
        group=field.group,
        required=field.required,
        active=field.active,
        position=field.position,
        choices=[choice.label(language) for choice in field.choices if choice.active],
    )


def _values(field: Definition | None) -> dict[str, Any]:
    if field is None:
        return {"active": True}
    lines = [f"{one.zh} | {one.en} | {one.code}" for one in field.choices if one.active]
    return {
        "id": ids.show(field.id),
        "version": field.version,
        "code": field.code,
        "type": str(field.type),
        "zh": field.zh,
        "en": field.en,
        "group": field.group,
        "position": field.position,
        "required": field.required,
        "active": field.active,
        "choices": "\n".join(lines),
    }
