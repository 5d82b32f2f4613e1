"""Quotes by an imported tariff: the declaration that names one bears the same cents; a newer edition is told as a cause."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from returns import IMPORTED_ON, a_return, an_event, declaration, hand_in, import_goods
from tidewaiter.cli.app import main
from tidewaiter.model.money import Money
from tidewaiter.quotes.basket import Basket, BasketItem
from tidewaiter.quotes.comparing import Aspect, Comparison
from tidewaiter.store import PostgresStore
from tidewaiter.store.accounts import BOOKKEEPING
from tidewaiter.store.settings import DATABASE_URL_VARIABLE
from tidewaiter.tariff.importing import Heading, Source
from tidewaiter.web.public.law import law
from tidewaiter.workflow import replay
from tidewaiter.workflow.bookkeeping import Bookkeeper
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.quoting import GivenQuote, Quoting, quote
from tidewaiter.workflow.return_reading import decision_of, replay_all
from tidewaiter.workflow.tariffs import Edition, import_files, known

D = Decimal
TRAINERS, BAG = "6404110000", "4202210090"
FIRST = date(2026, 1, 1)


def bring_in(store: PostgresStore, begins: date = FIRST, **rates: str) -> Edition:
    """An edition with these rates, on trainers and bags."""
    body = "commodity,description,ukgt_duty_rate\n"
    body += f"{TRAINERS},Trainers,{rates['trainers']}\n{BAG},Handbags,{rates['bag']}\n"
    heading, at = Heading("GB", begins, is_partial=True), datetime(2026, 1, 1, tzinfo=UTC)
    return import_files([Source("x", body.encode())], heading, store.tariffs, "ann", at).edition


def basket(currency: str = "GBP") -> Basket:
    """What `returns.declaration` declares."""
    items = (
        BasketItem(
            description="Men's trainers, textile upper, rubber sole", commodity_code=TRAINERS, origin_country_code="CN",
            invoice_price=Money(D(150), currency), quantity=D(3),
        ),
        BasketItem(
            description="Handbag, outer surface of leather", commodity_code=BAG, origin_country_code="CN",
            invoice_price=Money(D(100), currency), quantity=D(1),
        ),
    )  # fmt: skip
    return Basket(jurisdiction_code="GB", goods_items=items, freight=Money(D(16), currency))


def given(store: PostgresStore) -> GivenQuote:
    return Quoting(store).give(basket(), IMPORTED_ON)


def compared(store: PostgresStore, number: int, quote_id: object, currency: str = "GBP") -> Comparison:
    """A declaration that names a quote, decided and held against it; what the parts say adds up."""
    declared = declaration(number, quote_id=str(quote_id))
    for amount in (
        *(item["invoice_price"] for item in declared["goods_items"]),
        declared["freight"],
        declared["invoice_amount"],
    ):
        amount["currency"] = currency
    (declaration_id,) = import_goods(store, declared)
    file = store.decision(declaration_id)
    named = Quoting(store).named(file)
    assert named is not None
    found = named.comparison
    assert found is not None, named.findings
    assert file.evaluation.assessment is not None
    assert found.declared_due == file.evaluation.assessment.due
    assert found.quoted_due.amount + sum(each.due for each in found.changes) == found.declared_due.amount
    for side, due in (("quoted", found.quoted_due), ("declared", found.declared_due)):
        assert sum((getattr(line, side).amount for line in found.lines), D(0)) == due.amount
    return found


def test_a_quote_and_its_declaration_rest_on_the_same_edition(store: PostgresStore) -> None:
    shipped = quote(basket(), IMPORTED_ON)
    edition = bring_in(store, trainers="10.0%", bag="2.5%")
    quoted = given(store)
    duties = [each.result.amount for each in quoted.quote.assessment.charges if each.type_code == "A00"]
    assert duties == [D("15.96"), D("2.66")]  # of 150 and 100, with GBP 16 of freight shared between them
    assert quoted.quote.assessment.due != shipped.assessment.due
    assert "tariff.edition" in quoted.quote.assessment.citations
    assert store.knowledge(edition.digest)
    assert law(store, "GB", IMPORTED_ON).digest == quoted.quote.regime_digest  # what the page of the law shows
    found = compared(store, 1, quoted.quote_id)
    assert found.is_same
    assert [each for each in found.changes if each.due or each.at_sale] == []
    assert [line.quoted for line in found.lines] == [line.declared for line in found.lines]


def test_a_newer_edition_is_named_and_its_difference_told_line_by_line(store: PostgresStore) -> None:
    bring_in(store, trainers="10.0%", bag="2.5%")
    quoted = given(store)
    bring_in(store, trainers="12.0%", bag="2.5%")  # a correction of the same edition
    found = compared(store, 1, quoted.quote_id)
    (change,) = [each for each in found.changes if each.due]
    assert (change.aspect, change.due) == (Aspect.LAW, D("3.83"))  # 2 % of 159.60, and VAT on it
    assert change.details == ("Duty by a corrected edition of the tariff of GB in force from 2026-01-01",)
    assert [line.declared.amount - line.quoted.amount for line in found.lines] == [D("3.83"), D(0)]
    bring_in(store, date(2026, 6, 1), trainers="12.0%", bag="4.0%")
    (change,) = [each for each in compared(store, 2, quoted.quote_id).changes if each.due]
    was, now = "tariff of GB in force from 2026-01-01", "tariff of GB in force from 2026-06-01"
    assert change.details == (f"Duty by the {now}, no longer by the {was}",)


def test_a_quote_by_the_table_that_ships_differs_once_a_tariff_is_imported(store: PostgresStore) -> None:
    quoting = Quoting(store)
    quoted = quoting.give(basket(), IMPORTED_ON)
    bring_in(store, trainers="10.0%", bag="2.5%")
    (change,) = [each for each in compared(store, 1, quoted.quote_id).changes if each.due]
    assert change.details == (
        "Duty by the tariff of GB in force from 2026-01-01, no longer by the table of rates that ships",
    )
    assert quoting.give(basket(), IMPORTED_ON).quote.assessment.due != quoted.quote.assessment.due  # seen without delay


def test_rates_of_exchange_of_another_day_are_one_cause_and_the_edition_another(store: PostgresStore) -> None:
    bring_in(store, trainers="10.0%", bag="2.5%")
    bring_in(store, date(2026, 6, 1), trainers="12.0%", bag="2.5%")
    quoted = Quoting(store).give(basket("EUR"), date(2026, 5, 28))
    assert quoted.quote.valid_until == date(2026, 5, 31)  # the last day of the edition
    found = compared(store, 1, quoted.quote_id, "EUR")
    exchange, other = (each for each in found.changes if each.due)
    assert (exchange.aspect, other.aspect) == (Aspect.EXCHANGE, Aspect.LAW)
    assert "EUR" in exchange.declared
    assert other.details[0].startswith("Duty by the tariff of GB in force from 2026-06-01")
    assert D("3.20") < other.due < D("3.45")  # 2 % of EUR 159.60 in pounds, and VAT on it


def test_a_refund_and_running_everything_again_work(store: PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    bring_in(store, trainers="10.0%", bag="2.5%")
    quoted = given(store)
    found = compared(store, 1, quoted.quote_id)
    bring_in(store, trainers="12.0%", bag="2.5%")
    compared(store, 2, quoted.quote_id)
    books = Bookkeeper(store, store.accounts, Desk(store))
    books.catch_up(BOOKKEEPING)
    assert hand_in(store, a_return(1, exit_event=an_event(1))).counts == {"remission": 1}
    assert decision_of(store.returns.case(1).decisions[-1]).total == found.declared_due.amount
    books.catch_up(BOOKKEEPING)
    assert books.reconcile(store.returns.totals).is_exact
    assert replay_all(store).is_clean
    report = replay.replay_all(store, workers=1)
    assert (report.replayed, report.same) == (2, 2), report.differences
    monkeypatch.setenv(DATABASE_URL_VARIABLE, store.url)
    with pytest.raises(SystemExit) as left:
        main(["decision", "replay", "--all"])
    assert not left.value.code


def test_the_command_uses_the_tariff_of_the_database_without_keeping_anything(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(DATABASE_URL_VARIABLE, store.url)
    asked = ["quote", "--to", "GB", "--on", f"{IMPORTED_ON}", "--item", "Men's trainers", "--code", TRAINERS, "--origin", "CN", "--price", "1000 GBP"]  # fmt: skip
    said = []
    for rate in ("", "10.0%", "11.0%"):
        if rate:
            bring_in(store, trainers=rate, bag="2.5%")
        with pytest.raises(SystemExit):
            main(asked)
        said.append(" ".join(capsys.readouterr().out.split()))
    assert "those that ship, as no tariff is imported for this day" in said[0]
    assert "duty rates the tariff of GB in force from 2026-01-01" in said[1]
    assert "100.00 GBP" in said[1]
    assert "110.00 GBP" in said[2]
    assert known(store).next_edition("GB", date(2025, 12, 31)) == FIRST
