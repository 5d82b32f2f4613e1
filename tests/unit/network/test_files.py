"""Files that are there after the power went."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tidewaiter.ledger.journals import framed
from tidewaiter.network.failing import FAIL_VARIABLE, Failpoints
from tidewaiter.network.files import (
    DamagedError,
    DiskError,
    Journal,
    read_from,
    read_journal,
    segments_of,
    write_durably,
)

RECORDS = [b"first", b"", os.urandom(70_000)]


def written(folder: Path) -> Path:
    journal = Journal(folder)
    for record in RECORDS:
        journal.append(framed(record))
    journal.sync()
    journal.close()
    return segments_of(folder)[-1]


def read(folder: Path) -> list[bytes]:
    found = list(read_journal(folder))
    for number, (place, _) in enumerate(found):
        assert list(read_from(folder, place)) == found[number:]
        assert list(read_journal(folder, place)) == found[number:]
    return [record for _, record in found]


def test_a_journal_gives_back_what_was_appended(tmp_path: Path) -> None:
    written(tmp_path)
    assert read(tmp_path) == RECORDS
    again = Journal(tmp_path)
    again.append(framed(b"more"))
    again.sync()
    assert read(tmp_path) == [*RECORDS, b"more"]


def test_a_large_journal_is_in_several_files(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=100)
    for number in range(30):
        journal.append(framed(bytes([number]) * 40))
        journal.turn()
    assert len(segments_of(tmp_path)) == 16
    Journal(tmp_path, segment_bytes=100).append(framed(b"after"))
    assert read(tmp_path) == [*(bytes([number]) * 40 for number in range(30)), b"after"]


@pytest.mark.parametrize("cut", [1, 8, 9, 10, 100, 60_000, 70_011])
def test_a_torn_end_is_cut_off_and_the_rest_kept(tmp_path: Path, cut: int) -> None:
    segment = written(tmp_path)
    os.truncate(segment, segment.stat().st_size - cut)
    assert read(tmp_path) == RECORDS[:2]
    Journal(tmp_path).append(framed(b"after"))
    assert read(tmp_path) == [*RECORDS[:2], b"after"]


def test_damage_before_whole_records_is_no_torn_end(tmp_path: Path) -> None:
    segment = written(tmp_path)
    data = bytearray(segment.read_bytes())
    data[13] ^= 1
    segment.write_bytes(data)
    with pytest.raises(DamagedError):
        read(tmp_path)
    assert segment.read_bytes() == data


def test_a_full_disk_is_said_and_ends_the_journal(tmp_path: Path) -> None:
    segment = written(tmp_path)
    journal = Journal(tmp_path)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (segment.stat().st_size + 100, before[1]))
    try:
        with pytest.raises(DiskError, match="could not be written"):
            journal.append(framed(b"x" * 1000))
        with pytest.raises(DiskError, match="could not be written"):
            write_durably(tmp_path / "file", b"x" * 200_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    with pytest.raises(DiskError, match="cannot be written any more"):
        journal.append(framed(b"x"))
    assert read(tmp_path) == RECORDS
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
