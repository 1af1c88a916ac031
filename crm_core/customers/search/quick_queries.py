"""The quick search: walks down from the newest customer along the rarest fragment and asks for the others by key.

Bounded at each step: a step looks at so many rows of one index at most, whatever was typed and however big the base is.
What the index offers is looked at once more (``asked.fits``), so that the answer is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, tzinfo
from functools import lru_cache

from sqlalchemy import BigInteger, ColumnElement, Subquery, TextClause, func, literal, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncSession

from crm_core.customers import sealed
from crm_core.customers.models import Customer, Phone
from crm_core.customers.search import facts_queries
from crm_core.customers.search.asked import Sight, Word, fits
from crm_core.customers.search.models import SearchToken
from crm_core.customers.search.sources import (
    Branch,
    EntrySource,
    IdCardSource,
    PhoneSource,
    Reading,
    Source,
    TokenSource,
    branches,
)
from crm_core.db.types import AnySelect
from crm_core.db.upsert import table_of
from crm_core.kernel.sealing import NO_KEYS, KeyRing

_STEP = 2000  # rows of one index that a step looks at
_SHALLOW = 200  # the same where many tokens are walked side by side
_PROBE = 500  # how far down the rarest fragment is looked for
_NEWEST = (1 << 63) - 1
_MOST_STEPS = 12
_SPARE = 15  # more than a page: some of what the index offers has the fragments, but not in a row
_tokens, _customers, _phones = table_of(SearchToken), table_of(Customer), table_of(Phone)
# Plus nothing, so that no database thinks of walking through all customers by their ids.
_by_another_index: ColumnElement[int] = _customers.c.id + 0


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose customers are looked through: those of the owner and those of the departments."""

    owner_id: int | None
    departments: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """Customers, newest first; ``before`` is where the next page goes on, None at the end."""

    ids: list[int]
    before: int | None


@dataclass(frozen=True, slots=True)
class _Path:
    """How a branch is walked: ``along`` its rarest source (None: along the customers in reach).

    ``deep``: there may be more rows in it than a step looks at.
    """

    along: Source | None
    others: Branch
    deep: bool

    @property
    def shallow(self) -> bool:
        return isinstance(self.along, TokenSource) and len(self.along.tokens) > 1


class Walk:
    """One search for one reader."""

    def __init__(
        self,
        session: AsyncSession,
        words: Sequence[Word],
        sight: Sight,
        *,
        reach: Reach | None,
        conditions: Sequence[ColumnElement[bool]],
        today: date,
        zone: tzinfo,
    ) -> None:
        """``conditions`` are what the customers must meet besides, the reach among them; ``reach`` None is all."""
        self._session = session
        self._words, self._sight, self._reach = words, sight, reach
        self._conditions = list(conditions)
        self._today, self._zone = today, zone
        self._numbers = any(word.number or word.account or word.digits for word in words)
        self._id_cards = any(word.id_card for word in words)
        ring: KeyRing = session.info.get("keyring", NO_KEYS)
        self._branches = branches(words, _reading(ring, sight, today, zone))

    async def page(self, limit: int, before: int | None) -> Found:
        """The next ``limit`` customers older than ``before``. Fewer with a cursor: the search is not through yet."""
        at = _NEWEST if before is None else before
        paths = await self._paths(at)
        found: list[int] = []
        for step in range(_MOST_STEPS if paths else 0):
            # Short steps first: of a frequent fragment the first few hundred rows make the page.
            bound = min(_STEP, _SHALLOW * 4**step)
            offered, floor = await self._offered(paths, at, limit + _SPARE, bound)
            found += await self._sure(offered)
            if len(found) > limit:
                return Found(found[:limit], found[limit - 1])
            if floor is None:
                return Found(found, None)
            at = floor
        return Found(found, at if paths else None)

    async def _sure(self, ids: Sequence[int]) -> list[int]:
        known = await facts_queries.facts_of(self._session, ids, numbers=self._numbers, id_cards=self._id_cards)
        facts = {one.id: one for one in known}
        return [
            customer_id
            for customer_id in ids
            if customer_id in facts and fits(self._words, facts[customer_id], self._sight, self._zone, self._today)
        ]

    async def _paths(self, at: int) -> list[_Path]:
        """Each branch along its rarest source: the one whose 500th row lies deepest, or that has not so many."""
        tokens = {
            source: _newest(source.tokens[0], at) if len(source.tokens) == 1 else _any(source.tokens)
            for branch in self._branches
            for source in branch
            if isinstance(source, TokenSource)
        }
        probes: list[tuple[Source | None, AnySelect]] = list(tokens.items())
        if self._reach is not None:
            probes.append((None, _in_reach(self._reach, at, _PROBE + 1)))
        depth: dict[Source | None, int] = {}
        if probes:
            deep = (rows.offset(_PROBE).limit(1).scalar_subquery() for _, rows in probes)
            columns = [column.label(f"p{n}") for n, column in enumerate(deep)]
            row = (await self._session.execute(select(*columns))).one()
            depth = {source: value or 0 for (source, _), value in zip(probes, row, strict=True)}
        return [self._path(branch, depth) for branch in self._branches]

    def _path(self, branch: Branch, depth: dict[Source | None, int]) -> _Path:
        def rarity(source: Source | None) -> int:
            if isinstance(source, PhoneSource | IdCardSource):
                return -1
            if isinstance(source, TokenSource) and len(source.tokens) > 1 and depth[source]:
                return _NEWEST - 1  # where many tokens are many rows, nothing says how they lie
            return depth.get(source, _NEWEST)

        along: Source | None = min(branch, key=rarity)
        if self._reach is not None and rarity(None) < rarity(along):
            along = None
        path = _Path(along, tuple(source for source in branch if source is not along), rarity(along) > 0)
        return replace(path, deep=True) if path.shallow else path

    async def _offered(self, paths: Sequence[_Path], at: int, wanted: int, bound: int) -> tuple[list[int], int | None]:
        """(what all paths together offer, newest first; how far down that is the whole of it, None: to the end)."""
        slices = [self._slice(path, at, number, bound) for number, path in enumerate(paths)]
        offers = [self._offer(path, rows, wanted).subquery() for path, rows in zip(paths, slices, strict=True)]
        numbered = [select(literal(n).label("path"), offer.c.customer_id) for n, offer in enumerate(offers)]
        rows = (await self._session.execute(union_all(*numbered) if len(numbered) > 1 else numbered[0])).all()
        by_path: list[list[int]] = [[] for _ in paths]
        for number, customer_id in rows:
            by_path[number].append(customer_id)
        floor = 0
        for path, rows_of_slice, ids in zip(paths, slices, by_path, strict=True):
            if len(ids) >= wanted:
                floor = max(floor, min(ids))
            elif path.deep or bound < _PROBE:
                floor = max(floor, await self._floor(path, rows_of_slice, bound))
        together = {customer_id for ids in by_path for customer_id in ids if customer_id >= floor}
        return sorted(together, reverse=True), floor or None

    def _slice(self, path: _Path, at: int, number: int, bound: int) -> Subquery:
        """The next rows of the source that is walked along."""
        along = path.along
        if along is None and self._reach is not None:
            rows = _in_reach(self._reach, at, bound)
        elif isinstance(along, TokenSource):
            if len(along.tokens) > 1:
                return _side_by_side(along.tokens, at, number)
            rows = _newest(along.tokens[0], at)
        elif isinstance(along, PhoneSource):
            rows = _ids(_phones.c.customer_id, at).where(_phones.c.e164 == along.e164)
        elif isinstance(along, IdCardSource):
            rows = _ids(_by_another_index, at).where(_customers.c.id_card_index == along.blind)
        elif along is not None:
            rows = _ids(_by_another_index, at).where(*_of_entry(along))
        else:
            raise AssertionError("a branch without reach has a source")
        return rows.limit(bound).subquery()

    def _offer(self, path: _Path, rows: Subquery, wanted: int) -> AnySelect:
        """Of those rows the customers that are in the other sources too and meet the conditions."""
        found: AnySelect = select(rows.c.customer_id)
        about = [source for source in path.others if isinstance(source, IdCardSource | EntrySource)]
        if about or self._conditions:
            found = found.join(_customers, _customers.c.id == rows.c.customer_id).where(*self._conditions)
        for source in path.others:
            if isinstance(source, IdCardSource):
                found = found.where(_customers.c.id_card_index == source.blind)
            elif isinstance(source, EntrySource):
                found = found.where(*_of_entry(source))
            else:
                found = found.where(_is_in(source, rows))
        return found.order_by(rows.c.customer_id.desc()).limit(wanted)

    async def _floor(self, path: _Path, rows: Subquery, bound: int) -> int:
        """The oldest of the rows looked at, 0 when there are no more behind it."""
        lowest, count = (await self._session.execute(select(func.min(rows.c.customer_id), func.count()))).one()
        return int(lowest) if count >= (_SHALLOW if path.shallow else bound) else 0


def _reading(ring: KeyRing, sight: Sight, today: date, zone: tzinfo) -> Reading:
    def fragments(part: str) -> Sequence[str]:
        return ring.fragments(part.upper(), sealed.ID_CARD, facts_queries.FRAGMENT) if ring.ids else ()

    def blind(part: str) -> str | None:
        return sealed.id_card_index(ring, part.upper()) if ring.ids else None

    return Reading(sight, today, zone, fragments, blind)


def _ids(column: ColumnElement[int], at: int) -> AnySelect:
    found: AnySelect = select(column.label("customer_id")).where(column < at).order_by(column.desc())
    return found


def _newest(token: int, at: int) -> AnySelect:
    return _ids(_tokens.c.customer_id, at).where(_tokens.c.token == token)


def _any(tokens: Sequence[int]) -> AnySelect:
    return select(_tokens.c.customer_id).where(_tokens.c.token.in_(tokens))


def _side_by_side(tokens: Sequence[int], at: int, number: int) -> Subquery:
    """Customers with any of the tokens, newest first: the newest of all are among the newest of each."""
    values = {f"t{number}_{place}": token for place, token in enumerate(tokens)}
    filled = _side_by_side_text(len(tokens), number).bindparams(**values, **{f"at{number}": at})
    return filled.columns(customer_id=BigInteger).subquery()


@lru_cache(maxsize=256)
def _side_by_side_text(count: int, number: int) -> TextClause:
    # As text: put together from parts, so long a statement takes longer than it runs.
    one = (
        "SELECT customer_id FROM (SELECT customer_id FROM search_tokens"
        " WHERE token = :t{0}_{1} AND customer_id < :at{0} ORDER BY customer_id DESC LIMIT {2}) AS part"
    )
    parts = " UNION ALL ".join(one.format(number, place, _SHALLOW) for place in range(count))
    # Only names of parameters and our own bound are put in.
    return text(
        f"SELECT DISTINCT customer_id FROM ({parts}) AS parts ORDER BY customer_id DESC LIMIT {_SHALLOW}"  # noqa: S608
    )


def _in_reach(reach: Reach, at: int, bound: int) -> AnySelect:
    parts = [_ids(_customers.c.id, at).where(_customers.c.department_id == one) for one in reach.departments]
    if reach.owner_id is not None:
        parts.append(_ids(_customers.c.id, at).where(_customers.c.owner_id == reach.owner_id))
    return parts[0] if len(parts) == 1 else _together(parts, bound)


def _together(parts: Sequence[AnySelect], bound: int) -> AnySelect:
    """Several lists, each newest first, as one: the newest ``bound`` of all are among the newest of each."""
    newest = union_all(*(select(part.limit(bound).subquery().c.customer_id) for part in parts)).subquery()
    found: AnySelect = select(newest.c.customer_id).distinct().order_by(newest.c.customer_id.desc())
    return found


def _of_entry(source: EntrySource) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _customers.c.created_at >= source.start, _customers.c.created_at < source.end


def _is_in(source: Source, rows: Subquery) -> ColumnElement[bool]:
    # A sub-select for a value, not EXISTS: PostgreSQL would turn that into a join with all rows of the token.
    if isinstance(source, PhoneSource):
        one = select(_phones.c.customer_id).where(_phones.c.e164 == source.e164)
        own = _phones.c.customer_id
    else:
        assert isinstance(source, TokenSource)  # noqa: S101 - for the type checker
        few = len(source.tokens) == 1
        same = _tokens.c.token == source.tokens[0] if few else _tokens.c.token.in_(source.tokens)
        one, own = select(_tokens.c.customer_id).where(same), _tokens.c.customer_id
    return one.where(own == rows.c.customer_id).correlate(rows).limit(1).scalar_subquery().is_not(None)
