"""The job that hands out all that is kept of one person: for machines (JSON) and for the person (a page)."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from html import escape
from typing import Any, BinaryIO, Final

import orjson

from crm_core.audit import service as audit
from crm_core.customers import queries as customers
from crm_core.customers import sealed
from crm_core.customers.protection import person_queries
from crm_core.customers.protection.elsewhere import Elsewhere
from crm_core.customers.protection.exporting import Files, attempted, begin_file, finish_file, request_of
from crm_core.jobs.runner import Work
from crm_core.kernel import ids
from crm_core.kernel.sealing import KeyRing
from crm_core.organization.access import Action

_STYLE: Final = (
    "body{font:15px/1.5 sans-serif;max-width:70em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;margin:0 0 2em}td,th{border:1px solid #ccc;padding:.3em .6em;text-align:left;"
    "vertical-align:top;overflow-wrap:anywhere}"
)


class PersonJob:
    """Called by the runner; one zip with ``person.json`` and ``person.html``."""

    def __init__(self, files: Files, zone: tzinfo, elsewhere: Sequence[Elsewhere]) -> None:
        self._files = files
        self._zone = zone
        self._elsewhere = elsewhere

    async def __call__(self, work: Work) -> Mapping[str, Any]:
        return await attempted(work, self._written(work))

    async def _written(self, work: Work) -> Mapping[str, Any]:
        found = await request_of(work)
        if found.customer_id is None:
            raise customers.no_customer()
        facts = await self._gathered(work, found.customer_id)
        head = {
            "asked_by": work.actor.name,
            "asked_at": found.asked_at.astimezone(self._zone).isoformat(),
            "reason": found.reason,
            "request": ids.show(found.id),
        }
        file_id = await begin_file(work, self._files)
        file = await asyncio.to_thread(self._files.create, file_id)
        try:
            await asyncio.to_thread(_pack, file, head, facts, found.labels)
        except BaseException:
            self._files.path(file_id).with_suffix(".part").unlink(missing_ok=True)
            raise
        finally:
            file.close()
        async with work.step() as step:
            audit.record(step.uow, work.actor, "person.export", "customer", found.customer_id, {"request": found.id})
        await finish_file(work, self._files, file_id, 1)
        return {"request": ids.show(found.id), "subjects": len(facts)}

    async def _gathered(self, work: Work, customer_id: int) -> dict[str, list[dict[str, Any]]]:
        async with work.db.read() as session:
            today = work.db.clock.now().astimezone(self._zone).date()
            await customers.customer(session, work.actor, customer_id, today=today, action=Action.CUSTOMER_EXPORT)
            facts = await person_queries.facts(session, customer_id)
            ring: KeyRing = session.info["keyring"]
            secret = await person_queries.sealed_of(session, customer_id)
            opened = {"id_card": sealed.open_id_card(ring, customer_id, secret.id_card_sealed)}
            opened |= sealed.open_medical(ring, customer_id, secret.medical_sealed, secret.contraindications_sealed)
            facts["customers"][0] |= {name: value for name, value in opened.items() if value}
            for tier in self._elsewhere:
                for name, rows in (await tier.gather(session, customer_id)).items():
                    facts[name] = [dict(row) for row in rows]
            facts["audit"] = await person_queries.audited(session, customer_id)
        return facts


def _pack(
    file: BinaryIO, head: Mapping[str, str], facts: Mapping[str, Sequence[Mapping[str, Any]]], labels: Mapping[str, str]
) -> None:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        document = {"request": dict(head), **facts}
        archive.writestr(
            "person.json", orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS, default=str)
        )
        archive.writestr("person.html", page(head, facts, labels))


def page(head: Mapping[str, str], facts: Mapping[str, Sequence[Mapping[str, Any]]], labels: Mapping[str, str]) -> str:
    """All of it as one page that any browser shows; every text is escaped."""
    parts = ["<!doctype html><meta charset=utf-8><title>", escape(_word("Personal data", labels)), "</title>"]
    parts += [f"<style>{_STYLE}</style><h1>", escape(_word("Personal data", labels)), "</h1>"]
    parts.append(_table([head], labels))
    for name, rows in facts.items():
        parts.append(f"<h2>{escape(_word(name, labels))} ({len(rows)})</h2>")
        if len(rows) == 1:
            parts.append(_pairs(rows[0], labels))
        elif rows:
            parts.append(_table(rows, labels))
    return "".join(parts)


def _pairs(row: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    lines = (f"<tr><th>{escape(_word(name, labels))}<td>{_text(value)}" for name, value in row.items())
    return f"<table>{''.join(lines)}</table>"


def _table(rows: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f"<th>{escape(_word(name, labels))}" for name in names)
    lines = "".join("<tr>" + "".join(f"<td>{_text(row.get(name))}" for name in names) for row in rows)
    return f"<table><tr>{head}{lines}</table>"


def _text(value: Any) -> str:
    if value is None:
        return ""
    return escape(
        value if isinstance(value, str) else orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    )


def _word(name: str, labels: Mapping[str, str]) -> str:
    words = name.replace("_", " ")
    return labels.get(name, words[:1].upper() + words[1:])
