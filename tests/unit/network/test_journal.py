"""The journal of adapters: what a crash leaves is told from what was damaged later."""

from __future__ import annotations

import random
import resource
import signal
from pathlib import Path

import pytest

from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.model.errors import UnavailableError
from tidewaiter.network.adapters.journal import RECORD_BYTES_MAX, Journal

UNITS = [[b"one"], [b"two", b"", b"three" * 100], [b"\0" * 40], [b"last"]]


def read(path: Path) -> list[bytes]:
    journal = Journal(path)
    records = [journal.read(place) for place in journal.places()]
    journal.close()
    return records


def written(path: Path, units: list[list[bytes]] = UNITS) -> list[int]:
    """Write units; how large the file was after each."""
    journal, sizes = Journal(path), [0]
    for unit in units:
        places = journal.append(unit)
        assert [journal.read(place) for place in places] == unit
        sizes.append(path.stat().st_size)
    journal.close()
    return sizes


def flat(units: list[list[bytes]]) -> list[bytes]:
    return [record for unit in units for record in unit]


def test_what_was_written_is_read_again_in_order(tmp_path: Path) -> None:
    written(tmp_path / "j")
    assert read(tmp_path / "j") == flat(UNITS)
    journal = Journal(tmp_path / "j")
    assert journal.append([]) == []
    journal.append([b"more"])
    journal.close()
    assert read(tmp_path / "j") == [*flat(UNITS), b"more"]


def test_wherever_a_crash_cuts_it_off_whole_units_are_left(tmp_path: Path) -> None:
    sizes = written(tmp_path / "j")
    data = (tmp_path / "j").read_bytes()
    for end in range(len(data) + 1):
        (tmp_path / "cut").write_bytes(data[:end])
        whole = sum(size <= end for size in sizes[1:])
        assert read(tmp_path / "cut") == flat(UNITS[:whole]), end
        assert (tmp_path / "cut").stat().st_size == sizes[whole], "what was torn is cut off"


def test_a_last_unit_of_which_only_later_pages_reached_the_disk_is_dropped(tmp_path: Path) -> None:
    sizes = written(tmp_path / "j", [[b"kept"], [b"first" * 2000, b"second" * 2000]])
    data = bytearray((tmp_path / "j").read_bytes())
    data[sizes[1] : sizes[1] + 4096] = bytes(4096)
    (tmp_path / "j").write_bytes(data)
    assert read(tmp_path / "j") == [b"kept"]


def test_damage_before_a_whole_unit_is_no_torn_end(tmp_path: Path) -> None:
    sizes = written(tmp_path / "j")
    data = (tmp_path / "j").read_bytes()
    chance = random.Random(1)
    for place in chance.sample(range(sizes[-2]), 150):
        altered = bytearray(data)
        altered[place] ^= 1 << chance.randrange(8)
        (tmp_path / "altered").write_bytes(altered)
        with pytest.raises(LedgerError, match="damaged"):
            Journal(tmp_path / "altered")
        assert (tmp_path / "altered").read_bytes() == altered, "it is left as it is"


def test_one_process_holds_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    with pytest.raises(UnavailableError, match="held by another"):
        Journal(tmp_path / "j")
    journal.close()
    Journal(tmp_path / "j").close()


def test_a_full_disk_is_told_and_nothing_counts(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.append([b"kept"])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))
    try:
        with pytest.raises(UnavailableError, match="cannot be written"):
            journal.append([bytes(5_000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    with pytest.raises(UnavailableError, match="before"):
        journal.append([b"something else"])
    journal.close()
    assert read(tmp_path / "j") == [b"kept"]


def test_a_record_that_is_too_large_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    with pytest.raises(LedgerError):
        journal.append([bytes(RECORD_BYTES_MAX + 1)])
    assert list(journal.places()) == []
    journal.close()
