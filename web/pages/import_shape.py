"""What the import pages show: columns with samples, verdicts with their counts, reasons in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from crm_core.customers.imports.fields import BY_NAME, CUSTOM, FIELDS
from crm_core.customers.imports.kinds import OnDuplicate, Stage, UpdateBy, Verdict
from crm_core.customers.imports.queries import ImportView, RowView
from crm_core.jobs.models import OVER, JobState
from crm_core.kernel import ids
from crm_core.kernel.texts import N_
from web.i18n import gettext
from web.pages.import_words import USED
from web.pages.people import Names
from web.pages.words import word

TONES: Final = {"create": "ok", "update": "info", "unchanged": "plain", "duplicate": "warn", "error": "bad"}
ON_DUPLICATE: Final = {
    OnDuplicate.SKIP: N_("Leave them as they are"),
    OnDuplicate.UPDATE: N_("Update them from the list"),
    OnDuplicate.CREATE: N_("Enter a second one all the same"),
}
UPDATE_BY: Final = {
    UpdateBy.NOTHING: N_("None: the list brings new customers"),
    UpdateBy.ACCOUNT_NUMBER: N_("By the account number"),
    UpdateBy.ID_CARD: N_("By the ID card"),
    UpdateBy.PHONE_AND_NAME: N_("By phone and name together"),
}
_SAMPLES: Final = 3
# A sentence may name why two are alike; each of the words has a translation.
_WHY: Final = "why"


def sentence(reason: Mapping[str, Any]) -> str:
    """One reason in the reader's language, with what speaks for it."""
    values = dict(reason["values"])
    if "where" in values:
        values["where"] = gettext(USED.get(str(values["where"]), str(values["where"])))
    text = str(gettext(reason["sentence"]) % values)
    if values.get(_WHY):
        why = ", ".join(word("duplicate_reason", one) for one in values[_WHY].split())
        text = f"{text} {why} ({values['score']} %)"
    return text


def said(reasons: Sequence[Mapping[str, Any]]) -> str:
    return " ".join(sentence(reason) for reason in reasons)


def field_name(name: str) -> str:
    """The field in the reader's language."""
    if name.startswith(CUSTOM):
        return name.removeprefix(CUSTOM)
    return gettext(BY_NAME[name].label) if name in BY_NAME else ""


def row(view: RowView) -> dict[str, Any]:
    return {
        "number": view.number,
        "verdict": view.verdict,
        "tone": TONES[view.verdict],
        "reasons": [(field_name(reason["field"]), sentence(reason)) for reason in view.reasons],
        "customer": None if view.customer_id is None else ids.show(view.customer_id),
        "undone": view.undone,
    }


def columns(view: ImportView, sample: Sequence[Sequence[str]], own_fields: Mapping[str, str]) -> list[dict[str, Any]]:
    """Each column with its first cells and the field it means."""
    known = {CUSTOM + code for code in own_fields}
    found = []
    for place, (heading, field) in enumerate(zip(view.headings, view.mapping.get("columns", []), strict=False)):
        cells = [line[place] for line in sample if place < len(line) and line[place]][:_SAMPLES]
        kept = field if field in BY_NAME or field in known else ""
        found.append({"place": place, "heading": heading, "field": kept, "sample": cells})
    return found


def field_options(own_fields: Mapping[str, str]) -> list[tuple[str, str]]:
    """What a column can mean, for a chooser: our fields, then the house's own."""
    return [(field.name, gettext(field.label)) for field in FIELDS] + [
        (CUSTOM + code, label) for code, label in own_fields.items()
    ]


def choices(texts: Mapping[Any, str]) -> list[tuple[str, str]]:
    return [(str(key), gettext(text)) for key, text in texts.items()]


def shape(view: ImportView, names: Names) -> dict[str, Any]:
    """One import for list and page: what it is doing, and what may be done with it now."""
    over = view.job_state is None or view.job_state in OVER
    done = view.job_state is JobState.DONE
    stopped = view.job_state in (JobState.FAILED, JobState.CANCELLED)
    ready = sum(view.verdicts.get(name, 0) for name in (Verdict.CREATE, Verdict.UPDATE))
    left = sum(view.verdicts.get(name, 0) for name in (Verdict.ERROR, Verdict.DUPLICATE))
    return {
        "id": ids.show(view.id),
        "job": None if view.job_id is None else ids.show(view.job_id),
        "view": view,
        "by": names.named(view.created_by),
        "over": over,
        "step": word("import_stage", view.stage),
        "state": view.job_state,
        "ready": ready,
        "left": left,
        "can_map": over and view.file_kept and view.stage in (Stage.UPLOADED, Stage.CHECK),
        "can_run": over and view.file_kept and view.stage is Stage.CHECK and done and ready > 0,
        "can_go_on": over and view.file_kept and view.stage is Stage.RUN and stopped,
        "can_undo": over and (view.stage is Stage.RUN or (view.stage is Stage.UNDO and stopped)),
        "progress": view.stage is not Stage.UPLOADED and view.stage is not Stage.UNDO and not over,
    }
