"""The quick search's SQL (pure): as text of few recurring forms, which both databases know again.

Each piece gives or tests customers by one source; a row to be tested is called ``r``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from crm_core.customers.search.sources import Branch, EntrySource, IdCardSource, PhoneSource, Source, TokenSource
from crm_core.db.trips import Piece, Spelling

_NEWEST = "SELECT customer_id FROM search_tokens WHERE token = ? AND customer_id < ? ORDER BY customer_id DESC LIMIT ?"
_NEWEST_OF_EACH = (
    "SELECT DISTINCT part.customer_id FROM unnest(CAST(? AS INTEGER[])) AS asked (token) CROSS JOIN LATERAL"
    " (SELECT s.customer_id FROM search_tokens s WHERE s.token = asked.token AND s.customer_id < ?"
    " ORDER BY s.customer_id DESC LIMIT ?) AS part ORDER BY part.customer_id DESC LIMIT ?"
)
_HAVE = "(SELECT customer_id FROM search_tokens s WHERE s.token = asked.value AND s.customer_id < ?"
_PROBE = f"{_HAVE} ORDER BY s.customer_id DESC LIMIT 1 OFFSET {{}})"
# Plus nothing, so that no database thinks of walking through all customers by their ids.
_OF_CUSTOMER = "SELECT id + 0 AS customer_id FROM customers WHERE {} AND id + 0 < ? ORDER BY id + 0 DESC LIMIT ?"
_CARD, _ENTERED = "id_card_index = ?", "created_at >= ? AND created_at < ?"


@dataclass(frozen=True, slots=True)
class Reach:
    """Whose customers are looked through: those of the owner and those of the departments."""

    owner_id: int | None
    departments: tuple[int, ...]


def probe(tokens: Sequence[int], at: int, depth: int, spelling: Spelling) -> Piece:
    """(token, its newest customer before ``at``, the one ``depth`` further down) for each; None where none is."""
    given: object
    if spelling.is_sqlite:
        table, given = "json_each(?) AS asked", orjson.dumps(list(tokens)).decode()
    else:
        table, given = "unnest(CAST(? AS INTEGER[])) AS asked (value)", list(tokens)
    newest_of, lower = _PROBE.format(0), _PROBE.format(depth)
    return Piece(f"SELECT asked.value, {newest_of}, {lower} FROM {table}", (at, at, given))  # noqa: S608


def entered(source: EntrySource, most: int, spelling: Spelling) -> Piece:
    """How many were entered then; ``most`` at most."""
    values = (spelling.moment(source.start), spelling.moment(source.end), most)
    return Piece(f"SELECT count(*) FROM (SELECT 1 FROM customers WHERE {_ENTERED} LIMIT ?) AS entered", values)  # noqa: S608


def newest(source: Source, at: int, bound: int, spelling: Spelling) -> Piece:
    """The next ``bound`` customers of a source, newest first."""
    if isinstance(source, TokenSource):
        return _newest_of_tokens(source.tokens, at, bound, spelling)
    if isinstance(source, PhoneSource):
        same = "SELECT DISTINCT customer_id FROM customer_phones WHERE e164 = ? AND customer_id < ?"
        return Piece(f"{same} ORDER BY customer_id DESC LIMIT ?", (source.e164, at, bound))
    if isinstance(source, IdCardSource):
        return Piece(_OF_CUSTOMER.format(_CARD), (source.blind, at, bound))
    moments = spelling.moment(source.start), spelling.moment(source.end)
    return Piece(_OF_CUSTOMER.format(_ENTERED), (*moments, at, bound))


def _newest_of_tokens(tokens: Sequence[int], at: int, bound: int, spelling: Spelling) -> Piece:
    """With any of the tokens: the newest of all are among the newest of each."""
    if len(tokens) == 1:
        return Piece(_NEWEST, (tokens[0], at, bound))
    if not spelling.is_sqlite:
        return Piece(_NEWEST_OF_EACH, (list(tokens), at, bound, bound))
    one = f"SELECT customer_id FROM ({_NEWEST}) AS part"  # noqa: S608
    values = tuple(value for token in tokens for value in (token, at, bound))
    return Piece(f"{' UNION '.join([one] * len(tokens))} ORDER BY customer_id DESC LIMIT ?", (*values, bound))


def in_reach(reach: Reach, at: int, bound: int) -> Piece:
    """The next ``bound`` customers of the reach, newest first."""
    one = "SELECT id AS customer_id FROM customers WHERE {} = ? AND id < ? ORDER BY id DESC LIMIT ?"
    of = [("department_id", department) for department in reach.departments]
    of += [] if reach.owner_id is None else [("owner_id", reach.owner_id)]
    values = tuple(value for _, owner in of for value in (owner, at, bound))
    together = " UNION ".join(f"SELECT customer_id FROM ({one.format(column)}) AS part" for column, _ in of)  # noqa: S608
    return Piece(f"{together} ORDER BY customer_id DESC LIMIT ?", (*values, bound))


def within(reach: Reach) -> Piece:
    """Whether the customer (``customers``) is in reach."""
    of = ["department_id = ?"] * len(reach.departments) + ([] if reach.owner_id is None else ["owner_id = ?"])
    values = reach.departments + (() if reach.owner_id is None else (reach.owner_id,))
    return Piece(f"({' OR '.join(f'customers.{one}' for one in of)})", values)


def meets(source: Source, spelling: Spelling) -> Piece:
    """Whether the row's customer is in the source."""
    if isinstance(source, IdCardSource):
        return Piece(f"customers.{_CARD}", (source.blind,))
    if isinstance(source, EntrySource):
        moments = spelling.moment(source.start), spelling.moment(source.end)
        return Piece("(customers.created_at >= ? AND customers.created_at < ?)", moments)
    # A sub-select for a value, not EXISTS: PostgreSQL would turn that into a join with all rows of the token.
    values: tuple[object, ...]
    if isinstance(source, PhoneSource):
        one, values = "customer_phones s WHERE s.e164 = ?", (source.e164,)
    elif len(source.tokens) == 1:
        one, values = "search_tokens s WHERE s.token = ?", source.tokens
    else:
        among = spelling.among_tokens(source.tokens)
        one, values = f"search_tokens s WHERE s.token {among.sql}", among.values
    test = f"(SELECT s.customer_id FROM {one} AND s.customer_id = r.customer_id LIMIT 1) IS NOT NULL"  # noqa: S608
    return Piece(test, values)


def meets_one(ways: Sequence[Branch], spelling: Spelling) -> Piece:
    """Whether the row's customer is in all sources of one of the ways."""
    wholes = [[meets(source, spelling) for source in way] for way in ways]
    text = " OR ".join(" AND ".join(piece.sql for piece in whole) for whole in wholes)
    return Piece(f"({text})", tuple(value for whole in wholes for piece in whole for value in piece.values))


def needs_customer(sources: Sequence[Source]) -> bool:
    """Whether a test of one of these looks at the customer himself."""
    return any(isinstance(source, IdCardSource | EntrySource) for source in sources)


def offer(path: int, rows: Piece, tests: Sequence[Piece], *, with_customer: bool) -> Piece:
    """(path, customer, whether he passes all tests) for each of the rows."""
    join = " LEFT JOIN customers ON customers.id = r.customer_id" if with_customer else ""
    passes = f"CASE WHEN {' AND '.join(test.sql for test in tests)} THEN 1 ELSE 0 END" if tests else "1"
    values = (*(value for test in tests for value in test.values), *rows.values)
    return Piece(f"SELECT {path:d} AS path, r.customer_id, {passes} AS passes FROM ({rows.sql}) AS r{join}", values)  # noqa: S608


def together(pieces: Sequence[Piece]) -> Piece:
    """All rows of all pieces."""
    return Piece(" UNION ALL ".join(piece.sql for piece in pieces), tuple(v for piece in pieces for v in piece.values))
