"""Interest on what is overdue: worked out up to a day by the law's own figures, and posted once for each day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, Protocol

from msgspec import Struct

from tidewaiter.model.errors import NotInForceError
from tidewaiter.regimes import Regime
from tidewaiter.revenue import interest
from tidewaiter.revenue.obligations import scheme_of
from tidewaiter.revenue.payments import Debt
from tidewaiter.revenue.postings import Account, Entry, Posting

MONTH_DUE: Final = "month due"
ONE_DAY: Final = timedelta(days=1)
ZERO: Final = Decimal(0)

Law = Callable[[str, date], Regime]  # a jurisdiction's law on a day; raises NotInForceError


class Books(Protocol):
    """What charging interest needs of the accounts."""

    def open_debts(self, party: str = "") -> list[Debt]:
        """Debts not yet paid."""

    def movements(self, debt: Debt, types: Sequence[str]) -> list[interest.Movement]:
        """What changed one debt, and from which day on."""

    def interest_until(self, debt: Debt) -> date | None:
        """The last day interest was charged for."""

    def post(self, postings: Sequence[Posting]) -> int:
        """Book postings."""


class Charged(Struct, frozen=True, kw_only=True):
    """What interest came of one overdue debt, for which days, or why none was charged."""

    party: str
    scheme: str
    period: str
    currency: str
    since: date | None
    until: date
    interest: Decimal
    words: str


def charge_interest(books: Books, law: Law, on: date, party: str = "") -> list[Charged]:
    """Charge interest on every debt that is overdue on a day, up to and with that day; one row for each such debt.

    A day that was charged before is not charged again.
    """
    found = []
    for debt in books.open_debts(party):
        if debt.due is not None and debt.due < on:
            row, posting = _of_debt(debt, books, law, on)
            if posting is not None:
                books.post([posting])
            found.append(row)
    return found


def _of_debt(debt: Debt, books: Books, law: Law, on: date) -> tuple[Charged, Posting | None]:
    terms = _terms(debt, law)
    if terms is None:
        return _row(debt, None, on, ZERO, "the law modelled here says nothing of interest on this account"), None
    if terms.why_not:
        return _row(debt, None, on, ZERO, terms.why_not), None
    movements = books.movements(debt, terms.types)
    before = books.interest_until(debt)
    if before is None and not any(each.amount > 0 for each in movements):
        return _row(
            debt, None, on, ZERO, "nothing of it bears interest: the law names the types of charge that do"
        ), None
    since = before + ONE_DAY if before else min(each.counts_from for each in movements if each.amount > 0)
    if since > on:
        return _row(debt, None, on, ZERO, f"charged up to {before}"), None
    return _grown(debt, terms, (since, on), (movements, _rate(debt, terms, law)))


def _grown(
    debt: Debt,
    terms: interest.Terms,
    range_: tuple[date, date],
    given: tuple[list[interest.Movement], interest.Rate],
) -> tuple[Charged, Posting | None]:
    """What grew in a range of days; up to the day before the first for which no rate is confirmed."""
    since, until = range_
    movements, rate = given
    spans = [span for span in interest.overdue(movements, since, until) if span.owed >= terms.least]
    exact, unknown = interest.grown(spans, rate)
    words = ""
    if unknown:
        words = f"no confirmed rate is known from {min(unknown)} on: nothing is charged by guess"
        until = min(unknown) - ONE_DAY
        if until < since:
            return _row(debt, since, range_[1], ZERO, words), None
        exact, _ = interest.grown(
            [span for span in interest.overdue(movements, since, until) if span.owed >= terms.least], rate
        )
    if exact < terms.minimum:
        return _row(debt, since, until, ZERO, words or f"{exact:.2f} is less than the law charges"), None
    where = Entry(
        account=Account.RECEIVABLE, amount=ZERO, currency=debt.currency, party=debt.party, scheme=debt.scheme,
        period=debt.period,
    )  # fmt: skip
    posting = interest.charged(where, (since, until), exact)
    if posting is None:
        return _row(debt, since, until, ZERO, words or "less than a hundredth has grown"), None
    return _row(debt, since, until, posting.entries[0].amount, words or f"{exact:.6f}, rounded down"), posting


def _obligation(debt: Debt, law: Regime) -> str:
    """The name of the law's obligation that books to this account; "" for none."""
    for measure_id, obligation in law.law.obligations.items():
        if scheme_of(law.jurisdiction_code, obligation.account) == debt.scheme:
            return measure_id.removeprefix("obligation.")
    return ""


def _terms(debt: Debt, law: Law) -> interest.Terms | None:
    """The law's terms on the day the debt was due; None where it has none."""
    assert debt.due is not None
    try:
        regime = law(debt.scheme.partition(" ")[0], debt.due)
    except NotInForceError:
        return None
    name = f"interest.{_obligation(debt, regime)}"
    rate = regime.law.figures.get(f"{name}.rate")
    if rate is None:
        why = regime.law.ended.get(f"{name}.rate")
        return interest.Terms(why_not=f"no rate is known: {why}") if why else None
    if not regime.citation(f"{name}.rate").confirmed:
        return interest.Terms(why_not="the rate is not confirmed: nothing is charged by guess")
    figures, rules = regime.figures, regime.law.rules
    return interest.Terms(
        rate_by=rules.get(f"{name}.reckoning", "day"),
        types=tuple(rules.get(f"{name}.types", "").split()),
        least=figures[f"{name}.least"].value if f"{name}.least" in figures else ZERO,
        minimum=figures[f"{name}.minimum"].value if f"{name}.minimum" in figures else ZERO,
    )


def _rate(debt: Debt, terms: interest.Terms, law: Law) -> interest.Rate:
    """The rate on a day: the day's own, or that of the first day of the month in which the debt fell due."""
    jurisdiction_code = debt.scheme.partition(" ")[0]

    def on_day(day: date) -> Decimal | None:
        asked = debt.due.replace(day=1) if terms.rate_by == MONTH_DUE and debt.due is not None else day
        try:
            regime = law(jurisdiction_code, asked)
        except NotInForceError:
            return None
        name = f"interest.{_obligation(debt, regime)}.rate"
        figure = regime.law.figures.get(name)
        return figure.value if figure is not None and regime.citation(name).confirmed else None

    return on_day


def _row(debt: Debt, since: date | None, until: date, amount: Decimal, words: str) -> Charged:
    return Charged(
        party=debt.party, scheme=debt.scheme, period=debt.period, currency=debt.currency, since=since, until=until,
        interest=amount, words=words,
    )  # fmt: skip
