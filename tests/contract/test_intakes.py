"""What every intake promises (`tidewaiter.network.adapters.intake`), asked of each of them alike."""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

pytest.importorskip("nats", reason="the extra `nats` is not installed")

from intakes import (
    ANNA,
    BEN,
    EVE,
    KNOWN,
    Kept,
    KeptByNats,
    KeptInAFile,
    altered,
    batch,
    contract,
    entries,
    everything,
    nats_cluster,
    number_of,
)
from tidewaiter.ledger.batches import Promise, write_batch
from tidewaiter.ledger.contracts import Role
from tidewaiter.ledger.contracts.statements import KeyRegistered, QuorumChanged, Statement
from tidewaiter.ledger.effects import Refuse
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.ledger.leaves import BUCKET_SECONDS, Leaf
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.sequencing import Setup, Start
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.ledger.wire import written_base64
from tidewaiter.network.adapters.batches import offered, stated_of
from tidewaiter.network.adapters.following import FollowedLog, Taken
from tidewaiter.network.adapters.intake import (
    BATCH_BYTES_MAX,
    BUSY_SECONDS,
    WAITING_ENTRIES_MAX,
    WAITING_MAX,
    WAITING_MIN,
    BusyError,
    Intake,
    IntakeUnavailableError,
    Offered,
    Reached,
    RefusedError,
    Stored,
    Why,
    handed_in,
    refuse_when_behind,
    room_for,
)

__all__ = ["nats_cluster"]
WITHIN_SECONDS = 120.0


@pytest.fixture(params=["file", "nats"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    return KeptInAFile(tmp_path) if request.param == "file" else KeptByNats(request.getfixturevalue("nats_cluster"))


def asked(kept: Kept, test: Callable[[Intake], Awaitable[None]]) -> None:
    """Run what a test asks of the intake."""

    async def run() -> None:
        try:
            await test(await kept.opened())
        finally:
            await kept.closed()

    asyncio.run(run())


async def refused(intake: Intake, offer: Offered) -> RefusedError:
    with pytest.raises(RefusedError) as refusal:
        await intake.offer(offer)
    assert refusal.value.detail
    assert refusal.value.hint
    return refusal.value


def test_a_batch_is_stored_and_told_where(kept: Kept) -> None:
    async def test(intake: Intake) -> None:
        assert await intake.next_number(number_of(ANNA)) == 1
        assert await intake.after(0, 10) == []
        first = batch(kept.origin, ANNA, 1)
        assert await intake.offer(first) == Stored(1)
        assert await intake.offer(batch(kept.origin, ANNA, 2)) == Stored(2)
        assert await intake.next_number(number_of(ANNA)) == 3
        assert await intake.next_number(number_of(BEN)) == 1
        (delivered,) = await intake.after(0, 1)
        assert (delivered.position, delivered.batch) == (1, first)

    asked(kept, test)


def test_the_same_again_is_the_same_and_is_stored_once(kept: Kept) -> None:
    async def test(intake: Intake) -> None:
        batches = [batch(kept.origin, key, number) for number in range(1, 9) for key in (ANNA, BEN)]
        stored = [await intake.offer(each) for each in batches]
        await kept.closed()
        again = await kept.opened()  # another connection, which remembers nothing
        for each, before in zip(batches, stored, strict=True):
            assert await again.offer(each) == Stored(before.position, is_repeat=True)
        assert [position for position, *_ in await everything(again)] == list(range(1, 17))

    asked(kept, test)


def test_another_batch_under_a_number_that_was_used_is_refused(kept: Kept) -> None:
    async def test(intake: Intake) -> None:
        for number in (1, 2, 3):
            await intake.offer(batch(kept.origin, ANNA, number))
        before = await intake.after(0, 10)
        for number in (1, 3):
            refusal = await refused(intake, batch(kept.origin, ANNA, number, "something else"))
            assert refusal.why is Why.CONFLICTING
        assert await intake.after(0, 10) == before
        assert await intake.next_number(number_of(ANNA)) == 4

    asked(kept, test)


def test_numbers_run_on_from_the_origin_before(kept: Kept, tmp_path: Path) -> None:
    kept.start = {number_of(ANNA): 57}

    async def test(intake: Intake) -> None:
        assert await intake.next_number(number_of(ANNA)) == 58
        for number in (1, 57):
            assert (await refused(intake, batch(kept.origin, ANNA, number))).why is Why.REPLAYED
        assert (await refused(intake, batch(kept.origin, ANNA, 59))).why is Why.OUT_OF_TURN
        assert await intake.offer(batch(kept.origin, ANNA, 58)) == Stored(1)
        assert await intake.offer(batch(kept.origin, BEN, 1)) == Stored(2)
        assert await intake.offer(batch(kept.origin, ANNA, 59)) == Stored(3)
        again = await kept.opened()
        assert await again.offer(batch(kept.origin, ANNA, 58)) == Stored(1, is_repeat=True)
        assert (await refused(again, batch(kept.origin, ANNA, 57))).why is Why.REPLAYED
        assert (await refused(again, batch(kept.origin, ANNA, 58, "other"))).why is Why.CONFLICTING
        log = followed(tmp_path / "log", kept.origin, Start(dict(kept.start)))
        assert all(isinstance(each.answer, Promise) for each in await caught_up(log, intake, 10))
        log.close()

    asked(kept, test)


def test_a_batch_out_of_turn_is_refused_and_told_which_is_next(kept: Kept) -> None:
    async def test(intake: Intake) -> None:
        for number, following in ((2, 1), (1, None), (3, 2), (1_000_000, 2)):
            offer = batch(kept.origin, ANNA, number)
            if following is None:
                await intake.offer(offer)
                continue
            refusal = await refused(intake, offer)
            assert (refusal.why, refusal.hint) == (Why.OUT_OF_TURN, f"batch {following} is the next")
        assert len(await everything(intake)) == 1

    asked(kept, test)


def test_only_what_its_submitter_signed_is_taken(kept: Kept) -> None:
    async def test(intake: Intake) -> None:
        good = batch(kept.origin, ANNA, 1)
        bens = number_of(BEN)
        forged = {
            "unknown": batch(kept.origin, EVE, 1),
            "another log": batch("another.example/2026", ANNA, 1),
            "another number": altered(good, number=2),
            "another's name": altered(good, key=bens),
            "under another": Offered(bens, 1, good.data),
            "under another number": Offered(good.submitter, 2, good.data),
            "entries taken away": altered(batch(kept.origin, ANNA, 1, "a", "b"), entries=()),
            "no signature": altered(good, signature=b""),
            "half": Offered(good.submitter, 1, good.data[:-1]),
            "more": Offered(good.submitter, 1, good.data + b"\0"),
            "nothing": Offered(good.submitter, 1, b""),
            "number 0": batch(kept.origin, ANNA, 0),
            "of another": Offered(number_of(ANNA), 1, batch(kept.origin, BEN, 1).data),
            "of the next quarter hour": offered(write_batch(kept.origin, ANNA, 1, entries(ANNA, "later", later=1))),
        }
        for name, offer in forged.items():
            assert (await refused(intake, offer)).why is Why.FORGED, name
        assert await everything(intake) == []
        assert await intake.offer(good) == Stored(1)

    asked(kept, test)


def test_what_is_too_large_is_refused(kept: Kept) -> None:
    async def test(intake: Intake) -> None:
        large = batch(kept.origin, ANNA, 1, *map(str, range(1_000)))
        assert len(large.data) < BATCH_BYTES_MAX
        await intake.offer(large)
        refusal = await refused(intake, Offered(number_of(ANNA), 2, bytes(BATCH_BYTES_MAX + 1)))
        assert refusal.why is Why.TOO_LARGE

    asked(kept, test)


def test_all_read_the_same_in_the_same_order_from_wherever(kept: Kept) -> None:
    async def test(intake: Intake) -> None:
        doors = [intake, await kept.opened()]

        async def submit(door: Intake, key: SignerKey) -> None:
            for number in range(1, 31):
                await door.offer(batch(kept.origin, key, number))

        await asyncio.gather(submit(doors[0], ANNA), submit(doors[1], BEN))
        found = await everything(intake)
        assert [position for position, *_ in found] == list(range(1, 61))
        for key in (ANNA, BEN):
            assert [number for _, by, number in found if by == number_of(key)] == list(range(1, 31))
        for step in (1, 13, 200):
            assert await everything(doors[1], step) == found
        part = await doors[1].after(17, 5)
        assert [(each.position, each.batch.submitter, each.batch.number) for each in part] == found[17:22]
        assert await doors[0].after(17, 5) == part, "moments too"

    asked(kept, test)


def test_of_two_offers_at_once_one_is_stored(kept: Kept) -> None:
    async def test(intake: Intake) -> None:
        other = await kept.opened()
        for number in range(1, 11):
            offers = [batch(kept.origin, ANNA, number, f"{number} this"), batch(kept.origin, ANNA, number, "that")]
            if number % 2:
                offers[1] = offers[0]
            doors = (intake, other)
            told = await asyncio.gather(
                *(handed_in(door, offer, WITHIN_SECONDS) for door, offer in zip(doors, offers, strict=True)),
                return_exceptions=True,
            )
            if number % 2:
                assert sorted(each.is_repeat for each in told if isinstance(each, Stored)) == [False, True]
                assert {each.position for each in told if isinstance(each, Stored)} == {number}
            else:
                (stored,) = (each for each in told if isinstance(each, Stored))
                (refusal,) = (each for each in told if isinstance(each, RefusedError))
                assert (stored.position, refusal.why) == (number, Why.CONFLICTING)
        assert len(await everything(intake)) == 10

    asked(kept, test)


def test_what_was_acknowledged_is_there_after_a_crash(kept: Kept) -> None:
    async def test(intake: Intake) -> None:
        batches = [batch(kept.origin, key, number) for number in range(1, 6) for key in (ANNA, BEN)]
        for each in batches:
            await intake.offer(each)
        before = await intake.after(0, 100)
        await kept.crash()
        again = await kept.opened()
        assert await handed_in(again, batches[-1], WITHIN_SECONDS) == Stored(10, is_repeat=True)
        assert await again.after(0, 100) == before
        assert await handed_in(again, batch(kept.origin, BEN, 6), WITHIN_SECONDS) == Stored(11)

    asked(kept, test)


@pytest.mark.parametrize("seed", range(3))
def test_whatever_is_offered_the_intake_is_as_a_plain_model_has_it(kept: Kept, seed: int) -> None:
    chance = random.Random(seed)

    async def test(intake: Intake) -> None:
        doors, order = [intake, await kept.opened()], list[Offered]()
        taken: dict[tuple[str, int], Offered] = {}
        for _ in range(150):
            key = chance.choice((ANNA, BEN))
            following = 1 + sum(by == number_of(key) for by, _ in taken)
            number = max(1, following + chance.choice((-3, -1, 0, 0, 0, 0, 1, 5)))
            offer = batch(kept.origin, key, number, chance.choice(("this", "this", "this", "that")) + str(number))
            door = chance.choice(doors)
            before = taken.get((offer.submitter, number))
            if number > following:
                assert (await refused(door, offer)).why is Why.OUT_OF_TURN
            elif before is None:
                order.append(offer)
                taken[offer.submitter, number] = offer
                assert await door.offer(offer) == Stored(len(order))
            elif before == offer:
                assert await door.offer(offer) == Stored(order.index(offer) + 1, is_repeat=True)
            else:
                assert (await refused(door, offer)).why is Why.CONFLICTING
        assert [each.batch for each in await intake.after(0, 500)] == order

    asked(kept, test)


async def answered(intake: Intake) -> Reached:
    """How far the log is, asked until servers that came back have chosen who answers."""
    until = time.monotonic() + WITHIN_SECONDS
    while True:
        try:
            return await intake.reached()
        except IntakeUnavailableError:
            assert time.monotonic() < until


def test_while_too_much_is_not_final_nothing_new_is_stored(kept: Kept) -> None:
    async def test(intake: Intake) -> None:
        assert await intake.reached() == Reached()
        batches = [batch(kept.origin, key, number) for number in range(1, 6) for key in (ANNA, BEN)]
        for each in batches[:4]:
            await intake.offer(each)
        await intake.tell_reached(1, 3)
        assert (reached := await intake.reached()).position == 1
        assert reached.at > 0
        intake = await kept.opened()
        with pytest.raises(BusyError, match="3 batches are stored and not final yet, and 3 are the most") as busy:
            await intake.offer(batches[4])
        assert busy.value.code == "intake.busy"
        assert busy.value.hint == "nothing was stored: offer the same batch again after 0.5 s"
        assert busy.value.place == "position 4"
        assert len(await everything(intake)) == 4
        assert await intake.next_number(number_of(ANNA)) == 3
        # What is stored is told as ever, and what is wrong is refused for what is wrong.
        assert await intake.offer(batches[3]) == Stored(4, is_repeat=True)
        assert (await refused(intake, batch(kept.origin, ANNA, 4))).why is Why.OUT_OF_TURN
        with pytest.raises(BusyError):
            await handed_in(intake, batches[4], 1.0)
        waiting = asyncio.create_task(handed_in(intake, batches[4], WITHIN_SECONDS))
        await asyncio.sleep(2 * BUSY_SECONDS)
        assert not waiting.done()
        await intake.tell_reached(2, 3)
        assert await waiting == Stored(5)
        # Less than before is not taken back, as when one who told is behind another.
        await intake.tell_reached(1, 1)
        assert (await intake.reached()).position == 2
        again = await kept.opened()
        with pytest.raises(BusyError):
            await again.offer(batches[5])
        await kept.crash()
        again = await kept.opened()
        assert (await answered(again)).position == 2
        await again.tell_reached(5)
        assert await handed_in(again, batches[5], WITHIN_SECONDS) == Stored(6)

    asked(kept, test)


def test_what_nobody_makes_a_log_of_is_taken_up_to_a_limit(kept: Kept) -> None:
    async def test(intake: Intake) -> None:
        for number in range(1, WAITING_MAX + 1):
            await intake.offer(batch(kept.origin, ANNA, number))
        with pytest.raises(BusyError, match=f"{WAITING_MAX} are the most") as busy:
            await intake.offer(batch(kept.origin, ANNA, WAITING_MAX + 1))
        assert "nobody has told yet to make a log of this intake" in busy.value.hint
        assert len(await everything(intake, 250)) == WAITING_MAX

    asked(kept, test)


def test_how_long_nothing_became_final_is_said() -> None:
    long_ago = int(1000 * (time.time() - 90))
    refuse_when_behind(10, Reached(1, 10, long_ago))
    with pytest.raises(BusyError) as busy:
        refuse_when_behind(11, Reached(1, 10, long_ago))
    hints = [
        f"nothing has become final for {seconds} s: see that replicas or the feeder run"
        for seconds in range(90, int(time.time() - long_ago / 1000) + 2)
    ]
    assert any(each in busy.value.hint for each in hints)


def test_room_is_counted_in_entries_and_no_less_than_some_batches() -> None:
    assert room_for(0, 0) == room_for(0, 5) == WAITING_MAX
    assert room_for(entries=1_000, batches=10) == WAITING_ENTRIES_MAX // 100
    assert room_for(entries=50, batches=50) == WAITING_MAX
    assert room_for(entries=1_000_000, batches=100) == WAITING_MIN


LOG_SEED = bytes(range(32))


def followed(folder: Path, origin: str, start: Start = Start()) -> FollowedLog:  # noqa: B008 (frozen)
    """A log that follows the intake, in a folder of its own."""
    folder.mkdir(exist_ok=True)
    key = SignerKey(origin, KeyType.ED25519, LOG_SEED)
    policy = Policy.parse(f"log {key.verifier.text}\nquorum none".encode())
    return FollowedLog(folder, Setup(origin, key, policy, (), KNOWN, start=start), contract(origin, key))


async def caught_up(log: FollowedLog, intake: Intake, step: int) -> list[Taken]:
    taken: list[Taken] = []
    while delivered := await intake.after(log.position, step):
        taken += log.take(delivered)
    return taken


def test_whoever_follows_makes_the_same_log(kept: Kept, tmp_path: Path) -> None:
    async def test(intake: Intake) -> None:
        for number in range(1, 41):
            await intake.offer(batch(kept.origin, ANNA, number, f"{number} a", f"{number} b"))
            await intake.offer(batch(kept.origin, BEN, number))
        first, second = followed(tmp_path / "first", kept.origin), followed(tmp_path / "second", kept.origin)
        taken = await caught_up(first, intake, 64)
        assert all(isinstance(each.answer, Promise) for each in taken)
        assert [each.position for each in taken] == list(range(1, 81))
        second.take(await intake.after(0, 3))
        second.close()  # it ends here, and goes on where its own file ends
        second = followed(tmp_path / "second", kept.origin)
        assert second.position == 3
        await caught_up(second, intake, 1)
        assert first.latest is not None
        assert second.latest == first.latest
        assert second.size == first.size == 40 * (2 + 1) + 40 * (1 + 1)
        assert (found := list(first.entries())) == list(second.entries())
        assert len(found) == len(set(found)) == first.size
        with pytest.raises(LedgerError, match="where the one at 81 follows"):
            first.take(await intake.after(0, 3))
        for begin, end in ((0, 1), (0, 120), (4, 9), (77, 80), (119, 120)):
            assert second.entries_between(begin, end) == found[begin:end]
        first.close()
        with pytest.raises(LedgerError, match=r"holds the log “.*”, and not “another\.example/2026”"):
            followed(tmp_path / "first", "another.example/2026")

    asked(kept, test)


def test_what_was_put_in_round_the_door_is_refused_by_the_log(kept: Kept, tmp_path: Path) -> None:
    async def test(intake: Intake) -> None:
        anna, good = number_of(ANNA), batch(kept.origin, ANNA, 1)
        await intake.offer(good)
        await kept.put_round_the_door(good)
        await kept.put_round_the_door(altered(batch(kept.origin, ANNA, 2), entries=(b"{}",)))
        await kept.put_round_the_door(Offered(anna, 2, b"\xc1 nothing of ours"))
        await kept.put_round_the_door(batch(kept.origin, ANNA, 7))
        await kept.put_round_the_door(batch(kept.origin, ANNA, 2))
        log = followed(tmp_path / "log", kept.origin)
        answers = [each.answer for each in await caught_up(log, await kept.opened(), 2)]
        codes = [each.code if isinstance(each, Refuse) else "" for each in answers]
        assert len(codes) == 6
        assert codes[0] == codes[5] == ""
        assert codes[2:5] == ["batch.forged", "batch.malformed", "batch.gap"]
        # The same batch once more is answered as before, and is in the log once.
        assert isinstance(answers[1], Promise)
        assert answers[1] == answers[0]
        assert log.size == 2 * (1 + 1)

    asked(kept, test)


def registering(origin: str, key: SignerKey) -> Statement:
    """That a key is a further one of Anna's, signed by itself alone."""
    until = (int(time.time()) // BUCKET_SECONDS + 1_000) * BUCKET_SECONDS
    body = KeyRegistered(
        origin=origin, key=written_base64(key.verifier.public), roles=(Role.CARRIER,), until=until, member="anna"
    )
    return Statement.of(body).signed(key)


def stated(origin: str, number: int, statement: Statement, *carried: Statement, **facts: str | int) -> Offered:
    """A batch of Anna's with the entry that stands for a statement, and statements beside it."""
    entry = Leaf(
        actor=number_of(ANNA), at=int(time.time()) // BUCKET_SECONDS * BUCKET_SECONDS, commitment=statement.commitment,
        facts=facts, scope=number_of(ANNA), type=str(statement.said.__struct_config__.tag),
    ).entry()  # fmt: skip
    return offered(write_batch(origin, ANNA, number, [entry]), [each.data for each in carried])


def test_statements_come_with_their_batch_and_are_replayed_with_it(kept: Kept, tmp_path: Path) -> None:
    async def test(intake: Intake) -> None:
        alone = registering(kept.origin, EVE)
        together = alone.signed(ANNA)
        for number, each in enumerate(
            (
                stated(kept.origin, 1, together),  # nobody brought it
                stated(kept.origin, 2, together, Statement(together.body).signed(ANNA)),  # the new key has not signed
                stated(kept.origin, 3, together, together),
                batch(kept.origin, ANNA, 4),
            ),
            start=1,
        ):
            assert await intake.offer(each) == Stored(number)
        await kept.put_round_the_door(batch(kept.origin, EVE, 1))  # a door learns of the key from whoever makes the log
        first, second = followed(tmp_path / "first", kept.origin), followed(tmp_path / "second", kept.origin)
        delivered = await (await kept.opened()).after(0, 64)
        taken = [each.answer for each in first.take(delivered)]
        refusals = [[each.code for each in answer.refused] for answer in taken if isinstance(answer, Promise)]
        assert refusals == [["statement.bound"], ["key.new"], [], [], []]
        assert number_of(EVE) in first.submitters
        assert first.statements(first.size) == {together.commitment: together.data}
        assert first.statements(0) == {}
        for each in delivered:  # it ends behind each, and goes on where its own file ends
            second.take([each])
            second.close()
            second = followed(tmp_path / "second", kept.origin)
        assert second.latest == first.latest
        assert second.submitters == first.submitters
        assert second.statements(second.size) == first.statements(first.size)
        assert list(second.entries()) == list(first.entries())
        first.close()
        second.close()

    asked(kept, test)


def test_signatures_that_come_later_are_not_known_before_where_a_follower_goes_on(kept: Kept, tmp_path: Path) -> None:
    async def test(intake: Intake) -> None:
        alone = registering(kept.origin, EVE)
        await intake.offer(stated(kept.origin, 1, alone, Statement(alone.body).signed(ANNA)))
        await intake.offer(stated(kept.origin, 2, alone, alone.signed(ANNA)))
        delivered = await intake.after(0, 2)
        one = followed(tmp_path / "one", kept.origin)
        journal = one.take(delivered) and (tmp_path / "one/followed").read_bytes()
        note = one.latest
        one.close()
        for end in range(0, len(journal), 97):  # a crash, wherever the file ends by it
            (tmp_path / "one/followed").write_bytes(journal[:end])
            again = followed(tmp_path / "one", kept.origin)
            again.take(delivered[again.position :])
            assert again.latest == note
            again.close()

    asked(kept, test)


def test_a_door_takes_statements_that_go_with_the_batch_and_somebody_signed(kept: Kept) -> None:
    async def test(intake: Intake) -> None:
        fit = registering(kept.origin, EVE).signed(ANNA)
        for wrong, why in (
            (stated(kept.origin, 1, fit, registering(kept.origin, EVE)), "no key that is known has signed"),
            (stated(kept.origin, 1, fit, fit, registering(kept.origin, BEN).signed(ANNA)), "no entry of the batch"),
            (altered_statement(stated(kept.origin, 1, fit, fit)), "no statement"),
        ):
            refusal = await refused(intake, wrong)
            assert (refusal.why, why in refusal.detail) == (Why.FORGED, True), refusal.detail
        assert await intake.offer(stated(kept.origin, 1, fit, fit)) == Stored(1)

    asked(kept, test)


def altered_statement(offer: Offered) -> Offered:
    """The batch with a statement that is none."""
    return offered(stated_of(offer).batch, [b"{}"])


def test_another_quorum_is_not_taken_by_those_who_follow(kept: Kept, tmp_path: Path) -> None:
    async def test(intake: Intake) -> None:
        policy = (
            f"witness anna {SignerKey('anna', KeyType.COSIGNATURE_ED25519, bytes(32)).verifier.text}\nquorum anna\n"
        )
        changed = Statement.of(QuorumChanged(origin=kept.origin, decision=1, policy=policy)).signed(ANNA)
        hashed = hashlib.sha256(policy.encode()).hexdigest()
        await intake.offer(stated(kept.origin, 1, changed, changed, policy=hashed))
        log = followed(tmp_path / "log", kept.origin)
        (taken,) = await caught_up(log, intake, 1)
        assert isinstance(taken.answer, Promise)
        assert [each.code for each in taken.answer.refused] == ["statement.bound"]
        log.close()

    asked(kept, test)
