"""How the real Chromium is started: Debian's own, headless, talking to nobody but us."""

from __future__ import annotations

import shutil
from typing import Any

_EXECUTABLE = shutil.which("chromium") or "/usr/bin/chromium"

LAUNCH: dict[str, Any] = {
    "executable_path": _EXECUTABLE,
    "args": [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--autoplay-policy=no-user-gesture-required",
    ],
}
