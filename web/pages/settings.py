"""What administrators set for the whole house: normal talk time, limits, targets, lists of reasons, names of queues."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, Final

from aiohttp import web

from crm_core.customers.protection import queries as protection_queries
from crm_core.customers.protection import service as protection
from crm_core.customers.protection.rules import BOUNDS
from crm_core.kernel.errors import CrmError
from crm_core.organization import service
from crm_core.organization.access import Action
from crm_core.organization.preferences import Choice
from web import i18n
from web.auth import actor_of
from web.context import context_of
from web.i18n import gettext as _
from web.pages.frame import Errors, form_of, html, said, see_other
from web.pages.preferred import preferred
from web.pages.reasons import reason
from web.pages.words import WORDS

routes = web.RouteTableDef()
_ADDRESS: Final = "/admin/settings"
_LISTS: Final = {"pause_reasons": "pause", "dispositions": "disposition", "sources": "source"}
_NEW_LINES: Final = 2
# The form's numbers by field of the preferences; shares are written as per cent.
_NUMBERS: Final = {
    "normal_talk": ("low", "high"),
    "limits": ("talk", "wrap_up", "queue_wait"),
    "targets": ("answered_rate", "service_level", "service_level_seconds"),
    "intake": ("delay_sheets", "delay_days", "lease_minutes", "tries"),
}
_SHARES: Final = ("answered_rate", "service_level")


@routes.get(_ADDRESS)
async def settings(request: web.Request) -> web.StreamResponse:
    actor_of(request, Action.SETTING_WRITE)
    notices = [(_("Saved. It holds from the next page on."), "ok")] if "saved" in request.query else []
    return await _page(request, _values(request, None), Errors(), None, notices=notices)


@routes.post(_ADDRESS)
async def change_settings(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.SETTING_WRITE), await form_of(request)
    try:
        async with context_of(request).db.uow() as uow:
            await service.change_preferences(uow, _changes(form), by=actor)
    except CrmError as error:
        errors = _errors(error)
        return await _page(request, _values(request, form), errors, said(error))
    return see_other(f"{_ADDRESS}?saved=1")


@routes.post(f"{_ADDRESS}/protection")
async def change_protection(request: web.Request) -> web.StreamResponse:
    actor, form = actor_of(request, Action.SETTING_WRITE), await form_of(request)
    given = {name: form.get(name, "") for name in BOUNDS} | {"agreement_required": form.get("agreement_required", "0")}
    changes: dict[str, Any] = {name: int(text) if text.isdecimal() else text for name, text in given.items()}
    try:
        async with context_of(request).db.uow() as uow:
            await protection.change_limits(uow, changes, by=actor)
    except CrmError as error:
        errors = Errors({field: reason(text) for field, text in error.errors.items()})
        return await _page(request, _values(request, None), errors, said(error), limits=given)
    return see_other(f"{_ADDRESS}?saved=1")


def _errors(error: CrmError) -> Errors:
    """By field of the form; what is wrong in a list stands above the list."""
    found = Errors()
    for field, text in error.errors.items():
        group, _dot, name = field.partition(".")
        found[f"{group}-{name}" if group in _NUMBERS and name else group] = reason(text)
    return found


async def _page(
    request: web.Request, values: dict[str, Any], errors: Errors, problem: str | None, **more: Any
) -> web.Response:
    status = 422 if problem else 200
    if "limits" not in more:
        async with context_of(request).db.read() as session:
            now = await protection_queries.limits(session)
        more["limits"] = {name: str(getattr(now, name)) for name in BOUNDS}
    return html(request, "admin/settings.html", status=status, errors=errors, problem=problem, **values, **more)


def _changes(form: Mapping[str, str]) -> dict[str, Any]:
    """The form's fields in the form that the preferences are changed in; wrong numbers stay text and are refused."""
    changes: dict[str, Any] = {
        group: {name: _number(form.get(f"{group}-{name}", ""), share=name in _SHARES) for name in names}
        for group, names in _NUMBERS.items()
    }
    changes["wrap_up_seconds"] = _number(form.get("wrap_up_seconds", ""))
    changes["verify_after_days"] = _number(form.get("verify_after_days", ""))
    changes |= {name: _list(form, name) for name in _LISTS}
    lines = [(form[key], form.get(f"queue-{key[11:]}-label", "")) for key in form if key.startswith("queue-name-")]
    changes["queue_labels"] = {name: label for name, label in lines if name}
    return changes


def _number(text: str, *, share: bool = False) -> float | str:
    try:
        return float(text) / 100 if share else float(text)
    except ValueError:
        return text


def _list(form: Mapping[str, str], name: str) -> list[dict[str, str]]:
    """The lines with a label, in their order; a new one gets its code from its English label."""
    found: list[dict[str, str]] = []
    for place in _places(form, name):
        zh, en = form.get(f"{name}-{place}-zh", ""), form.get(f"{name}-{place}-en", "")
        if zh or en:
            taken = {one["code"] for one in found} | {form.get(f"{name}-{other}-code") for other in _places(form, name)}
            code = form.get(f"{name}-{place}-code") or _new_code(en, taken)
            found.append({"code": code, "zh": zh, "en": en})
    return found


def _places(form: Mapping[str, str], name: str) -> list[int]:
    found = (re.fullmatch(rf"{name}-(\d{{1,3}})-zh", key) for key in form)
    return sorted(int(one.group(1)) for one in found if one)


def _new_code(label: str, taken: set[str | None]) -> str:
    base = re.sub(r"[^a-z0-9]+", "_", label.lower()).strip("_")[:30] or "own"
    return next(code for code in (base, *(f"{base}_{n}" for n in range(2, 200))) if code not in taken)


def _values(request: web.Request, form: Mapping[str, str] | None) -> dict[str, Any]:
    """What the page shows: as it was typed after a refusal, else as it is set."""
    given = form if form is not None else _set()
    lists = {name: [_line(given, name, place) for place in _places(given, name)] for name in _LISTS}
    queues = [
        SimpleNamespace(place=key[11:], name=given[key], label=given.get(f"queue-{key[11:]}-label", ""))
        for key in given
        if key.startswith("queue-name-")
    ]
    if form is None:
        queues = _queues(request)
    return {"values": given, "lists": lists, "queues": queues}


def _line(given: Mapping[str, str], name: str, place: int) -> SimpleNamespace:
    zh, en, code = (given.get(f"{name}-{place}-{part}", "") for part in ("zh", "en", "code"))
    return SimpleNamespace(place=place, zh=zh, en=en, code=code)


def _set() -> dict[str, str]:
    """The preferences as the form has them."""
    now, given = preferred(), dict[str, str]()
    low, high = now.normal_talk
    numbers: dict[str, Any] = {"normal_talk": SimpleNamespace(low=low, high=high)}
    numbers |= {"limits": now.limits, "targets": now.targets, "intake": now.intake}
    for group, names in _NUMBERS.items():
        for name in names:
            value = getattr(numbers[group], name) * (100 if name in _SHARES else 1)
            given[f"{group}-{name}"] = f"{round(value, 2):g}"
    given["wrap_up_seconds"] = f"{now.wrap_up_seconds:g}"
    given["verify_after_days"] = f"{now.verify_after_days:g}"
    for name, kind in _LISTS.items():
        entries: tuple[Choice | None, ...] = (*getattr(now, name), *(None,) * _NEW_LINES)
        for place, one in enumerate(entries):
            given[f"{name}-{place}-code"] = one.code if one else ""
            for language in i18n.LANGUAGES:
                given[f"{name}-{place}-{language}"] = _label(kind, one, language) if one else ""
    return given


def _label(kind: str, one: Choice, language: str) -> str:
    own = one.en if language == "en" else one.zh
    return own or i18n.gettext_in(language, WORDS.get(kind, {}).get(one.code, ""))


def _queues(request: web.Request) -> list[SimpleNamespace]:
    """The queues that the PBXs have now or that have a name already, and lines for new ones."""
    labels = preferred().queue_labels
    board = context_of(request).telephony.board(actor_of(request))
    names = sorted({*labels, *(str(queue["queue"]) for queue in board.get("queues", ()))})
    lines = [*((name, labels.get(name, "")) for name in names), ("", "")]
    return [SimpleNamespace(place=n, name=name, label=label) for n, (name, label) in enumerate(lines)]
