"""The quick search: walks down from the newest customer along the rarest fragment and asks for the others by key.

Bounded at each step: a step looks at so many rows of one index at most, whatever was typed and however big the base is.
What the index offers is looked at once more (``asked.fits``), so that the answer is exact.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo

from crm_core.customers import sealed
from crm_core.customers.search import facts_queries, line_queries, statements
from crm_core.customers.search.asked import Sight, Word, fits
from crm_core.customers.search.line_queries import Known
from crm_core.customers.search.sources import (
    Branch,
    EntrySource,
    Reading,
    Source,
    TokenSource,
    ways,
)
from crm_core.customers.search.statements import Reach
from crm_core.db.trips import Piece, Spelling, Steps
from crm_core.kernel.sealing import KeyRing

_STEP, _FIRST_STEP, _GROWTH = 2000, 200, 4  # rows of one index that a step looks at
_WIDE_STEP = 800  # the same of each, where several are walked side by side
_PROBE = 64  # so far down is looked to learn how frequent a fragment is
_NEWEST = (1 << 63) - 1
_MOST_STEPS = 12
_SPARE = 15  # more than a page: some of what the index offers has the fragments, but not in a row
_SOME = 2000  # entries of a day: from here on it is no rare mark
_READ = 0.1  # what reading a row in order costs, measured by asking for one by its key
# Shares of those that need no measuring, rarer and commoner than any that is measured.
_ONE, _FEW, _FEW_OF_A_DAY, _MANY_OF_A_DAY = 1e-250, 1e-200, 1e-150, 1.0


@dataclass(frozen=True, slots=True)
class Found:
    """Customers, newest first; ``before`` is where the next page goes on, None at the end."""

    known: list[Known]
    before: int | None

    @property
    def ids(self) -> list[int]:
        return [one.id for one in self.known]


@dataclass(frozen=True, slots=True)
class _Path:
    """``along`` which source it goes (None: along the customers in reach), and what else they have to meet."""

    along: Source | None
    tests: tuple[Piece, ...]
    with_customer: bool

    @property
    def wide(self) -> bool:
        return isinstance(self.along, TokenSource) and len(self.along.tokens) > 1


@dataclass(frozen=True, slots=True)
class Search:
    """Who searches for what: ``cut`` is what the customers must meet besides, ``reach`` None is all."""

    words: Sequence[Word]
    sight: Sight
    reach: Reach | None
    cut: Piece | None
    today: date
    zone: tzinfo


class Walk:
    """One search for one reader."""

    def __init__(self, search: Search, ring: KeyRing, spelling: Spelling) -> None:
        self._search, self._ring, self._spelling = search, ring, spelling
        reading = _reading(ring, search.sight, search.today, search.zone)
        self._words = [ways(word, reading) for word in search.words]
        self._marks = any(word.number or word.account or word.id_card for word in search.words)
        self._id_cards = ring if ring.ids and any(word.id_card for word in search.words) else None

    def page(self, limit: int, before: int | None) -> Steps[Found]:
        """The next ``limit`` customers older than ``before``. Fewer with a cursor: the search is not through yet."""
        at = _NEWEST if before is None else before
        paths = yield from self._paths(at)
        found: list[Known] = []
        for step in range(_MOST_STEPS if paths else 0):
            # Short steps first: of a frequent fragment the first few hundred rows make the page.
            bound = min(_STEP, _FIRST_STEP * _GROWTH**step)
            offered, floor = yield from self._offered(paths, at, bound)
            while offered and len(found) <= limit:
                some = limit + 1 - len(found) + (_SPARE if len(self._words) > 1 or self._marks else 0)
                found += yield from self._sure(offered[:some])
                offered = offered[some:]
            if len(found) > limit:
                return Found(found[:limit], found[limit - 1].id)
            if floor is None:
                return Found(found, None)
            at = floor
        return Found(found, at if paths else None)

    def _sure(self, ids: Sequence[int]) -> Steps[list[Known]]:
        known = yield from line_queries.known(ids, self._spelling, marks=self._marks)
        search = self._search
        return [
            known[customer_id]
            for customer_id in ids
            if customer_id in known
            and fits(
                search.words,
                line_queries.facts(known[customer_id], self._id_cards),
                search.sight,
                search.zone,
                search.today,
            )
        ]

    def _paths(self, at: int) -> Steps[list[_Path]]:
        """Along the word whose marks are rarest, each of its ways by its rarest mark; or along the reach."""
        if self._is_one_token():
            return [self._path(self._words[0][0][0], (), [])]
        shares = yield from self._shares(at)
        # The rarest first: most customers fail at the first test.
        words = [[tuple(sorted(way, key=shares.__getitem__)) for way in _alive(word, shares)] for word in self._words]
        if not words or not all(words):
            return []
        rarity = [sum(shares[way[0]] for way in word) for word in words]
        looks = [sum(map(_looks, word)) for word in words]
        # Along the commoner word so many more rows are looked at, along the rarer one the others' tests may cost more.
        costs = [share * (1 + sum(looks) - own + own * _READ) for share, own in zip(rarity, looks, strict=True)]
        rarest = min(range(len(words)), key=costs.__getitem__)
        if self._search.reach is not None and shares[None] * (1 + sum(looks)) < costs[rarest]:
            return [self._path(None, (), words)]
        others = [word for place, word in enumerate(words) if place != rarest]
        return [self._path(way[0], way[1:], others) for way in words[rarest]]

    def _is_one_token(self) -> bool:
        """Nothing is to be chosen."""
        sources = [source for word in self._words for way in word for source in way]
        alone = len(sources) == 1 and isinstance(sources[0], TokenSource) and len(sources[0].tokens) == 1
        return alone and self._search.reach is None

    def _path(self, along: Source | None, rest: Branch, others: Sequence[Sequence[Branch]]) -> _Path:
        tests = [statements.meets(source, self._spelling) for source in rest]
        tests += [statements.meets_one(word, self._spelling) for word in others]
        looked_at = [*rest, *(source for word in others for way in word for source in way)]
        search = self._search
        if search.reach is not None and along is not None:
            tests.append(statements.within(search.reach))
        if search.cut is not None:
            tests.append(search.cut)
        with_customer = statements.needs_customer(looked_at) or search.cut is not None
        return _Path(along, tuple(tests), with_customer or (search.reach is not None and along is not None))

    def _shares(self, at: int) -> Steps[dict[Source | None, float]]:
        """Roughly how dense each source lies among the customers, 0 for nobody; None stands for the reach."""
        sources = dict.fromkeys(source for word in self._words for way in word for source in way)
        tokens = sorted({t for source in sources if isinstance(source, TokenSource) for t in source.tokens})
        of_token = yield from self._densities(tokens, at)
        shares: dict[Source | None, float] = dict.fromkeys(sources, _ONE)
        for source in sources:
            if isinstance(source, TokenSource):
                shares[source] = sum(of_token[token] for token in source.tokens)
            elif isinstance(source, EntrySource):
                ((count,),) = yield statements.entered(source, _SOME, self._spelling)
                shares[source] = 0.0 if not count else _FEW_OF_A_DAY if count < _SOME else _MANY_OF_A_DAY
        if self._search.reach is not None:
            rows = yield statements.in_reach(self._search.reach, at, _PROBE)
            shares[None] = _density(rows[0][0], rows[-1][0]) if len(rows) == _PROBE else _FEW
        self._words = [[_without_dead(way, of_token, shares) for way in word] for word in self._words]
        return shares

    def _densities(self, tokens: Sequence[int], at: int) -> Steps[dict[int, float]]:
        found = dict.fromkeys(tokens, 0.0)
        if tokens:
            for token, newest, lower in (yield statements.probe(tokens, at, _PROBE, self._spelling)):
                if newest is not None:
                    found[token] = _FEW if lower is None else _density(newest, lower)
        return found

    def _offered(self, paths: Sequence[_Path], at: int, bound: int) -> Steps[tuple[list[int], int | None]]:
        """(what all paths together offer, newest first; how far down that is the whole of it, None: to the end)."""
        offers = [
            statements.offer(number, self._slice(path, at, bound), path.tests, with_customer=path.with_customer)
            for number, path in enumerate(paths)
        ]
        seen: list[list[int]] = [[] for _ in paths]
        passed: set[int] = set()
        for number, customer_id, passes in (yield statements.together(offers)):
            seen[number].append(customer_id)
            if passes:
                passed.add(customer_id)
        full = [min(ids) for path, ids in zip(paths, seen, strict=True) if len(ids) >= _bound(path, bound)]
        floor = max(full, default=0)
        return sorted((one for one in passed if one >= floor), reverse=True), floor or None

    def _slice(self, path: _Path, at: int, bound: int) -> Piece:
        """The next rows of the source that is walked along."""
        along, bound = path.along, _bound(path, bound)
        if along is None:
            assert self._search.reach is not None  # noqa: S101 - for the type checker
            return statements.in_reach(self._search.reach, at, bound)
        return statements.newest(along, at, bound, self._spelling)


def _bound(path: _Path, bound: int) -> int:
    return min(bound, _WIDE_STEP) if path.wide else bound


def _alive(word: Sequence[Branch], shares: dict[Source | None, float]) -> list[Branch]:
    """The ways that somebody has all marks of."""
    return [way for way in word if all(shares[source] for source in way)]


def _looks(way: Branch) -> int:
    """How many times the index is asked whether a customer is in all of the way."""
    return sum(len(source.tokens) if isinstance(source, TokenSource) else 1 for source in way)


def _without_dead(way: Branch, of_token: Mapping[int, float], shares: dict[Source | None, float]) -> Branch:
    """Of several tokens, any of which will do, only those that somebody has."""
    kept: list[Source] = []
    for source in way:
        if isinstance(source, TokenSource) and len(source.tokens) > 1:
            living = TokenSource(tuple(token for token in source.tokens if of_token[token]))
            shares[living] = shares[source]
            kept.append(living)
        else:
            kept.append(source)
    return tuple(kept)


def _density(newest: int, lowest: int) -> float:
    return _PROBE / (newest - lowest + 1)


def _reading(ring: KeyRing, sight: Sight, today: date, zone: tzinfo) -> Reading:
    def fragments(part: str) -> Sequence[str]:
        return ring.fragments(part.upper(), sealed.ID_CARD, facts_queries.FRAGMENT) if ring.ids else ()

    def blind(part: str) -> str | None:
        return sealed.id_card_index(ring, part.upper()) if ring.ids else None

    return Reading(sight, today, zone, fragments, blind)
