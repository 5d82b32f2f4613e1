"""A rule set tried on decisions that were kept: what it would have said of each, and the lane that comes of it.

Facts, assessment and legal day are those that were kept with the decision, the rates those of its law; lists, features
and scores are known by the names that are there today. Where the same rules were asked then, alive or on trial, their
masks say it and no message is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date
from functools import lru_cache
from typing import Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.decision import Evaluation, State
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.judgement import Judgement, Lane, Reason
from tidewaiter.risk import PartKind, circle_of
from tidewaiter.risk.rules import Context, Engine, Outcome, Record, RuleHit, RuleSet, compile_rules, rules_of
from tidewaiter.risk.selection.at_once import Circle, selected
from tidewaiter.risk.targeting import reason_of
from tidewaiter.workflow.evidence import Block
from tidewaiter.workflow.kept_law import KeptLaw
from tidewaiter.workflow.ports import Store
from tidewaiter.workflow.records import Kept

ENGINES_KEPT = 64
DAYS_KEPT = 1_000
_EVALUATION = msgspec.json.Decoder(Evaluation)


class _Judged(Struct, frozen=True):
    """What of a kept evaluation is read where its judgement alone is wanted."""

    judgement: Judgement | None


_JUDGED = msgspec.json.Decoder(_Judged)


class PeriodError(TidewaiterError):
    """A period that ends before it begins."""

    code = "request.invalid"


class Period(Struct, frozen=True):
    """Legal days from `since` to `until`, both included; of one jurisdiction where one is named."""

    since: date
    until: date
    jurisdiction_code: str = ""

    def refuse_reversed(self) -> None:
        """Raises PeriodError where it ends before it begins."""
        if self.until < self.since:
            words = f"the period ends on {self.until}, before it begins"
            raise PeriodError(words, hint="the earlier day first", place="until")


class DecidedBlock(Struct, frozen=True):
    """Decisions of one block of evidence: the number of each declaration and its place in the block."""

    block_id: int
    places: tuple[tuple[int, int], ...]


class Decisions(Protocol):
    """The decisions of a period."""

    def count(self, period: Period) -> int:
        """How many declarations of the period were judged, as they stand."""

    def span(self) -> tuple[date, date] | None:
        """The first and the last legal day there is; None where nothing was judged."""

    def blocks(self, period: Period, without: Collection[State] = ()) -> Iterator[DecidedBlock]:
        """The decisions of the period as they stand, by the block of evidence that holds them; each once.

        Declarations that are in one of the states `without` are left out.
        """

    def sample(self, period: Period, blocks: int, most: int) -> list[DecidedBlock]:
        """An even sample of these decisions, the same every time: at most about `most`, and at least one of each block, of so
        many blocks (`blocks`). What is held of a period does not grow with it.
        """


class TriedStore(Store, Protocol):
    """What trying needs of a store."""

    @property
    def periods(self) -> Decisions:
        """The decisions of a period."""

    def blocks(self, after: int, limit: int) -> list[Block]:
        """Blocks of evidence with a larger number, in order."""


class KeptRecord(Struct, frozen=True):
    """What is kept of a decision, and its record's bytes where they are at hand."""

    declaration_id: int
    kept: Kept
    body: bytes | None

    @property
    def judgement(self) -> Judgement | None:
        """Its judgement, read from what is kept."""
        return _JUDGED.decode(self.kept.evaluation).judgement


def kept_records(store: TriedStore, part: DecidedBlock) -> Iterator[KeptRecord]:
    """What is kept of the decisions of a block, which is read once; of those that cannot be read any more nothing."""
    for block in store.blocks(part.block_id - 1, 1):
        for declaration_id, index in part.places:
            if block.block_id == part.block_id and index < len(block.kept):
                yield KeptRecord(declaration_id, block.kept[index], block.bodies[index] if block.bodies else None)


def judged(store: TriedStore, part: DecidedBlock) -> Iterator[tuple[int, Judgement]]:
    """The judgements of a block, each with the number of its declaration; of one that cannot be read any more none."""
    for each in kept_records(store, part):
        if (judgement := each.judgement) is not None:
            yield each.declaration_id, judgement


class Candidate(Struct, frozen=True):
    """A rule set to be tried: its name, its canonical text with the digest of it, and what it may name."""

    name: str
    text: str
    digest: str
    context: Context


class Decided(Struct, frozen=True):
    """A kept decision with its judgement, and its record's bytes where they are at hand."""

    declaration_id: int
    kept: Kept
    evaluation: Evaluation
    judgement: Judgement
    body: bytes | None


class Tried(Struct, frozen=True):
    """What a rule set says of a decision: its hits as reasons, what else was a reason, and the lane of both."""

    hits: tuple[RuleHit, ...]
    reasons: tuple[Reason, ...]
    others: tuple[Reason, ...]
    is_from_masks: bool

    @property
    def lane(self) -> Lane:
        """The highest lane of all reasons that are not lifted."""
        lanes = [reason.lane for reason in (*self.reasons, *self.others) if not reason.is_lifted]
        return max(lanes, key=lambda lane: lane.rank, default=Lane.GREEN)


class Trier:
    """Tries rule sets on kept decisions; holds the law and the rules it has compiled. For one thread."""

    def __init__(self, store: TriedStore) -> None:
        self._store = store
        self.law = KeptLaw(store)
        self._engine = lru_cache(ENGINES_KEPT)(self._compiled)
        self._rule_set = lru_cache(8)(rules_of)
        self._in_force = lru_cache(DAYS_KEPT)(self._those_in_force)
        self._candidates: dict[str, Candidate] = {}
        self._read: tuple[int, Declaration | None] = (0, None)  # the last one, by its number

    def decisions(self, part: DecidedBlock) -> Iterator[Decided]:
        """The decisions of a block that came to a judgement; those of a block that cannot be read any more are left out."""
        for each in kept_records(self._store, part):
            evaluation = _EVALUATION.decode(each.kept.evaluation)
            if evaluation.judgement is not None:
                yield Decided(each.declaration_id, each.kept, evaluation, evaluation.judgement, each.body)

    def tried(self, candidate: Candidate, decided: Decided) -> Tried | None:
        """What the rules say of a decision; None where what was declared cannot be read any more, or no law was there."""
        own = f"rule.{candidate.name}."
        others = tuple(each for each in decided.judgement.reasons if not each.reason_id.startswith(own))
        hits = self._from_masks(candidate, decided)
        is_from_masks = hits is not None
        if hits is None:
            outcome = self.outcome(candidate, decided)
            if outcome is None:
                return None
            hits = outcome[1].hits
        reasons = self._drawn(tuple(reason_of(hit, candidate.name) for hit in hits), decided) if hits else ()
        return Tried(hits, reasons, others, is_from_masks)

    def _drawn(self, reasons: tuple[Reason, ...], decided: Decided) -> tuple[Reason, ...]:
        """Reasons of rules with what is drawn decided: by the policy of then, and the declaration's own draws."""
        kept = decided.kept
        if not kept.knowledge_digest:
            return reasons
        declaration = self.declaration(decided)
        circle = circle_of(declaration, kept.facts) if declaration is not None else Circle()
        policy = self.law.knowledge(kept.knowledge_digest).policy
        return selected(reasons, (), policy, self.law.chance(kept), circle)[0]

    def outcome(self, candidate: Candidate, decided: Decided) -> tuple[Engine, Outcome] | None:
        """What the rules say, worked out from the declaration, with the engine that says it."""
        kept = decided.kept
        declaration = self.declaration(decided)
        if declaration is None or not kept.regime_digest:
            return None
        record = Record(
            declaration=declaration,
            legal_day=kept.legal_day,
            assessment=decided.evaluation.assessment,
            features=kept.facts.features(),
            scores=kept.facts.probabilities(),
        )
        engine = self.engine(candidate, kept)
        return engine, engine.evaluate(record)

    def declaration(self, decided: Decided) -> Declaration | None:
        """What was declared; None where it cannot be read any more."""
        if self._read[0] != decided.declaration_id:
            try:
                found = self.law.declaration(decided.kept, decided.body)
            except TidewaiterError:
                found = None
            self._read = (decided.declaration_id, found)
        return self._read[1]

    def engine(self, candidate: Candidate, kept: Kept) -> Engine:
        """The rules compiled for the day and the rates of a decision. Raises RuleError."""
        self._candidates[candidate.digest] = candidate
        return self._engine(candidate.digest, kept.regime_digest, self._in_force(candidate.text, kept.legal_day))

    def _those_in_force(self, text: str, on: date) -> tuple[str, ...]:
        """The rules of a day, by id: many days have the same, and are compiled once."""
        return tuple(rule.rule_id for rule in self._rule_set(text).rules if rule.is_in_force(on))

    def _compiled(self, digest: str, regime_digest: str, in_force: tuple[str, ...]) -> Engine:
        candidate, wanted = self._candidates[digest], frozenset(in_force)
        context = replace(candidate.context, rates=self.law.regime(regime_digest).unit_rates)
        rules = tuple(rule for rule in self._rule_set(candidate.text).rules if rule.rule_id in wanted)
        return compile_rules(RuleSet(rules), context)

    def _from_masks(self, candidate: Candidate, decided: Decided) -> tuple[RuleHit, ...] | None:
        """The hits as the masks tell them; None where these rules were not asked then, or cannot be had again."""
        masks = next((each for each in decided.judgement.masks if each.rules_digest == candidate.digest), None)
        if masks is None:
            return None
        try:
            targeting = self.law.targeting(decided.kept)
            parts = self.law.knowledge(decided.kept.knowledge_digest).parts
            part = next((p for p in parts if p.kind is PartKind.RULES and p.digest == candidate.digest), None)
            engine = targeting.engine(part) if targeting is not None and part is not None else None
        except TidewaiterError:  # what it rested on is not whole: the declaration is asked again
            engine = None
        if engine is None:
            return None
        return engine.hits_from(int(masks.mask, 16), [int(each, 16) for each in masks.line_masks])
