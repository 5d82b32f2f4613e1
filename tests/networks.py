"""Networks of real processes for tests, and a hand that signs batches for their members."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from msgspec import structs

from tidewaiter.ledger.batches import Batch, Promise, write_batch
from tidewaiter.ledger.contracts import Role
from tidewaiter.ledger.keys import SignerKey
from tidewaiter.ledger.leaves import Fact, Leaf, bucket
from tidewaiter.network.charter import Charter
from tidewaiter.network.founding import found, threshold
from tidewaiter.network.handing_in import send_batch
from tidewaiter.network.keyring import submitter_number
from tidewaiter.network.local import LocalNetwork, Wanted

ORIGIN = "network.example/1"
STEPS: tuple[tuple[str, dict[str, Fact]], ...] = (
    ("decided", {"state": "accepted"}),
    ("assessed", {"debt": "open"}),
    ("paid", {}),
    ("released", {}),
)


class Hand:
    """One member's batches, numbered as they are written."""

    def __init__(self, charter: Charter, key: SignerKey) -> None:
        self.charter, self.key, self.number = charter, key, 0

    def entries(self, consignments: int) -> list[bytes]:
        """What is recorded of so many consignments from acceptance to release."""
        at, actor = bucket(datetime.now(UTC)), submitter_number(self.key)
        return [
            Leaf(
                actor=actor, at=at, commitment=os.urandom(32).hex(), facts=dict(facts), scope=scope, type=kind
            ).entry()
            for scope in (os.urandom(16).hex() for _ in range(consignments))
            for kind, facts in STEPS
        ]  # fmt: skip

    def batch(self, entries: list[bytes]) -> Batch:
        """The next batch."""
        self.number += 1
        return write_batch(self.charter.origin, self.key, self.number, entries)

    def hand_in(self, entries: list[bytes]) -> Promise:
        """The promise for the next batch. Raises RefusedError, PeerError."""
        return send(self.batch(entries), self.charter)


def send(batch: Batch, charter: Charter) -> Promise:
    """The promise for a batch. Raises RefusedError, PeerError."""
    return asyncio.run(send_batch(batch, charter))


class Running:
    """A network that runs, its charter, and a hand for each member."""

    def __init__(self, network: LocalNetwork, charter: Charter) -> None:
        self.network, self.charter = network, charter
        self.hands = {label: Hand(charter, next(home.keyring.submitters())) for label, home in network.homes.items()}

    def log_path(self) -> str:
        """Where members serve the log."""
        return hashlib.sha256(self.charter.origin.encode()).hexdigest()


@contextmanager
def running(
    *, mirrors: int = 3, quorum: int = 2, witnesses: int = 0, apart: str = "", address: str = ""
) -> Iterator[Running]:
    """A sequencer with so many mirrors and witnesses; of the mirrors so many suffice.

    Where one is to be reached `apart`, at another address than loopback, nobody is started yet.
    """
    folder = Path(tempfile.mkdtemp(prefix="tw-net-"))
    try:
        with LocalNetwork(folder) as network:
            labels = [f"mirror-{number}" for number in range(1, mirrors + 1)]
            parts = {network.make(Wanted(label="sequencer", part="sequencer", roles=(Role.CUSTOMS,))): "sequencer"}
            parts |= {
                network.make(Wanted(label=each, part="mirror", roles=(Role.CUSTOMS,))): "mirror" for each in labels
            }
            for number in range(1, witnesses + 1):
                parts[network.make(Wanted(label=f"witness-{number}", part="witness", roles=(Role.PORT,)))] = "witness"
            if apart:
                home = network.homes[apart]
                home.change(structs.replace(home.config, listen=f"{address}:{home.config.listen.rpartition(':')[2]}"))
            charter = found(ORIGIN, parts, threshold("quorum", quorum, labels), datetime.now(UTC))  # type: ignore[arg-type]
            if not apart:
                network.start(*network.homes)
            yield Running(network, charter)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
