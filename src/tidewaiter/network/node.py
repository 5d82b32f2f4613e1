"""One member as a process: its part in each origin, its service to others, and its operator's door.

The operator's door is a socket in the member's folder: who may enter the folder may tell the member what to do. Others
reach it by HTTP where it listens; TLS is a proxy's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from tidewaiter.ledger.contracts import Contract
from tidewaiter.ledger.keys import SignerKey
from tidewaiter.ledger.sequencing import Limits
from tidewaiter.network.agreeing import is_ended
from tidewaiter.network.charter import Charter
from tidewaiter.network.failing import Failpoints
from tidewaiter.network.home import FOLLOWED, Home, HomeError, Origin
from tidewaiter.network.listening import listening, server_of
from tidewaiter.network.mirror_side import MirrorSide
from tidewaiter.network.rules import Shelf, first_contract, followed
from tidewaiter.network.sequencer_side import Common, SequencerSide
from tidewaiter.network.service import Answering, Side
from tidewaiter.network.serving import Request, Response, Route, Service
from tidewaiter.network.witness_side import WitnessSide

_LOG: Final = logging.getLogger(__name__)


class Node:
    """A member that runs. `async with node:` opens its folder and everything in it; `serve` answers until told to stop."""

    def __init__(self, home: Home, *, limits: Limits | None = None) -> None:
        self.home, self.config = home, home.config
        self.sides: dict[str, Side] = {}
        self.more_routes: list[Route] = []
        self.operator_routes: list[Route] = []
        self.shelf = Shelf(home.folder / "statements")
        self._common = Common(self.shelf, Failpoints.from_environment(), limits or Limits(), self.label)
        self._held = contextlib.ExitStack()
        self._stopping = asyncio.Event()

    @property
    def label(self) -> str:
        """How the network calls the member."""
        return self.config.label

    async def __aenter__(self) -> Node:
        self._held.enter_context(self.home.in_use())
        try:
            for origin in self.home.origins():
                self._take_part(origin)
        except BaseException:
            self._held.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for side in self.sides.values():
            await side.stop()
        self._held.close()

    def begin(self, charter: Charter, standing: Charter | None = None) -> None:
        """Take part in one more origin from now on. Raises HomeError, ConflictError, CharterError."""
        self._part_of(standing or charter)
        if charter.origin not in self.sides:
            self._take_part(self.home.begin(charter, standing)).start()

    def _contract_before(self, origin: Origin) -> Contract:
        """The contract as it stood at the beginning of an origin: replayed through all origins before it."""
        charter = origin.charter
        if charter.follows is None:
            return first_contract(charter, self.shelf)
        before = next((each for each in self.home.origins() if each.charter.origin == charter.follows.origin), None)
        side = self.sides.get(charter.follows.origin)
        if before is None or side is None or isinstance(side, WitnessSide):
            raise HomeError(f"this member has no copy of “{charter.follows.origin}”, which “{charter.origin}” follows")
        contract = followed(self._contract_before(before), side.holding.tiles, charter)
        if not is_ended(charter.follows, before.standing, contract.state):
            raise HomeError(f"the end of “{charter.follows.origin}” is not cosigned by its quorum")
        return contract

    def _part_of(self, charter: Charter) -> tuple[str, SignerKey]:
        """What a member does in an origin, and the key that it cosigns with there."""
        own = charter.members.get(self.label)
        if own is None:
            raise HomeError(
                f"{self.label} is no member of “{charter.origin}”", hint="have its card put into the charter"
            )
        for key in self.home.keyring.cosigners():
            if key.verifier.text == own.key:
                return own.part, key
        raise HomeError(f"the charter of “{charter.origin}” has another key of {self.label}")

    def _take_part(self, origin: Origin) -> Side:
        part, cosigner = self._part_of(origin.standing)
        if (origin.folder / FOLLOWED).exists():
            hint = "tidewaiter intake replica runs it"
            raise HomeError(f"this folder is a replica's of “{origin.charter.origin}”", hint=hint)
        side: Side
        if part == "witness":
            side = WitnessSide(origin, cosigner, self._common.failpoints)
        else:
            rules = partial(self._contract_before, origin)
            if part == "mirror":
                side = MirrorSide(origin, cosigner, rules, self._common)
            else:
                key = self.home.keyring.log(origin.charter.origin)
                side = SequencerSide(origin, key, rules, self._common)
        self.sides[origin.charter.origin] = side
        return side

    async def _ready(self, request: Request) -> Response:
        return Response(b"", 204)

    async def _stop(self, request: Request) -> Response:
        self.stop()
        return Response(b"", 204)

    def stop(self) -> None:
        """Answer what is under way, and leave."""
        self._stopping.set()

    async def serve(self, told: Callable[[], None] | None = None) -> None:
        """Answer others and the operator until told to stop, by `stop` or a signal; `told` is called once it listens."""
        for side in self.sides.values():
            side.start()
        service = Service([*Answering(self).routes(), *self.more_routes])
        operator = Service(
            [*self.operator_routes, Route("POST", "/stop", self._stop), Route("POST", "/ready", self._ready)]
        )
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        with listening(*self.config.host_and_port) as door, self._operators_door() as inner:
            servers = [server_of(service), server_of(operator)]
            tasks = [
                loop.create_task(server.serve([each])) for server, each in zip(servers, (door, inner), strict=True)
            ]
            while not all(server.started for server in servers):
                await asyncio.sleep(0.01)
            if told is not None:
                told()
            await self._stopping.wait()
            for server in servers:
                server.should_exit = True
            await asyncio.gather(*tasks)

    @contextlib.contextmanager
    def _operators_door(self) -> Iterator[socket.socket]:
        path = self.home.operator_socket
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
            door.bind(str(path))
            path.chmod(0o600)
            door.listen(16)
            try:
                yield door
            finally:
                path.unlink(missing_ok=True)
