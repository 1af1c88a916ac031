"""For those who run the service: is it alive, is it ready, its figures."""

from __future__ import annotations

from aiohttp import web
from typing_extensions import TypedDict

from crm_core.kernel.errors import Unavailable
from web.api.asked import Asked
from web.registry import Routes

routes = Routes("operations", prefix="")


class Alive(TypedDict):
    status: str


class Ready(TypedDict):
    status: str


@routes.route("GET", "/healthz", "Whether the process lives", public=True)
async def healthz(asked: Asked) -> Alive:
    return {"status": "alive"}


@routes.route("GET", "/readyz", "Whether database and PBXs are there", public=True, errors={503: ["not_ready"]})
async def readyz(asked: Asked) -> Ready:
    """503 with the reasons by part while the database does not answer or a PBX is not connected."""
    state = await asked.context.health.readiness()
    if not state.ready:
        reasons = "; ".join(f"{part}: {reason}" for part, reason in state.reasons.items())
        raise Unavailable("not_ready", reasons, errors=state.reasons)
    return {"status": "ready"}


@routes.route("GET", "/metrics", "Figures in Prometheus text", public=True, media_type="text/plain")
async def metrics(asked: Asked) -> web.Response:
    body = asked.context.health.metrics()
    return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
