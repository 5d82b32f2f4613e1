"""Budgets at work: what offices with a budget were sent to look at, counted as it is written and known to what follows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.declaration import Declaration
from tidewaiter.risk import PartKind
from tidewaiter.risk.budgets import NOTHING_DONE, THOUSANDTHS, Spent, Usual, Work, room_of
from tidewaiter.risk.policy import Budget, read_policy
from tidewaiter.workflow.targeting import InUse, Library, in_use

USUAL_DAYS: Final = 7  # before a day, of which an average is made
NAME_MAX: Final = 200  # characters of an office or a flight that are counted by


class Where(Struct, frozen=True, gc=False):
    """Whose work it is: an office's, on a day (UTC, of receipt), of a flight ("": none is named)."""

    day: date
    office_id: str
    flight: str = ""


class Worked(Struct, frozen=True, gc=False):
    """Work that is to be counted."""

    where: Where
    work: Work


class Counted(Struct, frozen=True):
    """What was counted of a day by office, and what is usual at each; of flights that have a limit how many are looked at."""

    day: date
    offices: Mapping[str, Work] = {}
    flights: Mapping[tuple[str, str], int] = {}  # by office and flight
    usual: Mapping[str, Usual] = {}
    parts: Mapping[str, int] = {}  # thousandths of what is left, where a slice is not decided alone


def limiting(budgets: Mapping[str, Budget]) -> list[str]:
    """The offices of which no flight may take more than so many."""
    return sorted(office_id for office_id, budget in budgets.items() if budget.flight_parcels is not None)


class Workloads(Protocol):
    """Where work is counted; `Writing` counts it."""

    def counted(self, day: date, limiting: Collection[str]) -> Counted:
        """What was counted of a day so far, and what is usual: the average of the days before that were counted.

        Flights are told of the offices `limiting` them alone: they may be as many as master documents.
        """

    def between(self, since: date, until: date) -> Sequence[Worked]:
        """Work by day, office and flight, both days included, in that order."""

    def by_office(self, since: date, until: date) -> Sequence[Worked]:
        """The same of whatever flight, by day and office: flights may be as many as master documents."""


class Tab:
    """What is counted while a slice is decided: what was there before, and what this slice adds. For one thread."""

    def __init__(self, counted: Counted) -> None:
        self._counted = counted
        self._own: dict[tuple[str, str], Work] = {}  # flight by flight
        self._own_offices: dict[str, Work] = {}

    def spent(self, where: Where) -> Spent:
        """What there is of an office's day now."""
        office_id, key = where.office_id, (where.office_id, where.flight)
        return Spent(
            work=self._counted.offices.get(office_id, NOTHING_DONE),
            own=self._own_offices.get(office_id, NOTHING_DONE),
            usual=self._counted.usual.get(office_id, Usual()),
            flight=self._counted.flights.get(key, 0) if where.flight else 0,
            own_flight=self._own.get(key, NOTHING_DONE).looked_at if where.flight else 0,
            part=self._counted.parts.get(office_id, THOUSANDTHS),
        )

    def add(self, worked: Worked) -> None:
        """Count one more of this slice."""
        where = worked.where
        key = (where.office_id, where.flight)
        self._own[key] = self._own.get(key, NOTHING_DONE) + worked.work
        self._own_offices[where.office_id] = self._own_offices.get(where.office_id, NOTHING_DONE) + worked.work


class Leases:
    """Shares out what is left of offices' days among the slices that are decided at the same time, so that together they
    have no more than there is. For one thread.
    """

    def __init__(self, budgets: Mapping[str, Budget], abreast: int) -> None:
        self._budgets = budgets
        self._abreast = abreast
        self._out: dict[int, dict[str, Decimal]] = {}

    def lend(self, number: int, counted: Counted) -> Counted:
        """What a slice has when it is sent to be decided: its part of what is not lent to others."""
        lent: dict[str, Decimal] = {}
        parts: dict[str, int] = {}
        for office_id, budget in self._budgets.items():
            room = room_of(budget, counted.offices.get(office_id, NOTHING_DONE), counted.usual.get(office_id, Usual()))
            free = room - sum(each.get(office_id, Decimal(0)) for each in self._out.values())
            parts[office_id] = self._part(room, free)
            lent[office_id] = room * parts[office_id] // THOUSANDTHS
        self._out[number] = lent
        return replace(counted, parts=parts)

    def _part(self, room: Decimal, free: Decimal) -> int:
        """Thousandths of the room: an equal part of what is free, yet a whole parcel while there is one."""
        if free < 1:
            return 0
        part = int(max(free / self._abreast, Decimal(1)) / room * THOUSANDTHS)
        if room * part < THOUSANDTHS:
            part += 1  # rounding down left less than a parcel
        return part if room * part // THOUSANDTHS <= free else 0

    def give_back(self, number: int) -> None:
        """A slice was written, and what it used is counted."""
        self._out.pop(number, None)


def where_of(declaration: Declaration, day: date) -> Where:
    """Whose work a declaration is."""
    return Where(day, _name(declaration.lodgement_office_id), _name(flight_of(declaration)))


def flight_of(declaration: Declaration) -> str:
    """The flight (or vessel, train, vehicle) that brings it, else the master document; "" where neither is named."""
    consignment = declaration.consignment
    means = (consignment.arrival_transport, consignment.border_transport)
    named = next((each.means_id for each in means if each is not None and each.means_id), "")
    return named or consignment.master_document_id


def summed(worked: Iterable[Worked]) -> tuple[Worked, ...]:
    """Work added up for each day, office and flight, in their order."""
    found: dict[Where, Work] = {}
    for each in worked:
        found[each.where] = found.get(each.where, NOTHING_DONE) + each.work
    ordered = sorted(found, key=lambda where: (where.day, where.office_id, where.flight))
    return tuple(Worked(where, found[where]) for where in ordered)


def _name(text: str) -> str:
    return text.replace("\x00", "")[:NAME_MAX]


class Loaded(Struct, frozen=True, kw_only=True):
    """An office's day beside its budget; `budget` is None where no policy in use has one for it any more."""

    day: date
    office_id: str
    flight: str
    budget: int | None
    work: Work

    @property
    def left(self) -> int | None:
        """What is left of the budget, below 0 where more was to be looked at; None where there is none."""
        return None if self.budget is None else self.budget - self.work.looked_at


def loads(store: BudgetStore, since: date, until: date, *, are_flights_shown: bool = False) -> list[Loaded]:
    """The work of offices with a budget, day by day (both included), or flight by flight, beside their budgets as they are
    now.
    """
    worked = store.workloads.between(since, until) if are_flights_shown else store.workloads.by_office(since, until)
    budgets = budgets_in_use(store)
    found = []
    for each in worked:
        budget = budgets.get(each.where.office_id)
        found.append(
            Loaded(
                day=each.where.day,
                office_id=each.where.office_id,
                flight=each.where.flight,
                budget=None if budget is None else _limit(budget, each.where, are_flights_shown=are_flights_shown),
                work=each.work,
            )
        )
    return found


def _limit(budget: Budget, where: Where, *, are_flights_shown: bool) -> int | None:
    """What work is held against; what names no flight shares the limit of none."""
    if not are_flights_shown:
        return budget.parcels
    return budget.flight_parcels if where.flight else None


def budgets_of(used: InUse) -> dict[str, Budget]:
    """The budgets of every policy in use, by office; a jurisdiction's own over everybody's."""
    found: dict[str, Budget] = {}
    for each in sorted(used.parts, key=lambda part: part.jurisdiction_code):
        if each.part.kind is PartKind.POLICY and not each.part.is_shadow and used.contents is not None:
            found |= read_policy(used.contents(each.part.digest), f"policy {each.part.name}").budgets
    return found


def budgets_in_use(store: Library) -> dict[str, Budget]:
    """The same of a store as it stands."""
    return budgets_of(in_use(store))


class BudgetStore(Library, Protocol):
    """What telling of work needs of a store."""

    @property
    def workloads(self) -> Workloads:
        """Where work is counted."""
