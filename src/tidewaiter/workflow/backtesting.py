"""Back-tests: a rule set run over the decisions of a period, with all that tells whether it is worth its work.

    ask = Ask(candidate, period)
    found = back_test(store, ask, outcomes=…)
    found.figures.hits, found.figures.rules, found.figures.offices, found.hits

Memory stays the same however long the period: blocks of evidence are gone through one after another, in worker
processes where there are many.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain, combinations, islice
from typing import Final, Protocol, TypeVar

from msgspec import Struct

from tidewaiter.model.judgement import Lane
from tidewaiter.workflow.crew import Crew, workers_wanted
from tidewaiter.workflow.rule_set_records import KeptHit
from tidewaiter.workflow.trying import Candidate, Decided, DecidedBlock, Period, Tried, TriedStore, Trier

HITS_KEPT_MAX: Final = 100_000  # parcels that are listed; more are counted only
OVERLAPS_MAX: Final = 200  # pairs that are told, those of most parcels
TOP: Final = 12  # rules of the matrix
WORK_MAX: Final = 3_000  # days of offices that are told one by one
PAIRED_MAX: Final = 60  # rules of one parcel whose pairs are counted
ALONE_BLOCKS: Final = 6  # up to here worker processes are not worth their start

Tallied = TypeVar("Tallied")


class Outcomes(Protocol):
    """What examinations found, as it is known: declaration → True where something was not in order (B1)."""

    def __call__(self, declaration_ids: Sequence[int], /) -> Mapping[int, bool]:
        """Of these declarations, those whose outcome is known."""


class RuleFigures(Struct, frozen=True, kw_only=True):
    """One rule: parcels it hit, those that nothing else points at, and of those with a known outcome how many were wrong."""

    rule_id: str
    title: str
    lane: Lane
    hits: int = 0
    alone: int = 0
    known: int = 0
    wrong: int = 0


class OfficeFigures(Struct, frozen=True, kw_only=True):
    """The work of one office of lodgement ("": none named): parcels that rules hit, over how many days, at most a day."""

    office: str
    parcels: int
    to_control: int  # of them in the yellow or red lane
    days: int
    most: int
    most_on: date


class DayFigures(Struct, frozen=True):
    """The work of one office of lodgement on one legal day: parcels that rules hit, and of them in the yellow or red lane."""

    day: date
    office: str
    parcels: int
    to_control: int


class Overlap(Struct, frozen=True):
    """Parcels that two reasons share: a rule tried, and another of the set (`is_own`) or what pointed at them then."""

    rule_id: str
    other: str
    parcels: int
    is_own: bool


class Figures(Struct, frozen=True, kw_only=True):
    """What a back-test found; counts are declarations. `moved` is by lane before and after, `by_day` at most WORK_MAX."""

    decided: int
    from_masks: int
    unread: int
    hits: int
    listed: int  # of them that are kept to be looked at
    known: int
    wrong: int
    rules: tuple[RuleFigures, ...]
    offices: tuple[OfficeFigures, ...]
    by_day: tuple[DayFigures, ...]
    moved: tuple[tuple[Lane, Lane, int], ...]
    overlaps: tuple[Overlap, ...]


class BackTest(Struct, frozen=True):
    """The figures, and the parcels that rules hit (at most HITS_KEPT_MAX), by number."""

    figures: Figures
    hits: tuple[KeptHit, ...]


class Ask(Struct, frozen=True):
    """What is to be tried, on which decisions."""

    candidate: Candidate
    period: Period


@dataclass
class Tally:
    """Counts of some decisions; added up from part to part."""

    decided: int = 0
    from_masks: int = 0
    unread: int = 0
    hit: int = 0
    rule_hits: Counter[str] = field(default_factory=Counter)
    alone: Counter[str] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str, bool]] = field(default_factory=Counter)
    work: Counter[tuple[str, date, bool]] = field(default_factory=Counter)
    moved: Counter[tuple[Lane, Lane]] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    hits: list[KeptHit] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        """Take another's counts in."""
        self.decided += other.decided
        self.from_masks += other.from_masks
        self.unread += other.unread
        self.hit += other.hit
        for name in ("rule_hits", "alone", "pairs", "work", "moved", "known", "wrong"):
            getattr(self, name).update(getattr(other, name))
        self.hits += other.hits[: max(0, HITS_KEPT_MAX - len(self.hits))]

    def learn(self, outcomes: Outcomes) -> None:
        """Count what is known of the parcels that were hit."""
        found = outcomes([hit.declaration_id for hit in self.hits])
        for hit in self.hits:
            is_wrong = found.get(hit.declaration_id)
            if is_wrong is not None:
                self.known.update((*hit.rule_ids, ""))
                self.wrong.update((*hit.rule_ids, "") if is_wrong else ())


def back_test(
    store: TriedStore,
    ask: Ask,
    *,
    outcomes: Outcomes | None = None,
    workers: int | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> BackTest:
    """Run a rule set over a period. `on_progress` is called with the decisions done so far. Raises RuleError."""
    tally = Tally()
    for part in spread(store, ask.period, (store, ask), handler, workers or workers_wanted()):
        if outcomes is not None:
            part.learn(outcomes)
        tally.add(part)
        if on_progress is not None:
            on_progress(tally.decided)
    return BackTest(_figures(tally, ask), tuple(sorted(tally.hits, key=lambda hit: hit.declaration_id)))


def spread(
    store: TriedStore,
    period: Period,
    arguments: tuple[object, ...],
    start: Callable[..., Callable[[DecidedBlock], Tallied]],
    workers: int,
) -> Iterator[Tallied]:
    """What a handler makes of each block of a period: here where they are few, else in worker processes."""
    parts = store.periods.blocks(period)
    first = list(islice(parts, ALONE_BLOCKS))
    following = next(parts, None)
    if following is None or workers < 2:
        handle = start(*arguments)
        yield from (handle(part) for part in chain(first, () if following is None else (following,), parts))
        return
    with Crew[DecidedBlock, Tallied](workers, start) as crew:
        crew.begin(*arguments)
        yield from (result for _, result in crew.results(chain(first, (following,), parts)))


def handler(store: TriedStore, ask: Ask) -> Callable[[DecidedBlock], Tally]:
    """What a worker process does with each block."""
    trier = Trier(store)
    return lambda part: _tally(trier, ask.candidate, part)


def _tally(trier: Trier, candidate: Candidate, part: DecidedBlock) -> Tally:
    tally = Tally(decided=len(part.places), unread=len(part.places))
    for decided in trier.decisions(part):
        tried = trier.tried(candidate, decided)
        if tried is None:
            continue
        tally.unread -= 1
        tally.from_masks += tried.is_from_masks
        lane = tried.lane
        tally.moved[decided.judgement.lane, lane] += 1
        if tried.hits:
            _count(tally, trier, decided, tried)
    return tally


def _count(tally: Tally, trier: Trier, decided: Decided, tried: Tried) -> None:
    """A parcel that rules hit."""
    rule_ids = tuple(hit.rule.rule_id for hit in tried.hits)
    others = sorted({each.reason_id for each in tried.others if not each.is_lifted})
    tally.hit += 1
    tally.rule_hits.update(rule_ids)
    if len(rule_ids) == 1 and not others:
        tally.alone[rule_ids[0]] += 1
    told = sorted(rule_ids)[:PAIRED_MAX]
    tally.pairs.update((one, other, True) for one, other in combinations(told, 2))
    tally.pairs.update((one, other, False) for one in told for other in others[:PAIRED_MAX])
    declaration = trier.declaration(decided)
    office = declaration.lodgement_office_id if declaration is not None else ""
    tally.work[office, decided.kept.legal_day, tried.lane.rank >= Lane.YELLOW.rank] += 1
    tally.hits.append(KeptHit(decided.declaration_id, decided.judgement.lane, tried.lane, rule_ids))


def _figures(tally: Tally, ask: Ask) -> Figures:
    from tidewaiter.risk.rules import rules_of

    rules = tuple(
        RuleFigures(
            rule_id=rule.rule_id,
            title=rule.title,
            lane=rule.lane,
            hits=tally.rule_hits[rule.rule_id],
            alone=tally.alone[rule.rule_id],
            known=tally.known[rule.rule_id],
            wrong=tally.wrong[rule.rule_id],
        )
        for rule in rules_of(ask.candidate.text).rules
    )
    return Figures(
        decided=tally.decided,
        from_masks=tally.from_masks,
        unread=tally.unread,
        hits=tally.hit,
        listed=len(tally.hits),
        known=tally.known[""],
        wrong=tally.wrong[""],
        rules=tuple(sorted(rules, key=lambda rule: (-rule.hits, rule.rule_id))),
        offices=_offices(tally.work),
        by_day=_by_day(tally.work),
        moved=_moved(tally.moved),
        overlaps=tuple(
            Overlap(one, other, count, is_own)
            for (one, other, is_own), count in sorted(tally.pairs.items(), key=lambda each: (-each[1], each[0]))
        )[:OVERLAPS_MAX],
    )


def _moved(moved: Mapping[tuple[Lane, Lane], int]) -> tuple[tuple[Lane, Lane, int], ...]:
    ordered = sorted(moved.items(), key=lambda each: (each[0][0].rank, each[0][1].rank))
    return tuple((before, after, count) for (before, after), count in ordered)


def _by_day(work: Mapping[tuple[str, date, bool], int]) -> tuple[DayFigures, ...]:
    """Day by day, office by office; the first WORK_MAX."""
    days = sorted({(day, office) for office, day, _ in work})[:WORK_MAX]
    found = []
    for day, office in days:
        controls, others = (work.get((office, day, is_control), 0) for is_control in (True, False))
        found.append(DayFigures(day, office, controls + others, controls))
    return tuple(found)


def _offices(work: Mapping[tuple[str, date, bool], int]) -> tuple[OfficeFigures, ...]:
    by_office: dict[str, Counter[date]] = {}
    controls: Counter[str] = Counter()
    for (office, day, is_control), count in work.items():
        by_office.setdefault(office, Counter())[day] += count
        controls[office] += count if is_control else 0
    found = []
    for office, days in by_office.items():
        most_on, most = max(days.items(), key=lambda each: (each[1], -each[0].toordinal()))
        total = days.total()
        found.append(
            OfficeFigures(
                office=office, parcels=total, to_control=controls[office], days=len(days), most=most, most_on=most_on
            )
        )
    return tuple(sorted(found, key=lambda each: (-each.parcels, each.office)))


def matrix(figures: Figures) -> tuple[tuple[str, ...], tuple[tuple[int, ...], ...]]:
    """The rules of most hits, and how many parcels each two of them share; the diagonal is the rule's own hits."""
    names = tuple(rule.rule_id for rule in figures.rules[:TOP] if rule.hits)
    own = {rule.rule_id: rule.hits for rule in figures.rules}
    shared = {frozenset((each.rule_id, each.other)): each.parcels for each in figures.overlaps if each.is_own}
    rows = tuple(
        tuple(own[one] if one == other else shared.get(frozenset((one, other)), 0) for other in names) for one in names
    )
    return names, rows


def rates(figures: Iterable[RuleFigures]) -> dict[str, str]:
    """The hit rate of each rule as text: "3 of 12", "" where no outcome is known."""
    return {each.rule_id: f"{each.wrong} of {each.known}" if each.known else "" for each in figures}
