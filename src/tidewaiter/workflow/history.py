"""History in the workflow: records are remembered before they are decided, so that those of one message see each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from tidewaiter.messages import forms
from tidewaiter.model.decision import CAME_TO_NOTHING
from tidewaiter.model.declaration import Declaration
from tidewaiter.regimes import Regime
from tidewaiter.risk.facts import NO_FACTS, Facts
from tidewaiter.risk.history import Happening, happening_of
from tidewaiter.workflow.deciding import regime_of, trigger_of
from tidewaiter.workflow.happenings import Heard, History
from tidewaiter.workflow.pieces import Piece
from tidewaiter.workflow.ports import Filter, Store
from tidewaiter.workflow.records import Decided, Incoming, Place, Prior
from tidewaiter.workflow.shelf import Shelf, shelf_of

DECLARATIONS_AT_ONCE: Final = 500


class Teller:
    """Tells what happened by records, read for that alone: those that lodge something, under a law that is known."""

    def __init__(self, shelf: Shelf, secret: bytes) -> None:
        self._shelf = shelf
        self._secret = secret

    def heard(self, pieces: Sequence[Piece], incoming: Incoming) -> Heard:
        """What happened by those that lodge a declaration of goods, under a law that is known; of others nothing is told."""
        heard = [self._heard(piece, incoming) for piece in pieces]
        told = [(piece.position, each) for piece, (each, _) in zip(pieces, heard, strict=True) if each is not None]
        return Heard(told, bytes([is_proven for _, is_proven in heard]))

    def _heard(self, piece: Piece, incoming: Incoming) -> tuple[Happening | None, bool]:
        try:
            reading, is_proven = forms.proven(piece.form, piece.body)
            return self._told(reading.declaration, incoming), is_proven
        except Exception:  # whatever it is, it is met again where the record is decided, and told to its sender there
            return None, False

    def _told(self, own: Declaration | None, incoming: Incoming) -> Happening | None:
        if own is None or trigger_of(own) is not None:
            return None
        regime = regime_of(own, incoming, self._shelf)
        return self.happening(own, regime, incoming.received_at) if regime is not None else None

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


def rebuild(store: Store, *, on_progress: Callable[[int], None] | None = None) -> int:
    """Tell history of every declaration that stands, as it now stands; how many. What it knows already stays.

    `on_progress` is called with the number of declarations gone through.
    """
    shelf = shelf_of(store)
    teller = Teller(shelf, store.history.secret())
    told = gone_through = 0
    wanted = Filter(limit=DECLARATIONS_AT_ONCE)
    while rows := store.declarations(wanted):
        found = (_standing(store, shelf, teller, row.declaration_id) for row in rows)
        standing = [each for each in found if each is not None]
        with store.writing(len(standing)) as transaction:
            for place, happening in standing:
                transaction.history.restate(place, happening)
        told += len(standing)
        gone_through += len(rows)
        if on_progress is not None:
            on_progress(gone_through)
        wanted = replace(wanted, before_id=rows[-1].declaration_id)
    return told


def present(store: Store, declaration_id: int) -> Mapping[str, Decimal]:
    """The features of a declaration as history knows it at present."""
    shelf = shelf_of(store)
    found = _standing(store, shelf, Teller(shelf, store.history.secret()), declaration_id)
    return {} if found is None else store.history.of(found[1], found[0]).numbers


def _standing(store: Store, shelf: Shelf, teller: Teller, declaration_id: int) -> tuple[Place, Happening] | None:
    """What happened by a declaration that stands, and by which record; None for one that does not, or is of no goods."""
    file = store.decision(declaration_id)
    regime = shelf.law(file.row.jurisdiction_code, file.row.legal_day).regime
    if file.row.state in CAME_TO_NOTHING or file.declaration is None or regime is None:
        return None
    happening = teller.happening(file.declaration, regime, file.row.received_at)
    return None if happening is None else (Place(file.row.message_id, file.row.position), happening)
