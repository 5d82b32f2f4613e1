"""A mirror as a machine: it keeps every entry, replays the rules, and cosigns what it has on disk (c2sp.org/tlog-mirror).

How it is driven (`effects` tells what the effects ask for). Moments are milliseconds since 1970:

    mirror = Mirror.recovered(setup, rules, whole_records(journal)[0])   # also for an empty journal
    for effect in mirror.receive(block, caller, now): …                  # the sequencer sends a block
    for effect in mirror.fill(part, policy, caller, now): …              # entries out of tiles, to catch up (`joining`)
    for effect in mirror.compare(note, nodes): …                         # another member shows the checkpoint it has
    for effect in mirror.freeze(caller): …                               # an epoch is to end: no more cosignatures
    for effect in mirror.close(checkpoint, caller, now): …               # … and the end of the origin is cosigned
    for effect in mirror.synced(upto): …                                 # after the journal was synced

What it holds to, whatever fails: what it cosigns is on its disk, with the checkpoint's text, before the cosignature is
sent; it never cosigns two checkpoints of one size with different roots, nor a smaller one than before; every entry is one
that its submitter signed for, in the order of running numbers; the contract takes each, and leads to the state that the
block's last entry tells. Two checkpoints of the log that cannot both be are kept as evidence, and end its cosigning.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Struct, field

from tidewaiter.ledger.admitting import ahead_of_clock
from tidewaiter.ledger.batches import STATE, Rules, Slip, has_signed, slips_root
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.effects import Block, Caller, Cosigned, Declined, Durable, Effect, Found, Hashed, Refuse, Reply
from tidewaiter.ledger.entries import EntryReader
from tidewaiter.ledger.equivocation import Evidence, Proof, compared, equivocation
from tidewaiter.ledger.joining import Part, followed
from tidewaiter.ledger.keys import SignerKey, VerifierKey
from tidewaiter.ledger.leaves import Leaf, key_number
from tidewaiter.ledger.merkle import EMPTY_ROOT, Frontier, NodeHash, leaf_hash, leaf_hashes
from tidewaiter.ledger.mirror_records import Closed, Filled, Frozen, Memory, Record, Taken
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.resuming import Resumed
from tidewaiter.ledger.signing import check, cosign
from tidewaiter.ledger.tiles import TILE_HEIGHT
from tidewaiter.ledger.verdict import LedgerError

FROZEN: Final = "mirror.frozen"
EVIDENCE: Final = "mirror.evidence"
TAKING: Final = frozenset({FROZEN, EVIDENCE})
"""Why a mirror may have frozen and still takes blocks: not so where the log has broken the rules."""
NOTES_KEPT: Final = 4096
"""Checkpoints that are kept in memory, to tell at once whether another one of that size is shown."""
UNREADY: Final = frozenset({"statement.bound", "rules.unknown", "block.ahead"})
"""Refusals that may tell of this mirror and not of the log: it has to be given something, or wait, and goes on then."""
GIVEN_KEPT: Final = 256
"""Cosignatures that are given again where their checkpoint comes again, though the log has grown since."""


class Setup(Struct):
    """Whose log is mirrored, and the key that cosigns. `submitters` are public keys of Ed25519 by their number.

    A mirror knows every key that was registered in what it holds, and forgets none: that a key no longer counts is for the
    contract to say, at its place in the log. `submitters` may be a view of the keys that the rules know. `numbers` are the last running numbers that a new origin takes over from the one before.
    """

    origin: str
    log: VerifierKey
    key: SignerKey
    submitters: Mapping[str, bytes]
    numbers: dict[str, int] = field(default_factory=dict)


_RECORDS: Final = msgspec.msgpack.Decoder(Record)


_BROKEN: Final = "The log signed this; the members have to look why, and end the epoch."
_ENDED: Final = Refuse(FROZEN, "the origin has ended", "Go on with the next origin.")


class _Verified(Struct, frozen=True):
    """A block that is as its checkpoint says, before the contract has looked at it."""

    leaves: list[Leaf]
    state: Leaf
    hashed: Hashed
    frontier: Frontier
    numbers: dict[str, int]


class Mirror(Durable):
    """One origin's mirror. See the module for how it is driven and what it holds to."""

    def __init__(self, setup: Setup, rules: Rules) -> None:
        super().__init__()
        self.setup, self.rules = setup, rules
        self.note: bytes = b""
        self.evidence: Found | None = None
        self._log_actor = key_number(setup.log.public)
        self._reader = EntryReader()
        self._frontier = Frontier()
        self._numbers = dict(setup.numbers)
        self._notes: dict[int, bytes] = {}
        self._given: dict[int, Cosigned] = {}
        self._frozen: Refuse | None = None
        self._closed = ""
        self._seen: set[str] | None = None

    @classmethod
    def recovered(
        cls, setup: Setup, rules: Rules, records: Iterable[bytes], resumed: Resumed[Memory] | None = None
    ) -> Mirror:
        """The mirror as the whole records of its journal have it, all of which are on disk; or those behind a block.

        Raises LedgerError for records that no journal of this origin holds.
        """
        machine = cls(setup, rules)
        if resumed is not None:
            machine._resume(resumed)
        for record in records:
            try:
                machine._replay(_RECORDS.decode(record))
            except msgspec.DecodeError as error:
                raise LedgerError("a record of the mirror's journal cannot be read") from error
        return machine

    def memory(self) -> Memory:
        """What it knows beside the state, where it stands just behind a block; later changes do not show in it."""
        evidence = self.evidence.evidence if self.evidence else b""
        seen = None if self._seen is None else tuple(sorted(self._seen))
        return Memory(dict(self._numbers), dict(self._notes), self._frozen, self._closed, evidence, seen)

    def _resume(self, resumed: Resumed[Memory]) -> None:
        known = resumed.memory
        self._frontier, self.note = resumed.frontier, resumed.block.note
        self._numbers, self._notes = dict(known.numbers), dict(known.notes)
        self._frozen, self._closed = known.frozen, known.closed
        self.evidence = Found(known.evidence) if known.evidence else None
        self._seen = None if known.seen is None else set(known.seen)

    @property
    def size(self) -> int:
        """How many entries it holds: on disk, or on their way there."""
        return self._frontier.size

    @property
    def root(self) -> bytes:
        """The root over all it holds."""
        return self._frontier.root if self.size else EMPTY_ROOT

    @property
    def frontier(self) -> Frontier:
        """The edge of the log that it holds."""
        return self._frontier

    @property
    def numbers(self) -> dict[str, int]:
        """The last running number of each submitter."""
        return dict(self._numbers)

    @property
    def frozen(self) -> Refuse | None:
        """Why nothing more is cosigned; None while it is."""
        return self._frozen

    def receive(self, block: Block, caller: Caller, now: int) -> list[Effect]:
        """A block: its cosignature goes to the caller once it is on disk; or at once why there is none."""
        if self.is_stopped:
            why = "the mirror cannot keep anything at the moment: its storage failed"
            return self._decline(caller, Refuse("mirror.stopped", why, "Send it again in some seconds."))
        read = self._read(block.note)
        if isinstance(read, Refuse):
            return self._decline(caller, read)
        note, checkpoint = read
        if checkpoint.size <= self.size:
            return self._known(note, checkpoint, caller, now)
        if self._closed or (self._frozen is not None and self._frozen.code not in TAKING):
            return self._decline(caller, self._frozen or _ENDED)
        verified = self._verified(block, checkpoint)
        if isinstance(verified, Refuse):
            return self._decline(caller, verified)
        if (refuse := ahead_of_clock(verified.state, now) or self._replayed(verified)) is not None:
            return self._decline(caller, refuse) if refuse.code in UNREADY else self._freeze(refuse, caller)
        self._take(note, verified.frontier, verified.numbers)
        written: list[Effect] = [self._persist(Taken(block), verified.hashed)]
        return written + self._answer(note, checkpoint, caller, now)

    def fill(self, part: Part, policy: Policy, caller: Caller, now: int) -> list[Effect]:
        """Entries out of tiles, up to a checkpoint that the quorum has cosigned: its cosignature, once all are on disk.

        Who signed for them is not shown by tiles; that the quorum saw it is what its cosignatures say. The first running
        number of a submitter that is seen after that counts as due, where it is larger than the last one known.
        """
        if self.is_stopped or self._closed or (self._frozen is not None and self._frozen.code not in TAKING):
            return self._decline(caller, self._frozen or _ENDED)
        believed = policy.with_log(self.setup.log).believed(part.note)
        checkpoint = believed.checkpoint
        if (
            not believed.verdict
            or checkpoint is None
            or checkpoint.origin != self.setup.origin
            or checkpoint.extensions
        ):
            why = f"the checkpoint that the part leads to is not to be believed: {believed.verdict.reason or 'another kind'}"
            return self._decline(caller, Refuse("part.quorum", why, "Wait until the quorum has cosigned it."))
        frontier = followed(self._frontier, part, checkpoint)
        if isinstance(frontier, Refuse):
            return self._decline(caller, frontier)
        filled = Filled(part.entries, part.note if frontier.size == checkpoint.size else b"")
        refuse = self._filled(filled, frontier)
        if refuse is not None:
            return self._decline(caller, refuse) if refuse.code in UNREADY else self._freeze(refuse, caller)
        written: list[Effect] = [self._persist(filled)]
        if not filled.note:
            return written
        return written + self._answer(SignedNote.parse(part.note), checkpoint, caller, now)

    def compare(self, note: bytes, nodes: NodeHash) -> list[Effect]:
        """Another member shows a checkpoint; `nodes` are those of the log that is held here.

        A longer one tells nothing yet. One that cannot be beside that held here is evidence, and ends the cosigning.
        """
        if self.is_stopped or self.evidence is not None or not self.note:
            return []
        try:
            evidence = compared(self.note, nodes, note, self.setup.log)
        except LedgerError:
            return []
        return self._found(evidence) if evidence else []

    def learn(self, found: Found) -> list[Effect]:
        """Another member shows that the log spoke with two tongues; passed over where it does not show it."""
        if self.is_stopped or self.evidence is not None:
            return []
        try:
            evidence = Evidence.parse(found.evidence)
        except LedgerError:
            return []
        shown = equivocation(evidence.first, evidence.second, evidence.proof, self.setup.log)
        return self._found(evidence) if shown and evidence.origin == self.setup.origin else []

    def freeze(self, caller: Caller) -> list[Effect]:
        """Cosign nothing more of this origin; what is held is told to the caller once that is on disk.

        Blocks are still taken, since an epoch ends at what a quorum holds.
        """
        why = f"the member has ended its part in “{self.setup.origin}”"
        return self._freeze(Refuse(FROZEN, why, "Wait for the next origin."), caller)

    def close(self, closing: Checkpoint, caller: Caller, now: int, *, key: SignerKey | None = None) -> list[Effect]:
        """Cosign the end of the origin, as `epochs` writes it, where it is just what is held here; else why not.

        A member may have another `key` beside the one it cosigns with: behind a decision that not everybody knows to be final
        it may be counted by either.
        """
        refuse = self._not_closing(closing)
        if refuse:
            return [Reply(caller, refuse)]
        written: list[Effect] = []
        if not self._closed:
            self._closed = closing.text
            written.append(self._persist(Closed(closing.text)))
        line = cosign(closing.text, key or self.setup.key, now // 1000).line
        return written + self._after(Reply(caller, Cosigned(closing.origin, closing.size, line)))

    def _read(self, data: bytes) -> tuple[SignedNote, Checkpoint] | Refuse:
        hint = "Send the checkpoint as the log signed it."
        try:
            note = SignedNote.parse(data)
            checkpoint = Checkpoint.parse(note.text)
        except LedgerError as error:
            return Refuse("block.malformed", error.detail, hint)
        if checkpoint.origin != self.setup.origin:
            why = f"the checkpoint is of “{checkpoint.origin[:200]}”, mirrored is “{self.setup.origin}”"
            return Refuse("block.origin", why, "Send it to a mirror of that origin.")
        if checkpoint.extensions:
            why = "the checkpoint says more than origin, size and root, as only the end of an origin does"
            return Refuse(
                "block.extensions", why, "Send a plain checkpoint; the end is cosigned where people ask for it."
            )
        verdict = check(note, [self.setup.log]).verdict
        return (note, checkpoint) if verdict else Refuse("block.forged", verdict.reason, hint)

    def _known(self, note: SignedNote, checkpoint: Checkpoint, caller: Caller, now: int) -> list[Effect]:
        """The answer to a checkpoint that is no larger than what is held."""
        data = self._notes.get(checkpoint.size)
        if data is None:
            return self._older(checkpoint, caller)
        kept = SignedNote.parse(data)
        if kept.text == note.text and checkpoint.size == self.size:
            return self._answer(note, checkpoint, caller, now)
        if kept.text == note.text:
            given = self._given.get(checkpoint.size)
            return self._after(Reply(caller, given)) if given and not self._frozen else self._older(checkpoint, caller)
        if not check(kept, [self.setup.log]).verdict:  # out of a snapshot that somebody has changed: it shows nothing
            return self._older(checkpoint, caller)
        first, second = data, note.data
        found = self._found(Evidence(first, second, Proof(checkpoint.root))) if not self.evidence else []
        why = f"the log has signed another checkpoint of {checkpoint.size} entries before"
        refuse = Refuse("block.equivocation", why, "Show both to the members; the evidence is kept.")
        return [*found, *self._decline(caller, refuse)]

    def _older(self, checkpoint: Checkpoint, caller: Caller) -> list[Effect]:
        """What is smaller than what is held and was not cosigned then is not cosigned now."""
        why = f"the block ends at {checkpoint.size}, held are {self.size}"
        return self._decline(caller, Refuse("block.older", why, "Send what follows.", str(self.size)))

    def _verified(self, block: Block, checkpoint: Checkpoint) -> _Verified | Refuse:
        if block.first != self.size:
            why = f"the block begins at {block.first}, held are {self.size}"
            return Refuse("block.gap", why, "Send the blocks from there on.", str(self.size))
        if not block.entries:
            return Refuse("block.root", "the block has no entries", "Send just the entries that were signed for.")
        try:
            *leaves, state = self._reader.leaves(block.entries)
        except LedgerError as error:
            return Refuse("entry.malformed", error.detail, "Let nothing into the log that is no entry.")
        hashes = leaf_hashes(block.entries)
        frontier, tops = self._frontier.grown(hashes, TILE_HEIGHT)
        if (frontier.size, frontier.root) != (checkpoint.size, checkpoint.root):
            why = f"the entries lead to {frontier.size} entries with another root than the checkpoint says"
            return Refuse("block.root", why, "Send just the entries that were signed for.")
        if state.type != STATE or state.actor != self._log_actor:
            why = "the block's last entry is not the log's own word on the state"
            return Refuse("block.state", why, "Close each block with an entry of the type state.")
        if state.commitment != slips_root(block.slips).hex():
            why = "the block's last entry commits to other signatures of submitters than are shown"
            return Refuse("block.slips", why, "Send the slips as they were when the block was sealed.")
        numbers = self._signed_for(block.slips, leaves, hashes)
        return (
            numbers
            if isinstance(numbers, Refuse)
            else _Verified(leaves, state, Hashed(hashes, tops), frontier, numbers)
        )

    def _signed_for(self, slips: tuple[Slip, ...], leaves: list[Leaf], hashes: list[bytes]) -> dict[str, int] | Refuse:
        """The running numbers after these batches, each signed by its submitter over just these entries."""
        numbers: dict[str, int] = {}
        place = 0
        for slip in slips:
            where = f"entries/{place}"
            due = numbers.get(slip.key, self._numbers.get(slip.key, 0)) + 1
            if self._seen is not None and slip.key not in self._seen and slip.key not in numbers:
                due = max(due, slip.number)
            if slip.number != due:
                why = f"the batch has the number {slip.number}, the next of the key {slip.key} is {due}"
                return Refuse("block.number", why, "Take each batch once, and in the order of its numbers.", where)
            end = place + slip.count
            if not place <= end <= len(leaves):
                why = f"a batch is said to have {slip.count} entries, {len(leaves) - place} are left"
                return Refuse("block.slip", why, "Take no entry that nobody signed for.", where)
            part = leaves[place:end]
            if {leaf.actor for leaf in part} - {slip.key} or STATE in {leaf.type for leaf in part}:
                why = f"an entry is not by the key {slip.key} that signed for its batch"
                return Refuse("block.actor", why, "Take only entries of whoever signed.", where)
            if not has_signed(self.setup.submitters, slip, self.setup.origin, slip.root(hashes[place:end])):
                why = f"no known key {slip.key} signed for these entries under the number {slip.number}"
                return Refuse("block.slip", why, "Take no entry that nobody signed for.", where)
            numbers[slip.key], place = slip.number, end
        if place != len(leaves):
            why = f"{len(leaves) - place} entries are in no batch"
            return Refuse("block.slip", why, "Take no entry that nobody signed for.", f"entries/{place}")
        return numbers

    def _replayed(self, verified: _Verified) -> Refuse | None:
        """What the contract finds; where it finds something, the state is as before.

        Then the log itself has broken the rules that all share, unless this mirror lacks what it takes to replay them.
        """
        first = verified.frontier.size - len(verified.leaves) - 1
        return self._applied([*verified.leaves, verified.state], first)

    def _applied(self, leaves: list[Leaf], first: int) -> Refuse | None:
        """What the contract finds in entries from an index on, whole blocks and a part of one."""
        self.rules.mark()
        begin = 0
        for end in (*(place for place, leaf in enumerate(leaves) if leaf.type == STATE), len(leaves)):
            refuse = self._refused(leaves[begin:end], first + begin)
            if refuse is None and end < len(leaves) and leaves[end].facts.get("root") != self.rules.root().hex():
                why = "the rules lead to another state than the entry that closes the block says"
                refuse = Refuse("block.state_root", why, _BROKEN, str(first + end))
            refuse = refuse or self._refused(leaves[end : end + 1], first + end)
            if refuse is not None:
                self.rules.undo()
                return refuse
            begin = end + 1
        self.rules.keep()
        return None

    def _refused(self, leaves: list[Leaf], first: int) -> Refuse | None:
        refused = self.rules.take(leaves)
        if not refused:
            return None
        place, refusal = refused[0]
        why = f"the contract refuses the entry: {refusal.why} ({refusal.code})"
        if refusal.code in UNREADY:
            return Refuse(refusal.code, why, refusal.hint, str(first + place))
        return Refuse("block.contract", why, _BROKEN, str(first + place))

    def _filled(self, filled: Filled, frontier: Frontier) -> Refuse | None:
        """Take entries in that the quorum has cosigned; what the contract finds in them, where it finds something."""
        try:
            leaves = self._reader.leaves(filled.entries)
        except LedgerError as error:
            return Refuse("entry.malformed", error.detail, _BROKEN)
        refuse = self._applied(leaves, self.size)
        if refuse is not None:
            return refuse
        self._seen = set()
        if filled.note:
            self._take(SignedNote.parse(filled.note), frontier, {})
        self._frontier = frontier
        return None

    def _take(self, note: SignedNote, frontier: Frontier, numbers: dict[str, int]) -> None:
        self._frontier, self.note = frontier, note.data
        self._numbers.update(numbers)
        if self._seen is not None:
            self._seen.update(numbers)
        self._notes[frontier.size] = self.note
        if len(self._notes) > NOTES_KEPT:
            del self._notes[next(iter(self._notes))]

    def _answer(self, note: SignedNote, checkpoint: Checkpoint, caller: Caller, now: int) -> list[Effect]:
        """What is said of a checkpoint that is held: its cosignature, or that none is given any more; once it is on disk."""
        if self._frozen is not None:
            return self._after(*self._decline(caller, self._frozen))
        return self._cosign(note, checkpoint, caller, now)

    def _cosign(self, note: SignedNote, checkpoint: Checkpoint, caller: Caller, now: int) -> list[Effect]:
        cosigned = Cosigned(checkpoint.origin, checkpoint.size, cosign(note.text, self.setup.key, now // 1000).line)
        self._given[checkpoint.size] = cosigned
        if len(self._given) > GIVEN_KEPT:
            del self._given[next(iter(self._given))]
        return self._after(Reply(caller, cosigned))

    def _decline(self, caller: Caller, refuse: Refuse) -> list[Effect]:
        return [Reply(caller, Declined(self.setup.origin, self.size, refuse))]

    def _found(self, evidence: Evidence) -> list[Effect]:
        found = Found(evidence.data)
        self._become_known(found)
        return [self._persist(found), *self._after(found)]

    def _become_known(self, found: Found) -> None:
        self.evidence = found
        why = "the log has signed two checkpoints that cannot both be"
        hint = "Ask for the evidence; the members have to end the epoch."
        self._frozen = self._frozen or Refuse(EVIDENCE, why, hint)

    def _freeze(self, refuse: Refuse, caller: Caller) -> list[Effect]:
        written: list[Effect] = []
        if self._frozen is None:
            self._frozen = refuse
            written.append(self._persist(Frozen(refuse)))
        return written + self._after(*self._decline(caller, self._frozen))

    def _not_closing(self, closing: Checkpoint) -> Refuse | None:
        if self.is_stopped:
            return Refuse("mirror.stopped", "the mirror's storage failed", "Ask again in some seconds.")
        if closing.origin != self.setup.origin or not closing.extensions:
            return Refuse(
                "closing.origin", "this does not end the origin that is mirrored", "Write it as `epochs` does."
            )
        if self._frozen is None:
            return Refuse("closing.open", "the member still cosigns this origin", "Have it freeze first.")
        if self._closed and self._closed != closing.text:
            return Refuse("closing.another", "the member has cosigned another end of this origin", "Ask for that.")
        if (closing.size, closing.root) != (self.size, self.root):
            why = f"it ends the origin at {closing.size}, this member holds {self.size}, or another root"
            return Refuse("closing.size", why, "End it at what a quorum holds, and bring it to the others first.")
        return None

    def _replay(self, record: Record) -> None:
        match record:
            case Taken(block):
                self._retake(block)
            case Filled(entries):
                frontier = self._frontier.extended(map(leaf_hash, entries))
                if self._filled(record, frontier) is not None:
                    raise LedgerError("the contract does not take what the mirror's journal says it took")
            case Frozen(refuse):
                self._frozen = refuse
            case Closed(text):
                self._closed = text
            case Found():
                self._become_known(record)

    def _retake(self, block: Block) -> None:
        """A block that was verified before it was written: hashes and rules again, and no signatures of submitters."""
        note = SignedNote.parse(block.note)
        *leaves, state = self._reader.leaves(block.entries)
        hashes = leaf_hashes(block.entries)
        frontier, tops = self._frontier.grown(hashes, TILE_HEIGHT)
        numbers = {slip.key: slip.number for slip in block.slips}
        verified = _Verified(leaves, state, Hashed(hashes, tops), frontier, numbers)
        if Checkpoint.parse(note.text).root != frontier.root or self._replayed(verified) is not None:
            raise LedgerError("a block of the mirror's journal is not one that it took")
        self._take(note, frontier, verified.numbers)
