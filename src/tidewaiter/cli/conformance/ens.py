"""Conformance with the entry summary declaration: the published schemas and rules, run as data on the published cases.

Every case is a message with a control file. Where the file lists errors by
number, the rules must give exactly those, each at its place, on a message that
is valid by its schema; where it lists an error without a number, the schema
must refuse the message; where it lists none, neither may object. Rules and
schemas come in editions; a folder of cases whose name ends with the name of an
edition is judged by that one. Besides, every message must be read, written
and read back the same, as valid as before, and be answered by a valid message.
"""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from tidewaiter.cli.conformance.case import Case
from tidewaiter.cli.conformance.control_files import Expected, Pair, pairs
from tidewaiter.messages import xml
from tidewaiter.messages.ens import EnsForm
from tidewaiter.messages.ens.form import document_of
from tidewaiter.messages.ens.schemas import Schemas
from tidewaiter.messages.ens.verdict import number_of, verdict
from tidewaiter.messages.rulebooks import Rulebook
from tidewaiter.model.errors import MessageError, TidewaiterError
from tidewaiter.model.finding import Finding, Severity

FOLDER = "ens-hmrc-ics"


class Run:
    """One run of the suite: what is compiled once, what was counted, and how long it took."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.seconds = self.processor_seconds = 0.0
        self.rules: Rulebook | None = None

    def cases(self, samples: Path) -> Iterator[Case]:
        """One case for the rules, then two for each message: its verdict, and its round trip."""
        began, processor_began = time.perf_counter(), time.process_time()
        folder = samples / FOLDER if (samples / FOLDER).is_dir() else samples
        schemas = Schemas.from_folder(folder)
        rules = self.rules = Rulebook.from_folder(_rule_folder(folder))
        for pair in pairs(folder):
            edition = _edition(pair.folder, rules)
            yield _verdict_case(pair, schemas, rules, edition, self.counts)
            yield _round_trip_case(pair, schemas, edition)
        self.seconds, self.processor_seconds = time.perf_counter() - began, time.process_time() - processor_began

    def information(self, samples: Path) -> list[str]:
        """What was loaded, what was counted, and the seconds of the whole run."""
        rules = self.rules
        loaded = [] if rules is None else [_loaded(rules)]
        counted = [f"{count:,} {words}" for words, count in sorted(self.counts.items())]
        return [*loaded, *counted, f"{self.seconds:.1f} seconds in all ({self.processor_seconds:.1f} of one processor)"]


def _loaded(rules: Rulebook) -> str:
    editions = ", ".join(f"“{name}”" if name else "the base" for name in rules.editions)
    return f"rules: {rules.file_count} files, {rules.assert_count} asserts, editions {editions}, digest {rules.digest}"


def _rule_folder(folder: Path) -> Path:
    """The folder `rules`, wherever it lies. Raises TidewaiterError where there is none."""
    found = [path for path in sorted(folder.rglob("rules")) if path.is_dir()]
    if not found:
        raise TidewaiterError(f"there is no folder “rules” below {folder}", hint="name the folder with --samples DIR")
    return found[0]


def _edition(folder_name: str, rules: Rulebook) -> str:
    named = (edition for edition in rules.editions if edition and folder_name.lower().endswith(edition.lower()))
    return max(named, key=len, default="")


def _verdict_case(pair: Pair, schemas: Schemas, rules: Rulebook, edition: str, counts: Counter[str]) -> Case:
    name = f"{pair.name}: verdict"
    try:
        expected = pair.expected()
        root = document_of(xml.parse(pair.message))
    except TidewaiterError as error:
        return Case(name, False, error.detail)
    found = [each for each in verdict(root, schemas, rules, edition) if each.severity is Severity.ERROR]
    if any(not each.number or each.kind == "schema" for each in expected):
        counts["messages that the schema must refuse"] += 1
        return Case(name, *_refused_by_schema(expected, found, schemas.validate(root, edition)))
    counts["messages that break rules" if expected else "messages with nothing against them"] += 1
    counts["errors expected by number and place"] += len(expected)
    wanted = sorted((each.number, each.place) for each in expected)
    given = sorted((number_of(each.rule_id) or each.rule_id, each.place) for each in found)
    is_right = _as_far_as_placed(given, wanted) == wanted
    return Case(name, is_right, f"expected {_listed(wanted)}; found {_listed(given)}")


def _refused_by_schema(
    expected: tuple[Expected, ...], found: list[Finding], by_schema: tuple[Finding, ...]
) -> tuple[bool, str]:
    given = {number_of(each.rule_id) for each in by_schema if each.severity is Severity.ERROR}
    wanted = {each.number for each in expected if each.number}
    is_right = bool(given) and wanted <= given
    words = "; ".join(f"{each.rule_id} {each.words}" for each in found) or "nothing against it"
    return is_right, f"expected a refusal by the schema {_listed(sorted(wanted))}; found {words}"


def _as_far_as_placed(given: list[tuple[str, str]], wanted: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What was given, without places where the control file says none."""
    return given if all(place for _, place in wanted) else sorted((number, "") for number, _ in given)


def _listed(found: object) -> str:
    return str(found) if found else "nothing"


def _round_trip_case(pair: Pair, schemas: Schemas, edition: str) -> Case:
    name, form = f"{pair.name}: round trip", EnsForm()
    try:
        records = list(form.split(io.BytesIO(pair.message)))
    except MessageError as error:
        return Case(name, False, f"not split: {error.detail}")
    if len(records) != 1:
        return Case(name, False, f"split into {len(records)} records")
    reading = form.read(records[0].body)
    if reading.declaration is None:
        return Case(name, False, f"not read: {reading.findings[0].words}")
    written = form.write([reading.declaration])
    if form.read(written) != reading:
        return Case(name, False, "reads back differently")
    was_valid = not schemas.validate(etree.fromstring(pair.message), edition)
    after = schemas.validate(etree.fromstring(written), edition)
    if was_valid and after:
        return Case(name, False, f"written invalidly: {after[0].words} ({after[0].place})")
    return Case(name, True, "read, written and read back the same" + ("; valid" if was_valid else ""))
