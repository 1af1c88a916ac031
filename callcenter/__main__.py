"""``callcenter`` and ``python -m callcenter``."""

from __future__ import annotations

import sys


def main() -> None:
    # Late, so that the traceback of a broken installation is the only thing that can come before our own sentences.
    from callcenter.cli import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
