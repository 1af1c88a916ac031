"""Imports: what becomes of each row, the same dry and in earnest; duplicates, updates, undo, going on after a crash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from crm_core.customers import service as customer_service
from crm_core.customers.imports import jobs as imports_jobs
from crm_core.customers.imports import queries, service
from crm_core.customers.imports.jobs import handlers
from crm_core.customers.imports.kinds import OnDuplicate, Undone, UpdateBy, Verdict
from crm_core.customers.models import Customer
from crm_core.db.uow import UnitOfWork
from crm_core.jobs import runner
from tests.factories import add_department
from tests.integration.customers.import_desk import HEADINGS, Desk

GOOD = ["李秀英", "女", "13800138000", "", "农历1953年八月十五", "上海市浦东新区世纪大道1号", "王伟", "上午来电"]


async def test_a_row_becomes_a_customer_with_all_its_fields(desk: Desk) -> None:
    import_id = await desk.upload([GOOD])
    checked = await desk.check(import_id)
    assert (checked.verdicts, checked.total) == ({"create": 1}, 1)
    ran = await desk.run(import_id)
    assert ran.verdicts == {"create": 1}
    (row,) = await desk.rows(import_id)
    made = await desk.customer(row.customer_id)
    assert (made.name, made.sex, made.owner, made.department) == ("李秀英", "female", "wangwei", "一部")
    assert (made.birth_calendar, made.birth_year, made.birth_month, made.birth_day) == ("lunar", 1953, 8, 15)
    assert (made.province, made.city, made.district, made.street) == ("上海市", "上海市", "浦东新区", "世纪大道1号")
    assert [phone.number for phone in made.phones] == ["13800138000"]
    assert made.account_number.startswith("KH")


async def test_wrong_rows_say_what_is_wrong_and_nothing_else_is_lost(desk: Desk) -> None:
    rows = [
        GOOD,
        ["", "女", "13800138001", "", "", "", "", ""],
        ["张三", "不男不女", "13800138002", "", "", "", "", ""],
        ["李四", "男", "1380013800a", "", "", "", "", ""],
        ["王五", "男", "", "110101199003070010", "", "", "", ""],
        ["赵六", "", "", "", "1958-02-30", "", "", ""],
        ["孙七", "", "", "", "", "", "nobody", ""],
        ["周" * 200, "", "", "", "", "", "", ""],
        ["吴九", "", "", "110101199003078000", "", "", "", ""],
        ["=cmd|' /C calc'!A0<script>", "", "13800138009 / 62345678", "", "", "", "", ""],
    ]
    import_id = await desk.bring(rows)
    found = {row.number: row for row in await desk.rows(import_id)}
    fields = {n: [reason["field"] for reason in row.reasons] for n, row in found.items() if row.verdict == "error"}
    assert fields == {
        3: ["name"],
        4: ["sex"],
        5: ["mobile"],
        6: ["id_card"],
        7: ["birthday"],
        8: ["owner"],
        9: ["name"],
        10: ["id_card"],
    }
    assert "Excel" in found[10].reasons[0]["sentence"]
    made = await desk.customer(found[11].customer_id)
    assert made.name == "=cmd|' /C calc'!A0<script>"
    assert [phone.number for phone in made.phones] == ["13800138009", "02162345678"]


async def test_a_dry_run_changes_nothing_and_says_the_same_as_the_run(desk: Desk) -> None:
    await desk.stored("李秀英", ["13800138000"])
    rows = [GOOD, ["张三", "", "13900139000", "", "", "", "", ""], ["张三", "", "13900139000", "", "", "", "", ""]]
    import_id = await desk.upload(rows)
    await desk.check(import_id)
    dry = [(row.number, row.verdict, row.reasons) for row in await desk.rows(import_id)]
    async with desk.db.read() as session:
        assert await queries.account_holders(session, ["KH00000001"]) == {}
    await desk.run(import_id)
    assert [(row.number, row.verdict, row.reasons) for row in await desk.rows(import_id)] == dry
    assert [verdict for _, verdict, _ in dry] == ["duplicate", "create", "duplicate"]
    assert dry[2][2][0]["values"] == {"row": "3"}


@pytest.mark.parametrize(
    ("choice", "verdict"),
    [(OnDuplicate.SKIP, "duplicate"), (OnDuplicate.UPDATE, "update"), (OnDuplicate.CREATE, "create")],
)
async def test_the_user_chooses_what_becomes_of_duplicates(desk: Desk, choice: OnDuplicate, verdict: str) -> None:
    old = await desk.stored("李秀英", ["13800138000"])
    import_id = await desk.bring([GOOD], on_duplicate=choice)
    (row,) = await desk.rows(import_id)
    assert row.verdict == verdict
    assert (row.customer_id == old.id) is (choice is not OnDuplicate.CREATE)
    if choice is OnDuplicate.UPDATE:
        assert (await desk.customer(old.id)).street == "世纪大道1号"


async def test_an_update_by_key_changes_the_named_customer_and_keeps_the_rest(desk: Desk) -> None:
    old = await desk.stored("李秀英", ["13800138000"], remarks="old", occupation="teacher")
    import_id = await desk.bring([GOOD], update_by=UpdateBy.PHONE_AND_NAME)
    (row,) = await desk.rows(import_id)
    assert (row.verdict, row.customer_id) == (Verdict.UPDATE, old.id)
    now = await desk.customer(old.id)
    assert (now.remarks, now.occupation, now.birth_month, now.owner) == ("上午来电", "teacher", 8, None)
    assert "owner" in [reason["field"] for reason in row.reasons]  # a clerk does not give customers away


async def test_account_numbers_come_along_and_name_customers(desk: Desk) -> None:
    headings = ["账号", "姓名", "备注"]
    first = await desk.bring([["VIP-1", "李秀英", "a"], ["VIP-1", "王五", ""]], headings)
    assert [row.verdict for row in await desk.rows(first)] == ["create", "duplicate"]
    again = await desk.bring([["VIP-1", "李秀英", "b"]], headings)
    (row,) = await desk.rows(again)
    assert (row.verdict, [reason["field"] for reason in row.reasons]) == ("error", ["account_number"])
    update = await desk.bring([["VIP-1", "李秀英", "b"]], headings, update_by=UpdateBy.ACCOUNT_NUMBER)
    (row,) = await desk.rows(update)
    assert row.verdict == "update"
    assert (await desk.customer(row.customer_id)).remarks == "b"
    same = await desk.bring([["VIP-1", "李秀英", "b"]], headings, update_by=UpdateBy.ACCOUNT_NUMBER)
    assert [row.verdict for row in await desk.rows(same)] == ["unchanged"]


async def test_original_author_and_dates_are_kept(desk: Desk) -> None:
    headings = ["姓名", "录入人", "录入时间", "收集日期", "收集人"]
    import_id = await desk.bring([["李秀英", "王伟", "2019-05-06 14:30", "2019/5/1", "陈"]], headings)
    (row,) = await desk.rows(import_id)
    made = await desk.customer(row.customer_id)
    assert (made.entered_by, made.collected_by, str(made.collected_at)) == ("wangwei", "陈", "2019-05-01")
    assert made.created_at.isoformat() == "2019-05-06T06:30:00+00:00"


async def test_id_cards_and_medical_data_are_sealed(desk: Desk) -> None:
    headings = ["姓名", "身份证号", "病史"]
    rows = [["李秀英", "110101195303070023", "糖尿病"], ["王五", "110101195303070024", "高血压"]]
    import_id = await desk.bring(rows, headings)
    found = await desk.rows(import_id)
    assert [row.verdict for row in found] == ["create", "error"]
    async with desk.db.read() as session:
        customer = await session.get_one(Customer, found[0].customer_id)
        assert customer.id_card_index is not None
        assert customer.id_card_sealed is not None
        assert b"110101" not in customer.id_card_sealed
        assert customer.medical_sealed is not None
        assert (customer.sex, customer.birth_year) == ("female", 1953)
    kept = found[1].kept_sealed
    assert kept is not None
    assert b"110101" not in kept
    assert "110101" not in str(found[1].reasons)
    again = await desk.bring([["李英秀", "110101195303070023", ""]], headings, on_duplicate=OnDuplicate.CREATE)
    assert [row.verdict for row in await desk.rows(again)] == ["duplicate"]


async def test_an_undo_takes_back_what_was_made_and_changed_but_spares_later_work(desk: Desk) -> None:
    old = await desk.stored("李秀英", ["13800138000"], remarks="old")
    others = [[f"客户{n}", "", f"1390013900{n}", "", "", "", "", ""] for n in range(4)]
    import_id = await desk.bring([GOOD, *others], update_by=UpdateBy.PHONE_AND_NAME)
    rows = await desk.rows(import_id)
    assert [row.verdict for row in rows] == ["update", *["create"] * 4]
    async with desk.db.uow() as uow:
        await customer_service.update(uow, rows[1].customer_id or 0, {"remarks": "later"}, by=desk.clerk)
        await customer_service.add_note(uow, rows[2].customer_id or 0, "called", by=desk.clerk)
    undone = await desk.undo(import_id)
    assert undone.undone_at is not None
    after = await desk.rows(import_id)
    assert [row.undone for row in after] == [Undone.UNDONE, Undone.KEPT, Undone.KEPT, Undone.UNDONE, Undone.UNDONE]
    assert "Changed" in after[1].reasons[-1]["sentence"]
    assert after[2].reasons[-1]["values"] == {"where": "customer_notes"}
    now = await desk.customer(old.id)
    assert (now.remarks, now.street, now.birth_year) == ("old", None, None)
    assert (await desk.customer(rows[1].customer_id)).remarks == "later"
    async with desk.db.read() as session:
        assert await session.get(Customer, rows[3].customer_id) is None


async def test_a_run_that_broke_off_goes_on_where_it_was(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imports_jobs, "_CHUNK", 100)
    rows = [[f"客户{n:03}", "", f"139001{n:05}", "", "", "", "", ""] for n in range(350)]
    import_id = await desk.upload(rows)
    async with desk.db.uow() as uow:
        await service.run(uow, import_id, by=desk.clerk)
    real, chunks = imports_jobs.keep_rows, 0

    async def dies(uow: UnitOfWork, kept: Any) -> None:
        nonlocal chunks
        chunks += 1
        if chunks == 3:
            raise RuntimeError("power cut")
        await real(uow, kept)

    monkeypatch.setattr(imports_jobs, "keep_rows", dies)
    await runner.run_one(desk.db, handlers(desk.files))
    assert len(await desk.rows(import_id)) == 200
    ran = await desk.run(import_id)
    assert ran.verdicts == {"create": 350}
    assert ran.done == 350
    async with desk.db.read() as session:
        accounts = [f"KH{n:08}" for n in range(1, 351)]
        assert len(await queries.account_holders(session, accounts)) == 350


async def test_somebody_elses_customers_are_not_told_about(desk: Desk) -> None:
    other = await add_department(desk.db, "二部")
    await desk.stored("李秀英", ["13800138000"], department=other)
    import_id = await desk.bring([GOOD], on_duplicate=OnDuplicate.UPDATE)
    (row,) = await desk.rows(import_id)
    assert row.verdict == "duplicate"
    assert "account" not in row.reasons[0]["values"]


async def test_a_workbook_reads_as_its_text_does(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "list.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.write_row(0, 0, ["2026年顾客资料表"])
    sheet.write_row(2, 0, HEADINGS)
    sheet.write_row(3, 0, ["李秀英", "女", 13800138000, "", "", "", "", ""])
    sheet.write_number(3, 4, 19424, day)
    sheet.write_row(4, 0, ["王五", "男", "", 110101199003078888, "", "", "", ""])
    book.close()
    import_id = await desk.store(path)
    await desk.check(import_id)
    await desk.run(import_id)
    good, damaged = await desk.rows(import_id)
    assert (good.number, good.verdict, damaged.number, damaged.verdict) == (4, "create", 5, "error")
    made = await desk.customer(good.customer_id)
    assert (made.phones[0].number, made.birth_year, made.birth_month, made.birth_day) == ("13800138000", 1953, 3, 6)
