"""Where a request comes from and how we were addressed, through trusted proxies only."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web

from web.context import context_of

_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")


def _through_proxy(request: web.Request) -> bool:
    return _trusted(request, request.remote or "")


def _trusted(request: web.Request, address: str) -> bool:
    proxies = context_of(request).settings.trusted_proxies
    try:
        peer = ip_address(address)
    except ValueError:
        return False
    return any(peer in network for network in proxies if network.version == peer.version)


def client_address(request: web.Request) -> str:
    """The asker's address: the last one named in X-Forwarded-For that is no trusted proxy, else the peer's own."""
    if not _through_proxy(request):
        return request.remote or ""
    chain = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",")]
    for address in reversed(chain):
        if address and not _trusted(request, address):
            return address[:64]
    return request.remote or ""


def is_secure(request: web.Request) -> bool:
    """Whether the browser used https, as far as we or a trusted proxy can tell."""
    return request.secure or (_through_proxy(request) and request.headers.get("X-Forwarded-Proto") == "https")


def own_hosts(request: web.Request) -> frozenset[str]:
    """The host:port under which pages of ours may live."""
    public = context_of(request).settings.public_url
    if public is not None:
        return frozenset({urlsplit(public).netloc.lower()})
    hosts = {request.host.lower()}
    if _through_proxy(request) and "X-Forwarded-Host" in request.headers:
        hosts.add(request.headers["X-Forwarded-Host"].lower())
    return frozenset(hosts)


def host_name(request: web.Request) -> str:
    """The host without port under which the browser reached us; odd text becomes ``localhost``."""
    public = context_of(request).settings.public_url
    netloc = urlsplit(public).netloc if public is not None else request.host
    found = re.match(r"(\[[^\]]*\]|[^:]*)", netloc)
    name = found.group(1) if found else ""
    return name if _HOST.fullmatch(name) else "localhost"
