"""Two versions of a rule set compared: which rules came, went and changed, and which parcels' lanes change over a period."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct

from tidewaiter.model.judgement import Lane
from tidewaiter.risk.rules import RuleSet
from tidewaiter.risk.rules.files import write_rule
from tidewaiter.workflow.backtesting import spread
from tidewaiter.workflow.crew import workers_wanted
from tidewaiter.workflow.trying import Candidate, DecidedBlock, Period, TriedStore, Trier

PARCELS_MAX: Final = 1_000  # that are listed; more are counted only


class RuleChange(Struct, frozen=True):
    """One rule that differs: its id, "added", "removed" or "changed", and its canonical lines with - and + before them."""

    rule_id: str
    what: str
    lines: tuple[str, ...]


class LaneChange(Struct, frozen=True):
    """A parcel that comes to another lane, with the rules of each version that hit it."""

    declaration_id: int
    before: Lane
    after: Lane
    rules_before: tuple[str, ...]
    rules_after: tuple[str, ...]


class LanesCompared(Struct, frozen=True):
    """Over a period: how many decisions, how many by lane under either version, and parcels whose lane differs."""

    decided: int
    unread: int
    moved: tuple[tuple[Lane, Lane, int], ...]
    changed: int
    parcels: tuple[LaneChange, ...]


class Pair(Struct, frozen=True):
    """Two versions, over a period."""

    before: Candidate
    after: Candidate
    period: Period


def rules_compared(before: RuleSet, after: RuleSet) -> tuple[RuleChange, ...]:
    """The rules that differ, in the order of the newer version, those that went at the end."""
    old = {rule.rule_id: write_rule(rule).splitlines() for rule in before.rules}
    found = []
    for rule in after.rules:
        lines, was = write_rule(rule).splitlines(), old.pop(rule.rule_id, None)
        if was is None:
            found.append(RuleChange(rule.rule_id, "added", tuple(f"+ {line}" for line in lines)))
        elif was != lines:
            told = tuple(line for line in difflib.ndiff(was, lines) if not line.startswith("?"))
            found.append(RuleChange(rule.rule_id, "changed", told))
    gone = [RuleChange(rule_id, "removed", tuple(f"- {line}" for line in lines)) for rule_id, lines in old.items()]
    return (*found, *gone)


@dataclass
class Tally:
    """Counts of some decisions."""

    decided: int = 0
    unread: int = 0
    moved: Counter[tuple[Lane, Lane]] = field(default_factory=Counter)
    parcels: list[LaneChange] = field(default_factory=list)


def lanes_compared(
    store: TriedStore, pair: Pair, *, workers: int | None = None, on_progress: Callable[[int], None] | None = None
) -> LanesCompared:
    """Run both versions over a period. Raises RuleError."""
    total = Tally()
    for part in spread(store, pair.period, (store, pair), handler, workers or workers_wanted()):
        total.decided += part.decided
        total.unread += part.unread
        total.moved.update(part.moved)
        total.parcels += part.parcels[: max(0, PARCELS_MAX - len(total.parcels))]
        if on_progress is not None:
            on_progress(total.decided)
    ordered = sorted(total.moved.items(), key=lambda each: (each[0][0].rank, each[0][1].rank))
    return LanesCompared(
        decided=total.decided,
        unread=total.unread,
        moved=tuple((before, after, count) for (before, after), count in ordered),
        changed=sum(count for (before, after), count in ordered if before is not after),
        parcels=tuple(total.parcels),
    )


def handler(store: TriedStore, pair: Pair) -> Callable[[DecidedBlock], Tally]:
    """What a worker process does with each block."""
    trier = Trier(store)
    return lambda part: _tally(trier, pair, part)


def _tally(trier: Trier, pair: Pair, part: DecidedBlock) -> Tally:
    tally = Tally(decided=len(part.places), unread=len(part.places))
    for decided in trier.decisions(part):
        before, after = trier.tried(pair.before, decided), trier.tried(pair.after, decided)
        if before is None or after is None:
            continue
        tally.unread -= 1
        tally.moved[before.lane, after.lane] += 1
        if before.lane is not after.lane and len(tally.parcels) < PARCELS_MAX:
            old, new = (tuple(hit.rule.rule_id for hit in each.hits) for each in (before, after))
            tally.parcels.append(LaneChange(decided.declaration_id, before.lane, after.lane, old, new))
    return tally
