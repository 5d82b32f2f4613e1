"""How far each mirror has followed, and which blocks it is sent next: the sequencer's outgoing side."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from tidewaiter.ledger.effects import Block, Cosigned, Declined, Effect, Lagging, Send

BLOCKS_KEPT: Final = 512
"""Blocks that are kept in memory for mirrors that lag; who lags more catches up from tiles."""
WINDOW: Final = 32
"""Blocks that are on their way to one mirror at most."""
RESEND_MS: Final = 1000
"""How long an answer may take before what was sent is sent again."""
BEHIND: Final = frozenset({"block.gap", "block.older"})
"""Refusals that only tell how much a mirror holds."""


class _Follower(Struct):
    held: int = 0
    """What it says it holds; what it has cosigned is certain."""
    cosigned: int = 0
    sent: int = 0
    heard_at: int = 0
    reset_at: int = -RESEND_MS
    marked_at: int = -RESEND_MS
    refused: str = ""


class Followers:
    """All mirrors of one origin. Sizes are those of blocks' ends; a block is kept under where it begins."""

    def __init__(self, names: Iterable[str]) -> None:
        self._followers = {name: _Follower() for name in names}
        self._blocks: dict[int, tuple[Block, int]] = {}
        self._firsts: deque[int] = deque()
        self._notes: dict[int, bytes] = {}
        self.size = 0

    def held(self) -> dict[str, int]:
        """How much each is known to hold on its disk."""
        return {name: each.held for name, each in self._followers.items()}

    def refusing(self) -> dict[str, str]:
        """Who refuses to follow, and the code of the last refusal."""
        return {name: each.refused for name, each in self._followers.items() if each.refused}

    def join(self, name: str) -> None:
        """Send to this mirror too, from what it will say it holds."""
        self._followers.setdefault(name, _Follower())

    def leave(self, name: str) -> None:
        """Send nothing more to this mirror."""
        self._followers.pop(name, None)

    def add(self, block: Block, end: int) -> None:
        """A block that may be sent now: it is on disk."""
        self._blocks[block.first] = block, end
        self._firsts.append(block.first)
        self._notes[end] = block.note
        self.size = end
        if len(self._firsts) > BLOCKS_KEPT:
            _, oldest = self._blocks.pop(self._firsts.popleft())
            del self._notes[oldest]

    def note_at(self, size: int) -> bytes | None:
        """The checkpoint of a block that ends at this size, where it is still kept."""
        return self._notes.get(size)

    def ask(self) -> None:
        """Begin with the last block only, after a restart: each answers with what it holds."""
        for each in self._followers.values():
            each.held = each.sent = self._firsts[-1] if self._firsts else 0

    def send(self, now: int) -> list[Effect]:
        """The blocks that are due: new ones, and again those that nothing was heard of."""
        effects: list[Effect] = []
        for name, each in self._followers.items():
            if each.cosigned < self.size and now - each.heard_at >= RESEND_MS:
                each.held = min(each.held, self._firsts[-1])
                each.sent, each.heard_at = each.held, now
            effects += self._next(name, each, now)
        return effects

    def heard(self, name: str, said: Cosigned | Declined, now: int) -> list[Effect]:
        """What is sent on an answer of a mirror, whose cosignature was verified; a size beyond the log is passed over."""
        each = self._followers.get(name)
        if each is None or not 0 <= said.size <= self.size:
            return []
        each.heard_at = now
        if isinstance(said, Cosigned):
            each.refused = ""
            each.cosigned = max(each.cosigned, said.size)
            each.held = max(each.held, said.size)
            each.sent = max(each.sent, each.held)
        elif said.refuse.code not in BEHIND:
            each.refused = said.refuse.code
        elif said.size > each.held:
            each.held, each.refused = said.size, ""
            each.sent = each.held if said.refuse.code == "block.gap" else max(each.sent, each.held)
        elif said.refuse.code == "block.gap" and now - each.reset_at >= RESEND_MS // 4:
            each.held = each.sent = said.size
            each.reset_at = now
        return self._next(name, each, now)

    def _next(self, name: str, each: _Follower, now: int) -> list[Effect]:
        effects: list[Effect] = []
        if each.sent < self.size and each.sent not in self._blocks:
            return [Lagging(name, each.sent)] if self._marks(each, now) else []
        under_way = 0
        place = each.held
        while place < each.sent and place in self._blocks:
            under_way += 1
            place = self._blocks[place][1]
        if under_way == 0 and each.sent in self._blocks:
            each.heard_at = now
        while each.sent in self._blocks and under_way < WINDOW:
            block, each.sent = self._blocks[each.sent]
            under_way += 1
            effects.append(Send(name, block))
        return effects

    def _marks(self, each: _Follower, now: int) -> bool:
        """Whether a mirror's lag is to be told now, and not again within the time for sending again."""
        if now - each.marked_at < RESEND_MS:
            return False
        each.marked_at = now
        return True
