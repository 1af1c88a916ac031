"""The classifications whose every change is kept; pure, for tables and rules alike."""

from __future__ import annotations

from enum import StrEnum


class ClassField(StrEnum):
    """The columns of a customer that classify it."""

    TYPE = "type"
    SOURCE = "source"
    MEMBERSHIP = "membership"
    USE_STATE = "use_state"
    RECORD_STATE = "record_state"
    PURCHASE_STATE = "purchase_state"
    RETENTION_STATE = "retention_state"
    ECONOMIC_STATE = "economic_state"
    GRADE = "grade"


DERIVED = (ClassField.PURCHASE_STATE, ClassField.RETENTION_STATE, ClassField.GRADE)
ENTERED = "entered"
IMPORTED = "imported"
