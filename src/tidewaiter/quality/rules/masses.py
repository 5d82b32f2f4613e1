"""Masses: positive, and net within gross."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from tidewaiter.model.declaration import Declaration
from tidewaiter.model.finding import Severity
from tidewaiter.quality.oddities import Oddity
from tidewaiter.quality.registry import Context, Seen, rule

OWN = "Tidewaiter: plausibility of a parcel"
WCO = "WCO Data Model, elements 126, 128 and 131"


@rule("mass.negative", Severity.ERROR, source=WCO, odd=Oddity.NUMBER)
def negative(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A mass is not below zero."""
    return [Seen(pointer, mass, "A mass cannot be below zero.") for pointer, mass in _masses(declaration) if mass < 0]


@rule("mass.zero", Severity.WARNING, source=WCO, odd=Oddity.NUMBER)
def zero(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A mass of zero says nothing: give grams as decimals of a kilogram, 0.120 for 120 g."""
    return [
        Seen(pointer, mass, "The mass is zero.", "Give grams as decimals: 0.120 kg is 120 g.")
        for pointer, mass in _masses(declaration)
        if not mass
    ]


def _masses(declaration: Declaration) -> list[tuple[str, Decimal]]:
    """Masses that are not above zero, with their places: nearly always none."""
    found = []
    if (mass := declaration.consignment.gross_mass_kg) is not None and mass <= 0:
        found.append(("consignment.gross_mass_kg", mass))
    for place, item in enumerate(declaration.goods_items, 1):
        if (mass := item.gross_mass_kg) is not None and mass <= 0:
            found.append((f"goods_items[{place}].gross_mass_kg", mass))
        if (mass := item.net_mass_kg) is not None and mass <= 0:
            found.append((f"goods_items[{place}].net_mass_kg", mass))
    return found


@rule("mass.net_above_gross", Severity.ERROR, source="Delegated Regulation (EU) 2015/2446, Annex B, 18 01 and 18 04")
def net_above_gross(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The net mass is the goods alone, the gross mass the goods with their packing: net cannot be more than gross."""
    return [
        Seen(
            f"goods_items[{place}].net_mass_kg",
            net,
            f"The net mass {net:f} kg is more than the gross mass {gross:f} kg.",
        )
        for place, item in enumerate(declaration.goods_items, 1)
        if (net := item.net_mass_kg) is not None and (gross := item.gross_mass_kg) is not None and net > gross > 0
    ]


PARCEL_MASS_MAX_KG = Decimal(2000)


@rule("mass.implausible", Severity.WARNING, source=OWN)
def implausible(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A line of more than two tonnes is no parcel: grams were perhaps given as kilograms."""
    return [
        Seen(f"goods_items[{place}].gross_mass_kg", mass, "This is heavy for a parcel.", "Is the mass in kilograms?")
        for place, item in enumerate(declaration.goods_items, 1)
        if (mass := item.gross_mass_kg) is not None and mass > PARCEL_MASS_MAX_KG
    ]
