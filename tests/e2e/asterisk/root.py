"""The root folder that holds Asterisk, made on first use."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.asterisk.server import REPOSITORY, AsteriskUnavailable


@dataclass(frozen=True, slots=True)
class AsteriskRoot:
    version: str
    path: Path


def asterisk_root(version: str = "22") -> AsteriskRoot:
    """Find or build it; AsteriskUnavailable carries the script's own sentence when it cannot be had."""
    script = REPOSITORY / "scripts/asterisk-root.sh"
    done = subprocess.run([str(script), version], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AsteriskUnavailable(done.stderr.strip().rpartition("\n")[2])
    _, found, path = done.stdout.strip().rpartition("\n")[2].split(" ", 2)
    return AsteriskRoot(found, Path(path))
