"""The product as a newcomer starts it: its own process, its command line, its API; nothing of it is imported here."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import aiohttp

from tests.postgres import free_port

T = TypeVar("T")
PASSWORD = "Correct-horse-7battery"
AGENTS = ("1001", "1002", "1003", "1004")


class ProductFailed(AssertionError):
    """The product said no where it must not; the message holds its last words."""


class Product:
    """One installation: a data folder, ports, users and, between ``start`` and ``stop``, a running service."""

    def __init__(self, folder: Path, pbxes: list[dict[str, Any]], **more: str) -> None:
        self.folder = folder
        self.http_port, self.push_port = free_port(), free_port()
        self.tokens: dict[str, str] = {}
        self.process: asyncio.subprocess.Process | None = None
        kept = {key: value for key, value in os.environ.items() if not key.startswith("CALLCENTER_")}
        self.environment = kept | {
            "CALLCENTER_DATA_DIR": str(folder / "var"),
            "CALLCENTER_HTTP_PORT": str(self.http_port),
            "CALLCENTER_PUSH_PORT": str(self.push_port),
            "CALLCENTER_PBXES": json.dumps(pbxes),
            **more,
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http_port}"

    async def cli(self, *arguments: str, stdin: str = "") -> str:
        """What the command line prints. Raises ProductFailed when it ends with another code than 0."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "callcenter", *arguments, cwd=self.folder, env=self.environment,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, problems = await process.communicate(stdin.encode())
        if process.returncode:
            raise ProductFailed(f"callcenter {' '.join(arguments)}: {process.returncode}\n{problems.decode()[-2000:]}")
        return out.decode()

    async def people(self) -> None:
        """Two who may everything and four agents, each with a token."""
        await self.cli("db", "upgrade")
        await self.add_user("boss", "admin")
        await self.add_user("second", "admin")
        for extension in AGENTS:
            await self.add_user(f"agent{extension}", "agent", "--extension", extension)

    async def add_user(self, name: str, role: str, *more: str) -> None:
        await self.cli("user", "add", name, "--role", role, *more, "--password-stdin", stdin=f"{PASSWORD}\n")
        self.tokens[name] = (await self.cli("token", "add", name)).strip()

    async def start(self) -> None:
        """Until the service is ready and its PBXs are connected."""
        log = (self.folder / "serve.log").open("ab")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "callcenter", "serve", cwd=self.folder, env=self.environment,
            stdout=asyncio.subprocess.PIPE, stderr=log,
        )  # fmt: skip
        log.close()
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), 30)
        if not line.startswith(b"ready "):
            raise ProductFailed(f"serve is not ready: {line!r}\n{self.last_words()}")
        await eventually(self._connected)

    async def _connected(self) -> bool:
        status, _ = await self.api("GET", "/readyz")
        return status == 200

    def last_words(self) -> str:
        return (self.folder / "serve.log").read_text("utf-8", "replace")[-3000:]

    async def stop(self) -> None:
        """A clean end, as the system's service manager asks for it."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
            code = await asyncio.wait_for(self.process.wait(), 15)
            if code:
                raise ProductFailed(f"serve ended with {code}\n{self.last_words()}")

    async def kill(self) -> None:
        """As a crash would end it."""
        assert self.process is not None
        self.process.kill()
        await self.process.wait()

    async def api(self, method: str, path: str, who: str = "boss", body: Any = None) -> tuple[int, Any]:
        """Status and JSON (or bytes) of one request with that user's token."""
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        async with (
            aiohttp.ClientSession() as client,
            client.request(method, self.url + path, headers=headers, json=body) as answer,
        ):
            raw = await answer.read()
            is_json = "json" in answer.headers.get("Content-Type", "")
            return answer.status, json.loads(raw) if is_json else raw

    async def ok(self, method: str, path: str, who: str = "boss", body: Any = None) -> Any:
        status, answer = await self.api(method, path, who, body)
        if status >= 300:
            raise ProductFailed(f"{method} {path}: {status} {answer}")
        return answer

    async def customer(self, name: str, number: str, **more: Any) -> str:
        """A customer with this phone number; answers the id."""
        phones = [{"number": number, "kind": "mobile", "primary": True}]
        made = await self.ok("POST", "/api/v1/customers", body={"name": name, "phones": phones, **more})
        identifier: str = made["id"]
        return identifier

    async def calls(self) -> list[dict[str, Any]]:
        """The call log, newest first, each call whole."""
        items = (await self.ok("GET", "/api/v1/calls?limit=100"))["items"]
        return [await self.ok("GET", f"/api/v1/calls/{item['id']}") for item in items]

    async def ended_call(self, caller: str, within: float = 15) -> dict[str, Any]:
        """The one call of this caller, once it is over."""

        async def find() -> dict[str, Any] | None:
            mine = [call for call in await self.calls() if call["caller_number"] == caller]
            assert len(mine) <= 1, f"{len(mine)} calls for one contact"
            return mine[0] if mine and mine[0]["state"] == "ended" else None

        return await eventually(find, within)


async def eventually(question: Callable[[], Awaitable[T | None]], within: float = 10) -> T:
    """The first true answer. Raises ProductFailed when there is none in time."""
    async with asyncio.timeout(within + 5):
        end = asyncio.get_running_loop().time() + within
        while asyncio.get_running_loop().time() < end:
            answer = await question()
            if answer:
                return answer
            await asyncio.sleep(0.1)
    raise ProductFailed(f"not within {within} s: {getattr(question, '__name__', question)}")


@asynccontextmanager
async def running(template: Product, folder: Path, pbxes: list[dict[str, Any]], **more: str) -> AsyncIterator[Product]:
    """A started product, a copy of the template's data; stopped cleanly at the end."""
    shutil.copytree(template.folder, folder)
    product = Product(folder, pbxes, **more)
    product.tokens = dict(template.tokens)
    await product.start()
    try:
        yield product
    finally:
        await product.stop()
