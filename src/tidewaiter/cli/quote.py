"""`tidewaiter quote`: what will it cost, may it come in, who pays, when."""

from __future__ import annotations

import re
import sys
from contextlib import nullcontext
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.model.assessment import Charge
from tidewaiter.model.errors import LimitExceededError
from tidewaiter.model.finding import Finding
from tidewaiter.model.money import Money
from tidewaiter.quotes.basket import BYTES_MAX, POST, Basket, BasketItem, Trade
from tidewaiter.quotes.quote import Quote, QuoteImpossibleError
from tidewaiter.quotes.reading import read_basket

if TYPE_CHECKING:
    from tidewaiter.regimes.law import TariffLaw

app = App(name="quote")

_MONEY = re.compile(r"\s*(?:([A-Za-z]{3})\s*([-+0-9.,eE]+)|([-+0-9.,eE]+?)\s*([A-Za-z]{3}))\s*", re.ASCII)


class AskedFor(msgspec.Struct, frozen=True, kw_only=True):
    """A basket, and the day it is asked for."""

    basket: Basket
    on: date | None


@app.default
def give(
    file: Annotated[Path | None, Parameter(help="A basket as JSON; `-` reads it from standard input.")] = None,
    *,
    to: Annotated[str, Parameter(help="Where the goods go: ISO 3166-1 alpha-2.")] = "",
    on: Annotated[date | None, Parameter(help="The legal day, YYYY-MM-DD; today where none is given.")] = None,
    item: Annotated[str, Parameter(help="What the goods are, in plain words.")] = "",
    code: Annotated[str, Parameter(help="Commodity code, 6 to 10 digits.")] = "",
    price: Annotated[str, Parameter(help="Price of the goods with its currency: “25.00 EUR”.")] = "",
    origin: Annotated[str, Parameter(help="Country of origin, ISO 3166-1 alpha-2.")] = "",
    quantity: Annotated[str, Parameter(help="How many pieces.")] = "",
    mass: Annotated[str, Parameter(help="Net mass in kilograms.")] = "",
    sent_from: Annotated[str, Parameter(name="--from", help="Where the goods are sent from.")] = "",
    freight: Annotated[str, Parameter(help="Transport with its currency.")] = "",
    insurance: Annotated[str, Parameter(help="Insurance with its currency.")] = "",
    trade: Annotated[Trade, Parameter(help="Bought online, a gift, or bought by a business.")] = Trade.ONLINE,
    post: Annotated[bool, Parameter(negative="", help="Sent by post.")] = False,
    taxed_at_sale: Annotated[bool, Parameter(negative="", help="The seller charges the tax with the price.")] = False,
    registration: Annotated[str, Parameter(help="The seller's registration: an IOSS, VOEC or GST number.")] = "",
    keep: Annotated[bool, Parameter(negative="", help="Keep the quote and give it a number.")] = False,
    output_as: Output = Output(),  # noqa: B008 (frozen)
) -> int:
    """Quote a basket: what it costs, whether it may come in, who pays and when, and how that was worked out.

    Describe one line of goods with options, or name a file. With --keep the quote gets a number that a declaration
    may name; its amounts are then compared. Duty is by the tariff imported into your database; where none is there, by
    the rates that ship, and the answer says which.
    """
    if file is not None:
        asked = _of_file(file, on)
    else:
        said = BasketItem(
            description=item, commodity_code=code, origin_country_code=origin.upper(), invoice_price=_money(price, "price"),
            quantity=_number(quantity, "quantity"), net_mass_kg=_number(mass, "mass"),
        )  # fmt: skip
        if not to or not price:
            raise UsageError("say where the goods go and what they cost", hint="tidewaiter quote --to GB --price '25 EUR' --code 610910 --item 'Cotton T-shirt'")  # fmt: skip
        asked = AskedFor(
            basket=Basket(
                jurisdiction_code=to.upper(), goods_items=(said,), trade=trade, export_country_code=sent_from.upper(),
                transport_mode_code=POST if post else "", freight=_money(freight, "freight"),
                insurance=_money(insurance, "insurance"), is_taxed_at_sale=taxed_at_sale,
                seller_registration_id=registration,
            ),
            on=on,
        )  # fmt: skip
    try:
        return _answer(asked, output_as, keep)
    except QuoteImpossibleError as error:
        _print_findings(error.findings, output_as)
        raise


@app.command
def show(quote_id: Annotated[str, Parameter(help="The number of a quote: TWQ-…")], *, output_as: Output = Output()) -> int:  # noqa: B008  # fmt: skip
    """Show a quote given before. A number that was not issued here is refused."""
    from tidewaiter.cli.session import opened_store
    from tidewaiter.regimes import Regime
    from tidewaiter.workflow.quoting import Quoting

    with opened_store() as store:
        found = Quoting(store).find(quote_id)
        law = Regime.from_content(store.knowledge(found.quote.regime_digest)).law
    _print(found.quote, output_as, str(found.quote_id), _rates_in_words(law.tariff))
    return output.EXIT_OK


def _answer(asked: AskedFor, output_as: Output, keep: bool) -> int:  # noqa: FBT001
    from tidewaiter.cli.session import opened_store
    from tidewaiter.regimes import legal_day_at
    from tidewaiter.store.opening import is_at_hand
    from tidewaiter.workflow.batching import now
    from tidewaiter.workflow.quoting import Quoting, quote
    from tidewaiter.workflow.tariffs import NOTHING_IMPORTED, known

    basket = asked.basket
    with opened_store() if keep or is_at_hand() else nullcontext() as store:
        tariffs = NOTHING_IMPORTED if store is None else known(store)
        if store is not None and keep:
            given = Quoting(store).give(basket, asked.on)
            found, number = given.quote, str(given.quote_id)
        else:
            day = asked.on or legal_day_at(basket.jurisdiction_code, now())
            found, number = quote(basket, day, tariffs), ""
        rates = _rates_in_words(tariffs.regime(basket.jurisdiction_code, found.legal_day).law.tariff)
    if store is None:
        rates = "those that ship, as no database is here that could have a tariff"
    _print(found, output_as, number, rates)
    return output.EXIT_FINDINGS if found.findings else output.EXIT_OK


def _rates_in_words(tariff: TariffLaw | None) -> str:
    if tariff is None:
        return "those that ship, as no tariff is imported for this day"
    return (
        f"the {tariff.edition}"
        if tariff.replaces
        else "those that ship; duty does not rest on the imported tariff here"
    )


def _of_file(file: Path, on: date | None) -> AskedFor:
    data = sys.stdin.buffer.read(BYTES_MAX + 1) if str(file) == "-" else file.read_bytes()
    if len(data) > BYTES_MAX:
        raise LimitExceededError(f"{file}: a basket has at most {BYTES_MAX // 1024} KiB", hint="Split it, or declare the goods.")  # fmt: skip
    return AskedFor(basket=read_basket(data, str(file)), on=on)


def _money(text: str, name: str) -> Money | None:
    if not text:
        return None
    found = _MONEY.fullmatch(text)
    if found is None:
        raise UsageError(f"--{name}: {text[:40]!r} is no amount with its currency", hint="write it as “25.00 EUR”")
    amount = _number(found[2] or found[3], name)
    return None if amount is None else Money(amount, (found[1] or found[4]).upper())


def _number(text: str, name: str) -> Decimal | None:
    if not text:
        return None
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise UsageError(f"--{name}: {text[:40]!r} is no number", hint="write it with a point: 12.50") from error


def _print(quote: Quote, output_as: Output, number: str, rates: str) -> None:
    if output_as.json:
        output.print_json({"quote_id": number, "quote": quote})
        return
    cost = quote.cost
    head = {
        **({"number": number} if number else {}),
        "law": f"{quote.basket.jurisdiction_code} on {quote.legal_day}",
        "goods": cost.goods,
        "transport": cost.transport,
        "due at the border": cost.due if cost.is_known or cost.due.amount else "not yet known",
        "collected at the sale": cost.collected_at_sale,
        "in all": f"{cost.total}" if cost.is_known else f"at least {cost.total}; see what is not known",
        "duty rates": rates,
        "may it come in": ENTRY_WORDS[quote.admission.entry.value],
        "law the same until": quote.valid_until,
    }
    output.print_one(head, output_as)
    if output_as.csv:
        return
    for title, rows in _parts(quote):
        if rows:
            output.out().print()
            output.print_rows(rows, output_as, title=title)


ENTRY_WORDS = {
    "free": "yes, nothing known stands against it",
    "permit": "only with a permit",
    "prohibited": "no",
    "unknown": "not known here",
}


def _parts(quote: Quote) -> list[tuple[str, list[dict[str, Any]]]]:
    return [
        ("Charges", [_charge_row(charge) for charge in quote.assessment.charges]),
        (
            "Who pays, when",
            [
                {"who": o.liable, "to": o.collector, "amount": o.amount, "when": o.moment, "due": o.due, "rule": o.title}
                for o in quote.obligations
            ],
        ),
        (
            "What stands against it",
            [{"at": r.pointer, "why": r.words, "permit": f"{r.permit_code} {r.permit_words}".strip()} for r in quote.admission.controls],
        ),
        ("Not known", [{"what": words} for words in quote.assessment.unresolved]),
        ("About what was asked", [_finding_row(finding) for finding in quote.findings]),
        ("How it was worked out", [{"step": words} for words in quote.words]),
        (
            "Sources",
            [
                {"measure": m, "source": c.title, "address": c.address, "confirmed": c.confirmed}
                for m, c in quote.assessment.citations.items()
            ],
        ),
    ]  # fmt: skip


def _charge_row(charge: Charge) -> dict[str, Any]:
    return {
        "line": charge.line_no or "all",
        "charge": f"{charge.kind.value} {charge.type_code}",
        "base": charge.base,
        "rate": charge.rate,
        "result": charge.result,
        "collected": charge.collection.value + (f" ({charge.relief})" if charge.relief else ""),
    }


def _finding_row(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule_id,
        "severity": finding.severity.value,
        "at": finding.pointer,
        "seen": finding.value,
        "words": finding.words,
        "hint": finding.hint,
    }


def _print_findings(findings: tuple[Finding, ...], output_as: Output) -> None:
    if output_as.json:
        output.print_json({"findings": findings})
    else:
        output.print_rows([_finding_row(finding) for finding in findings], output_as, title="It cannot be quoted")
