"""Who hears what: topics and their subscribers. Publishing is a plain function: it never waits and never fails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson

# How a live message travels: the outer frame is put around it for each session, the rest is serialised once.
VERSION = 1


@dataclass(frozen=True, slots=True)
class Message:
    """One live message. ``body`` is the JSON after the sequence number; ``data`` is kept for who must look inside.

    ``department`` limits who gets it on a topic that several departments watch; None is for all of them.
    """

    type: str
    topic: str
    body: bytes
    data: Mapping[str, Any]
    department: int | None = None


def frame_of(seq: int, body: bytes) -> bytes:
    """What goes over the wire."""
    return b'{"v":%d,"seq":%d,%s' % (VERSION, seq, body)


class Subscriber(Protocol):
    """Takes messages at once; what it cannot take now is its own problem, never the publisher's."""

    def deliver(self, message: Message) -> None: ...


class Hub:
    """Topics and subscribers of one process."""

    def __init__(self) -> None:
        self._topics: dict[str, dict[Subscriber, None]] = {}
        self.published = 0
        self.delivered = 0

    @property
    def idle(self) -> bool:
        """Whether nobody listens at all."""
        return not self._topics

    def wanted(self, topic: str) -> bool:
        """Whether anybody listens: what nobody hears need not be built."""
        return topic in self._topics

    def publish(
        self, topic: str, type: str, data: Mapping[str, Any], at: float, *, department: int | None = None
    ) -> None:
        """Hands the message to every subscriber of ``topic``; ``at`` is epoch seconds."""
        self.publish_to((topic,), type, data, at, department=department)

    def publish_to(
        self, topics: Iterable[str], type: str, data: Mapping[str, Any], at: float, *, department: int | None = None
    ) -> None:
        """The same message on several topics; ``data`` is serialised once."""
        once: orjson.Fragment | None = None
        for topic in topics:
            self.published += 1
            subscribers = self._topics.get(topic)
            if not subscribers:
                continue
            once = once or orjson.Fragment(orjson.dumps(data))
            message = compose(topic, type, data, at, department=department, serialised=once)
            # A copy, because a subscriber that turns out to be too slow leaves while we go round.
            for subscriber in list(subscribers):
                subscriber.deliver(message)
            self.delivered += len(subscribers)

    def subscribe(self, subscriber: Subscriber, topic: str) -> None:
        self._topics.setdefault(topic, {})[subscriber] = None

    def unsubscribe(self, subscriber: Subscriber, topic: str) -> None:
        subscribers = self._topics.get(topic)
        if subscribers is not None and subscribers.pop(subscriber, True) is None and not subscribers:
            del self._topics[topic]


def agent_topic(pbx: str, extension: str) -> str:
    """Two PBXs may have the same extension: the key names the PBX, the client sees ``agent:<extension>``."""
    return f"agent:{extension}@{pbx}"


def shown(topic: str) -> str:
    """The topic as the client knows it."""
    return topic.partition("@")[0] if topic.startswith("agent:") else topic


def compose(
    topic: str,
    type: str,
    data: Mapping[str, Any],
    at: float,
    *,
    department: int | None = None,
    serialised: orjson.Fragment | None = None,
) -> Message:
    """The message in its form for the wire; ``serialised`` is ``data`` as JSON already."""
    text = orjson.dumps(
        {"type": type, "topic": shown(topic), "at": instant(at), "data": data if serialised is None else serialised}
    )
    return Message(type, topic, text[1:], data, department)


def instant(at: float) -> str:
    """Epoch seconds as ISO 8601 with offset."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
