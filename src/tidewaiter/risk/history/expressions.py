"""A definition as SQL. `e` is the other parcel (or a day of a sender), `a` the one that asks; both dialects read it alike."""

from __future__ import annotations

from collections.abc import Iterable

from tidewaiter.risk.history.definitions import Aggregate, Definition, Key

_DISTINCT = {
    Aggregate.CONSIGNORS: "e.consignor",
    Aggregate.PERSONS: "e.person",
    Aggregate.HOUSEHOLDS: "e.household",
}


def of_key(wanted: Iterable[Definition], key: Key) -> list[Definition]:
    """Those of one key, in order."""
    return [each for each in wanted if each.key is key]


def over_parcels(definition: Definition) -> str:
    """The feature as an aggregate over parcels `e` of the window and key; cents for a value, NULL where none is known."""
    condition = f"e.day > a.day - {definition.days}"
    if definition.same is not None:
        condition += f" AND e.{definition.same.value} = a.{definition.same.value}"
    match definition.aggregate:
        case Aggregate.PARCELS:
            found = f"count(e.day) FILTER (WHERE {condition})"
        case Aggregate.VALUE:
            found = f"coalesce(sum(e.cents) FILTER (WHERE {condition}), 0)"
        case Aggregate.KNOWN_DAYS:
            found = f"a.day - min(e.day) FILTER (WHERE {condition})"
        case _:
            found = f"count(DISTINCT {_DISTINCT[definition.aggregate]}) FILTER (WHERE {condition})"
    return found


def over_days(definition: Definition) -> str:
    """The same as an aggregate over the days `e` of a sender, from which the asking parcel itself was taken out."""
    condition = f"e.day > a.day - {definition.days}"
    match definition.aggregate:
        case Aggregate.PARCELS:
            return f"coalesce(sum(e.parcels) FILTER (WHERE {condition}), 0)"
        case Aggregate.VALUE:
            return f"coalesce(sum(e.cents) FILTER (WHERE {condition}), 0)"
        case _:
            return f"a.day - min(e.day) FILTER (WHERE {condition} AND e.parcels > 0)"
