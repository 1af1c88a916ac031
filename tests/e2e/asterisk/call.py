"""One dialogue of a SoftPhone."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

from tests.e2e.asterisk.rtp import RtpStream
from tests.e2e.asterisk.sip import (
    Header,
    SipMessage,
    address_of,
    audio_offer,
    audio_target,
    parameter,
    response,
    token,
)

if TYPE_CHECKING:
    from tests.e2e.asterisk.phone import SoftPhone

FINAL = 200
RESEND_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0)


class CallRefused(Exception):
    """The other side answered with a failure, or hung up first."""


class PhoneCall:
    """State of one call as its phone sees it."""

    def __init__(self, phone: "SoftPhone", call_id: str, local_tag: str) -> None:
        self.phone = phone
        self.id = call_id
        self.local_tag = local_tag
        self.remote_tag = ""
        self.local = ""
        self.remote = ""
        self.target = ""
        self.invitation: SipMessage | None = None
        self.ringing = asyncio.Event()
        self.up = asyncio.Event()
        self.ended = asyncio.Event()
        self.status = 0
        self.reason = ""
        self.refer_result: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.rtp: RtpStream | None = None
        self._cseq = 0
        self._invite_branch = ""
        self._direction = "sendrecv"

    @classmethod
    def incoming(cls, phone: "SoftPhone", invite: SipMessage) -> "PhoneCall":
        call = cls(phone, invite.get("Call-ID"), token())
        call.invitation = invite
        call.remote_tag = parameter(invite.get("From"), "tag")
        call.local, call.remote = invite.get("To"), invite.get("From").rpartition(";tag=")[0]
        call.target = address_of(invite.get("Contact"))
        call.ringing.set()
        return call

    @property
    def caller(self) -> str:
        """The number that this phone displays for an incoming call."""
        return address_of(self.remote).partition("@")[0].removeprefix("sip:")

    def contact(self) -> list[Header]:
        return [("Contact", f"<sip:{self.phone.user}@{self.phone.host}:{self.phone.port}>")]

    # -- what a person does --------------------------------------------------------------------------------

    async def answer(self) -> None:
        """Pick up."""
        if self.invitation is None or self.ended.is_set():
            raise CallRefused(self.reason or "nothing to answer")
        self.rtp = await RtpStream.open(self.phone.host, self.phone.frequency)
        self._accept(self.invitation)
        self.rtp.start(audio_target(self.invitation.body))
        self.up.set()

    def refuse(self, status: int) -> None:
        if self.invitation is not None and not self.ended.is_set() and not self.up.is_set():
            self.phone.send(response(self.invitation, status, self.local_tag))
            self.finish(f"refused {status}")

    async def hang_up(self) -> None:
        """End it, in whatever state it is."""
        if self.ended.is_set():
            return
        if self.up.is_set():
            self.finish("hung up here")
            await self._request("BYE")
        elif self.invitation is not None:
            self.refuse(603)
        else:
            await self.cancel()

    async def cancel(self) -> None:
        """Give up a call that was dialled and is not answered."""
        request = self._build("CANCEL", cseq=1, branch=self._invite_branch)
        await self._exchange(request)
        await asyncio.wait_for(self.ended.wait(), 10)

    async def answered(self, within: float = 15) -> None:
        """Wait until the other side is there; CallRefused if it never will be."""
        waits = [asyncio.ensure_future(self.up.wait()), asyncio.ensure_future(self.ended.wait())]
        done, pending = await asyncio.wait(waits, timeout=within, return_when=asyncio.FIRST_COMPLETED)
        for wait in pending:
            wait.cancel()
        if not done or not self.up.is_set():
            raise CallRefused(self.reason or f"no answer within {within} s")

    async def over(self, within: float = 30) -> None:
        """Wait until the call is gone."""
        await asyncio.wait_for(self.ended.wait(), within)

    async def hold(self) -> None:
        await self._renegotiate("sendonly")

    async def resume(self) -> None:
        await self._renegotiate("sendrecv")

    async def dtmf(self, digits: str) -> None:
        if self.rtp is None:
            raise CallRefused("no sound yet")
        await self.rtp.dtmf(digits)

    async def refer(self, number: str, *, within: float = 15) -> int:
        """Blind transfer; the status that the PBX reports for it."""
        return await self._refer(f"<sip:{number}@{self.phone.pbx[0]}:{self.phone.pbx[1]}>", within)

    async def refer_to_call(self, other: "PhoneCall", *, within: float = 15) -> int:
        """Attended transfer: the PBX joins this call's far side with `other`'s."""
        replaces = quote(f"{other.id};to-tag={other.remote_tag};from-tag={other.local_tag}", safe="")
        return await self._refer(f"<{other.target}?Replaces={replaces}>", within)

    # -- dialogue ------------------------------------------------------------------------------------------

    async def invite(self) -> None:
        self.rtp = await RtpStream.open(self.phone.host, self.phone.frequency)
        request = self._build("INVITE", body=self._offer(), extra=[*self.contact(), *self.phone.headers])
        self._invite_branch = request.branch
        self.phone.spawn(self._follow(request))

    def on_request(self, request: SipMessage) -> None:
        method = request.method
        if method == "ACK":
            return
        if method == "INVITE" or (method == "UPDATE" and request.body):
            self._accept(request)
            if self.rtp is not None:
                self.rtp.start(audio_target(request.body))
            return
        self.phone.send(response(request, 200, self.local_tag, self.contact()))
        if method == "BYE":
            self.finish("hung up there")
        elif method == "CANCEL" and self.invitation is not None and not self.up.is_set():
            self.phone.send(response(self.invitation, 487, self.local_tag))
            self.finish(f"cancelled {request.get('Reason')}".strip())
        elif method == "NOTIFY" and request.body.startswith("SIP/2.0 "):
            status = int(request.body.split(" ")[1])
            if status >= FINAL and not self.refer_result.done():
                self.refer_result.set_result(status)
                # A transfer that went through is the end of this call, and it is the phone that says so:
                # Asterisk waits half a minute for this BYE.
                if status < 300:
                    self.phone.spawn(self.hang_up())

    def finish(self, reason: str) -> None:
        if not self.ended.is_set():
            self.reason = reason
            self.ended.set()
        if self.rtp is not None:
            self.rtp.close()
        if not self.refer_result.done():
            self.refer_result.cancel()

    async def _follow(self, invite: SipMessage) -> None:
        """An INVITE of ours to its final answer."""
        with self._queue(invite) as answers:
            self.phone.send(invite)
            while True:
                answer = await answers.get()
                self.status = answer.status
                self.remote_tag = parameter(answer.get("To"), "tag") or self.remote_tag
                if answer.status in (180, 183):
                    self.ringing.set()
                if answer.status >= FINAL:
                    break
        self._acknowledge(invite, answer)
        if answer.status >= 300:
            self.finish(f"refused {answer.status}")
            return
        self.target = address_of(answer.get("Contact")) or self.target
        if self.rtp is not None:
            self.rtp.start(audio_target(answer.body))
        self.up.set()

    def _acknowledge(self, invite: SipMessage, answer: SipMessage) -> None:
        # RFC 3261 17.1.1.3: a refusal is acknowledged inside the transaction, a success by a new one.
        refused = answer.status >= 300
        if not refused:
            self.target = address_of(answer.get("Contact")) or self.target
        ack = self._build("ACK", cseq=invite.cseq, branch=invite.branch if refused else token("z9hG4bK"))
        if refused:
            ack.start = invite.start.replace("INVITE", "ACK", 1)
        self.phone.send(ack)

    async def _renegotiate(self, direction: str) -> None:
        self._direction = direction
        request = self._build("INVITE", body=self._offer(), extra=self.contact())
        answer = await self._exchange(request)
        self._acknowledge(request, answer)

    async def _refer(self, refer_to: str, within: float) -> int:
        extra = [*self.contact(), ("Refer-To", refer_to), ("Referred-By", f"<{address_of(self.local)}>")]
        answer = await self._exchange(self._build("REFER", extra=extra))
        if answer.status >= 300:
            return answer.status
        with contextlib.suppress(TimeoutError, asyncio.CancelledError):
            return await asyncio.wait_for(asyncio.shield(self.refer_result), within)
        return answer.status

    async def _request(self, method: str) -> SipMessage:
        return await self._exchange(self._build(method))

    async def _exchange(self, request: SipMessage) -> SipMessage:
        with self._queue(request) as answers:
            for seconds in RESEND_SECONDS:
                self.phone.send(request)
                try:
                    while True:
                        answer = await asyncio.wait_for(answers.get(), seconds)
                        if answer.status >= FINAL:
                            return answer
                except TimeoutError:
                    continue
        raise CallRefused(f"no answer to {request.method}")

    @contextlib.contextmanager
    def _queue(self, request: SipMessage) -> Iterator[asyncio.Queue[SipMessage]]:
        key = f"{request.branch} {request.method}"
        queue: asyncio.Queue[SipMessage] = asyncio.Queue()
        self.phone.waiting[key] = queue
        try:
            yield queue
        finally:
            del self.phone.waiting[key]

    def _build(
        self,
        method: str,
        *,
        cseq: int | None = None,
        branch: str = "",
        body: str = "",
        extra: list[Header] | None = None,
    ) -> SipMessage:
        if cseq is None:
            self._cseq += 1
            cseq = self._cseq
        remote = f"{self.remote};tag={self.remote_tag}" if self.remote_tag else self.remote
        if method == "CANCEL":
            remote = self.remote
        via = f"SIP/2.0/UDP {self.phone.host}:{self.phone.port};rport;branch={branch or token('z9hG4bK')}"
        headers = [("Via", via), ("Max-Forwards", "70"), ("From", f"{self.local};tag={self.local_tag}")]
        headers += [("To", remote), ("Call-ID", self.id), ("CSeq", f"{cseq} {method}"), *(extra or [])]
        if body:
            headers.append(("Content-Type", "application/sdp"))
        return SipMessage(f"{method} {self.target} SIP/2.0", headers, body)

    def _offer(self) -> str:
        port = self.rtp.port if self.rtp is not None else 9
        return audio_offer(self.phone.host, port, self._direction)

    def _accept(self, request: SipMessage) -> None:
        answer = response(request, 200, self.local_tag, [*self.contact(), ("Content-Type", "application/sdp")])
        answer.body = self._offer()
        self.phone.send(answer)
