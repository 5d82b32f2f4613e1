"""What was decided, read again for the accounts: block by block, each record's declaration only where somebody owes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from typing import Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.messages import forms
from tidewaiter.model.decision import CAME_TO_NOTHING, Evaluation, HoldKind, State
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import MessageError, NotFoundError, TidewaiterError
from tidewaiter.regimes import Regime
from tidewaiter.release import Security, securities_of
from tidewaiter.revenue.obligations import is_owed, obligations
from tidewaiter.workflow.accounting import Ending, Happening
from tidewaiter.workflow.pieces import SMALL_BYTES, Piece, content, pieces_taken_in
from tidewaiter.workflow.ports import Store
from tidewaiter.workflow.records import Kept, Place
from tidewaiter.workflow.set_aside import PASSING, Spot

REGIMES_KEPT = 64
_EVALUATION = msgspec.json.Decoder(Evaluation)


class EvidenceError(TidewaiterError):
    """What a decision that charges something rests on cannot be found or read: what is owed on it is not known."""

    code = "accounts.evidence"


class Block(Struct, frozen=True):
    """One block of evidence: its decisions, and the records' own bytes where they are kept beside it.

    Where it cannot be read it has none, and `problem` says why.
    """

    block_id: int
    kept: tuple[Kept, ...]
    bodies: tuple[bytes, ...] | None
    problem: str = ""


class Ended(Struct, frozen=True):
    """A declaration that was refused or invalidated after it was decided; the change of state has a number."""

    declaration_id: int
    state: State
    on: date
    number: int

    @property
    def spot(self) -> Spot:
        """Where it stands among the changes of state."""
        return Spot(subject_of(self.declaration_id), self.number, f"change of state {self.number}: {self.state.value}")


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
    spot: Spot = Spot("", 0, "")


class Unread(Struct, frozen=True):
    """A decision, or a whole block of them, that cannot be read, and why."""

    spot: Spot
    error: Exception
    version: int = 0


class Reader:
    """Reads blocks; holds the law it met, and where it is in the message it reads."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._regime: Callable[[str], Regime] = lru_cache(REGIMES_KEPT)(self._law)
        self._message_id = 0
        self._last_position = 0
        self._pieces: Iterator[Piece] = iter(())

    def decisions(self, blocks: Iterable[Block]) -> Iterator[Posted | Unread]:
        """What each decision of these blocks means for the accounts; those that mean nothing are left out.

        A change of state without a new version is none of them: what it ends
        is told by `Evidence.ended`. Raises what is passing: a database that does not answer.
        """
        for block in blocks:
            if block.problem:
                spot = Spot(f"block:{block.block_id}", block.block_id, f"block {block.block_id} of evidence")
                hint = "restore the block from a backup; tidewaiter decision replay --all checks the chain of evidence"
                yield Unread(spot, EvidenceError(f"it cannot be read: {block.problem}", hint=hint, place=spot.place))
            for index, kept in enumerate(block.kept):
                spot = _spot(block, kept)
                try:
                    found = self._decision(kept, block.bodies[index] if block.bodies else None)
                except PASSING:
                    raise
                except Exception as error:  # whatever it is: the others go on
                    yield Unread(spot, error, kept.version)
                else:
                    if found is not None:
                        yield replace(found, spot=spot)

    def again(self, declaration_id: int, version: int) -> Posted | None:
        """What one version decided before means for the accounts; None where it means nothing, or cannot be read.

        Raises what is passing: a database that does not answer.
        """
        try:
            return self._again(declaration_id, version)
        except PASSING:
            raise
        except Exception:  # what cannot be read is set aside where it is posted
            return None

    def _again(self, declaration_id: int, version: int) -> Posted | None:
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
        is_charged = decision.state not in CAME_TO_NOTHING and is_owed(assessment)
        if not is_charged and kept.version == 1:
            return None  # nothing was charged before, and nothing is now
        subject, on = subject_of(kept.declaration_id), kept.legal_day
        if not is_charged:
            why = decision.state.value if decision.state in CAME_TO_NOTHING else "amended: nothing is owed"
            return Posted(kept.declaration_id, kept.version, Ending(subject=subject, on=on, why=why))
        declaration = self._declaration(kept, body)
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

    def _declaration(self, kept: Kept, body: bytes | None) -> Declaration:
        """What was declared. Raises EvidenceError where it cannot be found or read: something is owed on it."""
        why = ""
        try:
            if kept.sources or kept.message_id is None:
                declaration = content(self._store, kept.sources)
            else:
                declaration = forms.by_name(kept.form).read(self._record(kept) if body is None else body).declaration
        except (MessageError, NotFoundError) as error:
            declaration, why = None, f": {error.detail}"
        if declaration is None:
            raise EvidenceError(
                f"something is charged on it, and what was declared cannot be read any more{why}",
                hint="restore its message from a backup (tidewaiter message raw writes what is kept of it), or read it"
                f" with version {kept.software_version} of this software, which decided it",
            )
        return declaration

    def _record(self, kept: Kept) -> bytes:
        """The record's bytes out of its message, which is gone through from record to record as decisions follow.

        Raises NotFoundError where the message does not have it.
        """
        assert kept.message_id is not None
        if kept.message_id != self._message_id or kept.position <= self._last_position:
            self._pieces = pieces_taken_in(self._store, self._store.message(kept.message_id))
        self._message_id = 0  # until it is found: what breaks off is begun again
        for piece in self._pieces:
            if piece.position == kept.position:
                self._message_id, self._last_position = kept.message_id, kept.position
                return piece.body
        raise NotFoundError(f"message {kept.message_id} has no record {kept.position}")

    def _law(self, digest: str) -> Regime:
        return Regime.from_content(self._store.knowledge(digest))


def told_apart(found: Iterable[Posted | Unread]) -> tuple[list[Posted], list[Unread]]:
    """What could be read, and of the rest what nothing later of the same subject follows that could."""
    read: list[Posted] = []
    unread: dict[str, Unread] = {}
    for each in found:
        if isinstance(each, Posted):
            read.append(each)
            unread.pop(each.spot.subject, None)
        else:
            unread[each.spot.subject] = each
    return read, list(unread.values())


def _spot(block: Block, kept: Kept) -> Spot:
    record = f", record {kept.position} of message {kept.message_id}" if kept.message_id is not None else ""
    place = f"block {block.block_id} of evidence, version {kept.version}{record}"
    return Spot(subject_of(kept.declaration_id), block.block_id, place)


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
