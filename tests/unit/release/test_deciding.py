"""The decision: timing, category, lane, holds and words."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from tidewaiter.model.decision import Category, Decision, HoldKind, NoticeKind, State
from tidewaiter.model.declaration import Authorisation, Declaration, Document, GoodsItem, MessageFunction
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.judgement import Lane, ReasonKind
from tidewaiter.model.money import Money
from tidewaiter.regimes import load_regime
from tidewaiter.release import Securities, Security, Timing, decide, securities_of, timing

S, N, H = State, NoticeKind, HoldKind
EMPTY = Declaration()
ERROR = Finding("data.required", Severity.ERROR, "goods_items", "missing")
WARNING = Finding("description.vague", Severity.WARNING, "goods_items", "vague")


def decided(make: Any, declaration: Declaration = EMPTY, **more: Any) -> Decision:
    arguments = {
        "dataset": make.dataset(),
        "findings": (),
        "assessment": make.assessment(),
        "judgement": make.judgement(),
        "is_arrived": False,
    }
    return decide(declaration, **(arguments | more))


@pytest.mark.parametrize(
    ("type_code", "wanted"),
    [
        ("IMA", Timing.ARRIVED), ("IMB", Timing.ARRIVED), ("IMC", Timing.ARRIVED), ("COJ", Timing.ARRIVED),
        ("IMD", Timing.PRELODGED), ("IME", Timing.PRELODGED), ("IMF", Timing.PRELODGED), ("IMK", Timing.PRELODGED),
        ("IMX", Timing.SUPPLEMENTARY), ("IMY", Timing.SUPPLEMENTARY), ("IMZ", Timing.SUPPLEMENTARY),
        ("D", Timing.PRELODGED), ("A", Timing.ARRIVED), ("", None), ("IM", None), ("IM?", None), ("H7AAA", None),
    ],
)  # fmt: skip
def test_what_a_declaration_type_says_of_the_goods(type_code: str, wanted: Timing | None) -> None:
    assert timing(Declaration(type_code=type_code)) is wanted


def test_a_presentation_says_the_goods_are_there() -> None:
    assert timing(Declaration(type_code="GPR", function=MessageFunction.PRESENTATION)) is Timing.ARRIVED


@pytest.mark.parametrize(
    ("type_code", "is_arrived", "state", "on_arrival"),
    [
        ("IMA", False, S.CLEARED, None),
        ("IMY", False, S.CLEARED, None),
        ("IMD", False, S.RECEIVED, S.CLEARED),
        ("IMD", True, S.CLEARED, None),
        ("", False, S.RECEIVED, S.CLEARED),
        ("", True, S.CLEARED, None),
    ],
)
def test_release_before_arrival_is_a_promise(
    make: Any, *, type_code: str, is_arrived: bool, state: State, on_arrival: State | None
) -> None:
    decision = decided(make, Declaration(type_code=type_code), is_arrived=is_arrived)
    assert (decision.state, decision.on_arrival) == (state, on_arrival)
    assert decision.words.startswith("Announced; on arrival" if on_arrival else "Cleared")


def test_an_error_rejects_and_a_warning_does_not(make: Any) -> None:
    rejected = decided(make, findings=(ERROR, WARNING, ERROR))
    assert (rejected.state, rejected.lane, rejected.category, rejected.notices) == (
        S.REJECTED,
        None,
        None,
        (N.REJECTED,),
    )
    assert rejected.words == "Rejected: 2 errors must be put right."
    assert decided(make, findings=(WARNING,), is_arrived=True).state is S.CLEARED


@pytest.mark.parametrize("missing", ["assessment", "judgement"])
def test_nothing_is_accepted_unassessed_or_unjudged(make: Any, missing: str) -> None:
    assert decided(make, **{missing: None}).state is S.REJECTED


@pytest.mark.parametrize(
    ("due", "at_sale", "hint", "category"),
    [
        ("0", "0", "2", Category.LOW_VALUE_FREE),
        ("3.00", "0", "2", Category.LOW_VALUE_DUTIABLE),
        ("0", "4.20", "3", Category.LOW_VALUE_DUTIABLE),
        ("0", "0", "4", Category.HIGH_VALUE),
    ],
)
def test_categories_of_the_immediate_release_guidelines(
    make: Any, due: str, at_sale: str, hint: str, category: Category
) -> None:
    decision = decided(make, dataset=make.dataset(irg_hint=hint), assessment=make.assessment(due=due, at_sale=at_sale))
    assert decision.category is category


@pytest.mark.parametrize(
    ("intrinsic", "codes", "is_document"),
    [("0", ["490700"], True), ("0", ["491199", "610910"], False), ("5", ["490199"], False), ("0", [], False)],
)
def test_correspondence_has_no_value(make: Any, *, intrinsic: str, codes: list[str], is_document: bool) -> None:
    items = tuple(GoodsItem(line_no=n, commodity_code=code) for n, code in enumerate(codes, 1))
    decision = decided(make, Declaration(goods_items=items), assessment=make.assessment(intrinsic=intrinsic))
    assert (decision.category is Category.CORRESPONDENCE) is is_document


NAMING = [
    (Declaration(guarantee_ids=("20DK0000010000AB1",)), "20DK0000010000AB1", "guarantee 20DK0000010000AB1"),
    (
        Declaration(authorisations=(Authorisation(holder_id="DK1", category_code="DPO"),)),
        "",
        "authorisation DPO of DK1",
    ),
    (Declaration(documents=(Document(type_code="C506", document_id="DPO1"),)), "DPO1", "authorisation DPO1 (C506)"),
    (
        Declaration(goods_items=(GoodsItem(line_no=1, documents=(Document(type_code="C505"),)),)),
        "",
        "authorisation without a number (C505)",
    ),
]


@pytest.mark.parametrize(("declaration", "number", "words"), NAMING)
def test_what_a_declaration_names_to_secure_payment_is_known_by_the_law(
    declaration: Declaration, number: str, words: str
) -> None:
    law = load_regime("DK", date(2026, 7, 1)).law
    assert securities_of(declaration, law) == (Security(number, words),)
    elsewhere = securities_of(declaration, load_regime("US", date(2026, 7, 1)).law)
    assert elsewhere == ((Security(number, words),) if declaration.guarantee_ids else ())


def test_one_that_is_named_twice_is_named_once_and_many_are_counted(make: Any) -> None:
    law = load_regime("DK", date(2026, 7, 1)).law
    many = Declaration(guarantee_ids=("G1", "G2", "G1", "G3", "G4", "G" * 500))
    named = securities_of(many, law)
    assert [each.security_id for each in named] == ["G1", "G2", "G3", "G4", "G" * 500]
    (hold,) = decided(make, many, assessment=make.assessment(due="12.30"), securities=Securities(named)).holds
    assert "until guarantee G1 or guarantee G2 or guarantee G3 or another of 5 named is found to cover it" in hold.words
    (hold,) = decided(make, assessment=make.assessment(due="12.30"), securities=Securities(named[-1:])).holds
    assert "G" * 121 not in hold.words


def test_naming_a_guarantee_does_not_let_goods_go_and_having_one_does(make: Any) -> None:
    owed, named = make.assessment(due="12.30"), (Security("G1", "guarantee G1"),)
    (hold,) = decided(make, assessment=owed, securities=Securities(named), is_arrived=True).holds
    assert hold.kind is H.PAYMENT
    assert hold.words.startswith("12.30 EUR is owed: it waits until guarantee G1 is found to cover it.")
    assert decided(make, assessment=owed, securities=Securities(named, are_granted=True)).holds == ()
    (hold,) = decided(make, assessment=owed, securities=Securities((), are_granted=True)).holds
    assert hold.words == "Pay 12.30 EUR, or name a guarantee or payment account."


def test_what_is_owed_holds_until_it_is_paid(make: Any) -> None:
    decision = decided(make, assessment=make.assessment(due="12.30"), is_arrived=True)
    (hold,) = decision.holds
    assert (hold.kind, hold.amount, decision.state) == (H.PAYMENT, Money(Decimal("12.30"), "EUR"), S.AWAITING_PAYMENT)
    assert "12.30 EUR" in decision.words


@pytest.mark.parametrize("more", [{"at_sale": "4"}, {}])
def test_tax_collected_at_the_sale_holds_nothing(make: Any, more: dict[str, str]) -> None:
    assert decided(make, assessment=make.assessment(**more), is_arrived=True).state is S.CLEARED


def test_a_dataset_without_charges_is_not_held_for_payment(make: Any) -> None:
    plain = make.dataset(is_assessed=False)
    decision = decided(make, dataset=plain, assessment=make.assessment(due="9"), is_arrived=True)
    assert (decision.state, decision.notices) == (S.CLEARED, (N.ACCEPTED, N.CLEARED))


@pytest.mark.parametrize(
    ("lane", "permit", "kinds", "state"),
    [
        (Lane.BLUE, "", [], S.CLEARED),
        (Lane.YELLOW, "", [H.DOCUMENTS], S.AWAITING_DOCUMENTS),
        (Lane.YELLOW, "C400", [H.PERMIT], S.AWAITING_PERMIT),
        (Lane.RED, "", [H.EXAMINATION], S.UNDER_CONTROL),
        (Lane.RED, "9100", [H.EXAMINATION, H.PERMIT], S.UNDER_CONTROL),
    ],
)
def test_lanes_become_holds(make: Any, lane: Lane, permit: str, kinds: list[HoldKind], state: State) -> None:
    decision = decided(make, judgement=make.judgement(make.reason(lane, permit_code=permit)), is_arrived=True)
    assert ([hold.kind for hold in decision.holds], decision.state, decision.lane) == (kinds, state, lane)


def test_goods_released_long_ago_cannot_be_examined(make: Any) -> None:
    decision = decided(make, Declaration(type_code="IMY"), judgement=make.judgement(make.reason(Lane.RED)))
    assert decision.state is S.AWAITING_DOCUMENTS


@pytest.mark.parametrize("kind", [ReasonKind.WATCH_LIST, ReasonKind.RANDOM])
def test_nobody_is_told_whom_customs_watch(make: Any, kind: ReasonKind) -> None:
    secret, open_ = make.reason(Lane.RED, kind=kind), make.reason(Lane.RED, kind=ReasonKind.PROHIBITED)
    assert "Because" not in decided(make, judgement=make.judgement(secret)).words
    assert "Because" in decided(make, judgement=make.judgement(open_)).words


def test_blue_is_released_and_audited(make: Any) -> None:
    decision = decided(make, judgement=make.judgement(make.reason(Lane.BLUE, kind=ReasonKind.QUALITY)), is_arrived=True)
    assert decision.words == "Cleared, with an audit afterwards."
