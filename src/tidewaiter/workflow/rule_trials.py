"""Versions of rule sets held against what was decided: back-tests that are kept, comparisons, a parcel explained.

trials = RuleTrials(store)
done = trials.back_test(version, period, "ann")          kept, with the parcels
trials.hits(done.back_test_id, after=0, limit=50)        each with its explanation
trials.compare(older, newer, period)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.decision import Evaluation
from tidewaiter.risk import Part, PartKind
from tidewaiter.risk.rules import rules_of
from tidewaiter.risk.rules.explaining import explain
from tidewaiter.workflow.backtesting import Ask, Figures, Outcomes, back_test
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.comparing import LanesCompared, Pair, RuleChange, lanes_compared, rules_compared
from tidewaiter.workflow.explaining import Explaining, RulesExplained, explained
from tidewaiter.workflow.ports import DeclarationRow, Filter
from tidewaiter.workflow.rule_set_records import KeptBackTest, KeptHit, Key, RuleSetError, Version
from tidewaiter.workflow.rule_sets import RuleLibrary, RuleSets
from tidewaiter.workflow.trying import Candidate, Decided, Period, TriedStore, Trier

AT_ONCE_MAX: Final = 50_000  # decisions that are gone through while somebody waits at a page
_EVALUATION = msgspec.json.Decoder(Evaluation)
_FIGURES = msgspec.json.Decoder(Figures)


class TrialStore(TriedStore, RuleLibrary, Protocol):
    """What is needed of a store."""


class Parcel(Struct, frozen=True):
    """A parcel that a back-test hit, with why."""

    hit: KeptHit
    row: DeclarationRow | None
    explained: RulesExplained | None


class RuleTrials:
    """Tries versions on what was decided. `outcomes` gives what examinations found, where that is known.

    `workers` is how many processes go through long periods, as many as there are processors where it is not said.
    """

    def __init__(
        self,
        store: TrialStore,
        *,
        outcomes: Outcomes | None = None,
        workers: int | None = None,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._store = store
        self._sets = RuleSets(store, clock=clock)
        self._outcomes = outcomes
        self._workers = workers
        self._clock = clock
        self._own = threading.local()  # what explains holds the law it has loaded, for one thread

    def candidate(self, version: Version) -> Candidate:
        """A version to be tried. Raises RuleSetError where it has mistakes."""
        context = self._sets.context(version.key)
        told = self._sets.examine(version.key, version.text)
        if told.mistakes:
            first = told.mistakes[0]
            raise RuleSetError(f"{version} has mistakes: {first.words}", hint=first.hint, place=first.place)
        return Candidate(version.key.name, told.canonical, told.digest, context)

    def usual_period(self, key: Key) -> Period | None:
        """All there is, where nothing else is asked; None where nothing was judged yet."""
        span = self._store.periods.span()
        return Period(*span, key.jurisdiction_code) if span is not None else None

    def count(self, period: Period) -> int:
        """How many decisions a period has."""
        return self._store.periods.count(period)

    def refuse_long(self, period: Period) -> None:
        """Raises PeriodError for one that ends before it begins, RuleSetError for one too long for somebody to wait for."""
        period.refuse_reversed()
        count = self.count(period)
        if count > AT_ONCE_MAX:
            raise RuleSetError(
                f"the period has {count} decisions, more than the {AT_ONCE_MAX} that are gone through at once here",
                hint="a shorter period, or tidewaiter risk set backtest, whose result is shown here, too",
            )

    def back_test(
        self, version: Version, period: Period, actor: str, *, on_progress: Callable[[int], None] | None = None
    ) -> tuple[KeptBackTest, Figures]:
        """Run a version over a period and keep what came out. Raises RuleSetError, RuleError."""
        candidate = self.candidate(version)
        found = back_test(
            self._store, Ask(candidate, period), outcomes=self._outcomes, workers=self._workers, on_progress=on_progress
        )
        done = KeptBackTest(
            back_test_id=0, key=version.key, version=version.version, revision=version.revision,
            digest=candidate.digest, since=period.since, until=period.until, actor=actor, at=self._clock(),
            figures=canonical_bytes(found.figures),
        )  # fmt: skip
        self._store.keep_knowledge({candidate.digest: ("rules", candidate.text.encode())})
        number = self._store.rule_sets.keep_back_test(done, found.hits)
        return self._store.rule_sets.back_test(number), found.figures

    def one(self, number: int) -> tuple[KeptBackTest, Figures]:
        """A back-test that was run. Raises NotFoundError."""
        done = self._store.rule_sets.back_test(number)
        return done, _FIGURES.decode(done.figures)

    def hits(self, done: KeptBackTest, rule_id: str, *, after: int, limit: int) -> list[Parcel]:
        """Parcels that it hit, each with the conditions that held and the changes that would have led elsewhere."""
        found = self._store.rule_sets.hits(done.back_test_id, rule_id, after, limit)
        text = self._store.knowledge(done.digest).decode()
        candidate = Candidate(done.key.name, text, done.digest, self._sets.context(done.key))
        trier = Trier(self._store)
        rows = self._rows([hit.declaration_id for hit in found])
        return [Parcel(hit, rows.get(hit.declaration_id), self._explained(trier, candidate, hit)) for hit in found]

    def compare(self, before: Version, after: Version) -> tuple[RuleChange, ...]:
        """The rules that differ. Raises RuleError where one cannot be read."""
        return rules_compared(rules_of(before.text), rules_of(after.text))

    def lanes(
        self, before: Version, after: Version, period: Period, *, on_progress: Callable[[int], None] | None = None
    ) -> LanesCompared:
        """The parcels of a period whose lane differs between two versions."""
        pair = Pair(self.candidate(before), self.candidate(after), period)
        return lanes_compared(self._store, pair, workers=self._workers, on_progress=on_progress)

    def explain(self, declaration_id: int) -> list[RulesExplained]:
        """Why rules pointed at a declaration when it was decided, or nearly did. Raises NotFoundError."""
        explaining: Explaining | None = getattr(self._own, "explaining", None)
        if explaining is None:
            explaining = self._own.explaining = Explaining(self._store)
        return explaining.of(self._store.kept(declaration_id))

    def _rows(self, numbers: Sequence[int]) -> Mapping[int, DeclarationRow]:
        found: dict[int, DeclarationRow] = {}
        for number in numbers:
            rows = self._store.declarations(Filter(text=str(number), limit=5))
            found |= {row.declaration_id: row for row in rows if row.declaration_id == number}
        return found

    def _explained(self, trier: Trier, candidate: Candidate, hit: KeptHit) -> RulesExplained | None:
        kept = self._store.kept(hit.declaration_id)
        evaluation = _EVALUATION.decode(kept.evaluation)
        if evaluation.judgement is None:
            return None
        outcome = trier.outcome(candidate, Decided(hit.declaration_id, kept, evaluation, evaluation.judgement, None))
        if outcome is None:
            return None
        engine, said = outcome
        part = Part(PartKind.RULES, candidate.name, candidate.digest, is_shadow=True)
        return explained(engine, explain(engine, said.mask, said.line_masks), part, None)
