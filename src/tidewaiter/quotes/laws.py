"""What differs between the laws of two days, in words: figures, rates, what began and what ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from tidewaiter.regimes.law import Content
from tidewaiter.regimes.regime import EXCHANGE

DETAILS_MAX: Final = 20
CODES_MAX: Final = 5  # of changed rates in a table, named one by one


def changes_of_law(old: Content, new: Content) -> tuple[str, ...]:
    """Each measure that is not the same, at most twenty of them; the rest as a count."""
    found = list(dict.fromkeys((*_tariff(old, new), *_figures(old, new), *_tables(old, new), *_structure(old, new))))
    if len(found) > DETAILS_MAX:
        found[DETAILS_MAX:] = [f"and {len(found) - DETAILS_MAX} more"]
    return tuple(found)


def rates_in_words(law: Content, currencies: Sequence[str]) -> str:
    """The rates of exchange for these currencies as the law of a day has them."""
    exchange = law.exchanges[EXCHANGE]
    rates = [
        f"{rate[0]} {law.currency} = {rate[1]} {currency}"
        for currency in currencies
        if (rate := exchange.rates.get(currency)) is not None
    ]
    return "; ".join(rates) + (f" ({exchange.words})" if rates else "")


def _figures(old: Content, new: Content) -> Iterator[str]:
    for measure_id in sorted(old.figures.keys() | new.figures.keys()):
        before, after = old.figures.get(measure_id), new.figures.get(measure_id)
        if before is not None and after is not None:
            if (before.value, before.unit) != (after.value, after.unit):
                yield f"{after.title}: {before.value:f} {before.unit} → {after.value:f} {after.unit} since {after.since:%Y-%m-%d}"
        elif after is not None:
            yield f"{after.title}: {after.value:f} {after.unit} since {after.since:%Y-%m-%d}"
        elif before is not None:
            yield f"{before.title}: ended{_why(measure_id, new)}"


def _tariff(old: Content, new: Content) -> Iterator[str]:
    """Another edition of an imported tariff, or one where there was none."""
    before, after = (law if law and law.replaces else None for law in (old.tariff, new.tariff))
    if (before and before.digest) == (after and after.digest):
        return
    if before and after and before.edition == after.edition:
        yield f"Duty by a corrected edition of the {after.edition}"
        return
    shipped = "the table of rates that ships"
    was, now = (f"the {law.edition}" if law else shipped for law in (before, after))
    yield f"Duty by {now}, no longer by {was}"


def _tables(old: Content, new: Content) -> Iterator[str]:
    for measure_id, after in new.tables.items():
        before = old.tables.get(measure_id, {})
        changed = sorted(code for code in before.keys() | after.keys() if before.get(code) != after.get(code))
        if changed:
            named = [
                f"{code}: {before.get(code, 'none')} % → {after.get(code, 'none')} %" for code in changed[:CODES_MAX]
            ]
            more = f" and {len(changed) - CODES_MAX} more" if len(changed) > CODES_MAX else ""
            yield f"{new.titles.get(measure_id, measure_id)}: {', '.join(named)}{more}"


def _structure(old: Content, new: Content) -> Iterator[str]:
    """Schemes, charges and lists of goods that began, ended or read otherwise."""
    pairs = (
        ({each.measure_id: each for each in old.schemes}, {each.measure_id: each for each in new.schemes}),
        ({each.measure_id: each for each in old.addons}, {each.measure_id: each for each in new.addons}),
        (old.charges, new.charges),
        (old.goods, new.goods),
        (old.gaps, new.gaps),
        (old.roundings, new.roundings),
        (old.valuations, new.valuations),
        (old.price_shares, new.price_shares),
    )
    for before, after in pairs:
        for measure_id in sorted(before.keys() | after.keys()):
            if measure_id not in before:
                yield f"{new.titles.get(measure_id, measure_id)}: new"
            elif measure_id not in after:
                yield f"{old.titles.get(measure_id, measure_id)}: ended{_why(measure_id, new)}"
            elif before[measure_id] != after[measure_id]:
                yield f"{new.titles.get(measure_id, measure_id)}: changed"


def _why(measure_id: str, law: Content) -> str:
    act = law.ended.get(measure_id, "")
    return f" ({act})" if act else ""
