"""Why rules pointed at a declaration, or nearly did: from the masks that were kept with its decision.

    for each in Explaining(store).of(store.kept(declaration_id)):
        each.name, each.is_shadow, each.hits, each.near_misses, each.changes

No message is read and nothing is evaluated again: the masks, the rules under their digest, and the law under its own say it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct

from tidewaiter.model.decision import Evaluation
from tidewaiter.model.errors import NotFoundError, TidewaiterError
from tidewaiter.model.judgement import Judgement, Lane, RuleMasks
from tidewaiter.risk import Part, PartKind
from tidewaiter.risk.rules import Engine, Rule
from tidewaiter.risk.rules.explaining import Change, Explanation, Told, explain
from tidewaiter.workflow.kept_law import KeptLaw
from tidewaiter.workflow.ports import Store
from tidewaiter.workflow.records import Kept

Tests = TypeVar("Tests")
_EVALUATION = msgspec.json.Decoder(Evaluation)


class RuleHeld(Struct, frozen=True):
    """A rule that hit, at which goods lines (none: the whole declaration), with the tests that held."""

    rule: Rule
    lines: tuple[int, ...]
    held: tuple[Told, ...]


class RuleMissed(Struct, frozen=True):
    """A rule that one test alone kept from hitting, at which goods lines (none: the whole declaration)."""

    rule: Rule
    lines: tuple[int, ...]
    failed: Told


class RulesExplained(Struct, frozen=True, kw_only=True):
    """What one rule set said of a declaration. `problem` says why nothing can be told, "" where it can.

    `changes` are changes of one field after which the lane of the whole decision would have been another; of rules on
    trial, after which their own would have been.
    """

    name: str
    digest: str
    is_shadow: bool
    lane: Lane = Lane.GREEN
    hits: tuple[RuleHeld, ...] = ()
    near_misses: tuple[RuleMissed, ...] = ()
    changes: tuple[Change, ...] = ()
    problem: str = ""


class Explaining:
    """Explains kept decisions; holds the law it has loaded. For one thread."""

    def __init__(self, store: Store) -> None:
        self._law = KeptLaw(store)

    def of(self, kept: Kept) -> list[RulesExplained]:
        """Every rule set that was asked: those that decided first, then those on trial."""
        judgement = _EVALUATION.decode(kept.evaluation).judgement
        if judgement is None or not judgement.masks:
            return []
        parts = [part for part in self._law.knowledge(kept.knowledge_digest).parts if part.kind is PartKind.RULES]
        found = [self._explained(kept, judgement, part, masks) for part, masks in _asked(parts, judgement.masks)]
        return sorted(found, key=lambda each: each.is_shadow)

    def _explained(self, kept: Kept, judgement: Judgement, part: Part, masks: RuleMasks) -> RulesExplained:
        try:
            targeting = self._law.targeting(kept)
            if targeting is None:
                raise NotFoundError("the law it rested on is not kept")
            engine = targeting.engine(part)
            found = explain(engine, int(masks.mask, 16), [int(each, 16) for each in masks.line_masks])
        except TidewaiterError as error:
            return RulesExplained(name=part.name, digest=part.digest, is_shadow=part.is_shadow, problem=error.detail)
        return explained(engine, found, part, _beside(judgement, part))


def explained(engine: Engine, found: Explanation, part: Part, beside: Lane | None) -> RulesExplained:
    """An explanation with its rules; `beside` is the lane that all else comes to, None for rules on trial."""
    rules = {rule.rule_id: rule for rule in engine.rules}
    felt = [change for change in found.changes if _is_felt(change, found.lane, beside)]
    return RulesExplained(
        name=part.name,
        digest=part.digest,
        is_shadow=part.is_shadow,
        lane=found.lane,
        hits=tuple(
            RuleHeld(rules[rule_id], lines, held)
            for (rule_id, held), lines in _by_lines((hit.rule_id, hit.held, hit.line) for hit in found.hits)
        ),
        near_misses=tuple(
            RuleMissed(rules[rule_id], lines, failed)
            for (rule_id, failed), lines in _by_lines(
                (miss.rule_id, miss.failed, miss.line) for miss in found.near_misses
            )
        ),
        changes=tuple(sorted(felt, key=lambda change: (change.lane.rank > found.lane.rank, _is_vague(change.value)))),
    )


def _asked(parts: Sequence[Part], masks: Sequence[RuleMasks]) -> list[tuple[Part, RuleMasks]]:
    """The masks with their parts: they are kept in the order in which the parts were asked."""
    if len(parts) == len(masks) and all(p.digest == m.rules_digest for p, m in zip(parts, masks, strict=True)):
        return list(zip(parts, masks, strict=True))
    by_digest = {part.digest: part for part in parts}
    return [(by_digest[each.rules_digest], each) for each in masks if each.rules_digest in by_digest]


def _beside(judgement: Judgement, part: Part) -> Lane | None:
    if part.is_shadow:
        return None
    own = f"rule.{part.name}."
    lanes = [each.lane for each in judgement.reasons if not each.is_lifted and not each.reason_id.startswith(own)]
    return max(lanes, key=lambda lane: lane.rank, default=Lane.GREEN)


def _by_lines(told: Iterable[tuple[str, Tests, int]]) -> list[tuple[tuple[str, Tests], tuple[int, ...]]]:
    """What is said of several lines alike, told once."""
    found: dict[tuple[str, Tests], list[int]] = {}
    for rule_id, tests, line in told:
        found.setdefault((rule_id, tests), []).append(line)
    return [(said, tuple(line for line in lines if line)) for said, lines in found.items()]


def _is_vague(value: str) -> int:
    """How little a value says: one of its own first, then any other text, then none at all."""
    return {"another text": 1, "missing": 2}.get(value, 0)


def _is_felt(change: Change, lane: Lane, beside: Lane | None) -> bool:
    """Whether a change would have been felt: not where something else sends the parcel at least as high anyhow."""
    return beside is None or max(change.lane.rank, beside.rank) != max(lane.rank, beside.rank)
