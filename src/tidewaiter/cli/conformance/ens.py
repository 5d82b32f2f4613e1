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
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from lxml import etree

from tidewaiter.cli.conformance.case import Case
from tidewaiter.cli.conformance.control_files import Expected, Pair, pairs
from tidewaiter.messages import xml
from tidewaiter.messages.ens import EnsForm
from tidewaiter.messages.ens.answers import Answering, message_of
from tidewaiter.messages.ens.form import document_of
from tidewaiter.messages.ens.schemas import Schemas
from tidewaiter.messages.ens.verdict import findings_of, number_of
from tidewaiter.messages.form import Reading
from tidewaiter.messages.rulebooks import Rulebook
from tidewaiter.messages.rulebooks.book import BASE
from tidewaiter.model.decision import Decision, Evaluation, Hold, HoldKind, NoticeKind, State
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.identifiers import Mrn

FOLDER = "ens-hmrc-ics"

_MRN = str(Mrn.issue(2026, "GB", 1, "R"))
_AT = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)


class Run:
    """One run of the suite: what is compiled once, what was counted, and how long it took."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.seconds = self.processor_seconds = 0.0
        self.rules: Rulebook | None = None

    def cases(self, samples: Path) -> Iterator[Case]:
        """Three cases for each message: its verdict, its round trip, and its answers."""
        began, processor_began = time.perf_counter(), time.process_time()
        folder = samples / FOLDER if (samples / FOLDER).is_dir() else samples
        schemas = Schemas.from_folder(folder)
        rules = self.rules = Rulebook.from_folder(_rule_folder(folder))
        for pair in pairs(folder):
            yield from self._pair(pair, schemas, rules)
        self.seconds, self.processor_seconds = time.perf_counter() - began, time.process_time() - processor_began

    def _pair(self, pair: Pair, schemas: Schemas, rules: Rulebook) -> Iterator[Case]:
        edition, form = _edition(pair.folders, rules), EnsForm()
        try:
            expected = pair.expected()
            records = list(form.split(io.BytesIO(pair.message)))
            root = document_of(xml.parse(pair.message))
        except TidewaiterError as error:
            yield Case(f"{pair.name}: verdict", False, f"not read: {error.detail}")
            return
        by_schema = errors(schemas.validate(root, edition))
        against = by_schema or errors(findings_of(rules.breaches(root, edition)))
        yield Case(f"{pair.name}: verdict", *_compared(expected, against, self.counts, is_valid=not by_schema))
        reading = form.read(records[0].body)
        if len(records) != 1 or reading.declaration is None:
            yield Case(f"{pair.name}: round trip", False, f"{len(records)} records; {reading.findings}")
            return
        yield Case(f"{pair.name}: round trip", *_round_trip(reading, schemas, edition, is_valid=not by_schema))
        yield Case(f"{pair.name}: answers", *_answers(reading.declaration, schemas, against))

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


def _edition(folders: Sequence[str], rules: Rulebook) -> str:
    """The edition that the nearest folder is named after; the base where none is."""
    for folder in reversed(folders):
        named = [edition for edition in rules.editions if edition and folder.lower().endswith(edition.lower())]
        if named:
            return max(named, key=len)
    return BASE


def _compared(
    expected: tuple[Expected, ...], found: list[Finding], counts: Counter[str], *, is_valid: bool
) -> tuple[bool, str]:
    """Whether what was found against a message, by its schema or else by the rules, is what its control file says."""
    if any(not each.number or each.kind == "schema" for each in expected):
        counts["messages that the schema must refuse"] += 1
        return _refused_by_schema(expected, found, is_valid=is_valid)
    counts["messages that break rules" if expected else "messages with nothing against them"] += 1
    counts["errors expected by number and place"] += len(expected)
    wanted = sorted((each.number, each.place) for each in expected)
    given = sorted((number_of(each.rule_id) or each.rule_id, each.place) for each in found)
    is_right = _as_far_as_placed(given, wanted) == wanted
    return is_right, f"expected {_listed(wanted)}; found {_listed(given)}"


def _refused_by_schema(expected: tuple[Expected, ...], found: list[Finding], *, is_valid: bool) -> tuple[bool, str]:
    given = {number_of(each.rule_id) for each in found}
    wanted = {each.number for each in expected if each.number}
    words = "; ".join(f"{each.rule_id} {each.words}" for each in found) or "nothing against it"
    reason = f"expected a refusal by the schema {_listed(sorted(wanted))}; found {words}"
    return not is_valid and wanted <= given, reason


def _as_far_as_placed(given: list[tuple[str, str]], wanted: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What was given, without places where the control file says none."""
    return given if all(place for _, place in wanted) else sorted((number, "") for number, _ in given)


def _listed(found: object) -> str:
    return str(found) if found else "nothing"


def _round_trip(reading: Reading, schemas: Schemas, edition: str, *, is_valid: bool) -> tuple[bool, str]:
    assert reading.declaration is not None
    form = EnsForm()
    written = form.write([reading.declaration])
    if form.read(written) != reading:
        return False, "reads back differently"
    after = schemas.validate(etree.fromstring(written), edition) if is_valid else ()
    if after:
        return False, f"written invalidly: {after[0].words} ({after[0].place})"
    return True, "read, written and read back the same" + ("; valid" if is_valid else "")


def _answers(declaration: Declaration, schemas: Schemas, against: list[Finding]) -> tuple[bool, str]:
    """One answer of each message that fits: a refusal where something is against the declaration, else the others."""
    evaluation, answering = _evaluation(against), Answering(declaration)
    kinds = {
        message_of(kind, declaration): kind for kind in NoticeKind if bool(against) is (kind is NoticeKind.REJECTED)
    }
    for name, kind in kinds.items():
        if name:
            answer = answering.answer(kind, evaluation, registered_id=_MRN, issued_at=_AT)
            found = schemas.validate(answer)
            if found:
                return False, f"{name}: {found[0].words} ({found[0].place})"
    return True, f"valid: {', '.join(name for name in kinds if name)}"


def _evaluation(against: list[Finding]) -> Evaluation:
    holds = () if against else (Hold(HoldKind.EXAMINATION, "The goods will be examined."),)
    state = State.REJECTED if against else State.UNDER_CONTROL
    decision = Decision(
        state=state, lane=None, category=None, dataset="ENS", holds=holds, on_arrival=None, words="", notices=()
    )
    return Evaluation(legal_day=_AT.date(), findings=tuple(against), assessment=None, judgement=None, decision=decision)


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """Those that speak against a message."""
    return [finding for finding in findings if finding.severity is Severity.ERROR]
