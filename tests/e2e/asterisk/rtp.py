"""A phone's sound: a steady tone out, a count of what comes in, and DTMF as RFC 4733 events."""

import asyncio
import math
import socket
import struct
from functools import lru_cache

FRAME_SAMPLES = 160
FRAME_SECONDS = 0.02
PCMA, TELEPHONE_EVENT = 8, 101
DIGITS = "0123456789*#ABCD"


def alaw(sample: int) -> int:
    """One 16-bit sample as G.711 A-law."""
    sign = 0x80 if sample >= 0 else 0
    magnitude = min(abs(sample), 32635) >> 4
    exponent = max(magnitude.bit_length() - 5, 0)
    mantissa = (magnitude >> max(exponent, 1)) & 0x0F if exponent else (magnitude >> 1) & 0x0F
    return (sign | (exponent << 4) | mantissa) ^ 0x55


@lru_cache
def tone(frequency: int) -> list[bytes]:
    """One second of a sine as frames; whole periods, so that it repeats without a click."""
    samples = [alaw(int(9000 * math.sin(2 * math.pi * frequency * i / 8000))) for i in range(8000)]
    data = bytes(samples)
    return [data[start : start + FRAME_SAMPLES] for start in range(0, len(data), FRAME_SAMPLES)]


class RtpStream(asyncio.DatagramProtocol):
    """One call's media port."""

    def __init__(self, frequency: int) -> None:
        self._frames = tone(frequency)
        self._transport: asyncio.DatagramTransport | None = None
        self._sender: asyncio.Task[None] | None = None
        self._sequence = 0
        self._timestamp = 0
        self._digits: list[bytes] = []
        self.target: tuple[str, int] | None = None
        self.sending = True
        self.received = 0
        self.port = 0

    @classmethod
    async def open(cls, host: str, frequency: int) -> "RtpStream":
        loop = asyncio.get_running_loop()
        transport, stream = await loop.create_datagram_endpoint(
            lambda: cls(frequency), local_addr=(host, 0), family=socket.AF_INET
        )
        stream._transport = transport
        stream.port = transport.get_extra_info("sockname")[1]
        return stream

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.received += 1

    def start(self, target: tuple[str, int] | None) -> None:
        if target is not None:
            self.target = target
        if self._sender is None and self.target is not None:
            self._sender = asyncio.create_task(self._send())

    async def dtmf(self, digits: str) -> None:
        """Play digits, 100 ms each, and wait until they are out."""
        for digit in digits:
            event = DIGITS.index(digit.upper())
            stamp = self._timestamp
            frames = [self._event(event, step * FRAME_SAMPLES, end=False, stamp=stamp) for step in range(1, 6)]
            frames.append(self._event(event, 6 * FRAME_SAMPLES, end=True, stamp=stamp))
            self._digits += frames
            await asyncio.sleep((len(frames) + 4) * FRAME_SECONDS)

    def close(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
            self._sender = None
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def _event(self, event: int, duration: int, *, end: bool, stamp: int) -> bytes:
        # The sequence number is filled in when the frame leaves: sound and events share one count.
        marker = 0x80 if duration == FRAME_SAMPLES else 0
        payload = struct.pack("!BBH", event, (0x80 if end else 0) | 10, duration)
        return struct.pack("!BBHII", 0x80, marker | TELEPHONE_EVENT, 0, stamp, self.port) + payload

    async def _send(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while self._transport is not None:
            self._send_frame()
            due = max(due + FRAME_SECONDS, loop.time() - 0.2)
            await asyncio.sleep(max(due - loop.time(), 0))

    def _send_frame(self) -> None:
        if self._transport is None or self.target is None:
            return
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + FRAME_SAMPLES) & 0xFFFFFFFF
        if self._digits:
            frame = bytearray(self._digits.pop(0))
            struct.pack_into("!H", frame, 2, self._sequence)
            self._transport.sendto(bytes(frame), self.target)
        elif self.sending:
            head = struct.pack("!BBHII", 0x80, PCMA, self._sequence, self._timestamp, self.port)
            self._transport.sendto(head + self._frames[self._sequence % len(self._frames)], self.target)
