"""What `docs/how-to/replicate.md` shows runs as it stands: replicas as processes on five servers of NATS, one of them killed."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import msgspec
import pytest

pytest.importorskip("nats", reason="the extra `nats` is not installed")

import tidewaiter
from intakes import nats_cluster
from networks import Hand
from tidewaiter.cli.bench.nats_servers import Cluster
from tidewaiter.ledger.contracts import Role
from tidewaiter.ledger.contracts.statements import KeyRegistered, Statement
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.ledger.leaves import BUCKET_SECONDS, Leaf, bucket
from tidewaiter.ledger.wire import written_base64
from tidewaiter.network.charter import Charter
from tidewaiter.network.home import Home
from tidewaiter.network.keyring import submitter_number
from tidewaiter.network.ports import free_ports

__all__ = ["nats_cluster"]
PAGE = (Path(__file__).resolve().parents[2] / "docs/how-to/replicate.md").read_text()
BLOCKS = re.compile(r"```bash\n(.*?)```", re.DOTALL)
WITHIN_SECONDS = 60.0
BLOCK = 2 * 4 + 1  # two consignments of four entries, and the one that closes a block
LABELS = ("r1", "r2", "r3")


class Site:
    """A folder in which the page's commands are typed; what was started goes on until it ends."""

    def __init__(self, folder: Path, servers: list[str]) -> None:
        self.folder = folder
        code = str(Path(tidewaiter.__file__).parents[1])
        self._words = {**os.environ, "TIDEWAITER_NATS": ",".join(servers), "PYTHONPATH": code}
        ports = free_ports(len(LABELS) + 1)
        self.ports = dict(zip((*LABELS, "customs"), ports, strict=True))
        shown = {f"860{number}": str(port) for number, port in enumerate(ports, start=1)}
        self._shown = re.compile("|".join(shown))
        self._port = lambda match: shown[match[0]]
        self.running: dict[str, subprocess.Popen[str]] = {}

    def lines(self, block: str) -> Iterator[list[str]]:
        """The commands of a block of the page, each with this site's ports."""
        for line in self._shown.sub(self._port, block).replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0] != "export":
                assert words[0] == "tidewaiter", line
                yield words[1:]

    def typed(self, *words: str | Path, servers: str | None = None) -> subprocess.CompletedProcess[str]:
        """What a command came to; with other servers than this site's where they are named."""
        told = self._words if servers is None else {**self._words, "TIDEWAITER_NATS": servers}
        return subprocess.run(self._command(words), cwd=self.folder, env=told, text=True, capture_output=True)

    def done(self, *words: str | Path) -> str:
        """What a command printed that has to succeed; what it redirects is written."""
        said = [str(word) for word in words]
        into = said[said.index(">") + 1] if ">" in said else ""
        done = self.typed(*(said[: said.index(">")] if into else said))
        assert done.returncode == 0, (words, done.stderr)
        if into:
            (self.folder / into).write_text(done.stdout)
        return done.stdout

    def start(self, label: str, *words: str) -> None:
        """Start a replica; what it says is kept beside its folder."""
        with (self.folder / f"{label}.said").open("a") as said:
            self.running[label] = subprocess.Popen(
                self._command(words), cwd=self.folder, env=self._words, text=True, stderr=said
            )

    def said(self, label: str) -> str:
        return (self.folder / f"{label}.said").read_text()

    def status(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.done("intake", "status", "charter.json", "--json"))
        return found

    def until(self, holds: Callable[[dict[str, object]], bool]) -> dict[str, object]:
        """The status once something holds of it."""
        until = time.monotonic() + WITHIN_SECONDS
        while not holds(found := self.status()):
            assert time.monotonic() < until, (found, *(self.said(label) for label in self.running))
            time.sleep(0.2)
        return found

    @staticmethod
    def _command(words: tuple[str | Path, ...]) -> list[str]:
        start = "import sys; from tidewaiter.cli.app import main; main(sys.argv[1:])"
        return [sys.executable, "-c", start, *map(str, words)]


@pytest.fixture
def site(tmp_path: Path, nats_cluster: Cluster) -> Iterator[Site]:
    made = Site(tmp_path, nats_cluster.addresses)
    yield made
    for process in made.running.values():
        process.kill()
        process.wait()


def offered(site: Site, hand: Hand, count: int) -> int:
    """Hand in so many batches of two consignments by the command; the position of the last."""
    files = []
    for _ in range(count):
        batch = hand.batch(hand.entries(2))
        files.append(f"batch-{batch.number}")
        (site.folder / files[-1]).write_bytes(msgspec.json.encode(batch))
    told = json.loads(site.done("intake", "offer", "charter.json", *files, "--json"))
    return int(told[-1]["position"])


def registered(site: Site, hand: Hand) -> tuple[Statement, Hand]:
    """A further key of customs, handed in by the command with the statement that brings it; and a hand that has it."""
    key = SignerKey("further", KeyType.ED25519, bytes(range(32)))
    at = bucket(datetime.now(UTC))
    body = KeyRegistered(
        origin=hand.charter.origin, key=written_base64(key.verifier.public), roles=(Role.CUSTOMS,),
        until=at + 1_000 * BUCKET_SECONDS, member="customs",
    )  # fmt: skip
    statement = Statement.of(body).signed(key).signed(hand.key)
    entry = Leaf(
        actor=submitter_number(hand.key), at=at, commitment=statement.commitment, facts={},
        scope=submitter_number(hand.key), type="key_registered",
    ).entry()  # fmt: skip
    (site.folder / "further.json").write_bytes(statement.data)
    (site.folder / "further.batch").write_bytes(msgspec.json.encode(hand.batch([entry])))
    said = site.typed("intake", "offer", "charter.json", f"batch-{hand.number - 1}", "--statement", "further.json")
    assert "no entry of these batches stands for the statement in further.json" in " ".join(said.stderr.split())
    site.done("intake", "offer", "charter.json", "further.batch", "--statement", "further.json")
    return statement, Hand(hand.charter, key)


def test_the_page_runs_as_it_stands_and_the_log_outlives_its_leader(site: Site) -> None:
    founding, running, looking, verifying = BLOCKS.findall(PAGE)
    for words in site.lines(founding):
        site.done(*words)
    charter = Charter.parse((site.folder / "charter.json").read_bytes())
    for words in site.lines(running):
        assert words[:2] == ["intake", "replica"]
        site.start(words[2], *words)
    hand = Hand(charter, next(iter(Home(site.folder / "customs").keyring.submitters())))

    last = offered(site, hand, 4)
    found = site.until(lambda found: found["final up to batch"] == last)
    assert found["final entries"] == last * BLOCK
    assert found["not final yet"] == 0
    names = {label: Home(site.folder / label).config.name for label in LABELS}
    for label in LABELS:
        site.until(lambda found, label=label: found.get(f"replica {names[label]}") == f"at batch {last}, 0 behind")

    leader = next(label for label in LABELS if names[label] == found["leading replica"])
    killed = site.running.pop(leader)
    killed.kill()
    killed.wait()
    last = offered(site, hand, 3)
    statement, further = registered(site, hand)  # while nobody leads
    last += 1
    size = (last - 1) * BLOCK + 2
    found = site.until(lambda found: found["final up to batch"] == last)
    assert found["final entries"] == size
    assert found[f"next of {submitter_number(further.key)}"] == 1
    assert found["leading replica"] in {names[label] for label in LABELS if label != leader}
    assert "leads from here on" in "".join(site.said(label) for label in site.running)

    for words in site.lines(looking):
        site.done(*words)
    other, third = sorted(site.running)
    address = f"http://127.0.0.1:{site.ports[other]}"
    until = time.monotonic() + WITHIN_SECONDS
    while f"\n{size}\n" not in httpx.get(f"{address}/2026/checkpoint").text:
        assert time.monotonic() < until
        time.sleep(0.1)
    seen = json.loads(site.done("ledger", "verify", "--url", address, "--json"))
    assert (seen["entries"], seen["problems"]) == (size, [])
    assert httpx.get(f"{address}/2026/statements/{statement.commitment}").content == statement.data
    assert httpx.get(f"{address}/2026/statements/{'0' * 64}").json()["code"] == "statement.none"
    assert httpx.get(f"{address}/else/checkpoint").json()["code"] == "origin.unknown"

    started = time.monotonic()
    site.running[other].send_signal(signal.SIGTERM)
    site.running[third].send_signal(signal.SIGINT)
    assert [site.running[label].wait(WITHIN_SECONDS) for label in (other, third)] == [0, 0]
    assert time.monotonic() - started < WITHIN_SECONDS
    for label in (other, third):
        assert f"{label} stopped at batch {last}: {size} entries, {size} of them final" in site.said(label)
        assert "Traceback" not in site.said(label)

    # The one that was killed goes on where its disk ended, and what each has on its own is verified without anybody.
    for words in site.lines(verifying):
        words = [word.replace("r2", other) for word in words]
        printed = site.done(*words)
    seen = json.loads(site.done("ledger", "verify", "--folder", "exported", "--policy", "exported/policy", "--json"))
    assert (seen["entries"], seen["problems"]) == (size, [])
    assert "problems" in printed
    assert (site.folder / "exported/2026/statements" / statement.commitment).read_bytes() == statement.data
    site.start(leader, "intake", "replica", leader)
    site.start(third, "intake", "replica", third)
    last = offered(site, further, 1)
    found = site.until(lambda found: found["final up to batch"] == last)
    assert found["final entries"] == size + BLOCK


def test_what_is_wrong_is_said_with_what_to_do(site: Site) -> None:
    founding, *_ = BLOCKS.findall(PAGE)
    for words in site.lines(founding):
        site.done(*words)

    def refused(*words: str, without_servers: bool = False) -> str:
        done = site.typed(*words, servers="" if without_servers else None)
        assert done.returncode in (1, 2), done.stdout
        assert "Traceback" not in done.stderr
        return " ".join(done.stderr.split())

    said = refused("intake", "replica", "r1", without_servers=True)
    assert "--server nats://HOST:PORT" in said
    assert "is no member's folder" in refused("intake", "replica", "nowhere")
    assert "takes part in no log yet" in refused("intake", "replica", "customs")
    site.done("node", "join", "customs", "charter.json")
    said = refused("intake", "replica", "customs")
    assert "there is no key log-" in said
    assert "copy that file from the folder in which the log was founded" in said
    site.done("node", "init", "alone", "--label", "alone", "--name", "alone.example")
    assert "nothing of this log is final here yet" in refused("intake", "export", "r3", "out")
    assert not (site.folder / "out").exists()

    # The log's key of another founding, and one that others can read.
    other = ("network", "found", "other.example/2026", "alone", "r2.card", "--sequencer", "alone", "--replica", "alone")
    site.done("node", "card", "r2", ">", "r2.card")
    site.done(*other, "--quorum", "1", "--out", "other.json")
    (key,) = (site.folder / "r2/keys").glob("log-*.key")
    (wrong,) = (site.folder / "alone/keys").glob("log-*.key")
    right = key.read_bytes()
    key.write_bytes(wrong.read_bytes())
    assert "is not the one that the charter of “record.example/2026” names" in refused("intake", "replica", "r2")
    key.write_bytes(right)
    key.chmod(0o640)
    assert "others can read log-" in refused("intake", "replica", "r2")
    key.chmod(0o600)
    (site.folder / "customs/origins/0001/charter.json").write_bytes((site.folder / "other.json").read_bytes())
    assert "does not name the key that customs cosigns with" in refused("intake", "replica", "customs")
    # A folder holds a replica or a member of another kind, not both.
    (site.folder / "r3/origins/0001/followed").touch()
    assert "this folder is a replica's" in refused("node", "run", "r3")
    (site.folder / "r1/origins/0001/journal").mkdir()
    assert "by tidewaiter node run" in refused("intake", "replica", "r1")
    assert "--quorum is their majority" in refused(*other, "--quorum", "2", "--out", "other.json")
