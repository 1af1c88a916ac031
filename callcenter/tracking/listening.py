"""A supervisor who listens in: a leg of the call, but no agent of it, and never a reason that it goes on."""

from __future__ import annotations

from callcenter.ami.events import ChanSpyStart, ChanSpyStop
from callcenter.tracking import legs, linking, timing
from callcenter.tracking.model import Call, Channel, Leg, World
from callcenter.tracking.naming import Kind
from crm_core.calls.facts import LegOutcome


def spy_start(world: World, event: ChanSpyStart) -> None:
    spyer = world.channels.get(event.spyer_uniqueid)
    spyee = world.channels.get(event.spyee_uniqueid)
    if spyer is None or spyee is None:
        return
    listens(world, spyer, spyee.call, event.at)
    world.touched = spyer.call.id
    if spyer.leg is not None:
        spyer.leg.answered_at = spyer.leg.answered_at or event.at
    timing.settle(world, spyer.call, event.at)
    world.tell(spyer.call, "updated")


def listens(world: World, spyer: Channel, call: Call, at: float) -> None:
    """The linkedids of the two never merge: this event alone ties them."""
    hops = spyer.listening and spyer.call is not call
    spyer.listening = True
    spyer.consult = False
    own = spyer.call
    if own.consults.get(spyer.extension) is spyer:
        del own.consults[spyer.extension]
    if hops:
        _moves_on(world, spyer, call, at)
    elif own is not call:
        linking.unite(world, call, own, at)
    leg = spyer.leg
    if leg is None and spyer.kind is Kind.EXTENSION:
        leg = Leg(world.identifier(spyer.uniqueid, at), spyer, at)
        spyer.leg = leg
        spyer.call.legs.append(leg)
    if leg is not None:
        leg.outcome = LegOutcome.LISTENED


def _moves_on(world: World, spyer: Channel, call: Call, at: float) -> None:
    """A listener hops from call to call: a leg in each."""
    before = spyer.call
    if spyer.leg is not None:
        legs.close(world, spyer, 16, at)
        spyer.leg = None
    before.channels.pop(spyer.uniqueid, None)
    before.links.discard(spyer.linkedid)
    linking.adopt(world, spyer, call)
    world.links[spyer.linkedid] = call


def spy_stop(world: World, event: ChanSpyStop) -> None:
    spyer = world.channels.get(event.spyer_uniqueid)
    if spyer is not None:
        world.touched = spyer.call.id
        if spyer.leg is not None:
            spyer.leg.ended_at = event.at
