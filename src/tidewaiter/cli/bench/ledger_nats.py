"""`bench ledger-nats`: intake by five servers of NATS and three replicas, all real, the leaders of both killed on the way.

What is told: how long it takes until every submitter has its next batch stored, and until that is final; and whether
every batch that was acknowledged is in every copy of the log, once, and in its submitter's order.
"""

from __future__ import annotations

import asyncio
import hashlib
import multiprocessing
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from itertools import pairwise
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from nats.js.kv import KeyValue

from tidewaiter.cli.bench.nats_servers import Cluster
from tidewaiter.ledger.batches import write_batch
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.contracts import VERSION_1, Contract, Founder, Genesis, Role, State
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.ledger.leaves import BUCKET_SECONDS, Fact, Leaf, key_number
from tidewaiter.ledger.merkle import leaf_hash, root_of
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.sequencing import Admitted, Setup
from tidewaiter.model.errors import UnavailableError
from tidewaiter.network.adapters.batches import check_for, offered
from tidewaiter.network.adapters.following import FollowedLog
from tidewaiter.network.adapters.intake import Offered, handed_in
from tidewaiter.network.adapters.leading import Replica, final_of, leader_of, positions_of, state_of
from tidewaiter.network.adapters.nats import NatsIntake

ORIGIN: Final = "bench.example/nats"
SERVERS: Final = 5
REPLICAS: Final = 3
SUBMITTERS: Final = 4
FOUNDED_AT: Final = 1_767_225_600  # the beginning of 2026, for all processes alike
STEPS: Final[tuple[tuple[str, dict[str, Fact]], ...]] = (
    ("decided", {"state": "accepted"}),
    ("assessed", {"debt": "open"}),
    ("paid", {}),
    ("released", {}),
)
"""What is recorded of each consignment, so that the contract looks at each step."""
ACKNOWLEDGED_WITHIN_SECONDS: Final = 60.0
FOLLOWED_WITHIN_SECONDS: Final = 60.0
LOOKS_EVERY_SECONDS: Final = 0.01


class Report(Struct, frozen=True):
    """What was seen; seconds from the kill on. `lost`, `doubled`, `disordered` and `differing` have to be 0."""

    batches: int
    entries: int
    entries_a_second: int
    acknowledged_median_ms: float
    acknowledged_p99_ms: float
    durable_after_server_seconds: float
    final_after_server_seconds: float
    durable_after_replica_seconds: float
    final_after_replica_seconds: float
    lost: int
    doubled: int
    disordered: int
    differing: int
    final_size: int


class Parties(Struct, frozen=True):
    """Everybody's keys; made up from names, and good for nothing else."""

    log: SignerKey
    replicas: tuple[SignerKey, ...]
    submitters: tuple[SignerKey, ...]

    @property
    def known(self) -> dict[str, bytes]:
        """The submitters' public keys by their numbers."""
        return {key_number(key.verifier.public): key.verifier.public for key in self.submitters}

    @property
    def policy(self) -> Policy:
        """Whom one believes: the log, and two of the three replicas."""
        names = [f"r{number}" for number in range(len(self.replicas))]
        lines = [f"log {self.log.verifier.text}"]
        lines += [f"witness {name} {key.verifier.text}" for name, key in zip(names, self.replicas, strict=True)]
        return Policy.parse("\n".join([*lines, f"group all 2 {' '.join(names)}", "quorum all"]).encode())

    @property
    def setup(self) -> Setup:
        """The sequencer of every replica."""
        return Setup(self.log_name, self.log, self.policy, (), self.known)

    @property
    def contract(self) -> Contract:
        """The contract before the first entry: all submitters are customs and collect."""
        founders = [
            Founder(f"s{number}", key.verifier.public, (Role.CUSTOMS, Role.COLLECTOR))
            for number, key in enumerate(self.submitters)
        ]
        genesis = Genesis(
            self.log_name, FOUNDED_AT, tuple(founders), self.log.verifier.public, "quorum none\n", VERSION_1.hash
        )
        return Contract(State.begin(genesis), {})

    @property
    def log_name(self) -> str:
        """The origin."""
        return self.log.name


def parties() -> Parties:
    """The parties of one run."""

    def key(name: str, kind: KeyType) -> SignerKey:
        return SignerKey(name, kind, hashlib.sha256(name.encode()).digest())

    return Parties(
        key(ORIGIN, KeyType.ED25519),
        tuple(key(f"{ORIGIN}/r{number}", KeyType.COSIGNATURE_ED25519) for number in range(REPLICAS)),
        tuple(key(f"{ORIGIN}/s{number}", KeyType.ED25519) for number in range(SUBMITTERS)),
    )


def replica_process(addresses: list[str], folder: Path, number: int) -> None:
    """One replica, until it is ended; run in a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    who = parties()

    async def run() -> None:
        intake = await NatsIntake.opened(addresses, ORIGIN, check_for(ORIGIN, who.known))
        log = FollowedLog(folder, who.setup, who.contract)
        await Replica(intake, log, who.replicas[number], who.policy).run()

    asyncio.run(run())


class Replicas:
    """The replicas, each its own process and folder. Ends them when it is left."""

    def __init__(self, folder: Path, addresses: list[str]) -> None:
        self._addresses = addresses
        self._context = multiprocessing.get_context("spawn")
        self._processes: dict[int, BaseProcess] = {}
        self.folders = [folder / f"r{number}" for number in range(REPLICAS)]

    def __enter__(self) -> Replicas:
        for number in range(REPLICAS):
            self.folders[number].mkdir()
            self.start(number)
        return self

    def __exit__(self, *_: object) -> None:
        for number in list(self._processes):
            self.kill(number)

    def start(self, number: int) -> None:
        """Start one, with what it kept."""
        words = (self._addresses, self.folders[number], number)
        process = self._context.Process(target=replica_process, args=words, daemon=True)
        process.start()
        self._processes[number] = process

    def kill(self, number: int) -> None:
        """End one as a power cut would."""
        process = self._processes.pop(number)
        process.kill()
        process.join()


class Acknowledged(Struct, frozen=True):
    """A batch that the intake told it has: whose, which, where, when it was handed in and told."""

    submitter: str
    number: int
    position: int
    offered_at: float
    told_at: float


class Offer(Struct, frozen=True):
    """How much is handed in: entries of a batch, and of all submitters in a second. What an outage kept back is not made up."""

    entries: int
    rate: int


class Load:
    """Submitters who hand in batch after batch, each over a connection of its own, until they are told to stop."""

    def __init__(self, addresses: list[str], who: Parties, offer: Offer) -> None:
        self._addresses, self._who, self._offer = addresses, who, offer
        self.told: list[Acknowledged] = []
        self.is_over = self.has_ended = False

    async def run(self) -> None:
        """All of them."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for key in self._who.submitters:
                    tasks.create_task(self._submit(key))
        finally:
            self.has_ended = True

    async def _submit(self, key: SignerKey) -> None:
        intake = await NatsIntake.opened(self._addresses, ORIGIN, check_for(ORIGIN, self._who.known))
        try:
            pause = len(self._who.submitters) * self._offer.entries / self._offer.rate
            due = time.monotonic()
            for batch in batches(key, self._offer.entries):
                if self.is_over:
                    return
                await asyncio.sleep(due - time.monotonic())
                offered_at = time.monotonic()
                due = max(due + pause, offered_at)
                stored = await handed_in(intake, batch, ACKNOWLEDGED_WITHIN_SECONDS)
                told_at = time.monotonic()
                self.told.append(Acknowledged(batch.submitter, batch.number, stored.position, offered_at, told_at))
        finally:
            await intake.close()

    async def served_again(self, moment: float) -> Acknowledged:
        """The batch with which the last of the submitters was served again after a moment. Raises UnavailableError."""
        until = time.monotonic() + ACKNOWLEDGED_WITHIN_SECONDS
        while time.monotonic() < until and not self.has_ended:
            firsts: dict[str, Acknowledged] = {}
            for each in self.told:
                if each.told_at > moment:
                    firsts.setdefault(each.submitter, each)
            if len(firsts) == len(self._who.submitters):
                return max(firsts.values(), key=lambda each: each.told_at)
            await asyncio.sleep(LOOKS_EVERY_SECONDS)
        raise UnavailableError("not every submitter was served again")


def batches(key: SignerKey, entries: int) -> Iterator[Offered]:
    """Batches of a submitter, one after another, of so many entries each."""
    actor = key_number(key.verifier.public)
    at = int(time.time()) // BUCKET_SECONDS * BUCKET_SECONDS
    number = 0
    while True:
        number += 1
        leaves = []
        for place in range(entries):
            kind, facts = STEPS[place % len(STEPS)]
            told = b"%s %d %d" % (actor.encode(), number, place)
            consignment = b"%s %d %d" % (actor.encode(), number, place // len(STEPS))
            leaves.append(
                Leaf(
                    actor=actor, at=at, commitment=hashlib.sha256(told).hexdigest(), facts=facts,
                    scope=hashlib.sha256(consignment).hexdigest()[:32], type=kind,
                )
            )  # fmt: skip
        yield offered(write_batch(ORIGIN, key, number, [leaf.entry() for leaf in leaves]))


async def final_size(kept: KeyValue, policy: Policy) -> int:
    """The size of the last final checkpoint that the policy believes; 0 before the first."""
    try:
        note = await final_of(kept)
    except UnavailableError:
        return 0
    believed = policy.believed(note) if note else None
    return believed.checkpoint.size if believed and believed.verdict and believed.checkpoint else 0


def measured(seconds: float, entries: int, rate: int) -> Report:
    """What one run of so many seconds came to, with batches of so many entries, `rate` entries a second offered."""
    with tempfile.TemporaryDirectory(prefix="tidewaiter-") as name, Cluster(Path(name), SERVERS) as cluster:
        return asyncio.run(_measured(cluster, Path(name), seconds, Offer(entries, rate)))


async def _measured(cluster: Cluster, folder: Path, seconds: float, offer: Offer) -> Report:
    who = parties()
    watching = await NatsIntake.opened(cluster.addresses, ORIGIN, check_for(ORIGIN, who.known))
    kept = await state_of(watching)
    entries = offer.entries
    load = Load(cluster.addresses, who, offer)
    with Replicas(folder, cluster.addresses) as replicas:
        running = asyncio.create_task(load.run())
        watch = _Watch(load, kept, who.policy, entries)
        try:
            await watch.is_final_after(time.monotonic())
            started = time.monotonic()
            await asyncio.sleep(seconds / 3)
            after_server = await watch.outage(lambda: _kill_server(cluster, watching))
            await asyncio.sleep(seconds / 3)
            after_replica = await watch.outage(lambda: _kill_leader(replicas, watching))
            await asyncio.sleep(seconds / 3)
            load.is_over = True
            await running
            took = time.monotonic() - started
            last = max(each.position for each in load.told)
            await watch.is_final(last)
        finally:
            load.is_over = True
            await running  # where it failed, that is why
        note = await final_of(kept)
        await _followed(replicas, watching, last)
    await watching.close()
    found = looked_over(replicas.folders, who, load.told, note or b"")
    waits = sorted(each.told_at - each.offered_at for each in load.told)
    return Report(
        batches=len(load.told),
        entries=entries * len(load.told),
        entries_a_second=int(entries * len([each for each in load.told if each.told_at >= started]) / took),
        acknowledged_median_ms=round(1000 * waits[len(waits) // 2], 1),
        acknowledged_p99_ms=round(1000 * waits[len(waits) * 99 // 100], 1),
        durable_after_server_seconds=after_server[0],
        final_after_server_seconds=after_server[1],
        durable_after_replica_seconds=after_replica[0],
        final_after_replica_seconds=after_replica[1],
        **found,
    )


class _Watch:
    """Waits for what becomes durable and final, and tells how long that took."""

    def __init__(self, load: Load, kept: KeyValue, policy: Policy, entries: int) -> None:
        self._load, self._kept, self._policy = load, kept, policy
        self._block = entries + 1  # every batch is a block, which one more entry closes

    async def is_final(self, position: int) -> float:
        """The moment at which the batch at a position was seen to be final."""
        until = time.monotonic() + FOLLOWED_WITHIN_SECONDS
        while time.monotonic() < until:
            if await final_size(self._kept, self._policy) >= position * self._block:
                return time.monotonic()
            await asyncio.sleep(LOOKS_EVERY_SECONDS)
        raise UnavailableError(f"the batch at {position} is not final after {FOLLOWED_WITHIN_SECONDS} seconds")

    async def is_final_after(self, moment: float) -> tuple[float, float]:
        """Seconds until every submitter had a batch stored again, and until the last of these was final."""
        first = await self._load.served_again(moment)
        final_at = await self.is_final(first.position)
        return round(first.told_at - moment, 2), round(final_at - moment, 2)

    async def outage(self, kill: Any) -> tuple[float, float]:
        """Kill something, and tell the same."""
        return await self.is_final_after(await kill())


async def _kill_server(cluster: Cluster, intake: NatsIntake) -> float:
    leader = await intake.leader()
    await asyncio.to_thread(cluster.kill, leader)
    return time.monotonic()


async def _kill_leader(replicas: Replicas, intake: NatsIntake) -> float:
    leader = await leader_of(intake)
    number = int(leader.rpartition("/r")[2])
    await asyncio.to_thread(replicas.kill, number)
    killed_at = time.monotonic()
    replicas.start(number)
    return killed_at


async def _followed(replicas: Replicas, intake: NatsIntake, last: int) -> None:
    """Come back once every replica has told that its log holds the batch at a position."""
    until = time.monotonic() + FOLLOWED_WITHIN_SECONDS
    while time.monotonic() < until:
        positions = await positions_of(intake)
        if len(positions) == len(replicas.folders) and min(positions.values()) >= last:
            return
        await asyncio.sleep(LOOKS_EVERY_SECONDS)
    raise UnavailableError(f"not every replica has come to {last}: {positions}")


def looked_over(folders: list[Path], who: Parties, told: list[Acknowledged], note: bytes) -> Mapping[str, int]:
    """How many acknowledged batches are lost, doubled or out of order in some copy, and how many copies differ."""
    lost = doubled = disordered = differing = 0
    checkpoint = Checkpoint.parse(SignedNote.parse(note).text)
    acknowledged = {(each.submitter, each.number) for each in told}
    for folder in folders:
        log = FollowedLog(folder, who.setup, who.contract)
        slips = [(each.slip.key, each.slip.number) for each in log.records() if isinstance(each, Admitted)]
        entries = list(log.entries())
        log.close()
        lost += len(acknowledged - set(slips))
        doubled += len(slips) - len(set(slips)) + len(entries) - len(set(entries))
        for submitter in {key for key, _ in slips}:
            numbers = [number for key, number in slips if key == submitter]
            disordered += sum(later != earlier + 1 for earlier, later in pairwise([0, *numbers]))
        differing += root_of(map(leaf_hash, entries[: checkpoint.size])) != checkpoint.root
    return {
        "lost": lost, "doubled": doubled, "disordered": disordered, "differing": differing,
        "final_size": checkpoint.size,
    }  # fmt: skip
