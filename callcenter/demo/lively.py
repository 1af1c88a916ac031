"""What is known of the customers that the demonstration plays with: family, days, opinions, friends, consents."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update

from callcenter.demo import words
from callcenter.demo.customers import Owner, customer_id
from crm_core.customers.completeness import WEIGHTS
from crm_core.customers.detail_models import Attitude, CustomerRelation, MemorialDay, PersonDetails
from crm_core.customers.kinds import AttitudeKind, Calendar, CustomerKind, Sex
from crm_core.customers.models import Customer, CustomerNote, FamilyMember
from crm_core.customers.protection.kinds import Channel, ConsentState, ConsentWay, Purpose
from crm_core.customers.protection.models import Consent
from crm_core.db.base import Base
from crm_core.db.uow import UnitOfWork
from crm_core.kernel.ids import derived_id

_INTERESTS = WEIGHTS[CustomerKind.PERSON]["interests"]
_TEXT = "客户信息使用告知书 2026-01"


class Lively:
    """Adds to the first ``count`` customers; the same for the same seed."""

    def __init__(self, owners: Sequence[Owner], count: int, *, seed: int, now: datetime) -> None:
        self._owners = owners
        self._count = count
        self._now = now
        self._told: list[int] = []  # whose interests are known
        self._dice = random.Random(f"{seed}/stories")  # noqa: S311  # invents stories, guards nothing

    async def add(self, uow: UnitOfWork) -> None:
        """All in one transaction."""
        makers: tuple[Callable[[int], Iterator[Base]], ...] = (
            self._notes, self._family, self._days, self._attitudes, self._details, self._friends, self._consents,
        )  # fmt: skip
        for index in range(self._count):
            for make in makers:
                uow.session.add_all(make(index))
        await uow.session.flush()
        await self._referrals(uow)
        more = (
            update(Customer).where(Customer.id.in_(self._told)).values(completeness=Customer.completeness + _INTERESTS)
        )
        await uow.session.execute(more, execution_options={"synchronize_session": False})

    def _at(self, longest: float) -> datetime:
        return self._now - timedelta(days=self._dice.uniform(0.2, longest))

    def _notes(self, index: int) -> Iterator[Base]:
        for place in range(self._dice.choice((0, 0, 1, 1, 2))):
            yield CustomerNote(
                id=derived_id("demo note", str(index), str(place)),
                customer_id=customer_id(index),
                at=self._at(60),
                author_id=self._dice.choice(self._owners).user_id,
                text=self._dice.choice(words.NOTES),
            )

    def _family(self, index: int) -> Iterator[Base]:
        for place in range(self._dice.choice((0, 0, 1, 1, 2))):
            relation, younger = words.FAMILY[(index + 2 * place) % len(words.FAMILY)]
            male = relation in ("儿子", "孙子")
            first = self._dice.choice(words.MALE if male else words.FEMALE)
            known = self._dice.random() < 0.6
            yield FamilyMember(
                id=derived_id("demo family", str(index), str(place)),
                customer_id=customer_id(index),
                relation=relation,
                name=self._dice.choice(words.SURNAMES) + first,
                sex=Sex.MALE if male else Sex.FEMALE,
                birth_calendar=self._dice.choice(list(Calendar)) if known else None,
                birth_year=1950 + younger,
                birth_month=self._dice.randint(1, 12) if known else None,
                birth_day=self._dice.randint(1, 28) if known else None,
                occupation=self._dice.choice((None, "教师", "公务员", "工程师", "在读")),
            )

    def _days(self, index: int) -> Iterator[Base]:
        if self._dice.random() < 0.25:
            title, month, day = self._dice.choice(words.MEMORIAL_DAYS)
            yield MemorialDay(
                id=derived_id("demo day", str(index)),
                customer_id=customer_id(index),
                title=title,
                calendar=self._dice.choice((Calendar.SOLAR, Calendar.SOLAR, Calendar.LUNAR)),
                year=self._dice.choice((None, 1972, 1976, 2019)),
                month=month,
                day=day,
            )

    def _attitudes(self, index: int) -> Iterator[Base]:
        for place in range(self._dice.choice((0, 0, 1, 1, 2))):
            kind, subject, score, value = self._dice.choice(words.ATTITUDES)
            at = self._at(200)
            yield Attitude(
                id=derived_id("demo attitude", str(index), str(place)),
                customer_id=customer_id(index),
                kind=AttitudeKind(kind),
                subject=subject,
                score=score,
                value=value,
                noted_on=at.date(),
                source=self._dice.choice(("电话", "上门", "活动")),
                noted_by_id=self._dice.choice(self._owners).user_id,
                noted_at=at,
            )

    def _details(self, index: int) -> Iterator[Base]:
        if self._dice.random() < 0.35:
            known: dict[str, Any] = dict(self._dice.choice(words.DETAILS))
            if known.keys() & {"hobbies", "likes", "buys_what"}:
                self._told.append(customer_id(index))
            yield PersonDetails(customer_id=customer_id(index), **known)

    def _friends(self, index: int) -> Iterator[Base]:
        """Always of somebody before: both are there."""
        if index > 10 and self._dice.random() < 0.15:
            yield CustomerRelation(
                id=derived_id("demo relation", str(index)),
                customer_id=customer_id(index),
                other_id=customer_id(self._dice.randrange(index)),
                relation=self._dice.choice(words.RELATIONS),
                created_at=self._at(300),
                created_by_id=self._dice.choice(self._owners).user_id,
            )

    def _consents(self, index: int) -> Iterator[Base]:
        wanted = [
            (Channel.CALL, Purpose.CARE, 0.6),
            (Channel.SMS, Purpose.CARE, 0.5),
            (Channel.SMS, Purpose.PROMOTION, 0.3),
        ]
        for place, (channel, purpose, share) in enumerate(wanted):
            if self._dice.random() > share:
                continue
            at, withdrawn = self._at(400), self._dice.random() < 0.06
            yield Consent(
                id=derived_id("demo consent", str(index), str(place)),
                customer_id=customer_id(index),
                channel=channel,
                purpose=purpose,
                state=ConsentState.WITHDRAWN if withdrawn else ConsentState.GRANTED,
                at=at,
                way=ConsentWay.CALL if withdrawn else ConsentWay.FORM,
                text_version="" if withdrawn else _TEXT,
                evidence="电话里说不要再发" if withdrawn else f"登记表第 {index + 1} 号，本人签字",
                noted_by_id=self._dice.choice(self._owners).user_id,
                noted_at=at,
            )

    async def _referrals(self, uow: UnitOfWork) -> None:
        """A tenth came because somebody who was here before spoke of us."""
        for index in range(12, self._count, 10):
            customer = await uow.session.get_one(Customer, customer_id(index))
            customer.referred_by_id = customer_id(self._dice.randrange(12))
            customer.source = "转介绍"
