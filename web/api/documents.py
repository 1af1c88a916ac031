"""The API's description of itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import orjson
from aiohttp import web

from web.api.asked import Asked
from web.openapi import document
from web.registry import Routes

routes = Routes("documents")


@dataclass(slots=True)
class Document:
    """The OpenAPI document of these routes, written at the first request: a start should not wait for it."""

    routes: Routes
    version: str
    _text: bytes = field(default=b"", init=False)

    def text(self) -> bytes:
        if not self._text:
            self._text = orjson.dumps(document(self.routes, self.version))
        return self._text


DOCUMENT: Final = web.AppKey("document", Document)


@routes.route("GET", "/openapi.json", "The OpenAPI 3.1 document", public=True, media_type="application/openapi+json")
async def openapi(asked: Asked) -> web.Response:
    text = asked.request.config_dict[DOCUMENT].text()
    headers = {"Cache-Control": "public, max-age=60"}
    return web.Response(body=text, content_type="application/openapi+json", headers=headers)
