"""A declaration as the row that a score is learnt from and run on: what was declared, and what history knew of it.

Of several goods lines the dearest stands for all. Nothing that was found at an examination, or amended after it, is in it:
a row is made of a declaration as it was decided, and of the facts that were kept with that decision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Final

from tidewaiter.model.declaration import Declaration, GoodsItem, Party
from tidewaiter.risk.facts import Facts, feature_kinds
from tidewaiter.risk.scoring.model import ScoreModel
from tidewaiter.risk.scoring.recipe import ModelError
from tidewaiter.risk.watch_list import name_key

_PLACES: Final = Decimal("0.0001")


def columns() -> tuple[str, ...]:
    """Every column that a row has: those of the declaration, and the history features."""
    return (*_READ, *feature_kinds())


def check_columns(model: ScoreModel, name: str) -> None:
    """Refuse a model that asks for what a declaration does not give: ModelError with what and what to do."""
    known = set(columns())
    strange = [column for column in model.recipe.columns if column not in known]
    if strange:
        raise ModelError(
            f"the model {name!r} was trained on columns that no declaration gives: {', '.join(strange)};"
            " columns: tidewaiter score columns"
        )


def row_of(declaration: Declaration, facts: Facts, wanted: Iterable[str] | None = None) -> dict[str, str]:
    """The row of a declaration, or of it the columns `wanted` as far as a declaration gives them; what is missing is empty."""
    item = dearest(declaration.goods_items)
    kinds, numbers = feature_kinds(), facts.numbers
    row: dict[str, str] = {}
    for name in columns() if wanted is None else wanted:
        if (read := _READ.get(name)) is not None:
            row[name] = read(declaration, item)
        elif name in kinds:
            row[name] = str(numbers[name]) if name in numbers else ""
    return row


def dearest(items: Iterable[GoodsItem]) -> GoodsItem | None:
    """The line of the highest price, the first of several; the first line where none has a price."""
    return max(items, key=_price, default=None)


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


def _price_per_kg(item: GoodsItem) -> str:
    price, mass = item.invoice_price, item.net_mass_kg
    return _number(price.amount / mass if price is not None and mass else None)


_READ: Final[Mapping[str, Callable[[Declaration, GoodsItem | None], str]]] = {
    "commodity_code": lambda _, item: item.commodity_code if item else "",
    "origin_country": lambda _, item: item.origin_country_code if item else "",
    "export_country": lambda declaration, _: declaration.consignment.export_country_code,
    "currency": lambda _, item: item.invoice_price.currency if item and item.invoice_price else "",
    "procedure": lambda declaration, _: declaration.procedure_category,
    "office": lambda declaration, _: declaration.lodgement_office_id,
    "form_type": lambda declaration, _: declaration.type_code,
    "consignor": lambda declaration, _: _name(declaration.consignor),
    "seller": lambda declaration, _: _name(declaration.seller),
    "marketplace": lambda declaration, _: _name(declaration.marketplace),
    "declarant": lambda declaration, _: declaration.declarant.party_id if declaration.declarant else "",
    "consignee_postcode": lambda declaration, _: _postcode(declaration.consignee or declaration.importer),
    "description": lambda _, item: (
        " ".join(sorted({word.casefold() for word in item.description.split()})) if item else ""
    ),
    "lines": lambda declaration, _: str(len(declaration.goods_items)),
    "price": lambda _, item: _number(item.invoice_price.amount if item and item.invoice_price else None),
    "net_mass_kg": lambda _, item: _number(item.net_mass_kg if item else None),
    "price_per_kg": lambda _, item: _price_per_kg(item) if item else "",
    "description_words": lambda _, item: str(len(item.description.split()) if item else 0),
    "has_tax_number": lambda declaration, _: "1" if declaration.seller and declaration.seller.party_id else "0",
}
DECLARED: Final = tuple(_READ)  # the columns that are of the declaration itself
