"""The part of the suite `tariff` on whole files: each is imported whole, and its tree and rates are what stands in it.

Files are told by their content, wherever they lie under `tariff/`. Leaves are counted a second time here, from the
file's own order and indents or levels, without the code that answers questions on a tariff.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from tidewaiter.cli.conformance.case import Case
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.tariff.codes import ten_digits
from tidewaiter.tariff.importing import AREAS, COMMODITY, Heading, Imported, Source, imported, layout_of
from tidewaiter.tariff.importing.lists import RATE_SUFFIX
from tidewaiter.tariff.records import Line
from tidewaiter.tariff.sentences import SentenceError, Style, canonical, parse
from tidewaiter.tariff.tariff import Tariff

FOLDER = "tariff"
ENDINGS = (".csv", ".json")
TARIC = "TARIC nomenclature"
HS = "Harmonized System"
FIRST_DAY = date(1900, 1, 1)


class File(NamedTuple):
    """One file that is a tariff, and the column of rates to take where it has several."""

    source: Source
    layout: str
    column: str

    @property
    def name(self) -> str:
        return f"{self.source.name}{f', {self.column}' if self.column else ''}"


def cases(folder: Path) -> Iterator[Case]:
    """Each file imported whole; then its leaves, its codes, the sentences beside components, and its translations."""
    files = _files(_root(folder))
    areas = [file.source for file in files if file.layout == AREAS]
    nomenclatures: list[tuple[File, Tariff]] = []
    for file in files:
        try:
            read = _imported(file, areas)
        except TidewaiterError as error:
            yield Case(f"{file.name}: imported whole", False, f"{error.place}: {error.detail}")
            continue
        if read is None:
            continue
        yield Case(f"{file.name}: imported whole", True)
        yield from _tree_cases(file, read.tariff)
        if file.layout == COMMODITY:
            yield from _component_cases(file, read.tariff)
        if file.layout == TARIC:
            nomenclatures.append((file, read.tariff))
    for (one, held), (other, theirs) in combinations(nomenclatures, 2):
        problem = _disagreement(held, theirs)
        yield Case(f"{one.name} and {other.name}: the same line alike in both", not problem, problem)


def information(folder: Path) -> list[str]:
    """What each file came to: lines, leaves, measures, and what was not understood; codes that not all translations have."""
    files = _files(_root(folder))
    areas = [file.source for file in files if file.layout == AREAS]
    found, codes = [], {}
    for file in files:
        try:
            read = _imported(file, areas)
        except TidewaiterError:
            continue
        if read is None:
            continue
        held = read.tariff.held
        leaves = len(read.tariff.declarable("", _day(read.tariff)))
        found.append(
            f"{file.name}: taken for {file.layout}; {len(held.lines)} lines, {leaves} declarable, "
            f"{len(held.measures)} measures, {len(held.gaps)} not understood"
        )
        if file.layout == TARIC:
            codes[file.name] = {(line.code, line.suffix) for line in held.lines}
    common = set.intersection(*codes.values()) if codes else set()
    found += [f"{name}: {len(mine - common)} lines that not all its translations have" for name, mine in codes.items()]
    return found


def _root(folder: Path) -> Path:
    return folder / FOLDER if (folder / FOLDER).is_dir() else folder


@lru_cache(maxsize=2)
def _files(root: Path) -> tuple[File, ...]:
    found = []
    for path in sorted(path for path in root.rglob("*") if path.suffix in ENDINGS and path.is_file()):
        source = Source(str(path.relative_to(root)), path.read_bytes())
        layout = layout_of(source)
        if layout:
            found += [File(source, layout, column) for column in _columns(source)]
    return tuple(found)


def _columns(source: Source) -> list[str]:
    header = next(csv.reader(io.StringIO(source.body[:10_000].decode("utf-8-sig", "replace"))), [])
    return [column for column in header if column.endswith(RATE_SUFFIX)] or [""]


@lru_cache(maxsize=64)
def _read(sources: tuple[Source, ...], column: str) -> Imported:
    return imported(sources, Heading("ZZ", FIRST_DAY, column))


def _imported(file: File, areas: list[Source]) -> Imported | None:
    """The tariff of a file, a commodity with the areas beside it; None for areas alone, which are no tariff."""
    if file.layout == AREAS:
        return None
    beside = areas if file.layout == COMMODITY else []
    return _read((file.source, *beside), file.column)


def _day(tariff: Tariff) -> date:
    """The day on which the newest line began."""
    return max((line.valid_from for line in tariff.held.lines if line.valid_from is not None), default=FIRST_DAY)


def _tree_cases(file: File, tariff: Tariff) -> Iterator[Case]:
    on = _day(tariff)
    leaves = tariff.declarable("", on)
    name = f"{file.name}: every declarable code is found, on {on}"
    if file.layout == COMMODITY:
        return
    expected = _leaves_by_level(file.source) if file.layout == HS else _leaves_by_order(tariff, on)
    found = {line.code for line in leaves}
    lost, extra = sorted(expected - found), sorted(found - expected)
    unknown = [code for code in sorted(expected) if not tariff.is_declarable(code, on)]
    problem = ", ".join(filter(None, (_some("not found", lost), _some("too many", extra), _some("refused", unknown))))
    yield Case(name, not problem, problem or f"{len(leaves)} codes")


def _leaves_by_order(tariff: Tariff, on: date) -> set[str]:
    """A line is a leaf where the next one that is valid that day does not stand deeper, or does not begin with it."""
    valid = [line for line in tariff.held.lines if _is_on(line, on)]
    found = set()
    for line, after in zip(valid, [*valid[1:], None], strict=True):
        digits = line.code[: max(line.digits, 2)]
        is_below = after is not None and after.depth > line.depth and after.code[:2] == line.code[:2]
        if not tariff.held.is_complete and after is not None:
            is_below = is_below and after.code.startswith(digits)
        if line.suffix == "80" and not is_below:
            found.add(line.code)
    return found


def _leaves_by_level(source: Source) -> set[str]:
    """The codes of six digits, as they stand in the file; a heading or chapter without any stands for itself."""
    codes = [row["hscode"] for row in csv.DictReader(io.StringIO(source.body.decode("utf-8-sig")))]
    digits = [code for code in codes if code.isdigit()]
    above = {code[:2] for code in digits if len(code) > 2} | {code[:4] for code in digits if len(code) > 4}
    return {ten_digits(code) for code in digits if code not in above}


def _component_cases(file: File, tariff: Tariff) -> Iterator[Case]:
    """The publisher's components and its sentence are one duty."""
    for text, typed in tariff.held.duties.items():
        sentence = text.split(" (measure ")[0].split(" (condition ")[0]
        try:
            problem = "" if canonical(parse(sentence, Style.TARIC)) == canonical(typed) else "they differ"
        except SentenceError as error:
            problem = error.detail
        yield Case(f"{file.name}: components and sentence {sentence!r} are one", not problem, problem)


def _disagreement(one: Tariff, other: Tariff) -> str:
    theirs = {(line.code, line.suffix): _bare(line) for line in other.held.lines}
    differing = [
        line.code for line in one.held.lines if theirs.get((line.code, line.suffix), _bare(line)) != _bare(line)
    ]
    return _some("days or depth differ", differing)


def _bare(line: Line) -> Line:
    return replace(line, description="")


def _is_on(line: Line, on: date) -> bool:
    return (line.valid_from or date.min) <= on <= (line.valid_to or date.max)


def _some(words: str, codes: list[str]) -> str:
    return f"{len(codes)} {words}: {', '.join(codes[:5])}" if codes else ""
