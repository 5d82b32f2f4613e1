"""What was decided, read again for the accounts: block by block, each record's declaration only where somebody owes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import Protocol

import msgspec
from msgspec import Struct

from tidewaiter.messages import forms
from tidewaiter.model.decision import Evaluation, HoldKind, State
from tidewaiter.model.declaration import Declaration
from tidewaiter.regimes import Regime
from tidewaiter.release import Security, securities_of
from tidewaiter.revenue.obligations import is_owed, obligations
from tidewaiter.workflow.accounting import Ending, Happening
from tidewaiter.workflow.pieces import SMALL_BYTES, Piece, content, pieces_taken_in
from tidewaiter.workflow.ports import Store
from tidewaiter.workflow.records import Kept, Place

WITHOUT_DEBT = (State.REJECTED, State.REFUSED, State.INVALIDATED)
REGIMES_KEPT = 64
_EVALUATION = msgspec.json.Decoder(Evaluation)


class Block(Struct, frozen=True):
    """One block of evidence: its decisions, and the records' own bytes where they are kept beside it."""

    block_id: int
    kept: tuple[Kept, ...]
    bodies: tuple[bytes, ...] | None


class Ended(Struct, frozen=True):
    """A declaration that was refused or invalidated after it was decided."""

    declaration_id: int
    state: State
    on: date


class Evidence(Store, Protocol):
    """What posting needs of the store."""

    def blocks(self, after: int, limit: int) -> list[Block]:
        """Blocks of evidence with a larger number, in order."""

    def ended(self, after: int, limit: int) -> tuple[int, list[Ended]]:
        """Of the next changes of state, those by which a declaration came to nothing; and the number of the last."""

    def versions(self, declaration_ids: Sequence[int], until: int | None = None) -> dict[int, int]:
        """The present version of each declaration that stands; those that came to nothing are left out.

        With `until`, those decided anew in a later block of evidence, too.
        """


class Posted(Struct, frozen=True):
    """A decision with what the accounts need of it. `is_held`: it waits for payment; `named` is what it names to secure it."""

    declaration_id: int
    version: int
    happening: Happening | Ending
    is_held: bool = False
    named: tuple[Security, ...] = ()


class Reader:
    """Reads blocks; holds the law it met and the records of the last small message."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._regime: Callable[[str], Regime] = lru_cache(REGIMES_KEPT)(self._law)
        self._message_id = 0
        self._pieces: dict[int, Piece] = {}

    def decisions(self, blocks: Iterable[Block]) -> Iterator[Posted]:
        """What each decision of these blocks means for the accounts; those that mean nothing are left out.

        A change of state without a new version is none of them: what it ends
        is told by `Evidence.ended`.
        """
        for block in blocks:
            for index, kept in enumerate(block.kept):
                if found := self._decision(kept, block.bodies[index] if block.bodies else None):
                    yield found

    def again(self, declaration_id: int, version: int) -> Posted | None:
        """What one version decided before means for the accounts; None where it means nothing."""
        kept = self._store.kept(declaration_id, version)
        body = None
        if kept.message_id is not None and not kept.sources:
            message = self._store.message(kept.message_id)
            if message.size_bytes > SMALL_BYTES:  # its records' bytes are kept beside the evidence
                body = self._store.record_at(Place(kept.message_id, kept.position), message)[1]
        return self._decision(kept, body)

    def _decision(self, kept: Kept, body: bytes | None) -> Posted | None:
        is_change_of_state = (
            kept.prior is not None
            and kept.declaration_id == kept.prior.declaration_id
            and kept.version == kept.prior.version
        )
        if is_change_of_state or not kept.regime_digest:
            return None
        evaluation = _EVALUATION.decode(kept.evaluation)
        assessment, decision = evaluation.assessment, evaluation.decision
        if assessment is None or decision.state is State.REJECTED:
            return None
        is_charged = decision.state not in WITHOUT_DEBT and is_owed(assessment)
        if not is_charged and kept.version == 1:
            return None  # nothing was charged before, and nothing is now
        declaration = self._declaration(kept, body) if is_charged else None
        subject, on = subject_of(kept.declaration_id), kept.legal_day
        if declaration is None:
            why = decision.state.value if decision.state in WITHOUT_DEBT else "amended: nothing is owed"
            return Posted(kept.declaration_id, kept.version, Ending(subject=subject, on=on, why=why))
        regime = self._regime(kept.regime_digest)
        happening = Happening(
            subject=subject,
            on=on,
            declaration=declaration,
            assessment=assessment,
            regime=regime,
            follows=obligations(assessment, declaration, regime),
        )
        is_held = any(hold.kind is HoldKind.PAYMENT for hold in decision.holds)
        named = securities_of(declaration, regime.law)
        return Posted(kept.declaration_id, kept.version, happening, is_held, named)

    def _declaration(self, kept: Kept, body: bytes | None) -> Declaration | None:
        if kept.sources or kept.message_id is None:
            return content(self._store, kept.sources)
        if body is None:
            body = self._record(kept)
        return forms.by_name(kept.form).read(body).declaration if body is not None else None

    def _record(self, kept: Kept) -> bytes | None:
        """The record's bytes out of its message; a small one is split once and its records held."""
        assert kept.message_id is not None
        if kept.message_id != self._message_id:
            message = self._store.message(kept.message_id)
            if message.size_bytes > SMALL_BYTES:
                return None
            self._pieces = {piece.position: piece for piece in pieces_taken_in(self._store, message)}
            self._message_id = kept.message_id
        piece = self._pieces.get(kept.position)
        return piece.body if piece is not None else None

    def _law(self, digest: str) -> Regime:
        return Regime.from_content(self._store.knowledge(digest))


def subject_of(declaration_id: int) -> str:
    """What a declaration is called in the accounts."""
    return f"declaration:{declaration_id}"


def declaration_of(subject: str) -> int | None:
    """The declaration a subject of the accounts is; None for what is none."""
    kind, _, number = subject.partition(":")
    return int(number) if kind == "declaration" and number.isdigit() else None


def endings(ended: Sequence[Ended]) -> list[Ending]:
    """That nothing is owed any more, for each declaration that came to nothing."""
    return [Ending(subject=subject_of(each.declaration_id), on=each.on, why=each.state.value) for each in ended]
