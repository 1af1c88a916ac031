"""The signed-in user: who am I, what may I, my password, my working state, my way into the live messages."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from crm_core.kernel import ids
from crm_core.kernel.errors import Unauthenticated
from crm_core.organization import signing_in
from crm_core.organization.access import Action, Mask
from crm_core.organization.models import Role
from web.api.asked import Asked
from web.api.users import Password
from web.api.values import Id, Input, Line
from web.origin import host_name, is_secure
from web.registry import Routes

routes = Routes("me")


class Me(TypedDict):
    """`rights` gives the reach (own, department, centre, all) of each right; `masks` what is hidden from me."""

    id: Id
    name: str
    display_name: str
    role: Role
    extension: str | None
    pbx: str
    language: str
    rights: dict[str, str]
    masks: list[str]
    must_change_password: bool


class OwnPassword(Input):
    model_config = ConfigDict(
        json_schema_extra={"examples": [{"old_password": "green-door-7-river", "new_password": "blue-lamp-9-bridge"}]}
    )

    old_password: Password
    new_password: Password


class OwnState(Input):
    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "paused", "reason": "lunch"}]})

    status: Literal["available", "paused", "wrap_up"]
    reason: Annotated[Line | None, Field(max_length=80, description="why paused")] = None


class Ticket(TypedDict):
    """Good once, for 60 s: the first frame on the websocket at `url` is `{"type": "hello", "ticket": …}`."""

    ticket: str
    url: str


@routes.route("GET", "/me", "Who is signed in, with which rights")
async def me(asked: Asked) -> Me:
    actor = asked.actor
    return {
        "id": ids.show(_user_id(asked)),
        "name": actor.name,
        "display_name": actor.display_name,
        "role": actor.role,
        "extension": actor.extension,
        "pbx": actor.pbx,
        "language": actor.language,
        "rights": {action.value: actor.scope(action).name.lower() for action in Action if actor.may(action)},
        "masks": [mask.value for mask in Mask if actor.masks(mask)],
        "must_change_password": asked.identity.must_change_password,
    }


@routes.route("PUT", "/me/password", "Choose a new password", errors={422: ["bad_password", "weak_password"]})
async def change_password(asked: Asked, body: OwnPassword) -> Me:
    """Ends the user's other browser sessions."""
    async with asked.uow() as uow:
        await signing_in.change_own_password(uow, asked.actor, body.old_password, body.new_password)
        keep = asked.identity.session_token
        await signing_in.end_sessions(uow, _user_id(asked), by=asked.actor, keep=keep)
    answer = await me(asked)
    return {**answer, "must_change_password": False}


@routes.route(
    "PUT", "/me/state", "Set my working state", status=204, errors={422: ["no_extension"], 503: ["pbx_unavailable"]}
)
async def set_state(asked: Asked, body: OwnState) -> None:
    """Pauses or unpauses the own extension in all its queues; what the PBX then says is what the board shows."""
    await asked.context.telephony.set_state(asked.actor, body.status, body.reason)


@routes.route("POST", "/push-ticket", "A ticket for the live messages", status=201)
async def push_ticket(asked: Asked) -> Ticket:
    async with asked.uow() as uow:
        ticket = await signing_in.issue_ticket(uow, asked.actor)
    url = asked.context.push.url(host=host_name(asked.request), secure=is_secure(asked.request))
    return {"ticket": ticket, "url": url}


def _user_id(asked: Asked) -> int:
    user_id = asked.actor.user_id
    if user_id is None:
        raise Unauthenticated("unauthenticated", "Sign in first.")
    return user_id
