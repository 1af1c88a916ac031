"""One API request as an endpoint sees it."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.db.uow import UnitOfWork
from crm_core.organization.access import Actor
from web.auth import Identity, identity_of
from web.context import WebContext


@dataclass(slots=True)
class Asked:
    """The request, who asks, and the context; ``headers`` are added to the answer."""

    request: web.Request
    context: WebContext
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> Identity:
        return identity_of(self.request)

    @property
    def actor(self) -> Actor:
        """Raises Unauthenticated on public routes when nobody is signed in."""
        return self.identity.actor

    def read(self) -> AbstractAsyncContextManager[AsyncSession]:
        return self.context.db.read()

    def uow(self) -> AbstractAsyncContextManager[UnitOfWork]:
        return self.context.db.uow()
