"""Properties of the machines, whatever comes in whatever order, and wherever the power goes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from machines import ACTOR, LOG, NAMES, NOW, ORIGIN, Driven, batch, blocks, leaf, mirror, sealed, sequencer
from tidewaiter.ledger.batches import Promise
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.effects import Block, Cosigned, FinalCheckpoint
from tidewaiter.ledger.equivocation import Proof, equivocation
from tidewaiter.ledger.journals import framed, whole_records
from tidewaiter.ledger.leaves import Leaf
from tidewaiter.ledger.merkle import MemoryLog, leaf_hash
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.proving import prove_consistency
from tidewaiter.ledger.signing import sign

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), st.integers(1, 6)),
        st.tuples(st.just("tick"), st.integers(0, 400)),
        st.tuples(st.just("sync"), st.just(0)),
        st.tuples(st.just("power goes"), st.integers(0, 10_000)),
    ),
    max_size=30,
)


def crashed(driven: Driven, left: int) -> list[bytes]:
    """The records after a crash that left so many bytes (at most) of what was not synced."""
    kept = driven.journal[: driven.synced + left % (len(driven.journal) - driven.synced + 1)]
    return whole_records(kept)[0]


@given(STEPS)
@settings(max_examples=150, deadline=None)
def test_what_is_promised_stands_in_one_log_once_and_in_order(steps: list[tuple[str, int]]) -> None:
    driven, now = sequencer(), NOW
    promised: dict[int, Promise] = {}
    sent: dict[int, Block] = {}

    def heard() -> None:
        for message in driven.messages():
            if isinstance(message, Promise):
                assert promised.setdefault(message.number, message) == message
            elif isinstance(message, Block):
                assert sent.setdefault(message.first, message) == message, "two blocks begin at one place"

    for step, amount in steps:
        match step:
            case "submit":
                driven.did(driven.machine.submit(batch(amount), "caller", now))
            case "tick":
                now += amount
                driven.did(driven.machine.tick(now))
            case "sync":
                driven.sync()
            case _:
                journal = b"".join(framed(record) for record in crashed(driven, amount))
                driven = sequencer(whole_records(journal)[0])
                driven.journal, driven.synced = journal, len(journal)
        heard()
    driven.sync()
    for each in (0, 300, 300):
        now += each
        driven.did(driven.machine.tick(now))
        driven.sync()
    heard()
    log = [entry for first in sorted(sent) for entry in sent[first].entries]
    for number, promise in promised.items():
        assert log[promise.first : promise.first + promise.count] == list(batch(number).entries)
    own = [Leaf.parse(entry).commitment for entry in log if Leaf.parse(entry).actor == ACTOR]
    assert own == [Leaf.parse(batch(number).entries[0]).commitment for number in range(1, len(own) + 1)]


BLOCKS = sealed(*[batch(number, leaf(f"{number}/a"), leaf(f"{number}/b")) for number in range(1, 6)])


@given(
    st.lists(st.tuples(st.integers(0, 4), st.booleans(), st.integers(0, 2_000)), max_size=25),
)
@settings(max_examples=100, deadline=None)
def test_a_mirror_cosigns_only_what_it_holds_and_never_less_than_before(
    steps: list[tuple[int, bool, int]],
) -> None:
    driven = mirror()
    largest = 0
    for which, is_synced, power in steps:
        driven.did(driven.machine.receive(BLOCKS[which], "caller", NOW))
        if is_synced:
            driven.sync()
        fresh = [message.size for message in driven.messages() if isinstance(message, Cosigned)]
        largest = max([largest, *fresh])
        if power > 1_500:
            journal = b"".join(framed(record) for record in crashed(driven, power))
            driven = mirror(records=whole_records(journal)[0])
            driven.journal, driven.synced = journal, len(journal)
            assert driven.machine.size >= largest


@given(st.binary(max_size=60), st.lists(st.binary(max_size=80), max_size=6), st.integers(0, 600))
def test_a_journal_that_is_torn_is_read_up_to_there(tail: bytes, records: list[bytes], cut: int) -> None:
    whole = b"".join(map(framed, records))
    found, end = whole_records(whole + tail)
    assert found[: len(records)] == records
    assert end >= len(whole)
    torn = whole[: min(cut, len(whole))]
    left, end = whole_records(torn)
    assert left == records[: len(left)]
    assert b"".join(map(framed, left)) == torn[:end]
    zeroed, _ = whole_records(torn[:end] + bytes(len(whole) - end))
    assert zeroed[: len(left)] == left
    assert all(record == b"" or record in records for record in zeroed)


@given(st.integers(1, 40), st.integers(0, 40), st.integers(0, 39))
@settings(max_examples=80, deadline=None)
def test_two_histories_can_be_proved_and_one_cannot(size: int, more: int, at: int) -> None:
    def note(log: MemoryLog) -> bytes:
        text = Checkpoint(ORIGIN, log.size, log.root).text
        return SignedNote(text, (sign(text, LOG),)).data

    entries = [b"%d" % number for number in range(size + more)]
    log = MemoryLog(map(leaf_hash, entries))
    same = MemoryLog(map(leaf_hash, entries[:size]))
    other = MemoryLog(leaf_hash(b"x" if number == at % size else entry) for number, entry in enumerate(entries[:size]))
    proof = Proof(same.root, tuple(prove_consistency(log.node, size, size + more)))
    assert equivocation(note(other), note(log), proof, LOG.verifier)
    assert not equivocation(note(same), note(log), proof, LOG.verifier)
    assert not equivocation(note(other), note(log), Proof(other.root, proof.hashes), LOG.verifier)
    if more:
        assert not equivocation(note(other), note(log), Proof(bytes(32), proof.hashes), LOG.verifier)


@given(st.permutations(range(3)), st.lists(st.sampled_from(NAMES), min_size=1, max_size=12))
@settings(max_examples=60, deadline=None)
def test_it_is_final_just_where_three_of_four_cosigned(order: list[int], speakers: list[str]) -> None:
    driven = sequencer()
    sealed(*[batch(number) for number in range(1, 4)], driven=driven)
    followers = {name: mirror(name) for name in NAMES}
    answers: dict[tuple[str, int], Cosigned] = {}
    for name, each in followers.items():
        for block in blocks(driven):
            each.did(each.machine.receive(block, "sequencer", NOW))
        for message in [effect.message for effect in each.sync()]:
            answers[(name, message.size)] = message
    spoke: dict[int, set[str]] = {}
    for place, name in enumerate(speakers):
        size = 2 * (1 + order[place % 3])
        spoke.setdefault(size, set()).add(name)
        driven.did(driven.machine.receive(name, answers[(name, size)], NOW))
    final = {effect.size for effect in driven.out if isinstance(effect, FinalCheckpoint)}
    enough = {size for size, names in spoke.items() if len(names) >= 3}
    assert final <= enough
    assert max(final, default=0) == max(enough, default=0)
