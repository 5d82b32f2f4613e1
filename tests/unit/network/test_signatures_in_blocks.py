"""What a log signs does not say who has signed a statement: a block with other signatures is no fault of the log."""

from __future__ import annotations

from parties import BEGAN, ORIGIN, Network, genesis, number, public, signer
from tidewaiter.ledger.contracts import Applied, Contract, Role, State
from tidewaiter.ledger.contracts.statements import KeyRegistered, Statement
from tidewaiter.ledger.entries import Entries
from tidewaiter.ledger.wire import written_base64
from tidewaiter.network.rules import unsigned_in

UNTIL = BEGAN + 90 * 86_400


def block(*signers: str) -> tuple[Entries, Statement]:
    """The entries of a block in which a key is registered, as the log came to its state with these signatures."""
    network = Network()
    body = KeyRegistered(
        origin=ORIGIN, key=written_base64(public("shop")), roles=(Role.MARKETPLACE,), until=UNTIL, member=""
    )
    statement = Statement.of(body)
    for name in (*signers, "shop"):
        statement = statement.signed(signer(name))
    assert isinstance(network.state_it(statement), Applied)
    assert isinstance(network.close(), Applied)
    return Entries.of([leaf.entry() for leaf, _ in network.log]), statement


def contract(statement: Statement) -> Contract:
    return Contract(State.begin(genesis()), {statement.commitment: statement.data})


def test_a_signature_more_that_leads_to_another_state_has_the_block_sent_again_and_freezes_nobody() -> None:
    first = min("customs.north", "permits.north", key=number)
    other = max("customs.north", "permits.north", key=number)
    entries, fewer = block(other)
    more = fewer.signed(signer(first))
    held = contract(more)
    before = held.root()
    refusal = unsigned_in(held, entries)
    assert refusal is not None
    assert refusal.code == "state.root"
    assert held.root() == before
    assert unsigned_in(contract(fewer), entries) is None


def test_a_signature_less_has_the_block_sent_again() -> None:
    entries, statement = block("customs.north")
    none = Statement(statement.body, {number("shop"): statement.signatures[number("shop")]})
    refusal = unsigned_in(contract(none), entries)
    assert refusal is not None
    assert refusal.code == "key.vouched"
