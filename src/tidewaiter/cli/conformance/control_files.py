"""Cases kept as pairs, a message and a control file that says which errors it should give: in a folder or in archives.

`a.xml` is the message, `a.ctl` beside it the control file: an XML document of
any name whose `Error` elements each hold a `Number`, a `Type`, a `Text` and a
`Location`, as far as they are said.
"""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from lxml import etree
from msgspec import Struct

from tidewaiter.messages.xml import local_name
from tidewaiter.model.errors import TidewaiterError

MEMBER_BYTES_MAX: Final = 64 * 1024 * 1024
_SUFFIXES: Final = (".xml", ".ctl")
_ARCHIVES: Final = (".tar", ".tar.xz", ".txz", ".tar.gz", ".tgz", ".tar.bz2", ".zip")


class Expected(Struct, frozen=True, order=True):
    """One error that a message should give; "" for what the control file does not say."""

    number: str
    place: str
    kind: str = ""


class Pair(Struct, frozen=True):
    """One case: its path without the suffix, the message and the text of its control file."""

    name: str
    message: bytes
    control: bytes

    @property
    def folders(self) -> tuple[str, ...]:
        """The names of the folders it lies in, the nearest last."""
        return PurePosixPath(self.name).parent.parts

    def expected(self) -> tuple[Expected, ...]:
        """The errors that are expected, in order. Raises TidewaiterError where the control file is no XML."""
        parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, huge_tree=True)
        try:
            root = etree.fromstring(self.control, parser)
        except etree.XMLSyntaxError as error:
            raise TidewaiterError(f"the control file of {self.name} is not XML: {error.msg}") from error
        errors = (element for element in root.iter() if local_name(element) == "Error")
        return tuple(sorted(map(_expected, errors)))


def _expected(element: etree._Element) -> Expected:
    said = {local_name(child): (child.text or "").strip() for child in element}
    steps = said.get("Location", "").split("/")
    place = "/".join(step.rpartition(":")[2] for step in steps)
    return Expected(said.get("Number", ""), place, said.get("Type", ""))


def pairs(folder: Path) -> Iterator[Pair]:
    """Every pair below a folder: lying there, or in the archives that lie there, which are read and not unpacked."""
    loose = ((str(path.relative_to(folder)), path) for path in sorted(folder.rglob("*")) if path.suffix in _SUFFIXES)
    yield from _paired((name, path.read_bytes()) for name, path in loose)
    for path in sorted(folder.rglob("*")):
        if path.name.endswith(_ARCHIVES) and path.is_file():
            yield from _paired(_members(path))


def _paired(files: Iterable[tuple[str, bytes]]) -> Iterator[Pair]:
    waiting: dict[str, tuple[str, bytes]] = {}
    for name, data in files:
        stem, suffix = name[:-4], name[-4:]
        other = waiting.pop(stem, None)
        if other is None or other[0] == suffix:
            waiting[stem] = (suffix, data)
        else:
            yield Pair(stem, *((data, other[1]) if suffix == ".xml" else (other[1], data)))


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if info.filename.endswith(_SUFFIXES) and info.file_size <= MEMBER_BYTES_MAX:
                    yield info.filename, archive.read(info)
        return
    with tarfile.open(path, "r|*") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None and member.name.endswith(_SUFFIXES) and member.size <= MEMBER_BYTES_MAX:
                yield member.name, file.read()
