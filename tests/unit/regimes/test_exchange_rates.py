"""Whose exchange rate of which day: the penultimate Wednesday, the last but one day of the month, the month as published."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tidewaiter.model.errors import LawDataError, NotInForceError
from tidewaiter.regimes import exchange, load_regime


@pytest.mark.parametrize(
    ("on", "published"),
    [
        (date(2026, 11, 1), date(2026, 10, 21)),  # Wednesdays 7, 14, 21, 28
        (date(2026, 11, 30), date(2026, 10, 21)),
        (date(2026, 10, 1), date(2026, 9, 23)),  # the month ends on a Wednesday
        (date(2024, 3, 1), date(2024, 2, 21)),
        (date(2022, 1, 15), date(2021, 12, 22)),
        (date(2025, 1, 1), date(2024, 12, 18)),  # 25 December is the last
    ],
)
def test_the_penultimate_wednesday_of_the_month_before(on: date, published: date) -> None:
    assert exchange.by_rule(exchange.PENULTIMATE_WEDNESDAY, "EUR", on).published_on == published


@pytest.mark.parametrize(
    ("on", "published"),
    [
        (date(2026, 11, 1), date(2026, 10, 29)),  # before the 30th
        (date(2026, 7, 1), date(2026, 6, 26)),  # before Monday 29 June: Friday
    ],
)
def test_the_rate_for_amounts_of_the_law(on: date, published: date) -> None:
    assert exchange.by_rule(exchange.BEFORE_PENULTIMATE_DAY, "DKK", on).published_on == published


def test_a_day_without_publication_takes_the_last_before() -> None:
    assert exchange.ecb_reference_rates(date(2024, 12, 25))[0] == date(2024, 12, 24)
    assert exchange.ecb_reference_rates(date(2026, 10, 25))[0] == date(2026, 10, 23)


def test_exact_decimals_and_no_rate_where_none_was_published() -> None:
    on, rates = exchange.ecb_reference_rates(date(2026, 10, 30))
    assert on == date(2026, 10, 30)
    assert str(rates["USD"]) == "1.1172"
    assert str(rates["ISK"]) == "136"
    assert rates["EUR"] == 1
    assert "RUB" not in rates


@pytest.mark.parametrize("on", [date(1999, 1, 1), date(2999, 1, 1)])
def test_outside_the_series_there_is_no_rate(on: date) -> None:
    with pytest.raises(NotInForceError) as refused:
        exchange.by_rule(exchange.PENULTIMATE_WEDNESDAY, "EUR", on)
    assert exchange.SUPPLEMENT in refused.value.hint


def test_a_rule_that_is_none() -> None:
    with pytest.raises(LawDataError):
        exchange.by_rule("at noon", "EUR", date(2026, 11, 1))


def test_published_months_come_before_the_fallback() -> None:
    """HMRC's rates for June 2026 as also quoted elsewhere: EUR 1.1550, USD 1.3399, CNY 9.1168."""
    found = exchange.by_month("GB/exchange-monthly.csv", date(2026, 6, 30))
    assert found is not None
    assert {code: found.rates[code] for code in ("EUR", "USD", "CNY")} == {
        "EUR": (Decimal(1), Decimal("1.1550")),
        "USD": (Decimal(1), Decimal("1.3399")),
        "CNY": (Decimal(1), Decimal("9.1168")),
    }
    assert exchange.by_month("GB/exchange-monthly.csv", date(2020, 12, 31)) is None
    assert load_regime("GB", date(2026, 6, 30)).citation("exchange.valuation").confirmed


def test_the_fallback_says_that_it_is_not_confirmed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "by_month", lambda *_: None)
    regime = load_regime.__wrapped__("GB", date(2026, 6, 30))
    assert not regime.citation("exchange.valuation").confirmed
    assert "ECB" in regime.exchange.words
    assert "USD" in regime.exchange.rates
