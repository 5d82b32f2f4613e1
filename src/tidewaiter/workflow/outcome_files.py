"""Files of outcomes from other systems: JSON Lines or CSV, line by line, each with its place; a line that is wrong is told."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

import msgspec

from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.outcome import ExaminationOutcome

LINE_BYTES_MAX: Final = 100_000
COLUMNS: Final = (
    "reference", "result", "examined_at", "examiner", "approved_by", "source", "controls", "words",
    "risk_type", "line_no", "value", "currency", "commodity_code", "origin_country_code", "is_seized", "found_words",
)  # fmt: skip
_DECODER = msgspec.json.Decoder(ExaminationOutcome)
_YES: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False, "": False}

Told = Iterator[tuple[str, ExaminationOutcome | Finding]]


def read_json_lines(stream: BinaryIO) -> Told:
    """One outcome a line; empty lines are passed over."""
    for number, line in enumerate(iter(lambda: stream.readline(LINE_BYTES_MAX + 1), b""), 1):
        place = f"line {number}"
        if len(line) > LINE_BYTES_MAX:
            yield place, _wrong(place, f"The line has more than {LINE_BYTES_MAX:,} bytes.", "One outcome is one line.")
            return
        if not line.strip():
            continue
        try:
            yield place, _DECODER.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            yield place, _wrong(place, f"{error}.", "See docs/how-to/examine.md for the form.")


def read_csv(stream: BinaryIO) -> Told:
    """One outcome a row with a header, at most one thing found in each; `controls` are separated by spaces."""
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="", errors="replace")
    reader = csv.DictReader(text, strict=True)
    try:
        unknown = [name for name in reader.fieldnames or () if name not in COLUMNS]
        if unknown or "reference" not in (reader.fieldnames or ()):
            words = (
                f"Unknown columns: {', '.join(map(repr, unknown))}." if unknown else "There is no column 'reference'."
            )
            yield "line 1", _wrong("line 1", words, f"Columns are: {', '.join(COLUMNS)}.")
            return
        for row in reader:
            place = f"line {reader.line_num}"
            try:
                yield place, msgspec.convert(_of_row(row), ExaminationOutcome, strict=False)
            except (msgspec.MsgspecError, ValueError) as error:
                yield place, _wrong(place, f"{error}.", "See docs/how-to/examine.md for the form.")
    except csv.Error as error:
        place = f"line {reader.line_num + 1}"
        yield (
            place,
            _wrong(place, f"It is no CSV from here on: {error}.", "Look for a quotation mark that is not closed."),
        )
    finally:
        text.detach()


def _of_row(row: Mapping[str, str | None]) -> dict[str, Any]:
    if None in row:
        raise ValueError("the row has more fields than the header")
    told = {name: (row.get(name) or "").strip() for name in COLUMNS}
    outcome: dict[str, Any] = {
        name: told[name]
        for name in ("reference", "result", "examined_at", "examiner", "approved_by", "source", "words")
    }
    outcome["controls"] = told["controls"].split()
    found: dict[str, Any] = {
        name: told[name] for name in ("risk_type", "commodity_code", "origin_country_code") if told[name]
    }
    if told["line_no"]:
        found["line_no"] = told["line_no"]
    if told["value"] or told["currency"]:
        found["value"] = {"amount": told["value"], "currency": told["currency"]}
    if told["found_words"]:
        found["words"] = told["found_words"]
    if told["is_seized"].casefold() not in _YES:
        raise ValueError(f"is_seized is yes or no, not {told['is_seized'][:40]!r}")
    if _YES[told["is_seized"].casefold()]:
        found["is_seized"] = True
    if found:
        outcome["found"] = [found]
    return outcome


def _wrong(place: str, words: str, hint: str) -> Finding:
    return Finding("outcome.unreadable", Severity.ERROR, "", words, hint=hint, place=place)
