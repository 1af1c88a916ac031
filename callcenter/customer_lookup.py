"""Who a number is, remembered for a while: the pop asks here, and mostly need not wait."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from callcenter.screenpop import Identity
from crm_core.calls import pop, pop_queries
from crm_core.calls.pop import CallerFacts, EarlierCalls, PopContact, PopMatch
from crm_core.db.database import Database
from crm_core.kernel import ids
from crm_core.kernel.phone import recognise
from crm_core.kernel.regions import region_of

_KEPT = 20_000
_FRESH_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Known:
    """What the database says of a number, and what that means for each agent who was rung."""

    facts: CallerFacts
    about: Mapping[str, Any]
    at: float
    ranked: dict[int | None, Identity] = field(default_factory=dict)


class CustomerLookup:
    """A bounded cache in front of the indexed look-up; each number is asked for once, however many wait for it."""

    def __init__(self, db: Database, *, area_code: str, timezone: ZoneInfo) -> None:
        self._db = db
        self._area_code = area_code
        self._timezone = timezone
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._asked: dict[str, asyncio.Task[Known]] = {}

    def ready(self, number: str, agent_id: int | None) -> Identity | None:
        known = self._known.get(number)
        if known is None or time.monotonic() - known.at > _FRESH_SECONDS:
            return None
        return self._identity(known, agent_id)

    async def find(self, number: str, agent_id: int | None) -> Identity:
        """Raises Unavailable."""
        ready = self.ready(number, agent_id)
        if ready is not None:
            return ready
        task = self._asked.get(number)
        if task is None:
            task = asyncio.create_task(self._look(number))
            self._asked[number] = task
            task.add_done_callback(lambda _: self._asked.pop(number, None))
        return self._identity(await asyncio.shield(task), agent_id)

    def forget(self) -> None:
        """Customers or numbers changed."""
        self._known.clear()

    async def _look(self, number: str) -> Known:
        phone = recognise(number, self._area_code)
        facts, earlier = pop_queries.NOBODY, EarlierCalls(0, ())
        if phone is not None:
            e164, digits, now = phone.e164, phone.digits, self._db.clock.now()
            facts, earlier = await self._db.glance(lambda connection: pop_queries.about(connection, e164, digits, now))
        known = Known(facts, _about(phone.e164 if phone else None, earlier), time.monotonic())
        self._known[number] = known
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return known

    def _identity(self, known: Known, agent_id: int | None) -> Identity:
        identity = known.ranked.get(agent_id)
        if identity is None:
            today = self._db.clock.now().astimezone(self._timezone).date()
            matches = tuple(_match(one) for one in pop.ranked(known.facts, agent_id, today))
            identity = known.ranked[agent_id] = Identity(matches, known.about)
        return identity


def _about(e164: str | None, earlier: EarlierCalls) -> dict[str, Any]:
    """What is known of the number itself."""
    region = region_of(e164)
    place = None
    if region is not None:
        place = region.province if region.city in ("", region.province) else f"{region.province}{region.city}"
    return {
        "region": place,
        "carrier": region.carrier if region else None,
        "earlier_calls": earlier.count,
        "earlier": [_contact(one) for one in earlier.last],
    }


def _match(match: PopMatch) -> dict[str, Any]:
    who = match.customer
    customer = {
        "id": ids.show(who.id),
        "account_number": who.account_number,
        "name": who.name,
        "kind": who.kind,
        "form_of_address": who.form_of_address,
        "sex": who.sex,
        "age": who.age,
        "birthday_in_days": who.birthday_in_days,
        "place": who.city,
        "type": who.type,
        "membership": who.membership,
        "owner": who.owner_display_name or who.owner,
        "taboos": who.taboos,
        "do_not_call": who.do_not_call,
        "remarks": who.remarks,
        "numbers": list(who.numbers),
        "contacts": [_contact(one) for one in who.contacts],
        "progress": who.progress,
        "next_at": _time(who.next_at),
        "version": who.version,
    }
    return {"customer": customer, "reason": match.reason, "reasons": list(match.reasons), "score": match.score}


def _contact(contact: PopContact) -> dict[str, Any]:
    return {
        "call_id": ids.show(contact.call_id),
        "at": _time(contact.at),
        "direction": contact.direction,
        "status": contact.status,
        "agent": contact.agent,
        "talk_seconds": contact.talk_seconds,
        "progress": contact.progress,
        "disposition": contact.disposition,
        "next_at": _time(contact.next_at),
        "note": contact.note,
    }


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
