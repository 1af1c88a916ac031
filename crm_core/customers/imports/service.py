"""Imports from upload to undo: each stage is a job; who may, what may follow what, remembered mappings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.audit import service as audit
from crm_core.customers import rules
from crm_core.customers.custom import queries as custom
from crm_core.customers.imports import queries
from crm_core.customers.imports.deciding import Options
from crm_core.customers.imports.fields import BY_NAME, is_field, own_headings, propose
from crm_core.customers.imports.kinds import OnDuplicate, Stage, UpdateBy
from crm_core.customers.imports.models import CustomerImport, ImportPreset
from crm_core.customers.imports.source import Head
from crm_core.db.uow import UnitOfWork
from crm_core.jobs import service as jobs
from crm_core.jobs.models import OVER, JobState
from crm_core.kernel.errors import Conflict, NotFound, Rejected
from crm_core.kernel.ids import new_id
from crm_core.kernel.sealing import KeyRing
from crm_core.organization.access import Action, Actor

JOB: Final = "customers.import"
UNDO_JOB: Final = "customers.import_undo"
_SAMPLE: Final = "customer_imports.sample"
MOST_PRESET_NAME: Final = 80
KEPT_FOR: Final = timedelta(days=7)


async def upload(uow: UnitOfWork, *, file_id: int, file_name: str, head: Head, by: Actor) -> CustomerImport:
    """A file that has been stored and looked at; its columns are proposed a meaning."""
    by.require(Action.CUSTOMER_IMPORT)
    own = own_headings(await custom.definitions(uow.session))
    batch = CustomerImport(
        id=new_id(),
        created_by_id=by.user_id,
        created_at=uow.clock.now(),
        file_id=file_id,
        file_name=rules.clean(file_name)[:200] or "list",
        headers=head.headings,
        total=head.total,
        mapping={"columns": propose(head.headings, own)},
        options={},
        stage=Stage.UPLOADED,
    )
    batch.sample_sealed = uow.keyring.seal(orjson.dumps(head.sample).decode(), f"{_SAMPLE}:{batch.id}")
    uow.session.add(batch)
    await uow.session.flush()
    detail = {"file": batch.file_name, "rows": head.total}
    audit.record(uow, by, "customer.import_upload", "import", batch.id, detail)
    return batch


def sample(ring: KeyRing, batch: CustomerImport) -> list[list[str]]:
    """The first rows, for the page on which columns are given their meaning."""
    if batch.sample_sealed is None:
        return []
    rows: list[list[str]] = orjson.loads(ring.open(batch.sample_sealed, f"{_SAMPLE}:{batch.id}"))
    return rows


async def check(
    uow: UnitOfWork, import_id: int, *, columns: Sequence[str] | None, options: Options, by: Actor
) -> CustomerImport:
    """Starts the dry run with this mapping (None: as proposed). Raises Rejected, Conflict while a job is running."""
    batch = await _free(uow, import_id, by)
    if batch.stage not in (Stage.UPLOADED, Stage.CHECK):
        raise Conflict("import_done", "This file has been imported already; upload it again for another run.")
    chosen = list(columns) if columns is not None else list(batch.mapping["columns"])
    check_columns(chosen, batch.headers)
    batch.mapping, batch.options = {"columns": chosen}, dict(asdict(options))
    batch.stage = Stage.CHECK
    await _start(uow, batch, JOB, {"dry": True}, by)
    return batch


async def run(uow: UnitOfWork, import_id: int, *, by: Actor) -> CustomerImport:
    """Imports in earnest, after a dry run or at once with the mapping that is set. One that broke off goes on."""
    batch = await _free(uow, import_id, by)
    state = await queries.job_state(uow.session, batch.job_id)
    broken = batch.stage is Stage.RUN and state in (JobState.FAILED, JobState.CANCELLED)
    if batch.stage not in (Stage.UPLOADED, Stage.CHECK) and not broken:
        raise Conflict("import_done", "This file has been imported already; upload it again for another run.")
    check_columns(batch.mapping["columns"], batch.headers)
    resume = broken
    batch.stage, batch.run_at = Stage.RUN, batch.run_at or uow.clock.now()
    await _start(uow, batch, JOB, {"dry": False, "resume": resume}, by)
    audit.record(uow, by, "customer.import_run", "import", batch.id, {"file": batch.file_name, "rows": batch.total})
    return batch


async def set_mapping(
    uow: UnitOfWork, import_id: int, *, columns: Sequence[str], options: Options, by: Actor
) -> CustomerImport:
    """The mapping alone, for a run without a dry run. Raises Rejected."""
    batch = await _free(uow, import_id, by)
    check_columns(list(columns), batch.headers)
    batch.mapping, batch.options = {"columns": list(columns)}, dict(asdict(options))
    return batch


async def undo(uow: UnitOfWork, import_id: int, *, by: Actor) -> CustomerImport:
    """Takes back what the import made and changed, but for what people have worked with since."""
    batch = await _free(uow, import_id, by)
    if batch.stage not in (Stage.RUN, Stage.UNDO):
        raise Conflict("import_not_run", "Nothing has been imported yet that could be undone.")
    batch.stage = Stage.UNDO
    await _start(uow, batch, UNDO_JOB, {}, by)
    audit.record(uow, by, "customer.import_undo", "import", batch.id, {"file": batch.file_name})
    return batch


async def _free(uow: UnitOfWork, import_id: int, by: Actor) -> CustomerImport:
    batch = await queries.import_to_change(uow.session, by, import_id)
    state = await queries.job_state(uow.session, batch.job_id)
    if state is not None and state not in OVER:
        raise Conflict("import_busy", "This import is being worked on; wait for its end or stop it.")
    return batch


async def _start(uow: UnitOfWork, batch: CustomerImport, kind: str, params: Mapping[str, Any], by: Actor) -> None:
    job = await jobs.start(uow, kind, {"import_id": batch.id, **params}, by=by, total=batch.total)
    batch.job_id = job.id


async def expire(uow: UnitOfWork) -> list[int]:
    """Lists that nobody has imported for a week lose their file: they hold personal data. The files' ids."""
    gone = []
    for batch in await queries.left_lying(uow.session, uow.clock.now() - KEPT_FOR):
        if batch.file_id is not None:
            gone.append(batch.file_id)
        batch.file_id, batch.sample_sealed = None, None
    return gone


def check_columns(columns: Sequence[str], headings: Sequence[str]) -> None:
    """Raises Rejected for fields that are none, claimed twice, or without a name."""
    errors: dict[str, str] = {}
    if len(columns) != len(headings):
        errors["mapping"] = f"has {len(columns)} columns, the file {len(headings)}"
    seen: set[str] = set()
    for place, name in enumerate(columns):
        if name and not is_field(name):
            errors[f"mapping.{place}"] = "is no field"
        elif name in seen and not (name in BY_NAME and BY_NAME[name].several):
            errors[f"mapping.{place}"] = "two columns cannot mean the same"
        if name:
            seen.add(name)
    if "name" not in seen:
        errors.setdefault("mapping", "no column holds the name")
    if errors:
        raise Rejected("import_mapping_invalid", "The columns cannot be read so; see errors.", errors=errors)


def options_of(given: Mapping[str, Any], *, area_code: str, timezone: str) -> Options:
    """Raises Rejected for choices that there are not."""
    errors: dict[str, str] = {}
    kinds = {"update_by": UpdateBy, "on_duplicate": OnDuplicate}
    chosen: dict[str, Any] = {}
    for name, value in given.items():
        if name in kinds:
            try:
                chosen[name] = kinds[name](value)
            except ValueError:
                errors[f"options.{name}"] = f"must be one of {', '.join(kinds[name])}"
        elif name == "fill_only" and isinstance(value, bool):
            chosen[name] = value
        else:
            errors[f"options.{name}"] = "unknown option"
    if errors:
        raise Rejected("invalid_input", "Some of the input is wrong; see errors.", errors=errors)
    return Options(area_code=area_code, timezone=timezone, **chosen)


def stored_options(stored: Mapping[str, Any]) -> Options:
    """Options as an import or a preset keeps them."""
    values = dict(stored)
    if "update_by" in values:
        values["update_by"] = UpdateBy(values["update_by"])
    if "on_duplicate" in values:
        values["on_duplicate"] = OnDuplicate(values["on_duplicate"])
    try:
        ZoneInfo(values.get("timezone", "Asia/Shanghai"))
    except ZoneInfoNotFoundError:
        values.pop("timezone")
    return Options(**values)


async def save_preset(
    uow: UnitOfWork, *, name: str, mapping: Mapping[str, str], options: Mapping[str, Any], shared: bool, by: Actor
) -> ImportPreset:
    """Remembers a mapping by headings; one of the same name is replaced. Raises Rejected."""
    by.require(Action.CUSTOMER_IMPORT)
    plain = rules.clean(name)
    errors = {f"mapping.{head}": "is no field" for head, field in mapping.items() if field and not is_field(field)}
    if not plain or len(plain) > MOST_PRESET_NAME:
        errors["name"] = f"1 to {MOST_PRESET_NAME} characters"
    if errors:
        raise Rejected("preset_invalid", "The mapping cannot be remembered so; see errors.", errors=errors)
    user_id = None if shared else by.user_id
    found = await queries.preset_named(uow.session, user_id, plain)
    if found is None:
        found = ImportPreset(id=new_id(), user_id=user_id, name=plain)
        uow.session.add(found)
    found.mapping, found.options, found.changed_at = dict(mapping), dict(options), uow.clock.now()
    await uow.session.flush()
    audit.record(uow, by, "customer.import_preset", "import_preset", found.id, {"name": plain, "shared": shared})
    return found


async def delete_preset(uow: UnitOfWork, preset_id: int, *, by: Actor) -> None:
    """One's own, or a shared one. Raises NotFound."""
    by.require(Action.CUSTOMER_IMPORT)
    found = await preset_of(uow.session, preset_id, by)
    await uow.session.delete(found)
    audit.record(uow, by, "customer.import_preset_deleted", "import_preset", preset_id, {"name": found.name})


async def use_preset(uow: UnitOfWork, import_id: int, preset_id: int, *, by: Actor) -> CustomerImport:
    """Lays a remembered mapping over an uploaded list. Raises NotFound."""
    batch = await _free(uow, import_id, by)
    found = await preset_of(uow.session, preset_id, by)
    batch.mapping = {"columns": with_preset(batch.headers, found.mapping, batch.mapping["columns"])}
    batch.options = {**batch.options, **found.options}
    return batch


async def preset_of(session: AsyncSession, preset_id: int, by: Actor) -> ImportPreset:
    """One's own, or a shared one. Raises NotFound."""
    found = await queries.preset(session, preset_id)
    if found is None or found.user_id not in (None, by.user_id):
        raise NotFound("preset_not_found", "There is no such remembered mapping.")
    return found


def with_preset(headings: Sequence[str], mapping: Mapping[str, str], proposed: Sequence[str]) -> list[str]:
    """A remembered mapping laid over this file's headings; columns that it does not know keep what is proposed."""
    remembered = [mapping.get(heading) for heading in headings]
    taken = {name for name in remembered if name}
    return [
        found
        if found is not None
        else ("" if guess in taken and not (guess in BY_NAME and BY_NAME[guess].several) else guess)
        for found, guess in zip(remembered, proposed, strict=True)
    ]
