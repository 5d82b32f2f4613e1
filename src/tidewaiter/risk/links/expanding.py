"""From a seizure to what is tied to it: breadth first over shared keys, a bounded way and a bounded number of parcels.

A key that very many parcels share (a marketplace, a depot's address) is no evidence and is not followed. What a step is
worth, from 0 to 100, falls with the number of parcels that share the key: that of its kind where two
share it, half of that from nine on, a third from sixty-five on were it followed so far. A way is worth the product of its steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from tidewaiter.risk.links.keys import WORDS, LinkKey, LinkKind

DEGREE_MAX: Final = 50  # parcels that may share a key for it to be followed
DEPTH_MAX: Final = 2
LINKED_MAX: Final = 1_000
WORTH: Final = {
    LinkKind.PHONE: 90,
    LinkKind.EMAIL: 90,
    LinkKind.PAYMENT: 90,
    LinkKind.DEVICE: 90,
    LinkKind.ADDRESS: 70,
    LinkKind.CONSIGNOR: 60,
    LinkKind.NETWORK: 50,  # a workplace, a dormitory or a carrier's gate has one for many
}
_BITS_PER_HALF: Final = 3  # eight times as many


class Step(Struct, frozen=True, gc=False):
    """From one parcel to the next by a key that `degree` parcels share."""

    kind: LinkKind
    from_id: int
    degree: int


class Linked(Struct, frozen=True):
    """A parcel tied to the one that was begun with: the way to it, and what the way is worth, 0 to 100."""

    declaration_id: int
    path: tuple[Step, ...]
    strength: int

    def words(self, name: Callable[[int], str]) -> str:
        """The way in words; `name` gives what a parcel is called."""
        return ", which has the ".join(f"{WORDS[step.kind]} as {name(step.from_id)}" for step in reversed(self.path))


Keys = Mapping[int, Sequence[LinkKey]]
Sharing = Mapping[LinkKey, Sequence[int]]


class Neighbours(Struct, frozen=True):
    """How a graph is asked: the keys of parcels, and the parcels that share keys (one more than `DEGREE_MAX` will do)."""

    keys_of: Callable[[Sequence[int]], Keys]
    sharing: Callable[[Sequence[LinkKey]], Sharing]


def step_worth(kind: LinkKind, degree: int) -> int:
    """What a shared key is worth, 0 to 100; 0 where too many share it, or it ties nothing together."""
    if not 2 <= degree <= DEGREE_MAX:
        return 0
    return WORTH.get(kind, 0) * _BITS_PER_HALF // (_BITS_PER_HALF + (degree - 1).bit_length() - 1)


def expand(
    start: int, neighbours: Neighbours, *, depth: int = DEPTH_MAX, limit: int = LINKED_MAX
) -> tuple[Linked, ...]:
    """The parcels tied to `start`, by falling strength and then number; at most `limit`, the nearest first."""
    found: dict[int, Linked] = {}
    reached = {start: Linked(start, (), 100)}
    asked: set[LinkKey] = set()
    for _ in range(depth):
        keys = neighbours.keys_of(sorted(reached))
        new_keys = sorted({key for each in keys.values() for key in each if key.kind in WORTH} - asked)
        sharing = neighbours.sharing(new_keys) if new_keys else {}
        asked.update(new_keys)
        following: dict[int, Linked] = {}
        for candidate in _steps(reached, keys, sharing):
            number = candidate.declaration_id
            if number == start or number in found:
                continue
            if number not in following or _order(candidate) < _order(following[number]):
                following[number] = candidate
        kept = sorted(following.values(), key=_order)[: limit - len(found)]
        reached = {each.declaration_id: each for each in kept}
        found |= reached
        if not reached or len(found) >= limit:
            break
    return tuple(sorted(found.values(), key=_order))


def _steps(reached: Mapping[int, Linked], keys: Keys, sharing: Sharing) -> Iterable[Linked]:
    for number, before in reached.items():
        for key in keys.get(number, ()):
            others = sharing.get(key, ())
            worth = step_worth(key.kind, len(others))
            if not worth:
                continue
            step = Step(key.kind, number, len(others))
            for other in others:
                if other != number:
                    yield Linked(other, (*before.path, step), before.strength * worth // 100)


def _order(linked: Linked) -> tuple[int, int, tuple[tuple[str, int], ...]]:
    return -linked.strength, linked.declaration_id, tuple((step.kind.value, step.from_id) for step in linked.path)
