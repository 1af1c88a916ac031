"""A list comes in: stored, looked at, and either checked or imported with what was said about it."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers.imports import service, source
from crm_core.customers.imports.deciding import Options
from crm_core.customers.imports.models import CustomerImport
from crm_core.db.database import Database
from crm_core.kernel.errors import Rejected
from crm_core.organization.access import Action, Actor


class Store(Protocol):
    """Keeps what is uploaded."""

    async def save(self, pieces: AsyncIterable[bytes], *, limit: int) -> tuple[int, int]: ...

    def path(self, file_id: int) -> Path: ...

    async def delete(self, file_id: int) -> None: ...


@dataclass(slots=True)
class Asked:
    """What was said with a list. ``mapping`` gives fields by heading; None: as proposed."""

    file_id: int | None = None
    file_name: str = ""
    mapping: Mapping[str, str] | None = None
    options: dict[str, Any] = field(default_factory=dict)
    preset_id: int | None = None


async def receive(db: Database, store: Store, asked: Asked, *, by: Actor) -> CustomerImport:
    """A stored file as an import of its own. The file goes again when it cannot be read (Rejected)."""
    by.require(Action.CUSTOMER_IMPORT)
    if asked.file_id is None:
        raise Rejected("invalid_input", "Some of the input is wrong; see errors.", errors={"file": "required"})
    try:
        head = await source.head(store.path(asked.file_id))
        async with db.uow() as uow:
            batch = await service.upload(uow, file_id=asked.file_id, file_name=asked.file_name, head=head, by=by)
            batch.mapping = {"columns": await _columns(uow.session, batch, asked, by)}
            return batch
    except BaseException:
        await store.delete(asked.file_id)
        raise


async def _columns(session: AsyncSession, batch: CustomerImport, asked: Asked, by: Actor) -> list[str]:
    """As said, as remembered, or as proposed. Raises Rejected, NotFound."""
    proposed: list[str] = batch.mapping["columns"]
    if asked.mapping is not None:
        unknown = asked.mapping.keys() - set(batch.headers)
        if unknown:
            errors = {f"mapping.{heading}": "the file has no such column" for heading in sorted(unknown)}
            raise Rejected("import_mapping_invalid", "The columns cannot be read so; see errors.", errors=errors)
        return [asked.mapping.get(heading, "") for heading in batch.headers]
    if asked.preset_id is None:
        return proposed
    preset = await service.preset_of(session, asked.preset_id, by)
    return service.with_preset(batch.headers, preset.mapping, proposed)


async def go_on(db: Database, batch: CustomerImport, options: Options, *, dry_run: bool, by: Actor) -> None:
    """The check or the run of a list that has just come in."""
    async with db.uow() as uow:
        if dry_run:
            await service.check(uow, batch.id, columns=None, options=options, by=by)
            return
        columns = batch.mapping["columns"]
        await service.set_mapping(uow, batch.id, columns=columns, options=options, by=by)
        await service.run(uow, batch.id, by=by)
