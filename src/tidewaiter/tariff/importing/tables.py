"""CSV files row by row, whole or not at all: what was cut short or does not fit its header is a fault."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tidewaiter.tariff.importing.limits import COLUMNS_MAX, ROWS_MAX, TEXT_LENGTH_MAX
from tidewaiter.tariff.importing.parts import Parts, Source, TariffFileError

CUT = "was it cut short or edited? Fetch it again from where it is published"
Row = Mapping[str, str]


class Table(NamedTuple):
    """A CSV file with its header."""

    columns: tuple[str, ...]
    text: str


def table(source: Source) -> Table | None:
    """The file as a table; None where its first line is no header. Raises TariffFileError where it is no text."""
    try:
        text = source.body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source.body.count(b"\n", 0, error.start) + 1
        raise TariffFileError(
            f"byte {error.start} is not UTF-8", hint="save it as UTF-8", place=f"{source.name} line {line}"
        ) from error
    try:
        first = next(csv.reader(io.StringIO(text), strict=True), [])
    except csv.Error:
        return None
    columns = tuple(column.strip() for column in first)
    return Table(columns, text) if 1 < len(columns) <= COLUMNS_MAX and len(set(columns)) == len(columns) else None


def rows(found: Table, parts: Parts) -> Iterator[tuple[int, Row]]:
    """Each row by column with the line it begins on. Rows that do not fit the header are faults."""
    reader = csv.reader(io.StringIO(found.text, newline=""), strict=True)
    next(reader)
    begins, count = reader.line_num + 1, 0
    try:
        for values in reader:
            if values:
                count += 1
                if count > ROWS_MAX:
                    parts.fault(begins, f"there are more than {ROWS_MAX:,} lines")
                    return
                if _fits(values, found, begins, parts):
                    yield begins, dict(zip(found.columns, values, strict=True))
            begins = reader.line_num + 1
    except csv.Error as error:
        parts.fault(begins, f"the line cannot be read as CSV: {error}", CUT)
    if not count:
        parts.fault(1, "there is a header and nothing below it", CUT)


def _fits(values: list[str], found: Table, line: int, parts: Parts) -> bool:
    if len(values) != len(found.columns):
        parts.fault(line, f"the line has {len(values)} fields, the header {len(found.columns)}", CUT)
        return False
    if any(len(value) > TEXT_LENGTH_MAX for value in values):
        parts.fault(line, f"a field has more than {TEXT_LENGTH_MAX:,} characters")
        return False
    return True
