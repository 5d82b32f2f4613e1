"""Reading files of law strictly: YAML 1.2, no duplicate keys, no unknown keys, every error with file and key."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

import msgspec
from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError

from tidewaiter.model.errors import LawDataError
from tidewaiter.regimes.documents import AnyDocument, DatasetsDocument, JurisdictionDocument, LawPage
from tidewaiter.regimes.places import line_naming, line_of

T = TypeVar("T")

JURISDICTION_FILE = "jurisdiction.yaml"
DATASETS_FILE = "datasets.yaml"
LAW_FILES = ("law.yaml", "refunds.yaml", "deadlines.yaml")  # many measures on one page


class Lawbook(Struct, frozen=True):
    """All files of one jurisdiction as they stand, its parent's not included."""

    code: str
    jurisdiction: JurisdictionDocument
    documents: dict[str, AnyDocument]  # by measure id
    datasets: DatasetsDocument | None
    folder: Traversable


@cache
def lawbook(code: str) -> Lawbook | None:
    """The files of one jurisdiction, parsed once; None where there are none. Raises LawDataError."""
    folder = resources.files("tidewaiter.data") / "regimes" / code
    return read_folder(code, folder) if code in codes() else None


def place_of(book: Lawbook, measure_id: str, name: str = "") -> str:
    """File and line where a measure names something (where it begins, for no name): for words about what is wrong."""
    own = "/".join(measure_id.split(".")) + ".yaml"
    pages = [own, *LAW_FILES]
    names = [file for file in pages if (book.folder / file).is_file()]
    file = next((each for each in names if each == own or _stands_on(book.folder / each, measure_id)), names[-1])
    return f"{book.code}/{file}:{line_naming((book.folder / file).read_text('utf-8'), measure_id, name)}"


def _stands_on(page: Traversable, measure_id: str) -> bool:
    return any(line.startswith(f"  {measure_id}:") for line in page.read_text("utf-8").splitlines())


@cache
def codes() -> tuple[str, ...]:
    """The jurisdictions there are files for, in alphabetical order."""
    root = resources.files("tidewaiter.data") / "regimes"
    return tuple(sorted(entry.name for entry in root.iterdir() if (entry / JURISDICTION_FILE).is_file()))


def read_folder(code: str, folder: Traversable) -> Lawbook:
    """The lawbook in `folder`. Raises LawDataError naming file and key."""
    special = {JURISDICTION_FILE, DATASETS_FILE, *LAW_FILES}
    documents = {
        name.removesuffix(".yaml").replace("/", "."): _document(text, f"{code}/{name}")
        for name, text in _files(folder)
        if name not in special
    }
    for name in LAW_FILES:
        page = folder / name
        if not page.is_file():
            continue
        for measure_id, document in _page(page.read_text("utf-8"), f"{code}/{name}").items():
            if measure_id in documents:
                own = (folder / f"{measure_id.replace('.', '/')}.yaml").is_file()
                where = "has a file of its own" if own else "stands on another page"
                raise LawDataError(f"{code}/{name}: {measure_id} also {where}", place=measure_id)
            documents[measure_id] = document
    datasets = folder / DATASETS_FILE
    return Lawbook(
        code=code,
        jurisdiction=read_text(
            (folder / JURISDICTION_FILE).read_text("utf-8"), f"{code}/{JURISDICTION_FILE}", JurisdictionDocument
        ),
        documents=documents,
        datasets=read_text(datasets.read_text("utf-8"), f"{code}/{DATASETS_FILE}", DatasetsDocument)
        if datasets.is_file()
        else None,
        folder=folder,
    )


def read_text(text: str, file: str, kind: Any) -> Any:
    """The YAML `text` as a record of `kind`. Raises LawDataError with `file` and the key in question."""
    try:
        data = YAML(typ="safe", pure=True).load(text)
    except DuplicateKeyError as error:
        place = _marked(file, error)
        raise LawDataError(f"{place}: {_first_line(error)}", hint="say each thing once", place=place) from error
    except MarkedYAMLError as error:
        place = _marked(file, error)
        hint = "YAML 1.2: quote what holds a colon or a bracket, close what is opened"
        raise LawDataError(f"{place}: {error.problem}", hint=hint, place=place) from error
    return _converted(_plain(data), Origin(file, text), kind)


class Origin(Struct, frozen=True):
    """Where data came from: the file's name and text, and the keys it stands under."""

    file: str
    text: str
    above: tuple[str, ...] = ()


def _converted(data: Any, origin: Origin, kind: Any) -> Any:
    try:
        return msgspec.convert(data, kind)
    except msgspec.ValidationError as error:
        place = f"{origin.file}:{line_of(origin.text, str(error), origin.above)}"
        under = f"{origin.above[-1]}: " if origin.above else ""
        raise LawDataError(f"{place}: {under}{_said(str(error))}", hint=_hint(str(error)), place=place) from error


def _said(problem: str) -> str:
    """What a record type says of data, in a lawyer's words."""
    for pattern, words in _WORDS:
        found = pattern.match(problem)
        if found:
            return words.format(*found.groups())
    return problem


def _hint(problem: str) -> str:
    return next((hint for sign, hint in _HINTS if sign in problem), "the keys are described in regimes/documents.py")


def _marked(file: str, error: MarkedYAMLError) -> str:
    mark = error.problem_mark
    return file if mark is None else f"{file}:{mark.line + 1}"


def _first_line(error: MarkedYAMLError) -> str:
    return str(error.problem).splitlines()[0]


_WORDS = (
    (re.compile(r"Object contains unknown field `(.+?)`"), "{0!r} is no key that belongs here"),
    (re.compile(r"Object missing required field `(.+?)`"), "the key {0!r} is missing"),
    (re.compile(r"Expected `str \| object`, got `(int|float|decimal)`"), "a number stands here without quotes"),
    (re.compile(r"Expected `str`, got `(int|float|decimal)`"), "a number stands here without quotes"),
    (re.compile(r"Expected `str \| object`, got `null`"), "an end stands here without the act that made it"),
    (re.compile(r"Invalid RFC3339 encoded date"), "what should be a day is none"),
    (re.compile(r"Invalid (?:enum )?value '(.+?)'"), "{0!r} is none of the words that belong here"),
)
_HINTS = (
    ("unknown field", "is it mistyped? the keys are described in regimes/documents.py"),
    ("missing required", "add it; the keys are described in regimes/documents.py"),
    ("`int`", 'quote it, as "150": what is not quoted may lose its last noughts'),
    ("`float`", 'quote it, as "12.50": what is not quoted may lose its last noughts'),
    ("got `null`", "write {value: null, act: what ended it}"),
    ("RFC3339", "write days as 2026-07-01"),
)


def read_table(name: str) -> dict[str, str]:
    """Rates in % by commodity code from a file of two columns under data/rates. Raises LawDataError."""
    rows = csv_rows(name)
    if rows[0] != ["code", "percent"]:
        raise LawDataError(f"{name}: the first line must be code,percent", place=name)
    table = dict(row for row in rows[1:])
    if len(table) != len(rows) - 1:
        raise LawDataError(f"{name}: a code stands twice", place=name)
    return table


def csv_rows(name: str) -> list[list[str]]:
    """The lines of a CSV file under data/rates. Raises LawDataError where there is no such file."""
    file = resources.files("tidewaiter.data") / "rates" / name
    if not file.is_file():
        raise LawDataError(f"there is no file {name} under data/rates", place=name)
    return list(csv.reader(io.StringIO(file.read_text("utf-8"))))


def _page(text: str, file: str) -> dict[str, AnyDocument]:
    """The measures of one page, each with the sources it names."""
    page: LawPage = read_text(text, file, LawPage)
    sources = msgspec.to_builtins(page.sources)
    documents = {}
    for measure_id, fields in page.measures.items():
        named = fields.get("sources", [])
        unknown = [each for each in named if each not in sources]
        if unknown:
            place = f"{file}:{line_naming(text, measure_id, unknown[0])}"
            raise LawDataError(
                f"{place}: {measure_id}: no source {unknown[0]!r} stands above",
                hint=f"there are {', '.join(sources)}",
                place=place,
            )
        origin = Origin(file, text, ("measures", measure_id))
        documents[measure_id] = _checked(
            _converted(fields | {"sources": [sources[each] for each in named]}, origin, AnyDocument),
            f"{file}:{line_naming(text, measure_id, '')}",
            measure_id,
        )
    return documents


def _document(text: str, file: str) -> AnyDocument:
    return _checked(read_text(text, file, AnyDocument), file, "")


def _checked(document: AnyDocument, place: str, measure_id: str) -> AnyDocument:
    """The document, if it says since when, by which source, and why it is not confirmed where it is not."""
    said = f"{place}: {measure_id}: " if measure_id else f"{place}: "
    if not document.sources:
        raise LawDataError(f"{said}sources must name at least one", hint="law without a source is no law", place=place)
    if not document.values:
        raise LawDataError(f"{said}values must say since when", place=place)
    for day, dated in document.values.items():
        if not isinstance(dated, str) and dated.value is None and not dated.act:
            raise LawDataError(f"{said}the end on {day} needs the act that made it", place=place)
    if not document.is_confirmed and not document.note:
        raise LawDataError(f"{said}what is not confirmed needs a note that says why", place=place)
    return document


def _files(folder: Traversable, prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        if entry.is_dir():
            found += _files(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".yaml"):
            found.append((prefix + entry.name, entry.read_text("utf-8")))
    return found


def _plain(data: Any) -> Any:
    """The same with days as texts, so that a day is a day as key and as value alike."""
    if isinstance(data, dict):
        return {_plain(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_plain(each) for each in data]
    return data.isoformat() if isinstance(data, date) else data
