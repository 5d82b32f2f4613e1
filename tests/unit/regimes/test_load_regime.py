"""The law of a day: what is in force, what has ended, what is only expected; and the same again from kept bytes."""

from __future__ import annotations

import pickle
from datetime import date, timedelta
from decimal import Decimal

import pytest

from tidewaiter.model.errors import LawDataError, NotInForceError
from tidewaiter.model.money import Money
from tidewaiter.regimes import Regime, jurisdictions, load_regime
from tidewaiter.regimes.documents import Dated
from tidewaiter.regimes.library import as_of

BEFORE, AFTER = date(2026, 6, 30), date(2026, 7, 1)


def test_what_is_modelled() -> None:
    assert jurisdictions()["DK"] == "Denmark"
    assert {"EU", "GB"} <= jurisdictions().keys()


@pytest.mark.parametrize(
    ("code", "on", "measure_id", "value", "unit"),
    [
        ("GB", AFTER, "relief.low_value.threshold", "135", "GBP"),
        ("GB", AFTER, "relief.gift.threshold", "39", "GBP"),
        ("GB", AFTER, "vat.standard.rate", "20", "%"),
        ("EU", BEFORE, "relief.low_value.threshold", "150", "EUR"),
        ("EU", AFTER, "duty.line.amount", "3", "EUR"),
        ("EU", AFTER, "relief.gift.threshold", "45", "EUR"),
        ("DK", BEFORE, "relief.low_value.threshold", "1150", "DKK"),
        ("DK", AFTER, "relief.gift.threshold", "360", "DKK"),
        ("DK", AFTER, "vat.standard.rate", "25", "%"),
        ("DK", AFTER, "duty.line.amount", "3", "EUR"),  # inherited from the Union
        ("DK", AFTER, "duty.gift_flat.rate", "2.5", "%"),
    ],
)
def test_figures(code: str, on: date, measure_id: str, value: str, unit: str) -> None:
    figure = load_regime(code, on).figure(measure_id)
    assert (str(figure.value), figure.unit) == (value, unit)


@pytest.mark.parametrize(
    ("code", "on", "measure_id", "said"),
    [
        ("EU", AFTER, "relief.low_value.threshold", "2026/382"),
        ("DK", AFTER, "relief.low_value.threshold", "2026/382"),
        ("EU", BEFORE, "duty.line.amount", "not in force"),
        ("EU", AFTER, "vat.standard.rate", "national"),
        ("GB", AFTER, "no.such.figure", "not in force"),
    ],
)
def test_a_figure_not_in_force_is_never_nought(code: str, on: date, measure_id: str, said: str) -> None:
    with pytest.raises(NotInForceError, match=said):
        load_regime(code, on).figure(measure_id)


@pytest.mark.parametrize(
    ("code", "on"),
    [("GB", date(2020, 12, 31)), ("EU", date(2021, 6, 30)), ("DK", date(2021, 6, 30)), ("XX", AFTER), ("../GB", AFTER), ("", AFTER), ("gb", AFTER), ("A" * 600, AFTER)],
)  # fmt: skip
def test_outside_what_is_modelled_there_is_no_law(code: str, on: date) -> None:
    with pytest.raises(NotInForceError) as refused:
        load_regime(code, on)
    assert refused.value.hint


def test_the_dated_value_of_a_day() -> None:
    values: dict[date, str | Dated] = {
        date(2020, 1, 1): "1",
        date(2022, 1, 1): Dated("2", "an act"),
        date(2023, 1, 1): Dated(None, "repeal"),
        date(2030, 1, 1): Dated("9", "announced", "expected"),
    }
    assert as_of(values, date(2019, 12, 31)) is None
    assert as_of(values, date(2021, 12, 31)) == (date(2020, 1, 1), Dated("1"))
    assert as_of(values, date(2022, 1, 1)) == (date(2022, 1, 1), Dated("2", "an act"))
    found = as_of(values, date(2031, 1, 1))
    assert found is not None
    assert found[1].value is None, "what is only expected is not law"


def test_kept_bytes_give_the_same_regime() -> None:
    regime = load_regime("DK", AFTER)
    again = Regime.from_content(regime.content)
    assert again == regime
    assert again.digest == regime.digest
    assert again.law == regime.law
    assert again.content is not None
    assert pickle.loads(pickle.dumps(regime)) == regime
    assert (again.jurisdiction_code, again.legal_day, again.currency) == ("DK", AFTER, "DKK")


def test_altered_bytes_are_another_law_or_none() -> None:
    content = load_regime("GB", AFTER).content
    assert Regime.from_content(content.replace(b'"135"', b'"136"')).digest != load_regime("GB", AFTER).digest
    with pytest.raises(LawDataError):
        Regime.from_content(content[:-1])
    with pytest.raises(LawDataError, match="edition"):
        Regime.from_content(content.replace(b'{"jurisdiction_code"', b'{"edition":99,"jurisdiction_code"', 1))


def test_a_regime_does_not_change() -> None:
    regime = load_regime("GB", AFTER)
    with pytest.raises(AttributeError):
        regime.currency = "EUR"
    assert load_regime("GB", AFTER) is regime


def test_two_days_are_two_laws() -> None:
    assert load_regime("GB", BEFORE).digest != load_regime("GB", BEFORE + timedelta(days=-1)).digest


def test_every_measure_in_force_is_cited() -> None:
    for code in jurisdictions():
        regime = load_regime(code, AFTER)
        law = regime.law
        named = {
            *law.figures,
            *law.charges,
            *law.tables,
            *law.goods,
            *law.gaps,
            *law.rules,
            *law.exchanges,
            *(s.measure_id for s in law.schemes),
        }
        assert named <= law.citations.keys()
        assert all(regime.citation(measure_id).title and regime.citation(measure_id).read_on for measure_id in named)
    with pytest.raises(NotInForceError):
        load_regime("GB", AFTER).citation("no.such.measure")


@pytest.mark.parametrize(
    ("code", "on", "money", "currency", "expected"),
    [
        ("GB", date(2026, 6, 15), Money(Decimal("133.99"), "USD"), "GBP", "100"),
        ("GB", date(2026, 6, 15), Money(Decimal("115.50"), "EUR"), "GBP", "100"),
        ("GB", date(2026, 6, 15), Money(Decimal("115.50"), "EUR"), "USD", "133.99"),
        ("GB", date(2026, 6, 15), Money(Decimal(5), "GBP"), "GBP", "5"),
        ("EU", date(2026, 11, 22), Money(Decimal("112.34"), "USD"), "EUR", "100"),
        ("DK", date(2026, 11, 22), Money(Decimal("112.34"), "USD"), "DKK", "747.46"),
        ("DK", date(2026, 11, 22), Money(Decimal(100), "EUR"), "DKK", "747.46"),
        ("DK", date(2026, 11, 22), Money(Decimal("747.46"), "DKK"), "EUR", "100"),
    ],
)
def test_conversion(code: str, on: date, money: Money, currency: str, expected: str) -> None:
    converted = load_regime(code, on).convert(money, currency)
    assert converted == Money(Decimal(expected), currency)


def test_conversion_shows_its_rate() -> None:
    shown = load_regime("DK", date(2026, 11, 22)).conversion(Money(Decimal("112.34"), "USD"), "DKK")
    assert shown.money == Money(Decimal("747.46"), "DKK")
    assert "2026-10-21" in shown.step.words
    assert shown.step.measure_id == "exchange.valuation"


@pytest.mark.parametrize(
    "money", [Money(Decimal(1), "XXX"), Money(Decimal("NaN"), "USD"), Money(Decimal("1E+999"), "USD")]
)
def test_what_cannot_be_converted(money: Money) -> None:
    with pytest.raises(NotInForceError):
        load_regime("GB", AFTER).convert(money, "GBP")
