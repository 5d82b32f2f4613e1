"""What is counted while a slice is decided, and what slices decided at the same time have between them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tidewaiter.model.declaration import Consignment, Declaration, TransportMeans
from tidewaiter.risk.budgets import THOUSANDTHS, Usual, Work, room_of
from tidewaiter.risk.policy import Budget
from tidewaiter.workflow.budgets import NAME_MAX, Counted, Leases, Tab, Where, Worked, limiting, summed, where_of

DAY = date(2026, 7, 14)
ONE, OTHER = Where(DAY, "DK1", "SK1"), Where(DAY, "DK1", "SK2")
BUDGET = Budget(parcels=100, random=Decimal("0.1"))


def test_a_tab_knows_what_others_did_and_what_its_own_slice_did() -> None:
    tab = Tab(Counted(DAY, {"DK1": Work(parcels=6, rules=2, chance=1)}, {("DK1", "SK1"): 2}))
    tab.add(Worked(ONE, Work(parcels=1, mandatory=1)))
    tab.add(Worked(OTHER, Work(parcels=1, rules=1)))
    spent = tab.spent(ONE)
    assert spent.work == Work(parcels=6, rules=2, chance=1)
    assert spent.own == Work(parcels=2, mandatory=1, rules=1)
    assert (spent.flight, spent.own_flight, spent.part) == (2, 1, THOUSANDTHS)
    assert tab.spent(OTHER).flight == 0
    assert tab.spent(Where(DAY, "DK9")).work == Work()


@settings(max_examples=60, deadline=None)
@given(used=st.lists(st.integers(0, 30), min_size=1, max_size=30), abreast=st.integers(1, 8))
def test_slices_at_the_same_time_have_no_more_than_there_is(used: list[int], abreast: int) -> None:
    leases = Leases({"DK1": BUDGET}, abreast)
    written = Work()
    under_way: list[tuple[int, int]] = []

    def finish() -> None:
        nonlocal written
        number, spends = under_way.pop(0)
        written += Work(rules=spends)
        leases.give_back(number)

    for number, wants in enumerate(used):
        counted = leases.lend(number, Counted(DAY, {"DK1": written} if written.rules else {}))
        part = counted.parts["DK1"]
        assert 0 <= part <= THOUSANDTHS
        lent = int(room_of(BUDGET, written, Usual()) * part // THOUSANDTHS)
        under_way.append((number, min(wants, lent)))
        if len(under_way) == abreast:
            finish()
    while under_way:
        finish()
    assert written.rules <= 90  # a tenth is kept for chance


@pytest.mark.parametrize("parcels", [1, 2, 3, 7, 40, 5000])
def test_a_small_budget_is_lent_to_the_last_parcel(parcels: int) -> None:
    """Parts that come to less than a parcel each would leave a small office with chance alone."""
    leases = Leases({"DK1": Budget(parcels=parcels, random=Decimal(0))}, 4)
    written = Work()
    for number in range(200):
        counted = leases.lend(number, Counted(DAY, {"DK1": written}))
        left = parcels - written.rules
        lent = left * counted.parts["DK1"] // THOUSANDTHS
        assert lent >= min(left, 1)
        written += Work(rules=lent)
        leases.give_back(number)
    assert written.rules == parcels


def test_flights_are_asked_for_where_they_have_a_limit() -> None:
    budgets = {"DK3": replace(BUDGET, flight_parcels=0), "DK1": BUDGET, "DK2": replace(BUDGET, flight_parcels=25)}
    assert limiting(budgets) == ["DK2", "DK3"]
    assert limiting({"DK1": BUDGET}) == []


def test_a_flight_is_the_means_of_arrival_or_of_the_border_or_the_master_document() -> None:
    def of(consignment: Consignment) -> str:
        return where_of(Declaration(lodgement_office_id="DK1", consignment=consignment), DAY).flight

    means = TransportMeans(means_id="SK1")
    assert of(Consignment(arrival_transport=means, border_transport=TransportMeans(means_id="SK2"))) == "SK1"
    assert of(Consignment(border_transport=means, master_document_id="117-1")) == "SK1"
    assert of(Consignment(master_document_id="117-1\x00")) == "117-1"
    assert of(Consignment(master_document_id="x" * 500)) == "x" * NAME_MAX
    assert of(Consignment()) == ""


def test_work_adds_up_by_day_office_and_flight() -> None:
    worked = [Worked(OTHER, Work(parcels=1)), Worked(ONE, Work(parcels=2)), Worked(OTHER, Work(parcels=4, score=1))]
    assert summed(worked) == (Worked(ONE, Work(parcels=2)), Worked(OTHER, Work(parcels=5, score=1)))
