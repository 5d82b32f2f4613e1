"""Messages as they should be, to be spoilt: those that ship with the product, and those of a folder by their content."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from tidewaiter.messages import archives, forms
from tidewaiter.messages.plain_records import read_records
from tidewaiter.model.errors import MessageError, TidewaiterError
from tidewaiter.model.returned import ExitEvent, ReturnRecord
from tidewaiter.revenue.payments import read_camt053

FOLDERS: Final = ("samples", "examples")  # of what ships
SEED_BYTES_MAX: Final = 4 * 1024  # a small message is spoilt all over, a large one mostly where it does not matter
FILE_BYTES_MAX: Final = 8 * 1024**2
RECORDS_OF_A_FILE: Final = 4
SEEDS_MAX: Final = 250  # of one door
TAR_MEMBERS_MAX: Final = 400


def seeds(samples: Path | None = None) -> dict[str, list[bytes]]:
    """By door: the messages that ship, then those found in a folder of samples, told by what they hold."""
    found: dict[str, dict[bytes, None]] = {}
    shipped = Path(str(files("tidewaiter.data")))
    for folder in [*(shipped / name for name in FOLDERS), *([samples] if samples is not None else [])]:
        for body in _files(folder):
            for door, seed in _told(body):
                found.setdefault(door, {})[seed] = None
    by_door = {door: _spread(list(bodies)) for door, bodies in found.items()}
    plain = [bodies[0] for name, bodies in by_door.items() if name in forms.forms()]
    by_door["archives"] = [*_packed(plain)]
    return by_door


def _files(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.rglob("*")):
        if not path.is_file() or path.stat().st_size > FILE_BYTES_MAX:
            continue
        if tarfile.is_tarfile(path):
            yield from _in_tar(path)
        else:
            yield path.read_bytes()


def _in_tar(path: Path) -> Iterator[bytes]:
    with tarfile.open(path) as archive, suppress(tarfile.TarError, EOFError, OSError):
        for member in islice(
            (each for each in archive if each.isfile() and each.size <= SEED_BYTES_MAX), TAR_MEMBERS_MAX
        ):
            file = archive.extractfile(member)
            if file is not None:
                yield file.read()


def _told(body: bytes) -> Iterator[tuple[str, bytes]]:
    """The doors that a file's messages belong to, and small messages of it."""
    if _is_read(lambda: any(each.record for each in read_records(body, ReturnRecord, "returns"))):
        yield "returns", body[:SEED_BYTES_MAX]
    elif _is_read(lambda: any(each.record for each in read_records(body, ExitEvent, "exit_events"))):
        yield "exit-events", body[:SEED_BYTES_MAX]
    elif body[:200].lstrip().startswith(b"<") and _is_read(lambda: bool(read_camt053(body))):
        yield "payments", body[:SEED_BYTES_MAX]
    else:
        yield from _declared(io.BytesIO(body))


def _is_read(read: object) -> bool:
    assert callable(read)
    try:
        return bool(read())
    except TidewaiterError:
        return False


def _declared(stream: BinaryIO) -> Iterator[tuple[str, bytes]]:
    with suppress(MessageError):
        for member in archives.members(stream, "sample"):
            body = member.stream.read(FILE_BYTES_MAX)
            with suppress(MessageError):
                form = forms.detect(body[: forms.HEAD_BYTES])
                records = list(islice(form.split(io.BytesIO(body)), RECORDS_OF_A_FILE))
                if not any(form.read(record.body).declaration for record in records):
                    continue
                if len(body) <= SEED_BYTES_MAX:
                    yield form.name, body
                if len(records) > 1 or len(body) > SEED_BYTES_MAX:
                    yield from ((form.name, each.body) for each in records if len(each.body) <= SEED_BYTES_MAX)


def _spread(bodies: Sequence[bytes]) -> list[bytes]:
    """At most SEEDS_MAX of them, from all over."""
    step = max(1, -(-len(bodies) // SEEDS_MAX))
    return list(bodies[::step])


def _packed(bodies: Sequence[bytes]) -> Iterator[bytes]:
    """These messages in gzip and zip."""
    for body in bodies:
        yield gzip.compress(body, mtime=0)
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", method) as archive:
            for number, body in enumerate(bodies, start=1):
                archive.writestr(zipfile.ZipInfo(f"part-{number}"), body, method)
        yield packed.getvalue()
    for body in bodies[:3]:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(zipfile.ZipInfo("part"), body)
        yield packed.getvalue()
