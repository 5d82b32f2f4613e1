"""Contracts under histories nobody thought of: what must never be, never is; and everybody comes to the same state."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from parties import BEGAN, ROLES, Network, genesis, number, scope
from tidewaiter.ledger.commitments import commit
from tidewaiter.ledger.contracts import Applied, Refusal, State
from tidewaiter.ledger.contracts.records import Flag
from tidewaiter.ledger.contracts.settling import Opening, settle
from tidewaiter.ledger.contracts.tree import BUCKETS, Tree
from tidewaiter.ledger.contracts.vocabulary import CONSIGNMENT, DEVICES, MOVEMENT, STANDING, STATES, STOCK, WHOLE_SHARE
from tidewaiter.ledger.leaves import Leaf

PLACES = ("parcel", "other", "permit", "status", "device")
SHARES = st.sampled_from([1, WHOLE_SHARE // 3, WHOLE_SHARE // 2, WHOLE_SHARE])
WRITERS = st.sampled_from([*ROLES, "stranger"])
FACTS = {
    "state": st.sampled_from(sorted(STATES.words)), "debt": st.sampled_from(["none", "open", "guaranteed", "paid"]),
    "assessed": st.just(1), "share": SHARES, "irregular": st.just(1), "void": st.just(1), "until": st.sampled_from([BEGAN + 900, BEGAN + 9_000_000]),
    "permit": st.sampled_from([scope("permit"), scope("parcel")]), "credential": st.sampled_from([scope("status"), scope("other")]),
    "device": st.just(scope("device")), "why": st.just("sold"), "result": st.just("satisfactory"), "payment": st.integers(0, 12),
}  # fmt: skip
TYPES = {each.name: each for each in (*CONSIGNMENT, *MOVEMENT, *DEVICES, *STOCK, *STANDING)}
BY = {name: sorted(n for n, roles in ROLES.items() if set(roles) & each.roles) for name, each in TYPES.items()}


@st.composite
def acts(draw: st.DrawFn) -> tuple[str, str, str, dict[str, str | int]]:
    """A type, mostly by somebody with a role for it, on a place, with facts that it may have."""
    kind = draw(st.sampled_from(sorted(TYPES)))
    by = draw(st.sampled_from(BY[kind]) | WRITERS if draw(st.integers(0, 9)) == 0 else st.sampled_from(BY[kind]))
    entry = TYPES[kind]
    names = [*entry.facts, *(name for name in entry.optional if draw(st.booleans()))]
    return kind, by, draw(st.sampled_from(PLACES)), {name: draw(FACTS[name]) for name in names}


LIKELY: list[tuple[str, str, str, dict[str, str | int]]] = [
    ("assessed", "customs.north", "parcel", {"debt": "none"}), ("assessed", "customs.north", "parcel", {}),
    ("paid", "courier", "parcel", {}), ("refunded", "customs.north", "parcel", {"share": WHOLE_SHARE // 2 + 1}),
    ("seal_alarm", "port", "parcel", {}), ("hold_lifted", "customs.north", "parcel", {}),
    ("released", "customs.north", "parcel", {}), ("delivered", "courier", "parcel", {}),
    ("decided", "customs.north", "parcel", {"state": "accepted"}), ("decided", "customs.north", "parcel", {"state": "released"}),
    ("decided", "customs.north", "parcel", {"state": "cleared", "debt": "none", "assessed": 0}),
    ("permit_issued", "permits.north", "permit", {"until": BEGAN + 9_000_000}),
    ("permit_drawn", "customs.north", "permit", {"permit": scope("permit"), "share": WHOLE_SHARE // 2 + 1}),
]  # fmt: skip
"""What makes the ways along which something could go wrong."""


class Watched:
    """What an onlooker counts, who knows nothing of the contracts' code: only which entries were taken."""

    def __init__(self) -> None:
        self.assessed: set[str] = set()
        self.covered: dict[str, bool] = {}
        self.covered_once: dict[str, bool] = {}
        self.owed_once: dict[str, bool] = {}
        self.released: set[str] = set()
        self.drawn: dict[str, int] = {}
        self.refunded: dict[int, int] = {}
        self.payments: dict[str, list[int]] = {}
        self.alarmed: set[str] = set()

    def see(self, leaf: Leaf, position: int) -> None:
        facts, on = leaf.facts, leaf.scope
        debt = facts.get("debt", "open" if leaf.type == "assessed" else None)
        if leaf.type == "assessed" or "assessed" in facts:
            self.assessed.add(on)
        if debt is not None:
            self.covered[on] = debt != "open"
        match leaf.type:
            case "paid":
                self.covered[on] = True
                self.payments.setdefault(on, []).append(position)
            case "guaranteed":
                self.covered[on] = True
            case "refunded":
                assert self.owed_once.get(on), "a refund where nothing was owed"
                if not self.covered_once.get(on):
                    assert leaf.actor in (number("customs.north"), number("customs.south")), "remitted by somebody else"
                paid = int(facts.get("payment", self.payments.get(on, [-1 - int(on, 16)])[-1]))
                self.refunded[paid] = self.refunded.get(paid, 0) + int(facts["share"])
            case "permit_issued":  # again, where the one before is over and forgotten
                self.drawn[on] = 0
            case "permit_drawn":
                permit = str(facts["permit"])
                self.drawn[permit] = self.drawn.get(permit, 0) + int(facts["share"])
            case "seal_alarm":
                self.alarmed.add(on)
            case "hold_lifted":
                if leaf.actor in (number("customs.north"), number("customs.south")):
                    self.alarmed.discard(on)
        if leaf.type in ("paid", "guaranteed") or debt in ("paid", "guaranteed"):
            self.covered_once[on] = True
        if leaf.type in ("paid", "guaranteed") or debt not in (None, "none"):
            self.owed_once[on] = True
        releasing = leaf.type == "released" or facts.get("state") in ("released", "cleared")
        if releasing:
            assert on in self.assessed, "released without an assessment"
            assert self.covered.get(on), "released without a debt that is covered"
            assert on not in self.alarmed, "released under a seal that was tampered with"
            assert leaf.actor in (number("customs.north"), number("customs.south")), "released by somebody else"
            self.released.add(on)
        elif leaf.type in ("decided", "refused"):
            self.released.discard(on)
        if leaf.type in ("delivered", "exited") and "irregular" not in facts:
            assert on in self.released, "delivered without release"


class Histories(RuleBasedStateMachine):
    """Any entries by anybody, blocks that are closed, blocks that are undone, mirrors that come in later."""

    @initialize()
    def begin(self) -> None:
        self.network, self.watched = Network(), Watched()
        self.twin = State.begin(genesis())
        self.done = 0

    @rule(way=st.lists(st.sampled_from(LIKELY), min_size=4, max_size=12))
    def go_on(self, way: list[tuple[str, str, str, dict[str, str | int]]]) -> None:
        for act in way:
            self.write(act)

    @rule(act=acts())
    def go_anywhere(self, act: tuple[str, str, str, dict[str, str | int]]) -> None:
        self.write(act)

    def write(self, act: tuple[str, str, str, dict[str, str | int]]) -> None:
        kind, by, on, facts = act
        network = self.network
        position, before = network.state.realm.position, network.state.root()
        leaf = network.leaf(kind, by, on, **facts)
        answer = network.apply(leaf)
        if isinstance(answer, Refusal):
            assert network.state.root() == before
            assert answer.why
        else:
            self.watched.see(leaf, position)

    @rule(act=acts())
    def write_and_undo(self, act: tuple[str, str, str, dict[str, str | int]]) -> None:
        kind, by, on, facts = act
        state = self.network.state
        before = state.root(), state.snapshot()
        state.mark()
        state.apply(self.network.leaf(kind, by, on, **facts))
        state.root()
        state.undo()
        assert (state.root(), state.snapshot()) == before

    @rule(later=st.sampled_from([0, 900, 86_400, 50 * 86_400, 200 * 86_400]))
    def close(self, later: int) -> None:
        assert isinstance(self.network.close(later), Applied)

    @rule()
    def hand_over_a_snapshot(self) -> None:
        restored = State.restored(self.network.state.snapshot())
        assert restored.root() == self.network.state.root()
        self.twin, self.done = restored, len(self.network.log)

    @invariant()
    def nothing_that_must_never_be(self) -> None:
        watched = self.watched
        assert all(share <= WHOLE_SHARE for share in watched.refunded.values())
        assert all(share <= WHOLE_SHARE for share in watched.drawn.values())
        for permit, share in watched.drawn.items():
            kept = self.network.state.scopes.get(permit)
            if kept is not None and kept.flags & Flag.PERMIT:
                assert kept.left == WHOLE_SHARE - share

    @invariant()
    def everybody_comes_to_the_same(self) -> None:
        for leaf, _ in self.network.log[self.done :]:
            assert isinstance(self.twin.apply(Leaf.parse(leaf.entry())), Applied)
        self.done = len(self.network.log)
        assert self.twin.root() == self.network.state.root()


Histories.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestHistories = Histories.TestCase


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.none() | st.binary(max_size=3)), max_size=40))
@settings(deadline=None, max_examples=50)
def test_a_root_is_of_what_lies_there_and_not_of_how_it_came(puts: list[tuple[int, int, bytes | None]]) -> None:
    one, other, kept = Tree(), Tree(), dict[tuple[int, str], bytes]()
    for place, (bucket, name, record) in enumerate(puts):
        spread = bucket * (BUCKETS // 7)
        one.put(spread, str(name), record)
        if place % 3 == 0:
            one.root()
        kept.pop((spread, str(name)), None)
        if record is not None:
            kept[spread, str(name)] = record
    for (bucket, kind), record in sorted(kept.items(), reverse=True):
        other.put(bucket, kind, record)
    assert one.root() == other.root()


MEMBERS = ("a", "b", "c", "d")
AMOUNTS = st.decimals(0, 1000, places=2)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(MEMBERS), st.lists(st.tuples(st.sampled_from(MEMBERS), AMOUNTS), max_size=3, unique_by=lambda p: p[0]),
            st.sampled_from(["EUR", "GBP"]), st.sampled_from(["paid", "refunded"]), AMOUNTS,
        ),
        max_size=12,
    ),
    st.randoms(use_true_random=False),
)  # fmt: skip
@settings(deadline=None, max_examples=100)
def test_what_members_owe_one_another_comes_to_nothing_over_all(payments: list, chance) -> None:  # type: ignore[no-untyped-def, type-arg]
    openings, dues = [], dict[tuple[str, str], Decimal]()
    for position, (collector, due, currency, kind, fee) in enumerate(payments):
        whole = sum((amount for _, amount in due), fee)
        fields = [("amount", str(whole)), ("currency", currency), ("collector", collector), ("period", "p")]
        fields += [(f"due:{name}", str(amount)) for name, amount in due]
        told = commit(position.to_bytes(32, "big"), fields)
        leaf = Leaf(actor="0" * 32, at=900, commitment=told.root, facts={}, scope="1" * 32, type=kind)
        openings.append(Opening(position, leaf.entry(), tuple(told.disclose(name) for name, _ in fields)))
        for name, amount in due:
            sign = 1 if kind == "paid" else -1
            dues[name, currency] = dues.get((name, currency), Decimal(0)) + sign * amount
            dues[collector, currency] = dues.get((collector, currency), Decimal(0)) - sign * amount
    settlement = settle(openings, "p")
    balances = settlement.balances()
    assert sum(balances.values()) == 0
    assert {each: amount for each, amount in balances.items() if amount} == {each: a for each, a in dues.items() if a}
    for line in settlement.collected:
        parts = [o for o in settlement.owed if {o.debtor, o.creditor} == {line.collector, line.beneficiary}]
        assert all(each.amount > 0 for each in parts)
    chance.shuffle(openings)
    assert settle(openings, "p") == settlement
