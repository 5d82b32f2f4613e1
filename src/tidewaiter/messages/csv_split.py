"""Where the rows of one declaration begin and end in a CSV message of any length (RFC 4180).

A record is handed on with what it needs to be read alone: the number of its
first row, and the header line.
"""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import BinaryIO

from msgspec import Struct

from tidewaiter.messages.csv_columns import REFERENCE, Column, column, nearest
from tidewaiter.messages.form import Record
from tidewaiter.messages.limits import CSV_COLUMNS_MAX, RECORD_BYTES_MAX
from tidewaiter.messages.vocabulary import PLAIN, Vocabulary
from tidewaiter.model.errors import LimitExceededError, MessageError

BOM = b"\xef\xbb\xbf"
DELIMITERS = (",", ";", "\t")
OPEN_CELL_BYTES_MAX = 1024 * 1024  # how far a line break in quotes is followed before the quote is taken for a slip
ROW_MARK = b"#row "

_BLANK = b"\r\n \t,;"
_HINT = "The first row names the columns: functional_reference_id, goods_item.description, … (docs/reference)."


class Header(Struct, frozen=True):
    """The first row, understood: the delimiter and for each cell its column, None where unknown."""

    delimiter: str
    names: tuple[str, ...]
    columns: tuple[Column | None, ...]

    @property
    def known(self) -> int:
        """How many cells name a column."""
        return sum(each is not None for each in self.columns)

    def places(self, name: str) -> list[int]:
        """Where the column of that canonical name stands, from 0; at most one in a header that can be used."""
        return [at for at, each in enumerate(self.columns) if each and each.name == name]


def records(stream: BinaryIO, vocabulary: Vocabulary = PLAIN) -> Iterator[Record]:
    """The declarations of a CSV message in order: rows one after another with the same reference."""
    rows = _Rows(stream, vocabulary)
    header_line = rows.header_line()
    header = understood(header_line, vocabulary)
    _refuse_unusable(header, vocabulary)
    reference_at = next(at for name in _references(vocabulary) for at in header.places(name))
    reference_of = _reference_reader(header, reference_at)
    group: _Group | None = None
    position = 0
    for row_no, offset, row in rows:
        if not row.strip(_BLANK):
            if group is not None:
                group.hold(row)
            continue
        reference = reference_of(row)
        if group is None or reference != group.reference or not reference:
            if group is not None:
                yield group.record(position, header_line)
            position += 1
            group = _Group(reference, row_no, offset)
        group.add(row)
    if group is None:
        raise MessageError("the table has a header and no row", hint=_HINT, place="row 2")
    yield group.record(position, header_line)


def may_be_header(line: bytes) -> bool:
    """False for an empty line, and for the `sep=;` by which spreadsheets tell themselves the delimiter."""
    return bool(line.strip(_BLANK + BOM)) and not line.lower().startswith((b"sep=", BOM + b"sep="))


@lru_cache(maxsize=64)
def understood(line: bytes, vocabulary: Vocabulary = PLAIN) -> Header:
    """The header line with the delimiter under which most of its cells are known columns."""
    text = line.removeprefix(BOM).decode("utf-8", "replace").strip("\r\n")
    candidates = [_header(text, delimiter, vocabulary) for delimiter in DELIMITERS]
    return max(candidates, key=lambda header: (header.known, len(header.names)))


def _header(text: str, delimiter: str, vocabulary: Vocabulary) -> Header:
    try:
        cells = next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:  # a carriage return within, a cell beyond the limit: no column will be known
        cells = text.split(delimiter)
    names = tuple(cell.strip() or f"column {at}" for at, cell in enumerate(cells, 1))
    return Header(delimiter, names, tuple(column(name, vocabulary) for name in names))


def _references(vocabulary: Vocabulary) -> tuple[str, ...]:
    """The columns that can tell which rows belong to one declaration, the best first."""
    own = vocabulary.meant_column(vocabulary.reference) if vocabulary.reference else ""
    return (REFERENCE, own) if own else (REFERENCE,)


def _refuse_unusable(header: Header, vocabulary: Vocabulary) -> None:
    if header.known == 0:
        raise MessageError(
            f"no column of the header is known: {', '.join(header.names[:8])}", hint=_HINT, place="row 1"
        )
    if len(header.names) > CSV_COLUMNS_MAX:
        words = f"the header has {len(header.names):,} columns; at most {CSV_COLUMNS_MAX:,} can be read"
        raise LimitExceededError(words, hint=_HINT, place="row 1")
    seen: dict[str, int] = {}
    for at, (name, each) in enumerate(zip(header.names, header.columns, strict=True), 1):
        canonical = each.name if each else name
        if canonical in seen:
            words = f"column “{canonical}” stands twice, as columns {seen[canonical]} and {at}"
            raise MessageError(words, hint="Keep one of them.", place="row 1")
        seen[canonical] = at
    if seen.keys().isdisjoint(_references(vocabulary)):
        near = next(
            (
                name
                for name, each in zip(header.names, header.columns, strict=True)
                if each is None and nearest(name, vocabulary) in (REFERENCE, vocabulary.reference)
            ),
            "",
        )
        words = f"the column {vocabulary.reference or REFERENCE} is missing"
        hint = f"Rename “{near}”." if near else "It tells which rows belong to one declaration."
        raise MessageError(words, hint=hint, place="row 1")


class _Group:
    """Rows of one declaration; beyond the limit only the first bytes are kept, and reading says so."""

    def __init__(self, reference: bytes, row_no: int, offset: int) -> None:
        self.reference = reference
        self._row_no = row_no
        self._offset = offset
        self._rows: list[bytes] = []
        self._held = b""
        self._size = 0

    def add(self, row: bytes) -> None:
        if self._size <= RECORD_BYTES_MAX:
            self._rows += (self._held, row)
            self._size += len(self._held) + len(row)
            self._held = b""

    def hold(self, row: bytes) -> None:
        """Keeps a blank row in case more rows of the declaration follow, so that they keep their numbers."""
        if len(self._held) < RECORD_BYTES_MAX:
            self._held += row

    def record(self, position: int, header_line: bytes) -> Record:
        body = b"%s%d\n%s%s" % (ROW_MARK, self._row_no, header_line, b"".join(self._rows))
        return Record(position, self._offset, body)


class _Rows:
    """The rows of a CSV stream with their number (the header is row 1) and offset."""

    def __init__(self, stream: BinaryIO, vocabulary: Vocabulary) -> None:
        self._stream = stream
        self._vocabulary = vocabulary
        self._put_back: deque[bytes] = deque()
        self._offset = 0
        self._row_no = 0
        self._whole = _whole_row(",")

    def header_line(self) -> bytes:
        """The first line, with its line end. Raises MessageError where there is none or it is no text."""
        line = self._line()
        while line and not may_be_header(line):
            self._moved_past(line)
            line = self._line()
        if not line:
            raise MessageError("the message is empty", hint=_HINT, place="row 1")
        self._moved_past(line)
        _refuse_other_text(line)
        self._whole = _whole_row(understood(line, self._vocabulary).delimiter)
        return line if line.endswith(b"\n") else line + b"\n"

    def __iter__(self) -> Iterator[tuple[int, int, bytes]]:
        while line := self._line():
            offset = self._offset
            row = line
            if b'"' in line and not self._whole.fullmatch(line):
                row = self._closed(line)
            self._moved_past(row)
            if len(line) > RECORD_BYTES_MAX:
                self._skip_rest_of(line)
            yield self._row_no, offset, row

    def _line(self) -> bytes:
        if self._put_back:
            return self._put_back.popleft()
        return self._stream.readline(RECORD_BYTES_MAX + 1)

    def _moved_past(self, row: bytes) -> None:
        self._offset += len(row)
        self._row_no += 1

    def _closed(self, line: bytes) -> bytes:
        """The row that begins with this line: lines are added until its quotes close.

        When they do not, the quote is a slip: the line stands alone, to be
        found faulty when it is read, and the lines after it are rows again.
        """
        lines = [line]
        row = line
        while len(row) <= OPEN_CELL_BYTES_MAX and (following := self._line()):
            lines.append(following)
            row += following
            if b'"' in following and self._whole.fullmatch(row):
                return row
        self._put_back.extendleft(reversed(lines[1:]))
        return line

    def _skip_rest_of(self, line: bytes) -> None:
        while line and not line.endswith(b"\n"):
            line = self._line()
            self._offset += len(line)


def _refuse_other_text(line: bytes) -> None:
    if b"\x00" in line[:64]:
        raise MessageError(
            "the text is not UTF-8 (it looks like UTF-16)", hint="Save it as “CSV UTF-8”.", place="row 1"
        )
    try:
        line.decode()
    except UnicodeDecodeError as error:
        words = f"the header is not UTF-8: byte 0x{line[error.start]:02X} at byte {error.start + 1}"
        raise MessageError(words, hint="Save it as “CSV UTF-8”.", place="row 1") from error
    if b"\r" in line.rstrip(b"\r\n"):
        words = "lines end with a carriage return alone"
        raise MessageError(words, hint="Save it with line ends of today (LF or CR LF).", place="row 1")


@lru_cache(maxsize=8)
def _whole_row(delimiter: str) -> re.Pattern[bytes]:
    """Matches a row whose quoted cells are all closed; a quote inside an unquoted cell is a plain character."""
    d = re.escape(delimiter).encode()
    bare = rb'(?:[^"' + d + rb"\r\n][^" + d + rb"\r\n]*+)?"
    quoted = rb'"(?:[^"]|"")*+"[^' + d + rb"\r\n]*+"
    cell = rb"(?:" + quoted + rb"|" + bare + rb")"
    return re.compile(cell + rb"(?:" + d + cell + rb")*+\r?\n?")


def _reference_reader(header: Header, at: int) -> Callable[[bytes], bytes]:
    delimiter = header.delimiter.encode()

    def reference_of(row: bytes) -> bytes:
        before_quotes = row.partition(b'"')[0]
        if len(before_quotes) == len(row) or before_quotes.count(delimiter) > at:
            cells = row.split(delimiter, at + 1)
            return cells[at].strip() if at < len(cells) else b""
        text = row.decode("utf-8", "surrogateescape")
        try:
            parsed = next(csv.reader([text], delimiter=header.delimiter), [])
        except csv.Error:  # a cell beyond the limit; reading the row will say so
            return b""
        return parsed[at].strip().encode("utf-8", "surrogateescape") if at < len(parsed) else b""

    return reference_of
