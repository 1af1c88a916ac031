"""SIP messages as text: just enough of RFC 3261 for a phone that a test holds in its hand."""

import secrets
from dataclasses import dataclass, field
from typing import Self

Header = tuple[str, str]

REASONS = {
    100: "Trying",
    180: "Ringing",
    183: "Session Progress",
    200: "OK",
    202: "Accepted",
    404: "Not Found",
    480: "Temporarily Unavailable",
    481: "Call/Transaction Does Not Exist",
    486: "Busy Here",
    487: "Request Terminated",
    503: "Service Unavailable",
    603: "Decline",
}


def token(prefix: str = "") -> str:
    """A new tag, branch or Call-ID part."""
    return prefix + secrets.token_hex(8)


@dataclass(slots=True)
class SipMessage:
    """One request or response; `start` is its first line."""

    start: str
    headers: list[Header] = field(default_factory=list)
    body: str = ""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        head, _, body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        lines = head.split("\r\n")
        headers: list[Header] = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers.append((name.strip(), value.strip()))
        return cls(lines[0], headers, body)

    def encode(self) -> bytes:
        length = len(self.body.encode())
        lines = [self.start, *(f"{name}: {value}" for name, value in self.headers), f"Content-Length: {length}"]
        return ("\r\n".join(lines) + "\r\n\r\n" + self.body).encode()

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def get(self, name: str) -> str:
        found = self.all(name)
        return found[0] if found else ""

    @property
    def is_response(self) -> bool:
        return self.start.startswith("SIP/2.0 ")

    @property
    def status(self) -> int:
        return int(self.start.split(" ", 2)[1])

    @property
    def method(self) -> str:
        """The request's method; of a response, the method that it answers."""
        return self.get("CSeq").split(" ")[-1] if self.is_response else self.start.split(" ", 1)[0]

    @property
    def cseq(self) -> int:
        return int(self.get("CSeq").split(" ")[0])

    @property
    def branch(self) -> str:
        return parameter(self.get("Via"), "branch")


def parameter(value: str, name: str) -> str:
    """`tag` of `<sip:…>;tag=x`: looked for behind the address, empty when absent."""
    for part in value.rpartition(">")[2].split(";"):
        key, _, found = part.strip().partition("=")
        if key == name:
            return found
    return ""


def address_of(value: str) -> str:
    """The URI of a From, To or Contact header."""
    if "<" in value:
        return value.rpartition("<")[2].partition(">")[0]
    return value.partition(";")[0].strip()


def response(request: SipMessage, status: int, to_tag: str, extra: list[Header] | None = None) -> SipMessage:
    """The answer to a request, with our tag on To."""
    to = request.get("To")
    if to_tag and "tag=" not in to.rpartition(">")[2]:
        to = f"{to};tag={to_tag}"
    headers = [("Via", via) for via in request.all("Via")]
    headers += [("From", request.get("From")), ("To", to), ("Call-ID", request.get("Call-ID"))]
    headers += [("CSeq", request.get("CSeq")), *(extra or [])]
    return SipMessage(f"SIP/2.0 {status} {REASONS.get(status, 'Status')}", headers)


def audio_offer(host: str, port: int, direction: str) -> str:
    """SDP for A-law and DTMF events; `direction` is sendrecv, sendonly, recvonly or inactive."""
    return "\r\n".join(
        [
            "v=0",
            f"o=phone 1 {port} IN IP4 {host}",
            "s=-",
            f"c=IN IP4 {host}",
            "t=0 0",
            f"m=audio {port} RTP/AVP 8 101",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=fmtp:101 0-15",
            f"a={direction}",
            "",
        ]
    )


def audio_target(sdp: str) -> tuple[str, int] | None:
    """Where the other side wants its sound."""
    host, port = "", 0
    for line in sdp.splitlines():
        if line.startswith("c=IN IP4 "):
            host = line[9:].strip()
        elif line.startswith("m=audio "):
            port = int(line.split(" ")[1])
    return (host, port) if host and port else None
