"""Where the processor time of one consignment goes: each step of the way by itself, in this process."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any, TypeVar

from tidewaiter.assessment import assess
from tidewaiter.messages import forms
from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.quality import check
from tidewaiter.release import decide
from tidewaiter.risk import Beside, Chance, Subject, judge
from tidewaiter.store import rows
from tidewaiter.workflow.batching import Slice, batch_of, new_entry
from tidewaiter.workflow.deciding import decide_piece
from tidewaiter.workflow.pieces import pieces
from tidewaiter.workflow.processing import SLICE_RECORDS
from tidewaiter.workflow.records import Incoming, Seed, WatchList
from tidewaiter.workflow.shelf import Shelf
from tidewaiter.workflow.targeting import NOTHING_IN_USE, InUse

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


def stages(body: bytes, form_name: str, on: date, in_use: InUse = NOTHING_IN_USE) -> dict[str, float]:
    """Microseconds of processor time for one consignment, by step; `body` is a message without errors.

    `in_use` are the rules, lists and models in use, their contents at hand.
    """
    spent: dict[str, float] = {}
    found = _timed(spent, "split", lambda: list(pieces(io.BytesIO(body), "sample", form_name)))
    count = len(found)
    form = forms.by_name(form_name)
    declarations = [reading.declaration for reading in _each(spent, "read", lambda piece: form.read(piece.body), found)]
    shelf = Shelf(WatchList(version=0, entries=b"[]"), lambda _: None, in_use=in_use)
    laws = [shelf.law(each.jurisdiction_code, on) for each in declarations if each is not None]
    pairs: list[tuple[Any, Any]] = list(zip(declarations, laws, strict=True))
    findings = _each(spent, "quality", lambda pair: check(pair[0], regime=pair[1].regime), pairs)
    assessments = _each(spent, "assess", lambda pair: assess(pair[0], pair[1].regime), pairs)

    chance = Chance(b"0" * 32, "bench", "key")
    targets = [(law.targeting, Subject(each, done)) for (each, law), done in zip(pairs, assessments, strict=True)]
    pointed = _each(spent, "targeting", lambda target: target[0].pointed(target[1]), targets)

    def judged(each: tuple[Any, Any, Any, Any, Any]) -> Any:
        declaration, law, seen, assessment, told = each
        drawn = chance.drawn("", law.knowledge.policy.selection_share)
        judgement = judge(declaration, law.knowledge, drawn, seen, Beside(pointed=told, chance=chance))
        return decide(
            declaration,
            dataset=law.regime.dataset_of(declaration),
            findings=seen,
            assessment=assessment,
            judgement=judgement,
            is_arrived=False,
        )

    _each(
        spent,
        "judge and decide",
        judged,
        [(*pair, *rest) for pair, *rest in zip(pairs, findings, assessments, pointed, strict=True)],
    )
    decided = [decide_piece(piece, part.incoming, shelf) for part in _slices(found, on) for piece in part.pieces]
    _each(spent, "canonical bytes", lambda each: canonical_bytes(each.evaluation), decided)
    entries = [new_entry(each, number) for number, each in enumerate(decided, 1)]
    batch = batch_of(next(iter(_slices(found, on))))
    parts = [entries[first : first + SLICE_RECORDS] for first in range(0, count, SLICE_RECORDS)]
    _each(spent, "encode", lambda part: rows.encode(batch, part), parts)
    return {step: seconds / count * 1e6 for step, seconds in spent.items()}


def _slices(found: list[Any], on: date) -> Iterable[Slice]:
    seed = Seed(seed_id="bench", drawn_for=on, seed=b"0" * 32)
    incoming = Incoming(
        message_id=1, sender_id=1, digest="0" * 64, received_at=datetime.now(UTC), legal_day=on, seed=seed
    )
    source = iter(found)
    while held := tuple(islice(source, SLICE_RECORDS)):
        yield Slice(incoming=incoming, pieces=held, are_bodies_kept=True)


def _each(
    spent: dict[str, float], step: str, function: Callable[[Item], Outcome], items: Iterable[Item]
) -> list[Outcome]:
    items = list(items)
    for item in items[:50]:  # what is compiled or loaded once is not counted
        function(item)
    return _timed(spent, step, lambda: [function(item) for item in items])


def _timed(spent: dict[str, float], step: str, function: Callable[[], Outcome]) -> Outcome:
    began = time.process_time()
    outcome = function()
    spent[step] = time.process_time() - began
    return outcome
