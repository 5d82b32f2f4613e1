"""The sequencer as a machine: it admits batches, seals blocks, signs checkpoints and gathers cosignatures (ADR 35).

How it is driven (`effects` tells what the effects ask for). Moments are milliseconds since 1970:

    sequencer = Sequencer.recovered(setup, rules, whole_records(journal)[0])   # also for an empty journal
    for effect in sequencer.submit(batch, caller, now): …                      # a member hands in a batch
    for effect in sequencer.receive(member, message, now): …                   # a mirror's Cosigned or Declined
    for effect in sequencer.tick(now): …                                       # every 20 ms or so
    for effect in sequencer.synced(upto): …                                    # after the journal was synced

What it holds to, whatever fails: a promise is sent when its batch is on disk; a checkpoint is sent when the block it
signs is on disk, so that no second one of its size is ever signed; a batch handed in again is answered as before and
counts once; a block ends where an entry of governance stands, so that everybody verifies what follows with the keys that
count from then on. A checkpoint is final when the policy's quorum has cosigned just it. `rules` must be as they were when the
origin began: the journal's entries are applied to them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec
from msgspec import Struct, field, structs

from tidewaiter.ledger import admitting
from tidewaiter.ledger.admitting import AHEAD_SECONDS, Handed
from tidewaiter.ledger.batches import ENTRIES_MAX, Batch, Promise, Refusal, RefusedEntry, Rules, Slip, state_entry
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.contracts.vocabulary import GOVERNING
from tidewaiter.ledger.effects import (
    Block,
    Caller,
    Cosigned,
    Declined,
    Durable,
    Effect,
    FinalCheckpoint,
    Hashed,
    Refuse,
    Reply,
    Send,
)
from tidewaiter.ledger.entries import Entries, EntryReader
from tidewaiter.ledger.following import Followers
from tidewaiter.ledger.keys import SignerKey, VerifierKey
from tidewaiter.ledger.leaves import BUCKET_SECONDS, Leaf, key_number
from tidewaiter.ledger.merkle import Frontier, leaf_hash, leaf_hashes
from tidewaiter.ledger.notes import NoteSignature, SignedNote
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.resuming import Resumed
from tidewaiter.ledger.signing import check, sign
from tidewaiter.ledger.tiles import TILE_HEIGHT
from tidewaiter.ledger.verdict import LedgerError

SEAL_MS: Final = 200
PROMISES_KEPT: Final = 64
"""Promises of a submitter that are given again where its batch comes again; older ones can be read in the log."""


class Limits(Struct, frozen=True):
    """When blocks are sealed, and how much may be under way."""

    entries: int = ENTRIES_MAX
    seal_ms: int = SEAL_MS
    unfinal_max: int = 5_000
    """Entries in the log that are not final, beyond which batches are put off: what waits here is what finality takes longer."""


class Start(Struct, frozen=True):
    """What a new origin takes over from the one before: the last running number of each submitter, and the log's own time, in
    seconds since 1970, behind which it does not go."""

    numbers: dict[str, int] = field(default_factory=dict)
    at: int = 0


class Setup(Struct):
    """Who the sequencer is and whom it knows. `mirrors` are the names of the policy's witnesses that are sent blocks.

    `submitters` are public keys of Ed25519 by their number, those that the rules know; it may be a view of them.
    """

    origin: str
    key: SignerKey
    policy: Policy
    mirrors: tuple[str, ...]
    submitters: Mapping[str, bytes]
    limits: Limits = Limits()
    start: Start = Start()


class Admitted(Struct, frozen=True, tag="admitted"):
    """A record of the journal: a batch was admitted, its entries from `first` on. `root` is what was signed."""

    slip: Slip
    first: int
    root: bytes
    entries: Entries
    refused: tuple[RefusedEntry, ...]


class Sealed(Struct, frozen=True, tag="sealed"):
    """A record of the journal: a block was sealed over all that was admitted before."""

    entry: bytes
    note: bytes


Record = Admitted | Sealed | FinalCheckpoint
_RECORDS: Final = msgspec.msgpack.Decoder(Record)


class Memory(Struct, frozen=True):
    """What a sequencer knows behind a block beside the contract's state and the edge of the log; `resuming` tells what for.

    `promises` are the last of each submitter, without entries; `open` are the checkpoints that are not final, as they were signed.
    """

    numbers: dict[str, int]
    promises: tuple[Admitted, ...]
    open: dict[int, bytes]
    final: FinalCheckpoint | None
    latest: int


class _Open(Struct):
    """A checkpoint that is not final yet, and whose keys have cosigned it."""

    note: SignedNote
    keys: set[VerifierKey]


class Sequencer(Durable):
    """One origin's sequencer. See the module for how it is driven and what it holds to."""

    def __init__(self, setup: Setup, rules: Rules) -> None:
        super().__init__()
        self.setup, self.followers = setup, Followers(setup.mirrors)
        self.final: FinalCheckpoint | None = None
        self.is_closed = False
        self.rules, self._actor = rules, key_number(setup.key.verifier.public)
        self._reader = EntryReader()
        self._sealed, self._hashes = Frontier(), list[bytes]()
        self._entries, self._slips, self._count, self._refused = list[Entries](), list[Slip](), 0, 0
        self._since: int | None = None
        self._is_governed, self._closed_at = False, setup.start.at
        self._numbers = dict(setup.start.numbers)
        self._promises: dict[str, dict[int, Admitted]] = {}
        self._open: dict[int, _Open] = {}
        self._sealing: list[tuple[int, Block, int]] = []
        self._wall = self._now = self._latest = self._awaited = 0

    @classmethod
    def recovered(
        cls, setup: Setup, rules: Rules, records: Iterable[bytes], resumed: Resumed[Memory] | None = None
    ) -> Sequencer:
        """The sequencer as the whole records of its journal have it, all of which are on disk; or those behind a block.

        Raises LedgerError for records that no journal of this origin holds.
        """
        machine = cls(setup, rules)
        if resumed is not None:
            machine._resume(resumed)
        for record in records:
            try:
                machine._replay(_RECORDS.decode(record))
            except msgspec.DecodeError as error:
                raise LedgerError("a record of the sequencer's journal cannot be read") from error
        for _, block, end in machine._sealing:
            machine.followers.add(block, end)
        machine._sealing.clear()
        machine.followers.ask()
        return machine

    @property
    def is_between_blocks(self) -> bool:
        """Whether it stands just behind a block: no batch is open, also none of which nothing was taken."""
        return not self._slips

    def memory(self) -> Memory:
        """What it knows beside the state; later changes do not show in it. Raises LedgerError where it is not just behind a block."""
        if not self.is_between_blocks:  # numbers of what is open are not in the log before the next block
            raise LedgerError("there are batches behind the last block")
        promises = tuple(each for kept in self._promises.values() for each in kept.values())
        opened = {size: SignedNote(each.note.text, each.note.signatures[:1]).data for size, each in self._open.items()}
        return Memory(dict(self._numbers), promises, opened, self.final, self._latest)

    def _resume(self, resumed: Resumed[Memory]) -> None:
        known, block = resumed.memory, resumed.block
        self._sealed, self._numbers = resumed.frontier, dict(known.numbers)
        for each in known.promises:
            self._promises.setdefault(each.slip.key, {})[each.slip.number] = each
        self._open = {size: _Open(SignedNote.parse(note), set()) for size, note in known.open.items()}
        self.final, self._latest, self._closed_at = known.final, known.latest, resumed.closed_at
        self._sealing.append((0, block, resumed.frontier.size))

    @property
    def size(self) -> int:
        """How many entries are admitted or sealed."""
        return self._sealed.size + self._count

    @property
    def final_size(self) -> int:
        """The size of the last final checkpoint; 0 before the first."""
        return self.final.size if self.final else 0

    @property
    def numbers(self) -> dict[str, int]:
        """The last running number of each submitter."""
        return dict(self._numbers)

    def submit(self, batch: Batch, caller: Caller, now: int) -> list[Effect]:
        """A batch is handed in: its promise, once it is on disk, or a refusal goes to the caller."""
        self._pass(now)
        # What comes next is put off before it is read: whoever is put off asks again soon, and often.
        is_next = batch.number == self._numbers.get(batch.key, 0) + 1
        refuse = self._unable() or (self._too_busy(len(batch.entries)) if is_next else None)
        if refuse:
            return [Reply(caller, refuse)]
        handed = admitting.read(batch, self.setup.origin, self.setup.submitters, self._wall, self._reader)
        if isinstance(handed, Refuse):
            return [Reply(caller, handed)]
        before = self._promises.get(batch.key, {}).get(batch.number)
        if before is not None and before.root == handed.root:
            return self._after(Reply(caller, self._promise(before)))
        refuse = self._out_of_order(batch)
        if refuse:
            return [Reply(caller, refuse)]
        over = self._count + len(batch.entries) > self.setup.limits.entries
        return (self._seal() if over else []) + self._admit(batch, handed, caller)

    def tick(self, now: int) -> list[Effect]:
        """Time has passed: seals what has waited long enough, and sends what was not answered again."""
        self._pass(now)
        if self.is_stopped:
            return []
        due = self._since is not None and self._now - self._since >= self.setup.limits.seal_ms
        sealed = self._seal() if due and not self.is_closed else []
        return sealed + self.followers.send(self._now)

    def receive(self, member: str, message: Cosigned | Declined | Refuse, now: int) -> list[Effect]:
        """A mirror's answer: finality where the quorum is met by it, and the blocks it is sent next."""
        self._pass(now)
        if self.is_stopped or isinstance(message, Refuse) or message.origin != self.setup.origin:
            return []
        effects: list[Effect] = []
        if isinstance(message, Cosigned):
            party = self.setup.policy.witnesses.get(member)
            if party is None:
                return []
            taken = self._cosigned(message, party.key)
            if isinstance(taken, Refuse):
                return [Send(member, taken)]
            effects += taken
        return effects + self.followers.heard(member, message, self._now)

    def cosignature(self, member: str, size: int, line: str) -> list[Effect]:
        """A cosignature that did not come from a mirror but, say, from a witness: its line. Wrong ones are passed over."""
        party = self.setup.policy.witnesses.get(member)
        taken = self._cosigned(Cosigned(self.setup.origin, size, line), party.key) if party else []
        return [] if isinstance(taken, Refuse) else taken

    def wait_for(self, size: int) -> None:
        """Take nothing more until the log is final up to a size, at which it ends: from there on another quorum counts."""
        self._awaited = size

    def resume(self, final: FinalCheckpoint) -> None:
        """Go on from a final checkpoint that was kept elsewhere, where the journal knows of none as large."""
        if final.size > self.final_size:
            self._become_final(final)

    def change(self, policy: Policy, mirrors: Iterable[str]) -> list[Effect]:
        """Believe another quorum and send to other mirrors from now on, as a statement that is final says."""
        before, after = set(self.setup.mirrors), tuple(mirrors)
        self.setup.policy, self.setup.mirrors = policy, after
        for name in before.difference(after):
            self.followers.leave(name)
        for name in after:
            self.followers.join(name)
        return self.followers.send(self._now)

    def close(self) -> list[Effect]:
        """Admit nothing more and seal what there is: an epoch is to end."""
        sealed = self.seal()
        self.is_closed = True
        return sealed

    def seal(self) -> list[Effect]:
        """Seal what there is, so that the machine stands just behind a block, unless the log has not begun."""
        return [] if self.is_stopped else self._seal()

    def synced(self, upto: int) -> list[Effect]:
        """What may be said now that the journal is on disk up to this `Persist`."""
        effects = super().synced(upto)
        ready = [each for each in self._sealing if each[0] <= upto]
        if ready and not self.is_stopped:
            self._sealing = self._sealing[len(ready) :]
            for _, block, end in ready:
                self.followers.add(block, end)
            effects += self.followers.send(self._now)
        return effects

    def _pass(self, now: int) -> None:
        """Let time pass: clocks are set back at times, and what is waited for must not wait for them to catch up."""
        self._now += max(0, now - self._wall) if self._wall else 0
        self._wall = now

    def _unable(self) -> Refuse | None:
        if self.is_stopped:
            why = "the sequencer cannot keep anything at the moment: its storage failed"
            return Refuse("sequencer.stopped", why, "Hand in the same again in some seconds.")
        if self.is_closed:
            why = f"the origin “{self.setup.origin}” takes nothing more: its epoch is ending"
            return Refuse("sequencer.closed", why, "Sign the batch for the next origin, under the same number.")
        return None

    def _out_of_order(self, batch: Batch) -> Refuse | None:
        due = self._numbers.get(batch.key, 0) + 1
        if batch.number == due:
            return None
        if batch.number > due:
            why = f"the batch has the number {batch.number}, the next of the key {batch.key} is {due}"
            return Refuse("batch.gap", why, f"Hand in number {due} first.", str(due))
        why = f"the number {batch.number} of the key {batch.key} is taken; the next is {due}"
        return Refuse("batch.replayed", why, "It counts once. What is new has a new number.", str(due))

    def _too_busy(self, count: int) -> Refuse | None:
        if self._is_governed:
            why = "a statement is in the log since before a restart, and its block is not sealed yet"
            return Refuse("sequencer.busy", why, "Hand in the same again in a second; nothing of it was taken.")
        if self.final_size < self._awaited:
            why = (
                f"members have decided on another quorum, and wait for the one before to cosign {self._awaited} entries"
            )
            return Refuse("sequencer.busy", why, "Hand in the same again in a second; nothing of it was taken.")
        waiting = self.size - self.final_size
        if waiting + count <= self.setup.limits.unfinal_max:
            return None
        why = f"{waiting} entries wait for the quorum; {self.setup.limits.unfinal_max} are the most"
        return Refuse("sequencer.busy", why, "Hand in the same again in a second; nothing of it was taken.")

    def _admit(self, batch: Batch, handed: Handed, caller: Caller) -> list[Effect]:
        refused = tuple(
            RefusedEntry(place, refusal.code, refusal.why, refusal.hint)
            for place, refusal in self.rules.take(handed.leaves)
        )
        out = {each.place for each in refused}
        leaves, entries = handed.leaves, handed.entries
        if out:
            leaves = [leaf for place, leaf in enumerate(leaves) if place not in out]
            entries = Entries.of(entry for place, entry in enumerate(batch.entries) if place not in out)
        self._latest = max([self._latest, *{leaf.at for leaf in leaves}])
        is_governed = not GOVERNING.isdisjoint([leaf.type for leaf in leaves])
        slip = Slip(
            batch.key, batch.number, len(entries), batch.signature, tuple((n, handed.hashes[n]) for n in sorted(out))
        )
        admitted = Admitted(slip, self.size, handed.root, entries, refused)
        self._hashes += [each for place, each in enumerate(handed.hashes) if place not in out] if out else handed.hashes
        self._take(admitted)
        written: list[Effect] = [self._persist(admitted)]
        written += self._after(Reply(caller, self._promise(admitted)))
        is_full = max(self._count, self._refused) >= self.setup.limits.entries
        return written + (self._seal() if is_full or is_governed else [])

    def _take(self, admitted: Admitted) -> None:
        slip = admitted.slip
        self._numbers[slip.key] = slip.number
        kept = self._promises.setdefault(slip.key, {})
        kept[slip.number] = structs.replace(admitted, entries=Entries())
        kept.pop(slip.number - PROMISES_KEPT, None)
        self._entries.append(admitted.entries)
        self._count += slip.count
        self._refused += len(slip.refused)
        self._slips.append(slip)
        if admitted.entries and self._since is None:
            self._since = self._now

    def _promise(self, admitted: Admitted) -> Promise:
        slip = admitted.slip
        origin, first, count = self.setup.origin, admitted.first, slip.count
        return Promise(origin, slip.key, slip.number, first, count, admitted.root, refused=admitted.refused).signed(
            self.setup.key
        )

    def _seal(self) -> list[Effect]:
        """Close the block; its checkpoint goes out once both are on disk."""
        if not self._slips:
            return []
        entry = state_entry(self._actor, self._moment(), self.rules.root(), self._slips)
        hashes = [*self._hashes, leaf_hash(entry)]
        frontier, tops = self._sealed.grown(hashes, TILE_HEIGHT)
        text = Checkpoint(self.setup.origin, frontier.size, frontier.root).text
        sealed = Sealed(entry, SignedNote(text, (sign(text, self.setup.key),)).data)
        refusal = self.rules.apply(Leaf.parse(entry))
        if refusal is not None and not self._count:  # nothing was taken: a log that follows another one has not begun
            return []
        self._close_block(sealed, frontier, refusal)
        return [self._persist(sealed, Hashed(hashes, tops))]

    def _moment(self) -> int:
        """The log's own time: it never goes back, nor is it behind its entries by more than they may be ahead."""
        at = self._wall // 1000
        return max(at - at % BUCKET_SECONDS, self._closed_at, self._latest - AHEAD_SECONDS)

    def _close_block(self, sealed: Sealed, frontier: Frontier, refusal: Refusal | None) -> None:
        if refusal is not None:
            raise LedgerError(f"the contract does not take the entry that closes a block: {refusal.why}")
        self._closed_at = Leaf.parse(sealed.entry).at
        block = Block(
            self._sealed.size,
            Entries.joined([*self._entries, Entries.of([sealed.entry])]),
            tuple(self._slips),
            sealed.note,
        )
        self._open[frontier.size] = _Open(SignedNote.parse(sealed.note), set())
        self._sealing.append((self._upto + 1, block, frontier.size))
        self._sealed, self._since, self._is_governed = frontier, None, False
        self._hashes, self._entries, self._slips, self._count, self._refused = [], [], [], 0, 0

    def _cosigned(self, message: Cosigned, key: VerifierKey) -> list[Effect] | Refuse:
        opened = self._open.get(message.size)
        kept = opened.note if opened else self._kept_note(message.size)
        if kept is None:
            why = f"no checkpoint of {message.size} entries was sent that cosignatures are still taken for"
            return Refuse("cosignature.unknown", why, "Cosign the last checkpoint that was sent.")
        try:
            signature = NoteSignature.parse(message.line.removesuffix("\n"))
        except LedgerError as error:
            return Refuse("cosignature.malformed", error.detail, "Send the line as notes have it.")
        if not check(SignedNote(kept.text, (signature,)), [key]).verdict:
            why = f"the cosignature on {message.size} entries is not by {key.name} over this checkpoint"
            return Refuse("cosignature.forged", why, "Cosign the checkpoint that was sent, with the key of the policy.")
        return self._counted(opened, message.size, key, signature) if opened else []

    def _kept_note(self, size: int) -> SignedNote | None:
        data = self.followers.note_at(size)
        return None if data is None else SignedNote.parse(data)

    def _counted(self, opened: _Open, size: int, key: VerifierKey, signature: NoteSignature) -> list[Effect]:
        if key in opened.keys:
            return []
        opened.keys.add(key)
        opened.note = opened.note.with_signatures(signature)
        if not self.setup.policy.is_met_by(opened.keys):
            return []
        final = FinalCheckpoint(size, opened.note.data)
        self._become_final(final)
        return [self._keep(final), final]

    def _become_final(self, final: FinalCheckpoint) -> None:
        self.final = final
        self._open = {size: each for size, each in self._open.items() if size > final.size}

    def _replay(self, record: Record) -> None:
        match record:
            case Admitted():
                leaves = self._reader.leaves(record.entries)
                if self.rules.take(leaves):
                    raise LedgerError("the contract does not take what the journal says it took")
                self._latest = max([self._latest, *(leaf.at for leaf in leaves)])
                self._is_governed = self._is_governed or not GOVERNING.isdisjoint([leaf.type for leaf in leaves])
                self._hashes += leaf_hashes(record.entries)
                self._take(record)
            case Sealed():
                frontier = self._sealed.extended([*self._hashes, leaf_hash(record.entry)])
                if Checkpoint.parse(SignedNote.parse(record.note).text).root != frontier.root:
                    raise LedgerError("the journal's entries do not lead to the checkpoint that it says was signed")
                self._close_block(record, frontier, self.rules.apply(Leaf.parse(record.entry)))
            case FinalCheckpoint(size) if size >= self.final_size:  # behind a snapshot's block may stand what it knows
                self._become_final(record)
