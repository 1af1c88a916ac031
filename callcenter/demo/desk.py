"""What lies on the desks of clerks and managers: sheets to enter, moves, applications, own fields, saved lists."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from callcenter.demo import words
from callcenter.demo.customers import Owner, customer_id
from crm_core.customers.allocation.kinds import ApplicationKind, ApplicationState
from crm_core.customers.allocation.models import AllocationLimit, QuotaApplication
from crm_core.customers.custom.kinds import FieldSubject, FieldType
from crm_core.customers.custom.models import CustomField
from crm_core.customers.intake.kinds import EntryState
from crm_core.customers.intake.models import Registration, RegistrationEntry
from crm_core.customers.intake.rules import business_day
from crm_core.customers.kinds import OwnerChangeKind
from crm_core.customers.models import Customer, OwnerChange
from crm_core.customers.search.models import SavedView
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.ids import derived_id

_MOVED_EVERY = 13  # of the lively customers: has had another owner before
_STACKS = ((0.1, 6), (0.25, 4), (1.2, 8), (2.3, 5), (5.1, 7))  # days ago, sheets


class Desk:
    """Adds it all; the same for the same seed."""

    def __init__(
        self, owners: Sequence[Owner], users: dict[str, int], count: int, *, seed: int, now: datetime, zone: ZoneInfo
    ) -> None:
        self._owners = owners
        self._users = users
        self._count = count
        self._now = now
        self._zone = zone
        self._dice = random.Random(f"{seed}/desk")  # noqa: S311  # invents paper, guards nothing

    async def add(self, uow: UnitOfWork) -> None:
        """All in one transaction."""
        for place in range(len(_STACKS)):
            self._stack(uow, place)
        await self._moves(uow)
        self._applications(uow)
        self._fields(uow)
        self._views(uow)

    def _stack(self, uow: UnitOfWork, place: int) -> None:
        """The oldest ones are entered but for a sheet or two: that is the backlog."""
        days, sheets = _STACKS[place]
        at, owner = self._now - timedelta(days=days), self._owners[place % len(self._owners)]
        stack = Registration(
            id=derived_id("demo stack", str(place)),
            sheets=sheets,
            handed_in_at=at,
            business_day=business_day(at, self._zone),
            handed_in_by_id=owner.user_id,
            collected_by=owner.name,
            collected_at=(at - timedelta(days=1)).date(),
            department_id=owner.department_id,
            source=words.STACK_SOURCES[place % len(words.STACK_SOURCES)],
            registered_by_id=owner.user_id,
            registered_at=at,
        )
        uow.session.add(stack)
        stack.entries = [
            self._sheet(stack, number, done=days > 1 and number <= sheets - 2) for number in range(1, sheets + 1)
        ]

    def _sheet(self, stack: Registration, number: int, *, done: bool) -> RegistrationEntry:
        sheet = RegistrationEntry(
            id=derived_id("demo sheet", str(stack.id), str(number)),
            handed_in_at=stack.handed_in_at,
            position=number,
            name=self._dice.choice(words.SURNAMES) + self._dice.choice(words.FEMALE),
            phone=f"139{self._dice.randrange(100_000_000):08d}" if number % 4 else None,
            state=EntryState.WAITING,
        )
        if done and self._count:
            sheet.state, sheet.customer_id = EntryState.DONE, customer_id(self._dice.randrange(self._count))
            sheet.finished_by_id = self._users["wuting"]
            sheet.finished_at = stack.handed_in_at + timedelta(hours=2)
        elif number == stack.sheets:
            sheet.note = self._dice.choice(words.SHEET_NOTES)
            sheet.state, sheet.reason = EntryState.PARKED, "已请登记人补充"
        return sheet

    async def _moves(self, uow: UnitOfWork) -> None:
        """Who had whom before, this week's moves among them; none of them back in the pool."""
        for index in range(3, self._count, _MOVED_EVERY):
            customer = await uow.session.get_one(Customer, customer_id(index))
            if customer.owner_id is None:
                continue
            others = [owner for owner in self._owners if owner.user_id != customer.owner_id]
            at = max(self._now - timedelta(days=self._dice.choice((0.2, 1, 2, 20, 60))), customer.created_at)
            uow.session.add(
                OwnerChange(
                    id=derived_id("demo move", str(index)),
                    customer_id=customer.id,
                    at=at,
                    from_user_id=self._dice.choice(others).user_id,
                    to_user_id=customer.owner_id,
                    by_user_id=self._users["zhoujianguo"],
                    reason=self._dice.choice(words.MOVE_REASONS),
                    kind=OwnerChangeKind.TRANSFER,
                    batch_id=derived_id("demo batch", str(at.date())),
                )
            )
            customer.allocated_at = at

    def _applications(self, uow: UnitOfWork) -> None:
        for place, (kind, wanted, reason) in enumerate(words.APPLICATIONS):
            uow.session.add(
                QuotaApplication(
                    id=derived_id("demo application", str(place)),
                    user_id=self._owners[place].user_id,
                    kind=ApplicationKind(kind),
                    state=ApplicationState.WAITING,
                    wanted=wanted,
                    reason=reason,
                    asked_at=self._now - timedelta(hours=5 + 20 * place),
                )
            )
        newest, manager = self._owners[-1].user_id, self._users["zhoujianguo"]
        uow.session.add(
            AllocationLimit(user_id=newest, cap=None, quota=120, changed_by_id=manager, changed_at=self._now)
        )

    def _fields(self, uow: UnitOfWork) -> None:
        roles = [{"code": code, "zh": zh, "en": en, "active": True} for code, zh, en in words.COMMUNITY_ROLES]
        fields: tuple[tuple[str, FieldType, str, str, list[dict[str, Any]]], ...] = (
            ("member_card", FieldType.TEXT, "会员卡号", "Membership card", []),
            ("pension_day", FieldType.NUMBER, "退休金发放日", "Pension day", []),
            ("community_role", FieldType.CHOICE, "社区角色", "Role in the community", roles),
            ("water_purifier", FieldType.FLAG, "家里有净水机", "Has a water purifier", []),
        )
        for place, (code, kind, zh, en, choices) in enumerate(fields):
            uow.session.add(
                CustomField(
                    id=derived_id("demo field", code),
                    subject=FieldSubject.CUSTOMER,
                    code=code,
                    type=kind,
                    zh=zh,
                    en=en,
                    choices=choices,
                    position=10 * (place + 1),
                    created_at=self._now,
                    created_by_id=self._users["admin"],
                )
            )

    def _views(self, uow: UnitOfWork) -> None:
        views = (
            ("sunli", "三个月没联系", {"not_contacted_months": "3"}, True),
            ("sunli", "钻石卡会员", {"membership": "钻石卡"}, True),
            ("wangwei", "我的A类客户", {"type": "A"}, False),
        )
        for name, title, filters, shared in views:
            uow.session.add(
                SavedView(
                    id=derived_id("demo view", title),
                    owner_id=self._users[name],
                    name=title,
                    shared=shared,
                    filters=filters,
                    columns=["phone", "place", "owner", "type", "last_contact_at"],
                    sort="",
                    created_at=self._now,
                    updated_at=self._now,
                )
            )
