"""What a mirror writes into its journal, and what it knows beside that at the end of a block."""

from __future__ import annotations

from msgspec import Struct

from tidewaiter.ledger.effects import Block, Found, Refuse


class Taken(Struct, frozen=True, tag="taken"):
    """A record of the journal: a block that was verified, and whether its checkpoint may be cosigned."""

    block: Block


class Filled(Struct, frozen=True, tag="filled"):
    """A record of the journal: entries that were read out of tiles; with the checkpoint, where they lead up to it."""

    entries: tuple[bytes, ...]
    note: bytes


class Frozen(Struct, frozen=True, tag="frozen"):
    """A record of the journal: nothing more of this origin is cosigned, and why."""

    refuse: Refuse


class Closed(Struct, frozen=True, tag="closed"):
    """A record of the journal: the checkpoint with which the origin ends, as it is cosigned."""

    text: str


Record = Taken | Filled | Frozen | Closed | Found


class Memory(Struct, frozen=True):
    """What a mirror knows behind a block beside the contract's state and the edge of the log; `resuming` tells what for."""

    numbers: dict[str, int]
    notes: dict[int, bytes]
    frozen: Refuse | None
    closed: str
    evidence: bytes
    seen: tuple[str, ...] | None
