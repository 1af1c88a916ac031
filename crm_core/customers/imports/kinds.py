"""Words of imports; pure."""

from __future__ import annotations

from enum import StrEnum


class Stage(StrEnum):
    """What was last asked for; the job of the stage says how far that is."""

    UPLOADED = "uploaded"
    CHECK = "check"
    RUN = "run"
    UNDO = "undo"


class Verdict(StrEnum):
    """What becomes of a row."""

    CREATE = "create"
    UPDATE = "update"
    UNCHANGED = "unchanged"
    DUPLICATE = "duplicate"
    ERROR = "error"


class Undone(StrEnum):
    """What an undo did to a row: taken back, or kept because it was used or changed since."""

    UNDONE = "undone"
    KEPT = "kept"


class OnDuplicate(StrEnum):
    SKIP = "skip"
    UPDATE = "update"
    CREATE = "create"


class UpdateBy(StrEnum):
    """How a row names the customer that it brings news of."""

    NOTHING = "nothing"
    ACCOUNT_NUMBER = "account_number"
    ID_CARD = "id_card"
    PHONE_AND_NAME = "phone_and_name"
