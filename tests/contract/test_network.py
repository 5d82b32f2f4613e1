"""Members as processes of their own: what they promise, serve and refuse, and what is left when one of them dies."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime

import httpx
import msgspec
import pytest

from networks import Hand, Running, running, send
from tidewaiter.ledger.batches import write_batch
from tidewaiter.ledger.contracts import Role
from tidewaiter.ledger.contracts.statements import KeyRegistered, MemberLeft, Statement
from tidewaiter.ledger.effects import Declined
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.ledger.leaves import Leaf, bucket
from tidewaiter.ledger.reading import verify_log
from tidewaiter.ledger.receipts import verify_receipt
from tidewaiter.ledger.wire import written_base64
from tidewaiter.network.handing_in import send_batch
from tidewaiter.network.holding import checkpoint_of
from tidewaiter.network.keyring import submitter_number
from tidewaiter.network.operating import GOVERNANCE_SCOPE
from tidewaiter.network.outbox import ANSWERS, Sent
from tidewaiter.network.service import WAITING_MAX
from tidewaiter.network.serving import RefusedError


@pytest.fixture(scope="module")
def net() -> Running:
    with running(mirrors=3, quorum=2, witnesses=1) as started:
        yield started


def url(net: Running, label: str) -> str:
    return net.charter.members[label].url


def test_what_was_handed_in_is_final_and_every_mirror_serves_it(net: Running) -> None:
    hand = net.hands["mirror-1"]
    entries = hand.entries(75)
    promise = hand.hand_in(entries)
    assert promise.is_by(net.charter.log_key)
    assert (promise.count, promise.refused) == (300, ())
    for label in ("sequencer", "mirror-1", "mirror-2", "mirror-3"):
        note = net.network.await_final(label, promise.first + promise.count)
        believed = net.charter.read_policy.believed(note)
        assert believed.verdict, believed.verdict.reason
        checkpoint = checkpoint_of(note)
        below = f"{url(net, label)}/{net.log_path()}/"
        with httpx.Client(trust_env=False) as client:

            def read(path: str, client: httpx.Client = client, below: str = below) -> bytes | None:
                answer = client.get(below + path)
                return answer.content if answer.status_code == 200 else None

            assert verify_log(read, checkpoint.size, checkpoint.root), label
        with net.network.operator(label) as operator:
            for place in (0, 299):
                receipt = operator.receipt(promise.first + place)
                assert verify_receipt(receipt, entries[place], net.charter.read_policy).verdict
                assert not verify_receipt(receipt, entries[1], net.charter.read_policy).verdict
                assert len(receipt) < 2500


def test_a_witness_cosigns_and_serves_what_it_saw(net: Running) -> None:
    promise = net.hands["mirror-2"].hand_in(net.hands["mirror-2"].entries(1))
    net.network.await_final("mirror-1", promise.first + promise.count)
    with httpx.Client(trust_env=False) as client:
        answer = client.get(f"{url(net, 'witness-1')}/{net.log_path()}/checkpoint")
        assert answer.status_code == 200
        assert "witness-1.example" in answer.text
        assert client.get(f"{url(net, 'witness-1')}/{net.log_path()}/tile/0/000").json()["code"] == "tile.none"


def test_a_batch_again_is_answered_as_before_and_counts_once(net: Running) -> None:
    hand = net.hands["mirror-3"]
    batch = hand.batch(hand.entries(2))
    first = send(batch, net.charter)
    assert send(batch, net.charter) == first
    again = write_batch(net.charter.origin, hand.key, batch.number, hand.entries(2))
    with pytest.raises(RefusedError) as refused:
        send(again, net.charter)
    assert refused.value.refuse.code == "batch.replayed"
    assert refused.value.refuse.hint


def test_what_the_contract_refuses_is_told_one_by_one_and_is_not_in_the_log(net: Running) -> None:
    hand = net.hands["sequencer"]
    accepted, assessed, paid, released = hand.entries(1)
    again = Leaf.parse(released)
    once_more = msgspec.structs.replace(again, commitment=again.commitment[::-1]).entry()
    promise = hand.hand_in([accepted, released, assessed, once_more, paid])
    assert promise.count == 3
    assert [(each.place, each.code) for each in promise.refused] == [(1, "release.assessed"), (3, "release.debt")]
    assert all(each.why and each.hint for each in promise.refused)


@pytest.mark.parametrize(
    ("path", "body", "content_type", "status", "code"),
    [
        ("/record/batch", b"\xc1", "application/msgpack", 400, "batch.malformed"),
        ("/record/batch", b'{"type":"batch"}', "application/json", 400, "batch.malformed"),
        ("/record/blocks", b"", "application/msgpack", 400, "block.malformed"),
        ("/record/final", b"nothing", "text/plain", 404, "origin.unknown"),
        ("/record/batch", b"x" * 6_100_000, "application/msgpack", 413, "http.too_large"),
        ("/nowhere", b"", "text/plain", 404, "http.unknown"),
        ("/record/receipts/1", b"", "text/plain", 405, "http.method"),
        ("/record/statements", b"{}", "application/json", 400, "ledger.malformed"),
    ],
)
def test_each_refusal_has_a_code_a_reason_and_is_a_problem(
    net: Running, path: str, body: bytes, content_type: str, status: int, code: str
) -> None:
    answer = httpx.post(
        url(net, "sequencer") + path, content=body, headers={"content-type": content_type}, trust_env=False
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


@pytest.mark.parametrize("is_signed", [True, False])
def test_a_statement_that_nobody_known_has_signed_is_not_kept(net: Running, *, is_signed: bool) -> None:
    """It is kept for good and may have megabytes, so a stranger could fill the disk."""
    body = MemberLeft(origin=net.charter.origin, decision=1, name="mirror-1")
    statement = Statement.of(body)
    if is_signed:
        statement = statement.signed(net.network.homes["mirror-2"].keyring.make_submitter())
    answer = httpx.post(
        url(net, "sequencer") + "/record/statements", content=statement.data,
        headers={"content-type": "application/json"}, trust_env=False,
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (403, "statement.unsigned")


def test_a_mirror_takes_no_batches_and_a_sequencer_no_blocks(net: Running) -> None:
    hand = net.hands["mirror-1"]
    body = msgspec.msgpack.encode(write_batch(net.charter.origin, hand.key, 99, hand.entries(1)))
    headers = {"content-type": "application/msgpack"}
    answer = httpx.post(url(net, "mirror-2") + "/record/batch", content=body, headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (421, "network.role")
    assert url(net, "sequencer") in answer.json()["hint"]


def test_only_so_many_wait_at_once_for_what_becomes_final_and_those_are_told(net: Running) -> None:
    hand = net.hands["mirror-2"]
    promise = hand.hand_in(hand.entries(1))
    net.network.await_final("mirror-2", promise.first + promise.count)
    with net.network.operator("mirror-2") as operator:
        size = checkpoint_of(operator.final()).size
    ask = f"{url(net, 'mirror-2')}/record/final?after={size}"

    async def ask_together() -> list[httpx.Response]:
        async with httpx.AsyncClient(trust_env=False, timeout=30, limits=httpx.Limits()) as client:
            asking = [asyncio.create_task(client.get(ask)) for _ in range(WAITING_MAX + 8)]
            done: set[asyncio.Task[httpx.Response]] = set()
            while len(done) < 8:
                more, _ = await asyncio.wait(set(asking) - done, return_when=asyncio.FIRST_COMPLETED)
                done |= more
            assert {each.result().json()["code"] for each in done} == {"final.crowded"}
            assert (await client.get(ask.partition("?")[0])).status_code == 200
            await send_batch(hand.batch(hand.entries(1)), net.charter)
            return await asyncio.gather(*asking)

    answers = asyncio.run(ask_together())
    assert sorted(each.status_code for each in answers) == [200] * WAITING_MAX + [503] * 8
    assert all(checkpoint_of(each.content).size > size for each in answers if each.status_code == 200)


def test_a_statement_with_a_signature_of_nobody_known_counts_by_those_that_hold(net: Running) -> None:
    body = MemberLeft(origin=net.charter.origin, decision=1, name="mirror-3")
    known = next(net.network.homes["mirror-2"].keyring.submitters())
    spoilt = Statement.of(body).signed(known).signed(net.network.homes["mirror-2"].keyring.make_submitter())
    more = Statement.of(body).signed(next(net.network.homes["mirror-1"].keyring.submitters()))
    for statement in (spoilt, more):
        answer = httpx.post(
            url(net, "sequencer") + "/record/statements", content=statement.data,
            headers={"content-type": "application/json"}, trust_env=False,
        )  # fmt: skip
        assert answer.status_code == 204
    kept = (net.network.homes["sequencer"].folder / "statements" / spoilt.commitment).read_bytes()
    signed = {submitter_number(net.hands[label].key) for label in ("mirror-1", "mirror-2")}
    assert set(Statement.parse(kept).signatures) == signed


def test_a_block_with_fewer_signatures_than_the_log_took_is_put_off_and_freezes_nobody(net: Running) -> None:
    """What the log signs binds the statement, not who has signed it: a stranger may leave signatures out."""
    network, hand = net.network, net.hands["mirror-1"]
    mark = hand.hand_in(hand.entries(1))
    network.await_final("mirror-3", mark.first + mark.count)
    network.stop("mirror-3")
    new = SignerKey("submitter", KeyType.ED25519, os.urandom(32))
    statement = Statement.of(
        KeyRegistered(
            key=written_base64(new.verifier.public), member="mirror-1", origin=net.charter.origin, roles=(Role.CUSTOMS,),
            until=bucket(datetime.now(UTC)) + 9000,
        )
    ).signed(new).signed(hand.key)  # fmt: skip
    given = httpx.post(url(net, "sequencer") + "/record/statements", content=statement.data, trust_env=False)
    assert given.status_code == 204
    entry = Leaf(
        actor=submitter_number(hand.key), at=bucket(datetime.now(UTC)), commitment=statement.commitment, facts={},
        scope=GOVERNANCE_SCOPE, type="key_registered",
    ).entry()  # fmt: skip
    promise = hand.hand_in([entry])
    assert promise.refused == ()
    network.await_final("mirror-2", promise.first + 1)
    asked = f"{url(net, 'sequencer')}/record/blocks/{promise.first}"
    blocks = msgspec.msgpack.decode(httpx.get(asked, trust_env=False).content, type=list[Sent])
    assert [Statement.parse(each) for each in blocks[0].statements] == [statement]
    network.pause("sequencer")
    try:
        network.start("mirror-3")
        for signed in ({}, {submitter_number(new): statement.signatures[submitter_number(new)]}):
            fewer = msgspec.structs.replace(statement, signatures=signed).data
            body = msgspec.msgpack.encode([msgspec.structs.replace(blocks[0], statements=(fewer,))])
            answer = httpx.post(url(net, "mirror-3") + "/record/blocks", content=body, trust_env=False)
            (declined,) = ANSWERS.decode(answer.content)
            assert isinstance(declined, Declined)
            assert (declined.refuse.code, declined.size) == ("block.unsigned", promise.first)
    finally:
        network.resume("sequencer")
    network.await_final("mirror-3", promise.first + 1)
    with network.operator("mirror-3") as operator:
        assert operator.status()["origins"][-1]["frozen"] == ""


def test_a_stranger_s_batch_is_refused(net: Running) -> None:
    key = net.network.homes["mirror-1"].keyring.make_submitter()
    stranger = Hand(net.charter, key)
    with pytest.raises(RefusedError) as refused:
        stranger.hand_in(stranger.entries(1))
    assert refused.value.refuse.code == "batch.key_unknown"


def test_a_mirror_that_was_away_catches_up_and_one_that_died_lost_nothing(net: Running) -> None:
    hand, network = net.hands["mirror-1"], net.network
    network.kill("mirror-3")
    promise = hand.hand_in(hand.entries(100))
    network.await_final("mirror-2", promise.first + promise.count)
    network.start("mirror-3")
    network.await_final("mirror-3", promise.first + promise.count)
    network.kill("sequencer")
    network.start("sequencer")
    promise = hand.hand_in(hand.entries(1))
    for label in ("sequencer", "mirror-1", "mirror-2", "mirror-3"):
        network.await_final(label, promise.first + promise.count)
