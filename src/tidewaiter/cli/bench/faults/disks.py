"""A disk that holds one journal: what was appended and not synced may be lost or torn when its member crashes."""

from __future__ import annotations

from tidewaiter.simulation.chance import Chance


class DiskError(Exception):
    """The disk did not do as it was told: it is full, or syncing failed."""


class Disk:
    """A file on a disk. `is_full` and `is_failing` are set and cleared from outside."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance
        self._data = bytearray()
        self.synced = 0
        self.is_full = self.is_failing = False

    def __len__(self) -> int:
        return len(self._data)

    def append(self, data: bytes) -> None:
        """Write at the end. Raises DiskError where the disk is full; a part may be written then."""
        if self.is_full:
            self._data += data[: self._chance.below(len(data))]
            raise DiskError("no space left on the disk")
        self._data += data

    def sync(self, length: int) -> None:
        """Everything up to this length is on the disk for good. Raises DiskError; nobody knows then what is."""
        if self.is_failing:
            raise DiskError("the disk did not take what was written")
        self.synced = max(self.synced, min(length, len(self._data)))

    def crash(self) -> None:
        """The power goes: of what was not synced some is left, and some of that may be torn."""
        kept = self._chance.between(self.synced, len(self._data))
        torn = self._chance.between(self.synced, kept) if self._chance.happens(300_000) else kept
        del self._data[kept:]
        self._data[torn:kept] = bytes(kept - torn)

    def read(self) -> bytes:
        """All that is there."""
        return bytes(self._data)

    def recover(self, length: int) -> None:
        """Cut off what is torn, and sync the rest, as whoever starts again does."""
        del self._data[length:]
        self.synced = length
