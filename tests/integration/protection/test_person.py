"""One person's rights: all of it handed out, all of it forgotten, and the books stay right."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from callcenter.files import KeptFiles
from crm_core.audit import service as audit
from crm_core.calls.models import CallEvents, CallNote
from crm_core.calls.personal import CallsOfPerson
from crm_core.customers import sealed
from crm_core.customers import service as customers
from crm_core.customers.models import Customer, FamilyMember
from crm_core.customers.protection import consents, personal, queries, service
from crm_core.customers.protection.chosen import Chosen
from crm_core.customers.protection.jobs import handlers
from crm_core.customers.protection.kinds import Channel, ConsentState, ConsentWay, FileFormat, Purpose, RequestState
from crm_core.customers.rules import PhoneInput
from crm_core.customers.search.queries import Wanted
from crm_core.db.database import Database
from crm_core.jobs.runner import run_one
from crm_core.kernel.errors import Conflict, NotFound
from crm_core.kernel.ids import new_id, show
from crm_core.organization.access import Actor
from crm_core.organization.models import IdempotencyKey, Role
from tests.factories import add_actor, add_call, add_customer, add_department

ZONE = ZoneInfo("Asia/Shanghai")
SECRETS = ("张桂兰", "13800138000", "喜欢养花", "女儿王芳", "青霉素", "长宁路", "抱怨过价格", "110101194912310022")


@pytest.fixture
def files(tmp_path: Path) -> KeptFiles:
    return KeptFiles(tmp_path / "files")


async def person(db: Database, by: Actor) -> Customer:
    """Somebody of whom there is something in every corner."""
    async with db.uow() as uow:
        made = await customers.create(
            uow, {"name": "张桂兰", "street": "长宁路 8 号"}, [PhoneInput("13800138000")], by=by, area_code="021"
        )
        await customers.add_note(uow, made.id, "喜欢养花", by=by)
        uow.session.add(FamilyMember(id=new_id(), customer_id=made.id, name="女儿王芳", relation="女儿"))
        sealed.set_id_card(uow.keyring, made, "110101194912310022")
        sealed.set_medical(uow.keyring, made, {"allergies": "青霉素"})
    async with db.uow() as uow:
        await customers.update(uow, made.id, {"remarks": "抱怨过价格"}, by=by)
        await consents.note(
            uow, made.id, channel=Channel.SMS, purpose=Purpose.CARE, state=ConsentState.GRANTED,
            way=ConsentWay.FORM, text_version="2026-01", evidence="盒 12", by=by,
        )  # fmt: skip
    call = await add_call(db, customer=made, recording="in-13800138000.wav", caller_name="张桂兰")
    async with db.uow() as uow:
        at = uow.clock.now()
        uow.session.add(CallNote(id=1, call_id=call.id, at=at, text="抱怨过价格"))
        uow.session.add(CallEvents(id=1, call_id=call.id, at=at, events=b"CallerIDNum: 13800138000"))
    return made


async def run(db: Database, files: KeptFiles) -> None:
    assert await run_one(db, handlers(files, ZONE, [CallsOfPerson()]))


async def test_a_person_gets_all_that_is_kept_of_him(db: Database, files: KeptFiles) -> None:
    admin = await add_actor(db, role=Role.ADMIN)
    made = await person(db, admin)
    async with db.uow() as uow:
        request = await service.ask_for_person(uow, made.id, reason="客户书面要求", labels={}, by=admin)
    await run(db, files)
    async with db.read() as session:
        done = await queries.request_to_change(session, request.id)
    assert done.state is RequestState.READY
    assert done.file_id is not None
    with zipfile.ZipFile(files.path(done.file_id)) as archive:
        told, page = archive.read("person.json").decode(), archive.read("person.html").decode()
    for secret in SECRETS:
        assert secret in told, secret
        assert secret in page, secret
    found = json.loads(told)
    assert {"customers", "customer_phones", "consents", "calls", "call_notes", "recordings", "audit"} <= set(found)
    assert "id_card_sealed" not in told


async def test_what_people_stored_is_not_run_by_the_page_of_a_person(db: Database, files: KeptFiles) -> None:
    admin = await add_actor(db, role=Role.ADMIN)
    made = await add_customer(db, "<script>alert(1)</script>")
    async with db.uow() as uow:
        request = await service.ask_for_person(uow, made.id, reason="x", labels={}, by=admin)
    await run(db, files)
    async with db.read() as session:
        done = await queries.request_to_change(session, request.id)
    with zipfile.ZipFile(files.path(done.file_id or 0)) as archive:
        assert "<script" not in archive.read("person.html").decode()


async def everything_stored(db: Database) -> str:
    """Every row of every table, as text; sealed values opened."""
    names = [table.name for table in Customer.metadata.sorted_tables if table.name != "users"]
    async with db.read() as session:
        rows = [row for name in names for row in await session.execute(text(f"SELECT * FROM {name}"))]  # noqa: S608
        opened = [
            sealed.open_id_card(db.keyring, c[0], c[1])
            for c in await session.execute(text("SELECT id, id_card_sealed FROM customers"))
        ]
    return repr(rows) + repr(opened)


async def test_a_forgotten_person_is_nowhere_and_the_figures_stay(db: Database, files: KeptFiles) -> None:
    admin, other = await add_actor(db, role=Role.ADMIN), await add_actor(db, role=Role.ADMIN)
    made = await person(db, admin)
    assert "张桂兰" in await everything_stored(db)
    async with db.uow() as uow:
        listed = await service.ask_for_list(
            uow, chosen=Chosen({"field": "phones", "value": "13800138000"}, Wanted("张桂兰")), zone=ZONE,
            columns=["name"], reason="x", form=FileFormat.CSV, labels={}, by=admin,
        )  # fmt: skip
    await run(db, files)
    async with db.uow() as uow:
        body = {"customer": {"id": show(made.id), "name": "张桂兰"}, "called_number": "13800138000"}
        key = IdempotencyKey(user_id=admin.user_id, key="k", request_hash="x", created_at=db.clock.now(), body=body)
        uow.session.add(key)
    async with db.read() as session:
        written = await queries.request_to_change(session, listed.id)
    assert files.path(written.file_id or 0).exists()
    async with db.uow() as uow:
        request = await service.ask_for_erasure(uow, made.id, reason="客户要求删除", by=admin)
    async with db.uow() as uow:
        with pytest.raises(Conflict):
            await service.ask_for_erasure(uow, made.id, reason="again", by=admin)
    async with db.uow() as uow:
        await service.decide(uow, request.id, approve=True, comment="", by=other)
    await run(db, files)
    assert not files.path(written.file_id or 0).exists()
    left = await everything_stored(db)
    for secret in SECRETS:
        assert secret not in left, left[max(0, left.index(secret) - 300) : left.index(secret) + 50]
    async with db.read() as session:
        assert (await queries.request_to_change(session, request.id)).state is RequestState.DONE
        (row,) = (await session.execute(text("SELECT account_number, owner_id FROM customers"))).all()
        assert row.account_number == made.account_number
        numbers = (await session.execute(text("SELECT number, customer_id FROM account_numbers"))).all()
        assert [(n.number, n.customer_id) for n in numbers] == [(made.account_number, made.id)]
        (call,) = (await session.execute(text("SELECT customer_id, talk_seconds, customer_number FROM calls"))).all()
        assert (call.customer_id, call.talk_seconds, call.customer_number) == (made.id, 50.0, "*")
        verdict = await audit.verify(session)
    assert verdict.trouble is None


async def test_nobody_forgets_a_person_of_another_house(db: Database) -> None:
    manager = await add_actor(db, role=Role.MANAGER, department=await add_department(db))
    made = await add_customer(db, department=await add_department(db))
    async with db.uow() as uow:
        with pytest.raises(NotFound):
            await service.ask_for_erasure(uow, made.id, reason="x", by=manager)
        with pytest.raises(NotFound):
            await service.ask_for_person(uow, made.id, reason="x", labels={}, by=manager)


def test_every_table_that_points_at_a_customer_is_wiped_or_kept_on_purpose() -> None:
    """A new one belongs into ``personal.WIPED`` or, with what replaces its texts, into ``personal.KEPT``."""
    assert set(personal.tables()) == personal.WIPED | set(personal.KEPT)
    assert not personal.WIPED & set(personal.KEPT)
