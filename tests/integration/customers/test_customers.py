"""Entering, changing and finding customers, within reach and masked."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, select, update

from crm_core.audit import queries as audit
from crm_core.customers import queries, service
from crm_core.customers.account_numbers import take_account_numbers
from crm_core.customers.kinds import PhoneKind, PhoneState
from crm_core.customers.models import AccountNumber, Customer, OwnerChange, Phone
from crm_core.customers.rules import PhoneInput
from crm_core.customers.search import queries as search
from crm_core.customers.search.queries import Wanted
from crm_core.db.database import Database
from crm_core.db.outbox import OutboxRow
from crm_core.kernel.errors import Conflict, Denied, NotFound, Rejected
from crm_core.organization.access import SYSTEM, Actor
from crm_core.organization.models import Role
from tests.factories import add_actor, add_customer, add_department
from tests.integration.statements import counted

TODAY = date(2026, 11, 21)
NOW = search.Now(TODAY, ZoneInfo("Asia/Shanghai"))


async def _create(db: Database, name: str, *numbers: str, by: Actor = SYSTEM, **more: Any) -> Customer:
    async with db.uow() as uow:
        phones = [PhoneInput(number) for number in numbers]
        return await service.create(uow, {"name": name}, phones, by=by, area_code="021", **more)


async def _all(db: Database, what: Any) -> list[Any]:
    async with db.read() as session:
        return list(await session.scalars(select(what)))


async def _found(db: Database, text: str, actor: Actor = SYSTEM) -> set[str]:
    async with db.read() as session:
        page = await search.find(session, actor, Wanted(text), now=NOW)
        return {customer.name for customer in page.items}


async def test_a_new_customer_has_number_keys_and_normalised_phones(db: Database) -> None:
    customer = await _create(db, "曾国藩", "１３８-0013-8000", "62345678转8")
    assert customer.account_number == "KH00000001"
    assert "zengguofan" in customer.pinyin and "cgf" in customer.initials
    phones = sorted(await _all(db, Phone), key=lambda phone: phone.position)
    assert [(p.e164, p.kind, p.reversed_digits[:4]) for p in phones] == [
        ("+8613800138000", PhoneKind.MOBILE, "0008"),
        ("+862162345678", PhoneKind.LANDLINE, "8765"),
    ]
    assert {row.type for row in await _all(db, OutboxRow)} == {"customers.created", "customers.phones_changed"}
    async with db.read() as session:
        assert [line.action for line in await audit.page(session)] == ["customer.create"]


async def test_account_numbers_are_never_given_again(db: Database) -> None:
    first = await _create(db, "甲")
    async with db.uow() as uow:
        await uow.session.execute(
            update(AccountNumber).where(AccountNumber.customer_id == first.id).values(customer_id=None)
        )
        await uow.session.execute(delete(Customer))
    second = await _create(db, "乙")
    assert (first.account_number, second.account_number) == ("KH00000001", "KH00000002")
    with pytest.raises(Conflict) as refused:
        await _create(db, "丙", account_number="KH00000001")
    assert refused.value.code == "account_number_taken"
    assert (await _create(db, "丁", account_number="OLD-7")).account_number == "OLD-7"


async def test_many_who_enter_at_once_get_different_numbers(db: Database) -> None:
    async def take() -> list[str]:
        async with db.uow() as uow:
            return await take_account_numbers(uow, 25)

    taken = [number for block in await asyncio.gather(*(take() for _ in range(8))) for number in block]
    assert len(set(taken)) == 200


async def test_wrong_numbers_are_named_by_their_place(db: Database) -> None:
    with pytest.raises(Rejected) as refused:
        await _create(db, "张三", "13800138000", "12345678901", "abc")
    assert set(refused.value.errors) == {"phones.1.number", "phones.2.number"}
    assert await _all(db, Customer) == []


async def test_the_same_name_with_the_same_number_is_a_likely_duplicate(db: Database) -> None:
    first = await _create(db, "张三", "13800138000")
    with pytest.raises(Conflict) as refused:
        await _create(db, "张三", "138 0013 8000")
    assert refused.value.code == "possible_duplicate"
    candidates = refused.value.extra["candidates"]
    assert isinstance(candidates, list)
    (candidate,) = candidates
    assert (candidate["customer_id"], candidate["name"]) == (first.id, "张三")
    assert set(candidate["reasons"]) == {"phone", "name"}
    assert candidate["score"] > 0.9
    await _create(db, "李四", "13800138000")
    await _create(db, "张三", "13800138000", accept_duplicate=True)


async def _update(db: Database, customer_id: int, fields: dict[str, Any], **more: Any) -> Customer:
    async with db.uow() as uow:
        return await service.update(uow, customer_id, fields, **{"by": SYSTEM, "area_code": "021", **more})


async def test_a_change_says_what_was_and_what_is(db: Database) -> None:
    customer = await _create(db, "张三")
    changed = await _update(db, customer.id, {"name": "仇三", "city": "上海", "sex": None}, version=1)
    assert (changed.version, changed.pinyin.split(" ")[0]) == (2, "qiusan")
    async with db.read() as session:
        (line,) = await audit.page(session, action="customer.update")
        assert line.detail == {
            "fields": ["city", "name"],
            "old": {"city": None, "name": "张三"},
            "new": {"city": "上海", "name": "仇三"},
        }


async def test_a_change_of_what_somebody_else_changed_is_refused(db: Database) -> None:
    customer = await _create(db, "张三")
    await _update(db, customer.id, {"city": "上海"}, version=1)
    with pytest.raises(Conflict) as refused:
        await _update(db, customer.id, {"city": "北京"}, version=1)
    assert refused.value.code == "stale"


async def test_two_changes_at_once_never_overwrite_each_other(db: Database) -> None:
    customer = await _create(db, "张三")

    async def change(city: str) -> bool:
        try:
            await _update(db, customer.id, {"city": city}, version=1)
        except Conflict:
            return False
        return True

    assert sorted(await asyncio.gather(change("上海"), change("北京"))) == [False, True]


async def test_nothing_changed_is_no_change(db: Database) -> None:
    customer = await _create(db, "张三", "13800138000")
    same = await _update(db, customer.id, {"name": "张三"}, phones=[PhoneInput("+86 138 0013 8000")])
    assert same.version == 1


async def test_numbers_keep_their_identity_when_the_list_changes(db: Database) -> None:
    customer = await _create(db, "张三", "13800138000", "13900139000")
    before = {phone.e164: phone.id for phone in await _all(db, Phone)}
    changed = await _update(
        db,
        customer.id,
        {},
        phones=[
            PhoneInput("13700137000"),
            PhoneInput("13900139000", PhoneKind.HOME, primary=True, state=PhoneState.VALID),
        ],
    )
    assert changed.version == 2
    phones = sorted(await _all(db, Phone), key=lambda phone: phone.position)
    assert [(p.e164, p.kind, p.state) for p in phones] == [
        ("+8613900139000", PhoneKind.HOME, PhoneState.VALID),
        ("+8613700137000", PhoneKind.MOBILE, PhoneState.UNVERIFIED),
    ]
    assert phones[0].id == before["+8613900139000"]
    told = [row.payload for row in await _all(db, OutboxRow) if row.type == "customers.phones_changed"]
    assert told[-1]["customer_id"] == customer.id
    assert not any("137" in str(payload) for payload in told)  # events are kept: they name no number


async def test_a_number_is_added_once(db: Database) -> None:
    customer = await _create(db, "张三", "13800138000")
    for number in ("13900139000", "139-0013-9000"):
        async with db.uow() as uow:
            await service.add_phone(uow, customer.id, PhoneInput(number, primary=True), by=SYSTEM)
    phones = sorted(await _all(db, Phone), key=lambda phone: phone.position)
    assert [p.e164 for p in phones] == ["+8613900139000", "+8613800138000"]


async def test_who_sees_numbers_masked_can_send_them_back_so(db: Database) -> None:
    agent = await add_actor(db)
    customer = await _create(db, "张三", "13800138000", by=agent)
    async with db.read() as session:
        view = await queries.customer(session, agent, customer.id, today=TODAY)
    assert [(p.number, p.masked, p.region) for p in view.phones] == [("138****8000", True, "北京市")]
    await _update(db, customer.id, {}, phones=[PhoneInput("138****8000"), PhoneInput("13900139000")], by=agent)
    assert {phone.e164 for phone in await _all(db, Phone)} == {"+8613800138000", "+8613900139000"}
    with pytest.raises(Rejected):
        await _update(db, customer.id, {}, phones=[PhoneInput("137****8000")], by=agent)


async def test_an_agent_owns_what_he_enters_and_only_a_manager_gives_customers_out(db: Database) -> None:
    department = await add_department(db)
    agent, mate = await add_actor(db, department=department), await add_actor(db, department=department)
    manager = await add_actor(db, role=Role.MANAGER, department=department)
    lead = await add_actor(db, role=Role.SUPERVISOR, department=department)
    far = await add_actor(db, department=await add_department(db))
    customer = await _create(db, "张三", by=agent)
    assert (customer.owner_id, customer.department_id) == (agent.user_id, department.id)
    with pytest.raises(Denied):
        await _update(db, customer.id, {"owner_id": mate.user_id}, by=agent)
    for nobody, target in ((lead, mate), (manager, far)):
        with pytest.raises(Denied):
            await _update(db, customer.id, {"owner_id": target.user_id}, by=nobody)
    async with db.uow() as uow:
        await service.transfer(uow, customer.id, to_user_id=mate.user_id, reason="on leave", by=manager)
    (change,) = await _all(db, OwnerChange)
    assert (change.from_user_id, change.to_user_id, change.reason) == (agent.user_id, mate.user_id, "on leave")
    assert [row.type for row in await _all(db, OutboxRow)].count("customers.transferred") == 1


async def test_others_customers_do_not_exist_for_an_agent(db: Database) -> None:
    agent, other = await add_actor(db), await add_actor(db)
    customer = await _create(db, "张三", "13800138000", by=other)
    async with db.read() as session:
        for ask in (
            queries.customer(session, agent, customer.id, today=TODAY),
            queries.dial_number(session, agent, customer.id),
        ):
            with pytest.raises(NotFound):
                await ask
    async with db.uow() as uow:
        for write in (
            service.update(uow, customer.id, {"city": "x"}, by=agent),
            service.add_note(uow, customer.id, "x", by=agent),
            service.add_phone(uow, customer.id, PhoneInput("13900139000"), by=agent),
        ):
            with pytest.raises(NotFound):
                await write
    assert await _found(db, "", agent) == set()
    assert await _found(db, "13800138000", agent) == set()


async def test_full_numbers_are_shown_with_a_reason_and_on_record(db: Database) -> None:
    lead = await add_actor(db, role=Role.SUPERVISOR, department=await add_department(db))
    customer = await _create(db, "张三", "13800138000", by=lead)
    async with db.uow() as uow:
        with pytest.raises(Rejected):
            await service.reveal_phones(uow, customer.id, reason=" ", by=lead)
        assert await service.reveal_phones(uow, customer.id, reason="Complaint", by=lead) == ["13800138000"]
        agent = _as_agent(lead)
        with pytest.raises(Denied):
            await service.reveal_phones(uow, customer.id, reason="Curious", by=agent)
    async with db.read() as session:
        (line,) = await audit.page(session, action="customer.reveal_phones")
        assert line.detail == {"reason": "Complaint"}


def _as_agent(lead: Actor) -> Actor:
    return Actor(user_id=lead.user_id, name=lead.name, role=Role.AGENT, department_id=lead.department_id)


async def test_dialling_works_without_seeing_the_number(db: Database) -> None:
    agent = await add_actor(db)
    customer = await _create(db, "张三", "021-62345678", "13800138000", by=agent)
    async with db.read() as session:
        view = await queries.customer(session, agent, customer.id, today=TODAY)
        assert await queries.dial_number(session, agent, customer.id) == "02162345678"
        assert await queries.dial_number(session, agent, customer.id, view.phones[1].id) == "13800138000"


async def test_notes_keep_author_and_time(db: Database) -> None:
    agent = await add_actor(db, "lili")
    customer = await _create(db, "张三", by=agent)
    async with db.uow() as uow:
        await service.add_note(uow, customer.id, "喜欢早上接电话", by=agent)
    async with db.read() as session:
        (note,) = await queries.notes(session, customer.id)
    assert (note.author, note.text, note.at) == ("lili", "喜欢早上接电话", db.clock.now())


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", {"曾小明", "王芳", "Ann Lee"}),
        ("小明", {"曾小明"}),
        ("曾", {"曾小明"}),
        ("zengxiao", {"曾小明"}),
        ("cengxiao", {"曾小明"}),
        ("ZXM", {"曾小明"}),
        ("wangf", {"王芳"}),
        ("wf", {"王芳"}),
        ("lee", {"Ann Lee"}),
        ("al", {"Ann Lee"}),
        ("13800138000", {"曾小明"}),
        ("+86 138-0013-8000", {"曾小明"}),
        ("8000", {"曾小明"}),
        ("1390", {"王芳"}),
        ("021-6234", {"Ann Lee"}),
        ("62345678", {"Ann Lee"}),
        ("KH00000002", {"王芳"}),
        ("kh00000002", {"王芳"}),
        ("00000003", {"Ann Lee"}),
        ("%", set()),
        ("_", set()),
        ("' OR 1=1 --", set()),
        ("没有", set()),
    ],
)
async def test_quick_search(db: Database, text: str, names: set[str]) -> None:
    await _create(db, "曾小明", "13800138000")
    await _create(db, "王芳", "13900139000")
    await _create(db, "Ann Lee", "021-62345678")
    assert await _found(db, text) == names


async def test_pages_of_customers_never_overlap_and_need_two_statements(db: Database) -> None:
    made = [await add_customer(db, f"客户{n}", phones=[f"1380013800{n}"]) for n in range(7)]
    seen: list[int] = []
    cursor = None
    async with db.read() as session:
        while True:
            with counted(db) as statements:
                page = await search.find(session, SYSTEM, Wanted(), now=NOW, limit=3, cursor=cursor)
            assert len(statements) == 3
            seen += [customer.id for customer in page.items]
            cursor = page.next
            if cursor is None:
                break
    assert seen == sorted((customer.id for customer in made), reverse=True)
