"""A desk phone (or a trunk) under a test's fingers: rings when told, answers when told, transfers when told.

sipp plays fixed scripts (see sipp.py); this phone is for what must happen *between* two checks of a test, and
for transfers that tie two dialogues together (REFER with Replaces).
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable

from tests.e2e.asterisk.call import PhoneCall
from tests.e2e.asterisk.sip import Header, SipMessage, response, token

Behaviour = Callable[[PhoneCall], Awaitable[None]]


class SoftPhone(asyncio.DatagramProtocol):
    """One SIP user agent on one UDP port; any number of calls."""

    def __init__(self, user: str, *, host: str, port: int, pbx_port: int, headers: list[Header] | None = None) -> None:
        self.user = user
        self.host = host
        self.port = port
        self.pbx = (host, pbx_port)
        self.headers = headers or []
        self.rings = True
        self.calls: dict[str, PhoneCall] = {}
        self.waiting: dict[str, asyncio.Queue[SipMessage]] = {}
        self._arrivals: asyncio.Queue[PhoneCall] = asyncio.Queue()
        self._answered: dict[tuple[str, int, str], bytes] = {}
        self._transport: asyncio.DatagramTransport | None = None
        self._gone = asyncio.Event()
        self._behaviour: Behaviour | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        # Each phone has its own tone, so that a recording tells who was heard.
        self.frequency = 400 + (sum(map(ord, user)) % 40) * 20

    async def open(self) -> "SoftPhone":
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=(self.host, self.port), family=socket.AF_INET
        )
        return self

    async def close(self) -> None:
        for call in list(self.calls.values()):
            call.finish("phone closed")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._transport is not None:
            self._transport.close()
            await self._gone.wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set()

    def behave(self, behaviour: Behaviour | None) -> None:
        """What this phone does by itself with each incoming call; None: wait for `next_call`."""
        self._behaviour = behaviour

    def reset(self) -> None:
        """Forget what was left over: calls that nobody waited for, and the habit."""
        self._behaviour = None
        self.rings = True
        while not self._arrivals.empty():
            self._arrivals.get_nowait()

    async def next_call(self, within: float = 10) -> PhoneCall:
        """The next call that rings here."""
        return await asyncio.wait_for(self._arrivals.get(), within)

    async def dial(self, number: str, *, caller: str | None = None, name: str = "", host: str = "") -> PhoneCall:
        """Begin a call; it is not answered yet (see PhoneCall.answered).

        `host` replaces the domain in From, as a hidden caller's `anonymous.invalid` does.
        """
        call = PhoneCall(self, token("call-"), local_tag=token())
        quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '" ' if name else ""
        call.local = f"{quoted}<sip:{caller or self.user}@{host or f'{self.host}:{self.port}'}>"
        call.remote = f"<sip:{number}@{self.pbx[0]}:{self.pbx[1]}>"
        call.target = f"sip:{number}@{self.pbx[0]}:{self.pbx[1]}"
        self.calls[call.id] = call
        await call.invite()
        return call

    # -- wire ---------------------------------------------------------------------------------------------

    def send(self, message: SipMessage) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        data = message.encode()
        if message.is_response and message.method != "ACK":
            self._answered[(message.get("Call-ID"), message.cseq, message.method)] = data
        self._transport.sendto(data, self.pbx)

    def spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) < 12:
            return
        message = SipMessage.parse(data)
        if message.is_response:
            queue = self.waiting.get(f"{message.branch} {message.method}")
            if queue is not None:
                queue.put_nowait(message)
            return
        again = self._answered.get((message.get("Call-ID"), message.cseq, message.method))
        if again is not None and self._transport is not None:
            self._transport.sendto(again, self.pbx)
            return
        call = self.calls.get(message.get("Call-ID"))
        if call is not None:
            call.on_request(message)
        elif message.method == "INVITE":
            self._arrive(message)
        elif message.method != "ACK":
            self.send(response(message, 200 if message.method == "OPTIONS" else 481, token()))

    def _arrive(self, invite: SipMessage) -> None:
        call = PhoneCall.incoming(self, invite)
        self.calls[call.id] = call
        if self.rings:
            self.send(response(invite, 180, call.local_tag, call.contact()))
        else:
            self.send(response(invite, 100, ""))
        self._arrivals.put_nowait(call)
        if self._behaviour is not None:
            self.spawn(self._behaviour(call))


def answer_after(seconds: float) -> Behaviour:
    """Pick up after so many seconds, and stay until the other side hangs up."""

    async def behave(call: PhoneCall) -> None:
        await asyncio.sleep(seconds)
        if not call.ended.is_set():
            await call.answer()

    return behave


def refuse_with(status: int, after: float = 0) -> Behaviour:
    """486: busy; 603: declined; 503: failed."""

    async def behave(call: PhoneCall) -> None:
        await asyncio.sleep(after)
        call.refuse(status)

    return behave


def ring_for_ever() -> Behaviour:
    """Nobody comes to the phone."""

    async def behave(call: PhoneCall) -> None:
        await call.ended.wait()

    return behave
