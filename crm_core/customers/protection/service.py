"""Requests to take data out: asked with a reason, allowed by a second person where it is much, collected once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta, tzinfo
from typing import Final

from crm_core.audit import service as audit
from crm_core.customers import queries as customers
from crm_core.customers.protection import agreements, export_queries, queries
from crm_core.customers.protection.chosen import Chosen
from crm_core.customers.protection.columns import USUAL, column_of
from crm_core.customers.protection.kinds import FileFormat, RequestKind, RequestState
from crm_core.customers.protection.models import DataRequest
from crm_core.customers.protection.rules import REASON_LENGTH, Limits, wrong_limits
from crm_core.customers.rules import clean
from crm_core.customers.search.queries import Now
from crm_core.db.uow import UnitOfWork
from crm_core.jobs import service as jobs
from crm_core.kernel.errors import Conflict, Rejected
from crm_core.kernel.ids import new_id
from crm_core.organization import queries as organization
from crm_core.organization import service as organization_service
from crm_core.organization.access import Action, Actor

EXPORT_JOB: Final = "export"
PERSON_JOB: Final = "person_export"
ERASE_JOB: Final = "erase_person"
_JOBS: Final = {RequestKind.LIST: EXPORT_JOB, RequestKind.PERSON: PERSON_JOB, RequestKind.ERASURE: ERASE_JOB}
_RIGHTS: Final = {
    RequestKind.LIST: Action.CUSTOMER_EXPORT,
    RequestKind.PERSON: Action.CUSTOMER_EXPORT,
    RequestKind.ERASURE: Action.CUSTOMER_ERASE,
}
_MOST_COLUMNS: Final = 60
_RETRY_WITHIN: Final = timedelta(minutes=15)
_MOST_TRIES: Final = 10


async def ask_for_list(
    uow: UnitOfWork,
    *,
    chosen: Chosen,
    zone: tzinfo,
    columns: Sequence[str],
    reason: str,
    form: FileFormat,
    labels: Mapping[str, str],
    by: Actor,
) -> DataRequest:
    """Starts an export, or leaves it to a second person when it is much. Raises Denied, Rejected with wrong fields."""
    by.require(Action.CUSTOMER_EXPORT)
    await agreements.require(uow.session, by)
    wanted = list(dict.fromkeys(columns or USUAL))
    errors = {f"columns.{n}": "there is no such column" for n, code in enumerate(wanted) if column_of(code) is None}
    if len(wanted) > _MOST_COLUMNS:
        errors["columns"] = f"at most {_MOST_COLUMNS}"
    if form is FileFormat.ZIP:
        errors["format"] = "has to be xlsx or csv"
    plain = _reason(reason, errors)
    expected = await export_queries.count(uow.session, by, chosen, _today(uow, zone))
    limits = await queries.limits(uow.session)
    found = _new(uow, RequestKind.LIST, plain, by)
    found.format, found.columns, found.filters = form, wanted, chosen.kept()
    found.labels, found.rows_expected = dict(labels), expected
    found.needs_approval = expected > limits.approval_rows
    detail = {"reason": plain, "rows": expected, "columns": wanted, "format": form}
    audit.record(uow, by, "export.ask", "export", found.id, detail)
    if not found.needs_approval:
        await _begin(uow, found, by)
    return found


async def ask_for_person(
    uow: UnitOfWork, customer_id: int, *, reason: str, labels: Mapping[str, str], by: Actor
) -> DataRequest:
    """All that is kept of one person, as the person may ask for it. Raises NotFound, Denied, Rejected."""
    customer = await customers.customer_to_change(uow.session, by, customer_id, Action.CUSTOMER_EXPORT)
    await agreements.require(uow.session, by)
    plain = _reason(reason, {})
    found = _new(uow, RequestKind.PERSON, plain, by)
    found.format, found.customer_id, found.labels = FileFormat.ZIP, customer.id, dict(labels)
    found.rows_expected = 1
    audit.record(uow, by, "person.export_ask", "customer", customer.id, {"request": found.id})
    await _begin(uow, found, by)
    return found


async def ask_for_erasure(uow: UnitOfWork, customer_id: int, *, reason: str, by: Actor) -> DataRequest:
    """Always waits for a second person. Raises NotFound, Denied, Rejected, Conflict ``erasure_asked``."""
    customer = await customers.customer_to_change(uow.session, by, customer_id, Action.CUSTOMER_ERASE)
    plain = _reason(reason, {})
    if await queries.open_erasure(uow.session, customer.id) is not None:
        raise Conflict("erasure_asked", "Somebody has asked for this already; it waits for a second person.")
    found = _new(uow, RequestKind.ERASURE, plain, by)
    found.customer_id, found.needs_approval, found.rows_expected = customer.id, True, 1
    audit.record(uow, by, "person.erase_ask", "customer", customer.id, {"request": found.id})
    return found


async def decide(uow: UnitOfWork, request_id: int, *, approve: bool, comment: str, by: Actor) -> DataRequest:
    """The second person's word. Raises NotFound, Denied, Conflict when it is decided, Rejected for one's own wish."""
    seen = await queries.request(uow.session, by, request_id)
    by.require(_RIGHTS[seen.kind])
    found = await queries.request_to_change(uow.session, request_id)
    if found.state is not RequestState.WAITING:
        raise Conflict("export_decided", "This request is decided already.")
    if found.asked_by_id == by.user_id:
        raise Rejected("second_person", "Somebody else has to decide on your own request.")
    if found.customer_id is not None:
        await customers.customer_to_change(uow.session, by, found.customer_id, _RIGHTS[found.kind])
    plain = clean(comment)[:REASON_LENGTH]
    if not approve and not plain:
        raise Rejected("reason_missing", "Say why you refuse it.", errors={"comment": "must not be empty"})
    found.decided_by_id, found.decided_at, found.decision = by.user_id, uow.clock.now(), plain
    word = "approve" if approve else "refuse"
    audit.record(uow, by, f"export.{word}", "export", found.id, {"rows": found.rows_expected, "comment": plain})
    if not approve:
        found.state = RequestState.REFUSED
        return found
    asker = await organization.actor_by_id(uow.session, found.asked_by_id)
    if asker is None:
        raise Conflict("asker_gone", "Who asked for this may not sign in any more.")
    await _begin(uow, found, asker)
    return found


async def begin_fetch(uow: UnitOfWork, request_id: int, *, by: Actor) -> DataRequest:
    """The file is about to be handed to its asker; ``fetches`` names this try. Raises NotFound, Conflict.

    From the first try on there is little time left: a connection may break, but the file must not lie about.
    """
    await queries.request(uow.session, by, request_id)
    found, now = await queries.request_to_change(uow.session, request_id), uow.clock.now()
    if found.asked_by_id != by.user_id:
        raise Conflict("export_not_yours", "Only who asked for this file can fetch it.")
    if found.state is RequestState.COLLECTED or found.fetches >= _MOST_TRIES:
        raise Conflict("export_collected", "This file was fetched already; it is handed out once. Ask for a new one.")
    if found.state is not RequestState.READY or found.expires_at is None or found.expires_at <= now:
        code = "export_expired" if found.state in (RequestState.READY, RequestState.EXPIRED) else "export_not_ready"
        raise Conflict(code, "There is no file to fetch: it is not written yet, or its time is over.")
    if not found.fetches:
        found.expires_at = min(found.expires_at, now + _RETRY_WITHIN)
    found.fetches += 1
    audit.record(uow, by, "export.fetch", "export", found.id, {"rows": found.rows, "try": found.fetches})
    return found


async def collect(uow: UnitOfWork, request_id: int, fetch: int, *, by: Actor) -> None:
    """The last of the file is about to leave: from here on it is handed out. Raises Conflict when a newer try began."""
    found = await queries.request_to_change(uow.session, request_id)
    if found.state is not RequestState.READY or found.fetches != fetch:
        raise Conflict("export_collected", "This file is being fetched a second time; this try is given up.")
    found.state, found.collected_at = RequestState.COLLECTED, uow.clock.now()
    audit.record(uow, by, "export.collect", "export", found.id, {"rows": found.rows, "sha256": found.sha256})


async def give_back(uow: UnitOfWork, request_id: int, fetch: int, *, by: Actor) -> None:
    """The connection broke before the last of the file had left: the asker may try again."""
    found = await queries.request_to_change(uow.session, request_id)
    if found.state is RequestState.COLLECTED and found.fetches == fetch:
        found.state, found.collected_at = RequestState.READY, None
        audit.record(uow, by, "export.fetch_broken", "export", found.id, {"try": fetch})


async def expire(uow: UnitOfWork) -> list[int]:
    """Closes requests whose file nobody fetched in time; gives the files to delete."""
    stale = await queries.stale_files(uow.session, uow.clock.now())
    for one in stale:
        one.state = RequestState.EXPIRED
    return [one.file_id for one in stale if one.file_id is not None]


async def change_limits(uow: UnitOfWork, changes: Mapping[str, int], *, by: Actor) -> Limits:
    """Raises Denied, Rejected with every wrong field."""
    by.require(Action.SETTING_WRITE)
    wrong = wrong_limits(changes)
    if wrong:
        raise Rejected("setting_invalid", "Some of the settings are not allowed; see errors.", errors=wrong)
    now = await queries.limits(uow.session)
    values = {name: getattr(now, name) for name in Limits.__slots__} | dict(changes)
    await organization_service.put_setting(uow, queries.SETTING, values, by=by)
    return Limits(**values)


def _today(uow: UnitOfWork, zone: tzinfo) -> Now:
    return Now(uow.clock.now().astimezone(zone).date(), zone)


def _reason(text: str, errors: dict[str, str]) -> str:
    plain = clean(text)[:REASON_LENGTH]
    if not plain:
        errors["reason"] = "must not be empty"
    if errors:
        raise Rejected("export_invalid", "Say what is needed and why; see errors.", errors=errors)
    return plain


def _new(uow: UnitOfWork, kind: RequestKind, reason: str, by: Actor) -> DataRequest:
    if by.user_id is None:
        raise Rejected("export_needs_user", "Only a person can ask for data.")
    found = DataRequest(
        id=new_id(),
        kind=kind,
        state=RequestState.WAITING,
        reason=reason,
        filters={},
        columns=[],
        labels={},
        rows_expected=0,
        needs_approval=False,
        asked_by_id=by.user_id,
        asked_at=uow.clock.now(),
    )
    uow.session.add(found)
    return found


async def _begin(uow: UnitOfWork, found: DataRequest, asker: Actor) -> None:
    total = found.rows_expected if found.kind is RequestKind.LIST else None
    await uow.session.flush()
    job = await jobs.start(uow, _JOBS[found.kind], {"request": str(found.id)}, by=asker, total=total)
    found.state, found.job_id = RequestState.RUNNING, job.id


def file_life(limits: Limits) -> timedelta:
    return timedelta(hours=limits.file_hours)
