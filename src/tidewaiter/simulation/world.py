"""The stream of parcels, day by day, each with what is true of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

from msgspec import Struct

from tidewaiter.model.declaration import Declaration
from tidewaiter.simulation.actors import Actor, actors
from tidewaiter.simulation.chance import MILLION, Chance
from tidewaiter.simulation.drafting import Draft, Drafting, Moment
from tidewaiter.simulation.parameters import Kind, Parameters
from tidewaiter.simulation.schemes import Deed, draft_of, split

TRUTH_COLUMNS = (
    "parcel", "day", "week", "scheme", "actor", "phase", "order", "channel", "true_value", "evaded", "true_goods", "true_origin",
)  # fmt: skip


class Truth(Struct, frozen=True):
    """What is wrong with a parcel, and who is behind it. Amounts are cents of EUR."""

    parcel: str
    day: date
    week: int
    scheme: Kind
    actor: str
    phase: int
    order: str
    channel: str
    true_cents: int
    evaded_cents: int
    true_goods: str
    true_origin: str

    def row(self) -> tuple[str, ...]:
        """As a row under TRUTH_COLUMNS; amounts in euros with two decimals."""
        return (
            self.parcel, self.day.isoformat(), str(self.week), self.scheme, self.actor, str(self.phase), self.order, self.channel,
            _euros(self.true_cents), _euros(self.evaded_cents), self.true_goods, self.true_origin,
        )  # fmt: skip


class Parcel(Struct, frozen=True):
    """A declaration, its channel, and its truth: None where nothing is wrong."""

    declaration: Declaration
    channel: str
    truth: Truth | None


class Size(Struct, frozen=True):
    """What of a world is made: the seed, whole weeks, parcels in all."""

    seed: int
    weeks: int
    parcels: int


class _Wrong(Struct, frozen=True):
    """A wrong parcel that waits for its day."""

    draft: Draft
    actor: Actor
    order: str


class World:
    """All parcels of one world. Iterate `days` once, in order."""

    def __init__(self, size: Size, parameters: Parameters, *, is_noisy: bool) -> None:
        self.size = size
        self.parameters = parameters
        self.is_noisy = is_noisy
        self._drafting = Drafting(size.seed, parameters, is_noisy=is_noisy)
        self._actors = actors(size.seed, parameters, size.weeks)
        self._channels = tuple(sorted(parameters.channels))
        self._shares = tuple(parameters.channels[name].share for name in self._channels)

    def days(self) -> Iterator[tuple[date, Iterator[Parcel]]]:
        """Each day with its parcels; take a day's parcels before the next day."""
        waiting: dict[date, list[_Wrong]] = defaultdict(list)
        number = 0
        for day, count in self._counts():
            moment = Moment(day, (day - self.parameters.first_day).days // 7)
            yield day, self._day(moment, range(number + 1, number + count + 1), waiting)
            number += count

    def _counts(self) -> list[tuple[date, int]]:
        """How many parcels come on each day, by the weights of the months; they sum to the parcels asked for."""
        days = [self.parameters.first_day + timedelta(days=n) for n in range(self.size.weeks * 7)]
        weights = [self.parameters.months[day.month - 1] for day in days]
        total, so_far, given = sum(weights), 0, 0
        counts = []
        for day, weight in zip(days, weights, strict=True):
            so_far += weight
            upto = self.size.parcels * so_far // total
            counts.append((day, upto - given))
            given = upto
        return counts

    def _day(self, moment: Moment, numbers: range, waiting: dict[date, list[_Wrong]]) -> Iterator[Parcel]:
        at_work = self._at_work(moment.week)
        due = waiting.pop(moment.day, [])
        late = len(due) - len(numbers)
        if late > 0:  # more parcels of split orders than the day holds: the last ones come a day later
            waiting[moment.day + timedelta(days=1)] = due[-late:]
            due = due[:-late]
        for number in numbers:
            chance = Chance(self.size.seed, "parcel", number)
            wrong = due.pop() if due else self._drawn(chance, moment, at_work, number, waiting)
            if isinstance(wrong, Draft):
                draft, truth = wrong, None
            else:
                draft, truth = wrong.draft, self._truth(wrong, moment, number)
            yield Parcel(self._drafting.declared(draft, chance, moment, number), draft.channel, truth)

    def _at_work(self, week: int) -> dict[Kind, list[Actor]]:
        found: dict[Kind, list[Actor]] = defaultdict(list)
        for actor in self._actors:
            if actor.begins <= week <= actor.ends and self.parameters.schemes[actor.kind].share:
                found[actor.kind].append(actor)
        return found

    def _drawn(
        self,
        chance: Chance,
        moment: Moment,
        at_work: dict[Kind, list[Actor]],
        number: int,
        waiting: dict[date, list[_Wrong]],
    ) -> Draft | _Wrong:
        channel = self._channels[chance.weighed(self._shares)]
        weights = self._weights(at_work)
        if not weights or not chance.happens(self._wrong(channel, weights)):
            return self._drafting.honest(chance, moment, channel)
        kinds = list(weights)
        actor = chance.one_of(at_work[kinds[chance.weighed(list(weights.values()))]])
        deed = Deed(actor, self.size.seed, moment, channel, chance)
        if actor.kind is not Kind.SPLITTING:
            return _Wrong(draft_of(self._drafting, deed), actor, "")
        order = f"S{number:09d}"
        parcels = split(self._drafting, deed, order)
        for days, draft in parcels[1:]:
            waiting[moment.day + timedelta(days=max(1, days))].append(_Wrong(draft, actor, order))
        return _Wrong(parcels[0][1], actor, order)

    def _weights(self, at_work: dict[Kind, list[Actor]]) -> dict[Kind, int]:
        """How likely a draw begins each scheme: an order that is split brings three and a half parcels on average."""
        shares = {kind: self.parameters.schemes[kind].share for kind in at_work}
        return {kind: share * (2 if kind is Kind.SPLITTING else 7) for kind, share in shares.items()}

    def _wrong(self, channel: str, weights: dict[Kind, int]) -> int:
        """How many of a million draws begin something wrong, such that of the parcels the channel's share is."""
        violative = self.parameters.channels[channel].violative
        total, split_orders = sum(weights.values()), weights.get(Kind.SPLITTING, 0)
        # Of W draws, w = split orders bring 2.5 w parcels more: q W / (W + 2.5 w (1 - v)) with v the share wanted.
        whole = 2 * total * MILLION
        return violative * whole // (whole + 5 * split_orders * (MILLION - violative))

    def _truth(self, wrong: _Wrong, moment: Moment, number: int) -> Truth:
        draft = wrong.draft
        return Truth(
            parcel=f"SW{number:09d}",
            day=moment.day,
            week=moment.week,
            scheme=wrong.actor.kind,
            actor=wrong.actor.actor_id,
            phase=wrong.actor.phase(moment.week),
            order=wrong.order,
            channel=draft.channel,
            true_cents=draft.true_cents or sum(line.cents for line in draft.lines),
            evaded_cents=self._drafting.evaded(draft),
            true_goods=draft.true_goods,
            true_origin=draft.true_origin,
        )


def _euros(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
