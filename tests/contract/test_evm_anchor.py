"""What only an anchor on a chain can show: who may write, lost answers, nodes that lie, and the contract's own refusals."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytest.importorskip("coincurve", reason="the extra `evm` is not installed")

import contracts
from anchors import ContractPlace, place
from evm_chain import ask, fund, key, root
from ledgers import ORIGIN
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.model.errors import UnavailableError
from tidewaiter.network.adapters.anchors import AnchorRefusedError, Why, origin_hash
from tidewaiter.network.adapters.evm import (
    ANCHORER,
    OWNER,
    EvmAnchor,
    RevertedError,
    contract,
)
from tidewaiter.network.adapters.evm_wire import Address

ANCHOR_GAS_MAX = 60_000
FIRST_ANCHOR_GAS_MAX = 75_000
DEPLOY_GAS_MAX = 800_000


@pytest.fixture
def where(tmp_path: Path) -> Iterator[ContractPlace]:
    with place("evm", tmp_path) as made:
        assert isinstance(made, ContractPlace)
        yield made


def anchored(where: ContractPlace) -> list[tuple[int, bytes]]:
    return [(each.size, each.root) for each in where.opened().history(ORIGIN)]


def test_the_compiled_contract_is_of_this_source() -> None:
    kept = json.loads(contracts.COMPILED.read_text())
    assert kept["source_sha256"] == hashlib.sha256(contracts.SOURCE.read_bytes()).hexdigest(), "run `make contract`"
    assert set(kept["methods"]) >= {"anchor(bytes32,uint64,bytes32)", "latest(bytes32)", "vote(uint8,address,bool)"}


def test_compiling_again_gives_the_same_bytes() -> None:
    try:
        made = contracts.compiled()
    except FileNotFoundError:
        pytest.skip("there is no vyper here")
    assert contracts.written(made) == contracts.COMPILED.read_text(), "run `make contract`"


def test_what_it_costs(where: ContractPlace) -> None:
    chain = where.chain()
    used = []
    for size in (10, 20, 30):
        data = contract().call("anchor", origin_hash(ORIGIN), size, root(str(size)))
        used.append(chain.sent(where.anchorers[0], where.address, data).gas_used)
    assert where.deployment.gas_used < DEPLOY_GAS_MAX
    assert used[0] < FIRST_ANCHOR_GAS_MAX
    assert max(used[1:]) < ANCHOR_GAS_MAX


def test_only_named_anchorers_write(where: ContractPlace) -> None:
    stranger = EvmAnchor(where.chain(), where.address, where.stranger)
    owner = EvmAnchor(where.chain(), where.address, where.owners[0])
    nobody = EvmAnchor(where.chain(), where.address)
    for each in (stranger, owner, nobody):
        with pytest.raises(AnchorRefusedError) as refusal:
            each.publish(Checkpoint(ORIGIN, 7, root("a")))
        assert refusal.value.why is Why.NOT_ALLOWED
    assert anchored(where) == []
    where.opened().publish(Checkpoint(ORIGIN, 7, root("a")))
    assert nobody.latest(ORIGIN) is not None, "everybody reads"


def test_the_contract_itself_never_overwrites(where: ContractPlace) -> None:
    """Asked directly, past all that the adapter looks at first."""
    chain, key_ = where.chain(), where.anchorers[0]

    def call(size: int, of: bytes) -> None:
        chain.sent(key_, where.address, contract().call("anchor", origin_hash(ORIGIN), size, of))

    call(7, root("a"))
    for size, of in ((7, root("b")), (7, root("a")), (6, root("b")), (0, root("b"))):
        with pytest.raises(RevertedError, match="size must grow"):
            call(size, of)
    with pytest.raises(RevertedError, match="no root"):
        call(8, bytes(32))
    assert anchored(where) == [(7, root("a"))]


def test_a_quorum_of_owners_says_who_anchors(where: ContractPlace) -> None:
    first, second = (EvmAnchor(where.chain(), where.address, each) for each in where.owners)
    new, old = where.stranger.address, where.anchorers[0].address
    first.vote(ANCHORER, new, True)
    assert not first.is_anchorer(new), "one of two owners is not enough"
    with pytest.raises(AnchorRefusedError, match="voted already"):
        first.vote(ANCHORER, new, True)
    second.vote(ANCHORER, new, True)
    assert first.is_anchorer(new)
    EvmAnchor(where.chain(), where.address, where.stranger).publish(Checkpoint(ORIGIN, 7, root("a")))
    with pytest.raises(AnchorRefusedError, match="no change"):
        first.vote(ANCHORER, new, True)
    for owner in (second, first):
        owner.vote(ANCHORER, old, False)
    with pytest.raises(AnchorRefusedError, match="not an anchorer"):
        where.by(0).publish(Checkpoint(ORIGIN, 8, root("b")))
    with pytest.raises(AnchorRefusedError, match="not an owner"):
        where.by(1).vote(ANCHORER, where.anchorers[1].address, False)
    assert anchored(where) == [(7, root("a"))]


def test_votes_end_with_the_office_of_who_gave_them(where: ContractPlace) -> None:
    third = key("owner 3")
    fund(where.url, third)
    owners = [EvmAnchor(where.chain(), where.address, each) for each in (*where.owners, third)]
    for owner in owners[:2]:
        owner.vote(OWNER, third.address, True)
    assert owners[0].is_owner(third.address)
    owners[2].vote(ANCHORER, where.stranger.address, True)
    for owner in owners[:2]:
        owner.vote(OWNER, third.address, False)
    owners[0].vote(ANCHORER, where.stranger.address, True)
    assert not owners[0].is_anchorer(where.stranger.address), "the vote of the one who left does not count"
    owners[0].vote(OWNER, where.owners[1].address, False)
    with pytest.raises(AnchorRefusedError, match="too few owners"):
        owners[1].vote(OWNER, where.owners[1].address, False)


def between(url: str, change: Callable[[dict[str, Any], httpx.Response], httpx.Response]) -> httpx.Client:
    """A client whose answers from the real node pass through a function."""
    real = httpx.HTTPTransport()

    class Through(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            answer = real.handle_request(request)
            answer.read()
            return change(json.loads(request.content), answer)

        def close(self) -> None:
            real.close()

    return httpx.Client(transport=Through(), timeout=60)


def test_a_lost_answer_costs_nothing_but_time(where: ContractPlace) -> None:
    def lose(question: dict[str, Any], answer: httpx.Response) -> httpx.Response:
        if question["method"] == "eth_sendRawTransaction":
            raise httpx.ReadError("the line went dead")
        return answer

    anchor = where.by(0, between(where.url, lose))
    with pytest.raises(UnavailableError, match="does not answer eth_sendRawTransaction"):
        anchor.publish(Checkpoint(ORIGIN, 7, root("a")))
    assert where.by(0).publish(Checkpoint(ORIGIN, 7, root("a"))).size == 7
    assert anchored(where) == [(7, root("a"))]


def test_of_two_anchorers_at_once_one_writes(where: ContractPlace) -> None:
    told: dict[int, object] = {}
    barrier = threading.Barrier(2)

    def meet(question: dict[str, Any], answer: httpx.Response) -> httpx.Response:
        """Both have looked, and neither has written, before either goes on."""
        if question["method"] == "eth_getTransactionCount":
            barrier.wait(60)
        return answer

    def publish(number: int) -> None:
        try:
            told[number] = where.by(number, between(where.url, meet)).publish(Checkpoint(ORIGIN, 7, root(str(number))))
        except AnchorRefusedError as error:
            told[number] = error.why

    threads = [threading.Thread(target=publish, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [each for each in told.values() if isinstance(each, Why)] == [Why.CONFLICTING]
    (kept,) = anchored(where)
    assert kept in [(7, root("0")), (7, root("1"))]


def test_a_node_whose_events_and_state_differ_is_not_believed(where: ContractPlace) -> None:
    where.opened().publish(Checkpoint(ORIGIN, 7, root("a")))
    where.opened().publish(Checkpoint(ORIGIN, 9, root("b")))

    def hide(question: dict[str, Any], answer: httpx.Response) -> httpx.Response:
        content = answer.json()
        if question["method"] == "eth_getLogs":
            content["result"] = content["result"][:1]
        return httpx.Response(200, json=content)

    def alter(question: dict[str, Any], answer: httpx.Response) -> httpx.Response:
        content = answer.json()
        if question["method"] == "eth_getLogs":
            content["result"][0]["data"] = "0x" + root("other").hex() + content["result"][0]["data"][66:]
        return httpx.Response(200, json=content)

    for change, reason in ((hide, "does not tell all events"), (alter, "the contract's state denies")):
        with pytest.raises(UnavailableError, match=reason):
            where.by(0, between(where.url, change)).history(ORIGIN)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b'{"error": {"message": "busy"}}',
        b'{"error": 1}',
        b'{"result": null}',
        b'{"result": "0x1"}',
    ],
)
def test_a_node_that_answers_nonsense_is_unavailable(where: ContractPlace, answer: bytes) -> None:
    said: list[bytes] = []

    def nonsense(_question: dict[str, Any], good: httpx.Response) -> httpx.Response:
        return httpx.Response(200, content=said[0]) if said else good

    anchor = where.by(0, between(where.url, nonsense))
    said.append(answer)
    for asked in (
        lambda: anchor.latest(ORIGIN),
        lambda: anchor.history(ORIGIN),
        lambda: anchor.publish(Checkpoint(ORIGIN, 7, root("a"))),
    ):
        with pytest.raises((UnavailableError, LedgerError)):
            asked()


def test_another_contract_or_none_is_not_taken_for_ours(where: ContractPlace) -> None:
    ask(where.url, "anvil_setCode", "0x" + "11" * 20, "0x600160005500")
    for at in ("0x" + "11" * 20, "0x" + "22" * 20):
        with pytest.raises(LedgerError, match="not the one of this version"):
            EvmAnchor(where.chain(), Address.parse(at))


def test_so_many_blocks_are_waited_for_as_were_asked_for(where: ContractPlace) -> None:
    seen: list[int] = []

    def mine(question: dict[str, Any], answer: httpx.Response) -> httpx.Response:
        if question["method"] == "eth_blockNumber":
            seen.append(int(answer.json()["result"], 16))
            ask(where.url, "anvil_mine", "0x1")
        return answer

    chain = where.chain(between(where.url, mine), confirmations=3)
    receipt = chain.sent(
        where.anchorers[0], where.address, contract().call("anchor", origin_hash(ORIGIN), 7, root("a"))
    )
    assert seen[-1] >= receipt.block + 3
    assert len(seen) >= 3


def test_what_is_not_deep_enough_is_not_told(where: ContractPlace) -> None:
    shallow, deep = where.opened(), EvmAnchor(where.chain(confirmations=2), where.address)
    shallow.publish(Checkpoint(ORIGIN, 7, root("a")))
    for mined in range(2):
        assert (mined, deep.latest(ORIGIN), deep.find(ORIGIN, 7), deep.history(ORIGIN)) == (mined, None, None, [])
        ask(where.url, "anvil_mine", "0x1")
    assert (deep.latest(ORIGIN), len(deep.history(ORIGIN))) == (deep.find(ORIGIN, 7), 1)


def test_who_publishes_again_waits_until_it_is_deep(where: ContractPlace) -> None:
    where.opened().publish(Checkpoint(ORIGIN, 7, root("a")))
    written, seen = int(str(ask(where.url, "eth_blockNumber")), 16), list[int]()

    def mine(question: dict[str, Any], answer: httpx.Response) -> httpx.Response:
        if question["method"] == "eth_blockNumber":
            seen.append(int(answer.json()["result"], 16))
            ask(where.url, "anvil_mine", "0x1")
        return answer

    chain = where.chain(between(where.url, mine), confirmations=3)
    EvmAnchor(chain, where.address, where.anchorers[0]).publish(Checkpoint(ORIGIN, 7, root("a")))
    assert seen[-1] >= written + 3


def test_what_the_chain_drops_is_told_no_more_and_written_again(where: ContractPlace) -> None:
    before = ask(where.url, "evm_snapshot")
    where.opened().publish(Checkpoint(ORIGIN, 7, root("a")))
    assert ask(where.url, "evm_revert", before) is True
    assert anchored(where) == []
    where.opened().publish(Checkpoint(ORIGIN, 7, root("a")))
    assert anchored(where) == [(7, root("a"))]


def test_a_node_of_another_chain_is_refused_before_anything_is_paid(where: ContractPlace) -> None:
    found = where.chain().chain_number
    other = where.chain(number=found + 1)
    with pytest.raises(LedgerError, match=f"is of chain {found}, not of {found + 1}"):
        EvmAnchor(other, where.address, where.anchorers[0])
    before = ask(where.url, "eth_blockNumber")
    with pytest.raises(LedgerError, match="is of chain"):
        EvmAnchor.deployed(other, where.owners[0], (where.owners[0].address,), 1, ())
    assert ask(where.url, "eth_blockNumber") == before
    assert EvmAnchor(where.chain(number=found), where.address).place == f"{where.address.text} on chain {found}"
