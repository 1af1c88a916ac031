"""What an own field can hold and on which records; pure, for tables and rules alike."""

from __future__ import annotations

from enum import StrEnum


class FieldSubject(StrEnum):
    """The records that can have own fields."""

    CUSTOMER = "customer"
    ORDER = "order"
    ACTIVITY = "activity"
    FOLLOW_UP = "follow_up"


class FieldType(StrEnum):
    """What the field holds. It never changes afterwards: stored values would be misread."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    CHOICE = "choice"
    MULTI_CHOICE = "multi_choice"
    FLAG = "flag"
    MONEY = "money"
    USER = "user"
