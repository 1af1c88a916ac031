"""Packs recorded AMI streams for the demo: python scripts/pack_demo_traffic.py OUT_DIR FILE.ami ...

Left out: what answered the recorder's own actions, and events that no reader of ours wants.
"""

from __future__ import annotations

import lzma
import sys
from pathlib import Path

_UNWANTED = (
    b"Event: TestEvent",
    b"Event: RTCP",
    b"Event: Cdr\r",
    b"Event: SuccessfulAuth",
    b"Response: ",
    b"Event: FullyBooted",
)


def pack(source: Path, target: Path) -> None:
    packets = [p for p in source.read_bytes().split(b"\r\n\r\n") if p.strip()]
    wanted = [p for p in packets if not p.startswith((*_UNWANTED, b"Asterisk Call Manager"))]
    data = b"".join(p + b"\r\n\r\n" for p in wanted)
    (target / f"{source.name}.xz").write_bytes(lzma.compress(data, preset=9 | lzma.PRESET_EXTREME))


def main() -> None:
    target = Path(sys.argv[1])
    for name in sys.argv[2:]:
        pack(Path(name), target)


if __name__ == "__main__":
    main()
