"""Settlement between two members: what payments come to, and that each is settled once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec import structs

from parties import BEGAN, ORIGIN, Network, number, public, scope, signer
from tidewaiter.ledger.commitments import commit
from tidewaiter.ledger.contracts import Applied, Refusal, Role
from tidewaiter.ledger.contracts.settling import Opening, Owed, settle, verify_settlement
from tidewaiter.ledger.contracts.statements import KeyRegistered, Settled, Statement
from tidewaiter.ledger.leaves import Leaf
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.ledger.wire import written_base64

NORTH, SOUTH = "customs.north", "customs.south"
PERIOD, SEED = "2027-01", b"\x05" * 32
SIDES = ("courier", NORTH)


def opened(network: Network, kind: str, by: str, *fields: tuple[str, str], **facts: int) -> Opening:
    """Write a payment on a parcel of its own, and open it."""
    on = f"parcel {network.state.size}"
    if kind == "paid":
        network.take("assessed", NORTH, on)
    else:
        on = f"parcel {network.state.size - 2}"
    seed = network.state.size.to_bytes(32, "big")
    told = commit(seed, [("period", PERIOD), *fields])
    leaf = Leaf(actor=number(by), at=BEGAN, commitment=told.root, facts=facts, scope=scope(on), type=kind)
    position = network.state.realm.position
    assert isinstance(network.apply(leaf), Applied)
    return Opening(position, leaf.entry(), tuple(told.disclose(name) for name, _ in [("period", PERIOD), *fields]))


def payment(amount: str, due: str, collector: str = "courier", to: str = NORTH) -> list[tuple[str, str]]:
    return [("amount", amount), ("currency", "EUR"), ("collector", collector), (f"due:{to}", due)]


def test_two_members_settle_what_they_owe_each_other() -> None:
    network = Network()
    openings = [
        opened(network, "paid", "courier", *payment("10.50", "10.00")),
        opened(network, "refunded", "courier", *payment("4.00", "4.00"), share=400_000_000),
        opened(network, "paid", NORTH, *payment("1.1", "1.1", NORTH, "courier")),
    ]
    settlement = settle(openings, PERIOD)
    assert settlement.owed == (Owed("courier", NORTH, "EUR", Decimal("4.9")),)
    assert settlement.balances() == {("courier", "EUR"): Decimal("-4.9"), (NORTH, "EUR"): Decimal("4.9")}
    body = settlement.body(ORIGIN, SIDES, SEED)
    assert verify_settlement(body, openings, PERIOD, SEED, {})
    assert not verify_settlement(body, openings[:2], PERIOD, SEED, {})
    assert not verify_settlement(body, openings, PERIOD, b"\x06" * 32, {})
    assert not verify_settlement(structs.replace(body, sides=(SOUTH, NORTH)), openings, PERIOD, SEED, {})
    assert not verify_settlement(structs.replace(body, root="00" * 32), openings, PERIOD, SEED, {})
    once = network.say(body, *SIDES)
    assert isinstance(once, Applied)
    assert not network.state.payments
    again = network.say(structs.replace(body, settlement="00" * 32), *SIDES)
    assert isinstance(again, Refusal)
    assert again.code == "settled.once"
    assert network.replayed().root() == network.state.root()


def test_what_no_mirror_takes_as_settled() -> None:
    network = Network()
    opening = opened(network, "paid", "courier", *payment("10", "10"))
    body = settle([opening], PERIOD).body(ORIGIN, SIDES, SEED)
    place = opening.position
    for wrong, signers in (
        (body, ("courier",)), (body, (NORTH, SOUTH)), (structs.replace(body, sides=(SOUTH, NORTH)), (NORTH, SOUTH)),
        (structs.replace(body, sides=("courier", "courier")), ("courier",)), (structs.replace(body, root="00" * 32), SIDES),
        (structs.replace(body, covers=()), SIDES), (structs.replace(body, covers=((place, place), (place, place))), SIDES),
        (structs.replace(body, covers=((place - 1, place),)), SIDES), (structs.replace(body, covers=((place, 2**50),)), SIDES),
    ):  # fmt: skip
        answer = network.say(wrong, *signers)
        assert isinstance(answer, Refusal), wrong
        assert answer.code == "settled.once", answer
    assert isinstance(network.say(body, *SIDES), Applied)


def test_a_payment_under_a_pseudonym_is_settled_with_its_signature() -> None:
    network = Network()
    body = KeyRegistered(
        origin=ORIGIN, key=written_base64(public("pseudonym")), roles=(Role.COLLECTOR,), until=BEGAN + 900_000
    )
    assert isinstance(network.say(body, NORTH, "pseudonym"), Applied)
    opening = opened(network, "paid", "pseudonym", *payment("10", "10"))
    named = settle([opening], PERIOD).body(ORIGIN, SIDES, SEED)
    assert isinstance(network.say(named, *SIDES, "pseudonym"), Refusal)
    sides = (number("pseudonym"), NORTH)
    unnamed = settle([opening], PERIOD).body(ORIGIN, sides, SEED)
    assert isinstance(network.say(unnamed, *SIDES), Refusal)
    answer = network.say(unnamed, "pseudonym", NORTH)
    assert isinstance(answer, Applied)
    assert not verify_settlement(unnamed, [opening], PERIOD, SEED, {})
    assert verify_settlement(unnamed, [opening], PERIOD, SEED, {number("pseudonym"): "courier"})
    assert (
        number("courier") not in Statement.of(unnamed).signed(signer("pseudonym")).signed(signer(NORTH)).data.decode()
    )


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (payment("10", "10.0001"), "parts come to"), ([*payment("10", "6"), ("due:x", "4.01")], "parts come to"),
        (payment("1e3", "1"), "no amount"), (payment("-1", "0"), "no amount"), (payment("01", "0"), "no amount"),
        (payment("1.00001", "0"), "no amount"), (payment("10", "10")[1:], "not opened"),
        ([("amount", "1"), ("currency", "eur"), ("collector", "c")], "currency"),
    ],
)  # fmt: skip
def test_payments_that_do_not_hold_are_not_settled(fields: list[tuple[str, str]], why: str) -> None:
    opening = opened(Network(), "paid", "courier", *fields)
    with pytest.raises(LedgerError, match=why):
        settle([opening], PERIOD)


def test_an_opening_is_of_its_entry_its_period_and_once() -> None:
    network = Network()
    one = opened(network, "paid", "courier", *payment("10", "10"))
    other = opened(network, "paid", "courier", *payment("11", "11"))
    with pytest.raises(LedgerError, match="does not hold"):
        settle([structs.replace(one, fields=other.fields)], PERIOD)
    with pytest.raises(LedgerError, match="twice"):
        settle([one, one], PERIOD)
    with pytest.raises(LedgerError, match="belongs to"):
        settle([one], "2027-02")
    moved = network.leaf("moved", "courier")
    with pytest.raises(LedgerError, match="no payment"):
        settle([Opening(1, moved.entry(), ())], PERIOD)


def test_a_statement_of_a_settlement_tells_no_amount() -> None:
    network = Network()
    opening = opened(network, "paid", "courier", *payment("98765.43", "98765.43"))
    body = settle([opening], PERIOD).body(ORIGIN, SIDES, SEED)
    data = Statement.of(body).signed(signer("courier")).data
    assert b"98765" not in data
    assert isinstance(Statement.parse(data).said, Settled)


@pytest.mark.parametrize("name", ["", "a>b", "courier:EUR", "Courier"])
def test_what_a_line_of_a_settlement_is_told_by_is_told_by_nothing_else(name: str) -> None:
    """“a>b” that owes “c” and “a” that owes “b>c” would stand under one name."""
    with pytest.raises(LedgerError, match="is no party"):
        settle([opened(Network(), "paid", "courier", *payment("1", "1", to=name))], PERIOD)
    with pytest.raises(LedgerError, match="is no party"):
        settle([opened(Network(), "paid", "courier", *payment("1", "1", collector=name))], PERIOD)
