"""Imports over REST: bring a list, see each row's verdict, run it, take it back, mend the failed rows."""

from __future__ import annotations

import asyncio
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import python_calamine
import xlsxwriter

from crm_core.customers.imports.jobs import handlers
from crm_core.jobs import runner
from tests.integration.api.conftest import Answer, Client, House
from tests.integration.api.test_errors import is_problem

LIST = "姓名,手机号码,业务员,备注\n李秀英,13800138000,agent,上午\n,13800138001,,\n王五,abc,,\n"


LISTS = Path(__file__).parents[2] / "data" / "lists"


def zipped(parts: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return packed.getvalue()


def lying(archive: bytes) -> bytes:
    """The same, but it says of its part that it is small."""
    return archive.replace((64 << 20).to_bytes(4, "little"), (1 << 10).to_bytes(4, "little"))


def stray() -> bytes:
    """One cell in the last column and the last row that Excel has."""
    packed = io.BytesIO()
    book = xlsxwriter.Workbook(packed)
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["姓名", "手机"])
    sheet.write_string(1_048_575, 16_383, "x")
    book.close()
    return packed.getvalue()


async def brought(client: Client, content: bytes | str = LIST, name: str = "list.csv", **fields: str) -> Answer:
    form = aiohttp.FormData()
    for key, value in fields.items():
        form.add_field(key, value)
    form.add_field("file", content.encode() if isinstance(content, str) else content, filename=name)
    return await client("POST", "imports", data=form)


async def worked(house: House, client: Client, path: str) -> dict[str, Any]:
    while await runner.run_one(house.db, handlers(house.context.files)):
        pass
    found: dict[str, Any] = await client.get(path)
    return found


async def test_a_list_is_checked_run_and_taken_back(house: House) -> None:
    clerk = house.as_user("data_clerk")
    answer = await brought(clerk, dry_run="true")
    assert answer.status == 201, answer.body
    path = answer.headers["Location"]
    checked = await worked(house, clerk, path)
    assert (checked["stage"], checked["state"], checked["done"], checked["total"]) == ("check", "done", 3, 3)
    assert checked["mapping"] == {"姓名": "name", "手机号码": "mobile", "业务员": "owner", "备注": "remarks"}
    assert checked["verdicts"] == {"create": 1, "error": 2}
    rows = [(row["number"], row["verdict"], [one["field"] for one in row["reasons"]]) for row in checked["rows"]]
    assert rows == [(2, "create", []), (3, "error", ["name"]), (4, "error", ["mobile"])]
    assert (await clerk.get("customers"))["items"] == []

    assert (await clerk("POST", f"{path}/run")).status == 200
    ran = await worked(house, clerk, path)
    assert (ran["stage"], ran["verdicts"]) == ("run", {"create": 1, "error": 2})
    (customer,) = (await clerk.get("customers"))["items"]
    assert (customer["name"], customer["owner"], customer["id"]) == ("李秀英", "agent", ran["rows"][0]["customer"])
    assert is_problem(await clerk("POST", f"{path}/run"), 409, "import_done")

    assert (await clerk("POST", f"{path}/undo")).status == 200
    undone = await worked(house, clerk, path)
    assert [row["undone"] for row in undone["rows"]] == ["undone", None, None]
    assert (await clerk.get("customers"))["items"] == []


async def test_failed_rows_come_back_in_their_own_layout_with_the_reason(house: House) -> None:
    clerk = house.as_user("data_clerk")
    answer = await brought(clerk, LIST.replace("王五", "=1+1"))
    await worked(house, clerk, answer.headers["Location"])
    sheet = await clerk("GET", f"{answer.headers['Location']}/errors.xlsx")
    assert sheet.status == 200
    rows = python_calamine.load_workbook(io.BytesIO(sheet.body)).get_sheet_by_index(0).to_python()
    assert rows[0] == ["姓名", "手机号码", "业务员", "备注", "Reason"]
    assert rows[1] == ["", "13800138001", "", "", "The name is missing."]
    assert rows[2] == ["=1+1", "abc", "", "", "“abc” is not a phone number."]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"", "list.csv", "import_file_unreadable"),
        (b"PK\x03\x04 no workbook at all", "list.xlsx", "import_file_unreadable"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600, "list.xls", "import_file_unreadable"),
        ((",".join(["x"] * 400)).encode(), "list.csv", "import_file_too_wide"),
        (b"\x81\x00\xff\xfe\xff", "list.csv", "import_file_unreadable"),
        ("姓名,手机\n".encode(), "list.csv", "import_file_unreadable"),
        (b"%PDF-1.7\n\x00\xe2\xe3", "list.xlsx", "import_file_unreadable"),
        (zipped({"letter.docx": b"<xml/>"}), "list.xlsx", "import_file_unreadable"),
        (zipped({"xl/worksheets/sheet1.xml": b"0" * (64 << 20)}), "list.xlsx", "import_file_too_large"),
        (lying(zipped({"xl/worksheets/sheet1.xml": b"0" * (64 << 20)})), "list.xlsx", "import_file_unreadable"),
        (stray(), "list.xlsx", "import_file_too_large"),
        ((LISTS / "locked.xlsx").read_bytes(), "list.xlsx", "import_file_unreadable"),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_with_what_to_do(
    house: House, content: bytes, name: str, code: str
) -> None:
    answer = await brought(house.as_user("data_clerk"), content, name)
    assert is_problem(answer, 422, code)
    folder = house.context.files.path(1).parent
    assert await asyncio.to_thread(os.listdir, folder) == []


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_wrong_parts_of_the_form_are_named(house: House) -> None:
    clerk = house.as_user("data_clerk")
    for fields, where in (
        ({"mapping": "{"}, "mapping"),
        ({"options": '{"on_duplicate": "explode"}'}, "options.on_duplicate"),
        ({"surprise": "1"}, "surprise"),
        ({"dry_run": "perhaps"}, "dry_run"),
    ):
        answer = await brought(clerk, **fields)
        assert is_problem(answer, 422, "invalid_input"), answer.body
        assert list(answer.json["errors"]) == [where]
    answer = await brought(clerk, mapping='{"姓名": "nickname"}')
    assert is_problem(answer, 422, "import_mapping_invalid")
    assert is_problem(await clerk("POST", "imports"), 422, "invalid_input")


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_mappings_are_remembered_for_oneself_or_for_all(house: House) -> None:
    clerk, boss = house.as_user("data_clerk"), house.as_user("manager")
    own = await clerk("POST", "import-presets", {"name": "Fair", "mapping": {"姓名": "name", "备注": ""}})
    shared = await clerk("POST", "import-presets", {"name": "All", "mapping": {"姓名": "name"}, "shared": True})
    assert (own.status, shared.status) == (201, 201)
    assert [one["name"] for one in (await boss.get("import-presets"))["items"]] == ["All"]
    answer = await brought(clerk, preset=own.json["id"])
    assert answer.json["mapping"] == {"姓名": "name", "手机号码": "mobile", "业务员": "owner"}
    assert (await boss("DELETE", f"import-presets/{own.json['id']}")).status == 404
    assert (await clerk("DELETE", f"import-presets/{own.json['id']}")).status == 204


@pytest.mark.parametrize(
    ("heading", "status"),
    [(b'name="file"; filename="\xe9\xff.csv"', 201), (b'name="\xe9\xff"', 422), (b'name="a\x00b"', 422)],
)
async def test_a_part_with_a_damaged_heading_breaks_nothing(house: House, heading: bytes, status: int) -> None:
    head = b"--edge\r\nContent-Disposition: form-data; " + heading
    body = head + b"\r\n\r\n" + LIST.encode() + b"\r\n--edge--\r\n"
    form = {"Content-Type": "multipart/form-data; boundary=edge"}
    answer = await house.as_user("data_clerk")("POST", "imports", data=body, headers=form)
    assert answer.status == status, answer.body
