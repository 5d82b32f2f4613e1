"""Outcomes of examinations at work: recorded with what follows for the declaration, approved by a second person, matched.

    Examinations(store).record(outcome, by="officer 7", then=Trigger.EXAMINED_SATISFACTORY)
    Examinations(store).approve(12, by="chief 2", then=Trigger.EXAMINED_NOT_SATISFACTORY)

What was not in order takes effect when another than examiner and recorder approves it. A seizure in effect is followed to
what is tied to it by `workflow.linking`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final

from msgspec import Struct

from tidewaiter.model.errors import NotFoundError, TidewaiterError, TransitionError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.outcome import ExaminationOutcome, before_lodgement, outcome_findings
from tidewaiter.release import Trigger
from tidewaiter.workflow.anew import Act
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.outcome_records import KeptOutcome, OutcomeAnswerError, Telling
from tidewaiter.workflow.ports import DeclarationRow, Store, Writing
from tidewaiter.workflow.rule_set_records import SamePersonError

MATCHED_AT_ONCE: Final = 10_000


class OutcomeError(TidewaiterError):
    """An outcome that cannot be kept as it was told."""

    code = "outcome.invalid"
    rule_id = "outcome.invalid"  # which of the things that may be wrong


class Recorded(Struct, frozen=True):
    """An outcome as it now stands; `is_new` is False where it was told before."""

    kept: KeptOutcome
    is_new: bool


class Imported(Struct, frozen=True, kw_only=True):
    """What became of a file: outcomes kept, told before, kept without a declaration, and what could not be kept and why."""

    kept: int = 0
    known: int = 0
    unmatched: int = 0
    findings: tuple[Finding, ...] = ()


class Examinations:
    """Records, approves, matches. Safe in threads."""

    def __init__(self, store: Store, *, clock: Callable[[], datetime] = now) -> None:
        self._store = store
        self._clock = clock
        self._desk = Desk(store, clock=clock)

    def record(
        self, outcome: ExaminationOutcome, by: str, *, then: Trigger | None = None, corrects: int | None = None
    ) -> Recorded:
        """Keep an outcome, and do with the declaration what follows (`then`), in one act.

        Raises OutcomeError with the place, NotFoundError, ConflictError, TransitionError.
        """
        if outcome.approved_by:
            raise OutcomeError(
                "whoever records it cannot say that another approved it", hint="the other approves it: outcome approve",
                place="approved_by",
            )  # fmt: skip
        if then is not None and (then is not Trigger.EXAMINED_SATISFACTORY or not outcome.is_in_order):
            raise OutcomeError(
                "what was not in order changes nothing before it is approved", hint="say what follows when approving it",
                place="then",
            )  # fmt: skip
        return self._record(Telling(outcome=outcome, by=by, at=self._clock(), corrects=corrects), then)

    def approve(self, outcome_id: int, by: str, *, then: Trigger | None = None, words: str = "") -> KeptOutcome:
        """Let what was not in order take effect, and do what follows in one act.

        Raises SamePersonError, OutcomeAnswerError, NotFoundError, TransitionError.
        """
        if then not in (None, Trigger.EXAMINED_NOT_SATISFACTORY):
            raise OutcomeError(f"{then!r} does not follow from what was not in order", place="then")
        with self._store.writing() as transaction:
            kept = self._answered(transaction, outcome_id, by)
            transaction.outcomes.answer(outcome_id, by, self._clock(), words, is_approved=True)
            if then is not None:
                self._follow(transaction, kept, then, by)
            return transaction.outcomes.one(outcome_id)

    def refuse(self, outcome_id: int, by: str, words: str) -> KeptOutcome:
        """Not approved: it takes no effect. Raises SamePersonError, OutcomeAnswerError, NotFoundError."""
        with self._store.writing() as transaction:
            self._answered(transaction, outcome_id, by)
            transaction.outcomes.answer(outcome_id, by, self._clock(), words, is_approved=False)
            return transaction.outcomes.one(outcome_id)

    def take_in(self, told: Iterable[tuple[str, ExaminationOutcome | Finding]], by: str) -> Imported:
        """Keep outcomes that another system tells, each with its place; what cannot be kept is told, and the rest goes on."""
        kept = known = unmatched = 0
        findings: list[Finding] = []
        for place, each in told:
            if isinstance(each, Finding):
                findings.append(each)
                continue
            try:
                recorded = self._record(Telling(outcome=each, by=by, at=self._clock()), None)
            except TidewaiterError as error:
                rule_id = error.rule_id if isinstance(error, OutcomeError) else error.code
                findings.append(
                    Finding(
                        rule_id, Severity.ERROR, error.place, error.detail, value=each.reference[:200], hint=error.hint,
                        place=place,
                    )
                )  # fmt: skip
                continue
            kept += recorded.is_new
            known += not recorded.is_new
            unmatched += recorded.is_new and recorded.kept.declaration_id is None
        return Imported(kept=kept, known=known, unmatched=unmatched, findings=tuple(findings))

    def match(self) -> list[KeptOutcome]:
        """Match what came before its declaration, as far as that has come since; those that are matched now."""
        matched: list[KeptOutcome] = []
        for each in self._store.outcomes.unmatched(MATCHED_AT_ONCE):
            row = self._row(each.outcome.reference)
            if row is not None:
                version = self._store.outcomes.version_at(row.declaration_id, each.outcome.examined_at)
                with self._store.writing() as transaction:
                    transaction.outcomes.match(each.outcome_id, row.declaration_id, version, self._clock())
                matched.append(self._store.outcomes.one(each.outcome_id))
        return matched

    def _record(self, telling: Telling, then: Trigger | None) -> Recorded:
        outcome = telling.outcome
        row = self._row(outcome.reference)
        findings = [*outcome_findings(outcome, telling.at)]
        if not findings and row is not None:
            findings += _of_declaration(outcome, row)
        for finding in findings:
            error = OutcomeError(finding.words, hint=finding.hint, place=finding.pointer)
            error.rule_id = finding.rule_id
            raise error
        with self._store.writing() as transaction:
            book = transaction.outcomes
            outcome_id, is_new = book.keep(telling)
            if is_new and row is not None:
                book.match(
                    outcome_id, row.declaration_id, book.version_at(row.declaration_id, outcome.examined_at), telling.at
                )
            if is_new and outcome.approved_by:
                book.answer(outcome_id, outcome.approved_by, telling.at, "as told by its source", is_approved=True)
            kept = book.one(outcome_id)
            if is_new and then is not None:
                self._follow(transaction, kept, then, telling.by)
        return Recorded(kept, is_new)

    def _answered(self, transaction: Writing, outcome_id: int, by: str) -> KeptOutcome:
        kept = transaction.outcomes.one(outcome_id)
        if kept.outcome.is_in_order:
            raise OutcomeAnswerError(
                f"outcome {outcome_id} waits for nobody", hint="what was in order needs no approval"
            )
        if _same(by, kept.outcome.examiner) or _same(by, kept.recorded_by):
            raise SamePersonError(
                f"{by} examined or recorded it", hint="another person approves what was not in order, or refuses it"
            )
        return kept

    def _follow(self, transaction: Writing, kept: KeptOutcome, then: Trigger, by: str) -> None:
        if kept.declaration_id is None:
            raise TransitionError("its declaration has not come", hint="record it without anything that follows")
        words = f"examination {kept.outcome.result.value}, outcome {kept.outcome_id}"
        act = Act(declaration_id=kept.declaration_id, trigger=then, actor=by, words=words)
        self._desk.carry_out(transaction, act)

    def _row(self, reference: str) -> DeclarationRow | None:
        """The declaration of this name; None while none has come."""
        try:
            return self._store.outcome(self._store.find(reference.strip())).row
        except NotFoundError:
            return None


def _same(one: str, other: str) -> bool:
    return one.strip().casefold() == other.strip().casefold()


def _of_declaration(outcome: ExaminationOutcome, row: DeclarationRow) -> Iterable[Finding]:
    early = before_lodgement(outcome, row.received_at)
    if early is not None:
        yield early
    for index, found in enumerate(outcome.found, 1):
        if found.line_no is not None and not 1 <= found.line_no <= row.goods_item_count:
            yield Finding(
                "outcome.line", Severity.ERROR, f"found[{index}].line_no",
                f"The declaration has no line {found.line_no}; it has {row.goods_item_count}.",
                hint="Give the number of the goods line, or none.",
            )  # fmt: skip
