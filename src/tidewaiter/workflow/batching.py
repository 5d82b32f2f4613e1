"""From decided records to a batch: ids and numbers given, the receipt carried on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter import __version__
from tidewaiter.model.errors import InvalidIdentifierError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.identifiers import Mrn
from tidewaiter.risk.facts import NO_FACTS, Facts
from tidewaiter.workflow.budgets import Counted
from tidewaiter.workflow.happenings import LookedUp
from tidewaiter.workflow.pieces import Piece
from tidewaiter.workflow.records import Batch, Decided, Entry, Incoming, Receipt, ReceiptLine

LINES_MAX = 50  # records that a receipt names one by one
FINDINGS_MAX = 20
IMPORT_LETTER = "R"  # MRN, character 17: released for free circulation (Annex B, data element 12 01 001 000)
SERIAL_MODULUS = 10**12


class Slice(Struct, frozen=True, kw_only=True):
    """A run of records of one message, with the ids set aside for them."""

    incoming: Incoming
    pieces: tuple[Piece, ...]
    declaration_ids: tuple[int, ...] = ()
    looked_up: Mapping[int, LookedUp] = {}  # what history knows beside records, by position
    is_proven: bytes = b""  # see `happenings.Heard`; empty where nothing is known
    counted: Counted | None = None  # of the day; None where no office has a budget
    are_bodies_kept: bool = False
    is_last: bool = False

    @property
    def last_position(self) -> int:
        """The number of its last record."""
        return self.pieces[-1].position

    def facts(self, position: int) -> Facts:
        """What is known beside a record for targeting."""
        found = self.looked_up.get(position)
        return NO_FACTS if found is None else found.facts


class Tally(Struct, frozen=True):
    """What a receipt says of some records."""

    counts: dict[str, int]
    lines: tuple[ReceiptLine, ...]
    findings: tuple[Finding, ...]


def now() -> datetime:
    """The present moment in UTC."""
    return datetime.now(UTC)


def new_entry(decided: Decided, declaration_id: int) -> Entry:
    """A new declaration's entry; accepted ones get a number of their own."""
    has_number = decided.standing is not None and not decided.awaits_original
    return Entry(decided, declaration_id, 1, registered_id(decided, declaration_id) if has_number else "")


def registered_id(decided: Decided, declaration_id: int) -> str:
    """The MRN of a declaration, from the legal day's year, the jurisdiction and its id; "" where there is no MRN."""
    try:
        year, serial = decided.evaluation.legal_day.year, declaration_id % SERIAL_MODULUS
        return str(Mrn.issue(year, decided.jurisdiction_code, serial, IMPORT_LETTER))
    except InvalidIdentifierError:
        return ""


def batch_of(part: Slice) -> Batch:
    """What the entries of a slice have in common, decided now."""
    return Batch(
        incoming=part.incoming,
        decided_at=now(),
        software_version=__version__,
        are_bodies_kept=part.are_bodies_kept,
    )


class Tallying:
    """Counts records as they are decided."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._lines: list[ReceiptLine] = []
        self._findings: list[Finding] = []

    def add(self, entry: Entry) -> None:
        """One more."""
        decided = entry.decided
        state = decided.evaluation.decision.state.value
        self._counts[state] = self._counts.get(state, 0) + 1
        if decided.position <= LINES_MAX:
            self._lines.append(_line(entry))
        if decided.evaluation.findings:
            free = FINDINGS_MAX - len(self._findings)
            self._findings += [_numbered(finding, decided.position) for finding in decided.evaluation.findings[:free]]

    def tally(self) -> Tally:
        """What a receipt says of them."""
        return Tally(self._counts, tuple(self._lines), tuple(self._findings))


def carried_on(receipt: Receipt, more: Tally, last_position: int, form: str) -> Receipt:
    """The receipt after these records, too."""
    counts = dict(receipt.counts)
    for state, count in more.counts.items():
        counts[state] = counts.get(state, 0) + count
    return replace(
        receipt,
        form=receipt.form or form,
        record_count=last_position,
        counts=counts,
        lines=receipt.lines + more.lines,
        findings=(receipt.findings + more.findings)[:FINDINGS_MAX],
    )


def _line(entry: Entry) -> ReceiptLine:
    decided = entry.decided
    decision = decided.evaluation.decision
    return ReceiptLine(
        position=decided.position,
        declaration_id=entry.declaration_id,
        functional_reference_id=decided.reference,
        registered_id=entry.registered_id,
        state=decision.state,
        lane=decision.lane.value if decision.lane else "",
        error_count=sum(finding.severity is Severity.ERROR for finding in decided.evaluation.findings),
    )


def _numbered(finding: Finding, position: int) -> Finding:
    return replace(finding, place=f"record {position}: {finding.place or finding.pointer}".rstrip(": "))
