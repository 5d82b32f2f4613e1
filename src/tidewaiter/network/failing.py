"""Places at which a member may be made to die, so that tests can ask what is left of what was acknowledged."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from typing import Final

FAIL_VARIABLE: Final = "TIDEWAITER_FAIL_AT"
POINTS: Final = (
    "journal.append",  # nothing of the record is in the file
    "journal.torn",  # half of it is
    "journal.sync",  # all of it is, and may still be lost with the machine
    "journal.synced",  # it is safe, and nobody has been told
    "file.write",  # a new file, under its temporary name, is empty
    "file.sync",  # … is whole, and not yet safe
    "file.rename",  # … is safe, and not yet in its place
    "folder.sync",  # … is in its place, and the place is not yet safe
    "fold.begin",  # tiles are written, and not yet safe
    "fold.tiles",  # they are safe, and how far is not said yet
    "snapshot.written",  # a snapshot is in its place, and those that it stands for are still there
)


class Failpoints:
    """Kills this process, as by `kill -9`, when it comes to a named place for the nth time; does nothing by default.

    Read from TIDEWAITER_FAIL_AT, as `journal.sync:3`.
    """

    def __init__(self, place: str = "", times: int = 1) -> None:
        if place and place not in POINTS:
            raise ValueError(f"there is no place “{place}” to fail at; there are {', '.join(POINTS)}")
        self._place, self._left = place, times

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Failpoints:
        """The place the environment names. Raises ValueError where there is no such place."""
        place, _, times = (os.environ if environment is None else environment).get(FAIL_VARIABLE, "").partition(":")
        return cls(place, int(times or 1))

    def at(self, place: str) -> None:
        """Say that this place is reached."""
        if place == self._place:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def is_due(self, place: str) -> bool:
        """Whether the process dies at this place the next time it is reached."""
        return place == self._place and self._left == 1
