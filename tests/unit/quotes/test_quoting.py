"""What is quoted: datasets found by the law itself, findings about the goods alone, controls without lists."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from tidewaiter.assessment import assess
from tidewaiter.model.declaration import Party
from tidewaiter.model.errors import LimitExceededError, NotInForceError
from tidewaiter.model.judgement import ReasonKind
from tidewaiter.model.money import Money
from tidewaiter.quotes.basket import Basket, BasketItem, Trade
from tidewaiter.quotes.quote import Entry, Quote, QuoteImpossibleError
from tidewaiter.quotes.telling import registration_of
from tidewaiter.regimes import jurisdictions, load_regime
from tidewaiter.revenue.obligations import obligations
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.quoting import Quoting, quote, registration_in

DAY = date(2026, 7, 14)
HOW_TO = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "quote.md"


def item(price: str = "40", currency: str = "EUR", **more: Any) -> BasketItem:
    said = {"description": "Cotton T-shirts for men", "commodity_code": "610910", "origin_country_code": "CN"} | more
    return BasketItem(invoice_price=Money(Decimal(price), currency), **said)


def asked(code: str, *items: BasketItem, on: date = DAY, **more: Any) -> Quote:
    return quote(Basket(jurisdiction_code=code, goods_items=items or (item(),), **more), on)


class TestTelling:
    @pytest.mark.parametrize(
        ("code", "on", "more", "dataset", "scheme"),
        [
            ("DE", "2026-06-30", {}, "H7", "schemes.low_value"),
            ("DE", "2026-07-01", {}, "H7", "schemes.line_duty"),
            ("DE", "2026-06-30", {"is_taxed_at_sale": True}, "H7", "schemes.ioss"),
            ("DE", "2026-07-01", {"seller_registration_id": "IM2080000999"}, "H7", "schemes.line_duty_ioss"),
            ("DE", "2026-07-01", {"trade": Trade.BUSINESS}, "H1", "schemes.standard"),
            ("DE", "2026-07-01", {"trade": Trade.GIFT}, "H7", "schemes.gift_small"),
            ("GB", "2026-07-01", {"is_taxed_at_sale": True}, "BIRDS", "schemes.low_value_at_sale"),
            ("NO", "2026-07-01", {"is_taxed_at_sale": True}, "AD", "schemes.voec"),
            ("BR", "2026-07-01", {"is_taxed_at_sale": True}, "AD", "schemes.certified_low"),
            ("US", "2026-07-01", {"transport_mode_code": "5"}, "AD", "schemes.postal_surcharge"),
            ("IN", "2026-07-01", {}, "AD", "schemes.personal"),
            ("CA", "2026-07-01", {"trade": Trade.GIFT}, "AD", "schemes.gift_above"),
        ],
    )
    def test_the_law_finds_dataset_and_scheme(
        self, code: str, on: str, more: dict[str, Any], dataset: str, scheme: str
    ) -> None:
        found = asked(code, on=date.fromisoformat(on), **more)
        assert (found.dataset, found.assessment.scheme) == (dataset, scheme)

    @pytest.mark.parametrize("code", jurisdictions())
    def test_every_registration_leads_to_a_scheme_that_is_law(self, code: str) -> None:
        regime = load_regime(code, DAY)
        registration = registration_in(regime)
        if registration is None:
            return
        assert registration.fits(registration.stand_in) or registration.statement_code
        before = asked(code, item("40", regime.currency))
        after = asked(code, item("40", regime.currency), is_taxed_at_sale=True)
        assert after.assessment.scheme != before.assessment.scheme

    def test_every_page_of_registrations_names_schemes_of_its_law(self) -> None:
        for code in jurisdictions():
            assert registration_of(code, []) is None

    def test_a_registration_that_is_not_known_there_changes_nothing_and_is_told(self) -> None:
        found = asked("JP", item("9000", "JPY"), is_taxed_at_sale=True)
        assert [each.rule_id for each in found.findings] == ["quote.no_registration"]
        assert found.assessment == asked("JP", item("9000", "JPY")).assessment

    def test_a_province_decides_the_rate(self) -> None:
        rates = {
            charge.rate
            for province in ("ON", "AB")
            for charge in asked("CA", item("100", "CAD"), destination_subdivision=province).assessment.charges
        }
        assert len(rates) > 1 or asked("CA", item("100", "CAD"), destination_subdivision="ON").assessment.unresolved


class TestAnswer:
    def test_total_is_goods_transport_and_charges(self) -> None:
        found = asked("DE", item("40"), freight=Money(Decimal("6.50"), "EUR"), insurance=Money(Decimal(1), "EUR"))
        cost = found.cost
        assert (cost.goods.amount, cost.transport.amount) == (Decimal("40.00"), Decimal("7.50"))
        assert cost.total == cost.goods + cost.transport + cost.due + cost.collected_at_sale
        assert cost.is_known

    def test_what_is_owed_is_who_owes_it(self) -> None:
        found = asked("FR", item("40"), is_taxed_at_sale=True)
        law = load_regime("FR", DAY)
        assert found.obligations == obligations(found.assessment, found.declaration, law)
        owed = sum((each.amount.amount for each in found.obligations), Decimal(0))
        assert owed == found.cost.due.amount + found.cost.collected_at_sale.amount

    def test_it_is_valid_until_the_law_changes_and_no_longer_than_thirty_days(self) -> None:
        assert asked("DE", on=date(2026, 6, 20)).valid_until == date(2026, 6, 30)
        assert asked("DE", on=date(2026, 7, 1)).valid_until == date(2026, 7, 31)

    def test_an_unknown_duty_is_said_and_not_counted_as_nothing(self) -> None:
        found = asked("TR", item("900", "TRY"))
        assert not found.cost.is_known
        assert found.assessment.unresolved
        assert any(words.startswith("Not known:") for words in found.words)

    def test_a_limit_on_what_one_person_may_bring_in_is_told(self) -> None:
        found = asked("CN", item("500", "CNY"))
        assert any("count towards a limit of one importer in a year" in words for words in found.words)

    def test_a_code_that_was_not_looked_up_is_told_where_no_rate_is_needed(self) -> None:
        found = asked("DK", item(commodity_code="999999"))
        assert [(each.rule_id, each.pointer, each.value) for each in found.findings] == [
            ("code.commodity_national", "goods_items[1].commodity_code", "999999")
        ]
        assert found.findings[0].hint
        assert not any("looked up in" in words for words in found.words)

    def test_where_codes_were_looked_up_is_told(self) -> None:
        assert (
            "The first six digits of the commodity codes were looked up in the Harmonized System 2022."
            in asked("DK").words
        )
        longer = asked("DK", item(commodity_code="6109100010"))
        assert any("the digits after them were not, as no tariff is imported" in words for words in longer.words)
        assert not longer.findings

    def test_figures_that_are_not_confirmed_are_named(self) -> None:
        assert any(words.startswith("Not confirmed against the official text") for words in asked("DK").words)

    def test_goods_controls_are_told_and_chance_and_lists_are_not(self) -> None:
        found = asked("GB", item("90", "GBP", description="Flick knife", commodity_code="821193"))
        assert found.admission.entry in (Entry.PERMIT, Entry.PROHIBITED)
        kinds = {each.kind for each in found.admission.controls}
        assert kinds <= {ReasonKind.PROHIBITED, ReasonKind.RESTRICTED}
        assert found.admission.citations.keys() == {each.measure_id for each in found.admission.controls}

    def test_a_member_state_without_controls_of_its_own_is_told_those_of_the_union(self) -> None:
        assert asked("DE").admission.controls_of == "EU"
        assert asked("DK").admission.controls_of == "DK"
        assert asked("DK").admission.looked_at == "Denmark; European Union"

    def test_where_only_treaties_are_known_nothing_is_taken_as_allowed_and_what_they_forbid_is_told(self) -> None:
        assert asked("NO", item("90", "NOK")).admission.entry is Entry.UNKNOWN
        ivory = asked("NO", item("90", "NOK", description="Ivory carving", commodity_code="960110"))
        assert ivory.admission.entry in (Entry.PERMIT, Entry.PROHIBITED)


class TestBadInput:
    @pytest.mark.parametrize(
        ("said", "rule_id"),
        [
            (item(commodity_code="610999"), "code.commodity_unknown"),
            (item(commodity_code=""), "data.required"),
            (item("-1"), "amount.negative"),
            (item("1e999"), "number.unusable"),
            (item("NaN"), "number.unusable"),
            (item("40", "XYZ"), "quote.no_rate"),
            (item(description="Cotton\x00shirt"), "text.control_characters"),
            (item(description="Cotton \u202eshirt"), "text.direction_override"),
            (item(quantity=Decimal(0)), "quantity.not_positive"),
            (item(description="x" * 600), "description.too_long"),
        ],
    )
    def test_it_cannot_be_quoted_and_says_where(self, said: BasketItem, rule_id: str) -> None:
        with pytest.raises(QuoteImpossibleError) as refused:
            asked("DE", said)
        assert rule_id in [each.rule_id for each in refused.value.findings]
        assert all(each.pointer.startswith("goods_items") for each in refused.value.findings)

    def test_freight_in_a_currency_without_a_rate(self) -> None:
        with pytest.raises(QuoteImpossibleError, match="No exchange rate"):
            asked("DE", freight=Money(Decimal(5), "XAF"))

    def test_nothing_in_the_basket(self) -> None:
        with pytest.raises(QuoteImpossibleError):
            quote(Basket(jurisdiction_code="DE", goods_items=()), DAY)

    def test_no_law_that_day_no_such_country_too_many_lines(self) -> None:
        with pytest.raises(NotInForceError, match="modelled since"):
            asked("DE", on=date(2015, 1, 1))
        with pytest.raises(NotInForceError, match="no law is modelled"):
            asked("XX")
        with pytest.raises(LimitExceededError, match="10,000 lines"):
            asked("DE", *[item()] * 10_000)

    def test_the_leap_day_is_a_day(self) -> None:
        assert asked("DE", on=date(2024, 2, 29)).legal_day == date(2024, 2, 29)


class TestKeeping:
    def test_it_is_kept_once_and_found_again(self, store: PostgresStore) -> None:
        quoting = Quoting(store)
        basket = Basket(jurisdiction_code="DE", goods_items=(item(),))
        first, again = quoting.give(basket, DAY), quoting.give(basket, DAY)
        assert first == again
        assert Quoting(store).find(first.quote_id) == first
        assert store.knowledge(first.quote.regime_digest) == load_regime("DE", DAY).content

    def test_nothing_of_it_can_be_changed_or_deleted_before_its_time(self, store: PostgresStore) -> None:
        import psycopg

        Quoting(store).give(Basket(jurisdiction_code="DE", goods_items=(item(),)), DAY)
        with psycopg.connect(store.url, autocommit=True) as connection:
            for statement in (
                "UPDATE quote SET content = '\\x00'", "DELETE FROM quote", "TRUNCATE quote",
                "UPDATE quote_key SET key = sha256('x')",
            ):  # fmt: skip
                with pytest.raises(psycopg.errors.RestrictViolation):
                    connection.execute(statement.encode())

    def test_past_its_time_it_is_forgotten(self, store: PostgresStore) -> None:
        import psycopg

        quoting = Quoting(store)
        quoting.give(Basket(jurisdiction_code="DE", goods_items=(item(),)), DAY)
        with psycopg.connect(store.url, autocommit=True) as connection:
            connection.execute("ALTER TABLE quote DISABLE TRIGGER quote_kept")
            connection.execute("UPDATE quote SET kept_until = current_date - 1")
            connection.execute("ALTER TABLE quote ENABLE TRIGGER quote_kept")
            quoting.give(Basket(jurisdiction_code="DE", goods_items=(item("41"),)), DAY)
            row = connection.execute("SELECT count(*) FROM quote").fetchone()
        assert row == (1,)


def test_the_basket_of_the_how_to_can_be_quoted() -> None:
    block = HOW_TO.read_text(encoding="utf-8").split("```json\n")[1].split("```")[0]
    basket = msgspec.json.decode(io.StringIO(block).read(), type=Basket)
    assert quote(basket, DAY).cost.is_known


class TestAsOfficiallyDeclared:
    """A sender declares with dataset, procedure and codes; the quote named none of them: the cents are the same."""

    @pytest.mark.parametrize("on", [date(2026, 6, 30), date(2026, 7, 14)])
    @pytest.mark.parametrize("code", ["DE", "DK", "FR", "RO"])
    @pytest.mark.parametrize(
        ("more", "codes", "fiscal"),
        [
            ({}, ("C07",), ()),
            ({"is_taxed_at_sale": True}, ("C07", "F48"), (Party(party_id="IM2080000999", role_code="FR5"),)),
            ({"trade": Trade.GIFT}, ("C08",), ()),
        ],
    )
    def test_in_the_super_reduced_dataset(
        self, code: str, on: date, more: dict[str, Any], codes: tuple[str, ...], fiscal: tuple[Party, ...]
    ) -> None:
        regime = load_regime(code, on)
        given = asked(code, item("40", regime.currency), item("55.5", regime.currency), on=on, **more)
        declaration = replace(
            given.declaration,
            procedure_category="H7",
            type_code="IMD",
            fiscal_references=fiscal,
            goods_items=tuple(
                replace(each, procedure_code="40", previous_procedure_code="00", additional_procedure_codes=codes)
                for each in given.declaration.goods_items
            ),
        )
        assessment = assess(declaration, regime)
        assert (assessment.due, assessment.collected_at_sale) == (given.cost.due, given.cost.collected_at_sale)

    def test_in_full_above_the_low_value(self) -> None:
        regime = load_regime("GB", DAY)
        given = asked("GB", item("400", "GBP"), freight=Money(Decimal("12.34"), "GBP"))
        items = [
            replace(each, procedure_code="40", previous_procedure_code="00") for each in given.declaration.goods_items
        ]
        declaration = replace(given.declaration, procedure_category="H1", type_code="IMA", goods_items=tuple(items))
        assert assess(declaration, regime).charges == given.assessment.charges
