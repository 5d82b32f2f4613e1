"""Lists as CSV: one row an entry, values between bars; every line that is wrong is told, and nothing is taken of the file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import date
from typing import Final, Protocol

from msgspec import Struct

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.judgement import Lane
from tidewaiter.risk.lists.matching import is_value
from tidewaiter.risk.lists.published import ENTRIES_MAX, VALUE_LENGTH_MAX, VALUES_MAX, ListEntry, ListKind

COLUMNS: Final = ("id", "values", "words", "lane", "from", "until", "source", "status", "senders")
NEEDED: Final = ("id", "values", "words")
BAR: Final = "|"
FINDINGS_MAX: Final = 200  # told at once
FINDING_VALUE_MAX: Final = 200
_STATUS: Final = re.compile(r"[A-Z0-9_]{1,20}")
_SENDER: Final = re.compile(r"[1-9][0-9]{0,17}")
OF_OPERATORS: Final = 2  # columns at the end that only their lists have


class Telling(Protocol):
    """Tells what is wrong in a column of the line that is read."""

    def __call__(self, column: str, words: str, hint: str = "") -> None:
        """One problem more."""


class ListProblem(Struct, frozen=True):
    """What is wrong in one line of a file: its number, the column, what stands there, what to do."""

    line: int
    column: str
    value: str
    words: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"line {self.line}, {self.column}: {self.words}: “{self.value[:60]}”{hint}"


class ListFileError(TidewaiterError):
    """A file that cannot be taken as a list; `problems` are all that was found."""

    code = "list.file"

    def __init__(self, problems: tuple[ListProblem, ...]) -> None:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        super().__init__(
            f"{problems[0]}{more}", hint="correct the file: nothing of it was taken", place=f"line {problems[0].line}"
        )
        self.problems = problems

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The first of what is wrong, as doors tell it."""
        return tuple(
            Finding(
                rule_id=self.code,
                severity=Severity.ERROR,
                pointer=each.column,
                words=each.words,
                value=each.value[:FINDING_VALUE_MAX],
                hint=each.hint,
                place=f"line {each.line}",
            )
            for each in self.problems[:FINDINGS_MAX]
        )


def read_entries(text: str, kind: ListKind) -> tuple[ListEntry, ...]:
    """The entries of a CSV file with a header. Raises ListFileError with every line that is wrong."""
    problems: list[ListProblem] = []
    entries: dict[str, ListEntry] = {}
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        names = [name.strip().lower() for name in reader.fieldnames or ()]
        missing = [name for name in NEEDED if name not in names]
        unknown = [name for name in names if name not in COLUMNS]
        if missing or unknown:
            what = f"it has no column {missing[0]!r}" if missing else f"there is no column {unknown[0]!r}"
            problem = ListProblem(1, (missing or unknown)[0], ", ".join(names), what, f"columns: {', '.join(COLUMNS)}")
            raise ListFileError((problem,))
        reader.fieldnames = names
        for row in reader:
            entry = _entry(row, kind, reader.line_num, problems)
            if entry is None:
                continue
            if entry.entry_id in entries:
                problems.append(
                    ListProblem(reader.line_num, "id", entry.entry_id, "this id stands above", "ids are unique")
                )
            entries[entry.entry_id] = entry
    except csv.Error as error:
        problems.append(ListProblem(reader.line_num, "", "", f"it is no CSV: {error}"))
    if not entries and not problems:
        problems.append(ListProblem(1, "", "", "there is no entry", "an empty list is retired, not published"))
    if len(entries) > ENTRIES_MAX:
        problems.append(ListProblem(reader.line_num, "", "", f"a list holds at most {ENTRIES_MAX:,} entries"))
    if problems:
        raise ListFileError(tuple(problems))
    return tuple(entries[key] for key in sorted(entries))


def write_entries(entries: tuple[ListEntry, ...]) -> str:
    """The same entries as CSV; cells that a spreadsheet would take for a formula are refused when they are read."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    columns = COLUMNS if any(each.status for each in entries) else COLUMNS[:-OF_OPERATORS]
    writer.writerow(columns)
    for each in entries:
        cells = (
            each.entry_id, BAR.join(each.values), each.words, each.lane.value if each.lane else "",
            each.effective_from or "", each.effective_until or "", each.source, each.status,
            BAR.join(map(str, each.senders)),
        )  # fmt: skip
        writer.writerow(cells[: len(columns)])
    return out.getvalue()


def _entry(row: dict[str, str | None], kind: ListKind, line: int, problems: list[ListProblem]) -> ListEntry | None:
    before = len(problems)
    cells = {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}

    def told(column: str, words: str, hint: str = "") -> None:
        problems.append(ListProblem(line, column, cells.get(column, ""), words, hint))

    if None in row:
        told("values", "the line has more cells than the header", "put texts with commas between quotes")
    if cut := [name for name, value in row.items() if value is None]:  # else a cut "until" would be one without end
        told(cut[0], "the line has fewer cells than the header", "a cell that says nothing is left empty, not out")
    for name in NEEDED:
        if not cells.get(name):
            told(name, "it is empty")
    if cells.get("id", "")[:1] in ("=", "+", "@"):
        told("id", "an id begins with a letter or a digit")
    values = tuple(value.strip() for value in cells.get("values", "").split(BAR) if value.strip())
    if len(values) > VALUES_MAX:
        told("values", f"an entry has at most {VALUES_MAX} values")
    for value in values:
        if len(value) > VALUE_LENGTH_MAX:
            told("values", f"a value has at most {VALUE_LENGTH_MAX} characters")
        elif wrong := is_value(kind, value):
            problems.append(ListProblem(line, "values", value, wrong))
    days = {name: _day(name, cells, told) for name in ("from", "until")}
    if days["from"] and days["until"] and days["until"] < days["from"]:
        told("until", "it ends before it begins")
    lane = cells.get("lane", "").lower()
    if lane and lane not in tuple(each.value for each in Lane):
        told("lane", "there is no such lane", f"lanes: {', '.join(each.value for each in Lane)}")
    senders = _of_operator(kind, cells, told)
    if len(problems) > before:
        return None
    return ListEntry(
        entry_id=cells["id"],
        values=values,
        words=cells["words"],
        lane=Lane(lane) if lane else None,
        effective_from=days["from"],
        effective_until=days["until"],
        source=cells.get("source", ""),
        status=cells.get("status", ""),
        senders=senders,
    )


def _of_operator(kind: ListKind, cells: dict[str, str], told: Telling) -> tuple[int, ...]:
    """The senders that may speak for an operator, after a look at what only entries of operators have."""
    if kind is not ListKind.AEO:
        for name in ("status", "senders"):
            if cells.get(name):
                told(name, "entries of this kind of list have none")
        return ()
    if not _STATUS.fullmatch(cells.get("status", "")):
        told("status", "it is no status", "write the code that the policy has, as AEOC")
    if not cells.get("until"):
        told("until", "it is empty", "a status is known until a day: then it is asked for again")
    numbers = [number.strip() for number in cells.get("senders", "").split(BAR) if number.strip()]
    if len(numbers) > VALUES_MAX:
        told("senders", f"an entry has at most {VALUES_MAX} senders")
    if any(not _SENDER.fullmatch(number) for number in numbers):
        told("senders", "it is no sender's number", "write numbers as in tidewaiter sender list, with | between them")
        return ()
    return tuple(sorted({int(number) for number in numbers}))


def _day(name: str, cells: dict[str, str], told: Telling) -> date | None:
    text = cells.get(name, "")
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        told(name, "it is no day", "write 2026-07-14")
        return None


def expired(entries: tuple[ListEntry, ...], on: date) -> Iterator[ListEntry]:
    """The entries that are over."""
    return (entry for entry in entries if entry.effective_until is not None and entry.effective_until < on)
