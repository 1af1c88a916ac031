"""``callcenter demo`` as a newcomer starts it."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import aiohttp

from callcenter.demo.company import ACCOUNTS


async def test_the_demonstration_opens_tells_the_log_ins_and_ends_cleanly(tmp_path: Path) -> None:
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("CALLCENTER_")},
        "CALLCENTER_DATA_DIR": str(tmp_path),
        "CALLCENTER_PUSH_PORT": "0",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "callcenter", "demo", "--port", "0", "--customers", "50"),
        env=environment,
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None and process.stderr is not None
    try:
        async with asyncio.timeout(120):
            ready = (await process.stdout.readline()).decode()
            found = re.fullmatch(r"ready http=(\S+) push=ws://\S+\n", ready)
            assert found, ready
            told = (await process.stderr.readuntil(b"Ctrl+C")).decode()
            async with aiohttp.ClientSession() as client:
                async with client.get(f"{found[1]}/healthz") as answer:
                    assert answer.status == 200
                while True:
                    async with client.get(f"{found[1]}/readyz") as answer:
                        if answer.status == 200:
                            break
                    await asyncio.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            rest = (await process.stderr.read()).decode()
            assert await process.wait() == 0, rest
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert found[1] in told
    assert all(account.name in told for account in ACCOUNTS)
    assert "Traceback" not in told + rest
