"""The folder of a connector: documents are left in it, and events taken from it as messages are from partners' folders.

FOLDER/documents/000000000160-released-v1-24GB….xml   handed over
FOLDER/in/day.jsonl                                   events, taken once the file no longer grows
FOLDER/out/day.jsonl.receipt.json                     one answer each
FOLDER/done/2026-06-15/day.jsonl                      the file, as it came
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from tidewaiter.model.errors import LimitExceededError
from tidewaiter.workflow import connectors, dropping
from tidewaiter.workflow.connector_events import MESSAGE_BYTES_MAX, ConnectorEvents, EventAnswers
from tidewaiter.workflow.connectors import Connector, Connectors
from tidewaiter.workflow.dropping import QUIET_SECONDS, Dropped, take, waiting_in


def prepare(folder: Path) -> None:
    """Make the folders of a connector. Raises OSError."""
    connectors.prepare(folder)
    dropping.prepare(folder.parent, folder.name)


class FolderEvents:
    """Takes the events that connectors leave in their folders."""

    def __init__(
        self,
        kept: Connectors,
        events: ConnectorEvents,
        *,
        quiet_seconds: float = QUIET_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._kept = kept
        self._events = events
        self._quiet_seconds = quiet_seconds
        self._clock = clock
        self._left: set[Path] = set()  # files that could not be taken, said once

    def round(self) -> int:
        """Take what is there, connector by connector; how many files. Raises UnavailableError."""
        count = 0
        for each in self._kept.all():
            if each.folder is None or each.ended_at is not None or not self._waiting(each.folder):
                continue
            with self._kept.held(each.connector_id) as connector:
                if connector is not None and connector.folder is not None:
                    count += self._take(connector, connector.folder)
        return count

    def _waiting(self, folder: Path) -> list[Dropped]:
        try:
            return waiting_in(folder, self._clock(), self._quiet_seconds)
        except OSError as error:
            self._leave(folder, error)
            return []

    def _take(self, connector: Connector, folder: Path) -> int:
        def tell(_: Dropped, stream: BinaryIO) -> EventAnswers:
            body = stream.read(MESSAGE_BYTES_MAX + 1)
            if len(body) > MESSAGE_BYTES_MAX:
                raise LimitExceededError(f"the file has more than {MESSAGE_BYTES_MAX // 1024**2} MiB", hint="split it")
            return self._events.take(connector, body, transport="folder")

        count = 0
        for dropped in self._waiting(folder):
            try:
                take(dropped, tell)
                count += 1
            except OSError as error:  # gone meanwhile, a link in its place, not ours to read or put away
                self._leave(dropped.path, error)
        return count

    def _leave(self, path: Path, error: OSError) -> None:
        if path not in self._left:
            self._left.add(path)
            logging.getLogger(__name__).warning("%s: %s; left alone", path, error.strerror or error)
