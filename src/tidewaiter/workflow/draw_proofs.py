"""What an auditor's file leaves to be believed, proved where the decisions are kept: each is made again from its message.

Law, rules, lists and policy are those that the decision names by digest. What is left to be believed then: what was looked
up at the time (history's numbers, a trader's status), for history has gone on since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from functools import lru_cache

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.judgement import Judgement
from tidewaiter.risk import Subject
from tidewaiter.risk.selection.auditing import PROBLEMS_MAX, Audit, audit
from tidewaiter.risk.selection.draw_records import DayOfDraws, DrawRecord, PolicyTold
from tidewaiter.workflow.draws import Draws, DrawTeller, commitment_of, drawn_by, exported
from tidewaiter.workflow.kept_law import KeptLaw
from tidewaiter.workflow.pieces import Piece
from tidewaiter.workflow.records import Kept, Place
from tidewaiter.workflow.replay import Player


class Proof(Struct, frozen=True):
    """How many decisions were made again from their messages, and what did not come out as it is told or kept."""

    decisions: int
    wrong: int
    problems: tuple[str, ...]


def audit_day(store: Draws, day: date, at: datetime) -> tuple[Audit, Proof]:
    """Audit a day from what is kept here, every decision made again."""
    records = exported(store, day, at)
    first = next(records)
    assert isinstance(first, DayOfDraws)
    found = audit(first, (each for each in records if not isinstance(each, DayOfDraws)))
    return found, proved(store, day, at)


def proved(store: Draws, day: date, at: datetime, told: Iterable[DrawRecord | PolicyTold] | None = None) -> Proof:
    """Make the decisions of a day again; with `told`, hold an auditor's records against them.

    Raises TransitionError where the day is not over, NotFoundError where nothing was drawn.
    """
    seed_id = commitment_of(store, day, at).seed_id
    by_number = None
    if told is not None:
        by_number = {(each.declaration_id, each.version): each for each in told if isinstance(each, DrawRecord)}
    prover = _Prover(store)
    decisions = wrong = 0
    problems = [f"the chain of evidence: {words}" for words in store.broken_links()]
    wrong += len(problems)
    for kept, judgement, body in drawn_by(store, seed_id):
        decisions += 1
        found = list(prover.problems(kept, judgement, body))
        if by_number is not None:
            found += _as_told(
                prover.record(kept, judgement, body), by_number.pop((kept.declaration_id, kept.version), None)
            )
        wrong += len(found)
        where = f"declaration {kept.declaration_id}, version {kept.version}"
        problems += [f"{where}: {words}" for words in found[: max(PROBLEMS_MAX - len(problems), 0)]]
    for number, version in by_number or ():
        wrong += 1
        problems.append(f"declaration {number}, version {version}: it is told, and no such decision is kept")
    return Proof(decisions, wrong, tuple(problems[:PROBLEMS_MAX]))


class _Prover:
    """Makes decisions again; holds the law it has loaded."""

    def __init__(self, store: Draws) -> None:
        self._store = store
        self._player = Player(store)
        self._law = KeptLaw(store)
        self._teller = DrawTeller(store)
        self._message: Callable[[int], str] = lru_cache(256)(self._digest_of)

    def record(self, kept: Kept, judgement: Judgement, body: bytes | None) -> DrawRecord:
        """What is to be told of a decision."""
        return self._teller.told(kept, judgement, body)

    def problems(self, kept: Kept, judgement: Judgement, body: bytes | None) -> Iterator[str]:
        """What does not come out as it is kept."""
        try:
            piece = self._piece(kept, body)
        except TidewaiterError as error:
            yield f"its record cannot be found again: {error.detail}"
            return
        report = self._player.play(kept, piece)
        yield from (each.words for each in report.differences)
        if (judgement.draw.seed_id, judgement.draw.key) != (kept.seed_id, kept.draw_key):
            yield "its draw is not made of the seed and the key that are kept with it"
        if kept.trigger is None and kept.message_id is not None:
            key = f"{self._message(kept.message_id)}:{kept.position}"
            if kept.draw_key != key:
                yield f"its draw's key is {kept.draw_key[:80]}, not the digest of its message and its number in it"
        yield from self._scores(kept, piece)

    def _piece(self, kept: Kept, body: bytes | None) -> Piece | None:
        if kept.message_id is None:
            return None
        if body is None:
            form, body = self._store.record_at(Place(kept.message_id, kept.position))
            return Piece(kept.position, form, body)
        return Piece(kept.position, kept.form, body)

    def _scores(self, kept: Kept, piece: Piece | None) -> Iterator[str]:
        """Scores are kept as facts, which a decision made again takes for given: the models are asked anew."""
        targeting = self._law.targeting(kept)
        if targeting is None or targeting.is_empty:
            if kept.facts.scores:
                yield "scores are kept with it, and no model was in use"
            return
        declaration = self._law.declaration(kept, piece.body if piece is not None else None)
        if declaration is None:
            yield "what was declared cannot be read any more"
            return
        again = targeting.scored(Subject(declaration, None, replace(kept.facts, scores=()))).scores
        if again != kept.facts.scores:
            yield "the models in use then say otherwise than the scores that are kept with it"

    def _digest_of(self, message_id: int) -> str:
        digest = hashlib.sha256()
        for chunk in self._store.message_bytes(message_id):
            digest.update(chunk)
        return digest.hexdigest()


def _as_told(kept: DrawRecord, told: DrawRecord | None) -> list[str]:
    """Where an auditor's record is not what is kept; what became of the parcel may have gone on."""
    if told is None:
        return ["it is kept, and not told"]
    fields = [
        name for name in kept.__struct_fields__ if name != "followed" and getattr(kept, name) != getattr(told, name)
    ]
    return [f"told otherwise than it is kept: {', '.join(fields)}"] if fields else []
