"""The errors of the domain: a few kinds, each with a stable slug; transports translate them, nobody parses text."""

from __future__ import annotations

from collections.abc import Mapping


class CrmError(Exception):
    """A refusal with a stable ``code`` and a sentence that says what to do; ``errors`` names wrong fields."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        errors: Mapping[str, str] | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = dict(errors or {})
        self.extra = dict(extra or {})


class NotFound(CrmError):
    """It does not exist, or the asker may not know that it does."""


class Conflict(CrmError):
    """It clashes with what is stored: a duplicate, or a newer version."""


class Rejected(CrmError):
    """The input or the wish breaks a rule."""


class Denied(CrmError):
    """The asker is known but may not do this."""


class Unauthenticated(Denied):
    """Nobody is signed in, or not any more."""


class TooMuch(CrmError):
    """The asker has had as much as is allowed for now; ``retry_after`` in ``extra`` is in seconds."""


class Unavailable(CrmError):
    """A part that is needed does not answer now; trying again later is right."""
