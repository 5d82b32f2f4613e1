"""A basket: what a buyer knows of goods before anybody declares them."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from tidewaiter.messages import limits
from tidewaiter.model.money import Money

GOODS_ITEMS_MAX: Final = limits.QUOTE_ITEMS_MAX
BYTES_MAX: Final = limits.QUOTE_BYTES_MAX
POST: Final = "5"  # UNECE Recommendation 19


class Trade(StrEnum):
    """Between whom the goods go, and why."""

    ONLINE = "online"  # bought by a private person from a business abroad
    GIFT = "gift"  # sent by one private person to another, without payment
    BUSINESS = "business"  # bought by a business


class BasketItem(Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a basket. The elements are those of a declaration's goods item and mean the same.

    `invoice_price` is what all of the line costs, without transport and
    without tax shown apart; masses are kilograms.
    """

    description: str = ""
    commodity_code: str = ""
    origin_country_code: str = ""
    invoice_price: Money | None = None
    quantity: Decimal | None = None
    quantity_unit: str = ""
    gross_mass_kg: Decimal | None = None
    net_mass_kg: Decimal | None = None


class Basket(Struct, frozen=True, omit_defaults=True, kw_only=True, forbid_unknown_fields=True):
    """Goods on their way to a buyer in one jurisdiction.

    `is_taxed_at_sale` says that the seller is registered there and charges the
    tax with the price; `seller_registration_id` is the number, if it is known.
    """

    jurisdiction_code: str
    goods_items: tuple[BasketItem, ...]
    trade: Trade = Trade.ONLINE
    export_country_code: str = ""
    destination_subdivision: str = ""
    transport_mode_code: str = ""
    freight: Money | None = None
    insurance: Money | None = None
    discount: Money | None = None
    is_taxed_at_sale: bool = False
    seller_registration_id: str = ""
