"""What is kept of models, and what their life needs of the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from msgspec import Struct

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.workflow.targeting import Change


class ModelState(StrEnum):
    """Where a version of a model stands. Being on trial is beside it."""

    REGISTERED = "registered"  # kept, and waiting for a second person
    DECIDING = "deciding"
    REFUSED = "refused"
    RETIRED = "retired"


class ModelStep(StrEnum):
    """What is done with a version."""

    REGISTER = "register"
    TRY = "trial"  # its scores are kept and decide nothing
    END_TRIAL = "end_trial"
    APPROVE = "approve"
    REFUSE = "refuse"
    RETIRE = "retire"
    SUPERSEDE = "supersede"  # another version took its place


MAY: Final[Mapping[ModelStep, frozenset[ModelState]]] = {
    ModelStep.TRY: frozenset({ModelState.REGISTERED}),
    ModelStep.END_TRIAL: frozenset(ModelState),
    ModelStep.APPROVE: frozenset({ModelState.REGISTERED}),
    ModelStep.REFUSE: frozenset({ModelState.REGISTERED}),
    ModelStep.RETIRE: frozenset({ModelState.DECIDING}),
}


class ModelLifeError(TidewaiterError):
    """A model's version stands where the step asked for cannot be taken."""

    code = "score.life"


class ModelVersion(Struct, frozen=True, kw_only=True):
    """A version of the model of one score, in one jurisdiction or everywhere (""), named by its digest."""

    version_id: int
    name: str
    jurisdiction_code: str
    digest: str
    state: ModelState
    is_on_trial: bool
    registered_by: str
    registered_at: datetime
    words: str

    def __str__(self) -> str:
        where = f" ({self.jurisdiction_code})" if self.jurisdiction_code else ""
        return f"model {self.version_id} of {self.name}{where}"


class ModelEvent(Struct, frozen=True):
    """A step that was taken."""

    version_id: int
    step: ModelStep
    actor: str
    words: str
    at: datetime


class Registering(Struct, frozen=True, kw_only=True):
    """A model on its way in. `card` is JSON; empty where there is none."""

    name: str
    jurisdiction_code: str
    digest: str
    content: bytes
    card: bytes


class Act(Struct, frozen=True):
    """Who does something, why and when."""

    actor: str
    words: str
    at: datetime


class Move(Struct, frozen=True):
    """A version as it was seen, how it is to stand, and by which step."""

    seen: ModelVersion
    state: ModelState
    is_on_trial: bool
    step: ModelStep


class KeptDrift(Struct, frozen=True):
    """A look at a model's drift: of which version, by whom and when, and its figures as canonical JSON."""

    drift_id: int
    version_id: int
    actor: str
    at: datetime
    figures: bytes


class ModelBook(Protocol):
    """Where models are kept; a store has one."""

    def register(self, model: Registering, act: Act) -> ModelVersion:
        """Keep a model with its card."""

    def versions(self) -> Sequence[ModelVersion]:
        """Every version, the latest first."""

    def card(self, version_id: int) -> bytes:
        """Its card as JSON; empty where it came without."""

    def events(self, version_id: int) -> Sequence[ModelEvent]:
        """What was done with a version, the oldest first."""

    def move(
        self, moves: Sequence[Move], changes: Sequence[Change], act: Act, refuse: Callable[[], None] | None = None
    ) -> None:
        """Take these steps, and change what is in use, together. Raises ConflictError where one stands otherwise by now.

        `refuse` is asked first, while nobody else can change what is in use: where it raises, nothing is done.
        """

    def keep_drift(self, version_id: int, figures: bytes, act: Act) -> int:
        """Keep a look at a version's drift; its number."""

    def drifts(self, version_id: int) -> Sequence[KeptDrift]:
        """The looks at a version's drift, the latest first, at most 50."""
