"""A member that starts from a snapshot is the one that replays its whole journal; and one that cannot be believed is passed over."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import structs

from networks import Hand
from tidewaiter.ledger.batches import Promise
from tidewaiter.ledger.contracts import Contract, Role
from tidewaiter.ledger.contracts.statements import QuorumChanged, Statement
from tidewaiter.ledger.effects import Cosigned
from tidewaiter.ledger.leaves import Leaf, bucket
from tidewaiter.ledger.sequencing import Limits
from tidewaiter.ledger.tiles import tiles_of
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.network.charter import Charter
from tidewaiter.network.failing import FAIL_VARIABLE, Failpoints
from tidewaiter.network.files import segments_of
from tidewaiter.network.founding import found, threshold
from tidewaiter.network.home import Home, MemberConfig
from tidewaiter.network.keyring import submitter_number
from tidewaiter.network.mirror_side import MirrorSide
from tidewaiter.network.rules import Shelf, first_contract
from tidewaiter.network.sequencer_side import Common, SequencerSide
from tidewaiter.network.snapshots import Snapshot, SnapshotFolder

ORIGIN = "network.example/1"
MIRRORS = ("mirror-1", "mirror-2")
Side = SequencerSide | MirrorSide


class Members:
    """A sequencer and its mirrors in one process, driven by hand: nothing is sent over a network."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.homes = {
            label: Home.make(folder / label, MemberConfig(label=label, name=f"{label}.example", roles=(Role.CUSTOMS,)))
            for label in ("sequencer", *MIRRORS)
        }
        parts: Any = {home: "mirror" if label in MIRRORS else "sequencer" for label, home in self.homes.items()}
        quorum = threshold("quorum", 2, list(MIRRORS))
        self.charter: Charter = found(ORIGIN, parts, quorum, datetime.now(UTC))
        self.hands = [Hand(self.charter, next(home.keyring.submitters())) for home in self.homes.values()]
        self.chance = random.Random(1)
        self.decisions = 0
        self.sides: dict[str, Any] = {}

    def start(self) -> None:
        self.sides = {label: started(home) for label, home in self.homes.items()}

    async def stop(self) -> None:
        for side in self.sides.values():
            await side.stop()

    async def grow(self, batches: int, *, decide: bool = False, ends_final: bool = True) -> None:
        """So many batches, of which some are refused in part; each block goes to the mirrors, and some become final."""
        sequencer = self.sides["sequencer"]
        for number in range(batches):
            hand = self.chance.choice(self.hands)
            entries = hand.entries(self.chance.randrange(1, 25))
            if self.chance.random() < 0.3:
                entries = [*entries, *hand.entries(1)[-1:]]  # released, and never assessed: refused
            batch = hand.batch(entries)
            promise = await sequencer.submit(batch)
            assert isinstance(promise, Promise), promise
            assert len(promise.refused) == len(entries) % 4
            if self.chance.random() < 0.4 or number == batches - 1:
                sequencer.driver.carry_out(sequencer.machine.seal())
            if decide and number == batches // 2:
                await self._decide()
        await self._carry_over(ends_final=ends_final)

    async def _decide(self) -> None:
        self.decisions += 1
        body = QuorumChanged(origin=ORIGIN, decision=self.decisions, policy=self.charter.policy)
        statement = Statement.of(body)
        for hand in self.hands:
            statement = statement.signed(hand.key)
        sequencer, hand = self.sides["sequencer"], self.hands[0]
        sequencer.take_statement(statement)
        actor, at = submitter_number(hand.key), bucket(datetime.now(UTC))
        facts: dict[str, str | int] = {"policy": hashlib.sha256(self.charter.policy.encode()).hexdigest()}
        entry = Leaf(
            actor=actor, at=at, commitment=statement.commitment, facts=facts, scope=actor, type="quorum_changed"
        ).entry()
        promise = await sequencer.submit(hand.batch([entry]))
        assert not promise.refused, promise.refused

    async def _carry_over(self, *, ends_final: bool) -> None:
        sequencer = self.sides["sequencer"]
        while sequencer.holding.size < sequencer.machine.size:
            await asyncio.sleep(0)
        for label in MIRRORS:
            mirror = self.sides[label]
            while mirror.machine.size < sequencer.holding.size:
                for answer in await mirror.receive(sequencer.holding.blocks(mirror.machine.size, 8)):
                    assert isinstance(answer, Cosigned), answer
                    is_last = answer.size == sequencer.holding.size
                    if ends_final if is_last else self.chance.random() < 0.8:
                        sequencer._heard(label, answer)
        if sequencer.holding.final:
            for label in MIRRORS:
                assert self.sides[label].take_final(sequencer.holding.final)

    async def snapshot(self) -> None:
        for side in self.sides.values():
            side._take_snapshot()
            while side.holding.size < side.holding.end:
                await asyncio.sleep(0)
            await side._flush()


def started(home: Home) -> Side:
    origin, shelf = home.latest, Shelf(home.folder / "statements")
    common = Common(shelf, Failpoints.from_environment(), Limits(unfinal_max=10**9), home.config.label)

    def begin() -> Contract:
        return first_contract(origin.charter, shelf)

    if home.config.label in MIRRORS:
        return MirrorSide(origin, home.keyring.cosigner, begin, common)
    return SequencerSide(origin, home.keyring.log(ORIGIN), begin, common)


def opened(home: Home, look: Callable[[Side], Any]) -> Any:
    """What is seen of a member that has started, which then dies."""
    side = started(home)
    try:
        return look(side)
    finally:
        side.driver._journal.close()


def told(side: Side) -> dict[str, Any]:
    """All that a member answers from."""
    holding, machine = side.holding, side.machine
    first, blocks = 0, []
    while first < holding.size:
        blocks += holding.blocks(first, 3)
        first = blocks[-1].block.first + len(blocks[-1].block.entries)
    with pytest.raises(LedgerError, match="no block begins"):
        holding.blocks(1, 1)
    seen = {
        "root": side.contract.root(), "state": side.contract.state.snapshot(), "memory": known(machine),
        "size": (machine.size, holding.size, holding.end), "log": holding.root(holding.size), "final": holding.final,
        "note": holding.note, "blocks": blocks, "entries": holding.tiles.entries(0, holding.size),
        "tiles": {tile.path: holding.tiles.tile(tile) for tile in tiles_of(holding.size)}, "held": holding.held(),
        "agreed": [(each.size, each.charter) for each in side._agreements._agreed], "submitters": dict(machine.setup.submitters),
        "settled": holding.shelf.is_settled,
        "receipts": [holding.receipt(index).text for index in range(0, holding.final_size, 7)],
    }  # fmt: skip
    if isinstance(side, SequencerSide):
        seen["moment"] = (machine._latest, machine._closed_at)  # type: ignore[union-attr]
    return seen


def known(machine: Any) -> Any:
    """What a machine knows beside the state; of a sequencer within a block its running numbers."""
    try:
        return machine.memory()
    except LedgerError:
        return machine.numbers


def as_replayed(home: Home) -> dict[str, Any]:
    """What is seen of a member without its snapshots."""
    aside = home.folder.with_name(f"{home.folder.name}.whole")
    shutil.copytree(home.folder, aside)
    try:
        shutil.rmtree(aside / "origins/0001/snapshots", ignore_errors=True)
        return opened(Home(aside), told)
    finally:
        shutil.rmtree(aside)


def snapshots(home: Home) -> list[Path]:
    return list(SnapshotFolder(home.latest.snapshots).newest_first())


@pytest.fixture(scope="module")
def members(tmp_path_factory: pytest.TempPathFactory) -> Members:
    """Members with two snapshots each and blocks behind the last, which were killed."""
    made = Members(tmp_path_factory.mktemp("members"))

    async def lives() -> None:
        made.start()
        await made.grow(12, decide=True)
        await made.snapshot()
        await made.grow(6, ends_final=False)
        await made.grow(6)
        await made.snapshot()
        await made.grow(3, decide=True, ends_final=False)
        for side in made.sides.values():
            await side.driver.close()

    asyncio.run(lives())
    return made


@pytest.fixture
def copy(members: Members, tmp_path: Path) -> Callable[[str], Home]:
    def made(label: str) -> Home:
        shutil.copytree(members.homes[label].folder, tmp_path / label)
        return Home(tmp_path / label)

    return made


@pytest.fixture(autouse=True)
def told_of(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.WARNING, "tidewaiter.network.snapshots")
    return caplog


@pytest.mark.parametrize("label", ["sequencer", "mirror-1"])
def test_a_member_from_a_snapshot_is_the_one_that_replays_all(
    copy: Callable[[str], Home], label: str, told_of: pytest.LogCaptureFixture
) -> None:
    home = copy(label)
    replayed = as_replayed(home)
    assert len(snapshots(home)) == 2
    for _ in range(2):  # from the last one, and from the one before
        assert opened(home, told) == replayed
        snapshots(home)[0].unlink()
    assert not told_of.records
    assert opened(home, lambda side: side._keeper._size) < replayed["size"][0]


def changed(path: Path, **values: Any) -> None:
    """A snapshot whose file is whole, and that says something else."""
    path.write_bytes(structs.replace(Snapshot.parse(path.read_bytes()), **values).data)


def other(path: Path) -> Snapshot:
    """The other one of two snapshots."""
    return Snapshot.parse(next(each for each in path.parent.iterdir() if each != path).read_bytes())


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def without_a_scope(state: bytes) -> bytes:
    form, realm, keys, scopes, payments = msgspec.msgpack.decode(state)
    del scopes[min(scopes)]
    return msgspec.msgpack.encode([form, realm, keys, scopes, payments], order="deterministic")


DAMAGE: dict[str, Callable[[Path], object]] = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: os.truncate(path, path.stat().st_size - 1),
    "half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "a byte of its digest": lambda path: path.write_bytes(flipped(path.read_bytes(), 3)),
    "a byte of its end": lambda path: path.write_bytes(flipped(path.read_bytes(), -1)),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "another form": lambda path: changed(path, form="tidewaiter snapshot v0"),
    "another origin": lambda path: changed(path, origin="network.example/2"),
    "another size": lambda path: changed(path, size=1),
    "another first entry": lambda path: changed(path, first=other(path).first),
    "another block's checkpoint": lambda path: changed(path, note=other(path).note),
    "another block's place": lambda path: changed(path, place=other(path).place),
    "a place within a record": lambda path: changed(path, place=(1, other(path).place[1] + 1)),
    "a place in no file": lambda path: changed(path, place=(7, 0)),
    "a place before the first file": lambda path: changed(path, place=(0, 0)),
    "another edge": lambda path: changed(path, edge=other(path).edge),
    "no edge": lambda path: changed(path, edge=()),
    "another state": lambda path: changed(path, state=other(path).state),
    "a state that lacks something": lambda path: changed(
        path, state=without_a_scope(Snapshot.parse(path.read_bytes()).state)
    ),
    "no state": lambda path: changed(path, state=b""),
    "no memory": lambda path: changed(path, memory=b""),
}  # fmt: skip


@pytest.mark.parametrize("label", ["sequencer", "mirror-1"])
@pytest.mark.parametrize("damage", DAMAGE)
def test_what_cannot_be_believed_is_passed_over(
    copy: Callable[[str], Home], label: str, damage: str, told_of: pytest.LogCaptureFixture
) -> None:
    home = copy(label)
    replayed = as_replayed(home)
    newest, before = snapshots(home)
    whole = newest.read_bytes()
    DAMAGE[damage](newest)
    assert opened(home, told) == replayed
    assert [newest.name in each.getMessage() for each in told_of.records] == [True]
    if newest.is_dir():
        newest.rmdir()
    newest.write_bytes(whole)
    DAMAGE[damage](before)
    newest.write_bytes(b"nothing")
    told_of.clear()
    assert opened(home, told) == replayed
    assert len(told_of.records) == 2


def test_a_flipped_byte_anywhere_is_no_error_and_no_other_state(copy: Callable[[str], Home]) -> None:
    home = copy("mirror-1")
    replayed = as_replayed(home)
    path, chance = snapshots(home)[0], random.Random(7)
    whole = path.read_bytes()
    for _ in range(12):
        path.write_bytes(flipped(whole, chance.randrange(len(whole))))
        with pytest.raises(LedgerError):
            Snapshot.parse(path.read_bytes())
    assert opened(home, told) == replayed


def test_a_snapshot_of_another_member_is_none(copy: Callable[[str], Home]) -> None:
    mirror, sequencer = copy("mirror-1"), copy("sequencer")
    replayed = as_replayed(mirror)
    for path in snapshots(mirror):
        path.unlink()
    for path in snapshots(sequencer):
        shutil.copy(path, mirror.latest.snapshots)
    assert opened(mirror, told) == replayed


@pytest.mark.parametrize("label", ["sequencer", "mirror-1"])
@pytest.mark.parametrize("behind", [-1, 0, 1, 5, 40])
def test_a_snapshot_ahead_of_a_journal_that_was_cut_is_passed_over(
    copy: Callable[[str], Home], label: str, behind: int, told_of: pytest.LogCaptureFixture
) -> None:
    """The journal ends so many bytes behind where the block of the last snapshot begins."""
    home = copy(label)
    newest, before = (Snapshot.parse(path.read_bytes()) for path in snapshots(home))
    os.truncate(segments_of(home.latest.journal)[-1], newest.place[1] + behind)
    (home.latest.folder / "final").unlink(missing_ok=True)
    size = opened(home, lambda side: (side._keeper._size, side.holding.size))
    assert size[0] == before.size <= size[1] < newest.size
    assert len(told_of.records) == 1
    begun, replayed = opened(home, told), as_replayed(home)
    replayed.pop(
        "agreed"
    )  # a journal that was cut may not tell that this is final, as it was when the snapshot was taken
    assert begun.pop("agreed") == []
    assert begun == replayed


def test_tiles_that_are_not_safe_are_written_again(copy: Callable[[str], Home]) -> None:
    home = copy("mirror-1")
    replayed = as_replayed(home)
    shutil.rmtree(home.latest.tiles)
    assert opened(home, told) == replayed


@pytest.mark.parametrize("place", ["file.write", "file.sync", "file.rename", "folder.sync", "snapshot.written"])
def test_a_member_starts_wherever_the_writing_of_a_snapshot_ended(copy: Callable[[str], Home], place: str) -> None:
    home = copy("mirror-1")
    replayed = as_replayed(home)
    newest, before = snapshots(home)
    aside = newest.rename(home.folder / "aside")
    (newest.parent / f"{1:020d}").write_bytes(before.read_bytes())
    code = (
        "import sys; from pathlib import Path; from tidewaiter.network.failing import Failpoints;"
        "from tidewaiter.network.snapshots import Snapshot, SnapshotFolder;"
        "data = Path(sys.argv[2]).read_bytes();"
        "SnapshotFolder(Path(sys.argv[1]), Failpoints.from_environment()).write(Snapshot.parse(data))"
    )
    environment = {**os.environ, FAIL_VARIABLE: place, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", code, str(newest.parent), str(aside)]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    is_there = place in ("folder.sync", "snapshot.written")
    began = Snapshot.parse((aside if is_there else before).read_bytes()).size
    assert opened(home, lambda side: side._keeper._size) == began
    assert opened(home, told) == replayed
    environment.pop(FAIL_VARIABLE)
    subprocess.run(command, env=environment, check=True)
    assert sorted(path.name for path in newest.parent.iterdir()) == sorted([newest.name, before.name])


def test_members_go_on_from_snapshots_again_and_again(tmp_path: Path) -> None:
    """Random lives with stops, deaths, refusals and decisions: at each start all is as a replay has it."""
    members = Members(tmp_path)

    async def lives(number: int) -> None:
        members.start()
        for label, side in members.sides.items():
            assert (side._keeper._size > 0) == bool(snapshots(members.homes[label]))
        decide, ends_final = members.chance.random() < 0.3, members.chance.random() < 0.7
        await members.grow(members.chance.randrange(1, 12), decide=decide, ends_final=ends_final)
        if members.chance.random() < 0.5:
            await members.snapshot()
            await members.grow(members.chance.randrange(1, 4))
        if number % 3 == 2:
            for side in members.sides.values():
                await side.driver.close()
        else:
            await members.stop()

    for number in range(8):
        asyncio.run(lives(number))
        for home in members.homes.values():
            assert len(snapshots(home)) <= 2
            assert opened(home, told) == as_replayed(home)


def test_no_snapshot_is_taken_while_a_decision_is_not_final(tmp_path: Path) -> None:
    """Who starts from one knows of no decision before it that is still to count."""
    members = Members(tmp_path)

    async def lives() -> None:
        members.start()
        await members.grow(2, decide=True, ends_final=False)
        await members.stop()
        assert not any(map(snapshots, members.homes.values()))
        members.start()
        await members.grow(1)
        await members.stop()

    asyncio.run(lives())
    for home in members.homes.values():
        assert len(snapshots(home)) == 1
        assert opened(home, told) == as_replayed(home)


def test_blocks_before_a_snapshot_are_found_between_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tidewaiter.network.holding.MARK_BYTES", 5_000)
    members = Members(tmp_path)

    async def lives() -> None:
        members.start()
        await members.grow(40)
        await members.stop()

    asyncio.run(lives())
    for home in members.homes.values():
        assert opened(home, lambda side: len(side.holding.held().marks)) > 4
        assert opened(home, told) == as_replayed(home)


def test_a_snapshot_is_due_once_for_each_segment_and_members_take_turns(tmp_path: Path) -> None:
    members = Members(tmp_path)
    taken: dict[str, list[int]] = {label: [] for label in members.homes}

    async def lives() -> None:
        members.start()
        for label, side in members.sides.items():
            every, turn = 30_000, list(members.homes).index(label)
            side._keeper._every, side._keeper._ahead = every, every * turn // 3
            side._keeper._mile = side._keeper._mile_of((1, 0))
        for _ in range(40):
            await members.grow(2)
            for label, side in members.sides.items():
                if side._keeper.is_due:
                    side._take_snapshot()
                    taken[label].append(side.holding.last[1][1])
        await members.stop()

    asyncio.run(lives())
    for label, places in taken.items():
        turn = list(members.homes).index(label)
        miles = [(place + 10_000 * turn) // 30_000 for place in places]
        assert len(miles) > 2
        assert miles == list(range(1, len(miles) + 1)), label
