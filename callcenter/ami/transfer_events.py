"""What the PBX says of transfers, pick-ups and parking, as typed values; see events.py for the headers they share."""

from __future__ import annotations

from typing import NamedTuple


class BlindTransfer(NamedTuple):
    """``result`` Success says only that the transferee was sent away, not that anybody took it."""

    at: float
    raw: bytes
    result: str
    transferer_uniqueid: str
    transferer_channel: str
    transferee_uniqueid: str
    extension: str


class AttendedTransfer(NamedTuple):
    """``orig`` and ``second`` are in order of time, not of role; they are one channel when done by DTMF."""

    at: float
    raw: bytes
    result: str
    orig_uniqueid: str
    orig_channel: str
    second_uniqueid: str
    second_channel: str
    transferee_uniqueid: str
    target_uniqueid: str
    dest_type: str


class Pickup(NamedTuple):
    """``uniqueid`` took the call that rang at ``target_uniqueid``."""

    at: float
    raw: bytes
    uniqueid: str
    linkedid: str
    target_uniqueid: str
    target_linkedid: str


class ParkedCall(NamedTuple):
    at: float
    raw: bytes
    parkee_uniqueid: str
    parker_uniqueid: str
    parker_dial_string: str
    space: str
    lot: str


class ParkedCallGiveUp(NamedTuple):
    """The parked side hung up in the parking lot."""

    at: float
    raw: bytes
    parkee_uniqueid: str
    space: str
    lot: str


class ParkedCallTimeOut(NamedTuple):
    """Nobody picked the call up in time; it goes back to the one who parked it."""

    at: float
    raw: bytes
    parkee_uniqueid: str
    space: str
    lot: str


class UnParkedCall(NamedTuple):
    at: float
    raw: bytes
    parkee_uniqueid: str
    retriever_uniqueid: str
    space: str
    lot: str
