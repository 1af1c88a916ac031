"""Files as they come: old Excel, days from 1904, formulas, a password; own fields that must not be empty."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

import pytest
import xlsxwriter

from crm_core.customers.custom import service as custom
from crm_core.customers.imports import source
from crm_core.kernel.errors import Rejected
from crm_core.organization.access import SYSTEM
from tests.integration.customers.import_desk import Desk

LISTS = Path(__file__).parents[2] / "data" / "lists"


@pytest.mark.parametrize("name", ["old.xls", "mac1904.xls"])
async def test_an_old_workbook_is_read_with_its_days(desk: Desk, name: str) -> None:
    import_id = await desk.store(LISTS / name)
    await desk.check(import_id)
    ran = await desk.run(import_id)
    assert ran.verdicts == {"create": 2}
    one, other = [await desk.customer(row.customer_id) for row in await desk.rows(import_id)]
    assert (one.name, one.phones[0].number, one.birth_year, one.birth_month, one.birth_day) == (
        "李秀英", "13800138000", 1958, 3, 2,
    )  # fmt: skip
    assert one.created_at.date().isoformat() in ("2020-05-05", "2020-05-06")
    assert (other.birth_year, other.birth_month, other.birth_day) == (1960, 5, 6)
    assert other.remarks == "第一行\n第二行"


async def test_a_formula_counts_as_what_it_says_and_days_from_1904_are_themselves(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "list.xlsx"
    book = xlsxwriter.Workbook(str(path), {"date_1904": True, "default_date_format": "yyyy-mm-dd"})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["姓名", "手机号码", "出生日期"])
    sheet.write_formula(1, 0, '="李"&"秀英"', value="李秀英")
    sheet.write_formula(1, 1, "=13800138000", value=13800138000)
    sheet.write_datetime(1, 2, datetime(1958, 3, 2))  # noqa: DTZ001 - a cell has no zone
    book.close()
    import_id = await desk.store(path)
    await desk.check(import_id)
    await desk.run(import_id)
    (row,) = await desk.rows(import_id)
    made = await desk.customer(row.customer_id)
    assert (made.name, made.phones[0].number) == ("李秀英", "13800138000")
    assert (made.birth_year, made.birth_month, made.birth_day) == (1958, 3, 2)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_workbook_with_a_password_says_so(desk: Desk) -> None:
    with pytest.raises(Rejected, match="password"):
        await source.head(LISTS / "locked.xlsx")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("content", ["姓名,手机\n", "姓名,手机\n,\n \n"])
async def test_a_list_without_rows_is_refused(desk: Desk, tmp_path: Path, content: str) -> None:
    path = tmp_path / "list.csv"
    await asyncio.to_thread(path.write_text, content)
    with pytest.raises(Rejected, match="no rows below its headings"):
        await source.head(path)


async def test_an_own_field_that_must_not_be_empty_is_asked_of_new_customers(desk: Desk) -> None:
    async with desk.db.uow() as uow:
        await custom.add(uow, {"code": "shop", "type": "text", "zh": "门店", "required": True}, by=SYSTEM)
    rows = [["李秀英", "13800138000", "一店"], ["王五", "13800138001", ""]]
    import_id = await desk.bring(rows, ["姓名", "手机号码", "门店"])
    found = [(row.verdict, [reason["field"] for reason in row.reasons]) for row in await desk.rows(import_id)]
    assert found == [("create", []), ("error", ["custom.shop"])]


async def test_every_wrong_cell_is_told_at_its_field_and_the_other_rows_are_stored(desk: Desk) -> None:
    headings = ["客户编号", "姓名", "手机号码", "身份证号", "农历生日", "省份", "城市", "区县"]
    rows = [
        ["A1", "李秀英", "13800138000", "", "1953年八月十五", "上海市", "上海市", "浦东新区"],
        ["", "张三", "", "", "1953年闰八月十五", "", "", ""],
        ["", "李四", "", "", "", "上海市", "上海市", "火星区"],
        ["A1", "王五", "", "", "", "", "", ""],
        ["", "赵六", "13800138001, 13800138002", "", "", "", "", ""],
        ["", "孙七", "", "1.10101E+17", "", "", "", ""],
    ]
    import_id = await desk.bring(rows, headings)
    found = [(row.verdict.value, [reason["field"] for reason in row.reasons]) for row in await desk.rows(import_id)]
    assert found == [
        ("create", []),
        ("error", ["lunar_birthday"]),
        ("error", ["district"]),
        ("duplicate", [""]),
        ("create", []),
        ("error", ["id_card"]),
    ]
