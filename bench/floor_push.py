"""The floor of the pop: bare panoramisk to bare websockets, without any look-up, tracking, right or record."""

from __future__ import annotations

import asyncio
import json
import sys

from panoramisk import Manager
from websockets.asyncio.server import ServerConnection, serve

from bench.pbx import SECRET, USER

_ids = iter(range(1 << 60))


async def main(pbx_port: int) -> None:
    """Sends the number to the extension that rings; says its port and serves until it is killed."""
    agents: dict[str, ServerConnection] = {}

    async def welcome(connection: ServerConnection) -> None:
        hello = json.loads(await connection.recv())
        agents[hello["extension"]] = connection
        await connection.wait_closed()

    async def on_state(_: Manager, event: dict[str, str]) -> None:
        if event["ChannelState"] != "5":
            return
        extension = event["Channel"].removeprefix("PJSIP/").rsplit("-", 1)[0]
        agent = agents.get(extension)
        if agent is not None:
            data = {"call_id": event["Linkedid"], "number": event["ConnectedLineNum"]}
            await agent.send(json.dumps({"type": "pop.show", "seq": next(_ids), "data": data}))

    manager = Manager(host="127.0.0.1", port=pbx_port, username=USER, secret=SECRET, loop=asyncio.get_running_loop())
    manager.register_event("Newstate", on_state)
    await manager.connect()
    async with serve(welcome, "127.0.0.1", 0, compression=None, ping_interval=None) as server:
        print(json.dumps({"port": next(iter(server.sockets)).getsockname()[1]}), flush=True)
        await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
