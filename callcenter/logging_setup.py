"""Logs to stderr: people's form on a terminal, one JSON object a line elsewhere; never personal data."""

from __future__ import annotations

import logging
import sys
from typing import Any

import orjson
import structlog

from callcenter.log_masking import mask_numbers

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
# These tell every connection, request or statement: noise unless someone looks for it.
_CHATTY = ("websockets", "aiohttp.access", "sqlalchemy.engine", "aiosqlite", "asyncio", "panoramisk", "alembic")


def _json(_logger: Any, _name: str, event: structlog.typing.EventDict) -> str:
    return orjson.dumps(event, default=str).decode()


def configure(level: str, form: str = "auto") -> None:
    """Routes structlog and the standard library's logging through one handler. ``form`` is auto, json or console."""
    to_people = form == "console" or (form == "auto" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    final: list[structlog.typing.Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    # Exceptions become text first: their messages and the values of statements may hold a number.
    final += [structlog.processors.format_exc_info, mask_numbers]
    final.append(structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()) if to_people else _json)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=final))
    # A line that cannot be written is lost; the standard library would print it instead, nothing in it masked.
    logging.raiseExceptions = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(_LEVELS[level])
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(_LEVELS[level], logging.WARNING))
