"""A test session that leaves nothing out: with CALLCENTER_TEST_COMPLETE=1 a skipped test fails it."""

from __future__ import annotations

import os

import pytest


def left_out(config: pytest.Config) -> list[str]:
    """The tests that were skipped, each with its reason; empty unless completeness is asked for."""
    if os.environ.get("CALLCENTER_TEST_COMPLETE") != "1":
        return []
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = reporter.stats.get("skipped", []) if reporter is not None else []
    return [f"{report.nodeid}: {_reason(report)}" for report in reports]


def _reason(report: pytest.TestReport) -> str:
    return report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
