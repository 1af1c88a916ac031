"""A real Asterisk of one's own: the project's configuration, a scratch folder, free ports, a clean end.

The root folder (scripts/asterisk-root.sh) is shared and never written to: every start gets a mount namespace of
its own in which the configuration and /var folders of the run are laid over it. The mounts die with the process,
`kill -9` included, so nothing is left behind to be unmounted.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from tests.e2e.asterisk.ami import AmiSession
from tests.e2e.asterisk.phone import SoftPhone

REPOSITORY = Path(__file__).resolve().parents[3]
CONFIG = REPOSITORY / "asterisk-config"
AGENTS = [str(number) for number in range(1001, 1009)]
TRUNK_HEADER = ("X-Line", "trunk")
HOST = "127.0.0.1"

# $1 root, $2 run folder. Private mounts, then the very command of the service unit, in the foreground. The reader
# waits for the tests' end: a line when Asterisk was stopped properly; end of file when the tests were killed, and
# then Asterisk must not live on.
LAUNCH = """
set -e
# What is mounted here is nobody else's. Where / is no mount point (in a chroot), the root folder is made one for that.
mount --make-rprivate / 2> /dev/null || { mount --bind "$1" "$1"; mount --make-rprivate "$1"; cd "$1"; }
mount --rbind /dev "$1/dev"
mount -t proc proc "$1/proc"
mount --bind "$2/etc" "$1/etc/asterisk"
mount --bind "$2/lib" "$1/var/lib/asterisk"
mount --bind "$2/log" "$1/var/log/asterisk"
mount --bind "$2/spool" "$1/var/spool/asterisk"
mount --bind "$2/run" "$1/run/asterisk"
exec 3<&0 < /dev/null
(read -r _ <&3 || kill -9 $$) &
exec chroot "$1" /usr/sbin/asterisk -f -U asterisk -G asterisk 3<&-
"""


class AsteriskUnavailable(RuntimeError):
    """This machine cannot run it; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Where everything of one run listens."""

    ami: int
    sip: int
    phones: int
    trunk: int
    rtp: int


@dataclass(slots=True)
class Timing:
    """Seconds that a test wants shorter than a call centre does."""

    ring: int = 5
    queue: int = 20
    overflow: int = 4
    outbound: int = 6
    member: int = 4
    parking: int = 6
    extra: dict[str, str] = field(default_factory=dict)


def free_ports() -> Ports:
    """A block of ports that nobody uses now, below those that the system hands out by itself."""
    blocks = 210
    for step in range(blocks):
        # Test processes side by side begin at different places.
        base = 20000 + (os.getpid() + step) % blocks * 60
        if all(_is_free(port) for port in range(base, base + 12)):
            return Ports(ami=base, sip=base + 1, phones=base + 2, trunk=base + 10, rtp=10000 + base % 8000 // 2 * 2)
    raise AsteriskUnavailable("no free ports between 20000 and 32600")


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                return False
    return True


class AsteriskServer:
    """One running PBX with phones 1001-1008 and a trunk."""

    def __init__(self, root: Path, scratch: Path, timing: Timing | None = None) -> None:
        self.root = root
        self.scratch = scratch
        self.timing = timing or Timing()
        self.ports = free_ports()
        self.pbx: dict[str, Any] = {}
        self.phones: dict[str, SoftPhone] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._admin: AmiSession | None = None

    # -- life ---------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self.install()
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    def install(self) -> None:
        """Lay out the run folder with the project's configuration, through its own installer."""
        if os.geteuid() != 0:
            raise AsteriskUnavailable("running Asterisk in its root folder needs root: sudo ./run test")
        if not (self.root / "usr/sbin/asterisk").exists():
            raise AsteriskUnavailable(f"no Asterisk in {self.root}: run scripts/asterisk-root.sh first")
        shutil.copytree(self.root / "var/lib/asterisk", self.scratch / "lib", dirs_exist_ok=True)
        for name in ("etc/site", "log/cdr-csv", "spool/monitor", "spool/tmp", "run"):
            (self.scratch / name).mkdir(parents=True, exist_ok=True)
        self._write_timing()
        command = [str(CONFIG / "install.sh"), "--target", str(self.scratch / "etc"), "--ami-port", str(self.ports.ami)]
        command += ["--sip-bind", f"{HOST}:{self.ports.sip}", "--rtp", f"{self.ports.rtp}-{self.ports.rtp + 999}"]
        command += ["--phones-at", f"{HOST}:{self.ports.phones}", "--agents", " ".join(AGENTS)]
        command += ["--trunk-host", f"{HOST}:{self.ports.trunk}", "--trunk-header", ": ".join(TRUNK_HEADER)]
        command += ["--recordings", str(self.recordings_dir)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        self.pbx = json.loads(done.stdout)[0]
        self._add_harness_user()
        self._own(self.scratch)

    async def start(self) -> None:
        """Start, and wait until it is fully booted."""
        # The scratch folder of a test may be private to root; Asterisk's user must get through to its own folders.
        log = (self.scratch / "console.log").open("ab")
        with log:
            self._process = await asyncio.create_subprocess_exec(
                "unshare", "-m", "--propagation", "unchanged", "sh", "-c", LAUNCH, "asterisk",
                str(self.root), str(self.scratch), stdout=log, stderr=log, stdin=subprocess.PIPE,
            )  # fmt: skip
        try:
            async with asyncio.timeout(40):
                self._admin = await self._log_in()
                await self._admin.event("FullyBooted", within=40)
        except TimeoutError:
            await self.kill()
            raise AsteriskUnavailable(f"Asterisk did not start; see {self.scratch}/console.log") from None

    async def stop(self) -> None:
        """Hang up everything and end; by force after ten seconds."""
        await self.close_phones()
        await self._leave(signal.SIGTERM)

    async def kill(self) -> None:
        """As a crash or a power cut would end it."""
        await self._leave(signal.SIGKILL)

    async def restart(self) -> None:
        """A crash, and up again with the same data and ports."""
        await self.kill()
        await self.start()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    # -- phones -------------------------------------------------------------------------------------------

    async def phone(self, extension: str) -> SoftPhone:
        """The desk phone of an extension."""
        if extension not in self.phones:
            port = self.ports.phones + AGENTS.index(extension)
            phone = SoftPhone(extension, host=HOST, port=port, pbx_port=self.ports.sip)
            self.phones[extension] = await phone.open()
        return self.phones[extension]

    async def trunk(self) -> SoftPhone:
        """The world outside: customers who call and are called."""
        if "trunk" not in self.phones:
            phone = SoftPhone(
                "world", host=HOST, port=self.ports.trunk, pbx_port=self.ports.sip, headers=[TRUNK_HEADER]
            )
            self.phones["trunk"] = await phone.open()
        return self.phones["trunk"]

    async def close_phones(self) -> None:
        for phone in self.phones.values():
            await phone.close()
        self.phones.clear()

    # -- AMI ----------------------------------------------------------------------------------------------

    @property
    def admin(self) -> AmiSession:
        """A session that may do and see everything; the configuration itself has no such user."""
        if self._admin is None:
            raise AsteriskUnavailable("Asterisk is not running")
        return self._admin

    def session(self) -> AmiSession:
        """Another session of that kind, not yet open (for captures)."""
        return AmiSession(self.ports.ami, "harness", self._secret)

    def acting(self) -> AmiSession:
        """A session of the configuration's acting user."""
        return AmiSession(self.ports.ami, self.pbx["action_username"], self.pbx["action_secret"])

    async def originate(self, extension: str, number: str, *, context: str = "click-to-dial", ring: int = 5) -> None:
        """Click-to-dial as the service does it, by the acting user."""
        await self._originate(
            Channel=f"PJSIP/{extension}", Context=context, Exten=number, Priority="1",
            CallerID=f"<{number}>", Timeout=str(ring * 1000),
        )  # fmt: skip

    async def listen(self, supervisor: str, *, on: str) -> None:
        """Listening in as the service does it: on the very channel of the extension `on`."""
        data = f"{await self.channel(on)},qES"
        await self._originate(Channel=f"PJSIP/{supervisor}", Application="ChanSpy", Data=data, Timeout="5000")

    async def channel(self, endpoint: str) -> str:
        """The name of the (first) channel of an endpoint that lives now."""
        shown = await self.admin.command("core show channels concise")
        return next(line for line in shown.splitlines() if line.startswith(f"PJSIP/{endpoint}-")).partition("!")[0]

    async def act(self, name: str, **fields: str) -> None:
        """One action of the acting user, as the agent's desk sends it; PermissionError when it is refused."""
        acting = await self.acting().open()
        try:
            answer = await acting.action(name, **fields)
        finally:
            await acting.close()
        if answer.get("Response") != "Success":
            raise PermissionError(answer.get("Message", f"{name} refused"))

    async def _originate(self, **fields: str) -> None:
        await self.act("Originate", Async="true", **fields)

    # -- what Asterisk wrote ------------------------------------------------------------------------------

    @property
    def recordings_dir(self) -> Path:
        return self.scratch / "spool/monitor"

    @property
    def cdr_file(self) -> Path:
        return self.scratch / "log/cdr-csv/Master.csv"

    @property
    def queue_log_file(self) -> Path:
        return self.scratch / "log/queue_log"

    def cdr(self) -> str:
        return self.cdr_file.read_text("utf-8", "replace") if self.cdr_file.exists() else ""

    def queue_log(self) -> str:
        return self.queue_log_file.read_text("utf-8", "replace") if self.queue_log_file.exists() else ""

    # -- inside -------------------------------------------------------------------------------------------

    _secret = "harness-only-on-loopback"

    async def _log_in(self) -> AmiSession:
        while True:
            if not self.running:
                raise AsteriskUnavailable(f"Asterisk ended at once; see {self.scratch}/console.log")
            session = self.session()
            try:
                return await session.open()
            except (OSError, PermissionError):
                await session.close()
                await asyncio.sleep(0.1)

    async def _leave(self, how: signal.Signals) -> None:
        if self._admin is not None:
            await self._admin.close()
            self._admin = None
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how)
        if not await _ends(process.wait(), 10):
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        if process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.write(b"ended\n")
                process.stdin.close()

    def _write_timing(self) -> None:
        timing, site = self.timing, self.scratch / "etc/site"
        values = {
            "RING_SECONDS": str(timing.ring),
            "QUEUE_SECONDS": str(timing.queue),
            "OVERFLOW_SECONDS": str(timing.overflow),
            "OUTBOUND_SECONDS": str(timing.outbound),
            "OUTBOUND_CALLER_ID": "02155550000",
            "MENU_PROMPT": "vm-options",
            **timing.extra,
        }
        (site / "globals.conf").write_text("".join(f"{name} = {value}\n" for name, value in values.items()))
        (site / "queue_timing.conf").write_text(f"timeout = {timing.member}\nretry = 1\n")
        (site / "parking_timing.conf").write_text(f"parkingtime = {timing.parking}\n")

    def _add_harness_user(self) -> None:
        users = self.scratch / "etc/site/manager_users.conf"
        text = users.read_text()
        if "[harness]" not in text:
            users.write_text(
                f"{text}\n[harness]\nsecret = {self._secret}\ndeny = 0.0.0.0/0.0.0.0\n"
                "permit = 127.0.0.1/255.255.255.255\nread = all\nwrite = all\nwritetimeout = 30000\n"
            )

    def _own(self, folder: Path) -> None:
        """Give the run folder to the root's asterisk user, whose number differs between releases."""
        line = next(
            line for line in (self.root / "etc/passwd").read_text().splitlines() if line.startswith("asterisk:")
        )
        uid, gid = (int(part) for part in line.split(":")[2:4])
        for path in [folder, *folder.rglob("*")]:
            if path.name != "console.log":
                os.lchown(path, uid, gid)


async def _ends(waiting: Awaitable[object], within: float) -> bool:
    try:
        await asyncio.wait_for(waiting, within)
    except TimeoutError:
        return False
    return True
