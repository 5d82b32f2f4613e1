"""What a parcel's own words and the days before tell of it. Nothing here knows an outcome or the truth.

Counts of the days before are those of `risk.history` (data/risk/features.yaml), by the same keys and windows: days of
receipt, that of the parcel itself the last, the parcel itself left out. Selection is at the end of each day.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from msgspec import Struct

from tidewaiter.cli.experiment.columns import Array, Columns, codes, mixed
from tidewaiter.risk.history.definitions import DAYS_MAX, Aggregate, definitions

HISTORY: Final = (
    "household_parcels_7d", "household_value_7d", "household_parcels_30d", "household_consignor_parcels_7d",
    "household_consignor_value_7d", "household_consignor_value_3d", "person_parcels_7d", "person_parcels_30d",
    "phone_parcels_7d", "phone_value_7d", "phone_consignor_value_7d", "consignor_parcels_7d", "consignor_parcels_30d",
    "consignor_value_30d",
)  # fmt: skip
LINKED: Final = frozenset(name for name in HISTORY if name.startswith(("household", "phone"))) | {
    "sender_phone_parcels", "sender_phone_others", "sender_address_parcels", "household_others", "same_invoice",
}  # fmt: skip  # what others tell who share an address, a phone or an order's number
_MONTH: Final = 30


class Features(Struct, frozen=True):
    """Numbers of shape (parcels, features), chains of back-off as codes from narrow to wide, keys that outcomes travel by."""

    names: tuple[str, ...]
    numbers: Array
    chains: dict[str, tuple[Array, ...]]
    links: dict[str, Array]
    is_first_seen: Array


def features_of(columns: Columns) -> Features:
    """The features of all parcels; of each, from nothing later than its own day."""
    numbers = {**_own(columns), **_history(columns), **_habits(columns)}
    sender = codes(columns["consignor"])
    country, product = codes(columns["country"]), codes(columns["product"])
    heading, chapter = codes(columns["product"] // 100), codes(columns["product"] // 10_000)
    person = columns["person"]
    return Features(
        tuple(numbers),
        np.column_stack([each.astype(np.float32) for each in numbers.values()]),
        {
            "product": (product, heading, chapter),
            "words": (codes(columns["words"]), product),
            "sender": (sender, country),
            "sender and product": (codes(mixed(sender, product)), sender),
        },
        {
            "consignor": sender,
            "sender address": codes(columns["sender_address"]),
            "sender phone": codes(columns["sender_phone"]),
            "household": codes(columns["household"]),
            "phone": codes(columns["phone"]),
            "price of consignor": codes(mixed(sender, columns["cents"])),
        },
        _earlier(person) == 0,
    )


def window(key: Array, day: Array, days: int, values: Array | None = None) -> tuple[Array, Array]:
    """How many other parcels have the same key within the last `days` days, and the sum of their `values` (0 without)."""
    if int(day.min(initial=0)) < 0:
        raise ValueError("days count from 0")
    order = np.argsort(key, kind="stable")  # parcels are in order of arrival, so within a key days rise
    ordered = key[order]
    group = np.concatenate(([0], np.cumsum(ordered[1:] != ordered[:-1])))
    place = group * (int(day.max(initial=0)) + DAYS_MAX + 2) + day[order] + DAYS_MAX
    left = np.searchsorted(place, place - days + 1, "left")
    right = np.searchsorted(place, place, "right")
    counts = np.empty(len(key), dtype=np.int64)
    counts[order] = right - left - 1
    totals = np.zeros(len(key))
    if values is not None:
        sums = np.concatenate(([0.0], np.cumsum(values[order].astype(np.float64))))
        totals[order] = sums[right] - sums[left] - values[order]
    return counts, totals


def _own(columns: Columns) -> dict[str, Array]:
    """What the declaration itself says."""
    cents, grams = columns["cents"], columns["grams"]
    none = columns["marketplace"] < 0
    return {
        "cents": cents,
        "cents_a_kilogram": cents * 1000 / np.maximum(grams, 1),
        "grams": grams,
        "lines": columns["lines"],
        "gift": columns["gift"],
        "taxed_without_marketplace": none & (columns["ioss"] == 1),
        "untaxed": columns["ioss"] == 0,
        "stream": codes(columns["stream"]),
        "origin_differs": columns["origin"] != columns["country"],
        "route_differs": columns["route"] != columns["country"],
        "from_origin": columns["route"] == columns["origin"],
        "marketplace": codes(columns["marketplace"]),
    }


def _history(columns: Columns) -> dict[str, Array]:
    """The features of `risk.history` by their definitions."""
    found: dict[str, Array] = {}
    known = definitions()
    for name in HISTORY:
        each = known[name]
        key = columns[each.key.value]
        if each.same is not None:
            key = mixed(key, columns[each.same.value])
        is_value = each.aggregate is Aggregate.VALUE
        count, total = window(key, columns["day"], each.days, columns["cents"] if is_value else None)
        found[name] = np.where(columns[each.key.value] == -1, 0, total if is_value else count)
    return found


def _habits(columns: Columns) -> dict[str, Array]:
    """How usual the parcel is: of its goods, of its sender, of those who share the sender's phone or address."""
    day, sender = columns["day"], columns["consignor"]
    ratio = np.log(np.maximum(columns["cents"], 1) / columns["lines"]) - _usual(columns, "cents")
    mass = np.log(np.maximum(columns["net"], 1) / columns["lines"]) - _usual(columns, "net")
    unsaid = columns["grams"] - columns["net"]  # on the scale and not in the goods' own mass: packaging, or more
    parcels, ratios = window(sender, day, _MONTH, ratio)
    _, masses = window(sender, day, _MONTH, mass)
    _, unsaid_by_sender = window(sender, day, _MONTH, unsaid)
    of_price, _ = window(mixed(sender, columns["cents"]), day, _MONTH)
    of_product, _ = window(mixed(sender, columns["product"]), day, _MONTH)
    of_phone, _ = window(columns["sender_phone"], day, _MONTH)
    of_both, _ = window(mixed(sender, columns["sender_phone"]), day, _MONTH)
    at_address, _ = window(columns["sender_address"], day, _MONTH)
    persons, _ = window(columns["household"], day, _MONTH)
    same, _ = window(mixed(columns["household"], columns["person"]), day, _MONTH)
    least = np.maximum(parcels, 1)
    return {
        "price_ratio": ratio,
        "price_ratio_to_sender": ratio - ratios / least,
        "sender_price_ratio": ratios / least,
        "mass_ratio": mass,
        "sender_mass_ratio": masses / least,
        "unsaid_mass": unsaid,
        "unsaid_share": unsaid / np.maximum(columns["grams"], 1),
        "sender_unsaid_mass": unsaid_by_sender / least,
        "price_to_mass_ratio": ratio - mass,
        "sender_same_price": of_price,
        "sender_same_price_share": of_price / least,
        "sender_product_share": of_product / least,
        "sender_phone_parcels": of_phone,
        "sender_phone_others": of_phone - of_both,
        "sender_address_parcels": at_address,
        "household_others": persons - same,
        "same_invoice": window(columns["invoice"], day, _MONTH)[0],
        "first_seen": _earlier(columns["person"]) == 0,
    }


def _usual(columns: Columns, name: str) -> Array:
    """The mean logarithm of a line's cents or grams for these goods on the days before; 6 where there was none."""
    day, (_, product) = columns["day"], np.unique(columns["product"], return_inverse=True)
    worth = np.log(np.maximum(columns[name], 1) / columns["lines"])
    shape = (int(day.max(initial=0)) + 2, int(product.max(initial=0)) + 1)
    sums, counts = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, (day + 1, product), worth)
    np.add.at(counts, (day + 1, product), 1)
    sums, counts = sums.cumsum(axis=0), counts.cumsum(axis=0)
    found: Array = (sums[day, product] + 6.0) / (counts[day, product] + 1)
    return found


def _earlier(key: Array) -> Any:
    """How many earlier parcels have the same key; those without one count as never seen."""
    order = np.argsort(key, kind="stable")
    ordered = key[order]
    starts = np.searchsorted(ordered, ordered, "left")
    found = np.empty(len(key), dtype=np.int64)
    found[order] = np.arange(len(key)) - starts
    return np.where(key == -1, 0, found)
