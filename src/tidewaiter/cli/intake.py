"""`tidewaiter intake`: batches of a network's record stored in a file or on servers of NATS, until the log has them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, cast

import msgspec
from cyclopts import App, Parameter

from tidewaiter.cli import output
from tidewaiter.cli.output import Output, UsageError
from tidewaiter.ledger.batches import Batch
from tidewaiter.ledger.contracts.statements import Statement
from tidewaiter.ledger.effects import Refuse
from tidewaiter.ledger.entries import Entries
from tidewaiter.ledger.leaves import key_number
from tidewaiter.network.adapters.batches import check_for, offered
from tidewaiter.network.adapters.embedded import EmbeddedIntake
from tidewaiter.network.adapters.feeding import Feeder, to_member
from tidewaiter.network.adapters.following import Taken
from tidewaiter.network.adapters.intake import Check, Intake, Reached, handed_in
from tidewaiter.network.charter import Charter
from tidewaiter.network.rules import named_in

if TYPE_CHECKING:
    from tidewaiter.network.adapters.nats import NatsIntake

app = App(name="intake")

SERVERS_VARIABLE: Final = "TIDEWAITER_NATS"
WITHIN_SECONDS: Final = 60.0
CharterFile = Annotated[Path, Parameter(help="The charter of the origin, as its members have it.")]


@Parameter(name="*")
@dataclass(frozen=True)
class Where:
    """Where batches are stored: in a file of this machine, or on servers of NATS."""

    file: Annotated[Path | None, Parameter(help="A file of batches, which one process opens at a time.")] = None
    server: Annotated[
        tuple[str, ...],
        Parameter(
            help=f"A server, as nats://host:port; several where there are several. Else those in {SERVERS_VARIABLE}, with commas."
        ),
    ] = ()
    credentials: Annotated[Path | None, Parameter(help="A file of credentials, as `nsc` writes it.")] = None
    replicas: Annotated[int, Parameter(help="How many servers keep each batch.")] = 5

    @asynccontextmanager
    async def opened(self, charter: Charter) -> AsyncIterator[Intake]:
        """The intake, until it is left. Raises UsageError where it is not said which, UnavailableError."""
        if self.file is not None and not self.server:
            intake: Intake = EmbeddedIntake(self.file, _check(charter), charter.numbers)
        else:
            intake = await self.at_servers(charter)
        try:
            yield intake
        finally:
            await intake.close()

    def servers(self) -> tuple[str, ...]:
        """The servers. Raises UsageError where none are named."""
        servers = self.server or tuple(each for each in os.environ.get(SERVERS_VARIABLE, "").split(",") if each)
        if self.file is not None or not servers:
            raise UsageError("an intake is in a file or on servers", hint="--file FILE, or --server nats://HOST:PORT")
        return servers

    async def at_servers(self, charter: Charter, check: Check | None = None) -> NatsIntake:
        """The intake on servers. Raises UsageError where none are named, UnavailableError."""
        known = _known(charter)
        intake = await _nats().opened(
            self.servers(), charter.origin, check or check_for(charter.origin, known), replicas=self.replicas,
            start=charter.numbers, credentials=self.credentials,
        )  # fmt: skip
        if check is None:  # a door takes what is by a key that members brought in since
            try:
                known.update(await intake.keys())
            except BaseException:
                await intake.close()
                raise
        return intake


def _nats() -> type[NatsIntake]:
    """What takes batches to servers. Raises UsageError where the extra is not installed."""
    try:
        from tidewaiter.network.adapters.nats import NatsIntake
    except ImportError as error:
        raise UsageError(f"servers need the extra `nats`: {error}", hint="pip install 'tidewaiter[nats]'") from None
    return NatsIntake


@app.command
def offer(
    charter: CharterFile,
    batches: Annotated[tuple[Path, ...], Parameter(help="Signed batches, each as `POST /record/batch` takes it.")],
    *,
    statement: Annotated[
        tuple[Path, ...],
        Parameter(help="A signed statement that an entry of one of the batches stands for; may come again."),
    ] = (),
    where: Where = Where(),
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Have batches stored, and say at which position each is. The same one again gets the same position."""
    read = Charter.parse(charter.read_bytes())
    stated = {path: path.read_bytes() for path in statement}
    found = [(path, _read_batch(path)) for path in batches]
    going = [_going_with(batch, stated) for _, batch in found]
    if left := stated.keys() - {path for paths in going for path in paths}:
        raise UsageError(
            f"no entry of these batches stands for the statement in {min(left).name}",
            hint="the entry's commitment is that of the statement",
        )

    async def run() -> list[dict[str, object]]:
        async with where.opened(read) as intake:
            return [
                {"batch": path.name, "by key": batch.key, "number": batch.number,
                 "position": (await handed_in(intake, offered(batch, [stated[each] for each in paths]), WITHIN_SECONDS)).position}
                for (path, batch), paths in zip(found, going, strict=True)
            ]  # fmt: skip

    output.print_rows(asyncio.run(run()), output_as, title="stored")
    return output.EXIT_OK


@app.command
def feed(
    charter: CharterFile,
    *,
    position: Annotated[Path, Parameter(help="The file that keeps how far it has come.")],
    where: Where = Where(),
    until_empty: Annotated[bool, Parameter(help="End once there is nothing more.")] = False,
) -> int:
    """Hand what is stored in to the network's sequencer, in order and until each is answered; until interrupted.

    What is refused for good is told in the output, and holds up nobody else.
    """
    read = Charter.parse(charter.read_bytes())

    def told(taken: Taken) -> None:
        answer = taken.answer
        if isinstance(answer, Refuse):
            line = f"{taken.position}: not in the log: {answer.why} ({answer.code})"
        else:
            line = f"{taken.position}: entries {answer.first} to {answer.first + answer.count - 1}"
            line += "".join(f"; {each.place} refused: {each.why} ({each.code})" for each in answer.refused)
        output.out().print(line, markup=False, soft_wrap=True)

    async def run() -> None:
        async with where.opened(read) as intake:
            feeder = Feeder(intake, to_member(read), position)
            if not until_empty:
                await feeder.run(told)
            while await feeder.step(told):
                pass

    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run())
    return output.EXIT_OK


@app.command
def replica(
    folder: Annotated[Path, Parameter(help="The replica's folder, a member's, which has the log's key.")],
    *,
    where: Where = Where(),
) -> int:
    """Run one replica of a log until interrupted: follow the servers, cosign, lead while nobody else does; answer readers.

    Several of them, each on a machine of its own, make the same log. What each does is told on standard error; what is final
    is read where the folder's `listen` says, by `ledger verify --url` or any reader of c2sp.org/tlog-tiles.
    """
    _ = _nats()
    from tidewaiter.network.adapters.replicating import opened, serve

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s")
    logging.getLogger("tidewaiter.network").setLevel(logging.INFO)
    where.servers()
    with opened(folder) as copy:
        asyncio.run(serve(copy, where.at_servers))
    return output.EXIT_OK


@app.command
def export(
    folder: Annotated[Path, Parameter(help="The folder of a replica that does not run.")],
    to: Annotated[Path, Parameter(help="Folder to write into.")],
    *,
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Write what is final in a replica's copy as files that `ledger verify --folder` and any reader of c2sp.org/tlog-tiles take."""
    _ = _nats()
    from tidewaiter.network.adapters.replicating import opened

    with opened(folder) as copy:
        found = {"log": copy.charter.origin, "entries": copy.write(to), "folder": str(to)}
    output.print_one(found, output_as)
    return output.EXIT_OK


@app.command
def status(
    charter: CharterFile,
    *,
    where: Where = Where(),
    output_as: Output = Output(),  # noqa: B008
) -> int:
    """Say which number each key's next batch has and, of servers, who leads and how far each replica is."""
    read = Charter.parse(charter.read_bytes())

    async def run() -> dict[str, object]:
        async with where.opened(read) as intake:
            reached, known = await intake.reached(), _known(read)
            told: dict[str, object] = {"final up to batch": reached.position, "may wait": reached.room}
            if where.file is None:
                told = {**await _of_servers(read, cast("NatsIntake", intake), reached), **told}
                known |= await cast("NatsIntake", intake).keys()
            return told | {f"next of {key}": await intake.next_number(key) for key in known}

    output.print_one(asyncio.run(run()), output_as, title=read.origin)
    return output.EXIT_OK


async def _of_servers(charter: Charter, intake: NatsIntake, reached: Reached) -> dict[str, object]:
    """Who leads, how far the log is final, and how far each replica is behind what is stored."""
    from tidewaiter.network.adapters.leading import final_of, leader_of, positions_of, state_of

    last = await intake.last_position()
    note = await final_of(await state_of(intake))
    believed = charter.read_policy.believed(note) if note else None
    checkpoint = believed.checkpoint if believed and believed.verdict else None
    positions = sorted((await positions_of(intake)).items())
    return {
        "stream": intake.stream,
        "leads": await intake.leader(),
        "leading replica": await leader_of(intake) or "none",
        "final entries": checkpoint.size if checkpoint else 0,
        "stored up to batch": last,
        "not final yet": max(0, last - reached.position),
        **{f"replica {name}": f"at batch {at}, {max(0, last - at)} behind" for name, at in positions},
    }


@app.command
def trim(
    charter: CharterFile,
    position: Annotated[int, Parameter(help="The position up to which every replica and feeder has what is stored.")],
    *,
    where: Where = Where(),
) -> int:
    """Have servers forget batches up to a position, but the last of each key. Refused where a replica is not as far."""
    read = Charter.parse(charter.read_bytes())

    async def run() -> None:
        from tidewaiter.network.adapters.leading import positions_of

        intake = await where.at_servers(read)
        try:
            behind = {name: at for name, at in (await positions_of(intake)).items() if at < position}
            if behind:
                name, at = min(behind.items(), key=lambda each: each[1])
                raise UsageError(f"the replica {name} is at {at}", hint=f"trim up to {at}, or wait")
            await intake.trim(position)
        finally:
            await intake.close()

    asyncio.run(run())
    return output.EXIT_OK


def _known(charter: Charter) -> dict[str, bytes]:
    return {key_number(key): key for member in charter.members.values() for key in member.submitters}


def _check(charter: Charter) -> Check:
    return check_for(charter.origin, _known(charter))


def _going_with(batch: Batch, statements: Mapping[Path, bytes]) -> list[Path]:
    """Those of the statements that entries of a batch stand for, by file. Raises LedgerError for what is none."""
    named = set(named_in(Entries.of(batch.entries)))
    return [path for path, data in statements.items() if Statement.parse(data).commitment in named]


def _read_batch(path: Path) -> Batch:
    data = path.read_bytes()
    try:
        return msgspec.json.decode(data, type=Batch) if data[:1] == b"{" else msgspec.msgpack.decode(data, type=Batch)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path.name} is no batch: {error}", hint="docs/reference/network-machines.md has its members"
        ) from error
