"""Files that people hand in or take away (imports, exports): kept under names of ours, never under theirs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from crm_core.kernel import ids
from crm_core.kernel.errors import NotFound, Rejected, Unavailable

_PIECE = 1 << 16


class KeptFiles:
    """A folder that only this program writes to; a file's name is its id."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, file_id: int) -> Path:
        return self._folder / ids.show(file_id)

    async def save(self, pieces: AsyncIterable[bytes], *, limit: int) -> tuple[int, int]:
        """Id and size; whole or not at all. Raises Rejected ``file_too_large``, Unavailable when the disk is full."""
        file_id, size = ids.new_id(), 0
        part = self.path(file_id).with_suffix(".part")
        try:
            with await asyncio.to_thread(self._create, part) as file:
                async for piece in pieces:
                    size += len(piece)
                    if size > limit:
                        raise _too_large(limit)
                    await asyncio.to_thread(file.write, piece)
            await asyncio.to_thread(part.rename, self.path(file_id))
        except OSError as error:
            part.unlink(missing_ok=True)
            raise Unavailable(
                "file_not_kept", f"The file could not be stored ({error.strerror}); make room and try again."
            ) from error
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return file_id, size

    def _create(self, path: Path) -> BinaryIO:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")

    def create(self, file_id: int) -> BinaryIO:
        """For writing one of ours; ``publish`` makes it findable. Blocking: call it in a thread."""
        return self._create(self.path(file_id).with_suffix(".part"))

    def publish(self, file_id: int) -> None:
        self.path(file_id).with_suffix(".part").rename(self.path(file_id))

    async def open(self, file_id: int) -> BinaryIO:
        """Raises NotFound ``file_not_found``: it was taken away, or its time is over."""
        try:
            return await asyncio.to_thread(self.path(file_id).open, "rb")
        except FileNotFoundError:
            raise NotFound("file_not_found", "This file is not kept any more.") from None

    async def delete(self, file_id: int) -> None:
        """Harmless when it is gone already."""
        await asyncio.to_thread(self.path(file_id).unlink, True)

    async def forget_parts(self, before: datetime) -> None:
        """Deletes what broke off while it was written, by the time of its last piece."""
        await asyncio.to_thread(self._forget_parts, before.timestamp())

    def _forget_parts(self, before: float) -> None:
        for part in self._folder.glob("*.part"):
            with suppress(FileNotFoundError):
                if part.stat().st_mtime < before:
                    part.unlink()


def _too_large(limit: int) -> Rejected:
    return Rejected(
        "file_too_large",
        f"The file is larger than {limit >> 20} MiB; divide it.",
        errors={"file": f"at most {limit >> 20} MiB"},
    )
