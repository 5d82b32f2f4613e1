"""Returned goods: given back without a person when all is sure, a case when not, never more than was charged."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tidewaiter.assessment import assess
from tidewaiter.model.assessment import Assessment, Charge, ChargeKind, Collection
from tidewaiter.model.declaration import Consignment, Declaration, Document, GoodsItem, Party
from tidewaiter.model.errors import LawDataError
from tidewaiter.model.money import Money
from tidewaiter.model.returned import EvidenceKind, ExitEvent, ExitKind, Proof, ReturnedItem, ReturnReason
from tidewaiter.regimes import Regime, load_regime
from tidewaiter.regimes.law import Figure
from tidewaiter.revenue.giving_back import ChargeAccount, GivenBack, Security
from tidewaiter.revenue.lines import Taken
from tidewaiter.revenue.refunding import charge_accounts, refund_postings, securities
from tidewaiter.revenue.returns import (
    Bearing,
    Exit,
    Imported,
    Outcome,
    Policy,
    RefundDecision,
    ReturnClaim,
    Verdict,
    decide_refund,
)
from tidewaiter.revenue.windows import last_day

D = Decimal
ON = date(2026, 3, 2)
REGIME = load_regime("DE", ON)
POLICY = Policy(own_word_max={"EUR": D(100)}, one_officer_max={"EUR": D(1000)})


def item(line_no: int, price: str, quantity: int, sku: str) -> GoodsItem:
    return GoodsItem(
        line_no=line_no, description="T-shirt", commodity_code="610910", quantity=D(quantity), sku=sku,
        invoice_price=Money(D(price), "EUR"), additional_procedure_codes=("C07",),
    )  # fmt: skip


DECLARATION = Declaration(
    procedure_category="H7",
    invoice_id="O1",
    goods_items=(item(1, "30.00", 3, "A"), item(2, "20.00", 1, "B")),
    consignment=Consignment(transport_documents=(Document(document_id="CP000000040DK"),)),
)
IMPORTED = Imported(declaration=DECLARATION, assessment=assess(DECLARATION, REGIME))
EVENT = ExitEvent(
    event_id="E1", kind=ExitKind.DEPARTED, happened_at=datetime(2026, 3, 30, 9, tzinfo=UTC), place="DELEJ",
    reported_by="Example Air", waybill="BACK1",
)  # fmt: skip
CLAIM = ReturnClaim(
    return_id="R1", reason=ReturnReason.RETURNED, claimed_on=date(2026, 4, 1), waybill="CP000000040DK", order_id="O1",
    return_waybill="BACK1", documents=(Proof(kind=EvidenceKind.RETURN_ORDER, reference="RO1"),), exit=Exit(event=EVENT),
)  # fmt: skip


def decide(imported: Imported = IMPORTED, verdict: Verdict | None = None, **changes: Any) -> RefundDecision:
    return decide_refund(replace(CLAIM, **changes), imported, REGIME, POLICY, verdict)


def left(**changes: Any) -> Exit:
    return Exit(event=replace(EVENT, **changes))


def codes(found: RefundDecision) -> set[str]:
    return {reason.code for reason in found.reasons}


def test_everything_back_refunds_everything() -> None:
    found = decide()
    assert found.outcome is Outcome.REFUND
    assert found.amounts == {"B00": D("9.50")}  # 19 % of 50
    assert "waybill" in found.reasons[0].words
    assert found.window_ends_on == date(2026, 5, 31)  # 90 days
    assert found.measure_id in found.citations


def test_a_part_refunds_its_share_rounded_down() -> None:
    found = decide(items=(ReturnedItem(quantity=D(1), sku="A"),))
    assert found.amounts == {"B00": D("1.90")}  # a third of 5.70
    assert found.quantities == (Taken(1, D(1)),)
    assert [step.result for step in found.steps][-1] == "1.90 EUR"


def test_the_last_part_gives_what_rounding_kept() -> None:
    declaration = replace(DECLARATION, goods_items=(item(1, "10.00", 3, "A"),))
    imported = Imported(declaration=declaration, assessment=assess(declaration, REGIME))  # 1.90, in three
    amounts = []
    for number in range(3):
        found = decide(imported, return_id=f"R{number}", items=(ReturnedItem(quantity=D(1), sku="A"),))
        amounts.append(found.total)
        imported = after(imported, found)
    assert amounts == [D("0.63"), D("0.63"), D("0.64")]


@pytest.mark.parametrize(
    ("changes", "code", "outcome"),
    [
        ({"exit": None}, "no_exit", Outcome.WAITING),
        ({"exit": left(kind=ExitKind.HANDED_OVER)}, "still_here", Outcome.WAITING),
        ({"exit": left(happened_at=datetime(2026, 3, 1, 12, tzinfo=UTC))}, "left_before", Outcome.CASE),
        ({"exit": left(waybill="OTHER")}, "exit_of_other", Outcome.CASE),
        ({"exit": Exit(event=EVENT, used_by="R0")}, "exit_used", Outcome.CASE),
        ({"exit": left(happened_at=datetime(2026, 6, 1, tzinfo=UTC))}, "left_late", Outcome.REFUSED),
        ({"documents": ()}, "no_document", Outcome.CASE),
        ({"waybill": "OTHER", "order_id": ""}, "no_match", Outcome.CASE),
        ({"order_id": "O2"}, "other_order", Outcome.CASE),
        ({"waybill": "OTHER"}, "other_waybill", Outcome.CASE),
        ({"items": (ReturnedItem(quantity=D(4), sku="A"),)}, "articles", Outcome.CASE),
        ({"items": (ReturnedItem(quantity=D(1), sku="C"),)}, "articles", Outcome.CASE),
        ({"items": (ReturnedItem(quantity=D(1)),)}, "articles", Outcome.CASE),
        ({"reason": ReturnReason.LOST}, "no_rule", Outcome.CASE),
        ({"claimed_on": date(2026, 6, 1)}, "too_late", Outcome.REFUSED),
    ],
)
def test_what_is_not_sure_is_told(changes: dict[str, Any], code: str, outcome: Outcome) -> None:
    found = decide(**changes)
    assert found.outcome is outcome
    assert code in codes(found)


def test_the_last_day_of_the_window_counts_as_the_day_where_the_goods_left() -> None:
    assert decide(claimed_on=date(2026, 5, 31)).outcome is Outcome.REFUND
    late_evening = datetime(2026, 5, 31, 23, 30, tzinfo=timezone(timedelta(hours=-5)))  # 1 June in UTC
    assert decide(exit=left(happened_at=late_evening)).outcome is Outcome.REFUND


def test_one_s_own_word_is_enough_for_little_only() -> None:
    own = Exit(event=EVENT, is_own_word=True)
    assert decide(exit=own).outcome is Outcome.REFUND
    found = decide_refund(replace(CLAIM, exit=own), IMPORTED, REGIME, Policy())
    assert (found.outcome, codes(found)) == (Outcome.CASE, {"own_word"})


def test_the_window_is_counted_from_exit_where_the_law_says_so() -> None:
    regime = load_regime("AE", ON)
    declaration = replace(DECLARATION, procedure_category="", goods_items=(item(1, "300.00", 1, "A"),))
    imported = Imported(declaration=declaration, assessment=assess(declaration, regime))
    claim = replace(CLAIM, claimed_on=date(2026, 5, 29))
    found = decide_refund(claim, imported, regime)
    assert found.window_ends_on == date(2026, 5, 29)  # 60 days from 30 March
    assert found.outcome is Outcome.REFUND
    assert decide_refund(replace(claim, claimed_on=date(2026, 5, 30)), imported, regime).outcome is Outcome.REFUSED
    assert decide_refund(replace(claim, exit=None), imported, regime).outcome is Outcome.WAITING


def test_what_has_not_arrived_cannot_have_left_again() -> None:
    found = decide(replace(IMPORTED, is_arrived=False))
    assert (found.outcome, codes(found)) == (Outcome.CASE, {"not_arrived"})


def test_without_a_known_time_limit_an_officer_looks() -> None:
    regime = load_regime("NO", ON)
    imported = of_counts((1, 1), ["0", "500.00", "0", "0", "0"])
    found = decide_refund(replace(CLAIM, reason=ReturnReason.NOT_AS_ORDERED), imported, regime)
    assert found.outcome is Outcome.CASE
    assert "no_window" in codes(found)


def test_what_cannot_be_reckoned_is_looked_at_even_where_nothing_is_charged() -> None:
    assessment = replace(IMPORTED.assessment, charges=(), unresolved=("no duty rate is known",))
    found = decide(replace(IMPORTED, assessment=assessment))
    assert (found.outcome, codes(found)) == (Outcome.CASE, {"unresolved"})


@pytest.mark.parametrize(
    ("start", "unit", "count", "last"),
    [
        (date(2024, 2, 29), "years", 1, date(2025, 2, 28)),
        (date(2023, 2, 28), "years", 1, date(2024, 2, 28)),
        (date(2023, 12, 31), "months", 2, date(2024, 2, 29)),
        (date(2026, 8, 31), "months", 6, date(2027, 2, 28)),
        (date(2024, 2, 28), "days", 1, date(2024, 2, 29)),
    ],
)
def test_months_and_years_end_on_days_that_exist(start: date, unit: str, count: int, last: date) -> None:
    assert last_day(start, Figure("refund.window", "", D(count), unit, start)) == last


def test_a_window_in_no_time_is_refused() -> None:
    with pytest.raises(LawDataError, match="which is no time"):
        last_day(ON, Figure("refund.window", "", D(1), "EUR", ON))


# --- how it is given back ------------------------------------------------------------------------------------------


def accounted(owed: str, secured: str = "0") -> Imported:
    account = ChargeAccount(
        party="OP1", scheme="customs revenue", period="2026-03", amounts={"B00": D("9.50")}, owed=D(owed)
    )
    security = Security(party="OP1", scheme="G1", period="", amount=D(secured))
    return replace(IMPORTED, accounts=(account,), secured=(security,) if security.amount else ())


def test_what_is_not_paid_lessens_the_charge_and_is_not_paid_out() -> None:
    found = decide(accounted("100.00"))
    assert found.outcome is Outcome.REMISSION
    assert (found.settled[0].remitted, found.settled[0].paid_out) == (D("9.50"), D(0))


def test_what_is_partly_owed_is_lessened_first_and_the_rest_paid_out() -> None:
    found = decide(accounted("4.00"))
    assert found.outcome is Outcome.REFUND
    assert (found.settled[0].remitted, found.settled[0].paid_out) == (D("4.00"), D("5.50"))
    (posting,) = refund_postings("declaration:1", "R1", ON, found)
    assert posting.problem() == ""
    assert {entry.account.value: entry.amount for entry in posting.entries} == {
        "revenue": D("9.50"), "receivable": D("-4.00"), "refund": D("-5.50"),
    }  # fmt: skip


def test_a_guarantee_is_released_instead() -> None:
    found = decide(accounted("100.00", secured="50.00"))
    assert found.outcome is Outcome.GUARANTEE_RELEASE
    assert [each.amount for each in found.released] == [D("9.50")]
    postings = refund_postings("declaration:1", "R1", ON, found)
    assert [posting.kind for posting in postings] == ["refund", "guarantee release"]
    assert securities(postings) == ()
    assert charge_accounts(postings, {}) == ()


def test_books_that_have_less_are_looked_at() -> None:
    account = ChargeAccount(party="OP1", scheme="s", period="", amounts={"B00": D("9.00")})
    found = decide(replace(IMPORTED, accounts=(account,)))
    assert (found.outcome, codes(found)) == (Outcome.CASE, {"accounts"})
    verdict = Verdict(is_granted=True, officers=("a", "b"), words="w")
    assert decide(replace(IMPORTED, accounts=(account,)), verdict).outcome is Outcome.REFUSED  # cannot be booked


def test_another_recipient_than_who_paid_is_looked_at() -> None:
    assert decide(accounted("0"), recipient="OP1").outcome is Outcome.REFUND
    assert codes(decide(accounted("0"), recipient="OP2")) == {"recipient"}


def test_what_was_collected_at_the_sale_is_the_seller_s_to_give_back() -> None:
    goods = tuple(replace(each, additional_procedure_codes=("C07", "F48")) for each in DECLARATION.goods_items)
    references = (Party(party_id="IM2760000742", role_code="FR5"),)
    declaration = replace(DECLARATION, goods_items=goods, fiscal_references=references)
    imported = Imported(declaration=declaration, assessment=assess(declaration, REGIME))
    assert imported.assessment.collected_at_sale.amount == D("9.50")
    found = decide(imported, exit=None)  # no proof is needed to say so
    assert found.outcome is Outcome.BY_SELLER
    assert "who collected it gives it back" in found.reasons[0].words
    assert not found.amounts


def test_of_what_the_law_does_not_give_back_nothing_comes() -> None:
    fee = replace(IMPORTED.assessment.charges[0], kind=ChargeKind.FEE, type_code="F00", result=Money(D("2.00"), "EUR"))
    imported = replace(IMPORTED, assessment=replace(IMPORTED.assessment, charges=(*IMPORTED.assessment.charges, fee)))
    assert set(decide(imported).amounts) == {"B00"}


# --- officers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "officers"),
    [
        ({"items": (ReturnedItem(quantity=D(4), sku="A"),)}, 1),
        ({"claimed_on": date(2026, 6, 1)}, 2),
        ({"exit": None}, 2),
        ({"reason": ReturnReason.LOST}, 2),
    ],
)
def test_against_the_law_s_own_answer_two_officers_are_needed(changes: dict[str, Any], officers: int) -> None:
    assert decide(**changes).needs_second is (officers > 1)
    granted = decide(verdict=Verdict(is_granted=True, officers=("a", "b"), words="seen the goods"), **changes)
    assert granted.outcome is Outcome.REFUND
    assert granted.reasons[-1].words == "granted by a and b: seen the goods"
    refused = decide(verdict=Verdict(is_granted=False, officers=("a",), words="no"), **changes)
    assert refused.outcome is Outcome.REFUSED
    assert not refused.amounts


def test_an_officer_alone_up_to_the_policy_s_amount() -> None:
    claim = replace(CLAIM, items=(ReturnedItem(quantity=D(4), sku="A"),))
    assert decide_refund(claim, IMPORTED, REGIME, Policy(one_officer_max={"EUR": D("5.70")})).needs_second is False
    assert decide_refund(claim, IMPORTED, REGIME, Policy(one_officer_max={"EUR": D("5.69")})).needs_second is True


# --- never more ----------------------------------------------------------------------------------------------------


def after(imported: Imported, found: RefundDecision) -> Imported:
    """The import after a refund."""
    returned = dict(imported.returned)
    for each in found.quantities:
        returned[each.line_no] = returned.get(each.line_no, D(0)) + each.quantity
    return replace(imported, earlier=imported.earlier + found.lines, returned=returned)


def test_never_more_than_is_left() -> None:
    first = decide()
    again = decide(after(IMPORTED, first), return_id="R2")
    assert again.outcome is Outcome.REFUSED
    assert codes(again) == {"nothing"}


def test_an_amendment_between_parts_takes_nothing_back_and_gives_no_more_than_is_charged() -> None:
    first = decide(items=(ReturnedItem(quantity=D(3), sku="A"),))  # 5.70
    cheaper = replace(DECLARATION, goods_items=(item(1, "10.00", 3, "A"), item(2, "20.00", 1, "B")))
    amended = replace(after(IMPORTED, first), declaration=cheaper, assessment=assess(cheaper, REGIME))  # 5.70 in all
    assert decide(amended, return_id="R2").outcome is Outcome.REFUSED


def charge(line_no: int, type_code: str, amount: str, kind: ChargeKind = ChargeKind.TAX) -> Charge:
    money = Money(D(amount), "EUR")
    return Charge(
        kind=kind, type_code=type_code, line_no=line_no, base=money, rate="", unrounded=money.amount, rounding="",
        result=money, collection=Collection.BORDER, measure_id="m",
    )  # fmt: skip


def assessed(amounts: list[str]) -> Assessment:
    """Duty and tax on each line and a tax on the whole."""
    duty1, tax1, duty2, tax2, whole = amounts
    charges = (
        charge(1, "A00", duty1, ChargeKind.DUTY), charge(1, "B00", tax1), charge(2, "A00", duty2, ChargeKind.DUTY),
        charge(2, "B00", tax2), charge(0, "C00", whole),
    )  # fmt: skip
    return replace(IMPORTED.assessment, charges=charges)


AMOUNTS = st.lists(st.integers(0, 9999).map(lambda cents: f"{D(cents) / 100:.2f}"), min_size=5, max_size=5)
COUNTS = st.tuples(st.integers(1, 7), st.integers(1, 5))


def of_counts(counts: tuple[int, int], amounts: list[str]) -> Imported:
    goods = (item(1, "30.00", counts[0], "A"), item(2, "20.00", counts[1], "B"))
    return Imported(declaration=replace(DECLARATION, goods_items=goods), assessment=assessed(amounts))


def charged(assessment: Assessment) -> dict[tuple[int, str], Decimal]:
    return {(each.line_no, each.type_code): each.result.amount for each in assessment.charges}


def summed(lines: tuple[GivenBack, ...]) -> dict[tuple[int, str], Decimal]:
    found: dict[tuple[int, str], Decimal] = {}
    for each in lines:
        found[each.line_no, each.type_code] = found.get((each.line_no, each.type_code), D(0)) + each.amount
    return found


@given(
    AMOUNTS,
    COUNTS,
    st.lists(
        st.tuples(st.sampled_from([1, 2]), st.fractions(min_value="1/4", max_value=4, max_denominator=4)), max_size=8
    ),
)
@settings(max_examples=150, deadline=None)
def test_any_sequence_of_parts_stays_within_what_was_charged_by_type_and_line(
    amounts: list[str], counts: tuple[int, int], returns: list[tuple[int, Any]]
) -> None:
    imported = of_counts(counts, amounts)
    for number, (line_no, part) in enumerate(returns):
        quantity = D(part.numerator) / D(part.denominator)
        found = decide(imported, return_id=f"R{number}", items=(ReturnedItem(quantity=quantity, line_no=line_no),))
        if found.outcome is Outcome.CASE:  # more than is left: an officer grants what is
            found = decide(
                imported, Verdict(is_granted=True, officers=("a", "b"), words="w"), return_id=f"R{number}",
                items=(ReturnedItem(quantity=quantity, line_no=line_no),),
            )  # fmt: skip
        imported = after(imported, found)
        whole = charged(imported.assessment)
        assert all(D(0) < amount <= whole[key] for key, amount in summed(imported.earlier).items())


@given(AMOUNTS, COUNTS, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_when_all_goes_back_order_does_not_matter_and_all_is_given_back(
    amounts: list[str], counts: tuple[int, int], chance: Any
) -> None:
    pieces = [1] * counts[0] + [2] * counts[1]
    chance.shuffle(pieces)
    imported = of_counts(counts, amounts)
    for number, line_no in enumerate(pieces):
        found = decide(imported, return_id=f"R{number}", items=(ReturnedItem(quantity=D(1), line_no=line_no),))
        imported = (
            after(imported, found)
            if found.outcome is Outcome.REFUND
            else after(imported, replace(found, quantities=(Taken(line_no, D(1)),)))
        )
    assert summed(imported.earlier) == {key: amount for key, amount in charged(imported.assessment).items() if amount}


def test_whole_units_stay_whole() -> None:
    """A charge in a currency without cents is given back in whole units."""
    imported = of_counts((3, 1), ["0", "100", "0", "0", "0"])
    found = decide(imported, items=(ReturnedItem(quantity=D(1), line_no=1),))
    assert found.amounts == {"B00": D(33)}


def by_share(percent: str) -> Regime:
    """The law where only this part of the charges is given back."""
    law = {name: replace(each, share="refund.share") for name, each in REGIME.law.refunds.items()}
    figure = replace(REGIME.figures["refund.window"], value=D(percent), unit="%")
    citation = REGIME.citation("refund.window")
    content = replace(
        REGIME.law,
        refunds=law,
        figures=REGIME.law.figures | {"refund.share": figure},
        citations=REGIME.law.citations | {"refund.share": citation},
    )
    return Regime.of(content)


def test_where_the_law_gives_back_a_part_parts_come_to_that_part_of_the_whole() -> None:
    regime = by_share("99")
    imported = of_counts((3, 1), ["10.00", "0", "0", "0", "0"])
    amounts = []
    for number in range(3):
        claim = replace(CLAIM, return_id=f"R{number}", items=(ReturnedItem(quantity=D(1), line_no=1),))
        found = decide_refund(claim, imported, regime, POLICY)
        imported = after(imported, found)
        amounts.append(found.total)
    assert amounts == [D("3.30"), D("3.30"), D("3.30")]
    assert "A00 on line 1: 10.00 charged, share 3 of 3, 99 % of it, down to 0.01" in [
        each.words for each in found.steps
    ]
    assert "refund.share" in found.citations


def test_every_bearing_has_its_outcome() -> None:
    by_bearing = {Bearing.WAITS: Outcome.WAITING, Bearing.LOOK: Outcome.CASE, Bearing.BAR: Outcome.REFUSED}
    ways: dict[Bearing, dict[str, Any]] = {
        Bearing.WAITS: {"exit": None}, Bearing.LOOK: {"documents": ()}, Bearing.BAR: {"claimed_on": date(2027, 1, 1)},
    }  # fmt: skip
    assert {bearing: decide(**changes).outcome for bearing, changes in ways.items()} == by_bearing
    for stronger, weaker in itertools.pairwise([Bearing.BAR, Bearing.LOOK, Bearing.WAITS]):
        assert decide(**(ways[stronger] | ways[weaker])).outcome is by_bearing[stronger]
