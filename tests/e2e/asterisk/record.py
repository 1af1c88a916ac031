"""Play scenes on a real Asterisk and keep what it said.

    python -m tests.e2e.asterisk.record ROOT FOLDER [SCENE …]

For each scene: NAME.ami (every byte a listener with all rights was sent, log-in included), NAME.cdr.csv and
NAME.queue_log (the lines that Asterisk itself wrote), NAME.about.txt (what was played).
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from tests.e2e.asterisk.ami import Capture
from tests.e2e.asterisk.scenes import SCENES, Scene, Stage
from tests.e2e.asterisk.server import AsteriskServer

SCENE_SECONDS = 60


async def record(pbx: AsteriskServer, scene: Scene, folder: Path) -> None:
    """Play one scene and write its four files."""
    stage = Stage(pbx)
    await stage.set()
    cdr_from, queue_from = len(pbx.cdr()), len(pbx.queue_log())
    capture = await Capture(pbx.session()).start()
    await asyncio.sleep(0.4)
    try:
        async with asyncio.timeout(SCENE_SECONDS):
            await scene.play(stage)
            await pbx.admin.quiet()
        # MixMonitor and app_queue write their last lines a moment after the last channel is gone.
        await asyncio.sleep(0.8)
    finally:
        (folder / f"{scene.name}.ami").write_bytes(await capture.stop())
    (folder / f"{scene.name}.cdr.csv").write_text(pbx.cdr()[cdr_from:])
    (folder / f"{scene.name}.queue_log").write_text(pbx.queue_log()[queue_from:])
    (folder / f"{scene.name}.about.txt").write_text(scene.about + "\n")


async def record_all(root: Path, folder: Path, names: list[str]) -> list[str]:
    """The scenes that could not be played."""
    failed = []
    with tempfile.TemporaryDirectory(prefix="asterisk-", ignore_cleanup_errors=True) as scratch:
        async with AsteriskServer(root, Path(scratch)) as pbx:
            for name in names:
                try:
                    await record(pbx, SCENES[name], folder)
                    print(f"{name}: recorded", flush=True)
                except Exception as error:
                    print(f"{name}: {type(error).__name__} {error}", flush=True)
                    failed.append(name)
                    await pbx.admin.command("channel request hangup all")
                    await pbx.close_phones()
                    await pbx.admin.quiet()
    return failed


def main() -> int:
    root, folder, *names = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    failed = asyncio.run(record_all(Path(root), Path(folder), names or list(SCENES)))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
