"""Looks at the whole set-up and says in sentences what is wrong and what to do about it."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

from callcenter import keys
from callcenter.ami import filters
from callcenter.ami.link import AmiLink
from callcenter.settings import PbxSettings, Settings
from crm_core import migrations
from crm_core.db.database import Database
from crm_core.kernel.clock import Clock
from crm_core.kernel.errors import CrmError
from crm_core.kernel.texts import N_
from web.ports import Finding, Severity

_CONNECT_SECONDS = 8.0
_LITTLE_DISK = 1 << 30
_SEVERITIES = {
    filters.Severity.ERROR: Severity.ERROR,
    filters.Severity.WARNING: Severity.WARNING,
    filters.Severity.INFO: Severity.OK,
}
_ORDER = (Severity.ERROR, Severity.WARNING, Severity.OK)
_UPGRADE = N_("Run: callcenter db upgrade")
_SAID = "%(reason)s"  # others' sentences stand as they are


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
            return [_no_database(str(error))]
        except Exception as error:  # the drivers' own errors: whatever they say belongs into the sentence
            return [_no_database(str(error).splitlines()[0])]
        if revision is None:
            empty = N_("The database is empty; this version needs %(head)s.")
            return [_error("database_outdated", "database", empty, _UPGRADE, head=head)]
        if revision != head:
            old = N_("The database has the tables of version %(version)s; this version needs %(head)s.")
            return [_error("database_outdated", "database", old, _UPGRADE, version=revision, head=head)]
        return [await self._writable(), await self._keys(), *self._disk()]

    async def _writable(self) -> Finding:
        try:
            async with self._db.uow():
                return _well("database", N_("The database answers and can be written."))
        except CrmError as error:
            advice = N_("Check rights and space of the database file.")
            return _error("database_readonly", "database", _SAID, advice, reason=error.detail)

    async def _keys(self) -> Finding:
        file = keys.key_file(self._settings.data_dir)
        try:
            await keys.check(self._db, file)
            mode = await asyncio.to_thread(_mode, file)
        except CrmError as error:
            advice = N_("Without its keys, encrypted data cannot be read: put the key file of this installation back.")
            return _error("keys_lost", "keys", _SAID, advice, reason=error.detail)
        if mode is not None and mode & 0o077:
            text = N_("Others than the service can read the key file %(file)s.")
            return _error("keys_open", "keys", text, N_("Run: chmod 600 %(file)s"), file=str(file))
        return _well("keys", N_("The key file fits the encrypted data."))

    def _disk(self) -> list[Finding]:
        folder = self._settings.data_dir
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            text = N_("The data folder %(folder)s cannot be written.")
            advice = N_("Make it and give the service's user the right to write there.")
            return [_error("data_dir", "disk", text, advice, folder=str(folder))]
        free = shutil.disk_usage(folder).free
        if free < _LITTLE_DISK:
            text = N_("Only %(free)s MB are free in %(folder)s.")
            advice = N_("Make room: the journal needs the disk when the database is away.")
            params = {"free": str(free >> 20), "folder": str(folder)}
            return [Finding("disk_full", Severity.WARNING, "disk", text, advice, params)]
        return [_well("disk", N_("%(free)s GB are free in the data folder."), free=str(free >> 30))]

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
            advice = N_("Look into the PBX's own log.")
            return [_error("ami_silent", f"pbx {pbx.name}", _SAID, advice, reason=error.detail)]
        text = N_("Connected to Asterisk %(version)s.") if seen.version else N_("Connected to an unknown Asterisk.")
        well = _well(f"pbx {pbx.name}", text, version=seen.version or "")
        return [*(_of_ami(pbx.name, found) for found in filters.findings(pbx.config, seen)), well]

    async def _rest(self) -> list[Finding]:
        found = [_sms(account) for account in self._settings.sms]
        if not self._settings.pbxes:
            advice = N_("Name one in CALLCENTER_PBXES.")
            found.append(_error("no_pbx", "settings", N_("No PBX is set up."), advice))
        if self._links is None:
            found += [
                await asyncio.to_thread(_port, self._settings.web.host, port, name)
                for port, name in ((self._settings.web.port, "HTTP_PORT"), (self._settings.push.port, "PUSH_PORT"))
            ]
        return found


def _mode(file: Path) -> int | None:
    """The rights of the file; None while there is none (nothing is encrypted yet)."""
    return file.stat().st_mode if file.exists() else None


def _recordings_folder(pbx: PbxSettings) -> Finding:
    subject, folder = f"recordings {pbx.name}", pbx.config.recordings_dir
    if folder is None:
        text = N_("No recordings folder is named.")
        advice = N_("Set recordings_dir of this PBX, usually /var/spool/asterisk/monitor.")
        return Finding("no_recordings_dir", Severity.WARNING, subject, text, advice)
    if not Path(folder).is_dir():
        text = N_("The recordings folder %(folder)s does not exist.")
        advice = N_("Check recordings_dir; on another machine, mount the PBX's folder.")
        return _error("recordings_missing", subject, text, advice, folder=folder)
    if not os.access(folder, os.R_OK | os.X_OK):
        text = N_("The recordings folder %(folder)s cannot be read.")
        advice = N_("Put the service's user into the group that owns the folder.")
        return _error("recordings_unreadable", subject, text, advice, folder=folder)
    return _well(subject, N_("The recordings folder %(folder)s can be read."), folder=folder)


def _sms(account: Mapping[str, object]) -> Finding:
    provider = account.get("provider")
    if provider not in ("console", "smpp", "http", "asterisk"):
        text = N_("The SMS provider %(provider)s is unknown.")
        advice = N_("It is console, smpp, http or asterisk.")
        return _error("sms_provider", "sms", text, advice, provider=repr(provider))
    if provider == "console":
        return _well("sms", N_("SMS are only printed (provider console)."))
    host, port = account.get("host"), account.get("port")
    if provider == "smpp" and not (isinstance(host, str) and isinstance(port, int) and _reachable(host, port)):
        advice = N_("Check host and port in CALLCENTER_SMS and the firewall between.")
        return _error("sms_unreachable", "sms", N_("The SMS centre cannot be reached."), advice)
    return _well("sms", N_("The SMS provider %(provider)s is set up."), provider=str(provider))


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
            text = N_("Port %(port)s is in use, perhaps by the service.")
            advice = N_("If not, choose another one with %(variable)s.")
            params = {"port": str(port), "variable": f"CALLCENTER_{name}"}
            return Finding("port_in_use", Severity.OK, "ports", text, advice, params)
    return _well("ports", N_("Port %(port)s is free."), port=str(port))


def _of_ami(pbx: str, found: filters.Finding) -> Finding:
    params = {**found.params, "file": found.file, "lines": "; ".join(found.lines)}
    advice = N_("In %(file)s: %(lines)s") if found.lines else ""
    return Finding(found.code, _SEVERITIES[found.severity], f"pbx {pbx}", found.message, advice, params)


def _no_database(said: str) -> Finding:
    text = N_("The database does not answer: %(reason)s")
    return _error("database_unavailable", "database", text, N_("Check CALLCENTER_DATABASE_URL."), reason=said)


def _error(code: str, subject: str, message: str, advice: str, **params: str) -> Finding:
    return Finding(code, Severity.ERROR, subject, message, advice, params)


def _well(subject: str, message: str, **params: str) -> Finding:
    return Finding("well", Severity.OK, subject, message, "", params)
