"""Interest on the accounts: by the law's confirmed rates, once for each debt and day."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from msgspec.structs import replace

from tidewaiter.regimes import load_regime
from tidewaiter.revenue.payments import Draft
from tidewaiter.revenue.postings import Account, Entry, Posting
from tidewaiter.store import PostgresStore
from tidewaiter.store.accounts import MATCHING
from tidewaiter.workflow.interest import charge_interest
from tidewaiter.workflow.paying import take_payment

D = Decimal
DUE = date(2026, 7, 1)


def charge(scheme: str, currency: str, duty: str, vat: str, *, due: date = DUE) -> Posting:
    owed = Entry(
        account=Account.RECEIVABLE, amount=D(duty) + D(vat), currency=currency, party="OP1", scheme=scheme,
        period=f"{due:%Y-%m}",
    )  # fmt: skip
    entries = (
        owed,
        replace(owed, account=Account.REVENUE, amount=-D(duty), type_code="A00"),
        replace(owed, account=Account.REVENUE, amount=-D(vat), type_code="B00"),
    )
    return Posting(
        key=f"charge:1:{scheme}:{due}",
        kind="charge",
        booked_on=due,
        entries=entries,
        subject=f"S {scheme} {due}",
        due=due,
    )


def test_duty_bears_interest_once_for_each_day(store: PostgresStore) -> None:
    books = store.accounts
    books.post([charge("GB customs revenue", "GBP", "1000.00", "500.00")])
    (first,) = charge_interest(books, load_regime, date(2026, 7, 11))
    assert first.interest == D("1.98")  # 1000 × 7.25 % × 10/365 = 1.986…
    assert (first.since, first.until) == (date(2026, 7, 2), date(2026, 7, 11))
    (again,) = charge_interest(books, load_regime, date(2026, 7, 11))
    assert (again.interest, again.words) == (0, "charged up to 2026-07-11")
    take_payment(
        Draft(reference="P1", amount=D("400.00"), currency="GBP", booked_on=date(2026, 7, 17), payer="OP1"),
        books,
        MATCHING,
    )
    (then,) = charge_interest(books, load_regime, date(2026, 7, 21))
    assert then.interest == D("1.58")  # (1000 × 5 + 600 × 5) × 7.25 % / 365 = 1.589…; none on interest
    assert then.since == date(2026, 7, 12)
    assert books.open_debts()[0].owed == D("1103.5600")


def test_each_day_at_the_rate_it_had(store: PostgresStore) -> None:
    store.accounts.post([charge("GB customs revenue", "GBP", "36500.00", "0.01", due=date(2025, 5, 25))])
    (row,) = charge_interest(store.accounts, load_regime, date(2025, 5, 29))
    assert row.interest == 2 * D("8.00") + 2 * D("7.75")  # 26 and 27 May, then 28 and 29


def test_a_small_debt_of_duty_bears_none(store: PostgresStore) -> None:
    store.accounts.post([charge("GB customs revenue", "GBP", "8.99", "5000.00")])
    (row,) = charge_interest(store.accounts, load_regime, date(2026, 7, 31))
    assert row.interest == 0


def test_a_debt_of_tax_alone_says_that_none_of_it_bears_interest(store: PostgresStore) -> None:
    store.accounts.post([charge("GB customs revenue", "GBP", "0.00", "500.00")])
    (row,) = charge_interest(store.accounts, load_regime, date(2026, 7, 31))
    assert (row.interest, row.since) == (0, None)
    assert "nothing of it bears interest" in row.words


def test_nothing_is_charged_by_guess(store: PostgresStore) -> None:
    books = store.accounts
    books.post([
        charge("DE duty, deferment where granted", "EUR", "1000.00", "0.00"),
        charge("SG customs revenue", "SGD", "0.00", "1000.00"),
    ])  # fmt: skip
    rows = {row.scheme: row for row in charge_interest(books, load_regime, date(2026, 8, 31))}
    assert "not confirmed" in rows["DE duty, deferment where granted"].words
    assert "says nothing of interest" in rows["SG customs revenue"].words
    assert [row.interest for row in rows.values()] == [0, 0]


def test_days_whose_rate_is_not_known_are_left_for_later(store: PostgresStore) -> None:
    store.accounts.post([charge("GB customs revenue", "GBP", "36500.00", "0.01", due=date(2026, 11, 20))])
    (row,) = charge_interest(store.accounts, load_regime, date(2026, 11, 27))
    assert (row.interest, row.until) == (3 * D("7.25"), date(2026, 11, 23))
    assert "2026-11-24" in row.words
    (again,) = charge_interest(store.accounts, load_regime, date(2026, 11, 28))
    assert again.interest == 0
