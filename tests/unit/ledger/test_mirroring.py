"""The mirror, step by step: what it takes, what it refuses and why, and what it never does twice."""

from __future__ import annotations

import pytest
from msgspec import structs

from ledgers import signer
from machines import (
    BEGINNING,
    KEYS,
    LOG,
    MEMBERS,
    NAMES,
    NEXT,
    NOW,
    ORIGIN,
    POLICY,
    Driven,
    batch,
    blocks,
    final,
    leaf,
    mirror,
    sealed,
    sequencer,
)
from tidewaiter.cli.bench.faults.rules import lawless
from tidewaiter.ledger import sequencing
from tidewaiter.ledger.appending import TileWriter
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.effects import Block, Cosigned, Declined, Found, Refuse, Reply
from tidewaiter.ledger.entries import Entries
from tidewaiter.ledger.epochs import Closing, is_closed
from tidewaiter.ledger.equivocation import Evidence, Proof, compared, equivocation
from tidewaiter.ledger.joining import parts
from tidewaiter.ledger.keys import KeyType
from tidewaiter.ledger.merkle import MemoryLog, leaf_hash
from tidewaiter.ledger.notes import NoteSignature, SignedNote
from tidewaiter.ledger.reading import TileReader
from tidewaiter.ledger.sequencing import Sequencer
from tidewaiter.ledger.signing import sign


def signed(block: Block, *, entries: tuple[bytes, ...]) -> Block:
    """The block with other entries, as the log would have signed it had it begun with it."""
    log = MemoryLog(map(leaf_hash, entries))
    text = Checkpoint(LOG.name, log.size, log.root).text
    return structs.replace(block, entries=entries, note=SignedNote(text, (sign(text, LOG),)).data)


def renoted(block: Block, **members: object) -> Block:
    checkpoint = structs.replace(Checkpoint.parse(SignedNote.parse(block.note).text), **members)
    return structs.replace(block, note=SignedNote(checkpoint.text, (sign(checkpoint.text, LOG),)).data)


def closing(block: Block) -> Closing:
    return Closing(Checkpoint.parse(SignedNote.parse(block.note).text), NEXT.verifier)


BLOCK = sealed(batch(1, leaf("a"), leaf("b")))[0]
STRANGER = structs.replace(LOG, seed=bytes(32))


def wrong_blocks() -> dict[str, Block]:
    text = SignedNote.parse(BLOCK.note).text
    twice = sealed(batch(1, leaf("a")), batch(2, leaf("b")))
    return {
        "block.malformed": structs.replace(BLOCK, note=b"nothing"),
        "block.origin": renoted(BLOCK, origin="another.example/2026"),
        "block.extensions": renoted(BLOCK, extensions=closing(BLOCK).checkpoint.extensions),
        "block.forged": structs.replace(BLOCK, note=SignedNote(text, (sign(text, STRANGER),)).data),
        "block.gap": twice[1],
        "block.root": structs.replace(BLOCK, entries=Entries.of([leaf("c"), *BLOCK.entries.written[1:]])),
        "entry.malformed": signed(BLOCK, entries=Entries.of([b"{}", *BLOCK.entries.written[1:]])),
        "block.state": signed(BLOCK, entries=Entries.of(BLOCK.entries.written[:-1])),
        "block.slips": structs.replace(BLOCK, slips=()),
    }


@pytest.mark.parametrize(("code", "block"), wrong_blocks().items(), ids=wrong_blocks().keys())
def test_what_is_wrong_is_declined_with_the_reason_and_leaves_nothing(code: str, block: Block) -> None:
    driven = mirror()
    (reply,) = driven.did(driven.machine.receive(block, "caller", NOW))
    assert isinstance(reply.message, Declined)
    assert (reply.message.refuse.code, reply.message.size) == (code, 0)
    assert reply.message.refuse.why
    assert reply.message.refuse.hint
    assert driven.journal == b""
    driven.did(driven.machine.receive(BLOCK, "caller", NOW))
    assert isinstance(driven.sync()[0].message, Cosigned), "the right block is taken afterwards"


@pytest.mark.parametrize(
    "code", ["block.number", "block.actor", "block.slip", "block.slip of more", "block.slip of less than none"]
)
def test_entries_that_nobody_signed_for_are_declined(code: str) -> None:
    """The log itself makes entries up: its blocks are whole, and the slips in them are not."""
    driven = sequencer()
    handed = batch(1, leaf("a"), leaf("b"))
    driven.did(driven.machine.submit(handed, "caller", NOW))
    machine: Sequencer = driven.machine
    slip = machine._slips[0]
    made_up = {
        "block.number": structs.replace(slip, number=2),
        "block.actor": structs.replace(slip, key="0" * 32),
        "block.slip": structs.replace(slip, signature=bytes(64)),
        "block.slip of more": structs.replace(slip, count=3),
        "block.slip of less than none": structs.replace(slip, count=-1),
    }
    machine._slips[0] = made_up[code]
    driven.did(machine.tick(NOW + 300))
    driven.sync()
    follower = mirror()
    (reply,) = follower.did(follower.machine.receive(blocks(driven)[0], "caller", NOW))
    assert reply.message.refuse.code == code.split(" ")[0]
    assert follower.machine.frozen is None


def test_a_cosignature_is_sent_once_its_block_is_on_disk() -> None:
    driven = mirror()
    assert driven.did(driven.machine.receive(BLOCK, "caller", NOW)) == []
    (reply,) = driven.sync()
    assert reply == Reply("caller", reply.message)
    assert isinstance(reply.message, Cosigned)
    note = SignedNote.parse(BLOCK.note).with_signatures(NoteSignature.parse(reply.message.line.removesuffix("\n")))
    assert "m0" not in POLICY.with_log(LOG.verifier).believed(note.data).verdict.reason.split("not ")[-1]


def test_what_was_cosigned_is_there_after_the_power_went() -> None:
    driven = mirror()
    first, second = sealed(batch(1), batch(2))
    driven.did(driven.machine.receive(first, "caller", NOW))
    driven.sync()
    driven.did(driven.machine.receive(second, "caller", NOW))  # not synced, not cosigned
    after = mirror(records=driven.left())
    assert after.machine.size == 2
    assert after.machine.numbers == {batch(1).key: 1}
    after.did(after.machine.receive(second, "caller", NOW))
    assert after.sync()[0].message.size == 4


def test_the_same_checkpoint_is_cosigned_again_and_another_of_its_size_never() -> None:
    driven = mirror()
    other = sealed(batch(1, leaf("x"), leaf("y")))[0]
    driven.did(driven.machine.receive(BLOCK, "caller", NOW))
    driven.sync()
    for machine in (driven, mirror(records=driven.left())):
        (again,) = machine.did(machine.machine.receive(BLOCK, "caller", NOW))
        assert isinstance(again.message, Cosigned)
        out = machine.did(machine.machine.receive(other, "caller", NOW))
        assert [effect.message.refuse.code for effect in out if isinstance(effect, Reply)] == ["block.equivocation"]
        (found,) = [effect for effect in machine.sync() if isinstance(effect, Found)]
        evidence = Evidence.parse(found.evidence)
        assert equivocation(evidence.first, evidence.second, evidence.proof, LOG.verifier)
        (frozen,) = machine.did(machine.machine.receive(BLOCK, "caller", NOW))
        assert frozen.message.refuse.code == "mirror.evidence"


def test_what_is_smaller_is_cosigned_only_where_it_was_before() -> None:
    driven = mirror()
    first, second = sealed(batch(1), batch(2))
    for block in (first, second):
        driven.did(driven.machine.receive(block, "caller", NOW))
    before, _ = driven.sync()
    (again,) = driven.did(driven.machine.receive(first, "caller", NOW + 60_000))
    assert again == before
    after = mirror(records=driven.left())
    (older,) = after.did(after.machine.receive(first, "caller", NOW))
    assert (older.message.refuse.code, older.message.size) == ("block.older", 4)


def test_a_breach_of_the_contract_ends_the_cosigning_and_changes_nothing() -> None:

    setup = sequencing.Setup(ORIGIN, LOG, POLICY, NAMES, dict(KEYS))
    liar = Driven(Sequencer(setup, lawless(BEGINNING)))
    (block,) = sealed(batch(1, leaf("a"), leaf("b", word="released")), driven=liar)
    driven = mirror()
    root = driven.machine.rules.root()
    driven.did(driven.machine.receive(block, "caller", NOW))
    (reply,) = driven.sync()
    assert (reply.message.refuse.code, reply.message.refuse.place) == ("block.contract", "1")
    assert "release.assessed" in reply.message.refuse.why
    assert driven.machine.rules.root() == root
    after = mirror(records=driven.left())
    (still,) = after.did(after.machine.receive(BLOCK, "caller", NOW))
    assert still.message.refuse.code == "block.contract"


def test_where_writing_fails_nothing_is_cosigned_and_nothing_more_is_taken() -> None:
    driven = mirror()
    driven.did(driven.machine.receive(BLOCK, "caller", NOW))
    (reply,) = driven.machine.failed("no space left")
    assert isinstance(reply.message, Refuse)
    assert reply.message.code == "storage.failed"
    (reply,) = driven.machine.receive(BLOCK, "caller", NOW)
    assert reply.message.refuse.code == "mirror.stopped"


def test_two_histories_of_different_sizes_are_shown_to_anybody() -> None:
    """One mirror holds the one, another the other; who holds the longer can prove it, and the rest verify it."""
    one, *_ = sealed(batch(1, leaf("x")))
    longer = sealed(batch(1, leaf("a")), batch(2))
    holder = mirror()
    for block in longer:
        holder.did(holder.machine.receive(block, "caller", NOW))
    holder.sync()
    log = MemoryLog(leaf_hash(entry) for block in longer for entry in block.entries)
    holder.did(holder.machine.compare(longer[0].note, log.node))
    assert holder.machine.evidence is None, "a log that only grew has not lied"
    holder.did(holder.machine.compare(one.note, log.node))
    (found,) = holder.sync()
    evidence = Evidence.parse(found.evidence)
    assert equivocation(evidence.first, evidence.second, evidence.proof, LOG.verifier)
    other = mirror("m1")
    other.did(other.machine.learn(found))
    assert other.sync() == [found]
    assert other.machine.frozen.code == "mirror.evidence"
    assert mirror("m1", other.left()).machine.evidence == found


def test_evidence_that_shows_nothing_is_passed_over() -> None:
    first, second = sealed(batch(1), batch(2))
    log = MemoryLog(leaf_hash(entry) for block in (first, second) for entry in block.entries)
    assert compared(second.note, log.node, first.note, LOG.verifier) is None
    honest = Evidence(first.note, second.note, Proof(bytes(32), ()))
    driven = mirror()
    assert driven.machine.learn(Found(honest.data)) == []
    assert driven.machine.learn(Found(b"nonsense")) == []
    assert not equivocation(
        first.note, second.note, Proof(Checkpoint.parse(SignedNote.parse(first.note).text).root), LOG.verifier
    )
    assert not equivocation(second.note, first.note, Proof(bytes(32)), LOG.verifier)
    assert not equivocation(first.note, second.note, Proof(bytes(32)), NEXT.verifier)


def test_an_origin_ends_where_a_quorum_that_has_frozen_cosigns_its_end() -> None:
    end = closing(BLOCK)
    note = SignedNote(end.checkpoint.text, ())
    for place, name in enumerate(MEMBERS):
        driven = mirror(name)
        driven.did(driven.machine.receive(BLOCK, "caller", NOW))
        driven.sync()
        (early,) = driven.did(driven.machine.close(end.checkpoint, "caller", NOW))
        assert early.message.code == "closing.open"
        driven.did(driven.machine.freeze("caller"))
        (held,) = driven.sync()
        assert (held.message.refuse.code, held.message.size) == ("mirror.frozen", 3)
        driven.did(driven.machine.close(end.checkpoint, "caller", NOW))
        (reply,) = driven.sync()
        note = note.with_signatures(NoteSignature.parse(reply.message.line.removesuffix("\n")))
        assert bool(is_closed(note.data, POLICY)) == (place >= 2)
    assert Closing.parse(note.text) == end


def test_a_frozen_mirror_takes_what_others_bring_and_cosigns_only_the_end() -> None:
    first, second = sealed(batch(1), batch(2))
    driven = mirror()
    driven.did(driven.machine.receive(first, "caller", NOW))
    driven.did(driven.machine.freeze("caller"))
    driven.sync()
    (short,) = driven.did(driven.machine.close(closing(second).checkpoint, "caller", NOW))
    assert short.message.code == "closing.size"
    driven.did(driven.machine.receive(second, "caller", NOW))
    (held,) = driven.sync()
    assert (held.message.refuse.code, held.message.size) == ("mirror.frozen", 4)
    driven.did(driven.machine.close(closing(second).checkpoint, "caller", NOW))
    assert isinstance(driven.sync()[0].message, Cosigned)
    after = mirror(records=driven.left())
    another = Closing(closing(second).last, signer("record.example/2028", KeyType.ED25519).verifier)
    (refused,) = after.did(after.machine.close(another.checkpoint, "caller", NOW))
    assert refused.message.code == "closing.another"
    (origin,) = after.did(after.machine.close(closing(second).last, "caller", NOW))
    assert origin.message.code == "closing.origin"


def test_who_joins_catches_up_from_tiles_and_cosigns() -> None:
    driven = sequencer()
    sealed(
        *[batch(number, *[leaf(f"{number}/{place}") for place in range(90)]) for number in range(1, 8)], driven=driven
    )
    found = final(driven, blocks(driven)[-1])
    files = {}
    writer = TileWriter()
    entries = [entry for block in blocks(driven) for entry in block.entries]
    for tile, data in [*writer.add(entries), *writer.edge()]:
        files[tile.path] = data
    joined = mirror("m3")
    for block in blocks(driven)[:2]:
        joined.did(joined.machine.receive(block, "caller", NOW))
    reader = TileReader(files.get, found.size)
    for part in parts(reader, joined.machine.size, found.note):
        joined.did(joined.machine.fill(part, POLICY, "caller", NOW))
    assert joined.machine.size == found.size
    assert isinstance(joined.sync()[-1].message, Cosigned)
    more = sealed(batch(8), driven=driven)[-1]
    after = mirror("m3", joined.left())
    after.did(after.machine.receive(more, "caller", NOW))
    assert after.sync()[-1].message.size == found.size + 2


def test_what_is_not_in_the_cosigned_log_is_not_taken_from_tiles() -> None:
    driven = sequencer()
    (block,) = sealed(batch(1, leaf("a"), leaf("b")), driven=driven)
    found = final(driven, block)
    files = {}
    writer = TileWriter()
    for tile, data in [*writer.add(block.entries), *writer.edge()]:
        files[tile.path] = data
    (part,) = parts(TileReader(files.get, found.size), 0, found.note)
    wrong = {
        "part.quorum": structs.replace(part, note=block.note),
        "part.gap": structs.replace(part, first=1),
        "part.root": structs.replace(part, entries=(leaf("x"), *part.entries[1:])),
    }
    joined = mirror("m3")
    for code, each in wrong.items():
        (reply,) = joined.did(joined.machine.fill(each, POLICY, "caller", NOW))
        assert reply.message.refuse.code == code
    assert joined.journal == b""
    forked = mirror("m3")
    forked.did(forked.machine.receive(sealed(batch(1, leaf("z")))[0], "caller", NOW))
    more = sealed(batch(2), driven=driven)[-1]
    found = final(driven, more)
    for tile, data in [*writer.add(more.entries), *writer.edge()]:
        files[tile.path] = data
    (part,) = parts(TileReader(files.get, found.size), 2, found.note)
    (reply,) = forked.did(forked.machine.fill(part, POLICY, "caller", NOW))
    assert reply.message.refuse.code == "part.root"


def test_a_block_of_a_clock_that_is_far_ahead_is_declined_and_freezes_nobody_and_is_taken_in_its_time() -> None:
    """What is over by the log's own time is forgotten for good: a clock that is years ahead would end every permit and debt."""
    year = 365 * 86_400_000
    driven = sequencer()
    driven.did(driven.machine.submit(batch(1, leaf("a", at=NOW + year)), "caller", NOW + year))
    driven.did(driven.machine.tick(NOW + year + 300))
    driven.sync()
    (block,) = blocks(driven)
    follower = mirror()
    (reply,) = follower.did(follower.machine.receive(block, "caller", NOW))
    assert reply.message.refuse.code == "block.ahead"
    assert (follower.machine.frozen, follower.machine.size, follower.journal) == (None, 0, b"")
    follower.did(follower.machine.receive(block, "caller", NOW + year - 3_600_000))
    assert isinstance(follower.sync()[0].message, Cosigned), "clocks that differ by an hour are borne with"


def test_evidence_on_what_a_mirror_does_not_hold_yet_ends_its_cosigning_too() -> None:
    second = renoted(BLOCK, root=bytes(32))
    found = Found(Evidence(BLOCK.note, second.note, Proof(bytes(32))).data)
    follower = mirror()
    assert follower.did(follower.machine.learn(found)) == []
    assert follower.sync()[0] == found
    (reply,) = follower.did(follower.machine.receive(BLOCK, "caller", NOW)) or follower.sync()
    assert isinstance(reply.message, Declined)
    assert reply.message.refuse.code == "mirror.evidence"
