"""One PBX as the settings name it, checked; nothing here reads the environment or a file but the CA bundle."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

_UNSENDABLE = ("\r", "\n", "\0")


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """How the PBX's certificate is checked; ``ca_file`` is a PEM bundle for a PBX with its own authority."""

    ca_file: str | None = None
    verify: bool = True
    check_hostname: bool = True

    def context(self) -> ssl.SSLContext:
        """A client context; raises OSError or ssl.SSLError when the CA file cannot be used."""
        context = ssl.create_default_context(cafile=self.ca_file)
        context.check_hostname = self.verify and self.check_hostname
        if not self.verify:
            context.verify_mode = ssl.CERT_NONE
        return context


@dataclass(frozen=True, slots=True)
class LinkTiming:
    """Intervals in seconds. The defaults notice a silent peer within 15: 5 of pause, at most 10 of waiting."""

    connect_timeout: float = 5.0
    login_timeout: float = 5.0
    action_timeout: float = 10.0
    ping_interval: float = 5.0
    ping_deadline: float = 5.0
    retry_first: float = 0.5
    retry_cap: float = 5.0
    # A wrong password is wrong until somebody changes it: asking often only fills logs and trips fail2ban.
    refused_first: float = 5.0
    refused_cap: float = 60.0
    # A link that stayed up so long starts its back-off anew.
    stable_after: float = 10.0


@dataclass(frozen=True, slots=True)
class PbxConfig:
    """One Asterisk: where its manager listens, who logs in, which channels lead outside, where its recordings lie.

    The listening user reads events; the action user, if given, is a second session that alone may originate.
    """

    name: str
    host: str
    username: str
    secret: str = field(repr=False)
    port: int = 5038
    action_username: str | None = None
    action_secret: str | None = field(default=None, repr=False)
    trunks: tuple[str, ...] = ()
    recordings_dir: str | None = None
    tls: bool = False
    tls_options: TlsOptions = TlsOptions()
    timing: LinkTiming = LinkTiming()

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a PBX needs a name")
        if not 0 < self.port < 65536:
            raise ValueError(f"PBX {self.name}: port {self.port} is not a TCP port")
        if (self.action_username is None) != (self.action_secret is None):
            raise ValueError(f"PBX {self.name}: action_username and action_secret belong together")
        for text in (self.username, self.secret, self.action_username or "", self.action_secret or ""):
            if any(c in text for c in _UNSENDABLE):
                raise ValueError(f"PBX {self.name}: line breaks are not allowed in user names and secrets")

    @property
    def separate_actions(self) -> bool:
        """Whether a second session does the acting."""
        return self.action_username is not None
