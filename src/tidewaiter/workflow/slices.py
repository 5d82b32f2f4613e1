"""Slices of a message decided as if each record stood alone, in this process or in a worker."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.workflow.batching import Slice, Tally, Tallying, batch_of, new_entry
from tidewaiter.workflow.budgets import Tab
from tidewaiter.workflow.claims import declarations_wanted, together
from tidewaiter.workflow.deciding import Looking, decide_read, read_piece
from tidewaiter.workflow.happenings import Heard
from tidewaiter.workflow.history import Teller
from tidewaiter.workflow.pieces import Piece
from tidewaiter.workflow.records import Batch, EncodedBatch, Entry, Incoming, Sought, Wanted
from tidewaiter.workflow.shelf import Contents, Shelf, Shelved

Encode = Callable[[Batch, Iterable[Entry]], EncodedBatch]
COLLECT_EVERY = 32  # slices between two garbage collections in a worker


class Telling(Struct, frozen=True):
    """Records of which it is to be told what happened, before they are decided."""

    incoming: Incoming
    pieces: tuple[Piece, ...]


class Result(Struct, frozen=True):
    """One slice, decided: ready to be written unless a record's decision depends on what was decided before."""

    encoded: EncodedBatch | None
    sought: Sought = Sought()
    tally: Tally | None = None
    rejected: tuple[int, ...] = ()  # positions
    contents: dict[str, tuple[str, bytes]] = {}  # law and lists that this worker used for the first time


class _SpeaksOfAnother(Exception):  # or depends on what others said or brought in before; seen by nobody
    pass


def decide_slice(part: Slice, shelf: Shelf, encode: Encode) -> Result:
    """The records of a slice decided one by one and encoded; none is held longer than that takes."""
    tallying = Tallying()
    references: dict[str, None] = {}
    parcel_keys: dict[int, None] = {}
    claimed: list[Wanted | None] = []
    rejected: list[int] = []
    tab = Tab(part.counted) if part.counted is not None else None

    def entries() -> Iterator[Entry]:
        for place, (piece, declaration_id) in enumerate(zip(part.pieces, part.declaration_ids, strict=True)):
            read = read_piece(piece, part.incoming, shelf, is_proven=bool(part.is_proven and part.is_proven[place]))
            looking = Looking(facts=part.facts(piece.position), tab=tab)
            decided = decide_read(piece, read, part.incoming, shelf, looking)
            if tab is not None and decided.worked is not None:
                tab.add(decided.worked)
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
            if decided.standing is None:
                rejected.append(piece.position)
            entry = new_entry(decided, declaration_id)
            tallying.add(entry)
            yield entry

    try:
        encoded = encode(batch_of(part), entries())
    except _SpeaksOfAnother:
        return Result(None)
    sought = Sought(tuple(references), tuple(parcel_keys), tuple(together(claimed)))
    return Result(encoded, sought, tallying.tally(), tuple(rejected))


def decider(shelf: Shelved, encode: Encode, secret: bytes) -> Callable[[Slice | Telling], Result | Heard]:
    """What a worker process does with each slice: tell what happened by its records, or decide them.

    A tariff is fetched once, when the first decision rests on it; `secret` is what keys of people are made under.
    """
    contents: dict[str, tuple[str, bytes]] = {}

    def keep(loaded: Contents) -> None:
        contents.update(loaded)

    at_hand = shelf.taken(keep)
    teller = Teller(at_hand, secret)
    done = 0
    # Records hold no cycles, so collecting at every few hundred of them only costs: a third of all time.
    gc.freeze()
    gc.disable()

    def handle(part: Slice | Telling) -> Result | Heard:
        nonlocal done
        done += 1
        if done % COLLECT_EVERY == 0:
            gc.collect()
        if isinstance(part, Telling):
            return teller.heard(part.pieces, part.incoming)
        result = decide_slice(part, at_hand, encode)
        if contents:
            result = replace(result, contents=dict(contents))
            contents.clear()
        return result

    return handle
