"""Looks at the whole set-up and says in sentences what is wrong and what to do about it."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from callcenter.ami import filters
from callcenter.ami.link import AmiLink
from callcenter.settings import PbxSettings, Settings
from crm_core import migrations
from crm_core.db.database import Database
from crm_core.kernel.clock import Clock
from crm_core.kernel.errors import CrmError
from web.ports import Finding, Severity

_CONNECT_SECONDS = 8.0
_LITTLE_DISK = 1 << 30
_SEVERITIES = {
    filters.Severity.ERROR: Severity.ERROR,
    filters.Severity.WARNING: Severity.WARNING,
    filters.Severity.INFO: Severity.OK,
}
_ORDER = (Severity.ERROR, Severity.WARNING, Severity.OK)


class Doctor:
    """``links`` are those of the running service; where there is none, the doctor connects by himself."""

    def __init__(
        self, settings: Settings, db: Database, clock: Clock, links: Mapping[str, AmiLink] | None = None
    ) -> None:
        self._settings = settings
        self._db = db
        self._clock = clock
        self._links = links

    async def __call__(self) -> Sequence[Finding]:
        """All findings, the worst first; takes up to 10 s."""
        parts = await asyncio.gather(self._database(), *(self._pbx(pbx) for pbx in self._settings.pbxes), self._rest())
        return sorted((one for part in parts for one in part), key=lambda finding: _ORDER.index(finding.severity))

    async def _database(self) -> list[Finding]:
        try:
            revision, head = await migrations.current(self._db), migrations.head()
        except (CrmError, OSError) as error:
            return [_error("database_unavailable", "database", str(error), "Check CALLCENTER_DATABASE_URL.")]
        except Exception as error:  # the drivers' own errors: whatever they say belongs into the sentence
            said = str(error).splitlines()[0]
            return [_error("database_unavailable", "database", f"The database does not answer: {said}",
                           "Check CALLCENTER_DATABASE_URL.")]  # fmt: skip
        if revision != head:
            was = "is empty" if revision is None else f"has the tables of version {revision}"
            return [_error("database_outdated", "database", f"The database {was}; this version needs {head}.",
                           "Run: callcenter db upgrade")]  # fmt: skip
        return [await self._writable(), *self._disk()]

    async def _writable(self) -> Finding:
        try:
            async with self._db.uow():
                return _well("database", "The database answers and can be written.")
        except CrmError as error:
            return _error("database_readonly", "database", error.detail, "Check rights and space of the database file.")

    def _disk(self) -> list[Finding]:
        folder = self._settings.data_dir
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            return [_error("data_dir", "disk", f"The data folder {folder} cannot be written.",
                           "Make it and give the service's user the right to write there.")]  # fmt: skip
        free = shutil.disk_usage(folder).free
        if free < _LITTLE_DISK:
            return [Finding("disk_full", Severity.WARNING, "disk", f"Only {free >> 20} MB are free in {folder}.",
                            "Make room: the journal needs the disk when the database is away.")]  # fmt: skip
        return [_well("disk", f"{free >> 30} GB are free in the data folder.")]

    async def _pbx(self, pbx: PbxSettings) -> list[Finding]:
        link = self._links.get(pbx.name) if self._links is not None else None
        folder = await asyncio.to_thread(_recordings_folder, pbx)
        if link is not None:
            return [*await self._observed(pbx, link), folder]
        link = AmiLink(pbx.config, on_event=lambda _: None, clock=self._clock)
        running = asyncio.create_task(link.run())
        try:
            return [*await self._observed(pbx, link), folder]
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _observed(self, pbx: PbxSettings, link: AmiLink) -> list[Finding]:
        """What the link says once it is up, or why it does not come up."""
        deadline = asyncio.get_running_loop().time() + _CONNECT_SECONDS
        acts = pbx.config.separate_actions
        while not (link.state.up and (not acts or link.action_state.up)):
            trouble = filters.link_finding(pbx.config, link.state)
            refused = trouble is not None and trouble.code == "ami_login_refused"
            if refused or asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(0.05)
        trouble = filters.link_finding(pbx.config, link.state)
        if trouble is not None:
            return [_of_ami(pbx.name, trouble)]
        try:
            seen = await link.observe()
        except CrmError as error:
            return [_error("ami_silent", f"pbx {pbx.name}", error.detail, "Look into the PBX's own log.")]
        well = _well(f"pbx {pbx.name}", f"Connected to Asterisk {seen.version or 'of unknown version'}.")
        return [*(_of_ami(pbx.name, found) for found in filters.findings(pbx.config, seen)), well]

    async def _rest(self) -> list[Finding]:
        found = [_sms(account) for account in self._settings.sms]
        if not self._settings.pbxes:
            found.append(_error("no_pbx", "settings", "No PBX is set up.", "Name one in CALLCENTER_PBXES."))
        if self._links is None:
            found += [
                await asyncio.to_thread(_port, self._settings.web.host, port, name)
                for port, name in ((self._settings.web.port, "HTTP_PORT"), (self._settings.push.port, "PUSH_PORT"))
            ]
        return found


def _recordings_folder(pbx: PbxSettings) -> Finding:
    subject, folder = f"recordings {pbx.name}", pbx.config.recordings_dir
    if folder is None:
        return Finding("no_recordings_dir", Severity.WARNING, subject, "No recordings folder is named.",
                       "Set recordings_dir of this PBX, usually /var/spool/asterisk/monitor.")  # fmt: skip
    if not Path(folder).is_dir():
        return _error("recordings_missing", subject, f"The recordings folder {folder} does not exist.",
                      "Check recordings_dir; on another machine, mount the PBX's folder.")  # fmt: skip
    if not os.access(folder, os.R_OK | os.X_OK):
        return _error("recordings_unreadable", subject, f"The recordings folder {folder} cannot be read.",
                      "Put the service's user into the group that owns the folder.")  # fmt: skip
    return _well(subject, f"The recordings folder {folder} can be read.")


def _sms(account: Mapping[str, object]) -> Finding:
    provider = account.get("provider")
    if provider not in ("console", "smpp", "http", "asterisk"):
        return _error("sms_provider", "sms", f"The SMS provider {provider!r} is unknown.",
                      "It is console, smpp, http or asterisk.")  # fmt: skip
    if provider == "console":
        return _well("sms", "SMS are only printed (provider console).")
    host, port = account.get("host"), account.get("port")
    if provider == "smpp" and not (isinstance(host, str) and isinstance(port, int) and _reachable(host, port)):
        return _error("sms_unreachable", "sms", "The SMS centre cannot be reached.",
                      "Check host and port in CALLCENTER_SMS and the firewall between.")  # fmt: skip
    return _well("sms", f"The SMS provider {provider} is set up.")


def _reachable(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=3).close()
    except OSError:
        return False
    return True


def _port(host: str, port: int, name: str) -> Finding:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            # Often it is the running service itself; then nothing is wrong.
            return Finding("port_in_use", Severity.OK, "ports", f"Port {port} is in use, perhaps by the service.",
                           f"If not, choose another one with CALLCENTER_{name}.")  # fmt: skip
    return _well("ports", f"Port {port} is free.")


def _of_ami(pbx: str, found: filters.Finding) -> Finding:
    advice = f"In {found.file}: {'; '.join(found.lines)}" if found.lines else ""
    return Finding(found.code, _SEVERITIES[found.severity], f"pbx {pbx}", found.sentence, advice)


def _error(code: str, subject: str, detail: str, advice: str) -> Finding:
    return Finding(code, Severity.ERROR, subject, detail, advice)


def _well(subject: str, detail: str) -> Finding:
    return Finding("well", Severity.OK, subject, detail)
