"""Statements for pages and interface alike: found by number, and written as a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress

from litestar.response import Stream

from tidewaiter.model.errors import NotFoundError
from tidewaiter.revenue.statements import NUMBER_PREFIX, Row, Statement
from tidewaiter.web import words
from tidewaiter.web.house import House
from tidewaiter.web.problem import WebError

DIGITS_MAX = 18


def wanted(house: House, number: str, parties: Sequence[str] | None = None) -> Statement:
    """The statement of a number, "TWS-00000042" or "42"; with `parties`, another's is answered as one that is not there.

    Raises WebError.
    """
    digits = number.upper().removeprefix(NUMBER_PREFIX)
    if digits.isascii() and digits.isdigit() and len(digits) <= DIGITS_MAX:
        with suppress(NotFoundError):
            return house.accounts.statements.one(int(digits), parties=parties)
    raise WebError("not_found", words.text("statement.unknown", number=number[:40]), hint=words.text("statement.known"))


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
