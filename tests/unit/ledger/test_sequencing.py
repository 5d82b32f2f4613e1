"""The sequencer, step by step: what it refuses, what it promises and when, and what is left after the power went."""

from __future__ import annotations

import pytest
from msgspec import structs

from ledgers import signer
from machines import (
    ACTOR,
    BEGINNING,
    KEYS,
    LOG,
    MEMBERS,
    NAMES,
    NEXT,
    NOW,
    ORIGIN,
    OTHER,
    POLICY,
    SPEAKERS,
    Driven,
    batch,
    blocks,
    final,
    leaf,
    mirror,
    sealed,
    sequencer,
)
from tidewaiter.cli.bench.faults.rules import contract, opened
from tidewaiter.ledger import mirroring
from tidewaiter.ledger.batches import Batch, Promise
from tidewaiter.ledger.effects import Block, Cosigned, Declined, FinalCheckpoint, Lagging, Refuse, Reply, Send
from tidewaiter.ledger.entries import Entries
from tidewaiter.ledger.following import Followers
from tidewaiter.ledger.leaves import Leaf, key_number
from tidewaiter.ledger.mirroring import Mirror
from tidewaiter.ledger.policies import Group, Party, Policy
from tidewaiter.ledger.sequencing import Limits, Sequencer, Setup, Start
from tidewaiter.ledger.tiles import ENTRY_BYTES_MAX
from tidewaiter.ledger.verdict import LedgerError

FAR = NOW + 10_000_000

REFUSED: dict[str, Batch] = {
    "batch.empty": structs.replace(batch(1), entries=()),
    "batch.oversized": batch(1, *[leaf(str(number)) for number in range(1001)]),
    "batch.origin": batch(1, origin="another.example/2026"),
    "batch.key_unknown": structs.replace(batch(1), key="0" * 32),
    "batch.forged": structs.replace(batch(1), entries=(leaf("another"),)),
    "batch.gap": batch(2),
    "batch.replayed": batch(0),
    "entry.oversized": batch(1, b"x" * (ENTRY_BYTES_MAX + 1)),
    "entry.malformed": batch(1, b" " + leaf("x")),
    "entry.actor": batch(1, leaf("x", by=OTHER)),
    "entry.type": batch(1, leaf("x", word="state")),
    "entry.ahead": batch(1, leaf("x", at=FAR)),
    "entry.twice": batch(1, leaf("x"), leaf("x")),
}


@pytest.mark.parametrize(("code", "handed"), REFUSED.items(), ids=REFUSED.keys())
def test_what_is_wrong_is_refused_with_the_reason_and_leaves_nothing(code: str, handed: Batch) -> None:
    driven = sequencer()
    (reply,) = driven.did(driven.machine.submit(handed, "caller", NOW))
    assert isinstance(reply, Reply)
    assert reply.caller == "caller"
    assert isinstance(reply.message, Refuse)
    assert reply.message.code == code
    assert reply.message.why
    assert reply.message.hint
    assert driven.journal == b""
    assert driven.machine.size == 0


@pytest.mark.parametrize("code", ["entry.oversized", "entry.malformed", "entry.actor", "entry.type", "entry.ahead"])
def test_an_entry_is_refused_with_its_place(code: str) -> None:
    wrong = REFUSED[code].entries
    driven = sequencer()
    (reply,) = driven.did(driven.machine.submit(batch(1, leaf("good"), *wrong), "caller", NOW))
    assert reply.message.place == "entries/1"


def test_a_promise_is_sent_once_its_batch_is_on_disk() -> None:
    driven = sequencer()
    assert driven.did(driven.machine.submit(batch(1, leaf("a"), leaf("b")), "caller", NOW)) == []
    (reply,) = driven.sync()
    assert isinstance(reply, Reply)
    promise = reply.message
    assert isinstance(promise, Promise)
    assert (promise.first, promise.count, promise.number) == (0, 2, 1)
    assert promise.is_by(LOG.verifier)
    assert not structs.replace(promise, first=1).is_by(LOG.verifier)


def test_a_batch_handed_in_again_has_the_same_promise_and_counts_once() -> None:
    driven = sequencer()
    for _ in range(3):
        driven.did(driven.machine.submit(batch(1), "caller", NOW))
    first, *others = [effect.message for effect in driven.sync()]
    assert others == [first, first]
    assert driven.machine.size == 1
    (again,) = driven.did(driven.machine.submit(batch(1), "caller", NOW))
    assert again.message == first


def test_other_entries_under_a_number_that_is_taken_are_refused() -> None:
    driven = sequencer()
    driven.did(driven.machine.submit(batch(1), "caller", NOW))
    (reply,) = driven.did(driven.machine.submit(batch(1, leaf("other")), "caller", NOW))
    assert (reply.message.code, reply.message.place) == ("batch.replayed", "2")


def test_what_the_contract_refuses_is_told_one_by_one_and_is_not_in_the_log() -> None:
    driven = sequencer()
    handed = batch(1, leaf("a", word="released"), leaf("b", word="assessed"), leaf("c"))
    driven.did(driven.machine.submit(handed, "caller", NOW))
    (reply,) = driven.sync()
    (refused,) = reply.message.refused
    assert (refused.place, refused.code) == (0, "release.assessed")
    assert refused.why
    assert refused.hint
    assert reply.message.count == 2
    driven.did(driven.machine.tick(NOW))
    driven.did(driven.machine.tick(NOW + 250))
    driven.sync()
    (block,) = blocks(driven)
    assert block.entries.written[:2] == handed.entries[1:]


def test_a_block_is_sealed_after_its_time_or_when_it_is_full() -> None:
    driven = sequencer(limits=Limits(entries=3, seal_ms=200))
    driven.did(driven.machine.submit(batch(1, leaf("a"), leaf("b")), "caller", NOW))
    driven.did(driven.machine.tick(NOW + 199))
    driven.sync()
    assert blocks(driven) == []
    driven.did(driven.machine.submit(batch(2, leaf("c"), leaf("d")), "caller", NOW + 199))
    driven.sync()
    assert [len(block.entries) for block in blocks(driven)] == [3]
    driven.did(driven.machine.tick(NOW + 400))
    driven.sync()
    assert [block.first for block in blocks(driven)] == [0, 3]


def test_a_checkpoint_is_sent_once_its_block_is_on_disk() -> None:
    driven = sequencer()
    driven.did(driven.machine.submit(batch(1), "caller", NOW))
    assert not any(isinstance(effect, Send) for effect in driven.did(driven.machine.tick(NOW + 300)))
    sent = [effect.to for effect in driven.sync() if isinstance(effect, Send)]
    assert sent == ["m0", "m1", "m2", "m3"]


def test_it_is_final_with_the_quorum_and_not_before() -> None:
    driven = sequencer()
    (block,) = sealed(batch(1), driven=driven)
    for name in ("m0", "m1"):
        follower = mirror(name)
        follower.did(follower.machine.receive(block, "sequencer", NOW))
        (answer,) = follower.sync()
        assert not any(
            isinstance(effect, FinalCheckpoint)
            for effect in driven.did(driven.machine.receive(name, answer.message, NOW))
        )
    found = final(driven, block, ["m2"])
    assert driven.machine.final_size == 2
    assert POLICY.with_log(LOG.verifier).believed(found.note).verdict


def test_a_cosignature_by_another_key_does_not_count() -> None:
    driven = sequencer()
    (block,) = sealed(batch(1), driven=driven)
    follower = mirror("m0")
    follower.did(follower.machine.receive(block, "sequencer", NOW))
    (answer,) = follower.sync()
    (refused, *_) = driven.did(driven.machine.receive("m1", answer.message, NOW))
    assert refused.message.code == "cosignature.forged"
    garbled = Cosigned(answer.message.origin, 2, "no line")
    assert driven.did(driven.machine.receive("m1", garbled, NOW))[0].message.code == "cosignature.malformed"
    unknown = structs.replace(answer.message, size=7)
    assert driven.did(driven.machine.receive("m0", unknown, NOW))[0].message.code == "cosignature.unknown"
    assert driven.machine.followers.held() == {"m0": 0, "m1": 0, "m2": 0, "m3": 0}


def test_more_than_the_members_follow_is_put_off() -> None:
    driven = sequencer(limits=Limits(entries=10, seal_ms=200, unfinal_max=3))
    sealed(batch(1), driven=driven)
    driven.did(driven.machine.submit(batch(2, leaf("a"), leaf("b")), "caller", NOW))
    refuse = driven.messages()[-1]
    assert refuse.code == "sequencer.busy"
    final(driven, blocks(driven)[-1])
    driven.did(driven.machine.submit(batch(2, leaf("a"), leaf("b")), "caller", NOW))
    driven.sync()
    assert isinstance(driven.messages()[-1], Promise)


def test_it_takes_nothing_beyond_a_quorum_that_is_not_decided_for_good_and_goes_on_once_it_is() -> None:
    driven = sequencer()
    sealed(batch(1), driven=driven)
    (block,), before = blocks(driven), driven.left()
    driven.machine.wait_for(driven.machine.size)
    driven.did(driven.machine.submit(batch(2, leaf("a")), "caller", NOW))
    refuse = driven.messages()[-1]
    assert (refuse.code, "another quorum" in refuse.why) == ("sequencer.busy", True)
    known = final(driven, block)
    driven.did(driven.machine.submit(batch(2, leaf("a")), "caller", NOW))
    driven.sync()
    assert isinstance(driven.messages()[-1], Promise)

    again = sequencer(before)
    again.machine.wait_for(known.size)
    assert again.machine.final_size == 0
    again.machine.resume(known)
    again.machine.resume(FinalCheckpoint(1, b"an older one"))
    assert again.machine.final == known
    again.did(again.machine.submit(batch(2, leaf("b")), "caller", NOW))
    again.sync()
    assert isinstance(again.messages()[-1], Promise)


def test_what_was_promised_is_there_after_the_power_went() -> None:
    driven = sequencer()
    (block,) = sealed(batch(1), driven=driven)
    driven.did(driven.machine.submit(batch(2), "caller", NOW))
    (reply,) = driven.sync()
    driven.did(driven.machine.submit(batch(3), "caller", NOW))  # not synced, not promised

    after = sequencer(driven.left())
    assert after.machine.numbers == {ACTOR: 2}
    (again,) = after.did(after.machine.submit(batch(2), "caller", NOW))
    assert again.message == reply.message
    after.did(after.machine.submit(batch(3), "caller", NOW))
    after.did(after.machine.tick(NOW))
    after.did(after.machine.tick(NOW + 300))
    after.sync()
    assert blocks(after)[0] == block
    assert [Leaf.parse(entry).type for each in blocks(after) for entry in each.entries] == [
        "arrived", "state", "arrived", "arrived", "state",
    ]  # fmt: skip


def test_a_block_that_was_not_on_disk_was_not_sent_and_may_be_another() -> None:
    driven = sequencer()
    driven.did(driven.machine.submit(batch(1), "caller", NOW))
    driven.sync()
    driven.did(driven.machine.tick(NOW + 300))  # sealed, signed, not synced
    assert blocks(driven) == []
    after = sequencer(driven.left())
    after.did(after.machine.submit(batch(2), "caller", NOW))
    after.did(after.machine.tick(NOW + 100))
    after.did(after.machine.tick(NOW + 700))
    after.sync()
    assert len(blocks(after)[0].entries) == 3


def test_where_writing_fails_all_who_wait_are_told_and_nothing_more_is_taken() -> None:
    driven = sequencer()
    driven.did(driven.machine.submit(batch(1), "caller", NOW))
    (reply,) = driven.machine.failed("no space left")
    assert (reply.caller, reply.message.code) == ("caller", "storage.failed")
    (reply,) = driven.machine.submit(batch(2), "caller", NOW)
    assert reply.message.code == "sequencer.stopped"
    assert driven.machine.tick(NOW + 1_000) == []
    assert driven.machine.synced(99) == []


def test_a_closed_origin_takes_nothing_more_and_seals_what_it_has() -> None:
    driven = sequencer()
    driven.did(driven.machine.submit(batch(1), "caller", NOW))
    driven.did(driven.machine.close())
    driven.sync()
    assert len(blocks(driven)) == 1
    (reply,) = driven.did(driven.machine.submit(batch(2), "caller", NOW))
    assert reply.message.code == "sequencer.closed"


def test_who_lags_is_sent_what_it_lacks_and_who_answers_nothing_is_sent_it_again() -> None:
    driven = sequencer()
    sealed(batch(1), batch(2), batch(3), driven=driven)
    late = mirror("m3")
    (gap,) = late.did(late.machine.receive(blocks(driven)[2], "sequencer", NOW))
    assert gap.message.refuse.code == "block.gap"
    sent = driven.did(driven.machine.receive("m3", gap.message, NOW + 5_000))
    assert [effect.message.first for effect in sent if effect.to == "m3"] == [0, 2, 4]
    again = driven.did(driven.machine.tick(NOW + 7_000))
    assert {effect.to for effect in again if isinstance(effect.message, Block)} == {"m0", "m1", "m2", "m3"}


def test_a_clock_that_is_set_back_holds_nothing_up() -> None:
    driven = sequencer()
    driven.did(driven.machine.tick(NOW + 3_600_000))
    driven.did(driven.machine.submit(batch(1), "caller", NOW))
    driven.did(driven.machine.tick(NOW + 250))
    driven.sync()
    assert len(blocks(driven)) == 1


def test_who_says_it_holds_all_and_has_not_cosigned_is_asked_again() -> None:
    """What a mirror says without its signature may be somebody else's word, or no longer so."""
    driven = sequencer()
    sealed(batch(1), batch(2), driven=driven)
    said = Declined(ORIGIN, 4, Refuse("block.older", "it is said that all is held", "Send less."))
    driven.did(driven.machine.receive("m0", said, NOW + 5_000))
    sent: list[int] = []
    for now in range(NOW + 5_000, NOW + 7_000, 20):
        effects = driven.did(driven.machine.tick(now))
        sent += [effect.message.first for effect in effects if isinstance(effect, Send) and effect.to == "m0"]
    assert 2 in sent


def test_an_origin_that_follows_begins_with_how_the_one_before_ended_and_its_block_ends_there() -> None:
    driven = sequencer()
    (block,) = sealed(batch(1), driven=driven)
    follower = mirror()
    follower.did(follower.machine.receive(block, "sequencer", NOW))
    begun = opened(follower.machine.rules, follower.machine.root, NEXT, list(SPEAKERS.values()))
    assert sorted(follower.machine.numbers.items()) == [(ACTOR, 1)]

    keys = {**KEYS, key_number(SPEAKERS["m0"].verifier.public): SPEAKERS["m0"].verifier.public}
    setup = Setup(NEXT.name, NEXT, POLICY, NAMES, keys, start=Start(follower.machine.numbers))
    after = Driven(Sequencer(setup, contract(begun.snapshot, begun.statements)))
    after.did(after.machine.submit(batch(2, origin=NEXT.name), "early", NOW))
    after.sync()
    (refused,) = after.messages()[-1].refused
    assert refused.code == "epoch.first"
    first = batch(1, begun.entry, by=SPEAKERS["m0"], origin=NEXT.name)
    after.did(after.machine.submit(first, "people", NOW))
    after.sync()
    assert [message.count for message in after.messages() if isinstance(message, Promise)] == [0, 1]
    (opening,) = blocks(after)
    assert [Leaf.parse(entry).type for entry in opening.entries] == ["epoch_closed", "state"]

    setup_of_mirror = mirroring.Setup(NEXT.name, NEXT.verifier, MEMBERS["m0"], keys, follower.machine.numbers)
    unready = Driven(Mirror(setup_of_mirror, contract(begun.snapshot)))
    (missing,) = unready.did(unready.machine.receive(opening, "sequencer", NOW))
    assert missing.message.refuse.code == "statement.bound"
    assert unready.machine.frozen is None, "it lacks the statement; the log did no wrong"
    unready.machine.rules.statements = begun.statements
    unready.did(unready.machine.receive(opening, "sequencer", NOW))
    assert isinstance(unready.sync()[0].message, Cosigned)


def test_a_member_that_joins_is_sent_the_log_and_counts_as_the_new_policy_says() -> None:
    driven = sequencer()
    (block,) = sealed(batch(1), driven=driven)
    joined = signer("m4.example")
    witnesses = {**POLICY.witnesses, "m4": Party(joined.verifier)}
    names = ("m1", "m2", "m3", "m4")
    policy = Policy((), witnesses, {"quorum": Group(4, names)}, "quorum")
    sent = driven.did(driven.machine.change(policy, names))
    assert [(effect.to, effect.message) for effect in sent] == [("m4", block)]
    final(driven, block, ("m0", "m1", "m2", "m3"))
    assert driven.machine.final_size == 0, "who has left does not count, and one is still missing"
    follower = Driven(Mirror(mirroring.Setup(ORIGIN, LOG.verifier, joined, dict(KEYS)), contract(BEGINNING)))
    follower.did(follower.machine.receive(block, "sequencer", NOW))
    (answer,) = follower.sync()
    driven.did(driven.machine.receive("m4", answer.message, NOW))
    assert driven.machine.final_size == 2
    more = sealed(batch(2), driven=driven)[-1]
    assert {effect.to for effect in driven.out if isinstance(effect, Send) and effect.message == more} == set(names)


def test_batches_of_which_nothing_is_taken_are_closed_into_blocks_before_these_grow_too_large_to_be_sent() -> None:
    """Nobody but a member's key does this; what is in no block would be in the next one, all at once."""
    driven = sequencer(limits=Limits(entries=10, seal_ms=200))
    for number in range(1, 8):
        refused = [leaf(f"{number} {place}", word="released") for place in range(4)]
        driven.did(driven.machine.submit(batch(number, *refused), "caller", NOW + number))
        driven.sync()
    promises = [each for each in driven.messages() if isinstance(each, Promise)]
    assert [len(each.refused) for each in promises] == [4] * 7
    sent = blocks(driven)
    assert [[len(slip.refused) for slip in block.slips] for block in sent] == [[4, 4, 4], [4, 4, 4]]
    assert [len(block.entries) for block in sent] == [1, 1]
    assert [each.number for block in sent for each in block.slips] == list(range(1, 7))
    follower = mirror()
    for block in sent:
        follower.did(follower.machine.receive(block, "caller", NOW))
    follower.sync()
    assert [each.size for each in follower.messages()] == [1, 2]


def test_a_mirror_that_lost_what_it_said_it_held_is_sent_from_where_it_is() -> None:
    """It lags behind what is in memory, is sent old blocks, and then says that it holds less: its disk had lost what it had told."""
    followers, refuse = Followers(["m0"]), Refuse("block.gap", "why", "hint")
    followers.add(Block(39, Entries(), (), b"note"), 41)
    followers.ask()
    assert followers.send(0) == [Send("m0", Block(39, Entries(), (), b"note"))]
    assert followers.heard("m0", Declined(ORIGIN, 33, refuse), 10) == [Lagging("m0", 33)]
    again = next(now for now in range(100, 10_000, 100) if Lagging("m0", 33) in followers.send(now))
    followers.heard("m0", Declined(ORIGIN, 12, refuse), again + 10)
    assert followers.held() == {"m0": 12}
    sent = (effect for now in range(again + 100, again + 9_000, 100) for effect in followers.send(now))
    assert next(sent) == Lagging("m0", 12)


def test_what_it_knows_is_told_only_just_behind_a_block_also_where_nothing_was_taken() -> None:
    """A number that the log does not have yet would count after a crash that the batch did not survive."""
    driven = sequencer()
    driven.did(driven.machine.submit(batch(1, leaf("1", word="released")), "caller", NOW))
    with pytest.raises(LedgerError, match="behind the last block"):
        driven.machine.memory()
    driven.did(driven.machine.seal())
    assert list(driven.machine.memory().numbers.values()) == [1]
    driven.did(driven.machine.submit(batch(2, leaf("2")), "caller", NOW))
    driven.did(driven.machine.seal())
    driven.did(driven.machine.submit(batch(3, leaf("3", word="released")), "caller", NOW))
    driven.did(driven.machine.seal())
    assert list(driven.machine.memory().numbers.values()) == [3]
    driven.sync()
    assert [[slip.number for slip in block.slips] for block in blocks(driven)] == [[1], [2], [3]]
