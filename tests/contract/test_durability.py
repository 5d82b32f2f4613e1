"""What was acknowledged survives kill -9, of the intake and of the database; nothing is written twice.

Only processes started here are killed.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from itertools import islice
from pathlib import Path

import pytest

from tidewaiter.cli.bench import parcels
from tidewaiter.messages import forms
from tidewaiter.store import PostgresStore, Settings, open_store
from tidewaiter.store.embedded import EmbeddedServer
from tidewaiter.workflow import crew, processing, replay
from tidewaiter.workflow.crew import WorkerLostError
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.ports import Filter, Notice

DAY = date(2026, 11, 20)
COUNT = 2_000
SOURCE = Path(__file__).resolve().parents[2] / "src"

SUBMIT = """
import sys
from datetime import date
from tidewaiter.store import PostgresStore
from tidewaiter.workflow.intake import Intake

if __name__ == "__main__":
    store = PostgresStore(sys.argv[1])
    with open(sys.argv[2], "rb") as stream:
        Intake(store, workers=int(sys.argv[3])).submit(
            stream, sender_id=1, file_name="night.json", transport="test", legal_day=date(2026, 11, 20)
        )
"""


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A message long enough to be interrupted."""
    file = tmp_path_factory.mktemp("night") / "night.json"
    file.write_bytes(b"".join(parcels.message("json", COUNT, 1, DAY)))
    return file


def start_submitting(url: str, night: Path, folder: Path, workers: int) -> subprocess.Popen[bytes]:
    script = folder / "submit.py"
    script.write_text(SUBMIT)
    return subprocess.Popen(
        [sys.executable, str(script), url, str(night), str(workers)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)}, stderr=subprocess.PIPE,
    )  # fmt: skip


def wait_until_midway(store: PostgresStore, process: subprocess.Popen[bytes]) -> None:
    """Until some records of the message are written, and not all."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        messages = store.messages(None, 1)
        if messages and 0 < messages[0].record_count < COUNT:
            return
        if process.poll() is not None:
            break
        time.sleep(0.005)
    _, said = process.communicate(timeout=60)
    pytest.fail(f"the message was never found half written: {said.decode()[-2000:]}")


def assert_whole(store: PostgresStore) -> None:
    """Every record once, each with its evidence and notices, and all come out the same again."""
    (message,) = store.messages(None, 10)
    assert message.is_processed
    assert message.record_count == COUNT
    assert store.counts()["declarations"] == COUNT
    positions: list[int] = []
    before_id = None
    while rows := store.declarations(Filter(message_id=message.message_id, before_id=before_id, limit=1000)):
        positions += [row.position for row in rows]
        before_id = rows[-1].declaration_id
    assert sorted(positions) == list(range(1, COUNT + 1))
    spans = store.spans(message.message_id)
    assert [span.first_position for span in spans] == [1, *(span.last_position + 1 for span in spans[:-1])]
    last = store.declarations(Filter(limit=1))[0]
    assert store.record(last.declaration_id) in b"".join(store.message_bytes(message.message_id))
    assert store.decision(last.declaration_id).declaration is not None
    report = replay.replay_all(store, workers=1)
    assert report.differences == ()
    assert report.replayed == report.same == COUNT


@pytest.mark.parametrize("workers", [1, 2])
def test_the_intake_is_killed_midway(
    store: PostgresStore, database_url: str, night: Path, tmp_path: Path, workers: int
) -> None:
    store.senders.ensure("A post")
    process = start_submitting(database_url, night, tmp_path, workers)
    wait_until_midway(store, process)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    (message,) = store.messages(None, 10)
    assert not message.is_processed
    assert b"".join(store.message_bytes(message.message_id)) == night.read_bytes()
    with Intake(store, workers=1) as intake:
        (receipt,) = intake.resume()
        assert receipt.is_complete
        assert receipt.record_count == sum(receipt.counts.values()) == COUNT
        assert intake.resume() == []
        with night.open("rb") as stream:
            again = intake.submit(stream, sender_id=1, file_name="night.json", transport="test", legal_day=DAY)
        assert again.is_repeat
        assert again.counts == receipt.counts
    assert_whole(store)


@pytest.fixture
def own_server() -> Iterator[EmbeddedServer]:
    """A server for one test alone, to be killed."""
    folder = Path(tempfile.mkdtemp(prefix="tw-"))
    with EmbeddedServer(folder) as server:
        yield server
    shutil.rmtree(folder, ignore_errors=True)


def test_the_database_is_killed_midway(own_server: EmbeddedServer, night: Path, tmp_path: Path) -> None:
    with open_store(Settings(data_folder=own_server.folder)) as store:
        store.senders.ensure("A post")
        process = start_submitting(store.url, night, tmp_path, 1)
        wait_until_midway(store, process)
        os.kill(own_server.postmaster_pid(), signal.SIGKILL)
        _, said = process.communicate(timeout=60)
        assert process.returncode != 0
        assert b"DatabaseError" in said
        # The store starts its own server again when it finds it gone.
        (message,) = store.unprocessed()
        assert message.record_count < COUNT
        with Intake(store, workers=1) as intake:
            (receipt,) = intake.resume()
            assert receipt.is_complete
        assert_whole(store)


def test_a_worker_is_killed_midway(store: PostgresStore, night: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sender_id = store.senders.ensure("A post").sender_id
    monkeypatch.setattr(processing, "SLICE_RECORDS", 64)
    crews: list[crew.Crew[object, object]] = []
    start = crew.Crew.__init__

    def noted(self: crew.Crew[object, object], *arguments: object) -> None:
        start(self, *arguments)  # type: ignore[arg-type]
        crews.append(self)

    monkeypatch.setattr(crew.Crew, "__init__", noted)
    results = crew.Crew.results

    def cut_short(self: crew.Crew[object, object], parts: Iterator[object]) -> Iterator[tuple[object, object]]:
        for number, each in enumerate(results(self, parts)):
            if number == 3:
                os.kill(self.pids[0], signal.SIGKILL)
            yield each

    monkeypatch.setattr(crew.Crew, "results", cut_short)
    with Intake(store, workers=2) as intake, night.open("rb") as stream:
        with pytest.raises(WorkerLostError):
            intake.submit(stream, sender_id=sender_id, file_name="n", transport="test", legal_day=DAY)
        monkeypatch.undo()
        (receipt,) = Intake(store, workers=1).resume()
    assert receipt.is_complete
    assert_whole(store)


def test_two_who_resume_the_same_message_write_it_once(store: PostgresStore, night: Path) -> None:
    sender_id = store.senders.ensure("A post").sender_id
    with Intake(store, workers=1) as one, Intake(store, workers=1) as two:
        body = night.read_bytes()
        small = b"".join(islice(io.BytesIO(body), 600))
        message = keep_only(store, sender_id, small)
        with ThreadPoolExecutor(2) as pool:
            receipts = list(pool.map(lambda intake: intake.process(message), (one, two)))
    assert {receipt.record_count for receipt in receipts} == {600}
    assert receipts[0].counts == receipts[1].counts
    assert store.counts()["declarations"] == 600
    assert replay.replay_all(store, workers=1).is_clean


def keep_only(store: PostgresStore, sender_id: int, body: bytes):  # type: ignore[no-untyped-def]
    from datetime import UTC, datetime

    from tidewaiter.workflow.records import Arriving

    arriving = Arriving(
        sender_id=sender_id, file_name="n.json", transport="test", requested_form="json", idempotency_key="",
        received_at=datetime.now(UTC), legal_day=DAY, body=body,
    )  # fmt: skip
    (kept,) = store.keep_small([arriving])
    assert kept is not None
    return kept[0]


def test_a_reader_of_notices_misses_none_while_many_write(store: PostgresStore) -> None:
    sender_id = store.senders.ensure("A post").sender_id
    seen: list[Notice] = []
    stopping = threading.Event()

    def follow() -> None:
        after = 0
        while True:
            is_last = stopping.is_set()
            while page := store.notices(None, after, 5):
                seen.extend(page)
                after = page[-1].notice_id
            if is_last:
                return

    def submit(seed: int) -> None:
        body = forms.by_name("json").write(list(parcels.declarations("json", 3, seed, DAY)))
        # Two intakes write beside each other, as two processes would.
        intakes[seed % 2].submit(
            io.BytesIO(body), sender_id=sender_id, file_name=f"{seed}", transport="test", legal_day=DAY
        )

    with Intake(store) as one, Intake(store) as two:
        intakes = (one, two)
        reader = threading.Thread(target=follow)
        reader.start()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(submit, range(100, 140)))
        stopping.set()
        reader.join()
    assert store.counts()["declarations"] == 120
    assert [notice.notice_id for notice in seen] == [notice.notice_id for notice in store.notices(None, 0, 1000)]
    assert len(seen) >= 120
    assert store.broken_links() == []


def test_the_server_is_shared_and_stopped_by_the_last(own_server: EmbeddedServer) -> None:
    pid = own_server.postmaster_pid()
    script = (
        "import sys; from pathlib import Path; from tidewaiter.store.embedded import EmbeddedServer\n"
        "with EmbeddedServer(Path(sys.argv[1])) as server: print(server.postmaster_pid())"
    )
    said = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, str(own_server.folder)],
        env={**os.environ, "PYTHONPATH": str(SOURCE)}, capture_output=True, check=True, timeout=120,
    )  # fmt: skip
    assert int(said.stdout) == pid
    assert own_server.postmaster_pid() == pid  # the other has left, and it still runs
    own_server.close()
    assert not (own_server.cluster / "postmaster.pid").exists()
    own_server.open()
    assert own_server.postmaster_pid() != pid
