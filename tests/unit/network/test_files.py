"""Files that are there after the power went."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tidewaiter.network.failing import FAIL_VARIABLE, Failpoints
from tidewaiter.network.files import DamagedError, DiskError, Journal, Record, read_journal, write_durably

RECORDS = [Record(1, b"first"), Record(2, b""), Record(1, os.urandom(70_000))]


def written(path: Path) -> Path:
    journal = Journal(path)
    for record in RECORDS:
        journal.append(record.kind, [record.body[:3], record.body[3:]])
    journal.sync()
    journal.close()
    return path


def test_a_journal_gives_back_what_was_appended(tmp_path: Path) -> None:
    path = written(tmp_path / "journal")
    assert list(read_journal(path)) == RECORDS
    again = Journal(path)
    again.append(3, [b"more"])
    again.sync()
    assert list(read_journal(path)) == [*RECORDS, Record(3, b"more")]
    assert again.bytes == path.stat().st_size


@pytest.mark.parametrize("cut", [1, 8, 9, 10, 100, 60_000])
def test_a_torn_end_is_cut_off_and_the_rest_kept(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path / "journal")
    os.truncate(path, path.stat().st_size - cut)
    assert list(read_journal(path)) == RECORDS[:2]
    Journal(path).append(4, [b"after"])
    assert list(read_journal(path)) == [*RECORDS[:2], Record(4, b"after")]


def test_damage_before_whole_records_is_no_torn_end(tmp_path: Path) -> None:
    path = written(tmp_path / "journal")
    data = bytearray(path.read_bytes())
    data[10] ^= 1
    path.write_bytes(data)
    with pytest.raises(DamagedError):
        list(read_journal(path))
    assert path.read_bytes() == data


def test_a_full_disk_is_said_and_ends_the_journal(tmp_path: Path) -> None:
    path = written(tmp_path / "journal")
    journal = Journal(path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100, before[1]))
    try:
        with pytest.raises(DiskError, match="could not be written"):
            journal.append(1, [b"x" * 1000])
        with pytest.raises(DiskError, match="could not be written"):
            write_durably(tmp_path / "file", b"x" * 200_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with pytest.raises(DiskError, match="cannot be written any more"):
        journal.append(1, [b"x"])
    assert list(read_journal(path)) == RECORDS
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("place", ["file.write", "file.sync", "file.rename", "folder.sync"])
def test_a_file_is_the_old_or_the_new_one_wherever_its_writer_dies(tmp_path: Path, place: str) -> None:
    path = tmp_path / "file"
    write_durably(path, b"old")
    code = (
        "import sys; from pathlib import Path; from tidewaiter.network.failing import Failpoints;"
        "from tidewaiter.network.files import write_durably;"
        "write_durably(Path(sys.argv[1]), b'new', Failpoints.from_environment())"
    )
    environment = {**os.environ, FAIL_VARIABLE: place, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code, str(path)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == (b"new" if place == "folder.sync" else b"old")


def test_an_unknown_place_to_fail_at_is_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        Failpoints.from_environment({FAIL_VARIABLE: "journal.nowhere"})
