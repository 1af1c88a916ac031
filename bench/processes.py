"""The other processes of a measurement: each alone in its interpreter, as in real life."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil

from bench.pbx import SECRET, USER

ROOT = Path(__file__).resolve().parent.parent
_LINE_LIMIT = 1 << 26  # the instants of many thousand rings come as one line


class Child:
    """A process of ours that is told and answers in JSON lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, command: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")

    async def hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise RuntimeError("a process of the measurement has died; what it said is above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def ask(self, command: Mapping[str, Any]) -> dict[str, Any]:
        self.tell(command)
        return await self.hear()


@asynccontextmanager
async def child(module: str, *arguments: str) -> AsyncIterator[Child]:
    """``python -m module arguments``; ended at exit."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, stdin=pipe, stdout=pipe, cwd=ROOT, limit=_LINE_LIMIT
    )
    try:
        yield Child(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@asynccontextmanager
async def pbx() -> AsyncIterator[tuple[Child, int]]:
    """A fake PBX and its port."""
    async with child("bench.pbx") as process:
        yield process, int((await process.hear())["port"])


async def until_listened(pbx_process: Child, seconds: float = 30.0) -> None:
    """Until somebody has logged in who wants events. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        await pbx_process.ask({"do": "wait for a listener"})


class Service:
    """A running ``callcenter serve``."""

    def __init__(self, process: asyncio.subprocess.Process, ready_line: str, seconds_to_ready: float) -> None:
        self._process = process
        words = dict(word.split("=", 1) for word in ready_line.split() if "=" in word)
        self.http, self.push = words["http"], words["push"]
        self.seconds_to_ready = seconds_to_ready

    def memory(self) -> float:
        """Resident memory in MiB."""
        return float(psutil.Process(self._process.pid).memory_info().rss) / 2**20

    def processor_seconds(self) -> float:
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)


@asynccontextmanager
async def service(folder: Path, pbx_port: int | None) -> AsyncIterator[Service]:
    """``callcenter serve`` on the database in ``folder``; what it logs goes to ``folder``/serve.log."""
    began = time.monotonic()
    with (folder / "serve.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "callcenter",
            "serve",
            env=environment(folder, pbx_port),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            cwd=folder,
        )
    try:
        async with asyncio.timeout(60):
            line = await _ready_line(process, folder)
        yield Service(process, line, time.monotonic() - began)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), 15)
            except TimeoutError:
                process.kill()
                await process.wait()


async def _ready_line(process: asyncio.subprocess.Process, folder: Path) -> str:
    assert process.stdout is not None
    while line := (await process.stdout.readline()).decode():
        if line.startswith("ready "):
            return line
    tail = (folder / "serve.log").read_text(errors="replace")[-2000:]
    raise RuntimeError(f"the service did not start:\n{tail}")


def environment(folder: Path, pbx_port: int | None) -> dict[str, str]:
    """The settings of a service that lives in ``folder`` alone; any free ports."""
    pbxes = [] if pbx_port is None else [{
        "name": "main", "host": "127.0.0.1", "port": pbx_port, "username": USER, "secret": SECRET,
        "trunks": ["PJSIP/trunk"],
    }]  # fmt: skip
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(ROOT),
        "CALLCENTER_DATA_DIR": str(folder),
        "CALLCENTER_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'callcenter.db'}",
        "CALLCENTER_HTTP_PORT": "0",
        "CALLCENTER_PUSH_PORT": "0",
        "CALLCENTER_LOG_LEVEL": "warning",
        "CALLCENTER_PBXES": json.dumps(pbxes),
    }
