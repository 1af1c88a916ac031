"""Which live topics there are and who may listen to them."""

from __future__ import annotations

from callcenter.push.hub import agent_topic
from callcenter.push.session import INTAKE, board_reach
from crm_core.kernel import ids
from crm_core.kernel.errors import Denied, NotFound, Rejected
from crm_core.organization.access import Action, Actor

WALLBOARD = "wallboard"


def department_topic(department_id: int) -> str:
    return f"department:{ids.show(department_id)}"


def queue_topic(name: str) -> str:
    return f"queue:{name}"


def may_join(actor: Actor, topic: object) -> str:
    """The hub's key for a topic that the actor may hear. Raises Rejected for no topic, Denied for somebody else's."""
    if not isinstance(topic, str) or not 0 < len(topic) <= 200:
        raise Rejected("bad_topic", "A topic is a text such as wallboard or queue:sales.")
    kind, _, name = topic.partition(":")
    if kind == "agent" and name and name == actor.extension:
        return agent_topic(actor.pbx, name)
    if topic == INTAKE:
        actor.require(Action.INTAKE_HAND_IN)
        return topic
    if topic != WALLBOARD and (kind not in ("agent", "queue", "department") or not name):
        raise Rejected("bad_topic", f"There is no topic {topic[:40]!r}.")
    if kind == "agent" or not actor.may(Action.BOARD_WATCH):
        raise Denied("not_allowed", "You may not listen to this topic.")
    if kind == "department":
        _check_department(actor, name)
    return topic


def _check_department(actor: Actor, shown: str) -> None:
    reach = board_reach(actor)
    try:
        department = ids.parse(shown)
    except NotFound:
        raise Denied("not_allowed", "You may not listen to this topic.") from None
    if reach is not None and department not in reach:
        raise Denied("not_allowed", "You may not listen to this topic.")
