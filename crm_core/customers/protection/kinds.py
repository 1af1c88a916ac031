"""The words of data protection."""

from __future__ import annotations

from enum import StrEnum


class RequestKind(StrEnum):
    """What somebody asks to take out of the database, or to have taken out of it for good."""

    LIST = "list"
    PERSON = "person"
    ERASURE = "erasure"


class RequestState(StrEnum):
    """``ready`` waits to be collected; ``collected`` and ``expired`` have no file any more."""

    WAITING = "waiting"
    REFUSED = "refused"
    RUNNING = "running"
    READY = "ready"
    COLLECTED = "collected"
    EXPIRED = "expired"
    DONE = "done"
    FAILED = "failed"


class FileFormat(StrEnum):
    XLSX = "xlsx"
    CSV = "csv"
    ZIP = "zip"


class Secret(StrEnum):
    """What is shown whole only on demand, with a reason."""

    PHONE = "phone"
    ID_CARD = "id_card"
    MEDICAL = "medical"


class Channel(StrEnum):
    CALL = "call"
    SMS = "sms"
    EMAIL = "email"
    VISIT = "visit"


class Purpose(StrEnum):
    CARE = "care"
    PROMOTION = "promotion"
    SERVICE = "service"
    RESEARCH = "research"


class ConsentState(StrEnum):
    GRANTED = "granted"
    WITHDRAWN = "withdrawn"


class ConsentWay(StrEnum):
    """How the customer said it."""

    SPOKEN = "spoken"
    CALL = "call"
    FORM = "form"
    SMS = "sms"
    WEB = "web"
    LETTER = "letter"
