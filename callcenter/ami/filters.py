"""What a PBX should be told to send, and what is missing or too much in what it does: advice with the line to add.

A narrow manager user cannot read its own configuration, but it shows itself: ListCommands names only what the user may
do, refused questions say what it may not, and the events that arrive (or do not) say the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from callcenter.ami import shapes
from callcenter.ami.config import PbxConfig
from callcenter.ami.state import LinkPhase, LinkState
from crm_core.kernel.texts import N_

VARIABLES = ("MIXMONITOR_FILENAME", "QUEUESTATUS", "TRANSFERERNAME", "DIALSTATUS")
READ_CLASSES = "system,call,agent,dialplan"
# Enough to ask for channels and settings, nothing that changes anything.
LISTENER_WRITE = "reporting"
ACTOR_WRITE = "originate,call,agent"
# With any of these the listening user could make calls, change the PBX or run programs on it.
_DANGEROUS = ("Originate", "Command", "UpdateConfig", "Redirect", "DBPut", "Setvar", "ModuleLoad")
_ACTOR_NEEDS = ("Originate", "Hangup", "Atxfer", "BlindTransfer", "QueuePause", "MixMonitorMute")
_STATE_QUESTIONS = ("CoreStatus", "CoreSettings", "CoreShowChannels", "BridgeList", "QueueStatus")
_MUCH_UNWANTED = 2000
_CLOCK_TOLERANCE = 2.0
_LOOPBACK = ("127.", "localhost", "::1")


class Severity(StrEnum):
    """error: calls are wrong or missing; warning: unsafe or lossy; info: could be better."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence (``message``, the translation key, with ``params``) and the lines to add in ``file``."""

    code: str
    severity: Severity
    message: str
    params: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    lines: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        return self.message % self.params


@dataclass(frozen=True, slots=True)
class Observation:
    """What a live link has seen of its PBX (AmiLink.observe). ``kinds`` counts the wanted events by name."""

    version: str | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    queues: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)
    without_timestamp: int = 0
    skipped: int = 0
    listener_may: frozenset[str] | None = None
    actor_may: frozenset[str] | None = None
    actor_state: LinkState | None = None
    clock_offset: float = 0.0


def eventfilter_lines(*, advanced: bool = True) -> tuple[str, ...]:
    """The manager.conf lines that let through only what is used (``advanced``: late 20 and 22).

    The old form is one regular expression over the whole event: it works everywhere and costs the PBX more.
    """
    names = sorted(name.decode() for name in shapes.WANTED if name != b"VarSet")
    if not advanced:
        return (
            f"eventfilter = Event: ({'|'.join(names)})[[:cntrl:]]",
            f"eventfilter = Variable: ({'|'.join(VARIABLES)})[[:cntrl:]]",
        )
    variables = tuple(
        f"eventfilter(action(include),name(VarSet),header(Variable),method(exact)) = {name}" for name in VARIABLES
    )
    return tuple(f"eventfilter(action(include),name({name})) =" for name in names) + variables


def findings(config: PbxConfig, seen: Observation) -> list[Finding]:
    """All that is to be said about this PBX's set-up, the worst first."""
    order = list(Severity)
    found = [*_rights(config, seen), *_events(seen), *_surroundings(config, seen)]
    return sorted(found, key=lambda finding: order.index(finding.severity))


def link_finding(config: PbxConfig, state: LinkState) -> Finding | None:
    """The finding for a link that is not up, from its state alone."""
    params = {"pbx": config.name, "host": config.host, "port": str(config.port), "reason": state.reason or ""}
    if state.phase is LinkPhase.REFUSED:
        text = N_("The PBX %(pbx)s refuses the log-in: %(reason)s. Check user name, secret and permit in manager.conf.")
        section = (f"[{config.username}]", "secret = ...", f"read = {READ_CLASSES}", f"write = {LISTENER_WRITE}")
        return Finding("ami_login_refused", Severity.ERROR, text, params, "manager.conf", section)
    if not state.up:
        text = N_("The PBX %(pbx)s at %(host)s:%(port)s cannot be used: %(reason)s.")
        lines = ("enabled = yes", f"port = {config.port}")
        return Finding("ami_link_down", Severity.ERROR, text, params, "manager.conf", lines)
    return None


def _rights(config: PbxConfig, seen: Observation) -> Iterator[Finding]:
    refused = [name for name in _STATE_QUESTIONS if name in seen.refused]
    if refused:
        text = N_("The listening user may not ask for %(actions)s; after a reconnect, live calls cannot be told apart.")
        params = {"actions": ", ".join(refused)}
        yield Finding("ami_state_refused", Severity.ERROR, text, params, "manager.conf", (f"write = {LISTENER_WRITE}",))
    mighty = [name for name in _DANGEROUS if name in (seen.listener_may or ())]
    if mighty and config.separate_actions:
        text = N_("The listening user may do more than listen (%(actions)s); give it reporting only.")
        params = {"actions": ", ".join(mighty)}
        yield Finding(
            "ami_listener_mighty", Severity.WARNING, text, params, "manager.conf", (f"write = {LISTENER_WRITE}",)
        )
    if not config.separate_actions:
        text = N_("Listening and acting share one manager user; a second, narrow one for actions is safer.")
        lines = ("[callcenter-actions]", "secret = ...", "read =", f"write = {ACTOR_WRITE}")
        yield Finding("ami_one_user", Severity.INFO, text, {}, "manager.conf", lines)
    elif seen.actor_state is not None and not seen.actor_state.up:
        text = N_("The action user is not logged in (%(reason)s); calls cannot be dialled from the desk.")
        params = {"reason": seen.actor_state.reason or seen.actor_state.phase.value}
        yield Finding("ami_actor_down", Severity.ERROR, text, params, "manager.conf")
    missing = [name for name in _ACTOR_NEEDS if seen.actor_may is not None and name not in seen.actor_may]
    if missing:
        text = N_("The user that acts may not do %(actions)s.")
        params = {"actions": ", ".join(missing)}
        yield Finding("ami_actor_weak", Severity.WARNING, text, params, "manager.conf", (f"write = {ACTOR_WRITE}",))


def _events(seen: Observation) -> Iterator[Finding]:
    read = (f"read = {READ_CLASSES}",)
    if seen.without_timestamp:
        text = N_("Events come without a Timestamp; times are those of arrival, wrong by every delay on the way.")
        lines = ("timestampevents = yes",)
        yield Finding("ami_no_timestamps", Severity.ERROR, text, {}, "manager.conf", lines)
    heard = sum(count for kind, count in seen.kinds.items() if kind != "FullyBooted")
    calls = seen.kinds.get("Newchannel", 0)
    if not heard:
        text = N_("No events were heard yet. Make a call through the PBX and look again.")
        yield Finding("ami_no_events", Severity.INFO, text, {}, "manager.conf", read)
        return
    if not calls and heard > 20:
        text = N_("No call events come, though others do: the class call is missing.")
        yield Finding("ami_no_call_events", Severity.ERROR, text, {}, "manager.conf", read)
    if seen.kinds.get("MixMonitorStart", 0) and not seen.kinds.get("VarSet", 0):
        text = N_(
            "Recordings start but their file names do not come: the class dialplan is missing, or VarSet filtered."
        )
        add = (*read, *(line for line in eventfilter_lines() if "MIXMONITOR" in line))
        yield Finding("ami_no_file_names", Severity.ERROR, text, {}, "manager.conf", add)
    if seen.queues and calls > 50 and not any(k.startswith(("Queue", "Agent")) for k in seen.kinds):
        text = N_("There are queues but no queue events come: the class agent is missing.")
        yield Finding("ami_no_queue_events", Severity.WARNING, text, {}, "manager.conf", read)
    if seen.skipped > max(_MUCH_UNWANTED, heard):
        text = N_("%(share)s %% of what the PBX sends is not used; filters at the PBX spare both sides the work.")
        params = {"share": str(round(100 * seen.skipped / (seen.skipped + heard)))}
        yield Finding("ami_unfiltered", Severity.INFO, text, params, "manager.conf", eventfilter_lines())


def _surroundings(config: PbxConfig, seen: Observation) -> Iterator[Finding]:
    if abs(seen.clock_offset) > _CLOCK_TOLERANCE:
        text = N_("The PBX's clock differs from this machine's by %(seconds)s s; let both follow NTP.")
        yield Finding("ami_clock", Severity.WARNING, text, {"seconds": f"{seen.clock_offset:+.1f}"})
    if not config.tls and not config.host.startswith(_LOOPBACK):
        text = N_("The link to %(host)s is not encrypted; names and numbers cross the network in the clear.")
        lines = ("tlsenable = yes", "tlsbindaddr = 0.0.0.0:5039", "tlscertfile = ...")
        yield Finding("ami_plain", Severity.WARNING, text, {"host": config.host}, "manager.conf", lines)
    if config.tls and not config.tls_options.verify:
        text = N_("The PBX's certificate is not checked; name its authority in tls_ca_file.")
        yield Finding("ami_tls_unverified", Severity.WARNING, text)
    if not config.trunks:
        text = N_("No trunks are named; every call counts as internal. Add trunks such as PJSIP/trunk to the settings.")
        yield Finding("ami_no_trunks", Severity.ERROR, text)
