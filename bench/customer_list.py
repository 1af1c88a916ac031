"""A list of customers as this trade has them: some thirty-five columns, most of them filled, some cells empty."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import xlsxwriter

from crm_core.customers.custom import service as custom
from crm_core.customers.custom.kinds import FieldType
from crm_core.db.database import Database
from crm_core.kernel.id_card import check_digit
from crm_core.organization import service as organization
from crm_core.organization.access import SYSTEM
from crm_core.organization.models import Role

HEADINGS: Final = (
    "姓名", "性别", "出生日期", "农历生日", "身份证号", "手机号码", "家庭电话", "其他电话",
    "省份", "城市", "区县", "小区", "街道地址", "邮编",
    "客户类型", "客户来源", "会员级别", "职业", "学历", "婚姻状况", "民族",
    "病史", "过敏史", "微信", "方便时间",
    "收集人", "收集日期", "收集部门", "业务员", "建档时间", "备注",
    "体检日期", "每月药费", "服用产品", "子女情况",
)  # fmt: skip
_OWN: Final = (
    ("checked_on", "体检日期", FieldType.DATE),
    ("medicine", "每月药费", FieldType.MONEY),
    ("products", "服用产品", FieldType.TEXT),
    ("children", "子女情况", FieldType.TEXT),
)
_OWNERS: Final = ("赵敏", "钱伟", "孙丽", "李娜", "周强")
_SURNAMES: Final = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁"
_GIVEN: Final = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀英霞平刚桂兰玉华建国文辉力健志永红梅珍凤莲宝德福贵生成"
_PLACES: Final = (
    ("上海市", "上海市", "浦东新区", "200120"),
    ("上海市", "上海市", "徐汇区", "200030"),
    ("江苏省", "苏州市", "昆山市", "215300"),
    ("江苏省", "南京市", "鼓楼区", "210009"),
    ("浙江省", "杭州市", "西湖区", "310013"),
    ("安徽省", "合肥市", "蜀山区", "230031"),
)
_ROADS: Final = ("世纪大道", "人民路", "中山北路", "建设路", "解放东路", "长江西路", "文一路", "前进街")
_AILMENTS: Final = ("高血压，服药多年", "糖尿病", "高血压、冠心病", "关节炎，阴雨天疼痛", "睡眠不好", "胃病，已治愈")
_REMARKS: Final = ("喜欢上午接电话", "女儿在国外，常提起", "对价格敏感，先寄资料", "老伴一起来听过讲座")
_LUNAR: Final = ("正月初八", "三月十五", "五月初五", "八月十五", "九月初九", "腊月廿三")


def write(path: Path, rows: int) -> None:
    """The list as a workbook; one row in a hundred stands there twice."""
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet()
    for number, cells in enumerate((HEADINGS, *_list(rows))):
        for place, cell in enumerate(cells):
            if cell:
                sheet.write_string(number, place, cell)
    book.close()


async def prepare(db: Database) -> None:
    """The owners that the list names, and the own fields that it fills."""
    async with db.uow() as uow:
        department = await organization.add_department(uow, name="一部", by=SYSTEM)
        for number, name in enumerate(_OWNERS):
            await organization.add_user(
                uow,
                name=f"agent{number}",
                role=Role.AGENT,
                password=random.Random(number).randbytes(12).hex(),
                by=SYSTEM,
                display_name=name,
                department_id=department.id,
            )
        for code, label, kind in _OWN:
            given: dict[str, Any] = {"code": code, "zh": label, "en": code, "type": kind}
            await custom.add(uow, given, by=SYSTEM)


def _list(rows: int) -> Iterator[Sequence[str]]:
    luck = random.Random(1)
    last: Sequence[str] = ()
    for number in range(rows):
        if number % 100 != 99:
            last = _row(luck, number)
        yield last


def _row(luck: random.Random, number: int) -> list[str]:
    year, month, day = luck.randint(1930, 1975), luck.randint(1, 12), luck.randint(1, 28)
    serial = luck.randint(1, 999)
    body = f"310115{year}{month:02}{day:02}{serial:03}"
    lunar = number % 4 == 0
    return [
        luck.choice(_SURNAMES) + luck.choice(_GIVEN) + luck.choice(_GIVEN),
        "男" if serial % 2 else "女",
        "" if lunar else f"{year}-{month:02}-{day:02}",
        f"{year}年{luck.choice(_LUNAR)}" if lunar else "",
        body + check_digit(body) if number % 2 else "",
        f"13{luck.randint(0, 999_999_999):09}",
        f"021-6{luck.randint(0, 9_999_999):07}" if number % 3 else "",
        f"15{luck.randint(0, 999_999_999):09}" if number % 5 == 0 else "",
        *_home(luck),
        *_kind_of_customer(luck),
        luck.choice(_AILMENTS) if number % 3 else "",
        luck.choice(("青霉素", "海鲜")) if number % 10 == 0 else "",
        f"wx_{luck.randbytes(4).hex()}" if number % 3 == 0 else "",
        luck.choice(("上午", "下午三点后", "晚饭后")),
        *_origin_of_data(luck),
        luck.choice(_REMARKS) if number % 2 else "",
        f"2024-{luck.randint(1, 12):02}-{luck.randint(1, 28):02}" if number % 2 else "",
        str(luck.randint(5, 80) * 10) if number % 3 else "",
        luck.choice(("钙片", "鱼油、蜂胶", "羊奶粉", "辅酶")) if number % 3 else "",
        luck.choice(("一子一女", "独女在外地", "两个儿子")) if number % 2 else "",
    ]


def _home(luck: random.Random) -> list[str]:
    province, city, district, postcode = luck.choice(_PLACES)
    street = f"{luck.choice(_ROADS)}{luck.randint(1, 1500)}弄{luck.randint(1, 120)}号{luck.randint(101, 2499)}室"
    return [province, city, district, luck.choice(("阳光花园", "金桥新村", "绿地苑", "东方小区")), street, postcode]


def _kind_of_customer(luck: random.Random) -> list[str]:
    return [
        luck.choice(("普通", "重点", "潜在")),
        luck.choice(("报纸", "讲座", "介绍", "电台")),
        luck.choice(("银卡", "金卡", "钻石卡")),
        luck.choice(("退休教师", "退休工人", "医生", "农民", "工程师")),
        luck.choice(("小学", "初中", "高中", "大专", "本科")),
        luck.choice(("已婚", "丧偶", "离异")),
        "汉族",
    ]


def _origin_of_data(luck: random.Random) -> list[str]:
    day = f"{luck.randint(2018, 2024)}-{luck.randint(1, 12):02}-{luck.randint(1, 28):02}"
    return [luck.choice(("小陈", "小吴", "小郑")), day, luck.choice(("会务部", "市场部")), luck.choice(_OWNERS), day]
