"""The eye that sees all: it follows what is sent and what members hold, and complains of what must never be.

Liars are taken at their worst: each is held to have signed everything, whether or not it was sent.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from tidewaiter.cli.bench.faults.members import MirrorMember
from tidewaiter.cli.bench.faults.roster import Roster
from tidewaiter.cli.bench.faults.world import Stated
from tidewaiter.ledger.batches import STATE
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.effects import Block, Cosigned, Declined, Refuse
from tidewaiter.ledger.keys import VerifierKey
from tidewaiter.ledger.leaves import Leaf
from tidewaiter.ledger.merkle import Frontier, leaf_hash
from tidewaiter.ledger.notes import NoteSignature, SignedNote
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.signing import check

Place = tuple[int, bytes]
"""A size and the root there."""
EMPTY: Place = (0, Frontier().root)


class Branch(Struct):
    """Where a block led: the edge there, the block, and where it began."""

    frontier: Frontier
    block: Block | None
    before: Place | None


class Observer:
    """All logs of one origin that its sequencers ever signed, and who cosigned what of them."""

    def __init__(self, origin: str, log: VerifierKey, policy: Policy, roster: Roster) -> None:
        self.origin, self.log, self.policy, self.roster = origin, log, policy, roster
        self.decided: dict[Place, str] = {}
        """The policy behind each block with a statement that an honest mirror took."""
        self.places: dict[Place, Branch] = {EMPTY: Branch(Frontier(), None, None)}
        self.texts: dict[int, set[str]] = {}
        self.cosigned: dict[Place, set[VerifierKey]] = {}
        self.largest: dict[str, Place] = {}
        self.final: list[Place] = []
        self.complaints: list[str] = []
        self.waiting: list[Block] = []

    def saw(self, sender: str, message: Any) -> None:
        """A message was sent."""
        refuse = message.refuse if isinstance(message, Declined) else message
        if isinstance(refuse, Refuse) and not (refuse.code and refuse.why and refuse.hint):
            self.complaints.append(f"a refusal does not say all: {refuse}")
        match message:
            case Stated(Block() as block):
                self.saw(sender, block)
            case Block() if sender.startswith(("sequencer", "twin")):
                self._saw_block(message)
            case Cosigned(origin, size, line) if origin == self.origin:
                self._saw_cosignature(sender.partition("/")[0], size, line)

    def _saw_block(self, block: Block) -> None:
        text = SignedNote.parse(block.note).text
        checkpoint = Checkpoint.parse(text)
        place = (checkpoint.size, checkpoint.root)
        if checkpoint.origin != self.origin or place in self.places:
            return
        if self._is_placed(block, place, text):
            waiting, self.waiting = self.waiting, []
            for each in waiting:
                self._saw_block(each)
        else:
            self.waiting.append(block)

    def _is_placed(self, block: Block, place: Place, text: str) -> bool:
        """Whether a block follows from one that was sent before; after a restart the last may be sent first."""
        hashes = [leaf_hash(entry) for entry in block.entries]
        for before, branch in list(self.places.items()):
            if before[0] == block.first:
                frontier = branch.frontier.extended(hashes)
                if (frontier.size, frontier.root) == place:
                    self.places[place] = Branch(frontier, block, before)
                    self.texts.setdefault(place[0], set()).add(text)
                    return True
        return False

    def _saw_cosignature(self, name: str, size: int, line: str) -> None:
        if name in self.roster.liars or name not in self.roster.cosigners:
            return
        found = self._text(name, size, line)
        if found is None:
            return
        text, key = found
        place = (size, Checkpoint.parse(text).root)
        known = self.cosigned.setdefault(place, set())
        if key in known:
            return
        known.add(key)
        before = self.largest.get(name, EMPTY)
        if not self.is_prefix(before, place):
            self.complaints.append(f"{name} cosigned {size} entries beside or below the {before[0]} it cosigned before")
        self.largest[name] = place
        if self.in_force(place).is_met_by(known | self.roster.keys_of_liars()):
            self._became_final(place)

    def in_force(self, place: Place) -> Policy:
        """The policy by which a place is judged: the last that was decided in a block before the one that ends there."""
        at = self.places[place].before
        while at is not None:
            if at in self.decided:
                return Policy.parse(self.decided[at].encode())
            at = self.places[at].before
        return self.policy

    def took(self, mirror: MirrorMember, checkpoint: Checkpoint) -> None:
        """An honest mirror took a block with a statement: all that do are led to the same policy by it."""
        place, policy = (checkpoint.size, checkpoint.root), mirror.contract.state.realm.policy
        if self.decided.setdefault(place, policy) != policy:
            self.complaints.append(f"{mirror.name} takes another quorum out of the first {place[0]} entries")

    def is_final(self, note: bytes) -> bool:
        """Whether a checkpoint that somebody took for final is."""
        checkpoint = Checkpoint.parse(SignedNote.parse(note).text)
        return (checkpoint.size, checkpoint.root) in self.final

    def _text(self, name: str, size: int, line: str) -> tuple[str, VerifierKey] | None:
        """The checkpoint that a line cosigns, and the key; None for one of these that attackers make up."""
        signature = NoteSignature.parse(line.removesuffix("\n"))
        for key in self.roster.cosigners[name]:
            for text in self.texts.get(size, ()):
                if check(SignedNote(text, (signature,)), [key.verifier]).verdict:
                    return text, key.verifier
        return None

    def _became_final(self, place: Place) -> None:
        for other in self.final:
            if not self.is_prefix(*sorted((other, place))):
                self.complaints.append(f"two final checkpoints conflict, of {other[0]} and {place[0]} entries")
        self.final.append(place)

    def is_prefix(self, shorter: Place, longer: Place) -> bool:
        """Whether the log at the one place began as that at the other."""
        at: Place | None = longer
        while at is not None and at[0] > shorter[0]:
            at = self.places[at].before
        return at == shorter

    def blocks(self, end: Place) -> list[Block]:
        """The blocks from the beginning up to a place."""
        found: list[Block] = []
        at: Place | None = end
        while at is not None:
            branch = self.places[at]
            if branch.block is not None:
                found.append(branch.block)
            at = branch.before
        return found[::-1]

    def entries(self, end: Place) -> list[bytes]:
        """The entries up to a place."""
        return [entry for block in self.blocks(end) for entry in block.entries]

    def latest(self) -> Place:
        """The largest final place."""
        return max(self.final, default=EMPTY)

    def check_restarted(self, mirror: MirrorMember) -> None:
        """What a mirror holds after it came back is no less than what it cosigned."""
        size, _ = self.largest.get(mirror.name.partition("/")[0], EMPTY)
        if mirror.machine.size < size:
            self.complaints.append(f"{mirror.name} came back with {mirror.machine.size} entries; it cosigned {size}")


def by_submitter(entries: list[bytes]) -> dict[str, list[tuple[str, str]]]:
    """What each actor said in the log, in order: kinds and commitments."""
    said: dict[str, list[tuple[str, str]]] = {}
    for entry in entries:
        leaf = Leaf.parse(entry)
        if leaf.type != STATE:
            said.setdefault(leaf.actor, []).append((leaf.type, leaf.commitment))
    return said
