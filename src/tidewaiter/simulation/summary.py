"""What is in a world, counted while it streams: the figures of `world.json`."""

from __future__ import annotations

import hashlib
from collections import Counter
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.simulation.parameters import Parameters
from tidewaiter.simulation.world import Parcel

BANDS_EUR = (5, 10, 22, 45, 100, 150)


class Week(Struct, frozen=True):
    """One week: parcels, what they declare and what is evaded (EUR), and parcels of each scheme."""

    week: int
    parcels: int
    declared_eur: Decimal
    evaded_eur: Decimal
    schemes: dict[str, int]


class Tally(Struct, frozen=True):
    """Parcels, and how many of them have something wrong."""

    parcels: int
    violative: int


class Manifest(Struct, frozen=True, kw_only=True):
    """`world.json`: all it takes to make the same world again, and what is in it."""

    simulator: Annotated[str, Meta(description="Version of the simulator")]
    seed: int
    weeks: int
    parcels: int
    identities: str
    form: str
    by: str
    parameters_digest: Annotated[str, Meta(description="SHA-256 of the parameters' canonical bytes")]
    parcels_digest: Annotated[str, Meta(description="SHA-256 over declarations and truth, the same in every form")]
    truth_digest: Annotated[str, Meta(description="SHA-256 of truth.csv")]
    channels: dict[str, Tally]
    countries: dict[str, int]
    declared_bands: dict[str, int]
    by_week: tuple[Week, ...]
    parameters: Parameters


def bands() -> tuple[str, ...]:
    """The names of the bands of declared value, from low to high."""
    return (*(f"up to {bound}" for bound in BANDS_EUR), f"over {BANDS_EUR[-1]}")


class Summary:
    """Takes in parcels in the order of the stream."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._parcels: Counter[int] = Counter()
        self._declared: dict[int, Decimal] = {}
        self._evaded: Counter[int] = Counter()
        self._schemes: dict[int, Counter[str]] = {}
        self._channels: Counter[tuple[str, bool]] = Counter()
        self._countries: Counter[str] = Counter()
        self._bands: Counter[str] = Counter()

    def add(self, week: int, parcel: Parcel) -> None:
        """Count one parcel."""
        self._digest.update(canonical_bytes(parcel.declaration) + b"\n")
        amount = parcel.declaration.invoice_amount
        declared = amount.amount if amount else Decimal(0)
        self._parcels[week] += 1
        self._declared[week] = self._declared.get(week, Decimal(0)) + declared
        self._channels[parcel.channel, parcel.truth is not None] += 1
        self._countries[parcel.declaration.consignment.export_country_code] += 1
        self._bands[_band(declared)] += 1
        if parcel.truth is not None:
            self._digest.update(",".join(parcel.truth.row()).encode() + b"\n")
            self._evaded[week] += parcel.truth.evaded_cents
            self._schemes.setdefault(week, Counter())[parcel.truth.scheme] += 1

    @property
    def parcels_digest(self) -> str:
        """SHA-256 over each declaration's canonical bytes and its row of truth, a newline after each."""
        return self._digest.hexdigest()

    @property
    def channels(self) -> dict[str, Tally]:
        """Parcels of each channel."""
        return {
            name: Tally(self._channels[name, False] + self._channels[name, True], self._channels[name, True])
            for name in sorted({name for name, _ in self._channels})
        }

    @property
    def countries(self) -> dict[str, int]:
        """Parcels by country of export."""
        return dict(self._countries)

    @property
    def declared_bands(self) -> dict[str, int]:
        """Parcels by declared value in EUR."""
        return {name: self._bands[name] for name in bands()}

    @property
    def by_week(self) -> tuple[Week, ...]:
        """The weeks in order."""
        return tuple(
            Week(
                week=week,
                parcels=self._parcels[week],
                declared_eur=self._declared[week],
                evaded_eur=Decimal(self._evaded[week]).scaleb(-2),
                schemes=dict(sorted(self._schemes.get(week, Counter()).items())),
            )
            for week in sorted(self._parcels)
        )


def _band(declared: Decimal) -> str:
    return next((f"up to {bound}" for bound in BANDS_EUR if declared <= bound), f"over {BANDS_EUR[-1]}")
