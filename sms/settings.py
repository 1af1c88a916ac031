"""The SMS accounts as the operator writes them (CALLCENTER_SMS): checked, typed, frozen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class _Account(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field("default", min_length=1, max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")


class ConsoleAccount(_Account):
    """Prints messages and answers like a network: for development and demo."""

    provider: Literal["console"]


class SmppAccount(_Account):
    """A bind (or two) at a carrier's SMSC; ``rate`` is messages a second, ``window`` unanswered ones at a time."""

    provider: Literal["smpp"]
    host: str = Field(min_length=1)
    port: int = Field(2775, ge=1, le=65535)
    system_id: str = Field(min_length=1, max_length=15)
    password: str = Field(max_length=8, repr=False)
    bind: Literal["transceiver", "separate"] = "transceiver"
    window: int = Field(10, ge=1, le=1000)
    rate: float = Field(100, gt=0, le=10_000)
    source: str = Field("", max_length=20)
    tls: bool = False


class HttpAccount(_Account):
    """A web service, described by a preset or by its own settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    provider: Literal["http"]
    preset: str | None = None


class AsteriskAccount(_Account):
    """SIP MESSAGE through a PBX of CALLCENTER_PBXES."""

    provider: Literal["asterisk"]
    pbx: str


Account = Annotated[
    ConsoleAccount | SmppAccount | HttpAccount | AsteriskAccount,
    Field(discriminator="provider"),
]
_ACCOUNTS: TypeAdapter[tuple[Account, ...]] = TypeAdapter(tuple[Account, ...])


def accounts(raw: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> tuple[Account, ...]:
    """One account or a list of them. Raises ValueError (pydantic's ValidationError) that names the wrong field."""
    many = [raw] if isinstance(raw, Mapping) else list(raw)
    found = _ACCOUNTS.validate_python([dict(one) for one in many])
    names = [account.name for account in found]
    if len(set(names)) != len(names):
        raise ValueError("two SMS accounts have the same name; give each its own")
    return found
