"""Many copies of a recorded call side by side: other ids, other extensions, another time."""

from __future__ import annotations

import re
from pathlib import Path

from callcenter.ami.events import AmiEvent
from tests.traces.folding import events_of, recorded

_ID = re.compile(rb"\b(1[67]\d{8})\.(\d{1,5})\b(?!\d)")
_TIME = re.compile(rb"\r\nTimestamp: ([0-9.]+)")
_SEQUENCE = re.compile(rb"-([0-9a-f]{8})\b(?!-)")
_BRIDGE = re.compile(rb"\b([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4})-([0-9a-f]{12})\b")
_PLACE = re.compile(rb"\b(10\d\d|7\d\d|85\d\d)\b(?![.-])")


def copy_of(path: Path, number: int, later: float) -> list[AmiEvent]:
    """The events of a recording as if it were the ``number``-th such call, ``later`` seconds after the recorded one."""
    return events_of(b"".join(_renamed(event, number, later) + b"\r\n\r\n" for event in recorded(path)))


def _renamed(event: AmiEvent, number: int, later: float) -> bytes:
    own = b"x%d" % number
    raw = _TIME.sub(b"", event.raw)
    raw = _ID.sub(lambda found: b"%s.%d" % (found[1], int(found[2]) + 100_000 * number), raw)
    raw = _BRIDGE.sub(lambda found: found[1] + b"-" + own + found[2], raw)
    raw = _SEQUENCE.sub(lambda found: b"-%08x" % (int(found[1], 16) + 65_536 * number), raw)
    raw = _PLACE.sub(lambda found: found[1] + own, raw)
    # Extensions inside channel names and dial strings.
    raw = re.sub(rb"(?<=/)(10\d\d)(?=[-@])", lambda found: found[1] + own, raw)
    return raw + b"\r\nTimestamp: %.6f" % (event.at + later)
