"""A list of customers from Excel, checked, duplicates found, stored: ours against merely reading the same file.

The floor is python-calamine alone, every row as Python values. Ours is the whole run of the job: reading, cleaning,
duplicate check against the base and within the file, customers with numbers, keys, search tokens and audit.
"""

from __future__ import annotations

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import python_calamine
import xlsxwriter

from bench.figure import Figure, Row, Size, at_most, complete
from callcenter.files import KeptFiles
from crm_core import migrations
from crm_core.customers.imports import queries, service, source
from crm_core.customers.imports.deciding import Options
from crm_core.customers.imports.jobs import handlers
from crm_core.customers.imports.queries import ImportView
from crm_core.db.database import Database
from crm_core.jobs import runner
from crm_core.kernel.id_card import check_digit
from crm_core.kernel.sealing import KeyRing
from crm_core.organization.access import SYSTEM

_KEYS = KeyRing({"bench": bytes(range(32))}, "bench")
_HEADINGS = (
    "姓名", "性别", "手机号码", "其他电话", "身份证号", "出生日期", "省份", "城市", "区县", "联系地址", "客户类型",
    "客户来源", "建档时间", "备注",
)  # fmt: skip
_TARGET = 8.0
_SURNAMES, _GIVEN = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗",
    "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀英霞平刚桂兰玉华建国",
)


def run(size: Size) -> Figure:
    rows = min(size.customers // 10, 100_000)
    with tempfile.TemporaryDirectory(prefix="callcenter-bench-") as folder:
        path = Path(folder) / "list.xlsx"
        _write(path, rows)
        began = time.perf_counter()
        read = _read(path)
        floor = time.perf_counter() - began
        checked, ran, grown, view = asyncio.run(_import(Path(folder), path))
    return Figure(
        f"Import of {rows:,} customers from Excel",
        (
            at_most("imported, checked and free of duplicates", ran, floor, _TARGET),
            at_most("dry run: every row's verdict", checked, floor, _TARGET),
            complete("rows with a verdict", sum(view.verdicts.values()), read - 1),
            Row("memory of the service grown by", f"{grown / 2**20:.0f} MiB"),
        ),
        ("Floor: python-calamine reads the same file and does nothing with it.",),
    )


def _list(rows: int) -> Iterator[list[str]]:
    """One in a hundred stands there twice."""
    luck = random.Random(1)
    last: list[str] = []
    for number in range(rows):
        if number % 100 == 99:
            yield last
            continue
        year, month, day, serial = (
            luck.randint(1930, 1990),
            luck.randint(1, 12),
            luck.randint(1, 28),
            luck.randint(1, 999),
        )
        body = f"310115{year}{month:02}{day:02}{serial:03}"
        last = [
            luck.choice(_SURNAMES) + luck.choice(_GIVEN) + luck.choice(_GIVEN),
            "男" if serial % 2 else "女",
            f"13{luck.randint(0, 999_999_999):09}",
            f"021-6{luck.randint(0, 9_999_999):07}" if number % 3 == 0 else "",
            body + check_digit(body) if number % 2 else "",
            f"{year}-{month:02}-{day:02}" if number % 4 or number % 2 else f"农历{year}年八月初五",
            "上海市",
            "上海市",
            "浦东新区",
            f"世纪大道{luck.randint(1, 3000)}号{luck.randint(101, 2499)}室",
            luck.choice(["普通", "重点"]),
            luck.choice(["报纸", "讲座", "介绍"]),
            "2020-05-06",
            "喜欢上午接电话" if number % 5 == 0 else "",
        ]
        yield last


def _write(path: Path, rows: int) -> None:
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet()
    for number, cells in enumerate([list(_HEADINGS), *_list(rows)]):
        for place, cell in enumerate(cells):
            if cell:
                sheet.write_string(number, place, cell)
    book.close()


def _read(path: Path) -> int:
    sheet = python_calamine.load_workbook(path).get_sheet_by_index(0)
    return len(sheet.to_python())


async def _import(folder: Path, path: Path) -> tuple[float, float, int, ImportView]:
    """Seconds of the dry run and of the run, bytes of memory grown, and what became of the rows."""
    db = Database(f"sqlite+aiosqlite:///{folder / 'callcenter.db'}", keyring=_KEYS)
    await migrations.upgrade(db)
    files = KeptFiles(folder / "files")
    content = await asyncio.to_thread(path.read_bytes)

    async def pieces() -> AsyncIterator[bytes]:
        yield content

    file_id, _ = await files.save(pieces(), limit=1 << 30)
    head = await source.head(files.path(file_id))
    async with db.uow() as uow:
        batch = await service.upload(uow, file_id=file_id, file_name=path.name, head=head, by=SYSTEM)
    process = psutil.Process()
    before = process.memory_info().rss
    began = time.perf_counter()
    async with db.uow() as uow:
        await service.check(uow, batch.id, columns=None, options=Options(area_code="021"), by=SYSTEM)
    await runner.run_one(db, handlers(files))
    checked = time.perf_counter() - began
    began = time.perf_counter()
    async with db.uow() as uow:
        await service.run(uow, batch.id, by=SYSTEM)
    await runner.run_one(db, handlers(files))
    ran = time.perf_counter() - began
    grown = process.memory_info().rss - before
    async with db.read() as session:
        view = await queries.import_view(session, SYSTEM, batch.id)
    await db.close()
    return checked, ran, grown, view
