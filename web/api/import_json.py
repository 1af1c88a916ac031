"""Imports as JSON: what a list comes with, and what is said of it and of each row."""

from __future__ import annotations

from datetime import tzinfo
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue
from typing_extensions import TypedDict

from crm_core.customers.imports.kinds import Verdict
from crm_core.customers.imports.queries import ImportView, RowView
from crm_core.kernel import ids
from web.api.values import Cursor, Id, Input, Paging, Time, time_text


class ImportForm(BaseModel):
    """`mapping` is JSON, fields by heading; without it the headings themselves say what they mean."""

    file: Annotated[str, Field(json_schema_extra={"format": "binary"}, description=".xlsx, .xls or .csv")]
    mapping: Annotated[str, Field(description='as in `{"姓名": "name", "手机": "mobile"}`')] = ""
    dry_run: Annotated[Literal["true", "false"], Field(description="check only, until `run` is asked for")] = "true"
    options: Annotated[str, Field(description='as in `{"update_by": "id_card", "on_duplicate": "skip"}`')] = "{}"
    preset: Annotated[str, Field(description="the id of a remembered mapping")] = ""


class ReasonAnswer(TypedDict):
    """`field` is empty where a reason is about the whole row."""

    field: str
    detail: str


class ImportRowAnswer(TypedDict):
    """`number` is what Excel shows beside the row; `customer` is the new, the changed or the doubled one."""

    number: int
    verdict: str
    reason: str
    reasons: list[ReasonAnswer]
    customer: Id | None
    score: float | None
    undone: str | None


class ImportAnswer(TypedDict):
    """`state` is the one of the stage's job; `done` and `total` count rows."""

    id: Id
    file_name: str
    created_at: Time
    created_by: str | None
    stage: str
    state: str | None
    job: Id | None
    done: int
    total: int
    headings: list[str]
    mapping: dict[str, str]
    options: dict[str, JsonValue]
    verdicts: dict[str, int]
    error_code: str | None
    error: str | None
    run_at: Time | None
    undone_at: Time | None


class WholeImport(ImportAnswer):
    rows: list[ImportRowAnswer]
    next: Cursor | None


class ImportPage(TypedDict):
    items: list[ImportAnswer]
    next: Cursor | None


class RowQuery(Paging):
    verdict: Verdict | None = None
    warned: Annotated[bool, Field(description="only rows with something doubtful")] = False


class CheckInput(Input):
    """Fields by heading, and what to do with customers that are stored already."""

    mapping: Annotated[dict[str, str] | None, Field(max_length=300)] = None
    options: Annotated[dict[str, JsonValue], Field(default_factory=dict)]

    model_config = ConfigDict(json_schema_extra={"examples": [{"mapping": None, "options": {"on_duplicate": "skip"}}]})


def detail(reason: dict[str, Any]) -> str:
    """A reason as an English sentence."""
    return str(reason["sentence"] % reason["values"])


def row_answer(row: RowView) -> ImportRowAnswer:
    reasons: list[ReasonAnswer] = [{"field": reason["field"], "detail": detail(reason)} for reason in row.reasons]
    return {
        "number": row.number,
        "verdict": row.verdict,
        "reason": " ".join(reason["detail"] for reason in reasons),
        "reasons": reasons,
        "customer": None if row.customer_id is None else ids.show(row.customer_id),
        "score": None if row.score is None else row.score / 100,
        "undone": row.undone,
    }


def import_answer(view: ImportView, zone: tzinfo) -> ImportAnswer:
    columns = view.mapping.get("columns", [])
    return {
        "id": ids.show(view.id),
        "file_name": view.file_name,
        "created_at": time_text(view.created_at, zone) or "",
        "created_by": view.created_by,
        "stage": view.stage,
        "state": view.job_state,
        "job": None if view.job_id is None else ids.show(view.job_id),
        "done": view.done,
        "total": view.total,
        "headings": view.headings,
        "mapping": {heading: field for heading, field in zip(view.headings, columns, strict=False) if field},
        "options": {name: value for name, value in view.options.items() if name not in ("area_code", "timezone")},
        "verdicts": view.verdicts,
        "error_code": view.job_error_code,
        "error": view.job_error,
        "run_at": time_text(view.run_at, zone),
        "undone_at": time_text(view.undone_at, zone),
    }
