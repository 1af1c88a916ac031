"""No log line holds a whole number."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterator

import pytest
import structlog

from callcenter.log_masking import masked
from callcenter.logging_setup import configure

NUMBERS = ("13800138000", "+8613800138000", "8613800138000", "021-12345678", "02112345678", "110101194912310022",
           "11010119491231002X", "110101491231002", "138 0013 8000")  # fmt: skip


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    root, handlers, level = logging.getLogger(), logging.getLogger().handlers[:], logging.getLogger().level
    text, before = io.StringIO(), structlog.get_config()
    monkeypatch.setattr(sys, "stderr", text)
    configure("info", "json")
    structlog.configure(cache_logger_on_first_use=False)
    yield text
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**before)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_masked_wherever_it_stands(number: str) -> None:
    for text in (number, f"dial {number} failed", f"('{number}',)", f"{number}@trunk", f"PJSIP/{number}"):
        assert number not in masked(text), masked(text)


@pytest.mark.parametrize(
    "text",
    ["2026-07-20T09:30:00.125000+08:00", "1795226400.1234", "PJSIP/1001-0000001a", "12345 rows", "0drk4w1x8m3te"],
)
def test_what_is_no_number_of_a_person_stays_readable(text: str) -> None:
    assert masked(text) == text


def test_no_way_of_logging_lets_a_number_out(logged: io.StringIO) -> None:
    log = structlog.get_logger("test")
    log.warning("dialled 13800138000", reason="no route to +8613800138000", data={"to": ["13800138000"]})
    log.info("pop", caller_name="张桂兰", customer_number="8001")
    logging.getLogger("library").warning("sent to %s", "13800138000", extra={"about": {"number": "13800138000"}})
    try:
        raise ValueError("bad number 13800138000")
    except ValueError:
        log.exception("failed")
        logging.getLogger("library").exception("failed %s", "021-12345678")
    written = logged.getvalue()
    assert written.count("\n") == 5, written
    for secret in ("13800138000", "张桂兰", "12345678", '"8001"'):
        assert secret not in written, written
    assert "138****8000" in written
