"""The API's description of itself."""

from __future__ import annotations

import functools

import orjson
from aiohttp import web

from web.api.asked import Asked
from web.api.registry import Routes
from web.openapi import document

routes = Routes("documents")


@routes.route("GET", "/openapi.json", "The OpenAPI 3.1 document", public=True, media_type="application/openapi+json")
async def openapi(asked: Asked) -> web.Response:
    body = _document(asked.context.settings.version)
    headers = {"Cache-Control": "public, max-age=60"}
    return web.Response(body=body, content_type="application/openapi+json", headers=headers)


@functools.cache
def _document(version: str) -> bytes:
    from web.api import ROUTES  # at the first request: this module is itself one of the routes'

    return orjson.dumps(document(ROUTES, version))
