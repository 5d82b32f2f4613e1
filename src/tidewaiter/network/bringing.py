"""What some members hold of a log and others lack: brought from one to the other where its sequencer sends nothing more.

Blocks are signed by the log, and whoever is brought them verifies them as if the sequencer had sent them, as it does with final
checkpoints; nobody has to be believed, and whoever tells a sequencer's second history shows it.
"""

from __future__ import annotations

import contextlib
from typing import Any, Final
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Struct

from tidewaiter.network.charter import Charter
from tidewaiter.network.client import ANSWER_BYTES_MAX
from tidewaiter.network.outbox import BLOCKS_PATH, GROUP_MAX
from tidewaiter.network.sequencer_side import FINAL_PATH

SECONDS_MAX: Final = 20.0
MSGPACK: Final = "application/msgpack"


class Holding(Struct, frozen=True):
    """How many entries of an origin a member holds, and up to where it knows them to be final."""

    size: int
    final_size: int


def level(charter: Charter) -> dict[str, Holding]:
    """Bring each mirror that answers what another one holds of an origin; what each holds then, by its name.

    One that holds another history, or breaks off, stays where it is.
    """
    with httpx.Client(timeout=SECONDS_MAX, trust_env=False) as client:
        return _Levelling(client, charter).run()


class _Levelling:
    def __init__(self, client: httpx.Client, charter: Charter) -> None:
        self._client, self._origin = client, charter.origin
        self._urls = {name: member.url.rstrip("/") for name, member in charter.members.items() if member.url}
        self._mirrors = charter.of_part("mirror")

    def run(self) -> dict[str, Holding]:
        """As `level` has it."""
        held = {name: each for name in self._urls if (each := self._holding(name)) is not None}
        for source in sorted(held, key=lambda name: held[name].size, reverse=True):
            for name in self._mirrors:
                if name in held and name != source:
                    held[name] = self._bring(source, name, held)
        return {name: held[name] for name in self._mirrors if name in held}

    def _bring(self, source: str, name: str, held: dict[str, Holding]) -> Holding:
        """What a member holds once another one's blocks and last final checkpoint were sent to it."""
        now = held[name]
        while now.size < held[source].size and self._sent(source, name, f"{BLOCKS_PATH}/{now.size}", BLOCKS_PATH):
            after = self._holding(name)
            if after is None or after.size <= now.size:
                break
            now = after
        if now.final_size < held[source].final_size and self._sent(source, name, FINAL_PATH, FINAL_PATH):
            now = self._holding(name) or now
        return now

    def _sent(self, source: str, name: str, asked: str, to: str) -> bool:
        """Whether a member took something that another one gave."""
        with contextlib.suppress(httpx.HTTPError):
            given = self._client.get(f"{self._urls[source]}{asked}?origin={quote(self._origin)}&count={GROUP_MAX}")
            if given.status_code == httpx.codes.OK and len(given.content) <= ANSWER_BYTES_MAX:
                kind = {"content-type": given.headers.get("content-type", MSGPACK)}
                return self._client.post(self._urls[name] + to, content=given.content, headers=kind).is_success
        return False

    def _holding(self, name: str) -> Holding | None:
        with contextlib.suppress(httpx.HTTPError, msgspec.DecodeError, msgspec.ValidationError):
            said = msgspec.json.decode(self._client.get(self._urls[name]).content, type=dict[str, Any])
            for each in msgspec.convert(said.get("origins"), list[dict[str, Any]]):
                if each.get("origin") == self._origin and "size" in each:
                    return msgspec.convert(each, Holding)
        return None
