"""What is kept of examinations and of links, and what the workflow needs of the store for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.outcome import ExaminationOutcome
from tidewaiter.risk.links import LinkKey


class KeptOutcome(Struct, frozen=True, kw_only=True):
    """An outcome as it is kept. `declaration_id` is None while no declaration of that name has come; `is_approved` None
    while a second person has not answered, which what was in order does not wait for."""

    outcome_id: int
    outcome: ExaminationOutcome
    recorded_at: datetime
    recorded_by: str
    corrects: int | None = None
    declaration_id: int | None = None
    version: int | None = None
    is_approved: bool | None = None
    answered_by: str = ""
    is_corrected: bool = False

    @property
    def standing(self) -> str:
        """How it stands, in a word: corrected, refused, waits, unmatched, in effect."""
        if self.is_corrected:
            return "corrected"
        if self.is_approved is False:
            return "refused"
        if self.is_approved is None and not self.outcome.is_in_order:
            return "waits"
        return "unmatched" if self.declaration_id is None else "in effect"


class OutcomeAnswerError(TidewaiterError):
    """An answer to an outcome that waits for none: it was given before, or none is wanted."""

    code = "outcome.answer"


class ToExamine(Struct, frozen=True, kw_only=True):
    """A declaration under control of which no outcome waits, and where its decision is kept: block of evidence, place in it."""

    declaration_id: int
    functional_reference_id: str
    registered_id: str
    description: str
    place: tuple[int, int]


class Telling(Struct, frozen=True, kw_only=True):
    """An outcome on its way in: by whom, when, and which one it corrects."""

    outcome: ExaminationOutcome
    by: str
    at: datetime
    corrects: int | None = None


class AlertKind(StrEnum):
    """What was done with a parcel that is tied to a seizure."""

    HELD = "held"  # sent to examination now, or decided anew to be examined when it arrives
    AT_CUSTOMS = "at_customs"  # under examination already
    AUDIT = "audit"  # released before: to be looked at after
    FAILED = "failed"  # it could not be held; the words say why


class Alert(Struct, frozen=True, kw_only=True):
    """A parcel tied to a seizure: how (words, strength 0 to 100), and what was done."""

    outcome_id: int
    declaration_id: int
    strength: int
    words: str
    done: AlertKind
    done_words: str
    told_at: datetime


class OutcomeBook(Protocol):
    """Outcomes; within the writer's transaction, or outside it."""

    def keep(self, telling: Telling) -> tuple[int, bool]:
        """Its number, and whether it is new. Raises NotFoundError or ConflictError for what it corrects."""

    def match(self, outcome_id: int, declaration_id: int, version: int, at: datetime) -> None:
        """It is of this declaration. What is matched already stays so."""

    def answer(self, outcome_id: int, by: str, at: datetime, words: str, *, is_approved: bool) -> None:
        """Keep the answer. Raises OutcomeAnswerError where there is one."""

    def one(self, outcome_id: int) -> KeptOutcome:
        """Raises NotFoundError."""

    def of(self, declaration_id: int) -> Sequence[KeptOutcome]:
        """Those of one declaration, the first told first."""

    def latest(self, limit: int) -> Sequence[KeptOutcome]:
        """The last told first."""

    def unmatched(self, limit: int) -> Sequence[KeptOutcome]:
        """Those whose declaration has not come, the first told first."""

    def to_examine(self, limit: int) -> tuple[Sequence[ToExamine], int]:
        """Under control and without an outcome that waits for approval, the longest there first; and how many there are."""

    def between(self, since: datetime, until: datetime) -> Sequence[KeptOutcome]:
        """Those in effect of examinations from `since` to before `until`, the last one told of each declaration."""

    def seizures_to_follow(self) -> Sequence[KeptOutcome]:
        """Seizures in effect whose links were not followed yet."""

    def seizures(self, since: datetime) -> Sequence[KeptOutcome]:
        """Seizures in effect, examined from then on."""

    def version_at(self, declaration_id: int, at: datetime) -> int:
        """The version of a declaration that stood then: what was declared before goods were looked at. 1 for none."""

    def __call__(self, declaration_ids: Sequence[int], /) -> Mapping[int, bool]:
        """Of these declarations those with an outcome in effect: True where something was not in order."""


class LinkBook(Protocol):
    """Link keys and alerts; each call is a transaction of its own."""

    def position(self) -> int:
        """The last block of evidence whose keys are kept."""

    def keep(self, block_id: int, keys: Iterable[tuple[int, Sequence[LinkKey]]]) -> None:
        """Keep the keys of a block's declarations (in place of those of earlier versions), and move the position to it."""

    def keys_of(self, declaration_ids: Sequence[int]) -> Mapping[int, Sequence[LinkKey]]:
        """The keys of these declarations."""

    def sharing(self, keys: Sequence[LinkKey]) -> Mapping[LinkKey, Sequence[int]]:
        """The declarations of each key; of one that very many share, one more than are followed."""

    def alert(self, alert: Alert) -> None:
        """Keep an alert, in place of one before of the same seizure and declaration."""

    def followed(self, outcome_id: int, at: datetime) -> None:
        """The links of this seizure were followed."""

    def alerts(self, limit: int) -> Sequence[Alert]:
        """The last first."""

    def alerts_of(self, declaration_id: int) -> Sequence[Alert]:
        """Those of one declaration."""
