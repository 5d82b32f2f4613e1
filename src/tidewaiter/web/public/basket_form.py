"""The form of a basket: fields as they were filled in, the basket they make, and which field a finding is about."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.errors import LimitExceededError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.money import Money
from tidewaiter.quotes.basket import POST, Basket, BasketItem, Trade
from tidewaiter.quotes.quote import Quote
from tidewaiter.web import words

ROWS_AT_FIRST: Final = 2
ROWS_MORE: Final = 3
ROWS_MAX: Final = 60  # on the page; the interface for machines takes more
TEXT_MAX: Final = 600
ROW_FIELDS: Final = ("description", "code", "origin", "price", "quantity", "mass")
FIELD_OF: Final = {
    "description": "description",
    "commodity_code": "code",
    "origin_country_code": "origin",
    "invoice_price": "price",
    "quantity": "quantity",
    "net_mass_kg": "mass",
    "gross_mass_kg": "mass",
}
WHOLE_FIELD_OF: Final = {
    "freight": "freight",
    "insurance": "insurance",
    "seller_registration_id": "registration",
    "export_country_code": "from",
    "jurisdiction_code": "to",
}
_ITEM: Final = re.compile(r"goods_items\[(\d+)\](?:\.([a-z_]+))?(\.currency)?")
_COMMA: Final = re.compile(r"\d+,\d{1,2}")


class Row(Struct, frozen=True):
    """One line of goods as it was filled in."""

    description: str = ""
    code: str = ""
    origin: str = ""
    price: str = ""
    quantity: str = ""
    mass: str = ""

    @property
    def is_blank(self) -> bool:
        """True where nothing was filled in."""
        return not any(getattr(self, name) for name in ROW_FIELDS)


class BasketForm(Struct, frozen=True, kw_only=True):
    """All fields of the form as texts."""

    to: str = ""
    on: str = ""
    trade: str = Trade.ONLINE.value
    post: str = ""
    sent_from: str = ""
    currency: str = "EUR"
    freight: str = ""
    insurance: str = ""
    subdivision: str = ""
    taxed: str = ""
    registration: str = ""
    rows: tuple[Row, ...] = (Row(),) * ROWS_AT_FIRST

    @classmethod
    def of(cls, fields: Mapping[str, object]) -> BasketForm:
        """The form as it came in; `rows` says how many lines there are. Raises LimitExceededError."""

        def said(name: str) -> str:
            return str(fields.get(name, "") or "").strip()[:TEXT_MAX]

        count = said("rows")
        number = int(count) if count.isascii() and count.isdigit() and len(count) < 6 else ROWS_AT_FIRST
        if number > ROWS_MAX:
            raise LimitExceededError(f"{number:,} lines; the page takes {ROWS_MAX}", hint=words.text("quote.too_many"))
        return cls(
            to=said("to").upper(), on=said("on"), trade=said("trade") or Trade.ONLINE.value, post=said("post"),
            sent_from=said("from").upper(), currency=said("currency").upper(), freight=said("freight"),
            insurance=said("insurance"), subdivision=said("subdivision").upper(), taxed=said("taxed"),
            registration=said("registration"),
            rows=tuple(Row(*(said(f"{name}-{place}") for name in ROW_FIELDS)) for place in range(1, number + 1)),
        )  # fmt: skip

    @classmethod
    def again(cls, quote: Quote) -> BasketForm:
        """The form filled with what was quoted before, to be changed."""
        basket = quote.basket
        prices = [item.invoice_price for item in basket.goods_items]
        return cls(
            to=basket.jurisdiction_code, on=quote.legal_day.isoformat(), trade=basket.trade.value,
            post="1" if basket.transport_mode_code == POST else "", sent_from=basket.export_country_code,
            currency=next((price.currency for price in prices if price), "EUR"), freight=_amount(basket.freight),
            insurance=_amount(basket.insurance), subdivision=basket.destination_subdivision,
            taxed="1" if basket.is_taxed_at_sale else "", registration=basket.seller_registration_id,
            rows=tuple(
                Row(
                    item.description, item.commodity_code, item.origin_country_code, _amount(item.invoice_price),
                    _plain(item.quantity), _plain(item.net_mass_kg or item.gross_mass_kg),
                )
                for item in basket.goods_items
            ),
        )  # fmt: skip

    def with_more(self) -> BasketForm:
        """The form with some more empty lines."""
        return replace(self, rows=(self.rows + (Row(),) * ROWS_MORE)[:ROWS_MAX])

    def basket(self) -> tuple[Basket, list[Finding]]:
        """The basket, and what could not be taken for a number; lines left blank are left out."""
        wrong: list[Finding] = []
        currency = self.currency

        def money(text: str, pointer: str) -> Money | None:
            amount = _number(text, pointer, wrong)
            return None if amount is None else Money(amount, currency)

        items: list[BasketItem] = []
        for row in (row for row in self.rows if not row.is_blank):
            pointer = f"goods_items[{len(items) + 1}]"
            items.append(
                BasketItem(
                    description=row.description, commodity_code=re.sub(r"[\s.]", "", row.code),
                    origin_country_code=row.origin.upper(), invoice_price=money(row.price, f"{pointer}.invoice_price"),
                    quantity=_number(row.quantity, f"{pointer}.quantity", wrong),
                    net_mass_kg=_number(row.mass, f"{pointer}.net_mass_kg", wrong),
                )
            )  # fmt: skip
        is_known = self.trade in {trade.value for trade in Trade}
        basket = Basket(
            jurisdiction_code=self.to, goods_items=tuple(items), trade=Trade(self.trade) if is_known else Trade.ONLINE,
            export_country_code=self.sent_from, destination_subdivision=self.subdivision,
            transport_mode_code=POST if self.post else "", freight=money(self.freight, "freight"),
            insurance=money(self.insurance, "insurance"), is_taxed_at_sale=bool(self.taxed),
            seller_registration_id=self.registration,
        )  # fmt: skip
        return basket, wrong

    def legal_day(self) -> date | None:
        """The day asked for; None for today. Raises ValueError for what is no day."""
        return date.fromisoformat(self.on) if self.on else None

    def places(self, findings: Sequence[Finding]) -> dict[str, list[Finding]]:
        """The findings by the id of the field they are about; those about no field under ""."""
        filled = [place for place, row in enumerate(self.rows, 1) if not row.is_blank]
        found: dict[str, list[Finding]] = {}
        for finding in findings:
            found.setdefault(self._field(finding.pointer, filled), []).append(finding)
        return found

    def _field(self, pointer: str, filled: Sequence[int]) -> str:
        at = _ITEM.fullmatch(pointer)
        if at is None:
            name, _, rest = pointer.partition(".")
            return "currency" if rest == "currency" else WHOLE_FIELD_OF.get(name, "")
        if at[3]:
            return "currency"
        number, field = int(at[1]), FIELD_OF.get(at[2] or "", "")
        return f"{field}-{filled[number - 1]}" if field and 0 < number <= len(filled) else ""


def _number(text: str, pointer: str, wrong: list[Finding]) -> Decimal | None:
    if not text:
        return None
    try:
        return Decimal(text.replace(",", ".") if _COMMA.fullmatch(text) else text)
    except InvalidOperation:
        said, hint = words.text("quote.not_a_number"), words.text("quote.not_a_number_hint")
        wrong.append(Finding("quote.not_a_number", Severity.ERROR, pointer, said, text[:200], hint))
        return None


def _amount(money: Money | None) -> str:
    return "" if money is None else _plain(money.amount)


def _plain(number: Decimal | None) -> str:
    return "" if number is None else f"{number:f}"
