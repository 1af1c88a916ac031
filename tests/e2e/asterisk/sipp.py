"""Phones played by sipp: fixed scripts (sipp/*.xml) with real speech from sipp's own recording.

For calls that need nothing from the test while they run, and for load. A phone that must act at a moment that the
test chooses, or in two dialogues at once, is a SoftPhone.
"""

import asyncio
import contextlib
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from tests.e2e.asterisk.server import AGENTS, HOST, TRUNK_HEADER, AsteriskServer, AsteriskUnavailable

SCRIPTS = Path(__file__).parent / "sipp"
SPEECH = Path("/usr/share/sip-tester/g711a.pcap")


class SippFailed(AssertionError):
    """A script met something that it did not expect; the message has sipp's own words."""


class SippPhone:
    """One sipp process; leaves nothing running behind `async with`."""

    def __init__(
        self,
        pbx: AsteriskServer,
        script: str,
        port: int,
        *,
        seconds: Mapping[str, float] | None = None,
        keys: Mapping[str, str] | None = None,
        calls: int = 1,
        rate: float = 1,
        serves: bool,
    ) -> None:
        self._folder = pbx.scratch / f"sipp-{port}-{script}"
        self._command = [
            _sipp(), "-sf", str(self._folder / "script.xml"), "-i", HOST, "-mi", HOST, "-p", str(port),
            "-m", str(calls), "-nostdin", "-trace_err", "-error_file", str(self._folder / "errors"),
            "-key", "audio", str(SPEECH), "-r", str(rate), "-timeout", "120", "-timeout_error",
        ]  # fmt: skip
        # Pauses are written into the script: sipp's own -set does not reach them.
        self._script = (SCRIPTS / f"{script}.xml").read_text()
        for name, value in (seconds or {}).items():
            self._script = self._script.replace(f"@{name}@", str(int(value * 1000)))
        for name, text in (keys or {}).items():
            self._command += ["-key", name, text]
        if not serves:
            self._command.append(f"{HOST}:{pbx.ports.sip}")
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> Self:
        self._folder.mkdir(exist_ok=True)
        (self._folder / "script.xml").write_text(self._script)
        with (self._folder / "screen").open("wb") as screen:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.DEVNULL, stdout=screen, stderr=screen, cwd=self._folder
            )
        await asyncio.sleep(0.15)
        return self

    async def done(self, within: float = 60) -> None:
        """Wait until all its calls went by the script."""
        if self._process is None:
            raise SippFailed("never started")
        code = await asyncio.wait_for(self._process.wait(), within)
        if code != 0:
            raise SippFailed(f"sipp ended with {code}: {self._words()}")

    async def stop(self) -> None:
        if self._process is None or self._process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    def _words(self) -> str:
        for name in ("errors", "screen"):
            file = self._folder / name
            if file.exists() and (text := file.read_text("utf-8", "replace").strip()):
                return text[-1500:]
        return "no message"


class SippAgent(SippPhone):
    """A desk phone. Not together with the SoftPhone of the same extension: they share its port."""

    def __init__(
        self,
        pbx: AsteriskServer,
        extension: str,
        script: str = "answers",
        *,
        seconds: Mapping[str, float] | None = None,
        keys: Mapping[str, str] | None = None,
        calls: int = 1,
    ) -> None:
        port = pbx.ports.phones + AGENTS.index(extension)
        super().__init__(pbx, script, port, seconds=seconds, keys=keys, calls=calls, serves=True)


class SippTrunk(SippPhone):
    """The world outside: a customer who calls (`calls`, `calls_until_ended`, `cancels`) or is called (`answers`, …)."""

    def __init__(
        self,
        pbx: AsteriskServer,
        script: str,
        *,
        caller: str = "13800138000",
        name: str = "",
        number: str = "",
        seconds: Mapping[str, float] | None = None,
        calls: int = 1,
        rate: float = 1,
    ) -> None:
        port = pbx.ports.trunk
        quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '" ' if name else ""
        keys = {"number": number, "caller": f"{quoted}<sip:{caller}@{HOST}:{port}>", "line": ": ".join(TRUNK_HEADER)}
        super().__init__(
            pbx, script, port, seconds=seconds, keys=keys if number else None, calls=calls, rate=rate, serves=not number
        )


def _sipp() -> str:
    found = shutil.which("sipp")
    if found is None or not SPEECH.exists():
        raise AsteriskUnavailable("sipp is missing: apt-get install -y sip-tester")
    return found
