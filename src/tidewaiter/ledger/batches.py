"""What a member hands in: a batch of entries under one signature, and the promise it gets back.

A signature on every entry would be the limit of the whole network, so one is made over the hash of a batch. Batches of a
key have running numbers from 1 on, without gaps: what was handed in once cannot be handed in again, and nothing
comes before what it follows. The number runs on over the origins of a network.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Protocol

from msgspec import Meta, Struct, structs

from tidewaiter.ledger.keys import KeyType, SignerKey, VerifierKey
from tidewaiter.ledger.leaves import Leaf, key_number
from tidewaiter.ledger.merkle import leaf_hash, leaf_hashes, root_of
from tidewaiter.ledger.wire import written_base64

ENTRIES_MAX: Final = 1000
"""Entries of a batch, and of a block without the entry that closes it."""
BATCH_BYTES_MAX: Final = 4_000_000
STATE: Final = "state"
"""The type of the entry that closes a block; only the sequencer writes it."""


class Refusal(Protocol):
    """Why the contract does not take an entry."""

    @property
    def code(self) -> str:
        """For machines."""

    @property
    def why(self) -> str:
        """In words, for whoever handed the entry in."""

    @property
    def hint(self) -> str:
        """What they can do."""


class Rules(Protocol):
    """The contract with the state it has come to: what sequencer and mirrors replay alike.

    Every entry goes through `apply` or `take`; that which closes a block too, after `root` was asked for it.
    """

    def apply(self, leaf: Leaf) -> Refusal | None:
        """Take an entry into the state; where it is refused, why, and the state is as it was."""

    def take(self, leaves: Sequence[Leaf]) -> Sequence[tuple[int, Refusal]]:
        """Take entries one after another; those that are refused, by their places, are as if they had not been there."""

    def root(self) -> bytes:
        """The hash over the whole state."""

    def mark(self) -> None:
        """From here on, remember what changes, until `undo` or `keep`."""

    def undo(self) -> None:
        """Be as at the mark: a block has turned out to be wrong."""

    def keep(self) -> None:
        """Forget the mark: what changed since counts."""


class RefusedEntry(Struct, frozen=True):
    """An entry of an admitted batch that is not in the log: its place in the batch, from 0, and why."""

    place: int
    code: str
    why: str
    hint: str


class Slip(Struct, frozen=True):
    """What shows that a submitter signed for entries of a block.

    The next `count` entries of the block, and the leaf hashes of those `refused` at their places, make the batch
    with this signature.
    """

    key: str
    number: int
    count: int
    signature: bytes
    refused: Annotated[tuple[tuple[int, bytes], ...], Meta(max_length=ENTRIES_MAX)] = ()

    @property
    def line(self) -> str:
        """The slip in one writing, as the entry that closes its block is bound to it."""
        refused = "".join(f" {place}:{written_base64(each)}" for place, each in self.refused)
        return f"{self.key} {self.number} {self.count} {written_base64(self.signature)}{refused}"

    def root(self, leaf_hashes: Sequence[bytes]) -> bytes:
        """The hash that was signed, out of the hashes of the entries that were taken."""
        hashes = list(leaf_hashes)
        for place, each in self.refused:
            hashes.insert(place, each)
        return signed_root(hashes)


class Batch(Struct, frozen=True, tag="batch"):
    """Entries that a submitter hands in; `key` is the number of its key, as its entries have it as their actor."""

    origin: str
    key: str
    number: int
    entries: tuple[bytes, ...]
    signature: bytes


class Promise(Struct, frozen=True, tag="promise"):
    """That a batch is durably admitted: where its entries stand, or why some do not. Signed by the log."""

    origin: str
    key: str
    number: int
    first: int
    count: int
    root: bytes
    signature: bytes = b""
    refused: tuple[RefusedEntry, ...] = ()

    @property
    def message(self) -> bytes:
        """What is signed. `root` is that of the whole batch as it was handed in."""
        head = f"tidewaiter promise v1\n{self.origin}\n{self.key}\n{self.number}\n{self.first}\n{self.count}\n"
        return (head + f"{written_base64(self.root)}\n").encode()

    def signed(self, key: SignerKey) -> Promise:
        """The promise with the log's signature."""
        return structs.replace(self, signature=key.sign(self.message))

    def is_by(self, log: VerifierKey) -> bool:
        """Whether the log signed it."""
        return log.has_signed(self.message, self.signature)


def signed_root(leaf_hashes: Sequence[bytes]) -> bytes:
    """What stands for the entries of a batch where it is signed: SHA-256 over their leaf hashes, one after another.

    A tree over them would let a submitter prove that one entry was in a batch, which the log's own tree does; it would cost
    every member one hash for each entry.
    """
    return hashlib.sha256(b"".join(leaf_hashes)).digest()


def batch_message(origin: str, key: str, number: int, root: bytes) -> bytes:
    """What a submitter signs for a batch with this `signed_root`."""
    return f"tidewaiter batch v1\n{origin}\n{key}\n{number}\n{written_base64(root)}\n".encode()


def write_batch(origin: str, key: SignerKey, number: int, entries: Sequence[bytes]) -> Batch:
    """A batch, signed with a key of type Ed25519."""
    actor = key_number(key.verifier.public)
    root = signed_root(leaf_hashes(entries))
    return Batch(origin, actor, number, tuple(entries), key.sign(batch_message(origin, actor, number, root)))


def has_signed(keys: Mapping[str, bytes], slip: Slip, origin: str, root: bytes) -> bool:
    """Whether the key of this number, among public keys of Ed25519, signed a batch with this root."""
    public = keys.get(slip.key)
    if public is None:
        return False
    message = batch_message(origin, slip.key, slip.number, root)
    return VerifierKey(slip.key, KeyType.ED25519, public).has_signed(message, slip.signature)


def slips_root(slips: Sequence[Slip]) -> bytes:
    """What the entry that closes a block commits to: the root over its slips."""
    return root_of(leaf_hash(slip.line.encode()) for slip in slips)


def state_entry(actor: str, at: int, state_root: bytes, slips: Sequence[Slip]) -> bytes:
    """The entry that closes a block: the state all before it has led to, and who signed for what is in it."""
    facts: dict[str, str | int] = {"root": state_root.hex()}
    commitment = slips_root(slips).hex()
    return Leaf(actor=actor, at=at, commitment=commitment, facts=facts, scope=actor, type=STATE).entry()
