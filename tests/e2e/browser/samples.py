"""What each page is given, in three sizes: nothing, an ordinary day, and very much with very long names."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from crm_core.customers.protection.rules import BOUNDS
from tests.e2e.browser import customer_samples
from web.pages import words
from web.pages.words import STATUS_TONE

SIZES = ("none", "some", "much")
LONG = "阿卜杜热合曼·买买提明江·古丽巴哈尔·欧阳上官诸葛慕容夫人（上海市普陀区老年大学书法班）"
HOSTILE = "<script>alert(1)</script>\"'&<img src=x onerror=alert(2)>"
NAMES = ("张桂兰", "李秀英", "王建国", "赵国强", "陈淑芬", "欧阳文慧", LONG, HOSTILE)
NOW = datetime.now(UTC)


def _ns(**values: Any) -> SimpleNamespace:
    return SimpleNamespace(**values)


def call(n: int = 0, *, long: bool = False) -> dict[str, Any]:
    status = ("answered", "answered", "abandoned", "answered", "missed", "busy", "self_served", None)[n % 8]
    direction = ("inbound", "inbound", "inbound", "outbound", "inbound", "outbound", "inbound", "inbound")[n % 8]
    name = NAMES[n % len(NAMES)] if long else NAMES[n % 6]
    at = NOW - timedelta(minutes=7 * n)
    known = n % 3 != 2
    return {
        "id": f"call{n:09d}",
        "direction": direction,
        "status": status,
        "tone": STATUS_TONE[status or "live"],
        "caller_number": "138****8000" if n % 2 else "+8613800138000",
        "caller_name": name,
        "called_number": "4008201000",
        "other_number": None if n % 11 == 10 else "+8613800138000",
        "customer": {"id": f"cust{n:09d}", "name": name} if known else None,
        "queue": "销售热线" if direction == "inbound" else None,
        "started_at": at,
        "answered_at": at,
        "wait_seconds": 3.2 + n,
        "live": status is None,
        "talking_since": at if status is None else None,
        "talk_seconds": 41.0 * n if status == "answered" else None,
        "hold_seconds": 12.0 if n % 5 == 1 else 0.0,
        "agent_names": [LONG if long and n % 4 == 1 else "王薇"] if status == "answered" else [],
        "progress": (15, 50, 75, 100)[n % 4] if n % 3 == 0 else None,
        "disposition": "follow_up" if n % 3 == 0 else None,
        "note": "想给老伴也配一份,问有没有无糖型;约月底再联系。" if n % 4 == 0 else None,
        "next_at": at + timedelta(days=3),
        "recorded": status == "answered",
        "certainty": "gap" if n % 7 == 3 else "complete",
        "claimed_by": {"name": "陈晓"} if n % 4 == 2 else None,
        "claimed_at": at,
        "returned_at": at if n % 6 == 5 else None,
        "mine": n % 4 == 1,
        "can_dial": True,
        "tries": 1 + n % 3,
        "transferred": "blind" if n % 5 == 2 else None,
        "ended_by": "caller" if n % 2 else None,
        "queues": [{"queue": "销售热线", "seconds": 12.0}],
        "can_reveal": n % 2 == 1,
        "revealed": None,
        "legs": [
            {
                "extension": "1001",
                "name": "王薇",
                "rang_at": at,
                "answered_at": at,
                "ended_at": at,
                "outcome": outcome,
                "talk_seconds": 41.0,
                "hold_seconds": 0.0,
            }
            for outcome in ("no_answer", "answered", "listened")
        ],
        "recordings": [
            {"id": "rec0000000001", "state": "ready", "seconds": 41.0},
            {"id": "rec0000000002", "state": "missing", "seconds": None},
        ],
        "notes": [{"at": at, "by": "王薇", "text": HOSTILE if long else "约定月底再联系"}],
        "explain": [
            {"at": at, "event": "Newchannel", "text": "PJSIP/trunk-00000001 came in from the trunk for 4008201000"},
            {"at": at, "event": "QueueCallerJoin", "text": "joined the queue sales at position 1"},
            {"at": at, "event": "AgentConnect", "text": "1001 took the call after 12 s"},
        ],
    }


def customer(*, long: bool = False) -> dict[str, Any]:
    return {
        "id": "cust000000001",
        "version": 3,
        "name": LONG if long else "张桂兰",
        "form_of_address": "阿姨",
        "facts": ["女", "68 岁", "退休教师"],
        "badges": [("A 类", "warn", None), ("金卡会员", "wrap", None), ("重复购买", "ok", None), ("在用", "ok", None)],
        "why": ["您负责的客户", "上次通话 10 月 28 日", "号码完全匹配"],
        "others": 1,
        "do_not_call": long,
        "taboos": HOSTILE if long else "糖尿病:含糖产品不推荐 · 不喜欢中午 12:00–14:30 来电",
        "numbers": [
            _ns(label="上次通话", value="12 天前", note="王薇 · 4:12", tone=None),
            _ns(label="通话", value="23", note="未接 2", tone=None),
            _ns(label="进度", value="75%", note="明确意向", tone="ok"),
            _ns(label="负责人", value=LONG if long else "王薇", note="销售一部", tone=None),
        ],
        "phones": [
            {
                "id": "phone00000001",
                "number": "138****8000",
                "kind": "mobile",
                "primary": True,
                "masked": True,
                "state": "valid",
                "where": "上海 移动",
                "tries": 0,
            },
            {
                "id": "phone00000002",
                "number": "021****6789",
                "kind": "home",
                "primary": False,
                "masked": True,
                "state": "wrong",
                "where": "",
                "tries": 3,
            },
        ],
        "details": [("账号", "C00012345"), ("地址", "上海市普陀区曹杨新村 12 号"), ("来源", None)],
        "sex": "female",
        "occupation": "退休教师",
        "type": "A",
        "source": "科普会",
        "best_time": "上午",
        "province": "上海",
        "city": "上海",
        "district": "普陀",
        "community": "曹杨",
        "street": "新村 12 号",
        "postcode": "200063",
        "remarks": "",
        "phone": "138****8000",
        "place": "上海 普陀",
        "owner": "王薇",
        "account_number": "C00012345",
    }


def timeline(count: int) -> list[SimpleNamespace]:
    return [
        _ns(
            icon="phone-call" if n % 2 == 0 else "note",
            title="通话 4:12" if n % 2 == 0 else "备注",
            badges=[("75% 明确意向", "info")] if n % 2 == 0 else [],
            at=NOW - timedelta(days=n),
            by="王薇",
            text="想给老伴也配一份,问有没有无糖型;约月底再联系。",
            href="/calls/call000000001" if n % 2 == 0 else None,
            link="听录音",
        )
        for n in range(count)
    ]


def shared(size: str, role: str = "supervisor") -> dict[str, Any]:
    """What every page has."""
    name = LONG if size == "much" else "王薇"
    return {
        "user": _ns(
            id="user000000001",
            name=name,
            role=role,
            department="销售一部",
            extension="1001",
            live=True,
            can_search=True,
        ),
        "can_telephone": True,
        "navigation": [],
        "csrf_token": "sample",
        "server_time": int(NOW.timestamp() * 1000),
        "notices": [],
    }


def due(*, long: bool = False, overdue: bool = False) -> SimpleNamespace:
    """A contact that was promised."""
    return _ns(
        call_id="call000000001",
        href="/customers/one",
        icon="alert-triangle" if overdue else "calendar-event",
        overdue=overdue,
        title=LONG if long else "赵国强",
        text="已逾期 2 天 · 再联系" if overdue else "约定 14:30 · 再联系 · 50%",
        can_dial=True,
    )


def desk(size: str) -> dict[str, Any]:
    count = {"none": 0, "some": 5, "much": 80}[size]
    return {
        "me": _ns(state="available", since=NOW - timedelta(minutes=3)),
        "pause_reasons": words.choices("pause"),
        "dispositions": words.choices("disposition"),
        "wrap_up_seconds": 20.0 if size == "much" else 0.0,
        "today": _ns(calls=38, average_talk=227.0, closed=4) if count else _ns(calls=0, average_talk=None, closed=0),
        "queues": [1] * (count > 0),
        "todo": [due(long=size == "much"), due(overdue=True)] if count else [],
        "received": {"none": 0, "some": 1, "much": 124}[size],
        "missed": [call(n * 3 + 1, long=size == "much") | {"status": "missed"} for n in range(min(count, 30))],
        "mine": [call(n, long=size == "much") for n in range(count)],
    }


def tabs(size: str) -> dict[str, Any]:
    count = {"none": 0, "some": 5, "much": 120}[size]
    return {
        "customer": customer(long=size == "much"),
        "timeline": timeline(count),
        "timeline_chips": [("", "全部", True), ("call", "通话", False), ("edit", "变更", False)],
        "timeline_path": "/customers/one/timeline",
        "timeline_next": "cursor=x" if size == "much" else None,
        "contacted": _ns(too_often=size == "much", count=5, days=7, most=3),
        "recent_calls": [call(n) for n in range(min(count, 20))],
        "calls_total": count,
        **customer_samples.card(size, NAMES),
        "can_reveal": True,
        "can_note": True,
        "can_write": True,
    }


def call_log(size: str) -> dict[str, Any]:
    count = {"none": 0, "some": 20, "much": 500}[size]
    options = [("answered", "Answered")]
    return {
        "calls": [call(n, long=size == "much") for n in range(count)],
        "filter": {"status": "missed"} if size == "none" else {},
        "statuses": options,
        "directions": [("inbound", "Inbound")],
        "agents": [("1001", "王薇")],
        "queues": [("sales", "销售热线")],
        "presets": [("今天", "/calls", True), ("未接", "/calls", False)],
        "active": [("未接", "/calls")] if size == "none" else [],
        "wrong": None,
        "first": None,
        "next": "/calls?cursor=x" if count else None,
    }


def talk_time(size: str) -> dict[str, Any]:
    people = {"none": 0, "some": 6, "much": 60}[size]
    days = [f"2026-11-{day:02d}" for day in range(1, 15)]
    points, agents = [], []
    for n in range(people):
        cells: list[Any] = []
        for d, day in enumerate(days):
            average = 120.0 + (n * 37 + d * 53) % 260
            judgement = "short" if average < 210 else "long" if average > 240 else "normal"
            cells.append(
                _ns(average=average, judgement=judgement, calls=12, outliers=int((n + d) % 5 == 0), href="/calls")
            )
            points.append(
                {"day": day, "day_text": day, "name": f"王{n}", "average": average, "calls": 12, "judgement": judgement}
            )
        name = LONG if size == "much" and n == 2 else f"王{n}"
        agents.append(
            _ns(
                name=name, extension=f"{1001 + n}", calls=168, average=225.0, judgement="normal", outliers=n, days=cells
            )
        )
    return {
        "agents": agents,
        "chart": {"days": days, "day_texts": [d[5:] for d in days], "low": 210, "high": 240, "points": points},
        "day_columns": [(d[5:], "data-num") for d in days],
        "normal": _ns(low=210.0, high=240.0, calls=3),
        "filter": {},
        "presets": [("7 天", "/talktime", True)],
        "wrong": None,
    }


def board(size: str) -> dict[str, Any]:
    empty = size == "none"
    return {
        "may_listen": True,
        "today": _ns(
            offered=0 if empty else 412,
            outbound=0 if empty else 96,
            answered_rate=None if empty else 0.954,
            service_level=None if empty else 0.83,
            average_wait=None if empty else 11.0,
            abandoned=0 if empty else 11,
            missed=0 if empty else 8,
            average_talk=None if empty else 232.0,
            to_return=0 if empty else 3,
        ),
        "targets": _ns(answered_rate=0.95, service_level=0.85, service_level_seconds=20.0),
        "limits": _ns(talk=480.0, wrap_up=90.0, queue_wait=30.0),
        "normal": _ns(low=210.0, high=240.0),
    }


def user_row(n: int, *, long: bool = False) -> SimpleNamespace:
    return _ns(
        id=f"user{n:09d}",
        name=f"wangwei{n}",
        display_name=LONG if long else f"王薇{n}",
        role="agent",
        extension=f"{1001 + n}",
        department="销售一部",
        department_id=None,
        language="zh",
        active=n % 5 != 4,
        locked=n % 5 == 3,
        locked_until=NOW,
    )


def users(size: str) -> dict[str, Any]:
    count = {"none": 0, "some": 6, "much": 300}[size]
    return {
        "users": [user_row(n, long=size == "much") for n in range(count)],
        "filter": {},
        "roles": [("agent", "Agent")],
        "first": None,
        "next": None,
    }


def user(size: str) -> dict[str, Any]:
    token = _ns(id="token00000001", label=HOSTILE if size == "much" else "报表", created_at=NOW, last_used_at=None)
    return {
        "person": user_row(3, long=size == "much") if size != "none" else _blank_user(),
        "tokens": [] if size == "none" else [token],
        "roles": [("agent", "Agent")],
        "departments": [("1", "销售一部")],
        "errors": _Blank({"name": "taken"} if size == "none" else {}),
        "problem": None,
        "new_secret": _ns(title="新令牌", text="cc_sample") if size == "some" else None,
    }


def _blank_user() -> SimpleNamespace:
    return _ns(id=None, name="", display_name="", role="agent", extension="", department_id=None, language="zh")


class _Blank(dict[str, str]):
    """Errors by field: a field without one has None."""

    def __missing__(self, key: str) -> None:
        return None


def pbx(size: str) -> dict[str, Any]:
    good = size == "some"
    one = _ns(
        name="main",
        version="Asterisk 22.5.0",
        host="127.0.0.1",
        port=5038,
        state="connected" if good else "disconnected",
        since=NOW,
        problem=None if good else "The PBX refuses the user name or the secret.",
        actions=good,
        live_calls=3,
        events=123456,
        lag=0.02 if good else None,
    )
    return {"pbxes": [] if size == "none" else [one]}


def doctor(size: str) -> dict[str, Any]:
    found = [
        _ns(severity="error", title="eventfilter", text="The listening user receives VarSet events.", advice="Add …"),
        _ns(severity="warning", title="timestampevents", text="Events carry no time of the PBX.", advice="Set …"),
        _ns(severity="ok", title="database", text="", advice=""),
    ]
    return {"findings": [] if size == "none" else found * (20 if size == "much" else 1)}


def organization(size: str) -> dict[str, Any]:
    row = _ns(name="销售一部", parent=None, sales="上海分公司", profit=None, service=None, people=6)
    return {
        "departments": [] if size == "none" else [row] * 4,
        "centres": [] if size == "none" else [_ns(name="上海分公司", kind="sales")],
        "parents": [],
        "centre_kinds": [("sales", "Sales centre")],
        "choices": {"sales": [("1", "上海分公司")], "profit": [], "service": []},
        "problem": None,
    }


def settings(size: str) -> dict[str, Any]:
    numbers = ("normal_talk-low", "normal_talk-high", "targets-answered_rate", "targets-service_level")
    lists = {
        kind: [_ns(place=n, zh=LONG if size == "much" else "午餐", en="Lunch", code=f"own_{n}") for n in range(6)]
        + [_ns(place=6, zh="", en="", code="")]
        for kind in ("pause_reasons", "dispositions", "sources")
    }
    named = [_ns(place=0, name="sales", label=LONG if size == "much" else "销售热线")]
    return {
        "values": dict.fromkeys(numbers, "95"),
        "lists": lists,
        "queues": [*(named if size != "none" else []), _ns(place=1, name="", label="")],
        "limits": dict.fromkeys(BOUNDS, "20"),
        "errors": _Blank({"normal_talk-high": "须大于下限", "dispositions": "重复了"} if size == "much" else {}),
        "problem": "部分设置不符合要求" if size == "much" else None,
    }


def pages(size: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """Address of each screen → template and what it is given."""
    much = size == "much"
    waiting = {"none": 0, "some": 8, "much": 200}[size]
    missed = [call(n, long=much) | {"status": "missed", "tone": "bad"} for n in range(waiting)]
    log = call_log(size)
    presets = {"presets": [("待回拨", "/missed", True)]}
    locked = _ns(title="锁定", text="请 5 分钟后再试", locked=True)
    return {
        "/login": ("login.html", {"problem": locked if much else None, "next": "/", "name": "wangwei" if much else ""}),
        "/desk": ("desk/page.html", desk(size)),
        "/calls": ("calls/log.html", log),
        "/calls/one": ("calls/page.html", {"call": call(3, long=much), "may_play": True}),
        "/missed": ("missed.html", {"calls": missed, "first": None, "next": None, **presets}),
        "/board": ("board.html", board(size)),
        "/talktime": ("talktime.html", talk_time(size)),
        "/customers": (
            "customers/list.html",
            customer_samples.listed(size),
        ),
        "/customers/one": ("customers/card.html", tabs(size)),
        "/customers/one/edit": ("customers/edit.html", customer_samples.edit(size, NAMES)),
        "/admin/users": ("admin/users.html", users(size)),
        "/admin/users/one": ("admin/user.html", user(size)),
        "/admin/pbx": ("admin/pbx.html", pbx(size)),
        "/admin/settings": ("admin/settings.html", settings(size)),
        "/admin/organization": ("admin/organization.html", organization(size)),
        "/password": ("password.html", {"forced": much, "errors": {}, "problem": None}),
        "/error": ("error.html", {"title": "没有这个页面", "text": "地址有误,或者您看不到它。", "request_id": "a1b2"}),
    }


def fragments(size: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """What scripts fetch."""
    return {
        "/desk/calls/": ("desk/customer.html", tabs(size)),
        **{
            f"/customers/one/{kind}": ("customers/part.html", one) for kind, one in customer_samples.opened(size, NAMES)
        },
        "/board/today": ("board_today.html", board(size)),
        "/admin/pbx/doctor": ("admin/doctor.html", doctor(size)),
        "/desk/todo": ("desk/todo.html", desk(size)),
        "/desk/find": ("desk/found.html", {"customers": [customer()] * 3, "q": "zgl"}),
        "/calls/": ("calls/detail.html", {"call": call(3, long=size == "much"), "may_play": True}),
    }
