"""What the contracts take and refuse on parcels, permits, statuses and stock."""

from __future__ import annotations

import pytest

from parties import BEGAN, Network, scope
from tidewaiter.ledger.contracts import VERSION_1, Applied, Refusal, State
from tidewaiter.ledger.contracts.consequences import CONSEQUENCES
from tidewaiter.ledger.contracts.vocabulary import ENTRY_TYPES, GOVERNING, STATES, WHOLE_SHARE
from tidewaiter.ledger.leaves import Leaf
from tidewaiter.model.decision import State as DeclarationState

YEAR = 365 * 86_400


@pytest.fixture
def network() -> Network:
    return Network()


def assessed(network: Network, on: str = "parcel", debt: str = "open") -> None:
    network.take("decided", "customs.north", on, state="accepted", assessed=1, debt=debt)


def test_a_parcel_goes_its_way(network: Network) -> None:
    network.take("loaded", "courier")
    network.take("departed", "courier")
    assessed(network)
    network.take("arrived", "port")
    network.take("presented", "courier")
    network.take("paid", "courier")
    network.take("released", "customs.north")
    network.take("delivered", "courier")
    assert isinstance(network.close(), Applied)
    assert network.replayed().root() == network.state.root()


def test_release_needs_an_assessment(network: Network) -> None:
    network.take("decided", "customs.north", state="accepted")
    assert network.refused("released", "customs.north") == "release.assessed"
    assert network.refused("decided", "customs.north", state="released", debt="none") == "release.assessed"
    network.take("decided", "customs.north", state="released", debt="none", assessed=1)


@pytest.mark.parametrize("debt", ["none", "guaranteed", "paid"])
def test_release_needs_a_debt_that_is_covered(network: Network, debt: str) -> None:
    network.take("assessed", "customs.north")
    assert network.refused("released", "customs.north") == "release.debt"
    assert network.refused("decided", "customs.north", state="cleared", debt="open") == "release.debt"
    network.take("decided", "customs.north", state="accepted", debt=debt)
    network.take("released", "customs.north")


def test_paying_or_a_guarantee_covers_it(network: Network) -> None:
    for on, kind, by in (("a", "paid", "courier"), ("b", "guaranteed", "customs.north")):
        network.take("assessed", "customs.north", on)
        network.take(kind, by, on)
        network.take("released", "customs.north", on)
    network.take("paid", "courier", "c")
    assert network.refused("released", "customs.north", "c") == "release.assessed"


@pytest.mark.parametrize("kind", ["decided", "assessed", "guaranteed", "examined", "released", "refused", "held"])
@pytest.mark.parametrize("by", ["courier", "market", "zone", "port"])
def test_only_customs_do_what_customs_do(network: Network, kind: str, by: str) -> None:
    facts = {"state": "accepted"} if kind == "decided" else {}
    assert network.refused(kind, by, **facts) == "actor.role"


def test_one_customs_administration_decides(network: Network) -> None:
    assessed(network, debt="none")
    assert network.refused("released", "customs.south") == "customs.same"
    network.take("held", "customs.south")
    assert network.refused("released", "customs.north") == "release.held"
    network.take("hold_lifted", "customs.north")
    network.take("released", "customs.north")


def test_a_hold_is_lifted_by_customs_or_by_whose_it_is(network: Network) -> None:
    assessed(network, debt="none")
    assert network.refused("hold_lifted", "customs.north") == "hold.exists"
    network.take("held", "permits.north")
    network.take("held", "customs.north")
    assert network.refused("released", "customs.north") == "release.held"
    network.take("hold_lifted", "permits.north")
    assert network.refused("hold_lifted", "permits.north") == "hold.exists"
    assert network.refused("released", "customs.north") == "release.held"
    network.take("hold_lifted", "customs.north")
    network.take("released", "customs.north")


def test_a_tampered_seal_holds_the_goods(network: Network) -> None:
    assessed(network, debt="none")
    network.take("seal_bound", "courier")
    network.take("seal_alarm", "port")
    assert network.refused("released", "customs.north") == "release.held"
    assert network.refused("decided", "customs.north", state="released") == "release.held"
    assert network.refused("hold_lifted", "permits.north") == "hold.exists"
    network.take("hold_lifted", "customs.north")
    network.take("released", "customs.north")
    network.take("seal_alarm", "port")
    assert network.refused("delivered", "courier") == "movement.released"


def test_who_may_open_a_seal(network: Network) -> None:
    for on, first, by, holds in (
        ("a", "accepted", "courier", True), ("b", "accepted", "customs.south", False),
        ("c", "under_control", "courier", False), ("d", "released", "courier", False),
    ):  # fmt: skip
        network.take("decided", "customs.north", on, state=first, assessed=1, debt="none")
        network.take("seal_opened", by, on)
        assert bool(network.state.scopes[scope(on)].holds) is holds, on


def test_an_alarm_of_a_device_holds_all_that_travels_under_it(network: Network) -> None:
    for on in ("a", "b"):
        assessed(network, on, "none")
        network.take("seal_bound", "port", on, device=scope("device"))
    network.take("seal_alarm", "port", "device")
    assert network.refused("released", "customs.north", "a") == "release.held"
    network.take("held", "customs.north", "a")
    network.take("hold_lifted", "customs.north", "a")
    network.take("released", "customs.north", "a")
    assert network.refused("released", "customs.north", "b") == "release.held"
    network.take("hold_lifted", "customs.south", "device")
    network.take("released", "customs.north", "b")


def test_another_seal_does_not_undo_the_alarm_of_the_one_before(network: Network) -> None:
    assessed(network, debt="none")
    network.take("seal_bound", "port", device=scope("device"))
    network.take("seal_alarm", "port", "device")
    network.take("seal_bound", "courier", device=scope("another device"))
    assert network.refused("released", "customs.north") == "release.held"
    network.take("hold_lifted", "customs.north")
    network.take("released", "customs.north")
    network.take("seal_bound", "port", "b", device=scope("device"))
    network.take("seal_bound", "port", "b", device=scope("device"))
    assert network.state.scopes[scope("b")].holds == ()


def test_customs_lift_nobody_elses_hold_where_they_do_not_decide(network: Network) -> None:
    network.take("permit_issued", "permits.north", "permit", until=BEGAN + YEAR)
    network.take("held", "permits.north", "permit")
    assert network.refused("hold_lifted", "customs.north", "permit") == "hold.exists"
    assert network.refused("permit_drawn", "customs.north", permit=scope("permit"), share=1) == "permit.left"
    network.take("held", "permits.north")
    network.take("held", "customs.south")
    network.take("seal_alarm", "port")
    network.take("hold_lifted", "customs.north")
    assert network.state.scopes[scope("parcel")].holds == ("customs.south", "permits.north")
    assert network.refused("hold_lifted", "customs.north") == "hold.exists"
    assessed(network, debt="none")
    network.take("hold_lifted", "customs.north")
    network.take("released", "customs.north")


def test_what_a_collector_pays_back_before_the_release_is_owed_again(network: Network) -> None:
    for on, by in (("a", "courier"), ("b", "customs.north")):
        network.take("assessed", "customs.north", on)
        network.take("paid", "courier", on)
        network.take("refunded", by, on, share=WHOLE_SHARE - 1)
    assert network.refused("released", "customs.north", "a") == "release.debt"
    network.take("released", "customs.north", "b")
    network.take("paid", "courier", "a")
    network.take("released", "customs.north", "a")
    network.take("refunded", "courier", "a", share=WHOLE_SHARE)
    network.take("delivered", "courier", "a")


def test_nobody_fills_a_scope_before_customs_have_decided(network: Network) -> None:
    for _ in range(1024 - 64):
        network.take("moved", "courier")
    assert network.refused("moved", "courier") == "scope.full"
    assessed(network, debt="none")
    network.take("released", "customs.north")
    for _ in range(62):
        network.take("held", "permits.north")
    assert network.refused("held", "permits.north") == "scope.full"


def test_what_was_refused_is_released_after_a_new_decision_only(network: Network) -> None:
    assessed(network, debt="none")
    network.take("refused", "customs.north")
    assert network.refused("released", "customs.north") == "release.refused"
    assessed(network, debt="none")
    network.take("released", "customs.north")


def test_delivery_without_release_is_refused_or_told_as_what_it_is(network: Network) -> None:
    assert network.refused("delivered", "courier") == "movement.released"
    assert network.refused("exited", "port") == "movement.released"
    answer = network.write("delivered", "courier", irregular=1)
    assert isinstance(answer, Applied)
    assert set(answer.marks) == {"told", "unreleased"}
    assert network.state.scopes[scope("parcel")].holds == ("seal",)


def test_steps_out_of_order_are_taken_with_a_mark(network: Network) -> None:
    network.take("arrived", "port")
    back = network.write("loaded", "courier")
    assert isinstance(back, Applied)
    assert back.marks == ("backwards",)
    network.take("decided", "customs.north", state="released", assessed=1, debt="none")
    network.take("delivered", "courier")
    after = network.write("moved", "courier")
    assert isinstance(after, Applied)
    assert after.marks == ("after_end",)


def test_no_more_is_refunded_than_was_paid(network: Network) -> None:
    assert network.refused("refunded", "customs.north", share=1) == "refund.within"
    network.take("assessed", "customs.north")
    first = network.take("paid", "courier")
    network.take("refunded", "customs.north", share=600_000_000)
    assert network.refused("refunded", "customs.north", share=400_000_001) == "refund.within"
    second = network.take("paid", "courier")
    network.take("refunded", "customs.north", share=WHOLE_SHARE)
    assert network.refused("refunded", "customs.north", share=1) == "refund.within"
    network.take("refunded", "customs.north", share=400_000_000, payment=first)
    assert network.refused("refunded", "customs.north", share=1, payment=first) == "refund.within"
    assert network.refused("refunded", "customs.north", share=1, payment=second + 1) == "refund.within"


def test_a_debt_that_was_covered_elsewhere_is_refunded_once(network: Network) -> None:
    network.take("decided", "customs.north", state="released", debt="guaranteed", assessed=1)
    network.take("refunded", "customs.north", share=0)
    network.take("refunded", "customs.north", share=WHOLE_SHARE)
    assert network.refused("refunded", "customs.north", share=1) == "refund.within"
    network.take("decided", "customs.north", "open", state="accepted", debt="open", assessed=1)
    assert network.refused("refunded", "courier", "open", share=0) == "refund.within"
    network.take("guaranteed", "customs.north", "paid")
    network.take("paid", "courier", "paid")
    network.take("refunded", "customs.north", "paid", share=WHOLE_SHARE)
    assert network.refused("refunded", "customs.north", "paid", share=1) == "refund.within"


def test_what_is_not_assessed_says_so(network: Network) -> None:
    assert network.refused("decided", "customs.north", state="released", debt="none", assessed=0) == "release.assessed"
    network.take("decided", "customs.north", state="rejected", debt="none", assessed=0)


def test_a_permit_is_drawn_down_to_zero(network: Network) -> None:
    until = BEGAN + YEAR
    drawn = {"permit": scope("permit")}
    assert network.refused("permit_issued", "courier", "permit", until=until) == "actor.role"
    assert network.refused("permit_drawn", "customs.north", **drawn, share=1) == "permit.left"
    network.take("permit_issued", "permits.north", "permit", until=until)
    assert network.refused("permit_issued", "permits.north", "permit", until=until) == "scope.kind"
    network.take("permit_drawn", "customs.north", "a", **drawn, share=999_999_999)
    assert network.refused("permit_drawn", "customs.north", "b", **drawn, share=2) == "permit.left"
    network.take("permit_drawn", "permits.north", "permit", **drawn, share=1)
    assert network.refused("permit_drawn", "customs.north", "b", **drawn, share=1) == "permit.left"
    assert network.refused("stock_in", "zone", "permit") == "scope.kind"


def test_a_permit_that_is_held_or_over_is_not_drawn(network: Network) -> None:
    network.take("permit_issued", "permits.north", "permit", until=BEGAN + 1800)
    network.take("held", "permits.north", "permit")
    assert network.refused("permit_drawn", "customs.north", permit=scope("permit"), share=1) == "permit.left"
    network.take("hold_lifted", "permits.north", "permit")
    network.take("permit_drawn", "customs.north", permit=scope("permit"), share=1)
    network.at += 1800
    assert network.refused("permit_drawn", "customs.north", permit=scope("permit"), share=1) == "permit.left"


def test_a_benefit_needs_a_status_that_counts(network: Network) -> None:
    claim = {"credential": scope("status")}
    assert network.refused("benefit_claimed", "courier", **claim) == "benefit.live"
    assert network.refused("credential_suspended", "customs.north", "status") == "credential.granted"
    network.take("credential_granted", "customs.north", "status", until=BEGAN + YEAR)
    network.take("benefit_claimed", "courier", **claim)
    assert network.refused("credential_suspended", "customs.south", "status") == "customs.same"
    network.take("credential_suspended", "customs.north", "status")
    again = BEGAN + YEAR
    assert network.refused("credential_granted", "customs.south", "status", until=again) == "customs.same"
    assert network.refused("benefit_claimed", "courier", **claim) == "benefit.live"
    network.take("credential_granted", "customs.north", "status", until=BEGAN + 900)
    network.take("benefit_claimed", "courier", **claim)
    network.at += 900
    assert network.refused("benefit_claimed", "courier", **claim) == "benefit.live"


def test_an_open_debt_is_remitted_by_customs_alone_and_once(network: Network) -> None:
    network.take("assessed", "customs.north", debt="open")
    assert network.refused("refunded", "courier", share=1) == "refund.within"
    network.take("refunded", "customs.north", share=600_000_000)
    assert network.refused("refunded", "customs.north", share=400_000_001) == "refund.within"
    network.take("refunded", "customs.north", share=400_000_000)


def test_stock_that_is_told_to_have_gone_first_is_taken_and_marked(network: Network) -> None:
    assert network.refused("stock_out", "zone", why="sold") == "stock.there"
    assert network.write("stock_out", "zone", why="sold", irregular=1) == Applied(("told",))
    network.take("stock_in", "zone")
    network.take("stock_out", "customs.north", why="sold", share=1_000_000_000)
    assert network.refused("stock_out", "zone", share=1) == "stock.there"
    assert network.write("stock_destroyed", "zone", share=1, irregular=1) == Applied(("told",))


def test_stock_goes_out_only_if_it_came_in(network: Network) -> None:
    assert network.refused("stock_out", "zone", why="sold") == "stock.there"
    network.take("stock_in", "zone")
    network.take("stock_out", "zone", why="sold", share=700_000_000)
    assert network.refused("stock_destroyed", "zone", share=300_000_001) == "stock.there"
    network.take("stock_destroyed", "zone", share=300_000_000)
    assert network.refused("stock_out", "zone") == "stock.there"
    network.take("stock_in", "zone", share=100_000_000, why="returned")
    network.take("stock_out", "zone")


@pytest.mark.parametrize(
    ("kind", "facts"),
    [
        ("decided", {}), ("decided", {"state": "gone"}), ("decided", {"state": 1}), ("paid", {"amount": 5}),
        ("refunded", {"share": -1}), ("refunded", {"share": WHOLE_SHARE + 1}), ("refunded", {"share": "5"}),
        ("delivered", {"irregular": 2}), ("held", {"why": "Not so"}),
    ],
)  # fmt: skip
def test_facts_are_those_of_the_type(network: Network, kind: str, facts: dict[str, str | int]) -> None:
    assert network.refused(kind, "customs.north" if kind != "delivered" else "courier", **facts) == "entry.facts"


def test_a_type_that_is_none_is_refused(network: Network) -> None:
    assert network.refused("blessed", "customs.north") == "entry.type"


def test_a_commitment_counts_once_in_its_scope(network: Network) -> None:
    leaf = network.leaf("moved", "courier")
    assert isinstance(network.apply(leaf), Applied)
    again = network.apply(leaf)
    assert isinstance(again, Refusal)
    assert again.code == "entry.once"
    elsewhere = Leaf(**{**{n: getattr(leaf, n) for n in leaf.__struct_fields__}, "scope": scope("other")})
    assert isinstance(network.apply(elsewhere), Applied)


def test_who_is_unknown_writes_nothing(network: Network) -> None:
    assert network.refused("moved", "stranger") == "actor.known"


def test_entries_are_not_written_long_afterwards_nor_ahead(network: Network) -> None:
    network.at += 30 * 86_400
    assert isinstance(network.close(), Applied)
    network.at -= 7 * 86_400
    network.take("moved", "courier")
    network.at -= 900
    assert network.refused("moved", "courier") == "entry.late"
    network.at += 7 * 86_400 + 900 + 1800
    network.take("moved", "courier")
    network.at -= 1800
    ahead = network.close()
    assert isinstance(ahead, Refusal)
    assert ahead.code == "state.time"


def test_the_sequencer_tells_the_state_that_all_come_to(network: Network) -> None:
    network.take("moved", "courier")
    assert network.refused("state", "sequencer", root="00" * 32) == "state.root"
    assert network.refused("state", "courier", root=network.state.root().hex()) == "actor.role"
    assert isinstance(network.close(900), Applied)
    network.at -= 900
    assert network.refused("state", "sequencer", root=network.state.root().hex()) == "state.time"


def test_scopes_that_ended_are_forgotten_after_a_while(network: Network) -> None:
    network.take("decided", "customs.north", "gone", state="released", assessed=1, debt="none")
    network.take("delivered", "courier", "gone")
    network.take("decided", "customs.north", "open", state="accepted", assessed=1)
    network.take("held", "customs.north", "held")
    network.take("permit_issued", "permits.north", "permit", until=network.at + 2 * YEAR)
    network.close()
    twin = State.restored(network.state.snapshot())
    network.close(119 * 86_400)
    assert set(network.state.scopes) == {scope(on) for on in ("gone", "open", "held", "permit")}
    network.close(86_400)
    assert set(network.state.scopes) == {scope(on) for on in ("open", "held", "permit")}
    network.close(280 * 86_400)
    assert set(network.state.scopes) == {scope(on) for on in ("held", "permit")}
    for leaf, _ in network.log[-3:]:
        assert isinstance(twin.apply(leaf), Applied)
    assert twin.root() == network.state.root()


def test_every_type_has_a_consequence_and_every_rule_a_text() -> None:
    names = {each.name for each in ENTRY_TYPES}
    assert set(CONSEQUENCES) == names - GOVERNING - {"state"}
    ids = [each.id for each in VERSION_1.rules]
    assert len(set(ids)) == len(ids)
    for each in VERSION_1.rules:
        assert each.types <= names, each.id
        assert each.text.endswith("."), each.id
        assert each.hint, each.id
        assert each.source, each.id


def test_states_are_those_of_declarations() -> None:
    assert STATES.words == {state.value for state in DeclarationState}


def test_the_rules_have_the_hash_that_stands_in_logs() -> None:
    """Where this fails, a published version was changed: make a new one instead."""
    assert VERSION_1.hash == "20a36378aedcf6d521ee2258b08d42a0abab179d4f282b290754cb438daff07e"


def test_a_history_leads_to_the_root_it_always_led_to(network: Network) -> None:
    """Where this fails, old logs do not replay any more: state, encoding or a rule of version 1 was changed."""
    assessed(network)
    network.take("loaded", "courier")
    network.take("paid", "courier")
    network.take("seal_bound", "port", device=scope("device"))
    network.take("seal_alarm", "port", "device")
    network.take("hold_lifted", "customs.south", "device")
    network.take("released", "customs.north")
    network.take("refunded", "customs.north", share=333_333_334)
    network.take("permit_issued", "permits.north", "permit", until=BEGAN + YEAR)
    network.take("permit_drawn", "customs.north", permit=scope("permit"), share=250_000_000)
    network.take("credential_granted", "customs.north", "status", until=BEGAN + YEAR)
    network.take("benefit_claimed", "courier", credential=scope("status"))
    network.take("stock_in", "zone")
    network.take("delivered", "courier")
    assert isinstance(network.close(900), Applied)
    assert network.state.root().hex() == "33166972c8d9da80e8a77e7b284b5490eb98d96cdad3fba126066c35d825535a"
