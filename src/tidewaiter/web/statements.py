"""Statements for pages and interface alike: found by number, and written as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from litestar.response import Stream

from tidewaiter.model.errors import NotFoundError
from tidewaiter.revenue.statements import NUMBER_PREFIX, Row, Statement
from tidewaiter.web.house import House

DIGITS_MAX = 18


def wanted(house: House, number: str) -> Statement:
    """The statement of a number, "TWS-00000042" or "42". Raises NotFoundError."""
    digits = number.upper().removeprefix(NUMBER_PREFIX)
    if not (digits.isascii() and digits.isdigit() and len(digits) <= DIGITS_MAX):
        raise NotFoundError(f"There is no statement {number[:40]}.")
    return house.accounts.statements.one(int(digits))


def stream(
    house: House, statement: Statement, write: Callable[[Iterator[Row]], Iterator[str]], media_type: str
) -> Stream:
    """What `write` makes of the entries of a statement, sent as it comes: it may be longer than memory."""

    def pieces() -> Iterator[str]:
        with house.accounts.statements.rows_of(statement) as rows:
            yield from write(rows)

    ending = "csv" if "csv" in media_type else "html"
    headers = {"Content-Disposition": f'attachment; filename="{statement.number}.{ending}"'} if ending == "csv" else {}
    return Stream(pieces(), media_type=media_type, headers=headers)
