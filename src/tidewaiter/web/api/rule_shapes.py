"""Rule sets, back-tests and explanations as they travel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from tidewaiter.model.judgement import Lane
from tidewaiter.risk.rules import Problem
from tidewaiter.risk.rules.explaining import Told
from tidewaiter.web.api.officers import Code, Why
from tidewaiter.workflow.backtesting import Figures, RuleFigures
from tidewaiter.workflow.comparing import LanesCompared, RuleChange
from tidewaiter.workflow.explaining import RulesExplained
from tidewaiter.workflow.rule_set_records import Event, Examined, KeptBackTest, Version, VersionState
from tidewaiter.workflow.rule_sets import TEXT_LENGTH_MAX
from tidewaiter.workflow.rule_trials import Parcel

NAME_PATTERN = "^[a-z0-9][a-z0-9_-]{0,39}$"
StepName = Literal["check", "trial", "end_trial", "propose", "approve", "refuse", "publish", "retire"]
RuleText = Annotated[
    str,
    Meta(
        max_length=TEXT_LENGTH_MAX, description="The rules as text: docs/reference/risk-rules.md", examples=["rule a …"]
    ),
]


class Draft(Struct, frozen=True, forbid_unknown_fields=True):
    """A text that becomes a new version."""

    text: RuleText
    words: Why = ""
    jurisdiction_code: Code = ""


class Rewrite(Struct, frozen=True, forbid_unknown_fields=True):
    """A draft written anew. `revision` is that of the text you read: another's change is not written over."""

    text: RuleText
    revision: Annotated[int, Meta(ge=1, le=2**31 - 1, description="The revision that was read")]
    words: Why = ""
    jurisdiction_code: Code = ""


class StepWanted(Struct, frozen=True, forbid_unknown_fields=True):
    """A step to be taken with a version."""

    step: Annotated[StepName, Meta(description="What is to be done")]
    words: Why = ""
    jurisdiction_code: Code = ""


class PeriodWanted(Struct, frozen=True, forbid_unknown_fields=True):
    """Legal days over which a version is back-tested; the first and the last there are where none are given."""

    since: Annotated[date | None, Meta(description="The first legal day")] = None
    until: Annotated[date | None, Meta(description="The last legal day")] = None
    jurisdiction_code: Code = ""


class ProblemShape(Struct, frozen=True):
    """A mistake, or something to be looked at, with its place in the text."""

    line: Annotated[int, Meta(description="From 1; 0 where it has none")]
    column: Annotated[int, Meta(description="From 1; 0 where it has none")]
    rule_id: str
    code: str
    words: str
    hint: str
    is_warning: Annotated[bool, Meta(description="True where it keeps nothing from going on")]

    @classmethod
    def all(cls, problems: Iterable[Problem]) -> list[ProblemShape]:
        """Problems as they travel."""
        return [cls(p.line, p.column, p.rule_id, p.code, p.words, p.hint, p.is_warning) for p in problems]


class VersionShape(Struct, frozen=True):
    """One version of a rule set, without its text."""

    name: str
    jurisdiction_code: Annotated[str, Meta(description="Empty: everywhere")]
    version: int
    state: VersionState
    is_on_trial: Annotated[bool, Meta(description="Asked of every declaration, deciding nothing")]
    revision: Annotated[int, Meta(description="Rises with each text that is written")]
    digest: Annotated[str, Meta(description="SHA-256 of the canonical text; empty while it is not checked")]

    @classmethod
    def of(cls, version: Version) -> VersionShape:
        """A version as it travels."""
        key = version.key
        return cls(
            key.name, key.jurisdiction_code, version.version, version.state, version.is_on_trial, version.revision,
            version.digest,
        )  # fmt: skip


class VersionPage(Struct, frozen=True):
    """Versions, the newest first."""

    versions: list[VersionShape]


class StepShape(Struct, frozen=True):
    """A step that was taken."""

    version: int
    revision: int
    step: str
    state: Annotated[VersionState, Meta(description="After it")]
    by: str
    words: str
    at: datetime

    @classmethod
    def of(cls, event: Event) -> StepShape:
        """A step as it travels."""
        return cls(event.version, event.revision, event.step.value, event.state, event.actor, event.words, event.at)


class RuleSetShape(Struct, frozen=True):
    """A rule set: its versions, the newest first, and every step, the oldest first."""

    versions: list[VersionShape]
    steps: list[StepShape]


class VersionDetail(Struct, frozen=True):
    """A version with its text and what is wrong with it now."""

    version: VersionShape
    text: str
    rule_count: int
    problems: list[ProblemShape]

    @classmethod
    def of(cls, version: Version, told: Examined) -> VersionDetail:
        """A version as it travels."""
        return cls(VersionShape.of(version), version.text, told.rule_count, ProblemShape.all(told.problems))


class RuleFiguresShape(Struct, frozen=True):
    """One rule of a back-test."""

    rule_id: str
    title: str
    lane: Lane
    hits: Annotated[int, Meta(description="Declarations")]
    alone: Annotated[int, Meta(description="Of them those that nothing else points at")]
    known: Annotated[int, Meta(description="Of them those whose examination has an outcome")]
    wrong: Annotated[int, Meta(description="Of those, where something was not in order")]

    @classmethod
    def of(cls, rule: RuleFigures) -> RuleFiguresShape:
        """A rule as it travels."""
        return cls(rule.rule_id, rule.title, rule.lane, rule.hits, rule.alone, rule.known, rule.wrong)


class OfficeShape(Struct, frozen=True):
    """The work of one office of lodgement."""

    office: Annotated[str, Meta(description="Empty where none is named")]
    parcels: int
    to_control: Annotated[int, Meta(description="Of them in the yellow or red lane")]
    days: int
    most: Annotated[int, Meta(description="On the day with most")]
    most_on: date


class DayShape(Struct, frozen=True):
    """Hits of one office of lodgement on one legal day."""

    day: date
    office: Annotated[str, Meta(description="Empty where none is named")]
    parcels: int
    to_control: Annotated[int, Meta(description="Of them in the yellow or red lane")]


class MovedShape(Struct, frozen=True):
    """Declarations by the lane they were in and the lane they would have come to."""

    before: Lane
    after: Lane
    parcels: int


class OverlapShape(Struct, frozen=True):
    """Declarations that a rule shares with another rule of the set, or with what pointed at them then."""

    rule_id: str
    other: str
    parcels: int
    is_own: Annotated[bool, Meta(description="True where the other is a rule of the same set")]


class BackTestShape(Struct, frozen=True):
    """A back-test: what was asked, and what came out."""

    back_test_id: int
    name: str
    jurisdiction_code: str
    version: int
    revision: int
    digest: str
    since: date
    until: date
    by: str
    at: datetime
    decided: Annotated[int, Meta(description="Declarations gone through")]
    from_masks: Annotated[int, Meta(description="Of them those told by the masks kept with their decisions")]
    unread: Annotated[int, Meta(description="Of them those that cannot be read any more")]
    hits: int
    listed: Annotated[int, Meta(description="Hits that are kept to be looked at")]
    known: int
    wrong: int
    rules: list[RuleFiguresShape]
    offices: list[OfficeShape]
    by_day: list[DayShape]
    moved: list[MovedShape]
    overlaps: list[OverlapShape]

    @classmethod
    def of(cls, done: KeptBackTest, found: Figures) -> BackTestShape:
        """A back-test as it travels."""
        return cls(
            done.back_test_id, done.key.name, done.key.jurisdiction_code, done.version, done.revision, done.digest,
            done.since, done.until, done.actor, done.at, found.decided, found.from_masks, found.unread, found.hits,
            found.listed, found.known, found.wrong, [RuleFiguresShape.of(rule) for rule in found.rules],
            [OfficeShape(o.office, o.parcels, o.to_control, o.days, o.most, o.most_on) for o in found.offices],
            [DayShape(d.day, d.office, d.parcels, d.to_control) for d in found.by_day], moved(found.moved),
            [OverlapShape(o.rule_id, o.other, o.parcels, o.is_own) for o in found.overlaps],
        )  # fmt: skip


def moved(found: Sequence[tuple[Lane, Lane, int]]) -> list[MovedShape]:
    """Counts by lane before and after, as they travel."""
    return [MovedShape(before, after, count) for before, after, count in found]


class TestShape(Struct, frozen=True):
    """One test of a rule, and how it came out."""

    condition: str
    held: bool
    is_missing: Annotated[bool, Meta(description="True where the field had no value")]

    @classmethod
    def of(cls, told: Told) -> TestShape:
        """A test as it travels."""
        return cls(told.condition, told.held, told.is_missing)


class HeldShape(Struct, frozen=True):
    """A rule that hit, with the tests that held."""

    rule_id: str
    words: str
    lane: Lane
    lines: Annotated[list[int], Meta(description="Which goods lines; none for the whole declaration")]
    held: list[TestShape]


class MissedShape(Struct, frozen=True):
    """A rule that one test alone kept from hitting."""

    rule_id: str
    words: str
    lane: Lane
    lines: Annotated[list[int], Meta(description="Which goods lines; none for the whole declaration")]
    failed: TestShape


class ChangeShape(Struct, frozen=True):
    """A change of one field after which the lane would have been another."""

    field: str
    line: int
    value: str
    lane: Lane


class RulesExplainedShape(Struct, frozen=True):
    """What one rule set said of a declaration, and why."""

    name: str
    digest: str
    is_shadow: Annotated[bool, Meta(description="True where it was on trial and decided nothing")]
    lane: Lane
    hits: list[HeldShape]
    near_misses: list[MissedShape]
    changes: list[ChangeShape]
    problem: Annotated[str, Meta(description="Why nothing can be told; else empty")]

    @classmethod
    def of(cls, found: RulesExplained) -> RulesExplainedShape:
        """An explanation as it travels."""
        return cls(
            found.name, found.digest, found.is_shadow, found.lane,
            [HeldShape(h.rule.rule_id, h.rule.words, h.rule.lane, list(h.lines), [*map(TestShape.of, h.held)]) for h in found.hits],
            [MissedShape(m.rule.rule_id, m.rule.words, m.rule.lane, list(m.lines), TestShape.of(m.failed)) for m in found.near_misses],
            [ChangeShape(c.field, c.line, c.value, c.lane) for c in found.changes], found.problem,
        )  # fmt: skip


class RulesOfDeclaration(Struct, frozen=True):
    """What every rule set said of a declaration: those that decided first."""

    rule_sets: list[RulesExplainedShape]


class ParcelShape(Struct, frozen=True):
    """A parcel that a back-test hit."""

    declaration_id: int
    lane_before: Lane
    lane_after: Lane
    rule_ids: list[str]
    explanation: RulesExplainedShape | None

    @classmethod
    def of(cls, parcel: Parcel) -> ParcelShape:
        """A parcel as it travels."""
        hit = parcel.hit
        told = RulesExplainedShape.of(parcel.explained) if parcel.explained else None
        return cls(hit.declaration_id, hit.lane_before, hit.lane_after, list(hit.rule_ids), told)


class ParcelPage(Struct, frozen=True):
    """Parcels by number; ask again with after for more, null where these are the last."""

    parcels: list[ParcelShape]
    after: int | None


class RuleChangeShape(Struct, frozen=True):
    """A rule that differs between two versions."""

    rule_id: str
    what: Annotated[str, Meta(description="added, removed or changed")]
    lines: Annotated[list[str], Meta(description="Its canonical lines: - before, + after")]


class LaneChangeShape(Struct, frozen=True):
    """A parcel whose lane differs."""

    declaration_id: int
    before: Lane
    after: Lane
    rules_before: list[str]
    rules_after: list[str]


class ComparisonShape(Struct, frozen=True):
    """Two versions compared: rules, and the parcels of a period."""

    rules: list[RuleChangeShape]
    decided: int
    unread: int
    changed: Annotated[int, Meta(description="Parcels whose lane differs")]
    moved: list[MovedShape]
    parcels: Annotated[list[LaneChangeShape], Meta(description="At most 1,000 of them")]

    @classmethod
    def of(cls, rules: Sequence[RuleChange], lanes: LanesCompared | None) -> ComparisonShape:
        """A comparison as it travels; without `lanes` where nothing was decided yet."""
        told = [RuleChangeShape(each.rule_id, each.what, list(each.lines)) for each in rules]
        if lanes is None:
            return cls(told, 0, 0, 0, [], [])
        parcels = [
            LaneChangeShape(p.declaration_id, p.before, p.after, list(p.rules_before), list(p.rules_after))
            for p in lanes.parcels
        ]
        return cls(told, lanes.decided, lanes.unread, lanes.changed, moved(lanes.moved), parcels)
