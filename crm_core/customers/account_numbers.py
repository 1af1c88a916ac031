"""Gives out account numbers: in order, each once for ever, also when many enter customers at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from crm_core.customers import queries, rules
from crm_core.customers.models import AccountNumber
from crm_core.db.trips import spelling_of
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import insert_new, table_of
from crm_core.kernel.errors import Conflict, Rejected

_LETTERS, _WIDTH = "KH", 8
_LOW, _HIGH = f"{_LETTERS}{'0' * _WIDTH}", f"{_LETTERS}{'9' * _WIDTH}"
_BLOCK = 5000  # rows of one statement
_TRIES = 100
_numbers = table_of(AccountNumber)
_TAKE = {
    "sqlite": "INSERT INTO account_numbers (number, given_at) SELECT value, ?1 FROM json_each(?2) WHERE true"
    " ON CONFLICT DO NOTHING RETURNING number",
    "postgresql": "INSERT INTO account_numbers (given_at, number) SELECT $1::timestamptz, unnest($2::text[])"
    " ON CONFLICT DO NOTHING RETURNING number",
}
_GIVE = {
    "sqlite": "UPDATE account_numbers SET customer_id = ? WHERE number = ?",
    "postgresql": "UPDATE account_numbers SET customer_id = given.owner"
    " FROM unnest($1::text[], $2::bigint[]) AS given (number, owner) WHERE account_numbers.number = given.number",
}


async def take_account_numbers(uow: UnitOfWork, count: int) -> list[str]:
    """``count`` numbers that nobody ever had. A number taken at the same time by another is passed over."""
    taken: list[str] = []
    for _ in range(_TRIES):
        highest = await queries.highest_account_number(uow.session, _LOW, _HIGH)
        first = _value(highest) + 1
        if first + count > _value(_HIGH):
            raise Rejected("account_numbers_exhausted", "All account numbers have been given out.")
        wanted = range(first, first + min(count - len(taken), _BLOCK))
        taken += await _taken(uow, [f"{_LETTERS}{value:0{_WIDTH}}" for value in wanted])
        if len(taken) == count:
            return sorted(taken)
    raise Conflict("account_number_race", "Too many customers are being entered at once; try again.")


async def _taken(uow: UnitOfWork, wanted: Sequence[str]) -> list[str]:
    """Those that nobody had: they are taken now. One value for all of them: as many rows cost ten times as much."""
    connection = await uow.session.connection()
    spelling = spelling_of(uow.session)
    given: Any = orjson.dumps(wanted).decode() if spelling.is_sqlite else list(wanted)
    at = spelling.moment(uow.clock.now())
    rows = await connection.exec_driver_sql(_TAKE[connection.dialect.name], (at, given))
    return list(rows.scalars())


async def give_account_numbers(uow: UnitOfWork, owners: Sequence[tuple[str, int]]) -> None:
    """Writes down whose the numbers are that were taken before."""
    if not owners:
        return
    connection = await uow.session.connection()
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql(_GIVE["sqlite"], [(owner, number) for number, owner in owners])
    else:
        numbers, customers = zip(*owners, strict=True)
        await connection.exec_driver_sql(_GIVE["postgresql"], (list(numbers), list(customers)))


async def claim_account_number(uow: UnitOfWork, number: str) -> str:
    """Keeps a number that came along from elsewhere. Raises Conflict when it was ever given before, Rejected."""
    plain = rules.clean(number).upper()
    if not plain or len(plain) > 20 or "\n" in plain or "\t" in plain:
        raise _wrong("has 1 to 20 characters")
    row = {"number": plain, "customer_id": None, "given_at": uow.clock.now()}
    if not await insert_new(uow.session, _numbers, [row], key="number"):
        raise Conflict(
            "account_number_taken",
            f"The account number {plain} was given before and is never given again.",
            errors={"account_number": "was given before and is never given again"},
        )
    if _LOW <= plain <= _HIGH and len(plain) == len(_LOW):
        # One that runs ahead of ours would end the row of numbers.
        raise _wrong("numbers of this form are given by the house alone")
    return plain


def _wrong(what: str) -> Rejected:
    return Rejected(
        "account_number_invalid", f"This account number cannot be used: it {what}.", errors={"account_number": what}
    )


def _value(number: str | None) -> int:
    tail = (number or _LOW)[len(_LETTERS) :]
    return int(tail) if tail.isdigit() else 0
