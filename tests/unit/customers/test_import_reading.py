"""Cells of people's lists: days in every spelling, phones, choices, ID cards; headings; files of every kind."""

from __future__ import annotations

import zipfile
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from crm_core.customers.imports.cleaning import Cleaner, CleanRow, Manner
from crm_core.customers.imports.days import NoDay, read_day
from crm_core.customers.imports.fields import propose
from crm_core.customers.imports.sheets import lines
from crm_core.kernel.errors import Rejected
from crm_core.kernel.id_card import check_digit

TODAY = date(2026, 11, 21)


def cleaned(**cells: Any) -> CleanRow:
    """The row of a list with these columns; a name is given where none is."""
    cells = {"name": "李秀英", **cells}
    return Cleaner(list(cells), Manner(TODAY, "021")).clean(2, list(cells.values()))


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("1958-3-2", ("solar", 1958, 3, 2, False)),
        ("1958/03/02 00:00:00", ("solar", 1958, 3, 2, False)),
        ("1958.3.2", ("solar", 1958, 3, 2, False)),
        ("1958年3月2日", ("solar", 1958, 3, 2, False)),
        ("１９５８年３月２日", ("solar", 1958, 3, 2, False)),
        ("19580302", ("solar", 1958, 3, 2, False)),
        ("58-3-2", ("solar", 1958, 3, 2, False)),
        ("25/03/1958", ("solar", 1958, 3, 25, False)),
        ("一九五八年三月二日", ("solar", 1958, 3, 2, False)),
        (21246, ("solar", 1958, 3, 2, False)),
        (1958, ("solar", 1958, None, None, False)),
        ("3月2日", ("solar", None, 3, 2, False)),
        ("2月29日", ("solar", None, 2, 29, False)),
        ("农历五月初三", ("lunar", None, 5, 3, False)),
        ("农历1958年五月初三", ("lunar", 1958, 5, 3, False)),
        ("阴历闰五月初三", ("lunar", None, 5, 3, True)),
        ("腊月廿三", ("lunar", None, 12, 23, False)),
        ("正月三十", ("lunar", None, 1, 30, False)),
        ("(农历)1953-8-15", ("lunar", 1953, 8, 15, False)),
    ],
)
def test_a_day_is_read_in_every_usual_spelling(cell: Any, expected: tuple[Any, ...]) -> None:
    day = read_day(cell, 2026)
    assert (day.calendar, day.year, day.month, day.day, day.leap) == expected


@pytest.mark.parametrize(
    "cell", ["1958-02-30", "02/03/1958", "soon", "农历2023年闰五月初三", "农历十三月初一", "99999999"]
)
def test_a_day_that_is_none_or_can_be_two_is_refused(cell: str) -> None:
    with pytest.raises(NoDay):
        read_day(cell, 2026)


@given(st.dates(date(1900, 3, 1), date(2026, 1, 1)))
def test_a_day_comes_back_from_each_way_of_writing_it(day: date) -> None:
    serial = (day - date(1899, 12, 30)) / timedelta(days=1)
    spellings: list[Any] = [day.isoformat(), f"{day:%Y%m%d}", f"{day.year}年{day.month}月{day.day}日", day]
    if not 1850 <= serial <= 2150:
        spellings.append(serial)
    for cell in spellings:
        assert read_day(cell, 2026).solar() == day


@given(st.text(max_size=40) | st.floats() | st.integers() | st.booleans())
def test_no_cell_breaks_the_reading(cell: Any) -> None:
    columns = ("phones", "birthday", "lunar_birthday", "id_card", "sex", "address", "created_at", "collected_at")
    for column in columns:
        cleaned(**{column: cell})


def test_two_numbers_an_extension_and_full_width_digits_in_a_cell() -> None:
    row = cleaned(phones="１３８００１３８０００／62345678转12", mobile="13800138000")
    assert [(number, kind) for number, _, _, kind in row.phones] == [
        ("13800138000", "mobile"),
        ("02162345678-12", "landline"),
    ]
    assert row.errors == []


@pytest.mark.parametrize("cell", ["1380013800a", "1.38E+10", "1234567890123"])
def test_a_wrong_phone_is_an_error_at_its_field(cell: str) -> None:
    assert [name for name, _, _ in cleaned(mobile=cell).errors] == ["mobile"]


def test_sex_and_birthday_follow_from_the_id_card_and_contradictions_are_told() -> None:
    body = "31011519530302002"
    card = body + check_digit(body)
    row = cleaned(id_card=card)
    assert (row.values["sex"], row.values["birth_year"], row.values["birth_day"]) == ("female", 1953, 2)
    assert [name for name, _, _ in cleaned(id_card=card, sex="男").errors] == ["sex"]
    assert [name for name, _, _ in cleaned(id_card=card, birthday="1954-03-02").errors] == ["birthday"]


@pytest.mark.parametrize("cell", [110101199003078888.0, 110101199003078888, "1.10101E+17", "110101199003078000"])
def test_an_id_card_that_excel_destroyed_is_told_as_such(cell: Any) -> None:
    ((name, sentence, values),) = cleaned(id_card=cell).errors
    assert (name, "Excel" in sentence) == ("id_card", True)
    assert "1101" not in str(values)


def test_headings_are_understood_in_both_languages() -> None:
    chinese = ["序号", "姓 名*", "手机号码", "联系电话（必填）", "身份证号", "出生日期", "业务员", "联系地址", "备注"]
    fields = ["", "name", "mobile", "phones", "id_card", "birthday", "owner", "address", "remarks"]
    assert propose(chinese) == fields
    assert propose(["Name", "Phone", "ID card", "Name"]) == ["name", "phones", "id_card", ""]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_text_file_is_read_in_each_encoding_and_with_each_separator(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    path = tmp_path / "list.csv"
    quoted = f'"a{delimiter}b\n二"'
    path.write_text(f"姓名{delimiter}备注\r\n\r\n李秀英{delimiter}{quoted}\r\n", encoding=encoding, newline="")
    found = list(lines(path))
    assert [line.cells for line in found] == [["姓名", "备注"], ["李秀英", f"a{delimiter}b\n二"]]
    assert [line.number for line in found] == [1, 3]


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * (64 << 20))
    with pytest.raises(Rejected) as refused:
        list(lines(path))
    assert refused.value.code == "import_file_too_large"


def test_a_workbook_with_too_many_columns_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "wide.xlsx"
    book = xlsxwriter.Workbook(str(path))
    book.add_worksheet().write_string(0, 5000, "x")
    book.close()
    with pytest.raises(Rejected) as refused:
        list(lines(path))
    assert refused.value.code == "import_file_too_wide"
