"""Why a declaration's amounts differ from its quote's: one change at a time, each assessed, so that the differences add up.

The quote's declaration is turned into the declared one step by step (a line, a price, a code, the rates of exchange,
the law of the other day) and assessed after each. What each step moves is its difference; their sum is the difference
of the totals because each begins where the one before ended. What depends on two changes together falls to the later.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.assessment import assess
from tidewaiter.model.assessment import Assessment, Collection
from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.money import Money
from tidewaiter.quotes.laws import changes_of_law, rates_in_words
from tidewaiter.quotes.matching import matched
from tidewaiter.quotes.quote import Quote
from tidewaiter.regimes import Regime
from tidewaiter.regimes.prices import price_of

ZERO: Final = Decimal(0)
WORK_MAX: Final = 20_000  # lines assessed for one kind of change; beyond, it is taken on all lines at once


class Aspect(StrEnum):
    """What a difference is about."""

    SOFTWARE = "software"
    LINE_MISSING = "line missing"
    LINE_ADDED = "line added"
    DESCRIPTION = "description"
    CODE = "commodity code"
    ORIGIN = "origin"
    QUANTITY = "quantity"
    MASS = "mass"
    CURRENCY = "currency"
    PRICE = "price"
    LINE_FREIGHT = "freight of the line"
    LINE_PROCEDURE = "procedure of the line"
    FREIGHT = "freight"
    INSURANCE = "insurance"
    DISCOUNT = "discount"
    REGISTRATION = "who accounts for the tax"
    TRANSPORT = "transport"
    DATASET = "dataset and procedure"
    EXCHANGE = "exchange rates"
    LAW = "law of another day"
    REST = "other particulars"
    PERSONS = "the persons behind it"


# Fields of a goods item by what a change of them is, in the order in which they are taken over.
OF_LINES: Final[Mapping[Aspect, tuple[str, ...]]] = {
    Aspect.DESCRIPTION: ("description",),
    Aspect.CODE: ("commodity_code", "additional_codes"),
    Aspect.ORIGIN: ("origin_country_code", "preferential_origin_code"),
    Aspect.QUANTITY: ("quantity", "quantity_unit"),
    Aspect.MASS: ("gross_mass_kg", "net_mass_kg"),
    Aspect.PRICE: ("invoice_price",),
    Aspect.LINE_FREIGHT: ("freight",),
    Aspect.LINE_PROCEDURE: (
        "procedure_code", "previous_procedure_code", "additional_procedure_codes", "duty_regime_code",
        "additional_information", "fiscal_references",
    ),
}  # fmt: skip
OF_THE_WHOLE: Final[Mapping[Aspect, tuple[str, ...]]] = {
    Aspect.FREIGHT: ("freight",),
    Aspect.INSURANCE: ("insurance",),
    Aspect.DISCOUNT: ("discount",),
    Aspect.REGISTRATION: ("seller", "marketplace", "fiscal_references", "tax_collected_at_sale"),
    Aspect.TRANSPORT: ("consignment", "consignor", "consignee", "importer"),
    Aspect.DATASET: ("procedure_category", "type_code", "additional_information"),
}
# Changes a reader wants to see even where they move no amount.
ALWAYS_SHOWN: Final = frozenset({
    Aspect.LINE_MISSING, Aspect.LINE_ADDED, Aspect.CODE, Aspect.ORIGIN, Aspect.CURRENCY, Aspect.PRICE, Aspect.FREIGHT,
    Aspect.INSURANCE, Aspect.DISCOUNT,
})  # fmt: skip


class Totals(NamedTuple):
    """What is paid at the border and what at the sale."""

    due: Decimal
    at_sale: Decimal

    def less(self, other: Totals) -> Totals:
        """The difference."""
        return Totals(self.due - other.due, self.at_sale - other.at_sale)


class Change(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One thing that is not as it was quoted, and what it moves: at the border (`due`) and at the sale.

    `line_no` is the declared line (the quoted one where the line is missing), 0 for the whole.
    """

    aspect: Aspect
    line_no: int = 0
    quoted: str = ""
    declared: str = ""
    details: tuple[str, ...] = ()
    due: Decimal
    at_sale: Decimal


class LineCompared(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What one line bears as quoted and as declared; a number of 0 says that there is no such line."""

    quoted_line_no: int
    declared_line_no: int
    description: str
    quoted: Money
    declared: Money


class Comparison(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A quote beside the declaration that names it. The changes' amounts add up to the differences of the totals.

    `is_known` is false where either left something unresolved: what is compared is then what could be worked out.
    """

    quoted_due: Money
    declared_due: Money
    quoted_at_sale: Money
    declared_at_sale: Money
    is_same: bool
    is_known: bool
    changes: tuple[Change, ...]
    lines: tuple[LineCompared, ...]


class Declared(Struct, frozen=True):
    """A declaration as it was decided: with its law and its assessment."""

    declaration: Declaration
    regime: Regime
    assessment: Assessment


class _State(NamedTuple):
    declaration: Declaration
    regime: Regime


class _Step(NamedTuple):
    """Where a change leads, and what is said of it; the amounts come with assessing it."""

    state: _State
    aspect: Aspect
    line_no: int = 0
    quoted: str = ""
    declared: str = ""
    details: tuple[str, ...] = ()


def compare(quote: Quote, law: Regime, declared: Declared) -> Comparison:
    """Every difference between a quote (under its own `law`) and a declaration of the same jurisdiction."""
    quoted, final = _totals(quote.assessment), _totals(declared.assessment)
    pairs = matched(quote.declaration.goods_items, declared.declaration.goods_items)
    changes = tuple(_changes(quote, _State(quote.declaration, law), declared, pairs))
    currency = quote.assessment.due.currency
    return Comparison(
        quoted_due=Money(quoted.due, currency),
        declared_due=Money(final.due, currency),
        quoted_at_sale=Money(quoted.at_sale, currency),
        declared_at_sale=Money(final.at_sale, currency),
        is_same=quoted == final,
        is_known=not (quote.assessment.unresolved or declared.assessment.unresolved),
        changes=changes,
        lines=tuple(_lines(quote.assessment, declared, pairs)),
    )


Pairs = tuple[tuple[GoodsItem | None, GoodsItem | None], ...]


def _changes(quote: Quote, start: _State, declared: Declared, pairs: Pairs) -> Iterator[Change]:
    totals = _totals(quote.assessment)
    for step in _steps(start, declared, pairs):
        is_last = step.aspect is Aspect.PERSONS
        reached = _totals(declared.assessment) if is_last else _totals_of(step.state)
        if reached is None:
            continue  # not to be assessed half way: what it moves comes with the next step
        moved = reached.less(totals)
        totals = reached
        if any(moved) or step.aspect in ALWAYS_SHOWN:
            yield Change(
                aspect=step.aspect, line_no=step.line_no, quoted=step.quoted, declared=step.declared,
                details=step.details, due=moved.due, at_sale=moved.at_sale,
            )  # fmt: skip


def _steps(start: _State, declared: Declared, pairs: Pairs) -> Iterator[_Step]:
    """From the quote to the declaration, one change at a time; then whatever is still not the same."""
    yield _Step(start, Aspect.SOFTWARE)  # only moves anything where other software makes something else of the quote
    state = start
    for step in _line_steps(start, declared.declaration, pairs):
        state = step.state
        yield step
    for aspect, fields in OF_THE_WHOLE.items():
        there = {field: getattr(declared.declaration, field) for field in fields}
        before = {field: getattr(state.declaration, field) for field in fields}
        if there != before:
            state = _State(replace(state.declaration, **there), state.regime)
            yield _Step(state, aspect, 0, _shown(before), _shown(there))
    yield from _law_steps(state, declared)
    as_declared = _State(declared.declaration, declared.regime)
    yield _Step(as_declared, Aspect.REST)
    yield _Step(as_declared, Aspect.PERSONS)  # what they brought in before and what they elected: no quote knows it


def _law_steps(state: _State, declared: Declared) -> Iterator[_Step]:
    old, new = state.regime.law, declared.regime.law
    if state.regime.digest == declared.regime.digest:
        return
    if old.exchanges != new.exchanges:
        currencies = _currencies(state.declaration)
        between = _State(state.declaration, Regime.of(replace(old, exchanges=new.exchanges), state.regime.tariff))
        quoted, there = rates_in_words(old, currencies), rates_in_words(new, currencies)
        yield _Step(between, Aspect.EXCHANGE, 0, quoted, there)
    details = changes_of_law(old, new)
    days = (f"{old.legal_day:%Y-%m-%d}", f"{new.legal_day:%Y-%m-%d}")
    yield _Step(_State(state.declaration, declared.regime), Aspect.LAW, 0, *days, details)


def _line_steps(start: _State, declaration: Declaration, pairs: Pairs) -> Iterator[_Step]:
    items = list(start.declaration.goods_items)
    apart_max = WORK_MAX // max(len(pairs), 1)
    missing = [quoted for quoted, there in pairs if quoted is not None and there is None]
    added = [there for quoted, there in pairs if quoted is None and there is not None]
    for several in _each_or_all(missing, apart_max):
        gone = {item.line_no for item in several}
        items = [item for item in items if item.line_no not in gone]
        line_no, words = _named(several)
        yield _Step(_with_items(start, items), Aspect.LINE_MISSING, line_no, words)
    both = [(quoted, there) for quoted, there in pairs if quoted is not None and there is not None]
    places = {item.line_no: place for place, item in enumerate(items)}
    for aspect, fields in OF_LINES.items():
        differing = [(places[quoted.line_no], there) for quoted, there in both if _differ(quoted, there, fields, declaration)]  # fmt: skip
        is_apart = len(differing) <= apart_max
        for place, there in differing:
            before = items[place]
            items[place] = after = replace(before, **_taken(there, fields, declaration))
            if is_apart:
                exactly, said = _more_exactly(aspect, before, after), _said(aspect, before, after)
                yield _Step(_with_items(start, items), exactly, there.line_no, *said)
        if differing and not is_apart:
            yield _Step(_with_items(start, items), aspect, 0, "", f"on {len(differing)} lines")
    number = max((item.line_no for item in items), default=0)
    for several in _each_or_all(added, apart_max):
        for there in several:
            number += 1
            items.append(replace(there, line_no=number, invoice_price=price_of(there, declaration)))
        line_no, words = _named(several, declaration)
        yield _Step(_with_items(start, items), Aspect.LINE_ADDED, line_no, "", words)


def _each_or_all(items: list[GoodsItem], apart_max: int) -> Iterator[list[GoodsItem]]:
    """One at a time, or all in one where they are too many to be assessed one by one."""
    if len(items) <= apart_max:
        yield from ([item] for item in items)
    else:
        yield items


def _named(items: list[GoodsItem], declaration: Declaration | None = None) -> tuple[int, str]:
    if len(items) == 1:
        return items[0].line_no, _line_words(items[0], declaration)
    return 0, f"{len(items)} lines"


def _differ(quoted: GoodsItem, there: GoodsItem, fields: Iterable[str], declaration: Declaration) -> bool:
    return any(getattr(quoted, field) != value for field, value in _taken(there, fields, declaration).items())


def _taken(there: GoodsItem, fields: Iterable[str], declaration: Declaration) -> dict[str, Any]:
    """The declared values of these fields; as price whatever the declaration gives as the price of the line."""
    return {
        field: price_of(there, declaration) if field == "invoice_price" else getattr(there, field) for field in fields
    }


def _with_items(state: _State, items: list[GoodsItem]) -> _State:
    return _State(replace(state.declaration, goods_items=tuple(items)), state.regime)


def _more_exactly(aspect: Aspect, before: GoodsItem, after: GoodsItem) -> Aspect:
    """A price in another currency is called so."""
    if aspect is Aspect.PRICE and before.invoice_price and after.invoice_price:
        is_other = before.invoice_price.currency != after.invoice_price.currency
        return Aspect.CURRENCY if is_other else Aspect.PRICE
    return aspect


def _said(aspect: Aspect, before: GoodsItem, after: GoodsItem) -> tuple[str, str]:
    fields = OF_LINES[aspect]
    return (
        _shown({field: getattr(before, field) for field in fields}),
        _shown({field: getattr(after, field) for field in fields}),
    )


def _shown(values: Mapping[str, Any]) -> str:
    """Values as a reader sees them: texts, numbers, amounts and codes; whole records only as far as they are short."""
    parts = []
    for value in values.values():
        if value is None or value in ("", ()):
            continue
        if isinstance(value, tuple):
            parts.append(", ".join(str(getattr(each, "statement_code", None) or getattr(each, "party_id", None) or each) for each in value))  # fmt: skip
        elif isinstance(value, Struct) and not isinstance(value, Money):
            parts.append(_record_words(value))
        else:
            parts.append(f"{value:f}" if isinstance(value, Decimal) and abs(value.adjusted()) < 30 else str(value))
    return " ".join(filter(None, parts))[:120]


def _record_words(record: Any) -> str:
    """A party by its number or name; transport by its mode and from where."""
    mode = getattr(getattr(record, "border_transport", None), "mode_code", "")
    origin = getattr(record, "export_country_code", "")
    named = (
        getattr(record, "party_id", "") or getattr(record, "name", ""),
        f"mode {mode}" if mode else "",
        f"from {origin}" if origin else "",
    )
    return " ".join(filter(None, named))


def _line_words(item: GoodsItem, declaration: Declaration | None = None) -> str:
    price = item.invoice_price if declaration is None else price_of(item, declaration)
    return " · ".join(filter(None, (item.description[:60], item.commodity_code, str(price or ""))))


def _currencies(declaration: Declaration) -> tuple[str, ...]:
    prices = [price_of(item, declaration) for item in declaration.goods_items]
    amounts = [*prices, declaration.freight, declaration.insurance, declaration.discount]
    return tuple(dict.fromkeys(each.currency for each in amounts if each is not None))


def _totals(assessment: Assessment) -> Totals:
    return Totals(assessment.due.amount, assessment.collected_at_sale.amount)


def _totals_of(state: _State) -> Totals | None:
    try:
        return _totals(assess(state.declaration, state.regime))
    except TidewaiterError:
        return None


def _lines(assessment: Assessment, declared: Declared, pairs: Pairs) -> Iterator[LineCompared]:
    currency = assessment.due.currency
    before, after = _by_line(assessment), _by_line(declared.assessment)
    if 0 in before or 0 in after:
        yield LineCompared(
            quoted_line_no=0, declared_line_no=0, description="",
            quoted=Money(before.get(0, ZERO), currency), declared=Money(after.get(0, ZERO), currency),
        )  # fmt: skip
    for old, new in pairs:
        item = new or old
        assert item is not None
        yield LineCompared(
            quoted_line_no=old.line_no if old else 0,
            declared_line_no=new.line_no if new else 0,
            description=item.description[:80],
            quoted=Money(before.get(old.line_no, ZERO) if old else ZERO, currency),
            declared=Money(after.get(new.line_no, ZERO) if new else ZERO, currency),
        )


def _by_line(assessment: Assessment) -> dict[int, Decimal]:
    found: dict[int, Decimal] = {}
    for charge in assessment.charges:
        if charge.collection is not Collection.NONE:
            found[charge.line_no] = found.get(charge.line_no, ZERO) + charge.result.amount
    return found
