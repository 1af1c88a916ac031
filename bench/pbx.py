"""A manager port in a process of its own: plays calls at a given rate, or the recorded load as fast as it is read.

Told what to do by JSON lines on its standard input, answers by JSON lines on its standard output.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import time
from typing import Any

from bench.call_template import END, Burst, CallMaker, direct_call, load_stream, render

USER, SECRET = "bench", "bench-secret"
_CHALLENGE = "4711"
_PIECE = 64 * 1024
_LISTS = {
    "coreshowchannels": "CoreShowChannelsComplete",
    "bridgelist": "BridgeListComplete",
    "queuestatus": "QueueStatusComplete",
}


class Pbx:
    """Listening clients and the calls that they are told of."""

    def __init__(self) -> None:
        self.listeners: list[asyncio.StreamWriter] = []
        self.listened = asyncio.Event()
        self.port = 0

    async def start(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 20)
        self.port = server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        try:
            while True:
                action = _fields(await reader.readuntil(END))
                self._answer(action, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            if writer in self.listeners:
                self.listeners.remove(writer)
                self.listened.clear()
            writer.close()

    def _answer(self, action: dict[str, str], writer: asyncio.StreamWriter) -> None:
        name = action.get("action", "").lower()
        extra = {"ActionID": action["actionid"]} if "actionid" in action else {}
        if name == "challenge":
            _send(writer, {"Response": "Success", **extra, "Challenge": _CHALLENGE})
        elif name == "login" and not _right(action):
            _send(writer, {"Response": "Error", **extra, "Message": "Authentication failed"})
        elif name == "login":
            _send(writer, {"Response": "Success", **extra, "Message": "Authentication accepted"})
            if action.get("events", "on").lower() != "off":
                _send(writer, {"Event": "FullyBooted", "Status": "Fully Booted"})
                self.listeners.append(writer)
                self.listened.set()
        elif name in _LISTS:
            _send(writer, {"Response": "Success", **extra, "EventList": "start", "Message": "will follow"})
            _send(writer, {"Event": _LISTS[name], **extra, "EventList": "Complete", "ListItems": "0"})
        elif name == "corestatus":
            _send(
                writer, {"Response": "Success", **extra, "CoreStartupDate": "2026-01-01", "CoreStartupTime": "08:00:00"}
            )
        else:
            _send(writer, {"Response": "Success", **extra, "Message": "done"})

    async def flood(self) -> float:
        """The recorded load, as fast as the listener reads; gives the instant of the first byte."""
        stream = load_stream()
        writer = self.listeners[0]
        began = time.monotonic()
        for start in range(0, len(stream), _PIECE):
            writer.write(stream[start : start + _PIECE])
            await writer.drain()
        return began

    async def calls(self, rate: float, seconds: float, people: list[tuple[str, str]]) -> dict[str, float]:
        """Calls at an even rate from these (number, extension), over and over; when the ring of each was written."""
        template, maker = direct_call(), CallMaker(int(time.monotonic() * 1000))
        rang: dict[str, float] = {}
        first = time.monotonic() + 0.05
        async with asyncio.TaskGroup() as playing:
            for index in range(int(rate * seconds)):
                await _until(first + index / rate)
                number, extension = people[index % len(people)]
                playing.create_task(self._call(template, maker.identities(number, extension, time.time()), rang))
        return rang

    async def _call(self, template: tuple[Burst, ...], identities: dict[bytes, bytes], rang: dict[str, float]) -> None:
        origin = time.monotonic()
        for burst in template:
            await _until(origin + burst.after)
            data = render(burst, identities, time.time())
            if burst.rings:
                rang[identities[b"number"].decode()] = time.monotonic()
            for writer in self.listeners:
                writer.write(data)


async def _until(at: float) -> None:
    if (pause := at - time.monotonic()) > 0:
        await asyncio.sleep(pause)


def _fields(packet: bytes) -> dict[str, str]:
    pairs = (line.partition(":") for line in packet.decode("utf-8", "replace").split("\r\n"))
    return {key.strip().lower(): value.strip() for key, sep, value in pairs if sep}


def _right(action: dict[str, str]) -> bool:
    digest = hashlib.md5((_CHALLENGE + SECRET).encode(), usedforsecurity=False).hexdigest()
    return action.get("username") == USER and (action.get("secret") == SECRET or action.get("key") == digest)


def _send(writer: asyncio.StreamWriter, fields: dict[str, str]) -> None:
    writer.write("".join(f"{key}: {value}\r\n" for key, value in fields.items()).encode() + b"\r\n")


def _say(answer: dict[str, Any]) -> None:
    print(json.dumps(answer), flush=True)


async def main() -> None:
    """Commands: ``wait for a listener``, ``flood``, ``calls``; the end of the input ends the process."""
    pbx = Pbx()
    await pbx.start()
    _say({"port": pbx.port})
    lines = asyncio.StreamReader(limit=1 << 26)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        asked = json.loads(line)
        if asked["do"] == "wait for a listener":
            await pbx.listened.wait()
            _say({"listeners": len(pbx.listeners)})
        elif asked["do"] == "flood":
            _say({"began": await pbx.flood()})
        else:
            rang = await pbx.calls(asked["rate"], asked["seconds"], [tuple(pair) for pair in asked["people"]])
            _say({"rang": rang})


if __name__ == "__main__":
    asyncio.run(main())
