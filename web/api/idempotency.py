"""Repeating a request without repeating its effect: Idempotency-Key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, TypeVar, cast

from pydantic import BaseModel, Field

from crm_core.kernel.errors import Conflict, CrmError
from crm_core.organization import signing_in
from web.api.asked import Asked
from web.api.values import Line

T = TypeVar("T", bound=Mapping[str, Any])


class IdempotencyHeader(BaseModel):
    key: Annotated[
        Line | None,
        Field(
            alias="Idempotency-Key",
            min_length=1,
            max_length=120,
            description="the same key within 24 hours: the same answer, done once",
        ),
    ] = None


async def once(
    asked: Asked, key: str | None, act: Callable[[], Awaitable[T]], *, doubtful: frozenset[str] = frozenset()
) -> T:
    """Runs ``act`` once a key; a repeated key hears the first answer again.

    Errors whose code is ``doubtful`` may have taken effect: the key stays used and answers ``outcome_unknown``.
    Raises Conflict for that, when the key stands for another request, or while the first one is under way.
    """
    if key is None:
        return await act()
    db, request = asked.context.db, asked.request
    hashed = signing_in.request_hash(f"{request.method} {request.path}", await request.read())
    stored = await signing_in.begin_idempotent(db, asked.actor, key, hashed)
    if stored is not None:
        status, body = stored
        if status == 409:
            raise Conflict("outcome_unknown", f"Nobody knows whether the first try took effect: {body['detail']}")
        asked.headers["Idempotent-Replay"] = "true"
        return cast("T", body)
    try:
        answer = await act()
    except CrmError as error:
        async with asked.uow() as uow:
            if error.code in doubtful:
                await signing_in.finish_idempotent(uow, asked.actor, key, 409, {"detail": error.detail})
            else:
                await signing_in.abandon_idempotent(uow, asked.actor, key)
        raise
    async with asked.uow() as uow:
        await signing_in.finish_idempotent(uow, asked.actor, key, 201, dict(answer))
    return answer
