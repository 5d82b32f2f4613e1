"""History in the workflow: records are remembered before they are decided, so that those of one message see each other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from tidewaiter.messages import forms
from tidewaiter.model.decision import State
from tidewaiter.model.declaration import Declaration
from tidewaiter.regimes import Regime
from tidewaiter.risk.facts import NO_FACTS, Facts
from tidewaiter.risk.history import Happening, happening_of
from tidewaiter.workflow.deciding import regime_of, trigger_of
from tidewaiter.workflow.happenings import History, Told
from tidewaiter.workflow.pieces import Piece
from tidewaiter.workflow.records import Decided, Incoming, Place, Prior
from tidewaiter.workflow.shelf import Shelf

CAME_TO_NOTHING: Final = frozenset({State.REJECTED, State.REFUSED, State.INVALIDATED})


class Teller:
    """Tells what happened by records, read for that alone: those that lodge something, under a law that is known."""

    def __init__(self, shelf: Shelf, secret: bytes) -> None:
        self._shelf = shelf
        self._secret = secret

    def told(self, pieces: Sequence[Piece], incoming: Incoming) -> Told:
        """What happened by those that lodge a declaration of goods, under a law that is known; of others nothing is told."""
        found = ((piece.position, self._told(piece, incoming)) for piece in pieces)
        return [(position, each) for position, each in found if each is not None]

    def _told(self, piece: Piece, incoming: Incoming) -> Happening | None:
        try:
            own = forms.by_name(piece.form).read(piece.body).declaration
            if own is None or trigger_of(own) is not None:
                return None
            regime = regime_of(own, incoming, self._shelf)
            return self.happening(own, regime, incoming.received_at) if regime is not None else None
        except Exception:  # whatever it is, it is met again where the record is decided, and told to its sender there
            return None

    def happening(self, declaration: Declaration, regime: Regime, received_at: datetime) -> Happening | None:
        """What happened by a declaration of goods received at this moment; None for what is none."""
        if not regime.dataset_of(declaration).is_assessed:
            return None
        return happening_of(declaration, regime, received_at.astimezone(UTC).date(), self._secret)


class Retelling:
    """What is looked up for a declaration decided anew, and what history is told of it afterwards."""

    def __init__(self, history: History, shelf: Shelf) -> None:
        self._history = history
        self._shelf = shelf

    def facts(self, declaration: Declaration, regime: Regime, prior: Prior) -> Facts:
        """The features of a declaration lodged before, as it now is."""
        happening = (
            self._teller().happening(declaration, regime, prior.received_at) if self._shelf.wants_history else None
        )
        return NO_FACTS if happening is None else self._history.of(happening, prior.place).facts

    def restate(self, decided: Decided, prior: Prior) -> None:
        """History as it is after a new version of a declaration lodged before."""
        declaration, regime = decided.declaration, decided.regime
        if self._shelf.wants_history and declaration is not None and regime is not None:
            happening = self._teller().happening(declaration, regime, prior.received_at)
            if happening is not None:
                self._history.restate(prior.place, happening)

    def forget(self, place: Place) -> None:
        """History as it is after a record was rejected, or its declaration came to nothing."""
        if self._shelf.wants_history:
            self._history.forget(place.message_id, [place.position])

    def _teller(self) -> Teller:
        return Teller(self._shelf, self._history.secret())
