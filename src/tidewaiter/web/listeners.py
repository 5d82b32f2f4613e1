"""Who is connected by web socket, and whether there is a place for one more: of one owner, and of all."""

from __future__ import annotations

from typing import Final

SOCKETS_MAX: Final = 64  # of one server: each looks for what is new twice a second
SOCKETS_OF_ONE_MAX: Final = 8  # of one sender, or of one officer

Owner = int | str  # a sender's id, an officer's name


class Listeners:
    """The connections that stand. Used from the server's one loop alone; lives as long as the process."""

    def __init__(self) -> None:
        self._owners: dict[int, Owner] = {}

    def enter(self, connection: int, owner: Owner) -> str:
        """Give a place to a connection (by a number of its own): "" where there is one, else why there is none."""
        if sum(each == owner for each in self._owners.values()) >= SOCKETS_OF_ONE_MAX:
            return f"{SOCKETS_OF_ONE_MAX} of yours are connected; close one"
        if len(self._owners) >= SOCKETS_MAX:
            return f"{SOCKETS_MAX} are connected; come again later"
        self._owners[connection] = owner
        return ""

    def leave(self, connection: int) -> None:
        """Free the place of a connection, if it has one."""
        self._owners.pop(connection, None)
