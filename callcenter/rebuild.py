"""Makes calls anew from the PBX events that the database keeps: for when a mistake in the tracker was corrected."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping
from datetime import datetime

from callcenter.ami.decoder import AmiDecoder
from callcenter.commands import database
from callcenter.live import folded
from callcenter.settings import PbxSettings, Settings
from callcenter.tracking.changes import CallChanged
from callcenter.tracking.tracker import CallTracker
from crm_core.calls import queries, rebuild_queries, rules, writing
from crm_core.calls.facts import CallFacts, CallState, Certainty
from crm_core.db.database import Database
from crm_core.kernel import ids
from crm_core.kernel.errors import Rejected

OK, FAILED = 0, 1
_PAGE = 200


async def rebuild(settings: Settings, *, call: str | None, since: str | None) -> int:
    """Exit 0 when every call named could be made anew."""
    pbxes = {pbx.name: pbx for pbx in settings.pbxes}
    async with database(settings) as db:
        if call is not None:
            wanted = [ids.parse(call)]
        else:
            wanted = await _begun_since(db, _instant(since or ""))
        failed = 0
        for call_id in wanted:
            failed += not await _rebuild_one(db, call_id, pbxes, settings.area_code)
    sys.stderr.write(f"{len(wanted) - failed} calls were made anew, {failed} could not be.\n")
    return FAILED if failed or not wanted else OK


async def _rebuild_one(db: Database, call_id: int, pbxes: Mapping[str, PbxSettings], area_code: str) -> bool:
    async with db.read() as session:
        before = await rebuild_queries.rebuildable(session, call_id)
        chunks = await queries.events(session, call_id)
    pbx = pbxes.get(before.pbx) if before else None
    if before is None or pbx is None or not chunks:
        return False
    facts = fold([packet for chunk in chunks for packet in rules.raw_packets(chunk)], pbx, call_id)
    # Without an end the PBX was never heard of it again; what the reconnect found out is not among the events.
    if facts is None or (facts.state is not CallState.ENDED and before.ended):
        return False
    if before.certainty is Certainty.GAP:
        facts = dataclasses.replace(facts, certainty=Certainty.GAP)
    async with db.uow() as uow:
        await writing.store_calls(uow, [facts], area_code=area_code)
    return True


def fold(packets: list[bytes], pbx: PbxSettings, call_id: int) -> CallFacts | None:
    """The call as the tracker understands its events now; None when it makes another call of them."""
    tracker = CallTracker(pbx.name, pbx.config.trunks)
    last: CallFacts | None = None
    decoder = AmiDecoder()
    for packet in packets:
        for _, changes in folded(tracker, decoder, packet, 0.0):
            if any(isinstance(change, CallChanged) and change.call_id == call_id for change in changes):
                last = tracker.facts(call_id)
    return last


async def _begun_since(db: Database, since: datetime) -> list[int]:
    found: list[int] = []
    after = 0
    async with db.read() as session:
        while page := await rebuild_queries.begun_since(session, since, after=after, limit=_PAGE):
            found += page
            after = page[-1]
    return found


def _instant(text: str) -> datetime:
    """Raises Rejected unless it is a time with its offset."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise Rejected("bad_time", "The time needs date and offset, such as 2026-07-01T00:00:00+08:00.")
    return at
