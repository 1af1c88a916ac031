"""Alembic's entry: works on the connection that ``crm_core.migrations`` hands in."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

from crm_core.db.base import Id
from crm_core.db.types import Json, UtcDateTime
from crm_core.schema import metadata


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Our own column types by their own names: a migration reads like the models."""
    own = {"UtcDateTime()": isinstance(item, UtcDateTime), "Id": item is Id, "Json": item is Json}
    for name, hit in own.items():
        if kind == "type" and hit:
            module = "crm_core.db.base" if name == "Id" else "crm_core.db.types"
            autogen.imports.add(f"from {module} import {name.removesuffix('()')}")
            return name
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=render_item,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
