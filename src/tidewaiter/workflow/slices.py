"""Slices of a message decided as if each record stood alone, in this process or in a worker."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct

from tidewaiter.workflow.batching import Slice, Tally, Tallying, batch_of, new_entry
from tidewaiter.workflow.claims import declarations_wanted, together
from tidewaiter.workflow.deciding import decide_piece
from tidewaiter.workflow.records import Batch, EncodedBatch, Entry, Sought, Wanted
from tidewaiter.workflow.shelf import Contents, Shelf, Shelved

Encode = Callable[[Batch, Iterable[Entry]], EncodedBatch]
COLLECT_EVERY = 32  # slices between two garbage collections in a worker


class Result(Struct, frozen=True):
    """One slice, decided: ready to be written unless a record's decision depends on what was decided before."""

    encoded: EncodedBatch | None
    sought: Sought = Sought()
    tally: Tally | None = None
    contents: dict[str, tuple[str, bytes]] = {}  # law and lists that this worker used for the first time


class _SpeaksOfAnother(Exception):  # or depends on what others said or brought in before; seen by nobody
    pass


def decide_slice(part: Slice, shelf: Shelf, encode: Encode) -> Result:
    """The records of a slice decided one by one and encoded; none is held longer than that takes."""
    tallying = Tallying()
    references: dict[str, None] = {}
    parcel_keys: dict[int, None] = {}
    claimed: list[Wanted | None] = []

    def entries() -> Iterator[Entry]:
        for piece, declaration_id in zip(part.pieces, part.declaration_ids, strict=True):
            decided = decide_piece(piece, part.incoming, shelf)
            reference, key = decided.reference, decided.parcel_key
            if not decided.stands_alone or reference in references or key in parcel_keys:
                raise _SpeaksOfAnother
            if reference:
                references[reference] = None
            if key is not None:
                parcel_keys[key] = None
            if decided.claim is not None and decided.standing is not None and decided.declaration is not None:
                assert decided.regime is not None
                claimed.append(declarations_wanted(decided.declaration, decided.regime))
            entry = new_entry(decided, declaration_id)
            tallying.add(entry)
            yield entry

    try:
        encoded = encode(batch_of(part), entries())
    except _SpeaksOfAnother:
        return Result(None)
    sought = Sought(tuple(references), tuple(parcel_keys), tuple(together(claimed)))
    return Result(encoded, sought, tallying.tally())


def decider(shelf: Shelved, encode: Encode) -> Callable[[Slice], Result]:
    """What a worker process does with each slice; a tariff is fetched once, when the first decision rests on it."""
    contents: dict[str, tuple[str, bytes]] = {}

    def keep(loaded: Contents) -> None:
        contents.update(loaded)

    at_hand = shelf.taken(keep)
    done = 0
    # Records hold no cycles, so collecting at every few hundred of them only costs: a third of all time.
    gc.freeze()
    gc.disable()

    def handle(part: Slice) -> Result:
        nonlocal done
        done += 1
        if done % COLLECT_EVERY == 0:
            gc.collect()
        result = decide_slice(part, at_hand, encode)
        if contents:
            result = Result(result.encoded, result.sought, result.tally, dict(contents))
            contents.clear()
        return result

    return handle
