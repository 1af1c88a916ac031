"""What the name of a channel says: which side it belongs to and which extension it is."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto


class Kind(Enum):
    TRUNK = auto()
    EXTENSION = auto()
    LOCAL = auto()
    MACHINE = auto()


# Channels that Asterisk makes for itself: announcers, recorders, messages, ARI snoopers, media sources; AsyncGoto and
# Surrogate lend their body to a channel in a masquerade, whose uniqueid and name go on without them.
_MACHINES = frozenset(
    {
        "AgentRequest",
        "Announcer",
        "AsyncGoto",
        "AudioSocket",
        "Bridge",
        "CBAnn",
        "CBRec",
        "ConfBridge",
        "ConfBridgeRecorder",
        "Message",
        "MulticastRTP",
        "Null",
        "Parked",
        "Recorder",
        "Snoop",
        "Surrogate",
        "UnicastRTP",
    }
)


def kind_of(channel: str, trunks: Sequence[str]) -> Kind:
    """``trunks`` are channel prefixes such as ``PJSIP/trunk``; a prefix must end where a name's part ends."""
    technology, slash, _ = channel.partition("/")
    if technology == "Local":
        return Kind.LOCAL
    if not slash or technology in _MACHINES:
        return Kind.MACHINE
    for trunk in trunks:
        if channel.startswith(trunk) and (len(channel) == len(trunk) or channel[len(trunk)] in "-/@:"):
            return Kind.TRUNK
    return Kind.EXTENSION


def extension_of(channel: str) -> str:
    """``PJSIP/1001-0000002a`` or ``Local/1001@agents`` is 1001; an endpoint's own hyphens stay."""
    rest = channel.partition("/")[2].split("@", 1)[0].split("<", 1)[0]
    head, hyphen, tail = rest.rpartition("-")
    return head if hyphen and _is_sequence(tail) else rest.removesuffix("/n")


def _is_sequence(tail: str) -> bool:
    tail = tail.split(";", 1)[0]
    return len(tail) >= 4 and all(c in "0123456789abcdef" for c in tail)


def age_of(uniqueid: str) -> tuple[float, int]:
    """Sorts uniqueids by birth: ``[system-]epoch.sequence``, compared as numbers (".10" is younger than ".9")."""
    epoch, _, sequence = uniqueid.rpartition("-")[2].partition(".")
    try:
        return float(epoch), int(sequence)
    except ValueError:
        return float("inf"), 0
