"""A plain AMI session for tests: logs in, acts, remembers every byte it was sent.

It shares nothing with the product's own AMI code, which is what it helps to test.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Self

Packet = dict[str, str]


class AmiSession:
    """One log-in; `raw` is the stream from the banner on."""

    def __init__(self, port: int, username: str, secret: str, host: str = "127.0.0.1") -> None:
        self._address = (host, port)
        self._login = (username, secret)
        self._reader_task: asyncio.Task[None] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._answers: dict[str, asyncio.Future[Packet]] = {}
        self._changed = asyncio.Condition()
        self._count = 0
        self.raw = bytearray()
        self.events: list[Packet] = []

    async def open(self) -> Self:
        reader, self._writer = await asyncio.open_connection(*self._address)
        self._reader_task = asyncio.create_task(self._read(reader))
        username, secret = self._login
        answer = await self.action("Login", Username=username, Secret=secret)
        if answer.get("Response") != "Success":
            raise PermissionError(answer.get("Message", "log-in refused"))
        return self

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
        if self._reader_task is not None:
            self._reader_task.cancel()
            await asyncio.gather(self._reader_task, return_exceptions=True)

    async def action(self, name: str, **fields: str | list[str]) -> Packet:
        """Send one action and wait for its response."""
        if self._writer is None:
            raise ConnectionError("not connected")
        self._count += 1
        action_id = f"lab-{self._count}"
        lines = [f"Action: {name}", f"ActionID: {action_id}"]
        for key, value in fields.items():
            values = value if isinstance(value, list) else [value]
            lines += [f"{key}: {each}" for each in values]
        future: asyncio.Future[Packet] = asyncio.get_running_loop().create_future()
        self._answers[action_id] = future
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        return await asyncio.wait_for(future, 10)

    async def command(self, line: str) -> str:
        """The output of a CLI command."""
        return (await self.action("Command", Command=line)).get("Output", "")

    async def event(self, name: str, within: float = 10, since: int = 0, **fields: str) -> Packet:
        """The first event of this name with these fields, among those from number `since` on."""

        def wanted(packet: Packet) -> bool:
            return packet.get("Event") == name and all(packet.get(key) == value for key, value in fields.items())

        return await self._first(wanted, within, since)

    async def quiet(self, within: float = 30) -> None:
        """Wait until no channel is left."""
        async with asyncio.timeout(within):
            # There is no event for "the last channel is gone": it is asked for.
            while "0 active channels" not in await self.command("core show channels count"):  # noqa: ASYNC110
                await asyncio.sleep(0.2)

    async def _first(self, wanted: Callable[[Packet], bool], within: float, since: int) -> Packet:
        async with asyncio.timeout(within), self._changed:
            while True:
                for packet in self.events[since:]:
                    if wanted(packet):
                        return packet
                await self._changed.wait()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        rest = b""
        while data := await reader.read(65536):
            self.raw += data
            *blocks, rest = (rest + data).split(b"\r\n\r\n")
            for block in blocks:
                await self._packet(block)
        for future in self._answers.values():
            if not future.done():
                future.set_exception(ConnectionError("AMI closed"))

    async def _packet(self, block: bytes) -> None:
        packet: Packet = {}
        for line in block.decode("utf-8", "replace").split("\r\n"):
            key, separator, value = line.partition(": ")
            if not separator:
                key, separator, value = line.partition(":")
            if separator:
                packet[key] = f"{packet[key]}\n{value}" if key == "Output" and key in packet else value
        future = self._answers.get(packet.get("ActionID", ""))
        if "Response" in packet and future is not None and not future.done():
            future.set_result(packet)
        elif "Event" in packet:
            async with self._changed:
                self.events.append(packet)
                self._changed.notify_all()


class Capture:
    """Everything a listener is sent between start and stop, log-in included: the content of a `.ami` file."""

    def __init__(self, session: AmiSession) -> None:
        self._session = session

    async def start(self) -> Self:
        await self._session.open()
        return self

    async def stop(self) -> bytes:
        await self._session.close()
        # A half packet at the end is the closing of the link, not the PBX.
        end = self._session.raw.rfind(b"\r\n\r\n") + 4
        return bytes(self._session.raw[:end])
