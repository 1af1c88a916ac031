"""What every scene has: a customer on the trunk, agents at their desks, and the list of scenes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.e2e.asterisk.call import PhoneCall
from tests.e2e.asterisk.phone import Behaviour, SoftPhone
from tests.e2e.asterisk.server import AGENTS, AsteriskServer

sleep = asyncio.sleep


class Stage:
    """The phones of one PBX, all switched on."""

    def __init__(self, pbx: AsteriskServer) -> None:
        self.pbx = pbx

    async def set(self) -> None:
        """Everybody at their desk, nobody does anything by himself."""
        for extension in AGENTS:
            (await self.pbx.phone(extension)).reset()
        (await self.pbx.trunk()).reset()

    def desk(self, extension: str) -> SoftPhone:
        return self.pbx.phones[extension]

    @property
    def world(self) -> SoftPhone:
        return self.pbx.phones["trunk"]

    def behave(self, who: str, behaviour: Behaviour) -> None:
        self.pbx.phones[who].behave(behaviour)

    async def customer(self, number: str, caller: str, name: str = "", host: str = "") -> PhoneCall:
        """A customer dials; nobody has answered yet."""
        return await self.world.dial(number, caller=caller, name=name, host=host)

    async def rings(self, who: str, within: float = 10) -> PhoneCall:
        """Wait until the phone rings."""
        return await self.pbx.phones[who].next_call(within)

    async def takes(self, who: str, after: float = 0.5, within: float = 10) -> PhoneCall:
        """Wait until the phone rings, let it ring, pick up."""
        call = await self.rings(who, within)
        await sleep(after)
        await call.answer()
        return call

    async def parked(self, caller: str) -> str:
        """The space at which this customer is parked."""
        event = await self.pbx.admin.event("ParkedCall", ParkeeCallerIDNum=caller)
        return event["ParkingSpace"]

    async def connected(self, extension: str, caller: str, talk: float = 2) -> tuple[PhoneCall, PhoneCall]:
        """A customer and an agent who have talked a while: (customer's side, agent's side)."""
        customer = await self.customer(extension, caller)
        agent = await self.takes(extension)
        await customer.answered()
        await sleep(talk)
        return customer, agent


Play = Callable[[Stage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scene:
    """One kind of call; `about` says what was played, who answered, who hung up."""

    name: str
    about: str
    play: Play


SCENES: dict[str, Scene] = {}


def scene(about: str) -> Callable[[Play], Play]:
    """Enter a function in the list under its own name."""

    def enter(play: Play) -> Play:
        name = getattr(play, "__name__", "")
        SCENES[name] = Scene(name, about, play)
        return play

    return enter
