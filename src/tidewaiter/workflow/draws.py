"""Draws in the open: seeds committed to days ahead and shown once their day is over, and what was drawn, to be audited."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final, Protocol

import msgspec

from tidewaiter.model.decision import Evaluation
from tidewaiter.model.errors import NotFoundError, TidewaiterError, TransitionError
from tidewaiter.risk.selection.auditing import Audit, DayOfDraws, DrawRecord, audit, record_of
from tidewaiter.workflow.evidence import Block
from tidewaiter.workflow.records import Commitment, Seed

DAYS_AHEAD: Final = 7
BLOCKS_AT_ONCE: Final = 16
_EVALUATION = msgspec.json.Decoder(Evaluation)
_LINE = msgspec.json.Decoder(DayOfDraws | DrawRecord)


class DrawFileError(TidewaiterError):
    """A file of draws that cannot be read; the place is its line."""

    code = "draws.file"


class Seeds(Protocol):
    """Where the seeds of days are kept."""

    def seed(self, on: date, proposal: bytes) -> Seed:
        """The seed of a day; `proposal` (32 bytes of chance) becomes it when there is none yet."""

    def commitments(self, before: date, limit: int) -> list[Commitment]:
        """The days' commitments, the latest first; the seeds of those before a day with them."""


class Draws(Seeds, Protocol):
    """What is needed to tell what was drawn."""

    def blocks(self, after: int, limit: int) -> list[Block]:
        """Blocks of evidence with a larger number, in order."""


def commit_ahead(store: Seeds, today: date) -> Seed:
    """Commit to the seeds of the days that come, and give today's."""
    for days in range(1, DAYS_AHEAD + 1):
        store.seed(today + timedelta(days), secrets.token_bytes(32))
    return store.seed(today, secrets.token_bytes(32))


def exported(store: Draws, day: date, today: date) -> Iterator[DayOfDraws | DrawRecord]:
    """What was drawn on a day that is over: its seed first, then every decision by it, in order.

    Raises TransitionError where the day is not over, NotFoundError where no seed is kept for it.
    """
    if day >= today:
        raise TransitionError(f"{day} is not over: its seed is shown from the next day on", hint="ask tomorrow (UTC)")
    found = next((each for each in store.commitments(today, 10_000) if each.drawn_for == day), None)
    if found is None:
        raise NotFoundError(f"nothing was drawn on {day}")
    records = list(_records(store, found.seed_id))
    yield DayOfDraws(
        seed_id=found.seed_id,
        drawn_for=found.drawn_for,
        seed=found.seed,
        commitment=found.commitment,
        committed_at=found.committed_at,
        decisions=len(records),
    )
    yield from records


def read_draws(lines: Iterator[bytes]) -> tuple[DayOfDraws, Iterator[DrawRecord]]:
    """An exported day. Raises DrawFileError with the line that is none of its records."""
    numbered = enumerate(lines, 1)

    def read() -> Iterator[DayOfDraws | DrawRecord]:
        for number, line in numbered:
            try:
                yield _LINE.decode(line)
            except msgspec.MsgspecError as error:
                raise DrawFileError(
                    f"it is no record of a draw: {error}", hint="tidewaiter risk export-draws writes such files",
                    place=f"line {number}",
                ) from error  # fmt: skip

    records = read()
    day = next(records, None)
    if not isinstance(day, DayOfDraws):
        raise DrawFileError("it does not begin with the day and its seed", place="line 1")

    def rest() -> Iterator[DrawRecord]:
        for each in records:
            if isinstance(each, DayOfDraws):
                raise DrawFileError("a second day begins here", hint="audit one day at a time")
            yield each

    return day, rest()


def audit_day(store: Draws, day: date, today: date) -> Audit:
    """Audit a day from what is kept here."""
    records = exported(store, day, today)
    first = next(records)
    assert isinstance(first, DayOfDraws)
    return audit(first, (each for each in records if isinstance(each, DrawRecord)))


def _records(store: Draws, seed_id: str) -> Iterator[DrawRecord]:
    after = 0
    while blocks := store.blocks(after, BLOCKS_AT_ONCE):
        for block in blocks:
            after = block.block_id
            for kept in block.kept:
                if kept.seed_id != seed_id:
                    continue
                judgement = _EVALUATION.decode(kept.evaluation).judgement
                if judgement is not None:
                    yield record_of(kept.declaration_id, kept.version, judgement)
