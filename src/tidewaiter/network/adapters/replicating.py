"""One replica as a process, from a member's folder: keys, charter, its copy of the log, and tiles for whoever reads it.

The folder is that of a member (`tidewaiter node init`); each replica has one of its own, with a key of its own to cosign
with, and all have the log's key. The copy lies in `origins/…/followed`, its tiles beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.keys import SignerKey
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.sequencing import Setup, Start
from tidewaiter.ledger.tiles import tiles_of
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.network.adapters.batches import check_for
from tidewaiter.network.adapters.following import FollowedLog
from tidewaiter.network.adapters.intake import Check
from tidewaiter.network.adapters.leading import Replica
from tidewaiter.network.adapters.nats import NatsIntake
from tidewaiter.network.charter import Charter
from tidewaiter.network.home import Home, HomeError
from tidewaiter.network.keyring import KeyringError
from tidewaiter.network.listening import listening, server_of
from tidewaiter.network.rules import first_contract
from tidewaiter.network.serving import JSON, OCTETS, TEXT, Request, Response, Route, Service, refused
from tidewaiter.network.tile_folder import TileFolder

FINAL: Final = "final"
STATEMENTS: Final = "statements"
KEPT_SECONDS: Final = 0.5
_AT_ONCE: Final = 2_000
_LOG: Final = logging.getLogger("tidewaiter.network")

Opened = Callable[[Charter, Check], Awaitable[NatsIntake]]


class Copy:
    """A replica's copy of the log and what is shown of it. Only what is final is shown, and nothing that is not on the disk."""

    def __init__(self, home: Home, charter: Charter) -> None:
        self.home, self.charter = home, charter
        self.policy = charter.read_policy
        self.cosigner = home.keyring.cosigner
        self._origin = home.latest
        contract = first_contract(charter, {})  # the log brings its statements
        self.known = dict(contract.state.submitters)
        setup = Setup(
            charter.origin, _log_key(home, charter), self.policy, (), self.known, start=Start(charter.numbers)
        )
        self.log = FollowedLog(self._origin.folder, setup, contract)
        self.final = self._origin.kept(FINAL)
        if self.final:
            self.log.learn(self.final)
        self.tiles = TileFolder(self._origin.tiles, self.log.entries_between)
        self._one_at_a_time = asyncio.Lock()

    @property
    def size(self) -> int:
        """How many entries are final here; 0 before the first."""
        return Checkpoint.parse(SignedNote.parse(self.final).text).size if self.final else 0

    def become_final(self, note: bytes) -> None:
        """Keep a final checkpoint, and its tiles first. Raises DiskError."""
        believed = self.policy.believed(note)
        checkpoint = believed.checkpoint
        if not believed.verdict or checkpoint is None or not self.size < checkpoint.size <= self.log.size:
            return
        self.grow(checkpoint.size)
        self.tiles.flushing()()
        self._origin.keep(FINAL, note)
        self.final = note

    def grow(self, size: int) -> None:
        """Have tiles of all entries up to a size."""
        while self.tiles.size < size:
            self.tiles.add(self.log.entries_between(self.tiles.size, min(size, self.tiles.size + _AT_ONCE)))

    async def keep_final(self, final: Callable[[], bytes]) -> None:
        """Keep, until cancelled, what becomes final."""
        while True:
            async with self._one_at_a_time:
                await asyncio.to_thread(self.become_final, final())
            await asyncio.sleep(KEPT_SECONDS)

    def routes(self) -> list[Route]:
        """What anybody may read: the policy, and the log as c2sp.org/tlog-tiles has it, by SHA-256 or last word of its origin."""
        return [
            Route("GET", "/policy", self._policy),
            Route("GET", "/{log}/checkpoint", self._checkpoint),
            Route("GET", "/{log}/tile/{path*}", self._tile),
            Route("GET", "/{log}/statements/{commitment}", self._statement),
        ]

    async def _policy(self, request: Request) -> Response:
        return Response(policy_text(self.charter), 200, TEXT)

    async def _checkpoint(self, request: Request) -> Response:
        self._is_this(request.path["log"])
        if not self.final:
            raise refused(404, "final.none", "there is no checkpoint yet", "Ask again in a second.")
        return Response(self.final, 200, TEXT)

    async def _tile(self, request: Request) -> Response:
        self._is_this(request.path["log"])
        async with self._one_at_a_time:
            data = await asyncio.to_thread(self.tiles.read, f"tile/{request.path['path']}")
        if data is None:
            raise refused(404, "tile.none", "the log has no such tile yet", "A checkpoint says how far it goes.")
        return Response(data, 200, OCTETS)

    async def _statement(self, request: Request) -> Response:
        self._is_this(request.path["log"])
        data = self.log.statements(self.size).get(request.path["commitment"])
        if data is None:
            raise refused(404, "statement.none", "no final entry stands for such a statement")
        return Response(data, 200, JSON)

    def _is_this(self, log: str) -> None:
        if log not in (last_word(self.charter), hashlib.sha256(self.charter.origin.encode()).hexdigest()):
            raise refused(404, "origin.unknown", f"the log here is “{self.charter.origin}”")

    def write(self, folder: Path) -> int:
        """Write what is final into a folder, as `tidewaiter ledger verify --folder` reads it; how many entries that is.

        Raises HomeError where nothing is final yet.
        """
        if not self.final:
            raise HomeError("nothing of this log is final here yet", hint="let replicas run until something is")
        self.grow(self.size)
        into = folder / last_word(self.charter)
        for tile in tiles_of(self.size):
            target, data = into / tile.path, self.tiles.tile(tile)
            assert data is not None, tile.path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        for commitment, statement in self.log.statements(self.size).items():
            (into / STATEMENTS).mkdir(exist_ok=True)
            (into / STATEMENTS / commitment).write_bytes(statement)
        (folder / "policy").write_bytes(policy_text(self.charter))
        (into / "checkpoint").write_bytes(self.final)
        return self.size

    def close(self) -> None:
        """Let go of the file."""
        self.log.close()


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Copy]:
    """A replica's copy, held by this process. Raises HomeError, KeyringError, ConflictError, CharterError, LedgerError."""
    home = Home(folder)
    label = home.config.label
    charter = home.latest.charter
    if charter.follows is not None:
        raise HomeError(
            f"“{charter.origin}” follows another log, and replicas begin with the first of a network",
            hint="run it with tidewaiter node run, and feed it with tidewaiter intake feed",
        )
    if home.keyring.cosigner.verifier.text not in {each.key.text for each in charter.read_policy.witnesses.values()}:
        raise HomeError(
            f"the policy of “{charter.origin}” does not name the key that {label} cosigns with",
            hint="name it with --replica when the log is founded (tidewaiter network found)",
            place=str(home.latest.folder / "charter.json"),
        )
    if home.latest.journal.exists():
        raise HomeError(
            f"this folder has taken part in “{charter.origin}” by tidewaiter node run, and a replica's log is another one",
            hint="found a log for replicas (tidewaiter network found --replica)",
            place=str(home.latest.journal),
        )
    with home.in_use():
        copy = Copy(home, charter)
        try:
            yield copy
        finally:
            copy.close()


def _raise(task: asyncio.Task[None]) -> None:
    """Raise what a task ended with: of several the first that has words for whoever started it."""
    error = task.exception()
    if isinstance(error, BaseExceptionGroup):
        raise next((each for each in error.exceptions if isinstance(each, TidewaiterError)), error)
    if error is not None:
        raise error


def _log_key(home: Home, charter: Charter) -> SignerKey:
    """The log's key, which all replicas have. Raises KeyringError where this folder has none, or another one."""
    try:
        key = home.keyring.log(charter.origin)
    except KeyringError as error:
        if "no key" not in error.detail:
            raise
        hint = "replicas share it: copy that file from the folder in which the log was founded, mode 0600"
        raise KeyringError(error.detail, hint=hint, place=error.place) from error
    if key.verifier.text != charter.log:
        raise KeyringError(
            f"the key of the log in this folder is not the one that the charter of “{charter.origin}” names",
            hint="copy it from the folder in which the log was founded",
            place=str(home.keyring.folder),
        )
    return key


def last_word(charter: Charter) -> str:
    """The last step of the origin's name, by which folders and addresses call the log."""
    return charter.origin.rpartition("/")[2]


def policy_text(charter: Charter) -> bytes:
    """Whom one believes of the log, the log's key included, as readers outside take it."""
    return f"log {charter.log}\n{charter.policy}".encode()


async def serve(copy: Copy, open_intake: Opened) -> None:
    """Follow, cosign, lead while the lease is held, and answer readers, until SIGTERM or SIGINT.

    Raises UnavailableError where no server answers, HomeError where it cannot listen, LedgerError where the copy cannot be gone on with.
    """
    stopping, loop, config = asyncio.Event(), asyncio.get_running_loop(), copy.home.config
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    intake = await open_intake(copy.charter, check_for(copy.charter.origin, copy.known))
    try:
        with listening(*config.host_and_port) as door:
            server = server_of(Service(copy.routes()))
            replica = Replica(intake, copy.log, copy.cosigner, copy.policy)
            work = [
                loop.create_task(server.serve([door])),
                loop.create_task(replica.run()),
                loop.create_task(copy.keep_final(lambda: copy.log.final)),
            ]
            _LOG.info("%s follows “%s” from batch %d on: %d entries, %d of them final; it listens on %s",
                      config.label, copy.charter.origin, copy.log.position, copy.log.size, copy.size, config.listen)  # fmt: skip
            stopped = loop.create_task(stopping.wait())
            done, _ = await asyncio.wait([*work, stopped], return_when=asyncio.FIRST_COMPLETED)
            server.should_exit = True
            for task in (*work[1:], stopped):
                task.cancel()
            await asyncio.gather(*work, stopped, return_exceptions=True)
            for task in (each for each in work if each in done):
                _raise(task)
            await asyncio.to_thread(copy.become_final, copy.log.final)
            _LOG.info("%s stopped at batch %d: %d entries, %d of them final",
                      config.label, copy.log.position, copy.log.size, copy.size)  # fmt: skip
    finally:
        await intake.close()
