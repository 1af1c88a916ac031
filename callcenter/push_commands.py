"""What a client may ask for over the live connection; rights are checked here as they are for the REST interface."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from callcenter.actions_service import TelephoneService
from callcenter.people import People
from crm_core.calls import service as calls
from crm_core.calls.facts import CallFacts
from crm_core.db.database import Database
from crm_core.kernel import ids
from crm_core.kernel.errors import NotFound, Rejected
from crm_core.organization.access import Action, Actor
from web.ports import ListenMode

Data = Mapping[str, Any]


class Commands:
    """The commands by name."""

    def __init__(self, db: Database, telephony: TelephoneService, people: People) -> None:
        self._db = db
        self._telephony = telephony
        self._people = people
        self._known: dict[str, Callable[[Actor, Data], Awaitable[Any]]] = {
            "call.dial": self._dial,
            "call.hangup": self._hang_up,
            "call.listen": self._listen,
            "call.note": self._note,
            "call.progress": self._progress,
            "agent.state": self._state,
            "agent.pause": self._pause,
            "agent.resume": self._resume,
            "agent.wrapup": self._wrap_up,
        }

    async def run(self, actor: Actor, name: str, data: Data) -> Any:
        """Raises CrmError."""
        command = self._known.get(name)
        if command is None:
            raise Rejected("unknown_command", f"There is no command {name[:40]!r}.")
        return await command(actor, data)

    async def _dial(self, actor: Actor, data: Data) -> Any:
        actor.require(Action.CALL_DIAL)
        number, customer = data.get("number"), data.get("customer_id")
        if number is not None and not isinstance(number, str):
            raise Rejected("bad_number", "The number is a text.", errors={"number": "wrong"})
        customer_id = ids.parse(_text(data, "customer_id")) if customer is not None else None
        dialled = await self._telephony.dial(actor, number, customer_id=customer_id)
        # The customer's number may be masked for the one who dials; a number that was typed is known anyway.
        return {"extension": dialled.extension, "number": number}

    async def _hang_up(self, actor: Actor, data: Data) -> Any:
        call_id = ids.parse(_text(data, "call_id"))
        self._reachable(actor, Action.CALL_NOTE, call_id)
        await self._telephony.hang_up(actor, call_id)
        return {}

    async def _listen(self, actor: Actor, data: Data) -> Any:
        actor.require(Action.CALL_LISTEN_IN)
        call_id = ids.parse(_text(data, "call_id"))
        self._reachable(actor, Action.CALL_LISTEN_IN, call_id)
        try:
            mode = ListenMode(data.get("mode", ListenMode.LISTEN))
        except ValueError:
            raise Rejected("bad_mode", "The mode is listen, whisper or barge.", errors={"mode": "unknown"}) from None
        await self._telephony.listen(actor, call_id, mode)
        return {}

    async def _note(self, actor: Actor, data: Data) -> Any:
        call_id, text = ids.parse(_text(data, "call_id")), _text(data, "text")
        async with self._db.uow() as uow:
            note = await calls.add_note(uow, call_id, text, by=actor)
        return {"id": ids.show(note.id)}

    async def _progress(self, actor: Actor, data: Data) -> Any:
        call_id, progress = ids.parse(_text(data, "call_id")), data.get("progress")
        if progress is not None and (not isinstance(progress, int) or isinstance(progress, bool)):
            raise Rejected("progress_unknown", "Progress is 15, 50, 75 or 100 per cent.", errors={"progress": "wrong"})
        async with self._db.uow() as uow:
            await calls.set_progress(uow, call_id, progress, by=actor)
        return {"progress": progress}

    async def _state(self, actor: Actor, data: Data) -> Any:
        reason = data.get("reason")
        await self._telephony.set_state(actor, _text(data, "status"), str(reason) if reason else None)
        return {}

    async def _pause(self, actor: Actor, data: Data) -> Any:
        return await self._state(actor, {**data, "status": "paused"})

    async def _resume(self, actor: Actor, data: Data) -> Any:
        return await self._state(actor, {"status": "available"})

    async def _wrap_up(self, actor: Actor, data: Data) -> Any:
        return await self._state(actor, {"status": "wrap_up"})

    def _reachable(self, actor: Actor, action: Action, call_id: int) -> None:
        """Raises NotFound for a live call that the right does not reach, as for one that does not exist."""
        facts = self._telephony.live_call(call_id)
        if not any(
            actor.reaches(action, owner_id=user, department_id=department) for user, department in self._owners(facts)
        ):
            raise NotFound("call_not_live", "This call is not live any more.")

    def _owners(self, facts: CallFacts) -> list[tuple[int | None, int | None]]:
        extensions = [leg.extension for leg in facts.legs] + [facts.caller_number or ""]
        people = [self._people.at(facts.pbx, extension) for extension in extensions]
        return [(person.user_id, person.department_id) for person in people if person] or [(None, None)]


def _text(data: Data, field: str) -> str:
    value = data.get(field)
    if not isinstance(value, str) or not value:
        raise Rejected("bad_input", f"{field} is needed.", errors={field: "needed"})
    return value
