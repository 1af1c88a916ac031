"""What a web application is made of: the data, the clock, its settings and the ports to the telephony side."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Final
from zoneinfo import ZoneInfo

from aiohttp import web

from crm_core.customers.protection.reads import CardReads
from crm_core.db.database import Database
from crm_core.kernel.clock import Clock
from web.ports import Files, Health, PushGateway, Recordings, Telephony


@dataclass(frozen=True, slots=True)
class RateLimits:
    """Token buckets: requests a second and burst, for a signed-in user or token, and for an unknown address."""

    user_rate: float = 50.0
    user_burst: int = 500
    address_rate: float = 20.0
    address_burst: int = 200
    log_in_rate: float = 0.5
    log_in_burst: int = 20
    keys: int = 10_000


@dataclass(frozen=True, slots=True)
class WebSettings:
    """``public_url`` is what users type (``https://crm.example.com``); None: whatever host the browser asked for."""

    timezone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
    public_url: str | None = None
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    max_body_bytes: int = 1 << 20
    max_upload_bytes: int = 100 << 20  # of a list to be imported
    limits: RateLimits = RateLimits()
    default_language: str = "zh"
    area_code: str = ""  # completes local landline numbers ("021")
    version: str = ""


@dataclass(frozen=True, slots=True)
class WebContext:
    """Handed to ``create_app`` by the composition root; tests hand in fakes of the ports."""

    db: Database
    clock: Clock
    settings: WebSettings
    telephony: Telephony
    push: PushGateway
    recordings: Recordings
    health: Health
    files: Files
    reads: CardReads = field(default_factory=CardReads)


CONTEXT: Final = web.AppKey("context", WebContext)


def context_of(request: web.Request) -> WebContext:
    return request.config_dict[CONTEXT]
