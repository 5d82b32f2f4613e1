"""The recipe for what the system itself keeps, where none is given: goods, where they come from, who sends, where they go."""

from __future__ import annotations

from typing import Final

from tidewaiter.risk.facts import feature_kinds
from tidewaiter.risk.scoring.recipe import Chain, Level, Recipe

_HEADING: Final = ("commodity_code", 4)
NUMBERS: Final = (
    "price", "net_mass_kg", "price_per_kg", "lines", "description_words", "has_tax_number",
)  # fmt: skip
COPIES: Final = (
    "consignor",
    "consignee_postcode",
    "description",
    "price",
)  # rows alike in these are one case told often


def usual_recipe(label: str, propensity: str) -> Recipe:
    """Chains over declared columns, declared numbers and every history feature; the labels in the column `label`."""
    origin, consignor = ("origin_country", 0), ("consignor", 0)
    chains = (
        Chain("goods", _levels(*((("commodity_code", size),) for size in (10, 6, 4, 2)))),
        Chain("goods and origin", _levels((("commodity_code", 6), origin), (_HEADING, origin), (origin,))),
        Chain("consignor", _levels((consignor, _HEADING), (consignor,), (("export_country", 0),))),
        Chain("marketplace", _levels((("marketplace", 0), _HEADING), (("marketplace", 0),))),
        Chain("declarant", _levels((("declarant", 0), _HEADING), (("declarant", 0),), (("office", 0),))),
        Chain("receiver's place", _levels((("consignee_postcode", 0),), (("consignee_postcode", 3),))),
    )
    return Recipe(label, chains, (*NUMBERS, *feature_kinds()), propensity, COPIES)


def _levels(*levels: tuple[tuple[str, int], ...]) -> tuple[Level, ...]:
    return tuple(map(Level, levels))
