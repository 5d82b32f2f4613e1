"""Intakes for tests, each with a door, a way round it, and a crash: a file, and five servers of NATS on loopback."""

from __future__ import annotations

import hashlib
import itertools
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
import pytest

from tidewaiter.cli.bench.nats_servers import Cluster, binary
from tidewaiter.ledger.batches import Batch, write_batch
from tidewaiter.ledger.contracts import VERSION_1, Contract, Founder, Genesis, Role, State
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.ledger.leaves import BUCKET_SECONDS, Leaf, key_number
from tidewaiter.model.errors import UnavailableError
from tidewaiter.network.adapters.batches import check_for, offered
from tidewaiter.network.adapters.embedded import EmbeddedIntake
from tidewaiter.network.adapters.intake import Check, Intake, Offered
from tidewaiter.network.adapters.journal import Journal
from tidewaiter.network.adapters.nats import NUMBER, NatsIntake, connected, subject_of

SERVERS = 5
NOW = int(time.time())
"""The moment of all batches here: one that is written again is the same, also after the quarter hour is over."""


def submitter(name: str) -> SignerKey:
    """A key whose seed follows from its name: for tests, and for nothing else."""
    return SignerKey(name, KeyType.ED25519, hashlib.sha256(name.encode()).digest())


ANNA, BEN, EVE = submitter("anna"), submitter("ben"), submitter("eve")  # Eve is not known
KNOWN = {key_number(each.verifier.public): each.verifier.public for each in (ANNA, BEN)}


def number_of(key: SignerKey) -> str:
    return key_number(key.verifier.public)


def entries(key: SignerKey, *texts: str, later: int = 0) -> list[bytes]:
    """An entry of the record for each text, by this key; so many quarter hours later than `NOW`."""
    at = (NOW // BUCKET_SECONDS + later) * BUCKET_SECONDS
    return [
        Leaf(
            actor=number_of(key), at=at, commitment=hashlib.sha256(text.encode()).hexdigest(), facts={},
            scope=number_of(key), type="moved",
        ).entry()
        for text in texts
    ]  # fmt: skip


def contract(origin: str, log: SignerKey) -> Contract:
    """The contract of a network of Anna, a carrier, and Ben, a port, before its first entry."""
    founders = (
        Founder("anna", ANNA.verifier.public, (Role.CARRIER,)), Founder("ben", BEN.verifier.public, (Role.PORT,)),
    )  # fmt: skip
    genesis = Genesis(origin, 0, founders, log.verifier.public, "quorum none\n", VERSION_1.hash)
    return Contract(State.begin(genesis), {})


def batch(origin: str, key: SignerKey, number: int, *texts: str) -> Offered:
    """A batch as its submitter hands it in; of one entry that follows from the number where none is named."""
    return offered(write_batch(origin, key, number, entries(key, *(texts or (f"{key.name} {number}",)))))


def altered(offer: Offered, **changes: object) -> Offered:
    """The batch with other bytes, as somebody on its way would make them."""
    content = msgspec.msgpack.decode(offer.data, type=Batch)
    changed = msgspec.structs.replace(content, **changes)
    return Offered(changed.key, changed.number, msgspec.msgpack.encode(changed))


class Kept(Protocol):
    """An intake and what can happen to it."""

    origin: str

    start: Mapping[str, int]

    async def opened(self) -> Intake:
        """The intake, opened; one more door to it where another one is open, if it can have several."""

    async def closed(self) -> None:
        """Close all that was opened."""

    async def crash(self) -> None:
        """End all processes that keep it as a power cut would, and start them again."""

    async def put_round_the_door(self, offer: Offered) -> None:
        """Store something that nobody has looked at."""


class KeptInAFile:
    """The embedded intake."""

    def __init__(self, folder: Path) -> None:
        self.origin = "file.example/2026"
        self.start: Mapping[str, int] = {}
        self._path = folder / "intake"
        self._open: list[EmbeddedIntake] = []

    async def opened(self) -> Intake:
        if not self._open:
            self._open.append(EmbeddedIntake(self._path, check(self.origin), self.start))
        return self._open[0]

    async def closed(self) -> None:
        while self._open:
            await self._open.pop().close()

    async def crash(self) -> None:
        await self.closed()  # how it fares when its process is killed is tested with a process: test_embedded_intake

    async def put_round_the_door(self, offer: Offered) -> None:
        await self.closed()
        journal = Journal(self._path)
        journal.append([msgspec.msgpack.encode({"batch": offer, "stored_at": time.time_ns() // 1_000_000})])
        journal.close()


class KeptByNats:
    """The intake of five servers; every one of these has an origin of its own."""

    numbers = itertools.count(1)

    def __init__(self, cluster: Cluster) -> None:
        self.origin = f"nats.example/{next(self.numbers)}"
        self.start: Mapping[str, int] = {}
        self.cluster = cluster
        self._open: list[NatsIntake] = []

    async def opened(self) -> Intake:
        intake = await NatsIntake.opened(
            self.cluster.addresses, self.origin, check(self.origin), replicas=SERVERS, start=self.start
        )
        self._open.append(intake)
        return intake

    async def closed(self) -> None:
        while self._open:
            await self._open.pop().close()

    async def crash(self) -> None:
        await self.closed()
        self.cluster.stop()
        for name in self.cluster.names:
            self.cluster.start(name)
        self.cluster.wait_until_ready()

    async def put_round_the_door(self, offer: Offered) -> None:
        client = await connected(self.cluster.addresses)
        subject = subject_of(self.origin, offer.submitter)
        await client.jetstream().publish(subject, offer.data, headers={NUMBER: str(offer.number)})
        await client.close()


def check(origin: str) -> Check:
    return check_for(origin, KNOWN, lambda: 1000 * NOW)


@pytest.fixture(scope="module")
def nats_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Five servers; skips, saying so, where there is no nats-server."""
    try:
        binary()
    except UnavailableError as error:
        pytest.skip(error.detail)
    with Cluster(tmp_path_factory.mktemp("nats"), SERVERS) as cluster:
        yield cluster


async def everything(intake: Intake, step: int = 7) -> Sequence[tuple[int, str, int]]:
    """Position, submitter and number of all that is stored, read in steps of so many."""
    found: list[tuple[int, str, int]] = []
    while delivered := await intake.after(found[-1][0] if found else 0, step):
        found += [(each.position, each.batch.submitter, each.batch.number) for each in delivered]
    return found
