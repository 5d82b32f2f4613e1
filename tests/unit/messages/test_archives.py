"""Gzip and zip: what is in them, and every way in which they can be damaged or a trap."""

from __future__ import annotations

import gzip
import io
import random
import zipfile

import pytest

from tidewaiter.messages import archives, limits
from tidewaiter.model.errors import LimitExceededError, MessageError

NOISE = random.Random(7).randbytes(300_000)


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def contents(data: bytes, name: str = "f") -> dict[str, bytes | str]:
    """Each member's bytes, or the words of the error that reading it raises."""
    found: dict[str, bytes | str] = {}
    for member in archives.members(io.BytesIO(data), name):
        try:
            head = member.head()
            found[member.name] = member.stream.read()
            assert found[member.name].startswith(head)  # type: ignore[arg-type]
        except MessageError as error:
            found[member.name] = f"{error.detail} | {error.hint or 'NO HINT'} | {error.place or 'NO PLACE'}"
    assert not any("| NO " in text for text in found.values() if isinstance(text, str))
    return found


@pytest.mark.parametrize("data", [b"", b"x", b'{"a":1}', NOISE])
def test_what_is_no_archive_passes_through(data: bytes) -> None:
    assert contents(data, "a.json") == {"a.json": data}


def test_gzip_is_unpacked_whatever_its_name() -> None:
    assert contents(gzip.compress(NOISE), "a.json.gz") == {"a.json": NOISE}
    assert contents(gzip.compress(b"x"), "upload") == {"upload": b"x"}


def test_gzip_members_one_after_another_are_one_file() -> None:
    assert contents(gzip.compress(b"a") + gzip.compress(b"b") + b"\x00" * 512) == {"f": b"ab"}


def test_zip_gives_its_files_in_order_without_litter() -> None:
    data = zipped(("b.csv", b"1"), ("d/", b""), ("d/a.json", NOISE), ("__MACOSX/._b.csv", b"x"), (".DS_Store", b"x"))
    assert contents(data, "n.zip") == {"n.zip/b.csv": b"1", "n.zip/d/a.json": NOISE}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_methods(method: int) -> None:
    assert contents(zipped(("a", NOISE), method=method)) == {"f/a": NOISE}


class Unseekable(io.RawIOBase):
    """Like a network connection."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, count: int = -1) -> bytes:
        return self._data.read(min(count, 1000) if count > 0 else count)


def test_a_zip_from_a_stream_that_cannot_be_sought() -> None:
    members = archives.members(Unseekable(zipped(("a", NOISE), ("b", b"1"))), "n.zip")  # type: ignore[arg-type]
    assert [(member.name, len(member.stream.read())) for member in members] == [("n.zip/a", 300_000), ("n.zip/b", 1)]


def test_names_are_labels_and_safe_to_show() -> None:
    names = list(contents(zipped(("../../etc/passwd", b"x"), ("C:\\x", b"y"), ("a\u202eb", b"z")), "n"))
    assert names == ["n/../../etc/passwd", "n/C:\\x", "n/a⟨U+202E⟩b"]


# what is wrong with one file, and a word in the answer; the file after it is read
@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (gzip.compress(b"x"), "archive within an archive"),
        (zipped(("x", b"y")), "archive within an archive"),
        (b"\x00" * (8 * 1024 * 1024), "more than 200 times"),
    ],
)
def test_one_bad_file_does_not_spoil_the_next(bad: bytes, word: str) -> None:
    found = contents(zipped(("bad", bad), ("good", b"1")))
    assert word in str(found["f/bad"])
    assert found["f/good"] == b"1"


def test_a_file_whose_checksum_is_wrong() -> None:
    data = bytearray(zipped(("bad", NOISE), ("good", b"1")))
    data[1000] ^= 255
    found = contents(bytes(data))
    assert "damaged" in str(found["f/bad"])
    assert found["f/good"] == b"1"


def test_an_encrypted_file() -> None:
    data = bytearray(zipped(("bad", b"x")))
    data[data.rfind(b"PK\x01\x02") + 8] |= 1
    assert "encrypted" in str(contents(bytes(data))["f/bad"])


def test_a_file_packed_in_a_way_that_is_not_read() -> None:
    data = bytearray(zipped(("bad", b"x"), ("good", b"1")))
    at = data.find(b"PK\x01\x02")
    data[at + 10] = 97
    data[8] = 97
    found = contents(bytes(data))
    assert "not read" in str(found["f/bad"])
    assert found["f/good"] == b"1"


@pytest.mark.parametrize("cut", [1, 8, 1000, 299_000])
def test_a_gzip_that_ends_too_early(cut: int) -> None:
    assert "too early" in str(contents(gzip.compress(NOISE)[:-cut])["f"])


def test_what_was_unpacked_before_the_damage_can_be_read() -> None:
    (member,) = archives.members(io.BytesIO(gzip.compress(NOISE, 0)[:200_000]), "f")
    assert member.stream.read(100_000) == NOISE[:100_000]
    with pytest.raises(MessageError, match="too early"):
        member.stream.read()


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (gzip.compress(b"x") + b"tail", "something else"),
        (gzip.compress(NOISE)[:200] + b"\xff" * 100 + gzip.compress(NOISE)[300:], "damaged"),
        (gzip.compress(gzip.compress(b"x")), "archive within an archive"),
        (gzip.compress(b"x" * 257 + b"ustar" + b"x" * 300), "archive within an archive"),
        (gzip.compress(b"\x00" * (8 * 1024 * 1024)), "more than 200 times"),
    ],
)
def test_a_gzip_that_is_damaged_or_a_trap(data: bytes, word: str) -> None:
    assert word in str(contents(data)["f"])


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (zipped(("a", b"x"))[:-30], "too early"),
        (b"PK\x03\x04" + b"x" * 100, "too early"),
        (zipped(), "no file"),
        (zipped(("__MACOSX/a", b"x")), "no file"),
        (zipped(("[Content_Types].xml", b"x"), ("xl/a.xml", b"y")), "office document"),
        (zipped(("mimetype", b"x")), "office document"),
    ],
)
def test_a_zip_that_cannot_be_followed(data: bytes, word: str) -> None:
    with pytest.raises(MessageError, match=word) as caught:
        contents(data, "n.zip")
    assert caught.value.hint
    assert caught.value.place == "n.zip"


def test_files_that_overlap_are_refused() -> None:
    data = bytearray(zipped(("a", NOISE), ("b", NOISE)))
    at = data.rfind(b"PK\x01\x02")
    data[at + 42 : at + 46] = bytes(4)
    with pytest.raises(MessageError, match="overlap"):
        contents(bytes(data))


def test_too_many_files_are_refused_before_they_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "ARCHIVE_MEMBERS_MAX", 2)
    with pytest.raises(LimitExceededError, match="3 files"):
        contents(zipped(("a", b""), ("b", b""), ("c", b"")))


def test_the_sum_of_all_files_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "ARCHIVE_BYTES_MAX", 400_000)
    found = contents(zipped(("a", NOISE), ("b", NOISE)))
    assert found["f/a"] == NOISE
    assert "GiB" in str(found["f/b"])


def test_the_ratio_leaves_room_for_ordinary_compression() -> None:
    line = b'{"functional_reference_id":"LRN-%07d","type_code":"IMD"}\n'
    data = b"".join(line % no for no in range(50_000))
    assert contents(gzip.compress(data)) == {"f": data}
    assert limits.ARCHIVE_RATIO_MAX == 200
