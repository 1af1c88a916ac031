"""Exports: allowed, written in flat memory with masks and marks, handed out once."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from callcenter.files import KeptFiles
from crm_core.audit import queries as audit
from crm_core.customers import service as customers
from crm_core.customers.protection import queries, service
from crm_core.customers.protection.chosen import Chosen
from crm_core.customers.protection.jobs import handlers
from crm_core.customers.protection.kinds import FileFormat, RequestState
from crm_core.customers.protection.models import DataRequest
from crm_core.customers.search.filters import Filters
from crm_core.customers.search.queries import Wanted
from crm_core.db.database import Database
from crm_core.jobs.runner import run_one
from crm_core.kernel.clock import FixedClock
from crm_core.kernel.errors import Conflict, Denied, NotFound, Rejected
from crm_core.organization.access import SYSTEM, Actor
from crm_core.organization.models import Role
from tests.factories import add_actor, add_centre, add_customer, add_department

ZONE = ZoneInfo("Asia/Shanghai")
DANGEROUS = ('=HYPERLINK("http://evil.example.com")', "+1", "-1", "@SUM(A1)", " =1+1", "＝1+1")


@pytest.fixture
def files(tmp_path: Path) -> KeptFiles:
    return KeptFiles(tmp_path / "files")


async def ask(db: Database, by: Actor, **given: Any) -> DataRequest:
    chosen = Chosen(given.pop("where", None), given.pop("listed", None))
    wish: dict[str, Any] = {
        "chosen": chosen,
        "zone": ZONE,
        "columns": (),
        "reason": "年度核对",
        "form": FileFormat.CSV,
        "labels": {},
    }
    async with db.uow() as uow:
        return await service.ask_for_list(uow, **{**wish, **given}, by=by)


async def written(db: Database, files: KeptFiles, request: DataRequest) -> DataRequest:
    assert await run_one(db, handlers(files, ZONE))
    async with db.read() as session:
        return await queries.request_to_change(session, request.id)


def table(files: KeptFiles, request: DataRequest) -> list[list[str]]:
    assert request.file_id is not None
    return list(csv.reader(io.StringIO(files.path(request.file_id).read_text(encoding="utf-8-sig"))))


async def test_an_export_holds_what_the_asker_reaches_and_says_who_took_it(db: Database, files: KeptFiles) -> None:
    here, there = await add_department(db), await add_department(db)
    centre = await add_centre(db)
    mine = await add_department(db, sales_centre=centre)
    boss = await add_actor(db, "manager1", role=Role.MANAGER, department=mine)
    await add_customer(db, "张三", phones=["13800138000"], department=mine)
    await add_customer(db, "别人的", phones=["13900139000"], department=there)
    assert here
    request = await written(db, files, await ask(db, boss, columns=["name", "phones"], labels={"Name": "姓名"}))
    head, *rows, note = table(files, request)
    assert head == ["姓名", "Phones"]
    assert rows == [["张三", "13800138000"]]
    assert all(word in note[0] for word in ("manager1", "2026-11-21", "年度核对"))
    async with db.read() as session:
        lines = await audit.page(session, object_type="export", object_id=request.id)
    assert [(line.action, line.detail["rows"]) for line in lines] == [("export.write", 1), ("export.ask", 1)]


async def test_no_cell_of_an_export_is_run_by_a_spreadsheet(db: Database, files: KeptFiles) -> None:
    admin = await add_actor(db, role=Role.ADMIN)
    for name in DANGEROUS:
        await add_customer(db, name, remarks="\tcmd|' /C calc'!A0")
    for form in (FileFormat.CSV, FileFormat.XLSX):
        request = await written(db, files, await ask(db, admin, columns=["name", "remarks"], form=form))
        assert request.file_id is not None
        if form is FileFormat.CSV:
            cells = [cell for row in table(files, request) for cell in row]
        else:
            with zipfile.ZipFile(files.path(request.file_id)) as archive:
                sheet = archive.read("xl/worksheets/sheet1.xml").decode()
            assert "<f>" not in sheet
            cells = [cell.partition("</t>")[0] for cell in sheet.split("<t")[1:]]
            cells = [cell.partition(">")[2] for cell in cells]
        assert len(cells) >= 2 * len(DANGEROUS)
        assert not [cell for cell in cells if cell.strip(" ")[:1] in "=+-@\t\r＝＋－＠" and cell]


async def test_much_needs_a_second_person(db: Database, files: KeptFiles) -> None:
    centre = await add_centre(db)
    mine = await add_department(db, sales_centre=centre)
    boss, other, agent = [
        await add_actor(db, role=role, department=mine) for role in (Role.MANAGER, Role.MANAGER, Role.AGENT)
    ]
    async with db.uow() as uow:
        await service.change_limits(uow, {"approval_rows": 1}, by=SYSTEM)
    for name in ("张三", "李四"):
        await add_customer(db, name, department=mine)
    request = await ask(db, boss)
    assert request.state is RequestState.WAITING
    assert not await run_one(db, handlers(files, ZONE))
    async with db.uow() as uow:
        with pytest.raises(Rejected, match="Somebody else"):
            await service.decide(uow, request.id, approve=True, comment="", by=boss)
    async with db.uow() as uow:
        with pytest.raises(Denied):
            await service.decide(uow, request.id, approve=True, comment="", by=agent)
    async with db.uow() as uow:
        await service.decide(uow, request.id, approve=True, comment="可以", by=other)
    assert (await written(db, files, request)).state is RequestState.READY
    async with db.uow() as uow:
        with pytest.raises(Conflict):
            await service.decide(uow, request.id, approve=False, comment="不", by=other)


async def test_a_refused_request_writes_no_file(db: Database, files: KeptFiles) -> None:
    admin, other = await add_actor(db, role=Role.ADMIN), await add_actor(db, role=Role.ADMIN)
    async with db.uow() as uow:
        await service.change_limits(uow, {"approval_rows": 0}, by=SYSTEM)
    await add_customer(db)
    request = await ask(db, admin)
    async with db.uow() as uow:
        with pytest.raises(Rejected):
            await service.decide(uow, request.id, approve=False, comment=" ", by=other)
    async with db.uow() as uow:
        refused = await service.decide(uow, request.id, approve=False, comment="没有必要", by=other)
    assert refused.state is RequestState.REFUSED
    assert not await run_one(db, handlers(files, ZONE))


async def test_a_list_that_grew_after_it_was_allowed_is_not_handed_out(db: Database, files: KeptFiles) -> None:
    admin = await add_actor(db, role=Role.ADMIN)
    async with db.uow() as uow:
        await service.change_limits(uow, {"approval_rows": 3}, by=SYSTEM)
    request = await ask(db, admin)
    async with db.uow() as uow:
        await service.change_limits(uow, {"approval_rows": 0}, by=SYSTEM)
    for number in range(101):
        await add_customer(db, f"新{number}")
    failed = await written(db, files, request)
    assert (failed.state, failed.failure) == (RequestState.FAILED, "export_grew")
    assert list(files.path(1).parent.glob("*")) == []


async def test_a_file_is_handed_out_once_to_its_asker_and_in_time(
    db: Database, files: KeptFiles, clock: FixedClock
) -> None:
    admin, other = await add_actor(db, role=Role.ADMIN), await add_actor(db, role=Role.ADMIN)
    agent = await add_actor(db, role=Role.AGENT)
    await add_customer(db)
    request = await written(db, files, await ask(db, admin))
    late = await written(db, files, await ask(db, admin))
    for who, kind in ((other, Conflict), (agent, Denied)):
        async with db.uow() as uow:
            with pytest.raises(kind):
                await service.begin_fetch(uow, request.id, by=who)
    async with db.uow() as uow:
        first = (await service.begin_fetch(uow, request.id, by=admin)).fetches
        second = (await service.begin_fetch(uow, request.id, by=admin)).fetches
        with pytest.raises(Conflict):
            await service.collect(uow, request.id, first, by=admin)
        await service.collect(uow, request.id, second, by=admin)
    async with db.uow() as uow:
        with pytest.raises(Conflict, match="once"):
            await service.begin_fetch(uow, request.id, by=admin)
    clock.move(timedelta(hours=25))
    async with db.uow() as uow:
        with pytest.raises(Conflict, match="no file"):
            await service.begin_fetch(uow, late.id, by=admin)
    async with db.uow() as uow:
        assert await service.expire(uow) == [late.file_id]


async def test_a_broken_connection_does_not_use_the_one_time_up_but_shortens_it(
    db: Database, files: KeptFiles, clock: FixedClock
) -> None:
    admin = await add_actor(db, role=Role.ADMIN)
    await add_customer(db)
    request = await written(db, files, await ask(db, admin))
    async with db.uow() as uow:
        fetch = (await service.begin_fetch(uow, request.id, by=admin)).fetches
        await service.collect(uow, request.id, fetch, by=admin)
        await service.give_back(uow, request.id, fetch, by=admin)
    clock.move(timedelta(minutes=14))
    async with db.uow() as uow:
        assert (await service.begin_fetch(uow, request.id, by=admin)).state is RequestState.READY
    clock.move(timedelta(minutes=2))
    async with db.uow() as uow:
        with pytest.raises(Conflict, match="no file"):
            await service.begin_fetch(uow, request.id, by=admin)
    async with db.read() as session:
        lines = await audit.page(session, object_type="export", object_id=request.id)
    told = [line.action for line in lines]
    assert told == [
        "export.fetch",
        "export.fetch_broken",
        "export.collect",
        "export.fetch",
        "export.write",
        "export.ask",
    ]


async def test_requests_of_people_out_of_reach_are_not_there(db: Database) -> None:
    one, two = [await add_department(db, sales_centre=await add_centre(db)) for _ in range(2)]
    first = await add_actor(db, role=Role.MANAGER, department=one)
    second = await add_actor(db, role=Role.MANAGER, department=two)
    request = await ask(db, first)
    async with db.read() as session:
        assert (await queries.requests(session, first)).items
        assert not (await queries.requests(session, second)).items
        with pytest.raises(NotFound):
            await queries.request(session, second, request.id)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"reason": "  "}, "reason"),
        ({"columns": ["name", "password_hash"]}, "columns.1"),
        ({"form": FileFormat.ZIP}, "format"),
        ({"where": {"field": "owner_id", "op": "eq", "value": 1}}, "where.field"),
        ({"where": {"all": []}}, "where.all"),
        ({"where": {"field": "name", "op": "like", "value": "x"}}, "where.op"),
        ({"where": {"field": "created_at", "op": "gt", "value": "yesterday"}}, "where.value"),
    ],
)
async def test_a_wrong_wish_is_refused_at_its_field(db: Database, wish: dict[str, Any], field: str) -> None:
    admin = await add_actor(db, role=Role.ADMIN)
    with pytest.raises(Rejected) as refused:
        await ask(db, admin, **wish)
    assert field in refused.value.errors


async def test_an_export_holds_what_the_list_shows(db: Database, files: KeptFiles) -> None:
    admin = await add_actor(db, role=Role.ADMIN)
    for name, kind in (("张三", "A"), ("张四", "B"), ("李五", "A")):
        async with db.uow() as uow:
            await customers.create(uow, {"name": name, "type": kind}, [], by=admin, area_code="021")
    for listed, names in (
        (Wanted("张三"), ["张三"]),
        (Wanted("", Filters(type="A")), ["张三", "李五"]),
        (Wanted("zhang", Filters(type="B")), ["张四"]),
        (Wanted("没有人"), []),
    ):
        request = await ask(db, admin, listed=listed, columns=["name"])
        assert request.rows_expected == len(names)
        request = await written(db, files, request)
        assert sorted(row[0] for row in table(files, request)[1:-1]) == sorted(names), listed


async def test_a_condition_picks_the_rows(db: Database, files: KeptFiles) -> None:
    admin = await add_actor(db, role=Role.ADMIN)
    owner = await add_actor(db, "wangwei")
    await add_customer(db, "张三", owner=owner, city="上海", type="A", sex="male")
    await add_customer(db, "李四", owner=owner, city="北京", type="A")
    await add_customer(db, "王五", city="上海")
    trees: list[tuple[dict[str, Any], list[str]]] = [
        ({"all": [{"field": "owner", "op": "eq", "value": "wangwei"},
                  {"field": "address.city", "op": "in", "value": ["上海"]}]}, ["张三"]),
        ({"not": {"field": "type", "op": "eq", "value": "A"}}, ["王五"]),
        ({"any": [{"field": "type", "op": "empty"}, {"field": "name", "op": "contains", "value": "李"}]},
         ["李四", "王五"]),
        ({"field": "sex", "op": "ne", "value": "female"}, ["张三", "李四", "王五"]),
        ({"field": "created_at", "op": "between", "value": ["2026-11-01", "2026-12-01"]}, ["张三", "李四", "王五"]),
    ]  # fmt: skip
    for tree, names in trees:
        request = await written(db, files, await ask(db, admin, where=tree, columns=["name"]))
        assert sorted(row[0] for row in table(files, request)[1:-1]) == sorted(names), tree
