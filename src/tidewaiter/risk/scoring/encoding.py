"""Back-off encodings over arrays: the rate of what is not in order among comparables, from the narrowest level that is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct


class Learnt(Struct, frozen=True):
    """What rates are learnt from: labels (0 or 1) and weights of shape (rows,), and the positions of the rows that count."""

    labels: Any
    weights: Any
    at: Any


def backed_off(levels: Sequence[tuple[Any, int]], learnt: Learnt, base: float, strength: int) -> list[tuple[Any, Any]]:
    """Rates (shares of 1) and numbers of comparables by code, for each level in the order given, from narrow to wide.

    A level is its codes, of shape (rows,), and how many there are. Each is trusted as far as it has comparables, the wider
    one counting as `strength` of them; behind the widest stands `base`.
    """
    import numpy as np

    at, found = learnt.at, []
    wider: Any = None
    for code, size in reversed(levels):
        parent = np.full(size, base)
        if wider is not None:
            parent[code] = wider[0][wider[1]]
        seen = np.bincount(code[at], learnt.weights[at], size)
        bad = np.bincount(code[at], learnt.weights[at] * learnt.labels[at], size)
        rate = (bad + strength * parent) / (seen + strength)
        found.append((rate, np.bincount(code[at], minlength=size)))
        wider = (rate, code)
    return found[::-1]
