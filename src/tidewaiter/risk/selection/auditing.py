"""Auditing a day's draws from what was published alone: the seed, and for each decision what was drawn and what followed.

An auditor needs this file's records and the commitment that was published before the day; no database, and nobody's word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from msgspec import Struct

from tidewaiter.model.judgement import Judgement, Lane, Odds
from tidewaiter.risk.chance import Chance
from tidewaiter.risk.selection.at_once import LOOKED_AT, propensity_of

PROBLEMS_MAX: Final = 1000  # told in words; more are only counted


class DayOfDraws(Struct, frozen=True, kw_only=True, tag="day"):
    """The first record: whose day, the seed in hexadecimal, what was published before, how many decisions follow."""

    seed_id: str
    drawn_for: date
    seed: str
    commitment: str
    committed_at: datetime
    decisions: int


class DrawRecord(Struct, frozen=True, kw_only=True, tag="decision"):
    """What was drawn for one version of one declaration. `lane` is "" where it was not judged."""

    declaration_id: int
    version: int
    key: str
    share: str
    selection_share: str
    is_selected: bool
    lane: str
    propensity: str
    is_mandatory: bool = False
    odds: tuple[Odds, ...] = ()


class Audit(Struct, frozen=True):
    """How many decisions and draws were made again, and what is wrong, in words; `wrong` counts all of it."""

    decisions: int
    draws: int
    selected: int
    wrong: int
    problems: tuple[str, ...]


def record_of(declaration_id: int, version: int, judgement: Judgement) -> DrawRecord:
    """The record of one judgement."""
    draw, selection = judgement.draw, judgement.selection
    return DrawRecord(
        declaration_id=declaration_id,
        version=version,
        key=draw.key,
        share=draw.share,
        selection_share=draw.selection_share,
        is_selected=draw.is_selected,
        lane=judgement.lane.value,
        propensity=judgement.propensity,
        is_mandatory=selection is not None and selection.is_mandatory,
        odds=selection.odds if selection is not None else (),
    )


def audit(day: DayOfDraws, records: Iterable[DrawRecord], published: str = "") -> Audit:
    """Make every draw of a day again. `published` is the commitment as the auditor knows it, in hexadecimal."""
    told = _of_day(day, published)
    wrong, decisions, draws, selected = len(told), 0, 0, 0
    try:
        seed = bytes.fromhex(day.seed)
    except ValueError:
        seed = b""
    seen: set[tuple[int, int]] = set()
    for each in records:
        decisions += 1
        draws += 1 + len(each.odds)
        selected += each.is_selected
        found = list(_of_record(each, Chance(seed, day.seed_id, each.key)))
        if (each.declaration_id, each.version) in seen:
            found.append("it is told twice")
        seen.add((each.declaration_id, each.version))
        wrong += len(found)
        where = f"declaration {each.declaration_id}, version {each.version}"
        told += [f"{where}: {words}" for words in found[: max(PROBLEMS_MAX - len(told), 0)]]
    if decisions != day.decisions:
        wrong += 1
        told.append(f"{day.decisions} decisions were made that day, {decisions} are told")
    return Audit(decisions, draws, selected, wrong, tuple(told))


def _of_day(day: DayOfDraws, published: str) -> list[str]:
    told = []
    try:
        digest = hashlib.sha256(bytes.fromhex(day.seed)).hexdigest()
    except ValueError:
        return [f"the seed of {day.seed_id} is not hexadecimal"]
    if digest != day.commitment.lower():
        told.append(f"the seed of {day.seed_id} is not the one that was committed to")
    if published and published.lower() != day.commitment.lower():
        told.append(f"the commitment of {day.seed_id} is not the one that was published")
    if day.committed_at >= datetime(day.drawn_for.year, day.drawn_for.month, day.drawn_for.day, tzinfo=UTC):
        told.append(
            f"the seed of {day.seed_id} was committed to on {day.committed_at:%Y-%m-%d %H:%M}, not before the day"
        )
    return told


def _of_record(each: DrawRecord, chance: Chance) -> list[str]:
    told = []
    try:
        draw = chance.drawn("", Decimal(each.selection_share))
        made = [chance.drawn(odds.reason_id, Decimal(odds.draw.selection_share)) for odds in each.odds]
        told += (
            [] if Decimal(each.propensity) >= Decimal(each.selection_share) else ["its propensity is below its share"]
        )
    except (InvalidOperation, ValueError) as error:
        return [f"a share is no number between 0 and 1: {error}"]
    if (draw.share, draw.is_selected) != (each.share, each.is_selected):
        told.append(f"the draw comes to {draw.share[:10]}, not {each.share[:10]}")
    for odds, again in zip(each.odds, made, strict=True):
        if again != odds.draw:
            told.append(f"the draw for {odds.reason_id} comes to {again.share[:10]}, not {odds.draw.share[:10]}")
    if propensity_of(each.odds, Decimal(each.selection_share), is_mandatory=each.is_mandatory) != each.propensity:
        told.append(f"its propensity is not {each.propensity}")
    looked_at = {lane.value for lane in LOOKED_AT}
    wanted = each.is_mandatory or each.is_selected or any(o.draw.is_selected and o.lane in LOOKED_AT for o in each.odds)
    if wanted and each.lane not in looked_at and each.lane != Lane.BLUE.value:
        told.append("it was drawn, and was not sent to be looked at")
    if not wanted and each.lane in looked_at:
        told.append("it was sent to be looked at, and nothing that is told says why")
    return told
