"""The running application of the API tests, asked as a browser asks: with a session, forms and its token."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest

from crm_core.organization import signing_in
from tests.integration.api.conftest import Answer, Client, House, boss, house, one_hash, quick_passwords, settings

__all__ = ["boss", "house", "one_hash", "quick_passwords", "settings"]


@dataclass
class Browser:
    """Pages as one signed-in user sees them; follows no redirect by itself."""

    house: House
    cookies: dict[str, str] = field(default_factory=dict)
    csrf: str = ""

    async def _ask(self, method: str, path: str, body: str | None, **headers: str) -> Answer:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {"Accept": "text/html", "Cookie": cookie, **headers}
        if body is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        return await Client(self.house.session, self.house.base, sent)(method, path, data=body)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self._ask("GET", path, None, **headers)

    async def page(self, path: str) -> str:
        """The text of a page that must be there."""
        answer = await self.get(path)
        assert answer.status == 200, (path, answer.status, answer.headers.get("Location"), answer.body[-600:])
        return answer.body.decode()

    async def post(self, path: str, fields: dict[str, Any] | None = None, **headers: str) -> Answer:
        form = {"csrf_token": self.csrf, **(fields or {})}
        return await self._ask("POST", path, urlencode(form), **headers)


Visit = Callable[[str], Any]


@pytest.fixture
def visit(house: House) -> Visit:
    """``await visit("agent")``: a browser signed in as that user."""

    async def opened(name: str) -> Browser:
        async with house.db.read() as session:
            user = await signing_in.queries.user_by_name(session, name)
        assert user is not None
        signed = await signing_in._open_session(house.db, user.id, None, None, None)
        return Browser(house, {"callcenter_session": signed.token}, signed.csrf_token)

    return opened


def texts(page: str) -> str:
    """What a reader sees: no tags, no scripts."""
    bare = re.sub(r"<(script|style|template)\b.*?</\1>", " ", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", bare))
