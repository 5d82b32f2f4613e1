"""A small contract for the simulation: release needs an assessment before it, and a scope is released once."""

from __future__ import annotations

import hashlib

from msgspec import Struct

from tidewaiter.ledger.leaves import Leaf


class Breach(Struct, frozen=True):
    """Why an entry is not taken."""

    code: str
    why: str
    hint: str


class SmallRules:
    """The rules with their state: what each scope has come to, and a hash over the way there."""

    def __init__(self) -> None:
        self._assessed: set[str] = set()
        self._released: set[str] = set()
        self._root = bytes(32)

    def apply(self, leaf: Leaf) -> Breach | None:
        """Take an entry; or why not."""
        if leaf.type == "released":
            if leaf.scope not in self._assessed:
                return Breach("contract.unassessed", "nothing was assessed before", "Assess it first.")
            if leaf.scope in self._released:
                return Breach("contract.released", "it is released already", "Release it once.")
            self._released.add(leaf.scope)
        elif leaf.type == "assessed":
            self._assessed.add(leaf.scope)
        self._root = hashlib.sha256(self._root + leaf.entry()).digest()
        return None

    def root(self) -> bytes:
        """The hash over the state."""
        return self._root


class NoRules(SmallRules):
    """What a sequencer has that takes anything: it says that release was lawful."""

    def apply(self, leaf: Leaf) -> Breach | None:
        """Take anything."""
        refused = super().apply(leaf)
        if refused is not None:
            self._root = hashlib.sha256(self._root + leaf.entry()).digest()
        return None
