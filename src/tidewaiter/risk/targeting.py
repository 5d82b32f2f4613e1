"""Targeting: what officers published (rules, lists, models), compiled for a jurisdiction and a day, and what it points at.

    targeting = Targeting(knowledge, contents, rates)
    facts = targeting.scored(declaration, facts)        before the decision; kept with it
    pointed = targeting.pointed(Subject(declaration, assessment, facts))

`contents` gives the bytes of a digest; `rates` are those of the law of the day, by which amounts in different currencies
are compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from decimal import Decimal
from functools import cached_property, lru_cache

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.assessment import Assessment
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import ReplayError
from tidewaiter.model.judgement import Reason, ReasonKind, RuleMasks
from tidewaiter.risk.facts import AEO, AEO_UNVOUCHED, NO_FACTS, Facts, Score, feature_kinds
from tidewaiter.risk.knowledge import Part, PartKind, RiskKnowledge
from tidewaiter.risk.links import Alarm
from tidewaiter.risk.lists import ListIndex, PublishedList, StatusIndex
from tidewaiter.risk.rules import Context, Engine, Record, RuleError, RuleHit, RuleSet, compile_rules, rules_of
from tidewaiter.risk.scoring.declared import row_of
from tidewaiter.risk.scoring.model import digest_of, read_model
from tidewaiter.risk.scoring.recipe import ModelError
from tidewaiter.risk.scoring.scorer import Scorer

Contents = Callable[[str], bytes]
RULE_SETS_READ = 16  # kept at hand in one process
LISTS_READ = 32
MODELS_READ = 16


class Subject(Struct, frozen=True):
    """What is judged: a declaration, what was assessed on it, and what is known beside it.

    `sender_id` is of the sender that intake let in, where it is known.
    """

    declaration: Declaration
    assessment: Assessment | None = None
    facts: Facts = NO_FACTS
    sender_id: int | None = None


class Pointed(Struct, frozen=True):
    """What was pointed at, before anything is drawn; `shadow` by what is on trial.

    `masks` are of every rule set that was asked, `scores` those that models gave.
    """

    reasons: tuple[Reason, ...] = ()
    shadow: tuple[Reason, ...] = ()
    masks: tuple[RuleMasks, ...] = ()
    scores: tuple[Score, ...] = ()


NOTHING_POINTED = Pointed()


class Targeting:
    """The parts that a record of risk knowledge names, compiled. Used by any number of threads."""

    def __init__(self, knowledge: RiskKnowledge, contents: Contents | None, rates: Mapping[str, Decimal]) -> None:
        self._knowledge = knowledge
        self._contents = contents
        self._rates = rates
        self._rule_sets = [part for part in knowledge.parts if part.kind is PartKind.RULES]
        self._engines: dict[str, Engine] = {}
        self._alarms = [part for part in knowledge.parts if part.kind is PartKind.LINKS]
        self._sounding: dict[str, Alarm] = {}
        self._idle: set[str] = set()  # on trial, and cannot be asked
        self.is_empty = all(part.kind is PartKind.POLICY for part in knowledge.parts)

    @cached_property
    def context(self) -> Context:
        """What the rules are compiled with. Raises ReplayError where a list is not at hand."""
        lists = [_published(part.digest, self._content(part)) for part in self._parts(PartKind.LIST)]
        return Context(
            lists={each.name: each.values_on(self._knowledge.legal_day) for each in lists},
            features=feature_kinds(),
            scores=frozenset(part.name for part in self._parts(PartKind.MODEL)),
            rates=self._rates,
        )

    @cached_property
    def lists(self) -> ListIndex:
        """The lists that decide, compiled for the day. Raises ReplayError where one is not at hand."""
        parts = [part for part in self._parts(PartKind.LIST) if not part.is_shadow]
        return ListIndex([_published(part.digest, self._content(part)) for part in parts], self._knowledge.legal_day)

    @cached_property
    def statuses(self) -> StatusIndex:
        """The operators' lists that decide, compiled for the day. Raises ReplayError where one is not at hand."""
        parts = [part for part in self._parts(PartKind.LIST) if not part.is_shadow]
        return StatusIndex([_published(part.digest, self._content(part)) for part in parts], self._knowledge.legal_day)

    def _parts(self, kind: PartKind) -> list[Part]:
        return [part for part in self._knowledge.parts if part.kind is kind]

    def engine(self, part: Part) -> Engine:
        """The rules of one part, compiled for the day when first asked for. Raises RuleError, ReplayError."""
        found = self._engines.get(part.digest)
        if found is None:
            rule_set = _rule_set(part.digest, self._content(part))
            found = compile_rules(rule_set, self.context, on=self._knowledge.legal_day)
            found = self._engines.setdefault(part.digest, found)
        return found

    def scored(self, subject: Subject) -> Facts:
        """The facts of a declaration with its trader's status, and with what the models in use, and on trial, say of it."""
        facts = subject.facts
        status = self.statuses.status(subject.declaration, subject.sender_id)
        if status.counted:
            facts = replace(facts, texts={**facts.texts, AEO: (status.counted,)})
        elif status.unvouched:
            facts = replace(facts, texts={**facts.texts, AEO_UNVOUCHED: (status.unvouched,)})
        if not self._models:
            return facts
        row = row_of(subject.declaration, facts, self._columns)
        scores = [score for part, model in self._models if (score := _score(part, model, row)) is not None]
        return replace(facts, scores=tuple(scores))

    @cached_property
    def _models(self) -> list[tuple[Part, Scorer]]:
        """The models in use and on trial; their contents are asked for once, not with every declaration."""
        found = []
        for part in self._parts(PartKind.MODEL):
            with suppress(ModelError):
                found.append((part, _model(part.digest, self._content(part))))
        return found

    @cached_property
    def _columns(self) -> tuple[str, ...]:
        """What the models ask for."""
        return tuple(dict.fromkeys(name for _, scorer in self._models for name in scorer.model.recipe.columns))

    def pointed(self, subject: Subject) -> Pointed:
        """What rules, lists and scores say of a declaration, before anything is drawn."""
        if self.is_empty:
            return NOTHING_POINTED
        record = Record(
            declaration=subject.declaration,
            legal_day=self._knowledge.legal_day,
            assessment=subject.assessment,
            features=subject.facts.features(),
            scores=subject.facts.probabilities(),
        )
        reasons = self.lists.reasons(subject.declaration)
        shadow: list[Reason] = []
        masks: list[RuleMasks] = []
        for part in self._rule_sets:
            engine = self._engine_to_ask(part)
            if engine is None:
                continue
            outcome = engine.evaluate(record)
            masks.append(RuleMasks(part.digest, f"{outcome.mask:x}", tuple(f"{mask:x}" for mask in outcome.line_masks)))
            told = shadow if part.is_shadow else reasons
            told += [reason_of(hit, part.name) for hit in outcome.hits]
        for part in self._alarms:
            told = shadow if part.is_shadow else reasons
            told += self._alarm(part).reasons(subject.declaration, self._knowledge.legal_day)
        return Pointed(tuple(reasons), tuple(shadow), tuple(masks), subject.facts.scores)

    def _alarm(self, part: Part) -> Alarm:
        """What seized parcels share with others; read when first asked for. Raises ReplayError."""
        found = self._sounding.get(part.digest)
        if found is None:
            found = self._sounding.setdefault(part.digest, Alarm.from_content(self._content(part)))
        return found

    def _engine_to_ask(self, part: Part) -> Engine | None:
        """The rules of a part; None of one on trial that names what is not there any more: a trial disturbs no decision."""
        if part.is_shadow and part.digest in self._idle:
            return None
        try:
            return self.engine(part)
        except RuleError:
            if not part.is_shadow:
                raise
            self._idle.add(part.digest)
            return None

    def _content(self, part: Part) -> bytes:
        if self._contents is None:
            raise ReplayError(f"the {part.kind.value} {part.name!r} ({part.digest[:12]}) are not at hand")
        return self._contents(part.digest)


def _score(part: Part, scorer: Scorer, row: Mapping[str, str]) -> Score | None:
    """What one model says of a row; None where the row does not fit it."""
    try:
        found = scorer.score(row)
    except ModelError:
        return None
    return Score(
        name=part.name,
        model_digest=part.digest,
        probability=Decimal(found.probability).scaleb(-6),
        expected=scorer.model.expected(found),
        words=tuple(reason.words for reason in found.reasons),
        is_shadow=part.is_shadow,
    )


@lru_cache(maxsize=MODELS_READ)
def _model(digest: str, content: bytes) -> Scorer:
    """A registered model made ready; read once, though it serves many days. Raises ReplayError for bytes of another."""
    found = read_model(content)
    if digest_of(found) != digest:
        raise ReplayError(f"the model kept under {digest[:12]} is not the one that was registered")
    return Scorer(found)


@lru_cache(maxsize=LISTS_READ)
def _published(digest: str, content: bytes) -> PublishedList:
    """A published list; read once, though it serves many days."""
    found = PublishedList.from_content(content)
    if found.digest != digest:
        raise ReplayError(f"the list kept under {digest[:12]} is not the one that was published")
    return found


@lru_cache(maxsize=RULE_SETS_READ)
def _rule_set(digest: str, content: bytes) -> RuleSet:
    """The rules of a published text; read once, though it serves many days."""
    found = rules_of(content.decode())
    if found.digest != digest:
        raise ReplayError(f"the rules kept under {digest[:12]} are not those that were published")
    return found


def reason_of(hit: RuleHit, name: str) -> Reason:
    """A rule that holds. What is answered before loading is a matter of safety: such a rule is never thinned out."""
    rule = hit.rule
    return Reason(
        reason_id=f"rule.{name}.{rule.rule_id}",
        kind=ReasonKind.RULE,
        lane=rule.lane,
        words=rule.words,
        pointer=f"goods_items[{hit.lines[0]}]" if hit.lines else "",
        value=f"lines {', '.join(map(str, hit.lines))}"[:200] if len(hit.lines) > 1 else "",
        tasks=tuple(task.value for task in rule.tasks),
        answer=rule.answer.value,
        percent=rule.percent,
        is_mandatory=bool(rule.answer.value),
    )
