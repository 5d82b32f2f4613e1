"""Replay: decide again from what was kept, and compare byte for byte.

The record is cut out of the message as it was received, read again, and put
into the circumstances that evidence names: law and lists by digest, the draw
by its seed and key, the earlier declaration as it stood. The evaluation that
comes out must have the very bytes that were kept.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import lru_cache
from itertools import islice

import msgspec
from msgspec import Struct

from tidewaiter.messages import forms
from tidewaiter.messages.ens.checks import EnsChecks
from tidewaiter.messages.form import Reading
from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import NotFoundError, TidewaiterError
from tidewaiter.model.standing import NOTHING_KNOWN
from tidewaiter.regimes import Regime
from tidewaiter.release import Trigger
from tidewaiter.risk import Chance, RiskKnowledge, Targeting
from tidewaiter.tariff.tariff import Tariff
from tidewaiter.workflow.claims import claim_of
from tidewaiter.workflow.crew import Crew, workers_wanted
from tidewaiter.workflow.deciding import as_changed, concluded
from tidewaiter.workflow.evaluate import Circumstances
from tidewaiter.workflow.pieces import Piece, content, piece_at, pieces_taken_in
from tidewaiter.workflow.ports import Store
from tidewaiter.workflow.records import Kept, KeptClaim, Place, Seed
from tidewaiter.workflow.tariffs import TARIFFS_KEPT

DIFFERENCES_MAX = 100  # described in full; more are only counted
DIFF_LINES_MAX = 60
ALONE_BLOCKS = 8  # up to here worker processes are not worth their start
PIECES_BYTES_MAX = 4 * 1024 * 1024  # records sent to a worker at once


class Difference(Struct, frozen=True):
    """One decision that did not come out the same, or one break in the chain of evidence."""

    declaration_id: int
    version: int
    words: str
    lines: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f"declaration {self.declaration_id}, version {self.version}: " if self.declaration_id else ""
        return "\n".join([where + self.words, *(f"  {line}" for line in self.lines)])


class Report(Struct, frozen=True):
    """How many decisions were run again, how many came out the same, and what did not.

    A break in the chain of evidence counts as a decision that did not.
    """

    replayed: int
    same: int
    differences: tuple[Difference, ...] = ()

    @property
    def is_clean(self) -> bool:
        """True when everything came out the same and the chain of evidence is whole."""
        return self.replayed == self.same

    def __add__(self, other: Report) -> Report:
        differences = (self.differences + other.differences)[:DIFFERENCES_MAX]
        return Report(self.replayed + other.replayed, self.same + other.same, differences)


class Part(Struct, frozen=True):
    """The records of one block, cut out of their message again; none for what was decided at a desk."""

    message_id: int | None
    block_id: int
    pieces: tuple[Piece, ...]


def replay(store: Store, declaration_id: int) -> Report:
    """Run every decision on one declaration again, the first to the last. Raises NotFoundError."""
    report = Report(0, 0)
    player = Player(store)
    for version in range(1, store.kept(declaration_id).version + 1):
        kept = store.kept(declaration_id, version)
        message = None if kept.message_id is None else store.message(kept.message_id)
        report += player.play(kept, None if message is None else piece_at(store, message, kept.position))
    return report


def replay_all(store: Store, *, on_progress: Callable[[int], None] | None = None, workers: int | None = None) -> Report:
    """Run every decision kept again, message by message, and check the chain of evidence.

    `on_progress` is called with the number of decisions done so far.
    """
    broken = tuple(Difference(0, 0, words) for words in store.broken_links())
    report = Report(len(broken), 0, broken)
    parts = _parts(store)
    first = list(islice(parts, ALONE_BLOCKS))
    player = Player(store)
    results = (player.play_part(part) for part in first)
    for result in _chained(results, store, parts, workers or workers_wanted()):
        report += result
        if on_progress is not None:
            on_progress(report.replayed)
    return report


def _chained(results: Iterator[Report], store: Store, parts: Iterator[Part], workers: int) -> Iterator[Report]:
    yield from results
    following = next(parts, None)
    if following is None:
        return
    with Crew[Part, Report](workers, handler) as crew:
        crew.begin(store)
        yield from (result for _, result in crew.results(_with(following, parts)))


def handler(store: Store) -> Callable[[Part], Report]:
    """What a worker process does with each part."""
    return Player(store).play_part


def _with(first: Part, rest: Iterator[Part]) -> Iterator[Part]:
    yield first
    yield from rest


def _parts(store: Store) -> Iterator[Part]:
    """All blocks of evidence with their records: messages from the newest to the oldest, desks last."""
    before_id: int | None = None
    while messages := store.messages(before_id, 100):
        for message in messages:
            records = pieces_taken_in(store, message)
            for span in store.spans(message.message_id):
                wanted = span.last_position - span.first_position + 1
                yield Part(message.message_id, span.block_id, tuple(islice(records, wanted)))
            before_id = message.message_id
    for span in store.spans(None):
        yield Part(None, span.block_id, ())


class Player:
    """Runs decisions again; keeps the law and lists it has loaded."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tariff = lru_cache(TARIFFS_KEPT)(lambda digest: Tariff.from_content(store.knowledge(digest)))
        self._regime = lru_cache(64)(lambda digest: Regime.from_content(store.knowledge(digest), self._tariff))
        self._knowledge = lru_cache(64)(lambda digest: RiskKnowledge.from_content(store.knowledge(digest)))
        self._targeting = lru_cache(64)(self._compiled)
        self._checks = lru_cache(8)(lambda digest: EnsChecks(store.knowledge(digest)))
        self._seed: Callable[[str], Seed] = lru_cache(64)(store.seed_by_id)

    def play_part(self, part: Part) -> Report:
        """One block of evidence."""
        report = Report(0, 0)
        decisions = self._store.block(part.block_id)
        for index, kept in enumerate(decisions):
            if part.message_id is not None and index >= len(part.pieces):
                words = f"record {kept.position} of message {part.message_id} is not found in it any more"
                report += Report(1, 0, (Difference(kept.declaration_id, kept.version, words),))
                continue
            report += self.play(kept, part.pieces[index] if part.message_id is not None else None)
        return report

    def play(self, kept: Kept, piece: Piece | None) -> Report:
        """One decision; `piece` is its record, None for what was decided at a desk."""
        try:
            played = self._evaluation_bytes(kept, piece)
        except TidewaiterError as error:
            words = f"it cannot be run again: {error.detail}"
            return Report(1, 0, (Difference(kept.declaration_id, kept.version, words),))
        if played == kept.evaluation:
            return Report(1, 1)
        lines = tuple(islice(_diff(kept.evaluation, played), DIFF_LINES_MAX))
        words = f"decided otherwise than by version {kept.software_version} of the software"
        return Report(1, 0, (Difference(kept.declaration_id, kept.version, words, lines),))

    def _evaluation_bytes(self, kept: Kept, piece: Piece | None) -> bytes:
        reading = Reading(None)
        if piece is not None:
            if piece.form != kept.form or piece.position != kept.position:
                raise NotFoundError(f"record {kept.position} is now number {piece.position}, in the form {piece.form}")
            reading = forms.by_name(piece.form).read(piece.body)
            if kept.rules_digest:
                reading = self._checks(kept.rules_digest).checked(reading, piece.body)
        own = reading.declaration
        declaration = as_changed(own, kept.trigger, *self._before_and_after(kept))
        return canonical_bytes(concluded(kept.form, own, declaration, self._circumstances(kept), reading).evaluation)

    def _before_and_after(self, kept: Kept) -> tuple[Declaration | None, list[tuple[Place, Declaration]]]:
        """What an amendment changed, and the amendments made after it; the whole where it is none."""
        before, after = kept.sources, kept.sources[len(kept.sources) :]
        if kept.trigger is Trigger.AMENDED and kept.message_id is not None and before:
            at = before.index(Place(kept.message_id, kept.position))
            before, after = before[:at], before[at + 1 :]
        stated = [(place, content(self._store, (place,))) for place in after]
        later = [(place, said) for place, said in stated if said is not None]
        return content(self._store, before) if before else None, later

    def _claims(self, kept: Kept) -> Iterator[tuple[KeptClaim, Declaration]]:
        for each in kept.claims:
            stated = content(self._store, each.sources)
            if stated is not None:
                yield each, stated

    def _compiled(self, knowledge_digest: str, regime_digest: str) -> Targeting:
        rates = self._regime(regime_digest).unit_rates
        return Targeting(self._knowledge(knowledge_digest), self._store.knowledge, rates)

    def _circumstances(self, kept: Kept) -> Circumstances:
        share = kept.selection_share
        seed = self._seed(kept.seed_id)
        chance = Chance(seed.seed, seed.seed_id, kept.draw_key)
        is_known = bool(kept.knowledge_digest and kept.regime_digest)
        return Circumstances(
            legal_day=kept.legal_day,
            regime=self._regime(kept.regime_digest) if kept.regime_digest else None,
            knowledge=self._knowledge(kept.knowledge_digest) if kept.knowledge_digest else None,
            draw=chance.drawn("", Decimal(share)) if share else None,
            law_absent=kept.law_absent,
            lodged_at=kept.lodged_at,
            is_arrived=kept.is_arrived,
            trigger=kept.trigger,
            prior=kept.prior,
            persons=kept.persons or NOTHING_KNOWN,
            claims=tuple(claim_of(each, stated) for each, stated in self._claims(kept)),
            declared_before=kept.declared_before,
            awaited_hours=kept.awaited_hours,
            targeting=self._targeting(kept.knowledge_digest, kept.regime_digest) if is_known else None,
            facts=kept.facts,
            chance=chance if share else None,
        )


def _diff(kept: bytes, played: bytes) -> Iterator[str]:
    """The lines that differ, kept (-) and played (+), of the two evaluations as indented JSON."""
    before = msgspec.json.format(kept, indent=1).decode().splitlines()
    after = msgspec.json.format(played, indent=1).decode().splitlines()
    return (line for line in difflib.unified_diff(before, after, "kept", "now", lineterm="", n=2))
