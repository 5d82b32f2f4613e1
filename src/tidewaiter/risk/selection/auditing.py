"""Auditing a day's draws from what was published alone: the seed, and for each decision what was drawn and what followed.

An auditor needs this file's records and the commitment that was published before the day; no database, and nobody's word.
What is proved: that the seed is the one committed to, that every draw falls as told, that rates, odds, propensity, what is
mandatory and the lane follow from the reasons told under the policy told. What is only told: that these reasons held of
the parcel, its office, status and scores (`workflow.draw_proofs` proves these where the decisions are kept), and what
examinations came to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from msgspec import Struct

from tidewaiter.model.decision import CAME_TO_NOTHING, State
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.judgement import LOOKED_AT, Lane
from tidewaiter.risk.chance import Chance
from tidewaiter.risk.facts import Score
from tidewaiter.risk.policy import EXAMINED_WITHIN_DAYS, Policy, read_policy
from tidewaiter.risk.selection.at_once import propensity_of, random_share, selected
from tidewaiter.risk.selection.draw_records import DayOfDraws, DrawRecord, Followed, PolicyTold

PROBLEMS_MAX: Final = 1000  # told in words; more are only counted
_LET_GO: Final = frozenset((State.RELEASED.value, State.CLEARED.value))
_CAME_TO_NOTHING: Final = frozenset(state.value for state in CAME_TO_NOTHING)


class Sample(Struct, frozen=True, kw_only=True):
    """What became of the parcels that were drawn. `skipped` were let go, or wait beyond the time limit, unexamined."""

    drawn: int = 0
    examined: int = 0
    waiting: int = 0
    not_arrived: int = 0
    withdrawn: int = 0
    skipped: int = 0


class Audit(Struct, frozen=True, kw_only=True):
    """How many decisions and draws were made again, and what is wrong, in words; `wrong` counts all of it.

    `reasoned` are the decisions whose odds and lane were found again from reasons and policy; `waits` tells in words which
    drawn parcels were not examined yet. `sample` is None where it is not told what became of them.
    """

    decisions: int
    draws: int
    selected: int
    reasoned: int
    wrong: int
    problems: tuple[str, ...]
    sample: Sample | None = None
    waits: tuple[str, ...] = ()


def audit(day: DayOfDraws, records: Iterable[DrawRecord | PolicyTold], published: str = "") -> Audit:
    """Make every draw of a day again. `published` is the commitment as the auditor knows it, in hexadecimal."""
    tally = _Tally(day)
    for words in _of_day(day, published):
        tally.wrong("", words)
    for each in records:
        if isinstance(each, PolicyTold):
            tally.read(each)
        else:
            tally.take(each)
    if tally.decisions != day.decisions:
        tally.wrong("", f"{day.decisions} decisions were made that day, {tally.decisions} are told")
    return tally.audited()


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


@dataclass
class _Tally:
    """What was counted and found of a day so far."""

    day: DayOfDraws
    decisions: int = 0
    draws: int = 0
    selected: int = 0
    reasoned: int = 0
    count: int = 0
    problems: list[str] = field(default_factory=list)
    policies: dict[str, Policy] = field(default_factory=dict)
    seen: set[tuple[int, int]] = field(default_factory=set)
    drawn: dict[int, DrawRecord] = field(default_factory=dict)  # the last version of each declaration that was drawn

    def wrong(self, where: str, words: str) -> None:
        self.count += 1
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(f"{where}: {words}" if where else words)

    def read(self, told: PolicyTold) -> None:
        """Take a policy for what it is told to be, where its text has the digest."""
        where = f"policy {told.digest[:12]}"
        if hashlib.sha256(told.text.encode()).hexdigest() != told.digest:
            self.wrong(where, "its text has another digest")
            return
        try:
            self.policies[told.digest] = read_policy(told.text.encode(), where)
        except TidewaiterError as error:
            self.wrong(where, f"it cannot be read: {error.detail}")

    def take(self, each: DrawRecord) -> None:
        try:
            seed = bytes.fromhex(self.day.seed)
        except ValueError:
            seed = b""
        self.decisions += 1
        self.draws += 1 + len(each.odds)
        self.selected += each.is_selected
        where = _where(each)
        chance, policy = Chance(seed, self.day.seed_id, each.key), self.policies.get(each.policy_digest)
        for words in _of_record(each, chance, policy):
            self.wrong(where, words)
        self.reasoned += policy is not None
        if (each.declaration_id, each.version) in self.seen:
            self.wrong(where, "it is told twice")
        self.seen.add((each.declaration_id, each.version))
        if each.is_drawn:
            self.drawn[each.declaration_id] = each

    def audited(self) -> Audit:
        sample, waits = self._followed() if self.day.told_at is not None else (None, [])
        return Audit(
            decisions=self.decisions,
            draws=self.draws,
            selected=self.selected,
            reasoned=self.reasoned,
            wrong=self.count,
            problems=tuple(self.problems),
            sample=sample,
            waits=tuple(waits),
        )

    def _followed(self) -> tuple[Sample, list[str]]:
        """What became of the parcels that were drawn; what was passed over in silence is wrong."""
        counts = dict.fromkeys(("examined", "waiting", "not_arrived", "withdrawn", "skipped"), 0)
        waits: list[str] = []
        assert self.day.told_at is not None
        for each in self.drawn.values():
            policy = self.policies.get(each.policy_digest)
            limit = policy.examined_within_days if policy is not None else EXAMINED_WITHIN_DAYS
            kind, words = _became(each.followed, self.day.told_at, limit)
            counts[kind] += 1
            if kind == "skipped":
                self.wrong(_where(each), words)
            elif words and len(waits) < PROBLEMS_MAX:
                waits.append(f"{_where(each)}: {words}")
        return Sample(drawn=len(self.drawn), **counts), waits


def _where(each: DrawRecord) -> str:
    return f"declaration {each.declaration_id}, version {each.version}"


def _became(followed: Followed | None, at: datetime, limit: int) -> tuple[str, str]:
    """What became of a drawn parcel: the count it belongs to, and the words that are to be told of it."""
    if followed is None:
        return "skipped", "it was drawn, and what became of it is not told"
    if followed.examined_at is not None:
        return "examined", ""
    age = max((at - followed.since).days, 0)
    if followed.state in _CAME_TO_NOTHING:
        return "withdrawn", f"it was drawn, and {followed.state} before it was examined"
    if followed.state in _LET_GO:
        return "skipped", f"it was drawn, and was {followed.state} with no examination recorded ({age} days ago)"
    if not followed.is_arrived:
        return "not_arrived", f"it was drawn, and has not arrived ({age} days after it was lodged)"
    if age > limit:
        return "skipped", f"it was drawn, and was not examined in {age} days; the limit is {limit}"
    return "waiting", f"it was drawn, and waits to be examined, {age} days of {limit}"


def _of_record(each: DrawRecord, chance: Chance, policy: Policy | None) -> Iterator[str]:
    try:
        draw = chance.drawn("", Decimal(each.selection_share))
        made = [chance.drawn(odds.reason_id, Decimal(odds.draw.selection_share)) for odds in each.odds]
        is_below = Decimal(each.propensity) < Decimal(each.selection_share)
    except (InvalidOperation, ValueError) as error:
        yield f"a share is no number between 0 and 1: {error}"
        return
    if is_below:
        yield "its propensity is below its share"
    if (draw.share, draw.is_selected) != (each.share, each.is_selected):
        yield f"the draw comes to {draw.share[:10]}, not {each.share[:10]}"
    for odds, again in zip(each.odds, made, strict=True):
        if again != odds.draw:
            yield f"the draw for {odds.reason_id} comes to {again.share[:10]}, not {odds.draw.share[:10]}"
    if propensity_of(each.odds, Decimal(each.selection_share), is_mandatory=each.is_mandatory) != each.propensity:
        yield f"its propensity is not {each.propensity}"
    looked_at = {lane.value for lane in LOOKED_AT}
    wanted = each.is_mandatory or each.is_drawn
    if wanted and each.lane not in looked_at and each.lane != Lane.BLUE.value:
        yield "it was drawn, and was not sent to be looked at"
    if not wanted and each.lane in looked_at:
        yield "it was sent to be looked at, and nothing that is told says why"
    if policy is not None:
        yield from _of_reasons(each, chance, policy)


def _of_reasons(each: DrawRecord, chance: Chance, policy: Policy) -> Iterator[str]:
    """What does not follow from the reasons told, under the policy told."""
    share = random_share(policy, each.circle)
    draw = chance.drawn("", share)
    if draw.selection_share != each.selection_share:
        yield f"the policy draws a share of {draw.selection_share} by chance, not {each.selection_share}"
    scores = [
        Score(name=told.name, model_digest="", probability=told.probability, expected=told.expected)
        for told in each.scores
    ]
    reasons, selection = selected([told.reason for told in each.pointed], scores, policy, chance, each.circle)
    odds = selection.odds if selection is not None else ()
    is_mandatory = selection is not None and selection.is_mandatory
    if odds != each.odds:
        names = ", ".join(sorted({o.reason_id for o in {*odds} ^ {*each.odds}}))
        yield f"the odds of {names} do not follow from the reasons told and the policy"
    if is_mandatory != each.is_mandatory:
        yield f"the reasons told {'make' if is_mandatory else 'do not make'} it mandatory"
    lanes = [reason.lane for reason in reasons if not reason.is_lifted]
    lanes += [policy.selection_lane] if draw.is_selected else []
    lane = max(lanes, key=lambda found: found.rank, default=Lane.GREEN)
    if lane.value != each.lane:
        yield f"the reasons told come to the {lane.value} lane, not {each.lane}"
