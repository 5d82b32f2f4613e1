"""The contract that a network begins with, and the statements of governance that its entries stand for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.contracts import Contract, Refusal, State
from tidewaiter.ledger.contracts.statements import Statement
from tidewaiter.ledger.contracts.vocabulary import GOVERNING
from tidewaiter.ledger.effects import Refuse
from tidewaiter.ledger.entries import Entries
from tidewaiter.ledger.leaves import Leaf
from tidewaiter.ledger.merkle import range_hash
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.network.charter import Charter, CharterError
from tidewaiter.network.files import write_durably
from tidewaiter.network.tile_folder import TileFolder

_ENDS: Final = tuple(f'"type":"{name}"}}'.encode() for name in sorted(GOVERNING))
"""How an entry of governance ends, in its one writing."""
_ENDINGS: Final = tuple(each.decode() for each in _ENDS)


REPLAYED: Final = 4096
_BY_SIGNATURES: Final = frozenset(
    {"statement.signed", "statement.quorum", "key.new", "key.rotated", "key.vouched", "settled.once"}
)
"""The rules that other signatures under the same statement may meet."""


def first_contract(charter: Charter, statements: Mapping[str, bytes]) -> Contract:
    """The contract as it stands before the first entry of a network, from the charter of its first origin."""
    return Contract(State.begin(charter.genesis), statements)


def followed(contract: Contract, tiles: TileFolder, charter: Charter) -> Contract:
    """The contract with which an origin begins that follows another one, of which it is given the beginning and the tiles.

    Raises CharterError where what is held is not what the origin before was closed with.
    """
    assert charter.follows is not None, "the first origin follows none"
    closing = Checkpoint.parse(SignedNote.parse(charter.follows.closing).text)
    if tiles.size < closing.size or range_hash(tiles.nodes(closing.size), 0, closing.size) != closing.root:
        raise CharterError(f"“{closing.origin}” was closed with other entries than are held here")
    for start in range(0, closing.size, REPLAYED):
        for entry in tiles.entries(start, min(start + REPLAYED, closing.size)):
            if contract.apply(Leaf.parse(entry)) is not None:
                raise CharterError(f"the contract does not take an entry of “{closing.origin}” that it took")
    return Contract(contract.state.following(charter.origin, closing.root), contract.statements)


def named_in(entries: Entries) -> list[str]:
    """The commitments of those entries of a block that stand for a statement."""
    if not entries.plain and not any(behind.endswith(_ENDINGS) for _, _, behind in entries.kinds):  # as nearly always
        return []
    return [Leaf.parse(entry).commitment for entry in entries if entry.endswith(_ENDS)]


def unsigned_in(contract: Contract, entries: Entries) -> Refusal | None:
    """Why the contract would not take the next block for signatures that are missing under a statement, or too many; None
    where that is not so.

    What a log signs binds a statement, not who has signed it, so this can be the fault of whoever sent the block; so may be
    another state, since who vouched for a key is kept. The contract is as it was. Raises LedgerError for what are no entries.
    """
    *leaves, closing = [Leaf.parse(entry) for entry in entries.written]
    contract.mark()
    try:
        refused = contract.take(leaves)
        root = contract.root().hex()
    finally:
        contract.undo()
    if not refused and closing.facts.get("root") != root:
        return Refusal("state.root", "these signatures lead to another state than the log came to", "")
    return next((refusal for _, refusal in refused[:1] if refusal.code in _BY_SIGNATURES), None)


def unsigned(contract: Contract, entries: Entries) -> Refuse | None:
    """Why a block is to be sent again with other signatures: nobody is to freeze a mirror by leaving some out."""
    try:
        refusal = unsigned_in(contract, entries)
    except LedgerError:
        return None
    if refusal is None:
        return None
    why = f"a statement is not signed as it takes: {refusal.why} ({refusal.code})"
    return Refuse("block.unsigned", why, "Send the block with the signatures with which the log took it.")


class Shelf(Mapping[str, bytes]):
    """Statements by the commitment of their entry, each in a file of its own; on disk before an entry may need it.

    The body is what a commitment binds, not who has signed. Until an entry in a log stands for a statement, the same body with
    other signatures takes its place; from then on it stays, since whoever replays the log has to find the same signatures.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._kept = {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}
        self._in_log: set[str] = set()

    def put(self, statement: bytes) -> str:
        """Keep a statement; the commitment that an entry names it by. Raises DiskError, LedgerError for what is none."""
        commitment = Statement.parse(statement).commitment
        if commitment not in self._in_log and self._kept.get(commitment) != statement:
            write_durably(self._folder / commitment, statement)
            self._kept[commitment] = statement
        return commitment

    def hold(self, commitments: Iterable[str]) -> None:
        """Entries in a log stand for these: they are not changed any more."""
        self._in_log.update(commitments)

    def is_held(self, commitment: str) -> bool:
        """Whether an entry in a log stands for a statement."""
        return commitment in self._in_log

    def in_log(self, kind: str) -> Iterator[Statement]:
        """The statements of a type that entries in a log stand for, in no order."""
        sought = f'"type":"{kind}"'.encode()
        for commitment in self._in_log:
            data = self._kept.get(commitment, b"")
            if sought in data:
                yield Statement.parse(data)

    @property
    def is_settled(self) -> bool:
        """Whether entries in a log stand for all that is kept."""
        return self._in_log.issuperset(self._kept)

    def __getitem__(self, commitment: str) -> bytes:
        return self._kept[commitment]

    def __iter__(self) -> Iterator[str]:
        return iter(self._kept)

    def __len__(self) -> int:
        return len(self._kept)
