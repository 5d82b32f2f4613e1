"""Tidewaiter's own declaration as CSV (RFC 4180): a table with one row for each goods item.

Rows one after another with the same `functional_reference_id` are one
declaration; what concerns the whole stands in its first row and is the same or
empty in the others. Delimiters are comma, semicolon or tab, the text is UTF-8.

CSV cannot carry: the difference between an empty text, an empty group and
nothing at all; a text inside a list of codes that contains `|` as such (it
takes a column of its own, `[2]`); elements kept from other forms
(`Declaration.extras`), except unknown columns of a CSV message.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import msgspec

from tidewaiter.messages import csv_split, csv_write
from tidewaiter.messages.characters import is_plain
from tidewaiter.messages.csv_columns import REFERENCE, own_name
from tidewaiter.messages.csv_rows import ROW, Reader, Row, reader_of
from tidewaiter.messages.faults import Fault, fault, seen
from tidewaiter.messages.form import Reading, Record
from tidewaiter.messages.leaves import findings_on_values, moments_of, numbers_are_sane, without
from tidewaiter.messages.limits import FAULTS_MAX, GOODS_ITEMS_MAX, RECORD_BYTES_MAX, TEXT_LENGTH_MAX
from tidewaiter.messages.pointers import Path, steps
from tidewaiter.messages.vocabulary import PLAIN, Vocabulary
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.finding import Finding, MappingNote


class CsvForm:
    """One row for each goods item."""

    name = "csv"
    title = "Tidewaiter declaration, CSV"
    media_types: tuple[str, ...] = ("text/csv", "text/tab-separated-values")

    def __init__(self, vocabulary: Vocabulary = PLAIN) -> None:
        self._vocabulary = vocabulary

    def recognises(self, head: bytes) -> bool:
        """True when the first line is a header with the reference, or with two other columns of a declaration."""
        line = next(filter(csv_split.may_be_header, head.split(b"\n", 9)[:9]), b"")
        if b"\x00" in line or line.lstrip(csv_split.BOM + b" ")[:1] in (b"", b"{", b"[", b"<"):
            return False
        header = csv_split.understood(line, self._vocabulary)
        if self._vocabulary is not PLAIN:
            return any(map(self._vocabulary.is_telling, header.names))
        names = {each.name for each in header.columns if each}
        return REFERENCE in names or len(names) > 1

    def split(self, stream: BinaryIO) -> Iterator[Record]:
        """The declarations of a message, one at a time. Raises MessageError for a header that cannot be used."""
        return csv_split.records(stream, self._vocabulary)

    def read(self, body: bytes) -> Reading:
        """The declaration in a record, or findings with row and column; unknown columns are kept as extras."""
        row_no, header_line, rows = _parts(body)
        if len(rows) > RECORD_BYTES_MAX:
            words = f"the rows of this declaration are larger than {RECORD_BYTES_MAX // 1024**2} MiB together"
            hint = "Split it into several declarations."
            return Reading(None, (fault(Fault.LIMIT, "", words, hint=hint, place=f"row {row_no}"),))
        try:
            reader = reader_of(header_line, self._vocabulary)
        except csv.Error as error:
            return Reading(None, (fault(Fault.MALFORMED, "", str(error), place="row 1"),))
        return _Reading(reader, row_no).of(rows)

    def write(self, declarations: Sequence[Declaration]) -> bytes:
        """A table with the columns that these declarations use."""
        return csv_write.table(declarations)

    def locate(self, declaration: Declaration, pointer: str) -> str:
        """Row and column of a canonical pointer: `row 7, column goods_item.commodity_code`."""
        return _place(_rows_of(declaration), steps(pointer), self._vocabulary)


def _parts(body: bytes) -> tuple[int, bytes, bytes]:
    """The number of the first row, the header line and the rows of a record."""
    row_no = 2
    if body.startswith(csv_split.ROW_MARK):
        mark, _, body = body.partition(b"\n")
        row_no = int(mark.removeprefix(csv_split.ROW_MARK) or b"2")
    header_line, _, rows = body.partition(b"\n")
    return row_no, header_line, rows


class _Reading:
    """One record on its way to a declaration."""

    def __init__(self, reader: Reader, first_row_no: int) -> None:
        self._reader = reader
        self._row_no = first_row_no
        self._findings: list[Finding] = []

    def of(self, body: bytes) -> Reading:
        """What came of the rows."""
        rows = self._rows(body)
        if not rows and not self._findings:
            self._findings.append(fault(Fault.EMPTY, "", "there is no row", place=f"row {self._row_no}"))
        declaration = self._declaration(rows) if rows else None
        is_plain_throughout = self._reader.has_plain_names and declaration and _has_plain_values(body, declaration)
        if declaration is not None and not is_plain_throughout:
            numbers = tuple(row.row_no for row in rows)
            on_values = findings_on_values(declaration, lambda path: _place(numbers, path, self._reader.vocabulary))
            self._findings += on_values
            declaration = without(declaration, on_values)
        return Reading(declaration, tuple(self._findings[:FAULTS_MAX]), self._notes(rows))

    def _rows(self, body: bytes) -> list[Row]:
        try:
            text = body.decode()
        except UnicodeDecodeError as error:
            self._findings.append(self._not_utf8(body, error))
            return []
        rows: list[Row] = []
        parsed = csv.reader(io.StringIO(text, newline=""), delimiter=self._reader.header.delimiter, strict=True)
        width = 0
        try:
            for row_no, cells in enumerate(parsed, self._row_no):
                if any(cells):
                    width = len(cells)
                    rows.append(Row(row_no, self._fitted(row_no, cells)))
        except csv.Error as error:
            self._findings.append(_malformed(error, self._row_no + len(rows)))
            return []
        if rows and not text.endswith("\n") and width < len(self._reader.header.names):
            self._findings.append(_cut_short(rows[-1].row_no))
        return rows

    def _fitted(self, row_no: int, cells: list[str]) -> list[str]:
        """The cells of a row, as many as the header has."""
        width = len(self._reader.header.names)
        if len(cells) < width:
            return cells + [""] * (width - len(cells))
        if any(cells[width:]):
            words = f"the row has {len(cells)} cells, the header {width}"
            hint = f"A text with “{self._reader.header.delimiter}” in it must stand in double quotes."
            self._findings.append(fault(Fault.MALFORMED, "", words, value=cells[-1], hint=hint, place=f"row {row_no}"))
        return cells[:width]

    def _not_utf8(self, body: bytes, error: UnicodeDecodeError) -> Finding:
        before = body[: error.start].decode()
        try:
            parsed = list(csv.reader(io.StringIO(before, newline=""), delimiter=self._reader.header.delimiter)) or [
                [""]
            ]
        except csv.Error:  # a cell beyond the limit
            parsed = [[""]]
        row_no, at = self._row_no + len(parsed) - 1, len(parsed[-1]) - 1
        if before.endswith("\n"):
            row_no, at = row_no + 1, 0
        names = self._reader.header.names
        name = names[at] if 0 <= at < len(names) else f"column {at + 1}"
        return fault(
            Fault.ENCODING,
            "",
            f"the text is not UTF-8: byte 0x{body[error.start]:02X}",
            value=before[-40:].rpartition("\n")[2] + body[error.start : error.start + 20].decode("latin-1"),
            hint="Save the table as “CSV UTF-8”. (The byte looks like Latin-1 or Windows-1252.)",
            place=f"row {row_no}, column {name}",
        )

    def _declaration(self, rows: list[Row]) -> Declaration | None:
        try:
            return self._reader.declaration(rows)
        except (ValueError, msgspec.ValidationError):
            self._findings += self._reader.faults(rows)
            return self._reader.declaration(rows)

    def _notes(self, rows: list[Row]) -> tuple[MappingNote, ...]:
        return tuple(
            MappingNote(f"row {row.row_no}, column {name}", seen(row.cells[at]), words)
            for row in rows
            for at, name, words in self._reader.unknown
            if row.cells[at]
        )


def _malformed(error: csv.Error, row_no: int) -> Finding:
    words = {
        "unexpected end of data": "a double quote is opened and never closed",
        "field larger than field limit (131072)": f"a cell has more than {TEXT_LENGTH_MAX:,} characters",
    }.get(str(error), str(error))
    code = Fault.LIMIT if "limit" in str(error) else Fault.MALFORMED
    hint = "Shorten it." if code is Fault.LIMIT else 'Double quotes within a quoted text are written twice: "".'
    return fault(code, "", words, hint=hint, place=f"row {row_no}")


def _cut_short(row_no: int) -> Finding:
    words = "the message ends in the middle of this row"
    hint = "The file may have been cut short; send it again."
    return fault(Fault.TRUNCATED, "", words, hint=hint, place=f"row {row_no}")


def _has_plain_values(body: bytes, declaration: Declaration) -> bool:
    """True when no single value is a cause for a finding. A false alarm costs time only."""
    return (
        is_plain(body)
        and len(body) <= TEXT_LENGTH_MAX
        and len(declaration.goods_items) <= GOODS_ITEMS_MAX
        and all(moment is None or moment.tzinfo is not None for moment in moments_of(declaration))
        and numbers_are_sane(declaration)
    )


def _rows_of(declaration: Declaration) -> tuple[int, ...]:
    """The rows of the goods items, as read; none for a declaration that did not come as CSV."""
    kept = next((extra.value for extra in declaration.extras if extra.path == ROW), "")
    if "," in kept:
        return tuple(int(part) for part in kept.split(","))
    return tuple(range(int(kept), int(kept) + max(1, len(declaration.goods_items)))) if kept else ()


def _place(row_nos: tuple[int, ...], path: Path, vocabulary: Vocabulary) -> str:
    """Where a path lies in a table whose goods items stand in these rows."""
    at = 0
    is_item = len(path) > 1 and path[0] == "goods_items" and isinstance(path[1], int)
    if is_item:
        at, path = int(path[1]), path[2:]
    row = f"row {row_nos[at]}" if at < len(row_nos) else f"row {at + 1} of the declaration"
    if not path or path == ("goods_items",):
        return row
    return f"{row}, column {own_name(path, vocabulary, is_item=is_item)}"
