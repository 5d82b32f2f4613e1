"""The life of a rule set: its versions, the states they pass through, and what a store keeps of every step.

    draft → checked → shadow (on trial) → proposed → approved → published → retired

A trial is no must: what is checked may be proposed. A version that was published and retired may be proposed again:
that is how one goes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from enum import StrEnum
from typing import Final, Protocol

from msgspec import Struct

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.judgement import Lane
from tidewaiter.risk.knowledge import PartKind
from tidewaiter.risk.rules import Problem
from tidewaiter.workflow.targeting import Change


class VersionState(StrEnum):
    """Where a version of a rule set stands."""

    DRAFT = "draft"  # being written
    CHECKED = "checked"  # without mistake
    SHADOW = "shadow"  # on trial: asked of every declaration, decides nothing
    PROPOSED = "proposed"  # waits for a second person
    APPROVED = "approved"  # by a second person
    PUBLISHED = "published"  # decides
    RETIRED = "retired"  # decided once, or was given up


class Step(StrEnum):
    """What somebody does with a version."""

    WRITE = "write"
    CHECK = "check"
    TRY = "trial"
    END_TRIAL = "end_trial"
    PROPOSE = "propose"
    APPROVE = "approve"
    REFUSE = "refuse"
    PUBLISH = "publish"
    RETIRE = "retire"
    SUPERSEDE = "supersede"  # another version was published


MAY: Final[dict[Step, frozenset[VersionState]]] = {
    Step.WRITE: frozenset((VersionState.DRAFT, VersionState.CHECKED)),
    Step.CHECK: frozenset((VersionState.DRAFT, VersionState.CHECKED)),
    Step.TRY: frozenset((VersionState.CHECKED,)),
    Step.END_TRIAL: frozenset((VersionState.SHADOW, VersionState.PROPOSED, VersionState.APPROVED)),
    Step.PROPOSE: frozenset((VersionState.CHECKED, VersionState.SHADOW, VersionState.RETIRED)),
    Step.APPROVE: frozenset((VersionState.PROPOSED,)),
    Step.REFUSE: frozenset((VersionState.PROPOSED, VersionState.APPROVED)),
    Step.PUBLISH: frozenset((VersionState.APPROVED,)),
    Step.RETIRE: frozenset(state for state in VersionState if state is not VersionState.RETIRED),
}


class RuleSetError(TidewaiterError):
    """A rule set's version stands where the step asked for cannot be taken."""

    code = "risk.rule_set"


class DraftChangedError(TidewaiterError):
    """Somebody else changed the draft meanwhile."""

    code = "risk.draft_changed"


class SamePersonError(TidewaiterError):
    """A second person is wanted, and it is the first."""

    code = "risk.second_person"


class Key(Struct, frozen=True):
    """Which rule set: its name, and the jurisdiction it is for ("": everywhere). A policy is kept in the same way."""

    name: str
    jurisdiction_code: str = ""
    kind: PartKind = PartKind.RULES

    def __str__(self) -> str:
        return f"{self.name} ({self.jurisdiction_code})" if self.jurisdiction_code else self.name


class Version(Struct, frozen=True, kw_only=True):
    """One version as it stands. `text` is as written; `digest` of the canonical text, "" until it was checked."""

    key: Key
    version: int
    state: VersionState
    revision: int
    text: str
    digest: str = ""
    is_on_trial: bool = False

    def __str__(self) -> str:
        return f"version {self.version} of {self.key}"


class Event(Struct, frozen=True, kw_only=True):
    """One step: who took it, when and why, and the state after it. `text` is what was written, None for other steps."""

    event_id: int
    version: int
    step: Step
    state: VersionState
    revision: int
    actor: str
    words: str
    at: datetime
    text: str | None = None


class Said(Struct, frozen=True):
    """Who does it, and why; `at` is when."""

    actor: str
    words: str
    at: datetime


class Changing(Protocol):
    """A rule set under change: nobody else changes it meanwhile, and all of it is kept together or not at all."""

    def versions(self) -> Sequence[Version]:
        """Every version, the newest first."""

    def version(self, number: int) -> Version:
        """One version. Raises NotFoundError."""

    def events(self, number: int) -> Sequence[Event]:
        """What was done with a version, the oldest first."""

    def add(self, text: str, said: Said) -> Version:
        """Begin a new version, as a draft."""

    def step(self, anew: Version, step: Step, said: Said) -> Version:
        """Keep a version as it stands now, and the step that brought it there."""

    def use(self, changes: Sequence[Change], said: Said) -> None:
        """Put contents in use, or take them out. Raises NotFoundError for a content that is not kept."""


class KeptBackTest(Struct, frozen=True, kw_only=True):
    """A back-test that was run: what was asked, by whom, and the figures as canonical JSON."""

    back_test_id: int
    key: Key
    version: int
    revision: int
    digest: str
    since: date
    until: date
    actor: str
    at: datetime
    figures: bytes


class KeptHit(Struct, frozen=True):
    """A parcel that rules of a back-test hit: the lane it was in, the lane they would have sent it to."""

    declaration_id: int
    lane_before: Lane
    lane_after: Lane
    rule_ids: tuple[str, ...]


class RuleSetStore(Protocol):
    """What the life of rule sets needs of a store."""

    def all(self, kind: PartKind) -> Sequence[tuple[Version, Event]]:
        """Every version of every one of a kind with its last step, these by name, their newest version first."""

    def versions(self, key: Key) -> Sequence[Version]:
        """The versions of one, the newest first; none where there is no such set."""

    def events(self, key: Key) -> Sequence[Event]:
        """What was done with a rule set, the oldest first."""

    def changing(self, key: Key) -> AbstractContextManager[Changing]:
        """The rule set under change, made where there is none; kept where the block ends without error."""

    def keep_back_test(self, done: KeptBackTest, hits: Sequence[KeptHit]) -> int:
        """Keep what a back-test found; its number (that of `done` is not looked at)."""

    def back_test(self, number: int) -> KeptBackTest:
        """One back-test. Raises NotFoundError."""

    def back_tests(self, key: Key) -> Sequence[KeptBackTest]:
        """Those of a rule set, the newest first, at most 100."""

    def hits(self, number: int, rule_id: str, after: int, limit: int) -> Sequence[KeptHit]:
        """Parcels that a back-test hit, by number from `after` on; of one rule alone where `rule_id` is not empty."""


class Examined(Struct, frozen=True):
    """What checking a text found: every mistake and warning with its place, and the canonical text.

    `digest` and `canonical` are "" where there is a mistake.
    """

    problems: tuple[Problem, ...]
    rule_count: int
    canonical: str = ""
    digest: str = ""

    @property
    def mistakes(self) -> tuple[Problem, ...]:
        """What keeps the text from going on."""
        return tuple(each for each in self.problems if not each.is_warning)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is to be looked at."""
        return tuple(each for each in self.problems if each.is_warning)
