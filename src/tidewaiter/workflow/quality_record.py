"""How good a sender's data is over time: counted from what was found when each record was decided.

    Scoring(store, store.quality).catch_up()
    store.quality.record(Asked(sender_id=3, since=date(2026, 6, 1)))

Four shares of the records that a sender handed in, each from 0 to 100 %:

- *complete*: nothing that must be there was missing, nor of the minimum that the law asks for by that moment,
- *valid*: it could be read and was accepted,
- *plausible*: no warning was made on it,
- *in time*: of those accepted, no deadline of the law was missed, and the goods were not there yet. Where whether a deadline
  was met cannot be told, it is not held against the sender.

The score is their mean. A record counts on the day it was received, in the form it came in; what officers do
afterwards, and arrivals and withdrawals that a sender reports, do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from tidewaiter.model.decision import Evaluation, State
from tidewaiter.model.finding import Severity
from tidewaiter.quality.timing import MINIMUM, TOO_LATE
from tidewaiter.release import Trigger
from tidewaiter.workflow.evidence import Block
from tidewaiter.workflow.records import Kept

BLOCKS_AT_ONCE: Final = 32
RULES_SHOWN: Final = 10
MISSING_RULES: Final = ("data.required", "description.missing", "message.missing", MINIMUM)
COUNTED_APART: Final = (TOO_LATE, MINIMUM)  # by the shares of their own, not as implausible
NOT_COUNTED: Final = (Trigger.ARRIVED, Trigger.INVALIDATION_REQUESTED)
_EVALUATION = msgspec.json.Decoder(Evaluation)
_TENTH = Decimal("0.1")


class Key(Struct, frozen=True):
    """Whose records, in which form, received on which day."""

    sender_id: int
    form: str
    day: date


class Counts(Struct, frozen=True, kw_only=True):
    """Records, and how many of them fell short in each way."""

    records: int = 0
    incomplete: int = 0
    invalid: int = 0
    implausible: int = 0
    late: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            records=self.records + other.records,
            incomplete=self.incomplete + other.incomplete,
            invalid=self.invalid + other.invalid,
            implausible=self.implausible + other.implausible,
            late=self.late + other.late,
        )

    @property
    def complete_share(self) -> Decimal | None:
        """Percent; None where there are no records."""
        return _share(self.records - self.incomplete, self.records)

    @property
    def valid_share(self) -> Decimal | None:
        """Percent; None where there are no records."""
        return _share(self.records - self.invalid, self.records)

    @property
    def plausible_share(self) -> Decimal | None:
        """Percent; None where there are no records."""
        return _share(self.records - self.implausible, self.records)

    @property
    def timely_share(self) -> Decimal | None:
        """Percent of those accepted; None where none was."""
        accepted = self.records - self.invalid
        return _share(accepted - self.late, accepted)

    @property
    def score(self) -> Decimal | None:
        """The mean of the shares there are, in percent to the tenth; None where there are no records."""
        shares = [self.complete_share, self.valid_share, self.plausible_share, self.timely_share]
        known = [share for share in shares if share is not None]
        return (sum(known, Decimal(0)) / len(known)).quantize(_TENTH, ROUND_HALF_UP) if known else None


class RuleCount(Struct, frozen=True):
    """In how many records a rule found something."""

    rule_id: str
    severity: Severity
    records: int


class Asked(Struct, frozen=True, kw_only=True):
    """Which records: of one sender or all, received in a span of days (both included), in one form or any."""

    sender_id: int | None = None
    form: str = ""
    since: date
    until: date


class QualityRecord(Struct, frozen=True, kw_only=True):
    """What was counted for one sender and form: in all, week by week (by its Monday), and the rules found most."""

    sender_id: int
    sender_name: str
    form: str
    total: Counts
    weeks: tuple[tuple[date, Counts], ...]
    worst: tuple[RuleCount, ...]

    @property
    def trend(self) -> Decimal | None:
        """How far the last week's score is above the mean of the weeks before, in points; None where there is none."""
        scores = [counts.score for _, counts in self.weeks]
        if len(scores) < 2 or None in scores:
            return None
        known = [score for score in scores if score is not None]
        before = sum(known[:-1], Decimal(0)) / (len(known) - 1)
        return (known[-1] - before).quantize(_TENTH, ROUND_HALF_UP)


WEEKS: Final = 8  # looked at where no days are given


def asked_for(sender_id: int | None, form: str = "", since: date | None = None, until: date | None = None) -> Asked:
    """What is asked for, in the last eight weeks where no days are given."""
    last = until or datetime.now(UTC).date()
    first = since or date.fromordinal(max(last.toordinal() - 7 * WEEKS, 1))
    return Asked(sender_id=sender_id, form=form, since=first, until=last)


class CountsShape(Struct, frozen=True, kw_only=True):
    """Counts with their shares, as programs are told."""

    records: int
    score: Decimal | None
    complete: Decimal | None
    valid: Decimal | None
    plausible: Decimal | None
    in_time: Decimal | None


class WeekShape(Struct, frozen=True, kw_only=True):
    """One week by its Monday."""

    monday: date
    counts: CountsShape


class QualityShape(Struct, frozen=True, kw_only=True):
    """A quality record as programs are told."""

    sender: str
    form: str
    trend: Decimal | None
    total: CountsShape
    weeks: tuple[WeekShape, ...]
    worst: tuple[RuleCount, ...]


def shape_of(record: QualityRecord) -> QualityShape:
    """A record with its shares worked out."""
    return QualityShape(
        sender=record.sender_name,
        form=record.form,
        trend=record.trend,
        total=_shape(record.total),
        weeks=tuple(WeekShape(monday=monday, counts=_shape(counts)) for monday, counts in record.weeks),
        worst=record.worst,
    )


def _shape(counts: Counts) -> CountsShape:
    return CountsShape(
        records=counts.records,
        score=counts.score,
        complete=counts.complete_share,
        valid=counts.valid_share,
        plausible=counts.plausible_share,
        in_time=counts.timely_share,
    )


class Counted(Struct, frozen=True):
    """What some blocks of evidence come to."""

    counts: dict[Key, Counts]
    rules: dict[tuple[Key, str, Severity], int]


class Received(Struct, frozen=True):
    """Who handed a message in, and on which day."""

    sender_id: int
    day: date


class Book(Protocol):
    """Where it is counted."""

    def position(self) -> int:
        """The last block of evidence that is counted."""

    def received(self, message_ids: Sequence[int]) -> dict[int, Received]:
        """Who handed these messages in."""

    def count(self, counted: Counted, before: int, position: int) -> bool:
        """Add counts and move the position on, in one transaction; False where another process was quicker."""


class Evidence(Protocol):
    """What is counted."""

    def blocks(self, after: int, limit: int) -> list[Block]:
        """Blocks of evidence with a larger number, in order."""


class Scoring:
    """Counts what was decided since."""

    def __init__(self, evidence: Evidence, book: Book) -> None:
        self._evidence = evidence
        self._book = book

    def catch_up(self) -> int:
        """Count all there is; how many records."""
        done = 0
        position = self._book.position()
        while blocks := self._evidence.blocks(position, BLOCKS_AT_ONCE):
            kept = [each for block in blocks for each in block.kept if each.message_id is not None]
            counted = count(kept, self._book.received(sorted({each.message_id for each in kept if each.message_id})))
            if not self._book.count(counted, position, blocks[-1].block_id):
                return done
            done += sum(each.records for each in counted.counts.values())
            position = blocks[-1].block_id
        return done


def count(kept: Sequence[Kept], received: dict[int, Received]) -> Counted:
    """What these decisions on records of messages come to."""
    counts: dict[Key, Counts] = {}
    rules: dict[tuple[Key, str, Severity], int] = {}
    for each in kept:
        came = received.get(each.message_id or 0)
        if came is None or each.trigger in NOT_COUNTED:
            continue
        key = Key(came.sender_id, each.form, came.day)
        evaluation = _EVALUATION.decode(each.evaluation)
        counts[key] = counts.get(key, Counts()) + _counts(evaluation, each)
        for found in {(finding.rule_id, finding.severity) for finding in evaluation.findings}:
            if found[1] is not Severity.INFO:
                rules[key, *found] = rules.get((key, *found), 0) + 1
    return Counted(counts, rules)


def _counts(evaluation: Evaluation, kept: Kept) -> Counts:
    severities = {finding.severity for finding in evaluation.findings}
    is_implausible = any(
        finding.severity is Severity.WARNING and finding.rule_id not in COUNTED_APART for finding in evaluation.findings
    )
    is_invalid = Severity.ERROR in severities or evaluation.decision.state is State.REJECTED
    is_too_late = any(deadline.is_met is False for deadline in evaluation.deadlines)
    was_there = evaluation.decision.state is not State.RECEIVED
    is_late = kept.trigger is None and not is_invalid and (was_there or is_too_late)
    return Counts(
        records=1,
        incomplete=any(finding.rule_id in MISSING_RULES for finding in evaluation.findings),
        invalid=is_invalid,
        implausible=is_implausible,
        late=is_late,
    )


def _share(part: int, whole: int) -> Decimal | None:
    return (Decimal(100) * part / whole).quantize(_TENTH, ROUND_HALF_UP) if whole else None
