"""A sequencer that is fed from an intake, and fails wherever it can: what the intake took is in the log once and in order."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

pytest.importorskip("nats", reason="the extra `nats` is not installed")

from intakes import ANNA, BEN, KNOWN, batch, contract, number_of
from networks import running
from tidewaiter.ledger.batches import STATE, Batch, Promise, write_batch
from tidewaiter.ledger.contracts import Role
from tidewaiter.ledger.contracts.statements import KeyRegistered, Statement
from tidewaiter.ledger.effects import Keep, Persist, Refuse, Reply
from tidewaiter.ledger.journals import whole_records
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.ledger.leaves import BUCKET_SECONDS, Leaf, bucket
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.reading import TileReader
from tidewaiter.ledger.sequencing import Admitted, Limits, Sequencer, Setup
from tidewaiter.ledger.wire import written_base64
from tidewaiter.model.errors import UnavailableError
from tidewaiter.network.adapters.batches import check_for, now_ms, offered
from tidewaiter.network.adapters.embedded import EmbeddedIntake
from tidewaiter.network.adapters.feeding import Feeder, to_member
from tidewaiter.network.adapters.following import Taken
from tidewaiter.network.adapters.log_reading import served
from tidewaiter.network.charter import Charter
from tidewaiter.network.holding import checkpoint_of
from tidewaiter.network.keyring import submitter_number

ORIGIN = "fed.example/2026"
LOG = SignerKey(ORIGIN, KeyType.ED25519, bytes(32))
SETUP = Setup(
    ORIGIN, LOG, Policy.parse(f"log {LOG.verifier.text}\nquorum none".encode()), (), KNOWN, Limits(unfinal_max=10_000)
)


class Fragile:
    """A real sequencer over a journal of bytes, which forgets what was not synced when it crashes."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.disk = b""
        self.crashes = 0
        self._begin()

    def _begin(self) -> None:
        records, _ = whole_records(self.disk)
        self._machine = Sequencer.recovered(SETUP, contract(ORIGIN, LOG), records)

    async def hand_in(self, handed: Batch, statements: Sequence[bytes] = ()) -> Promise | Refuse:
        """The answer; or none, with the batch on the disk or not."""
        before = self._chance.random()
        if before < 0.1:
            return Refuse("sequencer.busy", "too much is under way", "Hand in the same again.")
        effects = self._machine.submit(handed, "feeder", now_ms())
        written = b"".join(effect.data for effect in effects if isinstance(effect, Persist | Keep))
        if before < 0.3:
            self._crash()  # before anything of it was written
        self.disk += written
        upto = max([0, *(effect.upto for effect in effects if isinstance(effect, Persist))])
        effects += self._machine.synced(upto)
        if before < 0.5:
            self._crash()  # after it was, and before it was told
        (answer,) = (effect.message for effect in effects if isinstance(effect, Reply))
        assert isinstance(answer, Promise | Refuse)
        return answer

    def _crash(self) -> None:
        self.crashes += 1
        self._begin()
        raise UnavailableError("the line went dead")

    def lose_everything(self) -> None:
        """Another sequencer begins, with an empty log."""
        self.disk = b""
        self._begin()

    @property
    def admitted(self) -> list[tuple[str, int]]:
        """Whose batches are in the log, in order."""
        import msgspec

        from tidewaiter.ledger.sequencing import Record

        read = (msgspec.msgpack.decode(record, type=Record) for record in whole_records(self.disk)[0])
        return [(each.slip.key, each.slip.number) for each in read if isinstance(each, Admitted)]


@pytest.mark.parametrize("seed", range(5))
def test_whatever_fails_each_batch_is_in_the_log_once_and_in_order(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    sequencer, told = Fragile(chance), list[Taken]()

    async def run() -> None:
        intake = EmbeddedIntake(tmp_path / "intake", check_for(ORIGIN, KNOWN))
        order = []
        for number in range(1, 41):
            for key in (ANNA, BEN):
                await intake.offer(batch(ORIGIN, key, number))
                order.append((number_of(key), number))
        feeder = Feeder(intake, sequencer.hand_in, tmp_path / "position")
        before = ""
        for step in range(2_000):
            if chance.random() < 0.1:  # the feeder ends, and the note of how far it has come may be an older one
                if before and chance.random() < 0.5:
                    (tmp_path / "position").write_text(before)
                before = (tmp_path / "position").read_text() if (tmp_path / "position").exists() else ""
                feeder = Feeder(intake, sequencer.hand_in, tmp_path / "position")
            if step == 60:
                sequencer.lose_everything()
            await feeder.step(told.append)
            if feeder.position == 80 and step > 60 and sequencer.admitted == order:
                break
        assert sequencer.admitted == order
        assert sequencer.crashes > 5
        await intake.close()

    asyncio.run(run())
    assert {each.position for each in told if isinstance(each.answer, Promise)} >= set(range(1, 81))


def test_what_is_refused_for_good_is_told_and_holds_up_nobody_else(tmp_path: Path) -> None:
    told: list[Taken] = []

    async def run() -> None:
        intake = EmbeddedIntake(tmp_path / "intake", check_for(ORIGIN, KNOWN))
        for number in (1, 2, 3):
            await intake.offer(batch(ORIGIN, ANNA, number))
            await intake.offer(batch(ORIGIN, BEN, number))
        sequencer = Fragile(random.Random(1))
        sequencer._chance = type("Never", (), {"random": staticmethod(lambda: 1.0)})()

        async def hand_in(handed: Batch, statements: Sequence[bytes]) -> Promise | Refuse:
            if (handed.key, handed.number) == (number_of(ANNA), 2):
                return Refuse("batch.key_unknown", "the key was taken back meanwhile", "Register another one.")
            return await sequencer.hand_in(handed)

        feeder = Feeder(intake, hand_in, tmp_path / "position")
        while await feeder.step(told.append):
            pass
        assert feeder.position == 6
        assert sequencer.admitted == [(number_of(ANNA), 1), *((number_of(BEN), number) for number in (1, 2, 3))]
        await intake.close()

    asyncio.run(run())
    last = {each.position: each.answer for each in told}
    assert [last[position].code for position in (3, 5) if isinstance(last[position], Refuse)] == [
        "batch.key_unknown", "batch.gap",
    ]  # fmt: skip


def test_members_that_are_killed_get_what_the_intake_took(tmp_path: Path) -> None:
    """A sequencer and three mirrors, each a process of its own; the sequencer is killed on the way."""
    with running(mirrors=3, quorum=2) as net:
        hands = [net.hands["mirror-1"], net.hands["mirror-2"]]
        known = {submitter_number(hand.key): hand.key.verifier.public for hand in hands}
        wanted, told = list[bytes](), list[Taken]()

        async def run() -> None:
            intake = EmbeddedIntake(tmp_path / "intake", check_for(net.charter.origin, known))
            for _ in range(10):
                for hand in hands:
                    wanted.extend(entries := hand.entries(5))
                    await intake.offer(offered(hand.batch(entries)))
            feeder = Feeder(intake, to_member(net.charter), tmp_path / "position")
            feeding = asyncio.create_task(feeder.run(told.append))
            while len(told) < 3:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(net.network.kill, "sequencer")
            await asyncio.to_thread(net.network.start, "sequencer")
            async with asyncio.timeout(60):
                while feeder.position < 20 and not feeding.done():
                    await asyncio.sleep(0.01)
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            await intake.close()

        asyncio.run(run())
        promises = {each.position: each.answer for each in told if isinstance(each.answer, Promise)}
        assert set(promises) == set(range(1, 21))
        end = max(each.first + each.count for each in promises.values())
        checkpoint = checkpoint_of(net.network.await_final("mirror-3", end))
        url = f"{net.charter.members['mirror-3'].url}/{net.log_path()}"
        with served(url) as read:
            reader = TileReader(read, checkpoint.size)
            found = [reader.entry(index) for index in range(checkpoint.size)]
        assert [entry for entry in found if Leaf.parse(entry).type != STATE] == wanted


def test_a_member_is_handed_statements_before_their_batch(tmp_path: Path) -> None:
    async def fed(charter: Charter, key: SignerKey) -> Taken:
        at, further = bucket(datetime.now(UTC)), SignerKey("further", KeyType.ED25519, bytes(range(32)))
        body = KeyRegistered(
            origin=charter.origin, key=written_base64(further.verifier.public), roles=(Role.CUSTOMS,),
            until=at + 1_000 * BUCKET_SECONDS, member="mirror-1",
        )  # fmt: skip
        statement = Statement.of(body).signed(further).signed(key)
        entry = Leaf(
            actor=submitter_number(key), at=at, commitment=statement.commitment, facts={},
            scope=submitter_number(key), type="key_registered",
        ).entry()  # fmt: skip
        known = {submitter_number(key): key.verifier.public}
        intake = EmbeddedIntake(tmp_path / "intake", check_for(charter.origin, known))
        await intake.offer(offered(write_batch(charter.origin, key, 1, [entry]), [statement.data]))
        told: list[Taken] = []
        feeder = Feeder(intake, to_member(charter), tmp_path / "position")
        async with asyncio.timeout(60):
            while not await feeder.step(told.append):
                await asyncio.sleep(0.1)
        await intake.close()
        return told[0]

    with running(mirrors=1, quorum=1) as network:
        taken = asyncio.run(fed(network.charter, network.hands["mirror-1"].key))
    assert isinstance(taken.answer, Promise)
    assert taken.answer.refused == ()
    assert taken.answer.count == 1
