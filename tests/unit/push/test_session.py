"""What a push session keeps for a client that comes back."""

from __future__ import annotations

from callcenter.push.hub import Hub, compose
from callcenter.push.session import PushSession
from tests.unit.push.door import AGENT, OWN


def test_a_session_keeps_no_more_than_its_bytes_and_says_so() -> None:
    session = PushSession(Hub(), AGENT, buffer_bytes=1 << 18, on_slow=lambda: None)
    for _ in range(40):
        session.deliver(compose(OWN, "call.updated", {"note": "x" * 10_000}, 1.0))
    assert session.seq == 40
    assert session.can_resume(40)
    assert session.can_resume(30)
    assert not session.can_resume(0), "too long ago: the client gets a snapshot instead"
