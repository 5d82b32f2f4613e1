"""What somebody who is no member can do to members that he can reach: nothing is kept for him."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from networks import Running, running
from tidewaiter.ledger.contracts.statements import MemberLeft, Statement
from tidewaiter.ledger.effects import Cosigned, Declined, Refuse
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.network.client import Peer
from tidewaiter.network.outbox import Sent, post_blocks

STRANGER = SignerKey("stranger", KeyType.ED25519, bytes(32))


def asked(net: Running, label: str, path: str) -> bytes:
    async def get() -> bytes:
        peer = Peer(net.charter.members[label].url)
        try:
            answer = await peer.get(path)
        finally:
            peer.close()
        assert answer.status == 200
        return answer.body

    return asyncio.run(get())


def put(net: Running, label: str, *sent: Sent) -> list[Cosigned | Declined | Refuse]:
    async def post() -> list[Cosigned | Declined | Refuse]:
        peer = Peer(net.charter.members[label].url)
        try:
            return await post_blocks(peer, list(sent))
        finally:
            peer.close()

    return asyncio.run(post())


def shelf(net: Running, label: str) -> list[Path]:
    return list((net.network.homes[label].folder / "statements").iterdir())


def test_statements_of_strangers_are_not_kept_beside_a_block_that_everybody_has() -> None:
    made_up = tuple(
        Statement.of(MemberLeft(origin="record.example/1", decision=number, name="east")).signed(STRANGER).data
        for number in range(1, 4)
    )
    with running(mirrors=2, quorum=1) as net:
        hand = net.hands["sequencer"]
        end = hand.hand_in(hand.entries(1)).count + 1
        net.network.await_final("mirror-2", end)
        (known,) = msgspec.msgpack.decode(asked(net, "mirror-1", "/record/blocks/0?count=1"), type=list[Sent])
        (answer,) = put(net, "mirror-2", Sent(known.block, made_up))
        assert isinstance(answer, Cosigned)  # given again, as it is to whoever asks
        net.network.stop("mirror-2")
        hand.hand_in(hand.entries(1))
        net.network.await_final("mirror-1", 2 * end)
        (following,) = msgspec.msgpack.decode(asked(net, "mirror-1", f"/record/blocks/{end}?count=1"), type=list[Sent])
        net.network.stop("sequencer")
        net.network.start("mirror-2")
        (answer,) = put(net, "mirror-2", Sent(following.block, made_up))
        assert isinstance(answer, Cosigned)
        assert answer.size == 2 * end
        assert shelf(net, "mirror-2") == []
