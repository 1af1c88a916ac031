"""From the command to ``ready``, and the memory that the idle service takes.

Floor: an interpreter that only imports the libraries that the service cannot do without.
"""

from __future__ import annotations

import asyncio
import compileall
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.base import Base, base
from bench.figure import Figure, Row, Samples, Size, within
from bench.processes import pbx, service, until_listened

_LIBRARIES = (
    "import aiohttp.web, sqlalchemy.ext.asyncio, aiosqlite, websockets.asyncio.server, panoramisk, jinja2, pydantic"
)
_IDLE_SECONDS = 5.0


def run(size: Size) -> Figure:
    for package in ("callcenter", "crm_core", "web", "sms"):
        # As an installation leaves it; a developer's machine may be told to keep no bytecode.
        compileall.compile_dir(Path(__file__).parent.parent / package, quiet=1)
    with tempfile.TemporaryDirectory(prefix="callcenter-bench-") as folder:
        return asyncio.run(_measure(base(Path(folder), size.customers, size.agents), size))


async def _measure(known: Base, size: Size) -> Figure:
    floors, starts, empties, idle = Samples(), Samples(), Samples(), Samples()
    async with pbx() as (exchange, port):
        for _ in range(size.repeats):
            floors.add(_imports())
            async with service(known.folder, port) as served:
                starts.add(served.seconds_to_ready)
                await until_listened(exchange)
                await asyncio.sleep(_IDLE_SECONDS)
                idle.add(served.memory())
            with tempfile.TemporaryDirectory(prefix="callcenter-bench-") as empty:
                async with service(Path(empty), port) as served:
                    empties.add(served.seconds_to_ready)
    return Figure(
        "Start and memory",
        (
            within(f"start to ready, {size.customers:,} customers", starts.p50, 2.0, "s", digits=2),
            Row("the very first start: empty folder, tables made", f"{empties.p50:.2f} s"),
            Row("an interpreter that only imports the libraries", "", f"{floors.p50:.2f} s"),
            within("memory when idle, connected to a PBX", idle.p50, 150, "MiB", digits=0),
        ),
    )


def _imports() -> float:
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", _LIBRARIES], check=True)
    return time.monotonic() - began
