"""The register of API routes: one declaration gives validation, dispatch, rights, OpenAPI and the generated tests."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Self, TypeVar, get_type_hints

from pydantic import BaseModel

from crm_core.organization.access import Action

API: Final = "/api/v1"
PARTS: Final = ("path", "query", "headers", "body")
Endpoint = Callable[..., Awaitable[Any]]
E = TypeVar("E", bound=Endpoint)


@dataclass(frozen=True, slots=True)
class Route:
    """One route. ``subject`` names what ``{id}`` in the path is, so that the rights test can make one.

    ``answers`` is the type of the answer's JSON (None: no body, or raw bytes of ``media_type``).
    ``form`` describes a multipart body, which the endpoint reads itself, piece by piece.
    ``also`` are other good answers by status; ``errors`` are the codes of its own refusals by status, beside those
    that follow from the declaration.
    """

    method: str
    path: str
    summary: str
    tag: str
    endpoint: Endpoint
    right: Action | None
    public: bool
    parts: Mapping[str, type[BaseModel]]
    answers: Any
    status: int
    media_type: str
    errors: Mapping[int, Sequence[str]]
    subject: str | None
    also: Mapping[int, str]
    description: str
    form: type[BaseModel] | None = None

    @property
    def operation_id(self) -> str:
        return f"{self.tag.replace(' ', '_')}.{self.endpoint.__name__}"


@dataclass(slots=True)
class Routes:
    """The routes of one noun; ``prefix`` is empty for what lives outside the API's version."""

    tag: str = ""
    prefix: str = API
    declared: list[Route] = field(default_factory=list)

    @classmethod
    def joined(cls, *groups: Routes) -> Self:
        """All routes of several nouns. Raises ValueError when two claim the same method and path."""
        everything = cls()
        seen: set[tuple[str, str]] = set()
        for route in (route for group in groups for route in group):
            if (route.method, route.path) in seen:
                raise ValueError(f"{route.method} {route.path} is declared twice")
            seen.add((route.method, route.path))
            everything.declared.append(route)
        return everything

    def __iter__(self) -> Iterator[Route]:
        return iter(self.declared)

    def route(
        self,
        method: str,
        path: str,
        summary: str,
        *,
        right: Action | None = None,
        public: bool = False,
        status: int = 200,
        media_type: str = "application/json",
        errors: Mapping[int, Sequence[str]] | None = None,
        subject: str | None = None,
        also: Mapping[int, str] | None = None,
        form: type[BaseModel] | None = None,
    ) -> Callable[[E], E]:
        """Declares the decorated coroutine: parameters ``path``, ``query``, ``headers``, ``body`` name their models."""

        def declare(endpoint: E) -> E:
            hints = get_type_hints(endpoint, include_extras=True)
            raw = media_type != "application/json" or hints["return"] is type(None)
            self.declared.append(
                Route(
                    method=method,
                    path=self.prefix + path,
                    summary=summary,
                    tag=self.tag,
                    endpoint=endpoint,
                    right=right,
                    public=public,
                    parts={name: hints[name] for name in PARTS if name in hints},
                    answers=None if raw else hints["return"],
                    status=status,
                    media_type=media_type,
                    errors=errors or {},
                    subject=subject,
                    also=also or {},
                    description=inspect.getdoc(endpoint) or "",
                    form=form,
                )
            )
            return endpoint

        return declare
