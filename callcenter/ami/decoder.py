"""AMI bytes to typed messages: no socket, no clock, any chunking; never raises, whatever comes.

Most of what a PBX says is not needed (nine of ten events on a busy one), so a packet is looked at as bytes until its
``Event:`` line, or the name of its variable, says that it is wanted.
"""

from __future__ import annotations

from dataclasses import dataclass

from callcenter.ami import shapes
from callcenter.ami.events import AmiMessage, Banner, ListItem, Response

__all__ = ["AmiDecoder", "AmiMessage", "DecoderStats"]

_END = b"\r\n\r\n"
_GREETING = b"Asterisk Call Manager"
_OUTPUT_END = "--END COMMAND--"
# A packet of some hundred channel variables of 4 KiB still fits; beyond that it is no event that we want.
_MAX_PACKET = 1 << 20
_MAX_GREETING = 256


@dataclass(slots=True)
class DecoderStats:
    """What went through: ``skipped`` events are wanted by nobody; ``garbage`` counts packets that are no AMI."""

    messages: int = 0
    skipped: int = 0
    garbage: int = 0
    oversize: int = 0


class AmiDecoder:
    """One per connection. ``feed`` gives the messages that the new bytes complete, in order."""

    def __init__(self) -> None:
        self.stats = DecoderStats()
        self._buffer = bytearray()
        self._scanned = 0
        self._greeting_over = False
        self._dropping = False
        self._command: list[bytes] | None = None

    def feed(self, data: bytes, now: float) -> list[AmiMessage]:
        """``now`` (epoch seconds) dates events that bear no Timestamp."""
        out: list[AmiMessage] = []
        buffer = self._buffer
        buffer += data
        if not self._greeting_over and not self._greet(out):
            return out
        if buffer.find(_END, self._scanned) < 0:
            self._wait_for_more()
            return out
        packets = bytes(buffer).split(_END)
        self._buffer = bytearray(packets.pop())
        self._scanned = max(0, len(self._buffer) - 3)
        if self._dropping:
            self._dropping = False
            del packets[0]
        self._decode(packets, now, out)
        self.stats.messages += len(out)
        if len(self._buffer) > _MAX_PACKET:
            self._wait_for_more()
        return out

    def _greet(self, out: list[AmiMessage]) -> bool:
        """Takes the banner off, the only thing that ends with one line break. False: wait for its end."""
        buffer = self._buffer
        if not _GREETING.startswith(buffer[: len(_GREETING)]) and not buffer.startswith(_GREETING):
            self._greeting_over = True
            return True
        end = buffer.find(b"\n")
        if end < 0:
            # Neither a banner nor anything else has a first line like this.
            self._greeting_over = len(buffer) > _MAX_GREETING
            return self._greeting_over
        out.append(Banner(_text(bytes(buffer[:end])).strip()))
        del buffer[: end + 1]
        self._greeting_over = True
        return True

    def _wait_for_more(self) -> None:
        if len(self._buffer) > _MAX_PACKET:
            if not self._dropping:
                self.stats.oversize += 1
            self._dropping = True
            # The terminator may itself be cut: its first bytes are the last ones kept.
            del self._buffer[:-3]
        self._scanned = max(0, len(self._buffer) - 3)

    def _decode(self, packets: list[bytes], now: float, out: list[AmiMessage]) -> None:
        skipped = 0
        unwanted = shapes.SKIPPED_STARTS
        variables = shapes.WANTED_VARIABLES
        for packet in packets:
            # 7 is the length of "Event: ", 15 adds shapes.START.
            start = packet[7:15]
            if self._command is None and packet.startswith(b"Event: "):
                if start in unwanted:
                    skipped += 1
                    continue
                if start == b"VarSet\r\n":
                    place = packet.rfind(b"\nVariable: ") + 11
                    if packet[place : place + 7] not in variables:
                        skipped += 1
                        continue
                shape = shapes.WANTED.get(packet[7 : packet.find(b"\r", 7)])
                if shape is not None:
                    event = shape(packet, now)
                    if event is None:
                        skipped += 1
                    else:
                        out.append(event)
                    continue
            self._odd(packet, now, out)
        self.stats.skipped += skipped

    def _odd(self, packet: bytes, now: float, out: list[AmiMessage]) -> None:
        """Everything that is not a plain event: answers, rows, command output, garbage."""
        if self._command is not None:
            self._continue_command(packet, out)
        elif len(packet) > _MAX_PACKET:
            self.stats.oversize += 1
        elif packet.startswith(b"Response: "):
            self._response(packet, out)
        elif packet.startswith(b"Event: "):
            self._row(packet, out)
        elif packet.startswith((b"\r", b"\n")):
            rest = packet.lstrip(b"\r\n")
            if rest:
                self._decode([rest], now, out)
        elif packet:
            self._salvage(packet, now, out)

    def _salvage(self, packet: bytes, now: float, out: list[AmiMessage]) -> None:
        """Garbage came in front of a packet: take up the stream again where a packet can begin.

        Only the start of a line will do (or the first line, which no legal packet begins with anything else): a value
        that somebody chose, such as a caller's name, must never become an event.
        """
        self.stats.garbage += 1
        first = packet.split(b"\n", 1)[0]
        for start in (b"Event: ", b"Response: "):
            at = first.rfind(start)
            if at < 0:
                at = packet.find(b"\n" + start) + 1
            if at > 0:
                self._decode([packet[at:]], now, out)
                return

    def _response(self, packet: bytes, out: list[AmiMessage]) -> None:
        if packet.startswith(b"Response: Follows") and _OUTPUT_END.encode() not in packet:
            self._command = [packet]
            return
        out.append(_response_of(packet))

    def _continue_command(self, packet: bytes, out: list[AmiMessage]) -> None:
        """Old-style command output may hold empty lines: it ends where it says so."""
        command = self._command or []
        command.append(packet)
        if _OUTPUT_END.encode() in packet:
            self._command = None
            out.append(_response_of(_END.join(command)))
        elif sum(map(len, command)) > _MAX_PACKET:
            self._command = None
            self.stats.oversize += 1

    def _row(self, packet: bytes, out: list[AmiMessage]) -> None:
        if b"\r\nActionID: " not in packet:
            self.stats.skipped += 1
            return
        fields = shapes.fields_of(_text(packet))
        complete = fields.get("EventList", "") in ("Complete", "cancelled", "Cancelled")
        out.append(ListItem(fields.get("Event", ""), fields.get("ActionID", ""), fields, complete))


def _text(packet: bytes) -> str:
    return packet.decode("utf-8", "replace")


def _response_of(packet: bytes) -> Response:
    lines = _text(packet).split("\r\n")
    fields: dict[str, str] = {}
    output: list[str] = []
    old_style = lines[0] == "Response: Follows"
    for line in lines:
        key, colon, value = line.partition(":")
        if old_style and (not colon or key not in ("Response", "Privilege", "ActionID", "Message")):
            output += [part for part in line.split("\n") if part != _OUTPUT_END]
        elif key == "Output":
            output.append(value.removeprefix(" "))
        elif colon:
            fields[key] = value.removeprefix(" ")
    return Response(
        fields.get("ActionID", ""),
        fields.get("Response") in ("Success", "Follows", "Goodbye", "Pong"),
        fields.get("Message", ""),
        fields,
        tuple(output),
    )
