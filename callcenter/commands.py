"""What the short commands do; each gives its exit code. Results go to stdout, everything else to stderr."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import orjson

from callcenter import audit_tip, keys
from callcenter.doctor import Doctor
from callcenter.recordings import RecordingFiles
from callcenter.settings import PbxSettings, Settings
from crm_core import migrations
from crm_core.audit import service as audit
from crm_core.calls import recording_queries
from crm_core.calls.models import RecordingState
from crm_core.calls.work_queries import LastTalks
from crm_core.customers import rebuilding, rebuilding_queries
from crm_core.db.database import Database
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.clock import SystemClock
from crm_core.kernel.errors import Rejected, Unavailable
from crm_core.organization import queries, service, signing_in
from crm_core.organization.access import SYSTEM
from crm_core.organization.models import Role
from web.ports import Severity

OK, FAILED = 0, 1
_TOLD = 20_000  # customers between two lines of progress
_MARKS = {Severity.OK: "ok     ", Severity.WARNING: "warning", Severity.ERROR: "ERROR  "}


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Database]:
    """The database with its tables. Raises Unavailable when they are not there."""
    db = Database(settings.database_url, zone=settings.timezone)
    try:
        if await migrations.current(db) != migrations.head():
            raise Unavailable("database_outdated", "The tables are missing or old. Run: callcenter db upgrade")
        await keys.attach(db, settings.data_dir)
        yield db
    finally:
        await db.close()


async def upgrade(settings: Settings) -> int:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    db = Database(settings.database_url, zone=settings.timezone)
    try:
        before = await migrations.current(db)
        await migrations.upgrade(db)
        after = migrations.head()
        async with db.read() as session:
            unknown = await rebuilding_queries.is_unknown_to_search(session)
    finally:
        await db.close()
    _tell(f"The database is at {after}." if before == after else f"The database was brought from {before} to {after}.")
    if unknown:
        _tell("Its customers are made findable when the service starts, or now by: callcenter customers rebuild")
    return OK


@dataclass(frozen=True, slots=True)
class NewUser:
    name: str
    role: str
    password: str
    extension: str | None
    pbx: str | None
    department: str | None
    display_name: str


async def add_user(settings: Settings, new: NewUser) -> int:
    if not new.password:
        raise Rejected("no_password", "The password is the first line on standard input; there was none.")
    first = settings.pbxes[0].name if settings.pbxes else "main"
    async with database(settings) as db, db.uow() as uow:
        await service.add_user(
            uow,
            name=new.name,
            role=Role(new.role),
            password=new.password,
            display_name=new.display_name,
            extension=new.extension,
            pbx=new.pbx or first,
            department_id=await _department(uow, new.department) if new.department else None,
            by=SYSTEM,
        )
    _tell(f"User {new.name} was added.")
    return OK


async def _department(uow: UnitOfWork, name: str) -> int:
    found = await queries.department_by_name(uow.session, name)
    if found is None:
        found = await service.add_department(uow, name=name, by=SYSTEM)
        _tell(f"Department {name} was added.")
    return found.id


async def add_token(settings: Settings, name: str, label: str) -> int:
    async with database(settings) as db, db.uow() as uow:
        actor = await queries.actor_by_name(uow.session, name)
        if actor.user_id is None:
            raise Rejected("no_user", f"{name} is no user.")
        _, token = await signing_in.issue_token(uow, actor.user_id, label, by=SYSTEM)
    sys.stdout.write(f"{token}\n")
    return OK


async def verify_audit(settings: Settings) -> int:
    """Compares the chain with itself and with the tip that was written down outside the database."""
    known = await asyncio.to_thread(audit_tip.read, settings.data_dir)
    async with database(settings) as db, db.read() as session:
        found = await audit.verify(session, known)
    if found.trouble is not None:
        _tell(f"The audit log is BROKEN after {found.lines} good lines: {found.trouble}.")
        return FAILED
    if found.tip is not None:
        await asyncio.to_thread(audit_tip.write, settings.data_dir, found.tip)
    _tell(f"The audit log is whole: {found.lines} lines.")
    if found.unprovable:
        _tell(f"{found.unprovable} erased lines are older than this version: only their place in the chain is proved.")
    return OK


async def rebuild_customers(settings: Settings) -> int:
    """Works out anew what follows from every customer; the search for duplicates is left to the service."""
    async with database(settings) as db:
        seen = await rebuilding.rebuild(db, [LastTalks()], _told)
    _tell(f"{seen:,} customers were worked out anew; the service looks for duplicates among them.")
    return OK


def _told(done: int) -> None:
    if done % _TOLD == 0:
        _tell(f"{done:>9,} customers")


async def doctor(settings: Settings, *, as_json: bool) -> int:
    db = Database(settings.database_url, zone=settings.timezone)
    try:
        found = await Doctor(settings, db, SystemClock())()
    finally:
        await db.close()
    if as_json:
        rows = [{"code": f.code, "severity": f.severity, "subject": f.subject, "detail": f.detail, "advice": f.advice}
                for f in found]  # fmt: skip
        sys.stdout.write(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        for finding in found:
            advice = f"\n         {finding.advice}" if finding.advice else ""
            sys.stdout.write(f"{_MARKS[finding.severity]}  {finding.subject}: {finding.detail}{advice}\n")
    return OK if all(finding.severity is Severity.OK for finding in found) else FAILED


async def audit_recordings(settings: Settings) -> int:
    """One line a file that is missing, empty, damaged or orphan; exit 0 when there is none."""
    files = RecordingFiles({pbx.name: pbx.config.recordings_dir for pbx in settings.pbxes})
    troubles = 0
    async with database(settings) as db:
        for pbx in settings.pbxes:
            troubles += await _missing(db, files, pbx) + await _orphans(db, files, pbx)
    _tell(f"{troubles} recordings need a look." if troubles else "All recordings are there.")
    return FAILED if troubles else OK


async def _missing(db: Database, files: RecordingFiles, pbx: PbxSettings) -> int:
    after, troubles = 0, 0
    while True:
        async with db.read() as session:
            rows = await recording_queries.in_order(session, pbx.name, after=after)
        if not rows:
            return troubles
        for row in rows:
            if row.state is RecordingState.RECORDING:
                continue
            look = await files.look(row.pbx, row.file)
            if look.size is None:
                state = "missing"
            elif look.damage is not None:
                state = "damaged"
            elif look.measured is None or look.measured.seconds <= 0:
                state = "empty"
            else:
                continue
            troubles += 1
            sys.stdout.write(f"{state}\t{row.pbx}\t{row.file}\n")
        after = rows[-1].id


async def _orphans(db: Database, files: RecordingFiles, pbx: PbxSettings) -> int:
    try:
        names = await asyncio.to_thread(lambda: sorted(files.names(pbx.name)))
    except OSError as error:
        _tell(f"The recordings folder of {pbx.name} cannot be read: {error.strerror}.")
        return 1
    troubles = 0
    for start in range(0, len(names), 500):
        part = names[start : start + 500]
        async with db.read() as session:
            known = await recording_queries.known_files(session, pbx.name, part)
        for name in part:
            if name not in known:
                troubles += 1
                sys.stdout.write(f"orphan\t{pbx.name}\t{name}\n")
    return troubles


def _tell(sentence: str) -> None:
    sys.stderr.write(f"{sentence}\n")
