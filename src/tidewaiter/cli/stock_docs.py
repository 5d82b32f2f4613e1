"""The reference of stock accounts: what is told, field by field, how an account is derived, and the law as data has it."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from tidewaiter.messages.shape import Element, Kind, elements
from tidewaiter.stock.counting import StockCount
from tidewaiter.stock.facts import INS
from tidewaiter.stock.facts import Kind as FactKind
from tidewaiter.stock.filings import BuyerReturn, Entry, Order
from tidewaiter.stock.report import render_stock_law

DEPTH_MAX = 3  # a party has an address; deeper nothing is wanted
ABOUT = """\
<!-- made by `tidewaiter docs write` -->

# Stock in free zones and customs warehouses

An account for each operator and place. It is not kept by changing balances: it is *derived* from facts that are only ever
added, by one pure function (`tidewaiter.stock.derive`). The same facts give the same account in whatever order they came. Why:
[ADR 43](../adr/0043-stock-is-derived-from-facts.md); step by step: [how to](../how-to/stock.md).

## What holds at every moment

- No balance is negative. What a fact takes out and is not there is not booked; it is told as *uncovered*, and is covered by itself
  when the receipt that was missing comes.
- In = out + stock, for each lot: quantity, value, and duties and taxes suspended, to the hundredth. A part of a lot's value is the
  difference of two rounded balances, so that parts always come to the whole.
- A fact has the moment it took effect and the moment it was recorded. A statement may be asked for as it was known at a moment.
- A correction takes back one fact, whole, with a reason; the right one is told beside it. Nothing is changed or deleted: the
  database refuses it.
- A fact told twice (a doubled event, a repeated message) counts once: each has a source of its own in the account.
- Facts that name no lot draw on lots in the order the law sets, and leave what later facts, or declarations under way, need of a lot
  that they name.

## What moves goods

| what | direction | what moves it |
|---|---|---|
"""
MOVES = {
    FactKind.RECEIVED_ABROAD: "release of the entry's declaration; where the law wants none, the entry itself",
    FactKind.RECEIVED_LOCAL: "the entry: goods in free circulation, nothing suspended",
    FactKind.TRANSFERRED_IN: "an officer's transfer: a lot of its own, with its part of value and suspension",
    FactKind.RETURNED: "a return, or an event with disposition `returned` that names the order: back to the lot it was sold from",
    FactKind.SOLD_LOCAL: "release of the order's declaration for the local market",
    FactKind.SOLD_ABROAD: "release of the order's re-export declaration or notification",
    FactKind.TRANSFERRED_OUT: "an officer's transfer",
    FactKind.DESTROYED: "an officer's act with a certificate, or an event `destroying`",
    FactKind.SAMPLE: "an officer's act, or an event `sampling`",
    FactKind.LOSS: "an officer answers for a stock-taking; an event `losing`; an event that leaves by no order",
    FactKind.CORRECTION: "an officer's correction, an event's error declaration, a declaration invalidated after release",
}
AFTER = """
An order is declared by itself as soon as it is told, in our own form, by the ordinary intake: bytes kept first, then the one
evaluation path. While its declaration waits (payment, examination, documents) what it takes is *reserved*; it leaves on release;
where it is refused, rejected or withdrawn it stays. An order whose buyer lives in the customs territory of the place (a member state
of the same union counts) is declared for the local market, every other for re-export. What was paid or secured on goods that a local
buyer sends back is claimed back as any [return](returns.md).

What is suspended on a lot is what the same evaluation charges on it were it missing, by the law of the day it came in. An order's
own declaration says what is due on it: on the price of the sale by which it leaves, with the reliefs its parcel has.

## Events

Events (EPCIS 2.0) are followed where `bizLocation` or `readPoint` is one of the account's locations. They are believed of the
account's operator, of officers and of this system; anybody else's move nothing and are a finding. Goods are named by GS1 Digital Link
or URN (GTIN, and lot where there is one), or as `https://tidewaiter.example/voc/ref/goods/SKU`, with `/lot/NUMBER` for a lot. An
event that names an order, an entry or a registered number as a business transaction is held against it and moves nothing itself.

| step | named | not named |
|---|---|---|
| `zone_entering`, `arriving`, `receiving`, `storing` | held against the entry: other quantities are `stock.arrived_otherwise` | declared as an entry from its master data (`ilmd`: `commodity_code`, `description`, `unit_value`, `currency`, `origin`, `consignor` in our vocabulary); without them `stock.without_entry` |
| the same with disposition `returned`; `returning` | back to the lots of the order | `stock.not_followed` |
| `zone_leaving`, `shipping`, `departing` | not released: `stock.left_before_release` | lost, with a declaration for the debt: `stock.left_without_declaration` |
| `destroying`, `sampling` | fact, with the certificate | fact, and `stock.unsupervised` |
| `losing` | lost, with a declaration for the debt: `stock.lost` | the same |

## Stock-takings

A count is held against the account at the moment it was made. Fewer are `stock.shortage`, more are `stock.excess`. When an officer
answers for it (`tidewaiter stock book`, the account's page, `POST /api/v1/stock-acts/counts/{count_no}`), what is missing leaves as
lost at the moment of the count, and is declared for the debt on it.

## Worked example

`tidewaiter stock example` runs it; the tests hold it to these figures. 1,000 T-shirts of AED 25,000 come into a free zone.

| | units | value, AED | suspended, AED |
|---|---:|---:|---:|
| received from abroad | 1,000 | 25,000.00 | 2,562.50 |
| sold to the local market, 300 declarations | −300 | −7,500.00 | −768.75 |
| sold abroad, 200 declarations | −200 | −5,000.00 | −512.50 |
| returned by buyers | 20 | 500.00 | 51.25 |
| destroyed under supervision | −5 | −125.00 | −12.81 |
| missing at the count | −2 | −50.00 | −5.13 |
| closing | 513 | 12,825.00 | 1,314.56 |

Suspended is 5 % duty on 25,000 and 5 % tax on 26,250. Each local order is charged AED 3.95 (no duty up to AED 300; tax on 79.00), secured
by the operator's guarantee; 20 of these are given free again for what came back. On the two that are missing 2.50 of duty and 2.63 of
tax are assessed: relief for parcels of low value is not for what is missing.

## What is not done

Return from abroad of goods that were re-exported is booked and not declared anew. Goods are not processed, mixed or packed anew: a lot
stays what it came in as. An account is derived anew when it is looked at: some hundred thousand facts of one account take seconds.
Operators see their accounts by key over REST; the pages are for officers.
"""


def render_stock() -> str:
    """The whole page."""
    lines = [ABOUT.rstrip("\n")]
    for kind, words in MOVES.items():
        direction = "" if kind is FactKind.CORRECTION else "in" if kind in INS else "out"
        lines.append(f"| {kind.value} | {direction} | {words} |")
    lines.append(AFTER)
    lines += ["## What is told", "", "JSON: one record, a list, or one a line. `POST /api/v1/stock/{account}/{kind}`,"]
    lines += ["`tidewaiter stock tell ACCOUNT KIND FILE`.", ""]
    for title, shape in (("entries", Entry), ("orders", Order), ("returns", BuyerReturn), ("count", StockCount)):
        lines += [f"### {title}", "", "| field | holds | required | meaning |", "|---|---|---|---|"]
        lines += [
            f"| `{place}` | {_holds(element)} | {'yes' if element.is_required else ''} | {element.words} |"
            for place, element in _fields(shape, "", 0)
        ]
        lines.append("")
    lines += ["## Law as data has it", "", render_stock_law()]
    return "\n".join(lines).rstrip("\n") + "\n"


def _fields(shape: type[Struct], above: str, depth: int) -> Iterator[tuple[str, Element]]:
    for element in elements(shape).values():
        place = f"{above}{element.name}{'[]' if element.is_list else ''}"
        if element.group is None:
            yield place, element
        elif depth < DEPTH_MAX:
            yield from _fields(element.group, f"{place}.", depth + 1)


def _holds(element: Element) -> str:
    if element.kind is Kind.CHOICE:
        return " · ".join(f"`{choice}`" for choice in element.choices)
    return element.kind.value
