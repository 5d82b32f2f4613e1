"""A declaration as the row that a score is learnt from and run on: what was declared, and what history knew of it.

Of several goods lines the dearest stands for all. Nothing that was found at an examination, or amended after it, is in it:
a row is made of a declaration as it was decided, and of the facts that were kept with that decision.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from tidewaiter.model.declaration import Declaration, GoodsItem, Party
from tidewaiter.risk.facts import Facts, feature_kinds
from tidewaiter.risk.scoring.model import ScoreModel
from tidewaiter.risk.scoring.recipe import ModelError
from tidewaiter.risk.watch_list import name_key

DECLARED: Final = (
    "commodity_code", "origin_country", "export_country", "currency", "procedure", "office", "form_type", "consignor", "seller",
    "marketplace", "declarant", "consignee_postcode", "description", "lines", "price", "net_mass_kg", "price_per_kg",
    "description_words", "has_tax_number",
)  # fmt: skip
_PLACES: Final = Decimal("0.0001")


def columns() -> tuple[str, ...]:
    """Every column that a row has: those of the declaration, and the history features."""
    return (*DECLARED, *feature_kinds())


def check_columns(model: ScoreModel, name: str) -> None:
    """Refuse a model that asks for what a declaration does not give: ModelError with what and what to do."""
    known = set(columns())
    strange = [column for column in model.recipe.columns if column not in known]
    if strange:
        raise ModelError(
            f"the model {name!r} was trained on columns that no declaration gives: {', '.join(strange)};"
            " columns: tidewaiter score columns"
        )


def row_of(declaration: Declaration, facts: Facts) -> dict[str, str]:
    """The row of a declaration; what is missing is empty."""
    item = dearest(declaration.goods_items)
    price = item.invoice_price if item is not None else None
    mass = item.net_mass_kg if item is not None else None
    per_kg = price.amount / mass if price is not None and mass else None
    words = item.description.split() if item is not None else []
    found = {
        "commodity_code": item.commodity_code if item is not None else "",
        "origin_country": item.origin_country_code if item is not None else "",
        "export_country": declaration.consignment.export_country_code,
        "currency": price.currency if price is not None else "",
        "procedure": declaration.procedure_category,
        "office": declaration.lodgement_office_id,
        "form_type": declaration.type_code,
        "consignor": _name(declaration.consignor),
        "seller": _name(declaration.seller),
        "marketplace": _name(declaration.marketplace),
        "declarant": declaration.declarant.party_id if declaration.declarant is not None else "",
        "consignee_postcode": _postcode(declaration.consignee or declaration.importer),
        "description": " ".join(sorted({word.casefold() for word in words})),
        "lines": str(len(declaration.goods_items)),
        "price": _number(price.amount if price is not None else None),
        "net_mass_kg": _number(mass),
        "price_per_kg": _number(per_kg),
        "description_words": str(len(words)),
        "has_tax_number": "1" if declaration.seller is not None and declaration.seller.party_id else "0",
    }
    return found | {name: str(facts.numbers[name]) if name in facts.numbers else "" for name in feature_kinds()}


def dearest(items: Iterable[GoodsItem]) -> GoodsItem | None:
    """The line of the highest price, the first of several; the first line where none has a price."""
    found: GoodsItem | None = None
    for item in items:
        if found is None or _price(item) > _price(found):
            found = item
    return found


def _price(item: GoodsItem) -> Decimal:
    price = item.invoice_price
    return price.amount if price is not None and price.amount.is_finite() else Decimal(-1)


def _name(party: Party | None) -> str:
    return name_key(party.name) if party is not None and party.name else ""


def _postcode(party: Party | None) -> str:
    return party.address.postcode if party is not None and party.address is not None else ""


def _number(value: Decimal | None) -> str:
    if value is None or not value.is_finite() or abs(value) >= Decimal(10) ** 12:
        return ""
    return f"{value.quantize(_PLACES):f}"
