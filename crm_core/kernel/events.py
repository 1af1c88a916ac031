"""Domain events: what happened, in the past tense, as plain values that survive in the outbox."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

_REGISTRY: dict[str, type[DomainEvent]] = {}


@dataclass(frozen=True, slots=True)
class DomainEvent:
    """Base of all domain events; fields hold only JSON values (ids as integers, times as ISO text)."""

    type: ClassVar[str] = ""

    def __init_subclass__(cls, **kwargs: object) -> None:
        # dataclass(slots=True) makes the class twice; the second creation replaces the first under the same name.
        super(DomainEvent, cls).__init_subclass__(**kwargs)
        if cls.type:
            _REGISTRY[cls.type] = cls

    def payload(self) -> dict[str, Any]:
        return asdict(self)


def load_event(name: str, payload: dict[str, Any]) -> DomainEvent:
    """The event as it was emitted. Raises KeyError for a type that no code knows any more."""
    return _REGISTRY[name](**payload)
