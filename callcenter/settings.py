"""What the operator decides: read once at start from callcenter.toml and the environment, handed in as frozen groups.

The environment wins over the file. A wrong value is told as one sentence that names the setting.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from callcenter.ami.config import PbxConfig, TlsOptions

DEFAULT_FILE = "callcenter.toml"
_PREFIX = "CALLCENTER_"
_DRIVERS = ("sqlite+aiosqlite:", "postgresql+asyncpg:")


class WrongSettings(Exception):
    """The settings cannot be used; ``problems`` has one sentence for each wrong one."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class WebSettings:
    """Where pages and API listen; ``public_url`` is what people type (behind a proxy), None: the address as it is.

    ``trusted_proxies`` are the addresses whose X-Forwarded headers are believed.
    """

    host: str
    port: int
    public_url: str | None
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()


@dataclass(frozen=True, slots=True)
class PushSettings:
    """The websocket gateway. ``url`` is what browsers are told; ``origins`` are the pages that may connect."""

    host: str
    port: int
    url: str | None
    origins: tuple[str, ...]
    buffer_bytes: int  # unsent bytes of one socket; more, and it is closed as too slow
    resume_seconds: float


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """The PBX events on disk: where, and how many days the database keeps those of a call."""

    folder: Path
    keep_days: int


@dataclass(frozen=True, slots=True)
class PbxSettings:
    """One PBX: how to reach it (``config``) and what its dialplan expects of a call that we begin."""

    config: PbxConfig
    dial_context: str
    technology: str
    ring_seconds: int

    @property
    def name(self) -> str:
        return self.config.name


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything, in groups; each part of the service gets only its own."""

    data_dir: Path
    database_url: str
    web: WebSettings
    push: PushSettings
    journal: JournalSettings
    pbxes: tuple[PbxSettings, ...]
    sms: tuple[Mapping[str, Any], ...]
    timezone: ZoneInfo
    area_code: str
    log_level: str
    log_format: str
    mask_live_numbers: bool
    import_max_bytes: int  # of a list of customers that is brought in


class _Pbx(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    host: str = Field(min_length=1)
    port: int = Field(5038, ge=1, le=65535)
    username: str = Field(min_length=1)
    secret: str
    action_username: str | None = None
    action_secret: str | None = None
    trunks: tuple[str, ...] = ()
    recordings_dir: str | None = None
    tls: bool = False
    tls_ca_file: str | None = None
    tls_verify: bool = True
    dial_context: str = "click-to-dial"
    technology: str = "PJSIP"
    ring_seconds: int = Field(30, ge=1, le=300)

    def settings(self) -> PbxSettings:
        config = PbxConfig(
            name=self.name,
            host=self.host,
            username=self.username,
            secret=self.secret,
            port=self.port,
            action_username=self.action_username or None,
            action_secret=self.action_secret if self.action_username else None,
            trunks=self.trunks,
            recordings_dir=self.recordings_dir,
            tls=self.tls,
            tls_options=TlsOptions(ca_file=self.tls_ca_file, verify=self.tls_verify),
        )
        return PbxSettings(config, self.dial_context, self.technology, self.ring_seconds)


class _Raw(BaseSettings):
    """The flat form, as people write it; names are those of the environment without the prefix, in lower case."""

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    database_url: str | None = None
    data_dir: Path = Path("var")
    host: str = "127.0.0.1"
    http_port: int = Field(8080, ge=0, le=65535)
    push_port: int = Field(8765, ge=0, le=65535)
    public_url: str | None = None
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    push_url: str | None = None
    push_origins: tuple[str, ...] = ()
    push_buffer_bytes: int = Field(262_144, ge=16_384, le=67_108_864)
    push_resume_seconds: float = Field(120.0, ge=0, le=3600)
    pbxes: tuple[_Pbx, ...] = ()
    sms: dict[str, Any] | list[dict[str, Any]] = Field(default_factory=lambda: {"provider": "console"})
    timezone: str = "Asia/Shanghai"
    area_code: str = Field("021", pattern=r"^0\d{2,3}$")
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "console"] = "auto"
    journal_keep_days: int = Field(90, ge=1, le=3650)
    mask_live_numbers: bool = False
    import_max_mb: int = Field(100, ge=1, le=2000)

    @field_validator("log_level", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _driver(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(_DRIVERS):
            # The value is not repeated: it may hold a password.
            raise ValueError(f"it must begin with {' or '.join(_DRIVERS)}")
        return value

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"{value!r} is no time zone; an example is Asia/Shanghai") from None
        return value

    @field_validator("pbxes")
    @classmethod
    def _names_differ(cls, value: tuple[_Pbx, ...]) -> tuple[_Pbx, ...]:
        names = [pbx.name for pbx in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"the PBX name {twice[0]!r} is used twice")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (env_settings, init_settings)


def load(file: str | Path | None = None) -> Settings:
    """The settings of this process. Raises WrongSettings."""
    path = Path(file) if file is not None else Path(DEFAULT_FILE)
    if file is not None and not path.is_file():
        raise WrongSettings([f"There is no settings file {path}."])
    try:
        return _grouped(_Raw(**_file_values(path)))
    except ValidationError as error:
        raise WrongSettings([_sentence(problem) for problem in error.errors()]) from None
    except SettingsError as error:
        raise WrongSettings([_unreadable(error)]) from None
    except ValueError as error:
        raise WrongSettings([f"{str(error)[:1].upper()}{str(error)[1:]}."]) from None


def _file_values(path: Path) -> dict[str, Any]:
    """What the file says, without what the environment says better (a table is replaced, never mixed)."""
    if not path.is_file():
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise WrongSettings([f"{path} is not valid TOML: {error}."]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise WrongSettings([f"{path} cannot be read: {error}."]) from None
    return {key: value for key, value in values.items() if not os.environ.get(_PREFIX + key.upper())}


def _grouped(raw: _Raw) -> Settings:
    data_dir = raw.data_dir.absolute()
    return Settings(
        data_dir=data_dir,
        database_url=raw.database_url or f"sqlite+aiosqlite:///{data_dir / 'callcenter.db'}",
        web=WebSettings(raw.host, raw.http_port, raw.public_url, raw.trusted_proxies),
        push=PushSettings(
            raw.host, raw.push_port, raw.push_url, raw.push_origins, raw.push_buffer_bytes, raw.push_resume_seconds
        ),
        journal=JournalSettings(data_dir / "journal", raw.journal_keep_days),
        pbxes=tuple(pbx.settings() for pbx in raw.pbxes),
        sms=tuple(raw.sms) if isinstance(raw.sms, list) else (raw.sms,),
        timezone=ZoneInfo(raw.timezone),
        area_code=raw.area_code,
        log_level=raw.log_level,
        log_format=raw.log_format,
        mask_live_numbers=raw.mask_live_numbers,
        import_max_bytes=raw.import_max_mb << 20,
    )


def _sentence(problem: Mapping[str, Any]) -> str:
    """One pydantic problem in words; the wrong value itself is left out, it may be a secret."""
    where = [str(part) for part in problem["loc"]]
    name = where[0] if where else "settings"
    inside = "".join(f"[{part}]" if part.isdigit() else f".{part}" for part in where[1:])
    if problem["type"] == "extra_forbidden":
        return f"{name}{inside}: there is no such setting; look for a misspelt name."
    if problem["type"] == "missing":
        return f"{_PREFIX}{name.upper()} ({name}{inside}): this is needed but missing."
    said = str(problem["msg"]).removeprefix("Value error, ")
    return f"{_PREFIX}{name.upper()} ({name}{inside}): {said[:1].lower()}{said[1:]}."


def _unreadable(error: SettingsError) -> str:
    text = str(error)
    name = text.split('"')[1] if '"' in text else "settings"
    return f"{_PREFIX}{name.upper()}: this must be JSON, and what is there is not ({error.__cause__})."
