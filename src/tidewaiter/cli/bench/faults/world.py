"""Time, and the network between members: events in one queue, drawn from one seed."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct, structs

from tidewaiter.ledger.batches import Batch, Promise
from tidewaiter.ledger.effects import Block, Declined, Message, Refuse
from tidewaiter.simulation.chance import Chance

BEGINNING: Final = 1_800_000_000_000
"""Milliseconds since 1970 at which the simulated clocks begin."""


_WRITE: Final = msgspec.msgpack.Encoder().encode
_READ: Final = msgspec.msgpack.Decoder(Message).decode


class Node(Protocol):
    """Whoever has a name in the network."""

    name: str

    def take(self, sender: str, message: Any) -> None:
        """A message has arrived."""


class Stated(Struct, frozen=True):
    """A batch or block as it travels, with the statements that entries of it stand for, and what made those before final."""

    carried: Batch | Block
    statements: tuple[bytes, ...] = ()
    settled: bytes = b""


class Weather(Struct):
    """What the network does to messages: shares of a million that are dropped or doubled, and the longest delay in ms."""

    drop: int = 0
    double: int = 0
    delay: int = 10


class World:
    """The queue of what is to happen, the network, and the clocks. `seen` is told each message that is sent."""

    def __init__(self, chance: Chance, weather: Weather) -> None:
        self.now = 0
        self.chance, self.weather = chance, weather
        self.nodes: dict[str, Node] = {}
        self.skew: dict[str, int] = {}
        self.cut: set[str] = set()
        self.tally: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.seen: Callable[[str, str, Any], None] = lambda *_: None
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._serial = 0

    def clock(self, name: str) -> int:
        """What this member believes the time to be, in milliseconds since 1970."""
        return BEGINNING + self.now + self.skew.get(name, 0)

    def after(self, delay: int, action: Callable[[], None]) -> None:
        """Let something happen after so many milliseconds."""
        self._serial += 1
        heapq.heappush(self._queue, (self.now + delay, self._serial, action))

    def every(self, period: int, action: Callable[[], None]) -> None:
        """Let something happen again and again."""

        def again() -> None:
            action()
            self.after(period, again)

        self.after(self.chance.between(1, period), again)

    def send(self, sender: str, to: str, message: Any) -> None:
        """Put a message on its way, as bytes, through the weather."""
        if isinstance(message, Stated):
            message = structs.replace(message, carried=_READ(_WRITE(message.carried)))
        elif isinstance(message, Message):
            message = _READ(_WRITE(message))
        self.seen(sender, to, message)
        refuse = message.refuse if isinstance(message, Declined) else message
        if isinstance(refuse, Refuse):
            self.refusals[refuse.code] += 1
        if isinstance(message, Promise):
            self.refusals.update(each.code for each in message.refused)
        self.tally["messages"] += 1
        for _ in range(2 if self.chance.happens(self.weather.double) else 1):
            if self.chance.happens(self.weather.drop):
                self.tally["dropped"] += 1
            else:
                self.after(self.chance.between(1, self.weather.delay), lambda: self._arrive(sender, to, message))

    def _arrive(self, sender: str, to: str, message: Any) -> None:
        if (sender in self.cut) != (to in self.cut):
            self.tally["dropped"] += 1
        elif to in self.nodes:
            self.nodes[to].take(sender, message)

    def run(self, until: int, done: Callable[[], bool]) -> None:
        """Let everything happen up to a moment, or until it is done."""
        while self._queue and self.now < until:
            at, _, action = heapq.heappop(self._queue)
            if at // 100 != self.now // 100 and done():
                return
            self.now = at
            action()
