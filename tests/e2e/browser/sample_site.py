"""The pages with sample data behind a real web server and a scripted push gateway: what the look is tested on."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from aiohttp import web
from websockets.asyncio.server import ServerConnection, serve

from tests.e2e.browser import samples
from web import i18n
from web.pages import render
from web.pages.frame import menu
from web.pages.navigation import NAVIGATION

ZONE = ZoneInfo("Asia/Shanghai")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-sample'; style-src-attr 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self'; connect-src 'self' ws://127.0.0.1:*; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


class Gateway:
    """Speaks the push protocol: gives the snapshot, then whatever the test pushes; keeps what the client sent."""

    def __init__(self) -> None:
        self.snapshot: dict[str, Any] = {"calls": [], "pops": [], "agents": [], "queues": []}
        self.heard: list[dict[str, Any]] = []
        self.sockets: set[ServerConnection] = set()
        self.seq = 0
        self.port = 0

    async def serve_one(self, socket: ServerConnection) -> None:
        hello = json.loads(await socket.recv())
        self.heard.append(hello)
        resumed = "resume" in hello
        ready = {"type": "ready", "session": "s1", "user": "wangwei", "topics": ["agent:1001"], "resumed": resumed}
        await socket.send(json.dumps(ready))
        if not resumed:
            at = datetime.now(UTC).isoformat()
            await socket.send(json.dumps({"type": "snapshot", "seq": self.seq, "at": at, "data": self.snapshot}))
        self.sockets.add(socket)
        try:
            async for text in socket:
                message = json.loads(text)
                self.heard.append(message)
                if "id" in message:
                    await socket.send(json.dumps({"re": message["id"], "ok": True, "data": {}}))
        finally:
            self.sockets.discard(socket)

    async def push(self, kind: str, data: dict[str, Any], topic: str = "agent:1001") -> None:
        self.seq += 1
        at = datetime.now(UTC).isoformat()
        message = {"v": 1, "seq": self.seq, "type": kind, "topic": topic, "at": at, "data": data}
        for socket in list(self.sockets):
            await socket.send(json.dumps(message))


class SampleSite:
    """``size`` decides how much data the pages show."""

    def __init__(self) -> None:
        self.size = "some"
        self.gateway = Gateway()
        self.posted: list[tuple[str, dict[str, str]]] = []
        self.environment = render.environment(ZONE)
        self.port = 0

    def html(self, path: str, template: str, context: dict[str, Any], language: str, theme: str) -> str:
        i18n.use(language)
        frame = samples.shared(self.size) | {"navigation": menu(NAVIGATION, path), "language": language, "theme": theme}
        page = frame | {"here": path, "nonce": "sample"} | context
        if template == "board.html":
            page["theme"] = "dark"
        return self.environment.get_template(template).render(page)

    async def get(self, request: web.Request) -> web.StreamResponse:
        language, theme = request.cookies.get("language", "zh"), request.cookies.get("theme", "light")
        self.size = request.cookies.get("size", self.size)
        found: Callable[[], tuple[str, dict[str, Any]] | None] = lambda: samples.pages(self.size).get(request.path)  # noqa: E731
        shown = found()
        if shown is None:
            fragments = samples.fragments(self.size).items()
            shown = next((value for prefix, value in fragments if request.path.startswith(prefix)), None)
        if shown is None:
            raise web.HTTPNotFound
        text = self.html(request.path, *shown, language, theme)
        return web.Response(text=text, content_type="text/html", headers={"Content-Security-Policy": POLICY})

    async def post(self, request: web.Request) -> web.StreamResponse:
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.posted.append((request.path, form))
        if request.path == "/api/v1/push-ticket":
            return web.json_response({"ticket": "t", "url": f"ws://127.0.0.1:{self.gateway.port}/"})
        if request.path == "/dial":
            return web.json_response({"call_id": "dialled000001", "number": form.get("number", "13800138000")})
        return web.json_response({"id": "cust000000009", "name": form.get("name", "")})

    async def peaks(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"peaks": [abs(math.sin(n / 9)) * (n % 40 > 8) for n in range(1000)], "seconds": 41.0})

    async def places(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"items": ["上海市"]})


@asynccontextmanager
async def sample_site() -> AsyncIterator[SampleSite]:
    """Serves on free local ports until the end of the block."""
    site = SampleSite()
    app = web.Application()
    app.router.add_static("/static/", render.STATIC)
    app.router.add_get("/api/v1/recordings/{id}/peaks", site.peaks)
    app.router.add_get("/api/v1/places", site.places)
    app.router.add_get("/{rest:.*}", site.get)
    app.router.add_post("/{rest:.*}", site.post)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    http = web.TCPSite(runner, "127.0.0.1", 0)
    await http.start()
    site.port = runner.addresses[0][1]
    async with serve(site.gateway.serve_one, "127.0.0.1", 0) as push:
        site.gateway.port = next(iter(push.sockets)).getsockname()[1]
        yield site
    await runner.cleanup()
