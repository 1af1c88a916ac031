"""What is live now: agents, queues, calls."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from crm_core.organization import queries
from crm_core.organization.access import Action
from web.api.asked import Asked
from web.api.values import Time, time_text
from web.registry import Routes

routes = Routes("board")


class Board(TypedDict):
    """The same as the push snapshot, as far as the asker may see; a queue's `label` is its name for people."""

    at: Time
    agents: list[dict[str, Any]]
    queues: list[dict[str, Any]]
    calls: list[dict[str, Any]]


@routes.route("GET", "/board", "Agents, queues and calls as they are now", right=Action.BOARD_WATCH)
async def board(asked: Asked) -> Board:
    live = asked.context.telephony.board(asked.actor)
    async with asked.read() as session:
        preferences = await queries.preferences(session)
    now = time_text(asked.context.clock.now(), asked.context.settings.timezone) or ""
    return {
        "at": now,
        "agents": list(live.get("agents", ())),
        "queues": [
            {**queue, "label": preferences.queue_label(str(queue["queue"]))} for queue in live.get("queues", ())
        ],
        "calls": list(live.get("calls", ())),
    }
