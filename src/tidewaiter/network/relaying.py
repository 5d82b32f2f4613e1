"""A house's own record handed on to the network: what customs decide goes out as it stands, entry by entry."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from msgspec import Struct

from tidewaiter.ledger.batches import RefusedEntry
from tidewaiter.ledger.leaves import Leaf
from tidewaiter.network.charter import Charter
from tidewaiter.network.handing_in import HandingIn
from tidewaiter.network.serving import Request, Response, Route, as_json
from tidewaiter.network.vault import Vault
from tidewaiter.workflow.recording_logs import RecordLogs

ENTRIES_AT_ONCE: Final = 500
PAUSE_SECONDS: Final = 0.2
ORIGIN_ENDED: Final = "epoch_closed"
"""The type of entry by which the house's own log of a year follows that of the last: the network has epochs of its own."""
COUNTED: Final = "entry.once"
"""The refusal of an entry that stands in the log: it was handed on before, and the answer got lost."""
_LOG: Final = logging.getLogger(__name__)


class NotTaken(Struct, frozen=True):
    """An entry of the house that the network's contract refused, and why: customs have to decide anew."""

    origin_id: int
    index: int
    subject: str
    label: str
    refused: RefusedEntry


class Relay:
    """Follows the record of one house. An entry that was handed on twice counts once: the contract sees to that."""

    def __init__(self, logs: RecordLogs, vault: Vault, handing_in: HandingIn, charter: Callable[[], Charter]) -> None:
        self.not_taken: list[NotTaken] = []
        self._logs, self._vault, self._handing_in, self._charter = logs, vault, handing_in, charter

    def routes(self) -> list[Route]:
        """What the operator can ask of it."""
        return [Route("GET", "/relay", self.status)]

    async def status(self, request: Request) -> Response:
        """How many entries were handed on, and which were refused."""
        return as_json({"relayed": await self._vault.all_relayed(), "not_taken": self.not_taken})

    async def run(self) -> None:
        """Hand on what comes, until cancelled."""
        while True:
            try:
                while await self.round():
                    pass
            except Exception:
                _LOG.exception("the record of the house is not handed on")
            await asyncio.sleep(PAUSE_SECONDS)

    async def round(self) -> int:
        """Hand on some entries; how many."""
        for log in await asyncio.to_thread(self._logs.logs):
            done = await self._vault.relayed(log.origin_id)
            found = await asyncio.to_thread(self._logs.after, log.origin_id, done, ENTRIES_AT_ONCE)
            if not found:
                continue
            chosen = [each for each in found if Leaf.parse(each.entry).type != ORIGIN_ENDED]
            if chosen:
                promise = await self._handing_in.relay([each.entry for each in chosen], self._charter())
                for refused in promise.refused:
                    if refused.code == COUNTED:
                        continue
                    each = chosen[refused.place]
                    _LOG.warning("%s of %s is not taken: %s (%s)", each.label, each.subject, refused.why, refused.code)
                    self.not_taken.append(NotTaken(log.origin_id, each.index, each.subject, each.label, refused))
            await self._vault.keep_relayed(log.origin_id, done + len(found))
            return len(found)
        return 0
