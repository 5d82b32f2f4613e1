"""What is in use for targeting: which published rules, lists and models decide, and which are on trial, and since when.

What is published never changes: a part is named by the digest of its content. What changes is which parts are in use.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, Protocol

from msgspec import Struct

from tidewaiter.risk.knowledge import Part, PartKind

EVERYWHERE: Final = ""  # in the place of a jurisdiction


class PartInUse(Struct, frozen=True, kw_only=True):
    """A part that decides, or is on trial, in a jurisdiction ("": in all), and who put it there."""

    part: Part
    jurisdiction_code: str
    since: datetime
    actor: str
    words: str = ""


class Change(Struct, frozen=True, kw_only=True):
    """Something put in use or taken out of use: the part of a kind and name, in one jurisdiction or everywhere.

    At most one part of a kind and name decides in a jurisdiction, and at most one is on trial there; the one before
    goes out of use. `digest` is None where nothing takes its place.
    """

    kind: PartKind
    name: str
    digest: str | None
    is_shadow: bool = False
    jurisdiction_code: str = EVERYWHERE


class Parts(Protocol):
    """What targeting needs of the store."""

    def version(self) -> int:
        """The number of the last change; 0 where there was none."""

    def in_use(self) -> tuple[PartInUse, ...]:
        """Every part in use, by jurisdiction, kind and name."""

    def change(self, changes: tuple[Change, ...], *, actor: str, words: str, at: datetime) -> int:
        """Make these changes together; the number of the last change now. Raises NotFoundError for a content not kept."""


class Library(Protocol):
    """Where parts and contents are found; a store is one."""

    @property
    def parts(self) -> Parts:
        """Which parts are in use."""

    def knowledge(self, digest: str) -> bytes:
        """The content kept under a digest. Raises NotFoundError."""


class InUse(Struct, frozen=True):
    """The parts in use and where their contents come from. Sent to another process it brings the way to the contents."""

    parts: tuple[PartInUse, ...] = ()
    contents: Callable[[str], bytes] | None = None
    version: int = 0  # of the last change

    def of(self, jurisdiction_code: str) -> tuple[Part, ...]:
        """Those of a jurisdiction: its own, and everybody's of which it has none of its own."""
        found = {
            (each.part.kind, each.part.name, each.part.is_shadow): each.part
            for code in (EVERYWHERE, jurisdiction_code)
            for each in self.parts
            if each.jurisdiction_code == code
        }
        return tuple(found[key] for key in sorted(found))


NOTHING_IN_USE: Final = InUse()


def in_use(library: Library) -> InUse:
    """What is in use as it stands in a store."""
    version = library.parts.version()
    return InUse(library.parts.in_use(), library.knowledge, version) if version else NOTHING_IN_USE
