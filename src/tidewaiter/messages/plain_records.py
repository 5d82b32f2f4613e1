"""Small records from JSON and CSV: each read by itself, every fault told with its place, the others go on.

For messages that fit in memory and are not declarations (returns, exit events). The shape is read off the record's own
types, as it is for the declaration.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from tidewaiter.messages.faults import Fault, fault
from tidewaiter.messages.json_words import said
from tidewaiter.messages.limits import FAULTS_MAX, FRACTION_DIGITS_MAX, NUMBER_DIGITS_MAX
from tidewaiter.messages.pointers import Path
from tidewaiter.messages.shape import Element, Kind, elements
from tidewaiter.model.errors import LimitExceededError, MessageError
from tidewaiter.model.finding import Finding

T = TypeVar("T", bound=Struct)
Locate = Callable[[Path], str]

TEXT_LENGTH_MAX = 500  # characters of one text of a return or event
GROUPS_MAX = 1_000  # articles or documents of one return
BOM = "\ufeff"


class Read(Struct, Generic[T], frozen=True):
    """What came of one record: the record, or the findings that say why there is none. `position` counts from 1."""

    position: int
    record: T | None
    findings: tuple[Finding, ...] = ()


def read_records(body: bytes, kind: type[T], plural: str, name: str = "") -> list[Read[T]]:
    """The records of a message: JSON (one, a list, `{plural: […]}`, or one a line) or CSV, told by how it begins.

    `name` is the file's. Raises MessageError where nothing can be told apart, LimitExceededError for what is too deep.
    """
    try:
        text = body.decode().removeprefix(BOM)
    except UnicodeDecodeError as error:
        raise MessageError(
            f"the text is not UTF-8: byte 0x{body[error.start]:02X}",
            hint="Save it as UTF-8.",
            place=f"byte {error.start + 1}",
        ) from error
    if not text.strip():
        raise MessageError("the message is empty", hint=f"Send {plural} as JSON or CSV.", place="byte 1")
    begins = text.lstrip()[0]
    if begins not in "[{" and name.lower().endswith((".json", ".jsonl")):
        raise MessageError(
            f"JSON begins with {{ or [, this with {begins!r}", hint=f"Send {plural} as JSON or CSV.", place="byte 1"
        )
    found = _from_json(text, plural) if begins in "[{" else _from_csv(text, kind)
    return [_read(position, part, kind) for position, part in enumerate(found, start=1)]


class _Part(Struct, frozen=True):
    """One record as plain values, and where each stands; or the finding that there are none."""

    values: Any
    locate: Locate
    broken: tuple[Finding, ...] = ()


def _read(position: int, part: _Part, kind: type[T]) -> Read[T]:
    if part.broken:
        return Read(position, None, part.broken)
    checking = _Checking(part.locate)
    checked = checking.group(part.values, kind, ())
    if checking.findings:
        return Read(position, None, tuple(checking.findings[:FAULTS_MAX]))
    return Read(position, msgspec.convert(checked, kind))


# --- JSON ----------------------------------------------------------------------------------------------------------


class _Repeated(dict[str, Any]):
    """An object in which names stood more than once."""

    names: tuple[str, ...] = ()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    repeated = _Repeated(plain)
    names = [name for name, _ in pairs]
    repeated.names = tuple(name for name in plain if names.count(name) > 1)
    return repeated


_JSON = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_float=Decimal,
    parse_int=lambda digits: int(digits) if len(digits) < 20 else Decimal(digits),
)


def _from_json(text: str, plural: str) -> Iterator[_Part]:
    """The records of JSON text. A line that is broken spoils no other line; a broken list is broken as a whole."""
    try:
        root = _JSON.decode(text)
    except json.JSONDecodeError as error:
        lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
        if text.lstrip().startswith("{") and len(lines) > 1 and _is_whole(lines[0][1]):
            yield from (_line(line, number) for number, line in lines)
            return
        place = f"line {error.lineno}, column {error.colno}"
        words, hint, is_cut = said(text, error)
        if is_cut:
            words, hint = f"it ends too early: {words}", "It may have been cut short; send it again."
        several = "Put each record on a line of its own: then one that is broken does not take the others with it."
        raise MessageError(
            f"not well-formed JSON at {place}: {words}", hint=f"{hint} {several}".strip(), place=place
        ) from error
    except RecursionError as error:
        hint = "A record needs no more than three levels."
        raise LimitExceededError("objects and lists are nested too deeply", hint=hint, place="/") from error
    prefix = ""
    if isinstance(root, dict) and plural in root:
        if len(root) > 1:
            others = ", ".join(name for name in root if name != plural)[:100]
            raise MessageError(f"beside “{plural}” stands {others}", hint="Put it into the records.", place="/")
        root, prefix = root[plural], f"/{plural}"
    if not isinstance(root, list):
        yield _Part(root, _pointer(prefix))
        return
    if not root:
        raise MessageError("the list is empty", hint=f"Send the {plural} in it.", place=prefix or "/")
    for index, each in enumerate(root):
        yield _Part(each, _pointer(f"{prefix}/{index}"))


def _is_whole(line: str) -> bool:
    try:
        _JSON.decode(line)
    except (json.JSONDecodeError, RecursionError):
        return False
    return True


def _line(line: str, number: int) -> _Part:
    try:
        return _Part(_JSON.decode(line), _pointer(f"line {number}: "))
    except json.JSONDecodeError as error:
        words, hint, _ = said(line, error)
        words = f"not well-formed JSON at character {error.pos + 1}: {words}"
        return _Part(None, str, (fault(Fault.MALFORMED, "", words, value=line, hint=hint, place=f"line {number}"),))
    except RecursionError:
        return _Part(None, str, (fault(Fault.NESTING, "", "nested too deeply", place=f"line {number}"),))


def _pointer(prefix: str) -> Locate:
    return lambda path: prefix + "".join(f"/{step}" for step in path)


# --- CSV -----------------------------------------------------------------------------------------------------------

_DELIMITERS = (",", ";", "\t")


class _Column(Struct, frozen=True):
    """One column: the group it belongs to ("" for the record itself), whether that repeats, and the field."""

    name: str
    group: str
    is_list: bool
    field: str


def columns(kind: type[Struct]) -> dict[str, _Column]:
    """The CSV columns of a record by name: `return_id`, `items.quantity`, `exit_event.place`."""
    found: dict[str, _Column] = {}
    for element in elements(kind).values():
        if element.group is None:
            found[element.name] = _Column(element.name, "", False, element.name)
            continue
        for inner in elements(element.group).values():
            name = f"{element.name}.{inner.name}"
            found[name] = _Column(name, element.name, element.is_list, inner.name)
    return found


def _from_csv(text: str, kind: type[Struct]) -> Iterator[_Part]:
    """The records of a table: rows one after another with the same first field of the record are one."""
    known = columns(kind)
    header, rows = _rows(text, known)
    key = next(iter(known))
    group: _Group | None = None
    for number, cells in rows:
        named = dict(zip(header, cells, strict=False))
        value = named.get(key, "")
        if group is not None and value and value == group.key:
            group.add(number, named)
            continue
        if group is not None:
            yield group.part()
        group = _Group(value, known)
        group.add(number, named)
        if len(cells) > len(header) and any(cells[len(header) :]):
            group.broken.append(_cells_beyond(number, len(header)))
    if group is None:
        raise MessageError("the table has a header and no row", hint="Put the records below it.", place="row 2")
    yield group.part()


def _cells_beyond(number: int, count: int) -> Finding:
    words = f"the row has more cells than the {count} columns"
    return fault(Fault.MALFORMED, "", words, hint="Put texts with the delimiter in quotes.", place=f"row {number}")


def _rows(text: str, known: dict[str, _Column]) -> tuple[list[str], list[tuple[int, list[str]]]]:
    first = text.splitlines()[0]
    table: list[list[str]] = []
    delimiter = max(_DELIMITERS, key=lambda each: sum(name.strip() in known for name in first.split(each)))
    try:
        for cells in (reader := csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)):
            table.append(cells)
    except csv.Error as error:
        hint, place = "Look for a quote that is not closed.", f"line {reader.line_num}"
        raise MessageError(f"the table cannot be read: {error}", hint=hint, place=place) from error
    header = [name.strip() for name in table[0]]
    unknown = [name for name in header if name and name not in known]
    if unknown or len(set(header)) != len(header):
        name = unknown[0] if unknown else next(each for each in header if header.count(each) > 1)
        words = f"there is no column {name[:60]!r}" if unknown else f"column {name!r} stands twice"
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"Is it {near[0]}?" if near and unknown else f"Columns are {', '.join(list(known)[:8])} …"
        raise MessageError(words, hint=f"{hint} docs/reference/returns.md lists them.", place="row 1")
    rows = [(number, [cell.strip() for cell in cells]) for number, cells in enumerate(table[1:], start=2)]
    return header, [(number, cells) for number, cells in rows if any(cells)]


class _Group:
    """The rows of one record."""

    def __init__(self, key: str, known: dict[str, _Column]) -> None:
        self.key = key
        self.broken: list[Finding] = []
        self._known = known
        self._values: dict[str, Any] = {}
        self._rows: dict[Path, int] = {}
        self._first = 0

    def add(self, number: int, named: dict[str, str]) -> None:
        """Take in one row."""
        self._first = self._first or number
        fresh: set[str] = set()
        for name, cell in named.items():
            if not cell:
                continue
            if not name:
                words, place = "a value stands in a column without a name", f"row {number}"
                hint = "Name the column in the first row, or leave it out."
                self.broken.append(fault(Fault.UNKNOWN, "", words, value=cell, hint=hint, place=place))
                continue
            column = self._known[name]
            if column.is_list:
                repeated = self._values.setdefault(column.group, [])
                if column.group not in fresh:
                    fresh.add(column.group)
                    repeated.append({})
                    self._rows[column.group, len(repeated) - 1] = number
                repeated[-1][column.field] = cell
                continue
            holder = self._values.setdefault(column.group, {}) if column.group else self._values
            if holder.setdefault(column.field, cell) != cell:
                words = f"“{name}” is {cell[:60]!r} here and {str(holder[column.field])[:60]!r} in row {self._first}"
                self.broken.append(fault(Fault.CONFLICT, name, words, value=cell, place=f"row {number}, column {name}"))

    def part(self) -> _Part:
        """The record as plain values."""
        return _Part(self._values, self._locate, tuple(self.broken))

    def _locate(self, path: Path) -> str:
        row = self._rows.get(path[:2], self._first)
        name = ".".join(str(step) for step in path if isinstance(step, str))
        return f"row {row}, column {name}" if name else f"row {row}"


# --- values --------------------------------------------------------------------------------------------------------


class _Checking:
    """One pass over a record's plain values, collecting what is found."""

    def __init__(self, locate: Locate) -> None:
        self.findings: list[Finding] = []
        self._locate = locate

    def group(self, values: Any, kind: type[Struct], path: Path) -> dict[str, Any]:
        """The members that are as they should be; of the others there are findings."""
        known = elements(kind)
        if not isinstance(values, dict):
            hint = f"Write names with their values: {', '.join(known)}."
            self._find(Fault.TYPE, path, "an object { … } is wanted here", values, hint)
            return {}
        for name in getattr(values, "names", ()):
            self._find(Fault.DUPLICATE, (*path, name), f"“{name}” stands more than once", "", "Send it once.")
        good: dict[str, Any] = {}
        for name, value in values.items():
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
                hint = f"Is it “{near[0]}”?" if near else f"There are {', '.join(known)}."
                self._find(Fault.UNKNOWN, (*path, name), f"there is no “{name[:60]}” here", value, hint)
            elif value is not None and value != "":
                good[name] = self._member(known[name], value, (*path, name))
        for element in known.values():
            if element.is_required and element.name not in good:
                self._find(
                    Fault.MISSING,
                    (*path, element.name),
                    f"“{element.name}” is missing",
                    "",
                    f"It says: {element.words}.",
                )
        return good

    def _member(self, element: Element, value: Any, path: Path) -> Any:
        if not element.is_list:
            return self._value(element, value, path)
        if not isinstance(value, list):
            hint = "Put it in brackets, also where there is but one."
            self._find(Fault.TYPE, path, f"“{element.name}” is a list [ … ]", value, hint)
            return []
        if len(value) > GROUPS_MAX:
            self._find(Fault.LIMIT, path, f"there are {len(value)} {element.name}; at most {GROUPS_MAX} are taken", "")
            return []
        return [self._value(element, each, (*path, index)) for index, each in enumerate(value)]

    def _value(self, element: Element, value: Any, path: Path) -> Any:
        if element.kind is Kind.GROUP:
            assert element.group is not None
            return self.group(value, element.group, path)
        reader: dict[Kind, Callable[[Element, Any, Path], Any]] = {
            Kind.TEXT: self._text, Kind.CHOICE: self._choice, Kind.DECIMAL: self._decimal,
            Kind.WHOLE_NUMBER: self._whole_number, Kind.MOMENT: self._moment,
        }  # fmt: skip
        return reader[element.kind](element, value, path)

    def _text(self, element: Element, value: Any, path: Path) -> Any:
        if not isinstance(value, str):
            hint = "Put it in quotes: written as a number, a code loses its leading zeros."
            self._find(Fault.TYPE, path, f"“{element.name}” must be text in quotes", value, hint)
        elif len(value) > TEXT_LENGTH_MAX:
            self._find(Fault.LIMIT, path, f"“{element.name}” is longer than {TEXT_LENGTH_MAX} characters", value)
        elif not value.isprintable():
            self._find(Fault.CHARACTER, path, f"“{element.name}” holds a character that cannot be shown", value)
        elif not value.strip():
            self._find(Fault.MISSING, path, f"“{element.name}” holds nothing but spaces", value)
        return value

    def _choice(self, element: Element, value: Any, path: Path) -> Any:
        if value not in element.choices:
            self._find(Fault.CHOICE, path, f"“{element.name}” must be one of: {', '.join(element.choices)}", value)
        return value

    def _decimal(self, element: Element, value: Any, path: Path) -> Any:
        try:
            number = (
                Decimal(str(value)) if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else None
            )
        except InvalidOperation:
            number = None
        if number is None or not number.is_finite() or number < 0 or (number == 0 and not element.may_be_zero):
            hint = "Digits with a point, best in quotes: “1”."
            least = "from 0" if element.may_be_zero else "above 0"
            self._find(Fault.NUMBER, path, f"“{element.name}” must be a number {least}", value, hint)
        elif number.adjusted() >= NUMBER_DIGITS_MAX or -int(number.as_tuple().exponent) > FRACTION_DIGITS_MAX:
            self._find(Fault.NUMBER, path, f"“{element.name}” has more digits than anything that is counted", value)
        else:
            return str(number)
        return value

    def _whole_number(self, element: Element, value: Any, path: Path) -> Any:
        text = str(value)
        if isinstance(value, bool) or not (text.isascii() and text.isdigit()) or not 0 < int(text[:12]) < 2**31:
            self._find(Fault.NUMBER, path, f"“{element.name}” must be a whole number from 1", value)
            return value
        return int(text)

    def _moment(self, element: Element, value: Any, path: Path) -> Any:
        hint = "Write 2026-06-15T10:00:00Z or 2026-06-15T12:00:00+02:00."
        try:
            moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None:
            words = f"“{element.name}” must be a moment that exists, with its time zone"
            self._find(Fault.DATE, path, words, value, hint)
        return value if moment is None else moment

    def _find(self, code: Fault, path: Path, words: str, value: Any, hint: str = "") -> None:
        pointer = "".join(f"[{step + 1}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")
        shown = value if isinstance(value, str) else json.dumps(value, default=str)[:200]
        self.findings.append(fault(code, pointer, words, value=shown, hint=hint, place=self._locate(path)))


def faults_of(reads: Sequence[Read[T]]) -> tuple[Finding, ...]:
    """The findings of all records, in order."""
    return tuple(finding for each in reads for finding in each.findings)
