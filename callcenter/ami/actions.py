"""The AMI actions that we send, each built from checked values: whatever is not on the allow-list is refused.

AMI is a text protocol whose values reach dialplan, applications and caller id: a value that carries a separator, a
function call or a line break can do more than its sender may. So every value has a pattern of what it may be.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from crm_core.kernel.errors import Rejected

_NUMBER = re.compile(r"\+?[0-9*#]{1,32}")
_EXTENSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_CONTEXT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,78}")
_CHANNEL = re.compile(r"[A-Za-z][A-Za-z0-9]{0,19}/[A-Za-z0-9_.+*#@:;-]{1,120}")
_INTERFACE = re.compile(r"[A-Za-z][A-Za-z0-9]{0,19}/[A-Za-z0-9_.@-]{1,80}")
_QUEUE = re.compile(r"[\w][\w.-]{0,79}")
# No parentheses: FILE(...), SHELL(...) and their like are reached through variable *names* (CVE-2024-42365).
_VARIABLE = re.compile(r"_{0,2}[A-Za-z][A-Za-z0-9_]{0,78}")
_VARIABLE_VALUE = re.compile(r"[\w .:@+*#/-]{0,200}")
_FREE_TEXT = re.compile(r"[\w .·'-]{0,80}")


class Action(NamedTuple):
    """An action ready to be sent: its name and its headers in order (a header may repeat)."""

    name: str
    fields: tuple[tuple[str, str], ...]


class MuteDirection(StrEnum):
    """Which side of a recording is silenced: ``read`` is what the channel hears, ``write`` what it says."""

    READ = "read"
    WRITE = "write"
    BOTH = "both"


class SpyMode(StrEnum):
    """Listen unheard, whisper to the agent alone, or speak to both."""

    LISTEN = "listen"
    WHISPER = "whisper"
    BARGE = "barge"


def _checked(field: str, value: str, pattern: re.Pattern[str], meant: str) -> str:
    # fullmatch, because "$" would let a trailing line break through.
    if not pattern.fullmatch(value):
        raise Rejected("ami_value_refused", f"{field} may only be {meant}.", errors={field: f"only {meant}"})
    return value


def number(field: str, value: str) -> str:
    """A dialable number: digits, * and #, one leading +."""
    return _checked(field, value, _NUMBER, "digits, * and #")


def extension(field: str, value: str) -> str:
    return _checked(field, value, _EXTENSION, "letters, digits, dot, dash and underscore")


def context(field: str, value: str) -> str:
    return _checked(field, value, _CONTEXT, "letters, digits, dash and underscore")


def channel(field: str, value: str) -> str:
    return _checked(field, value, _CHANNEL, "one channel name such as PJSIP/1001-00000001")


def interface(field: str, value: str) -> str:
    return _checked(field, value, _INTERFACE, "one device such as PJSIP/1001")


def queue(field: str, value: str) -> str:
    return _checked(field, value, _QUEUE, "a queue name")


def _free_text(field: str, value: str) -> str:
    return _checked(field, value, _FREE_TEXT, "at most 80 letters, digits, spaces and . - '")


def _whole(field: str, value: int, low: int, high: int) -> str:
    if not low <= value <= high:
        raise Rejected(
            "ami_value_refused", f"{field} must lie between {low} and {high}.", errors={field: "out of range"}
        )
    return str(value)


def originate(
    *,
    endpoint: str,
    to: str,
    in_context: str,
    caller_number: str | None = None,
    caller_name: str | None = None,
    variables: Mapping[str, str] | None = None,
    ring_seconds: int = 30,
    account: str | None = None,
    technology: str = "PJSIP",
) -> Action:
    """Click-to-dial: rings the agent's own phone ``technology/endpoint``, then sends it to ``to`` in ``in_context``.

    Always asynchronous: the outcome comes as an OriginateResponse event, a ring never blocks the session.
    """
    fields = [
        ("Channel", interface("extension", f"{technology}/{extension('extension', endpoint)}")),
        ("Context", context("context", in_context)),
        ("Exten", number("number", to)),
        ("Priority", "1"),
        ("Timeout", _whole("ring_seconds", ring_seconds * 1000, 1000, 300_000)),
        ("Async", "true"),
    ]
    if caller_number is not None or caller_name is not None:
        fields.append(("CallerID", _caller_id(caller_name, caller_number)))
    if account is not None:
        fields.append(("Account", extension("account", account)))
    fields += [("Variable", _variable(name, value)) for name, value in (variables or {}).items()]
    return Action("Originate", tuple(fields))


def _caller_id(name: str | None, caller: str | None) -> str:
    shown = f"<{number('caller_number', caller)}>" if caller else ""
    if not name:
        return shown
    return f'"{_free_text("caller_name", name)}" {shown}'.strip()


def _variable(name: str, value: str) -> str:
    _checked("variable", name, _VARIABLE, "a plain variable name, no function")
    _checked(name, value, _VARIABLE_VALUE, "letters, digits, spaces and . : @ + * # / -")
    return f"{name}={value}"


def hangup(channel_name: str, *, cause: int = 16) -> Action:
    return Action("Hangup", (("Channel", channel("channel", channel_name)), ("Cause", _whole("cause", cause, 1, 127))))


def redirect(channel_name: str, *, to: str, in_context: str, extra_channel: str | None = None) -> Action:
    """Sends a channel (and the one it talks to, when named) to another place in the dialplan."""
    place = (("Context", context("context", in_context)), ("Exten", extension("to", to)), ("Priority", "1"))
    fields = [("Channel", channel("channel", channel_name)), *place]
    if extra_channel is not None:
        fields.append(("ExtraChannel", channel("extra_channel", extra_channel)))
        fields += [(f"Extra{key}", value) for key, value in place]
    return Action("Redirect", tuple(fields))


def attended_transfer(channel_name: str, *, to: str, in_context: str) -> Action:
    """Starts a consultation: ``channel_name`` is the agent's own channel."""
    return Action(
        "Atxfer",
        (
            ("Channel", channel("channel", channel_name)),
            ("Exten", number("to", to)),
            ("Context", context("context", in_context)),
        ),
    )


def cancel_attended_transfer(channel_name: str) -> Action:
    return Action("CancelAtxfer", (("Channel", channel("channel", channel_name)),))


def blind_transfer(channel_name: str, *, to: str, in_context: str) -> Action:
    """Sends the *other* side of ``channel_name``'s bridge to ``to``."""
    return Action(
        "BlindTransfer",
        (
            ("Channel", channel("channel", channel_name)),
            ("Context", context("context", in_context)),
            ("Exten", number("to", to)),
        ),
    )


def mute_recording(channel_name: str, *, muted: bool, direction: MuteDirection = MuteDirection.BOTH) -> Action:
    """Silences a running recording (card numbers, health talk) or lets it hear again."""
    return Action(
        "MixMonitorMute",
        (
            ("Channel", channel("channel", channel_name)),
            ("Direction", MuteDirection(direction).value),
            ("State", "1" if muted else "0"),
        ),
    )


def queue_pause(device: str, *, paused: bool, queue_name: str | None = None, reason: str | None = None) -> Action:
    """Pauses a member in one queue, or in all of its queues when none is named."""
    fields = [("Interface", interface("interface", device)), ("Paused", "true" if paused else "false")]
    if queue_name is not None:
        fields.append(("Queue", queue("queue", queue_name)))
    if reason is not None:
        fields.append(("Reason", _free_text("reason", reason)))
    return Action("QueuePause", tuple(fields))


def queue_add(
    queue_name: str, device: str, *, member_name: str | None = None, penalty: int = 0, paused: bool = False
) -> Action:
    fields = [
        ("Queue", queue("queue", queue_name)),
        ("Interface", interface("interface", device)),
        ("Penalty", _whole("penalty", penalty, 0, 1000)),
        ("Paused", "true" if paused else "false"),
    ]
    if member_name is not None:
        fields.append(("MemberName", _free_text("member_name", member_name)))
    return Action("QueueAdd", tuple(fields))


def queue_remove(queue_name: str, device: str) -> Action:
    return Action("QueueRemove", (("Queue", queue("queue", queue_name)), ("Interface", interface("interface", device))))


# q: no beep; E: end when the spied channel ends; S: do not hunt for other channels; w/B: whisper/barge.
_SPY_OPTIONS = {SpyMode.LISTEN: "qES", SpyMode.WHISPER: "qESw", SpyMode.BARGE: "qESB"}


def spy(*, endpoint: str, on_channel: str, mode: SpyMode, ring_seconds: int = 30, technology: str = "PJSIP") -> Action:
    """Rings the supervisor's phone and lets it listen to exactly the channel ``on_channel``."""
    return Action(
        "Originate",
        (
            ("Channel", interface("extension", f"{technology}/{extension('extension', endpoint)}")),
            ("Application", "ChanSpy"),
            ("Data", f"{channel('channel', on_channel)},{_SPY_OPTIONS[SpyMode(mode)]}"),
            ("Timeout", _whole("ring_seconds", ring_seconds * 1000, 1000, 300_000)),
            ("Async", "true"),
        ),
    )
