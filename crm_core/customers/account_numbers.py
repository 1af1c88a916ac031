"""Gives out account numbers: in order, each once for ever, also when many enter customers at the same time."""

from __future__ import annotations

from crm_core.customers import queries, rules
from crm_core.customers.models import AccountNumber
from crm_core.db.uow import UnitOfWork
from crm_core.db.upsert import insert_new, table_of
from crm_core.kernel.errors import Conflict, Rejected

_LETTERS, _WIDTH = "KH", 8
_LOW, _HIGH = f"{_LETTERS}{'0' * _WIDTH}", f"{_LETTERS}{'9' * _WIDTH}"
_BLOCK = 5000  # rows of one statement
_TRIES = 100
_numbers = table_of(AccountNumber)


async def take_account_numbers(uow: UnitOfWork, count: int) -> list[str]:
    """``count`` numbers that nobody ever had. A number taken at the same time by another is passed over."""
    taken: list[str] = []
    for _ in range(_TRIES):
        highest = await queries.highest_account_number(uow.session, _LOW, _HIGH)
        first = _value(highest) + 1
        if first + count > _value(_HIGH):
            raise Rejected("account_numbers_exhausted", "All account numbers have been given out.")
        rows = [
            {"number": f"{_LETTERS}{value:0{_WIDTH}}", "customer_id": None, "given_at": uow.clock.now()}
            for value in range(first, first + min(count - len(taken), _BLOCK))
        ]
        taken += await insert_new(uow.session, _numbers, rows, key="number")
        if len(taken) == count:
            return sorted(taken)
    raise Conflict("account_number_race", "Too many customers are being entered at once; try again.")


async def claim_account_number(uow: UnitOfWork, number: str) -> None:
    """Keeps a number that came along from elsewhere. Raises Conflict when it was ever given before."""
    plain = rules.clean(number)
    if not plain or len(plain) > 20:
        raise Rejected(
            "account_number_invalid", "An account number has 1 to 20 characters.", errors={"account_number": "invalid"}
        )
    row = {"number": plain, "customer_id": None, "given_at": uow.clock.now()}
    if not await insert_new(uow.session, _numbers, [row], key="number"):
        raise Conflict(
            "account_number_taken",
            f"The account number {plain} was given before and is never given again.",
            errors={"account_number": "taken"},
        )


def _value(number: str | None) -> int:
    tail = (number or _LOW)[len(_LETTERS) :]
    return int(tail) if tail.isdigit() else 0
