"""The peer of the whole way: panoramisk alone reads, parses and dispatches the load; nothing is kept."""

from __future__ import annotations

import asyncio
import json
import sys
import time

from panoramisk import Manager

from bench.call_template import END, load_stream
from bench.pbx import SECRET, USER


async def main(port: int) -> None:
    """Says when the last event of the load was dispatched."""
    expected = load_stream().count(END)
    seen = 0
    finished = asyncio.get_running_loop().create_future()

    def on_event(_: Manager, event: object) -> None:
        nonlocal seen
        seen += 1
        # FullyBooted of the log-in comes before the load.
        if seen == expected + 1:
            finished.set_result(time.monotonic())

    manager = Manager(host="127.0.0.1", port=port, username=USER, secret=SECRET, loop=asyncio.get_running_loop())
    manager.register_event("*", on_event)
    await manager.connect()
    print(json.dumps({"finished": await finished, "events": expected}), flush=True)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
