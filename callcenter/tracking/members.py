"""Known extensions, queue members and waiting callers of one PBX; bounded by what the PBX itself has."""

from __future__ import annotations

from callcenter.tracking.live import AgentState, Membership

# Device states of app_queue in which nobody can be reached (4 invalid, 5 unavailable).
OUT_OF_REACH = (4, 5)


class Members:
    """Plain tables; agents.py fills and reads them."""

    def __init__(self) -> None:
        self.extensions: set[str] = set()
        # Queue -> extension -> membership.
        self.queues: dict[str, dict[str, Membership]] = {}
        self.offline: set[str] = set()
        # Queue -> uniqueid of the caller -> when joined.
        self.waiting: dict[str, dict[str, float]] = {}
        # Extension -> what was last reported of it: state, since when, number of channels.
        self.states: dict[str, tuple[AgentState, float | None, int]] = {}
        # Extension -> how many of its channels are in each rank of doing something.
        self.desks: dict[str, list[int]] = {}

    def saw(self, extension: str) -> None:
        self.extensions.add(extension)

    def is_extension(self, number: str) -> bool:
        return number in self.extensions

    def join(self, queue: str, uniqueid: str, at: float, position: int) -> None:
        """A caller with priority may join in front of others."""
        rows = list(self.waiting.get(queue, {}).items())
        rows = [row for row in rows if row[0] != uniqueid]
        rows.insert(max(0, position - 1) if position else len(rows), (uniqueid, at))
        self.waiting[queue] = dict(rows)

    def leave(self, queue: str, uniqueid: str) -> None:
        waiting = self.waiting.get(queue)
        if waiting is not None:
            waiting.pop(uniqueid, None)
            if not waiting:
                del self.waiting[queue]

    def memberships(self, extension: str) -> list[Membership]:
        return [members[extension] for members in self.queues.values() if extension in members]
