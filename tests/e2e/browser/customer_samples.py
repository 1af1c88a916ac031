"""What the card and the form of a customer are given: nothing known, an ordinary record, and everything very long."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from crm_core.customers.kinds import Calendar, CustomerKind
from crm_core.customers.search.columns import COLUMNS
from web.pages import customer_form
from web.pages.customer_groups import BIRTH
from web.pages.customer_parts import PARTS
from web.pages.frame import Errors
from web.pages.words import WORDS

LISTED = ("phone", "birthday", "place", "owner", "type", "source")
COUNT = {"none": 0, "some": 2, "much": 60}


def _row(n: int, name: str, text: str) -> SimpleNamespace:
    born = dict(zip(BIRTH, (Calendar.LUNAR, 1953, 8, 15, False), strict=True))
    return SimpleNamespace(
        id=f"part{n:09d}",
        title=name,
        note="女儿 · 1980-08-15（农历）",
        text=text,
        href="/customers/one" if n % 2 else None,
        values=born | {"name": name, "calendar": "lunar", "year": 1975, "month": 8, "day": 15, "leap": True},
        badge="关键人物" if n % 3 == 0 else None,
        fixed=n % 5 == 4,
    )


def parts(size: str, names: tuple[str, ...]) -> dict[str, SimpleNamespace]:
    found = {}
    for kind, page in PARTS.items():
        entries = [
            SimpleNamespace(
                name=entry.name,
                label=entry.label,
                kind="select" if entry.kind in WORDS else entry.kind,
                options=list(WORDS.get(entry.kind, {}).items()),
                most=entry.most,
                needed=entry.needed,
                names=("calendar", "year", "month", "day", "leap") if entry.name == "day" else BIRTH,
            )
            for entry in page.entries
        ]
        rows = [_row(n, names[n % len(names)], names[-1] if size == "much" else "") for n in range(COUNT[size])]
        found[kind] = SimpleNamespace(
            kind=kind, title=page.title, rows=rows, entries=entries, empty=page.empty, today="2026-11-22", referred=[]
        )
    return found


def _tabs(size: str, names: tuple[str, ...]) -> dict[str, Any]:
    """With much data a part is open, else the story."""
    found = parts(size, names)
    found["relations"].referred = [("one", names[-2])] * COUNT[size]
    tab = "relations" if size == "much" else "timeline"
    shown = [(kind, one.title, len(one.rows)) for kind, one in found.items()]
    return {"tab": tab, "part_tabs": shown, "part": found.get(tab)}


def opened(size: str, names: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What each part is given when its tab is opened."""
    more = {"customer": SimpleNamespace(id="one"), "can_write": True, "errors": Errors(), "no_errors": Errors()}
    for kind, one in parts(size, names).items():
        yield kind, {**more, "part": one, "problem": None}


def card(size: str, names: tuple[str, ...]) -> dict[str, Any]:
    much = size == "much"
    lines = [("姓名", names[-2] if much else "张桂兰"), ("生日", "1953-08-15（农历） = 1953-09-22")]
    freshness = SimpleNamespace(
        share=0 if size == "none" else 64,
        missing=["电话", "生日", "地址"] if size != "some" else [],
        stale=much,
        checked=None if size == "none" else "2026-10-01",
        by="王薇",
    )
    return {
        "sections": [] if size == "none" else [("基本信息", lines * (20 if much else 1))],
        "classes": [
            SimpleNamespace(label="购买状态", value="未购买", why="尚未购买。", by=None, since=None),
            *(
                [
                    SimpleNamespace(
                        label="类型", value=names[-1], why="", by=names[-1], since=datetime(2026, 7, 20, tzinfo=UTC)
                    )
                ]
                if much
                else []
            ),
        ],
        "id_card": None if size == "none" else "310***********0020",
        "can_reveal_card": size == "some",
        "medical_hidden": size == "none",
        "contraindications": names[-1] if much else None,
        "freshness": freshness,
        **_tabs(size, names),
        "errors": Errors(),
        "no_errors": Errors(),
        "problem": None,
    }


def edit(size: str, names: tuple[str, ...]) -> dict[str, Any]:
    kind = CustomerKind.ORGANIZATION if size == "much" else CustomerKind.PERSON
    groups = customer_form.groups(kind, medical=True, own=())
    value = {"none": "", "some": "复旦大学", "much": names[-1]}[size]
    values: dict[str, Any] = {entry.name: value for group in groups for entry in group.entries if entry.kind == "text"}
    blank = {entry.name: "" for group in groups for entry in group.entries}
    errors = Errors(
        {"name": "请修改", "phones.0.number": "号码有误", "birthday": "没有这一天"} if size == "much" else {}
    )
    return {
        "customer": None if size == "none" else {"id": "one", "name": names[-2] if size == "much" else "张桂兰"},
        "version": 3,
        "kind": str(kind),
        "groups": groups,
        "values": blank | values | dict.fromkeys((*BIRTH, "do_not_call")),
        "phones": [{"number": "138****8000", "kind": "mobile", "state": "valid"}] * COUNT[size],
        "phone_kinds": list(WORDS["phone_kind"].items()),
        "phone_states": list(WORDS["phone_state"].items()),
        "sources": ["转介绍"],
        "errors": errors,
        "problem": "请修改标出的内容" if errors else None,
        "duplicates": [{"id": "one", "name": names[-2]}] if errors else [],
    }


def listed(size: str) -> dict[str, Any]:
    """The list of customers as its page gives it to the template."""
    count, much = {"none": 0, "some": 8, "much": 200}[size], size == "much"
    name = "阿布都热依木·阿卜杜拉赫曼·买买提" * 2 if much else "张桂兰"
    cells = [(code, "2026-07-20" if code == "birthday" else "上海市浦东新区") for code in LISTED]
    row = SimpleNamespace(id="0drk4w1x8m3te", name=name, form_of_address="张阿姨", do_not_call=much, cells=cells)
    words = [("new", "新建"), ("changed", "修改")]
    named = ("kind", "purchase_state", "retention_state", "record_state", "source", "owner", "owner_id")
    return {
        "rows": [row] * count,
        "count": f"{count}",
        "wrong": "没有这个值" if much else None,
        "choices": SimpleNamespace(centre_id=[], department_id=[("d1", "一部")], **dict.fromkeys(named, words)),
        "views": [SimpleNamespace(id="v1", name="老客户", href="/customers", current=True, shared=False, own=True)],
        "q": "zgl" if much else "",
        "filter": {"source": "转介绍"} if much else {},
        "open": much,
        "columns_of_head": [(COLUMNS[code], "") for code in LISTED],
        "all_columns": [(code, text, code in LISTED) for code, text in COLUMNS.items()],
        "sorts": [("-created_at", "最新")],
        "presets": [("本周新增", "/customers", False)] * 5,
        "active": [("“zgl”", "/customers")] if much else [],
        "carried": [("q", "zgl")] if much else [],
        "can_write": True,
        "can_assign": True,
        "can_export": True,
        "first": "/customers" if much else None,
        "before": "/customers?cursor=w" if much else None,
        "next": "/customers?cursor=x" if much else None,
    }
