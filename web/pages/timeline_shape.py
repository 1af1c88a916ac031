"""The story of a customer as the templates show it: each thing in the reader's words."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, Final

from crm_core.calls.facts import CallState
from crm_core.calls.timeline import TimelineItem, TimelineKind
from crm_core.calls.views import CallView, NoteView
from crm_core.kernel import ids
from crm_core.kernel.texts import N_
from web.i18n import gettext as _
from web.pages.customer_groups import BIRTH, GROUPS
from web.pages.filters import duration
from web.pages.people import Names
from web.pages.words import word

_Kind = TimelineKind
WORDS: Final = {
    _Kind.CALL: N_("Calls"),
    _Kind.NOTE: N_("Notes"),
    _Kind.TRANSFER: N_("Transfers"),
    _Kind.CLASSIFICATION: N_("Classification"),
    _Kind.ATTITUDE: N_("Attitude"),
    _Kind.CONSENT: N_("Consents"),
    _Kind.PHONE: N_("Phone states"),
    _Kind.EDIT: N_("Changes"),
    _Kind.CHECK: N_("Checks"),
    _Kind.REVEAL: N_("Numbers shown"),
    _Kind.MERGE: N_("Merges"),
    _Kind.IMPORT: N_("Imports"),
    _Kind.REGISTRATION: N_("Registrations"),
}
# What one chip of the filter shows; what is rare stands together.
CHIPS: Final = {
    "call": (_Kind.CALL,),
    "note": (_Kind.NOTE,),
    "transfer": (_Kind.TRANSFER,),
    "classification": (_Kind.CLASSIFICATION, _Kind.ATTITUDE),
    "consent": (_Kind.CONSENT,),
    "edit": (_Kind.EDIT, _Kind.CHECK, _Kind.PHONE),
    "merge": (_Kind.MERGE, _Kind.UNMERGE, _Kind.IMPORT, _Kind.REGISTRATION, _Kind.CREATED),
    "reveal": (_Kind.REVEAL,),
}
_CHIP_WORDS: Final = {"classification": N_("Classification and attitude"), "merge": N_("Where the record comes from")}
_ICONS: Final = {
    _Kind.NOTE: "note",
    _Kind.TRANSFER: "transfer",
    _Kind.CLASSIFICATION: "filter",
    _Kind.ATTITUDE: "user-search",
    _Kind.CONSENT: "checks",
    _Kind.PHONE: "phone-check",
    _Kind.EDIT: "pencil",
    _Kind.CHECK: "circle-check",
    _Kind.REVEAL: "eye",
    _Kind.UNMERGE: "refresh",
    _Kind.MERGE: "arrows-left-right",
    _Kind.IMPORT: "download",
    _Kind.REGISTRATION: "list",
    _Kind.CREATED: "user-plus",
}
_FIELDS: Final = {entry.name: entry.label for groups in GROUPS.values() for group in groups for entry in group.entries}
_PARTS: Final = {
    "phones": N_("Phones"),
    "family": N_("Family"),
    "memorial_day": N_("Memorial days"),
    "relation": N_("Relations"),
    "attitude": N_("Attitude"),
    "contact": N_("Contacts"),
    "owner_id": N_("Owner"),
    "department_id": N_("Department"),
    "custom": N_("Own fields"),
    "do_not_call": N_("Do not call"),
    "taboos": N_("Taboos"),
    "id_card": N_("ID card"),
    **dict.fromkeys(BIRTH, N_("Birthday")),
}


def chips(kinds: Sequence[TimelineKind], chosen: str) -> list[tuple[str, str, bool]]:
    """Code, word and whether it is on, of what the story may be cut by."""
    words = {code: _(_CHIP_WORDS.get(code) or WORDS[of[0]]) for code, of in CHIPS.items()}
    shown = [(code, words[code], code == chosen) for code, of in CHIPS.items() if set(of) & set(kinds)]
    return [("", _("Everything"), chosen not in CHIPS), *shown]


def shape(items: Sequence[TimelineItem], names: Names) -> list[SimpleNamespace]:
    """What happened with the customer, newest first; a call has what was written about it."""
    return [_call_item(item.call, item.notes, names) if item.call else _item(item, names) for item in items]


def _item(item: TimelineItem, names: Names) -> SimpleNamespace:
    title, badges, text = _SAYS[item.kind](item, names)
    return SimpleNamespace(
        icon=_ICONS[item.kind], title=title, badges=badges, at=item.at, by=names.named(item.by), text=text, href=None
    )


_Said = tuple[str, list[tuple[str, str]], str | None]


def _turned(kind: str, item: TimelineItem) -> list[tuple[str, str]]:
    """From what to what."""
    return [(f"{word(kind, item.old) if item.old else '–'} → {word(kind, item.new) if item.new else '–'}", "plain")]


def _transfer(item: TimelineItem, names: Names) -> _Said:
    nobody = _("nobody")
    way = f"{names.named(item.old) or nobody} → {names.named(item.new) or nobody}"
    return word("owner_change", item.about), [(way, "info")], item.text


def _classification(item: TimelineItem, _names: Names) -> _Said:
    field = item.about or ""
    return _(_FIELDS.get(field, _CLASSES.get(field, field))), _turned(field, item), None


_CLASSES: Final = {
    "use_state": N_("Buys for"),
    "record_state": N_("Record state"),
    "purchase_state": N_("Purchase state"),
    "retention_state": N_("Retention state"),
    "grade": N_("Grade"),
}


def _attitude(item: TimelineItem, _names: Names) -> _Said:
    return word("attitude_kind", item.about), [(f"{item.new}/5", "plain")] if item.new else [], item.text


def _consent(item: TimelineItem, _names: Names) -> _Said:
    tone = "ok" if item.new == "granted" else "bad"
    purpose, way = item.fields
    title = f"{_('Consent')}: {word('channel', item.about)} · {word('purpose', purpose)}"
    said = [(word("consent_state", item.new), tone), (word("consent_way", way), "plain")]
    return title, said, item.text


def _phone(item: TimelineItem, _names: Names) -> _Said:
    return " ".join((_("Phone"), item.about or "")), _turned("phone_state", item), None


def _edit(item: TimelineItem, _names: Names) -> _Said:
    return _("Changed"), [], ", ".join(dict.fromkeys(field_word(name) for name in item.fields))


def field_word(name: str) -> str:
    """The label of a field by its name in the core; an own field by its code."""
    plain = name.removeprefix("custom.")
    return _(_PARTS.get(plain) or _FIELDS.get(name) or _FIELDS.get(f"details.{plain}") or _CLASSES.get(plain) or plain)


def _imported(item: TimelineItem, _names: Names) -> _Said:
    return _("Imported"), [(word("import_verdict", item.new), "plain")], item.about


def _registration(item: TimelineItem, _names: Names) -> _Said:
    return _("Registration form entered"), [], _("Collected by %(name)s") % {"name": item.about}


def _plain(title: str, *, about: bool = False) -> Any:
    def say(item: TimelineItem, _names: Names) -> _Said:
        return _(title), [(item.about, "plain")] if about and item.about else [], item.text

    return say


def _reveal(item: TimelineItem, _names: Names) -> _Said:
    return _("Shown whole"), [(_(_SECRETS.get(item.about or "", "")), "warn")], item.text


_SECRETS: Final = {"phone": N_("Phone"), "id_card": N_("ID card"), "medical": N_("Health")}
_SAYS: Final[dict[TimelineKind, Any]] = {
    _Kind.NOTE: _plain(N_("Note")),
    _Kind.TRANSFER: _transfer,
    _Kind.CLASSIFICATION: _classification,
    _Kind.ATTITUDE: _attitude,
    _Kind.CONSENT: _consent,
    _Kind.PHONE: _phone,
    _Kind.EDIT: _edit,
    _Kind.CHECK: _plain(N_("Checked: still right")),
    _Kind.REVEAL: _reveal,
    _Kind.UNMERGE: _plain(N_("Merge taken back"), about=True),
    _Kind.MERGE: _plain(N_("Merged with another record"), about=True),
    _Kind.IMPORT: _imported,
    _Kind.REGISTRATION: _registration,
    _Kind.CREATED: _plain(N_("Record created"), about=True),
}


def _call_item(call: CallView, notes: Sequence[NoteView], names: Names) -> SimpleNamespace:
    talked = call.answered_at is not None and call.state is CallState.ENDED
    title = f"{word('direction', call.direction)} {duration(call.talk_seconds)}" if talked else ""
    status = word("status", call.status or "live")
    badges = [] if talked else [(status, "bad" if str(call.status) in ("missed", "abandoned") else "plain")]
    if call.progress:
        badges.append((f"{call.progress}% {word('progress', call.progress)}", "info"))
    if call.disposition:
        badges.append((word("disposition", call.disposition), "plain"))
    return SimpleNamespace(
        icon="phone-call" if talked or call.status is None else "phone-off",
        title=title or word("direction", call.direction),
        badges=badges,
        at=call.started_at,
        by=", ".join(names.phone(call.pbx, extension) or extension for extension in call.agents),
        text="\n".join(note.text for note in notes) or None,
        href=f"/calls/{ids.show(call.id)}",
        link=_("Play the recording") if call.recordings else _("Open"),
    )
