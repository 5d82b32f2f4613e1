"""What `tidewaiter bench fuzz` has found, each as the smallest message that showed it."""

from __future__ import annotations

import ast
import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tidewaiter.messages import archives, faults, forms
from tidewaiter.messages.cargo_imp import CargoImpForm
from tidewaiter.messages.edifact import EdifactForm
from tidewaiter.messages.edifact.syntax import SEGMENT_LENGTH_MAX
from tidewaiter.messages.faults import PLACE_LENGTH_MAX, Fault
from tidewaiter.messages.json_form import JsonForm
from tidewaiter.messages.plain_records import read_records
from tidewaiter.messages.pointers import steps
from tidewaiter.messages.postal import PostalForm
from tidewaiter.model.declaration import Declaration, Extra, GoodsItem
from tidewaiter.model.errors import MessageError
from tidewaiter.model.finding import Finding
from tidewaiter.model.returned import ExitEvent
from tidewaiter.revenue.payments import BankStatementError, read_camt053


def seconds(message: bytes) -> float:
    """Processor time to say that this is no message; the least of three."""
    taken = []
    for _ in range(3):
        began = time.process_time()
        with pytest.raises(MessageError):
            forms.detect(message)
        taken.append(time.process_time() - began)
    return min(taken)


@pytest.mark.parametrize(
    "begins", [b"<!DOCTYPE#row 4\n", b"<!DOCTYPE [", b"<!DOCTYPE ", b"<!--", b"<?", b"<!DOCTYPE a [b] "]
)
def test_what_begins_like_markup_and_does_not_end_is_looked_at_once(begins: bytes) -> None:
    """It took time with the square of its length: seconds for 64 KiB."""
    short, long = (begins * 60_000)[:4_000], (begins * 60_000)[:60_000]
    assert seconds(long) < max(60 * seconds(short), 0.5)


def test_a_root_is_still_named_behind_a_document_type() -> None:
    for head in (b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"<!-- x --><!DOCTYPE x SYSTEM 'a'>\n", b"<?xml version='1.0'?>"):
        with pytest.raises(MessageError, match="XML with the root element <Invoice>"):
            forms.detect(head + b"<Invoice/>")


def packed(method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr(zipfile.ZipInfo("part"), b'{"functional_reference_id":"A"}' * 50, method)
    return file.getvalue()


def refusal(body: bytes) -> MessageError:
    with pytest.raises(MessageError) as caught:
        b"".join(member.stream.read() for member in archives.members(io.BytesIO(body), "file"))
    assert caught.value.hint
    assert caught.value.place
    return caught.value


def test_a_file_in_a_zip_packed_with_lzma_that_is_damaged_is_refused() -> None:
    body = bytearray(packed(zipfile.ZIP_LZMA))
    at = body.index(b"part") + 4 + 20
    body[at : at + 20] = b"\xff" * 20
    assert "damaged" in refusal(bytes(body)).detail


def test_a_file_in_a_zip_that_wants_gigabytes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """LZMA names its window, of up to 4 GiB, in four bytes; where that is more than there is, Python raises MemoryError."""

    def no_memory(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(zipfile.ZipExtFile, "read", no_memory)
    assert "memory" in refusal(packed(zipfile.ZIP_LZMA)).detail


def test_a_file_without_a_name_in_a_zip_is_read() -> None:
    body = packed(zipfile.ZIP_STORED)
    for mark, at in ((b"PK\x03\x04", 26), (b"PK\x01\x02", 28)):
        start = body.index(mark)
        name = body.index(b"part", start)
        body = body[: start + at] + b"\x00\x00" + body[start + at + 2 : name] + body[name + 4 :]
    end = body.index(b"PK\x05\x06")
    directory = body.index(b"PK\x01\x02")
    sizes = (end - directory).to_bytes(4, "little") + directory.to_bytes(4, "little")
    body = body[: end + 12] + sizes + body[end + 20 :]
    assert [member.name for member in archives.members(io.BytesIO(body), "file")] == ["file/"]


@pytest.mark.parametrize("form", [JsonForm(), PostalForm()])
@pytest.mark.parametrize(
    "member",
    [rb'"\ud8de":1', rb'"novel":"\ud8de"', rb'"novel":{"\udcff":[1]}', rb'"\u0000":1', rb'"\ud8de":1,"\ud8de":2'],
)
def test_names_and_texts_of_half_a_character_are_found_and_can_be_kept(
    form: JsonForm | PostalForm, member: bytes
) -> None:
    """They were kept as they were, and failed when they were written."""
    reading = form.read(b'{"functional_reference_id":"A","item_id":"B",' + member + b"}")
    assert {each.rule_id for each in reading.findings} & {"message.character", "message.duplicate"}
    assert all(each.place and each.hint for each in reading.findings)
    msgspec.json.encode(reading.findings)
    assert reading.declaration is not None
    assert form.read(form.write([reading.declaration])).declaration == reading.declaration


def test_a_value_in_a_column_without_a_name_is_found() -> None:
    table = "kind,happened_at,place,\u2028,waybill\ndeparted,2026-06-15T10:00:00Z,GBLON,stray,W1\n"
    (read,) = read_records(table.encode(), ExitEvent, "exit_events")
    (finding,) = read.findings
    assert (finding.rule_id, finding.value, finding.place) == ("message.unknown", "stray", "row 2")
    assert finding.hint


@pytest.mark.parametrize(
    "text", ["", "[", '"', "kind,place\n", 'kind,place\n"a,b\n', "[" * 100_000, "colour\n1\n", "[]"]
)
def test_small_records_that_cannot_be_told_apart_are_refused_with_place_and_hint(text: str) -> None:
    with pytest.raises(MessageError) as caught:
        read_records(text.encode(), ExitEvent, "exit_events")
    assert caught.value.place
    assert caught.value.hint


@pytest.mark.parametrize("text", ["", "x", "<a/>", "<!DOCTYPE a><a/>", "<a>"])
def test_a_bank_statement_that_cannot_be_read_is_refused_with_place_and_hint(text: str) -> None:
    with pytest.raises(BankStatementError) as caught:
        read_camt053(text.encode())
    assert caught.value.place
    assert caught.value.hint


def test_a_segment_longer_than_any_text_is_not_taken_apart() -> None:
    """Segments are taken apart character by character: a mebibyte took longer than a second."""
    text = b"x" * SEGMENT_LENGTH_MAX
    reading = EdifactForm().read(b"UNB+UNOC:3+A+B'UNH+1+CUSCAR:D:00A:UN'CNI+1+R'FTX+AAA+++" + text + b"'UNT+3+1'")
    assert any("characters" in each.words and each.place == "segment 3" for each in reading.findings)


def test_what_no_segment_says_has_its_place_where_the_consignment_begins() -> None:
    form = EdifactForm()
    own = form.read(b"UNB+UNOC:3+A+B'UNH+1+CUSCAR:D:00A:UN'CNI+1+R'UNT+3+1'").declaration
    assert own is not None
    assert form.locate(own, "goods_items[1].description") == "segment 2 CNI"


def test_every_code_has_a_hint() -> None:
    for code in Fault:
        finding = faults.fault(code, "", "words")
        assert len(finding.hint) > 5
        assert finding.hint[-1] == "."
    assert faults.fault(Fault.TYPE, "", "words", hint="Better.").hint == "Better."


def test_what_a_sender_named_is_safe_to_show_in_words_and_places() -> None:
    found = faults.fault(Fault.UNKNOWN, "a\ud800", "b\u202e", value="c\x00", place="/d\udfff")
    assert found == Finding(
        "message.unknown", found.severity, "a⟨U+D800⟩", "b⟨U+202E⟩", "c⟨U+0000⟩", found.hint, "/d⟨U+DFFF⟩"
    )


WRITERS = (
    "write",
    "_written",
    "manifest",
    "tree",
    "sad",
    "schemas",
    "xsd",
    "checks",
    "document",
)  # what is ours has no place to name


def refusals(module: ast.Module) -> Iterator[ast.Call]:
    """Where a module raises one that is written out on the spot, but for its functions that write."""
    for node in ast.iter_child_nodes(module):
        waiting: list[ast.AST] = [node]
        while waiting:
            each = waiting.pop()
            if isinstance(each, ast.FunctionDef) and each.name in WRITERS:
                continue
            if isinstance(each, ast.Raise) and isinstance(each.exc, ast.Call) and isinstance(each.exc.func, ast.Name):
                yield each.exc
            waiting += ast.iter_child_nodes(each)


def test_every_refusal_by_a_reader_names_place_and_hint() -> None:
    folder = Path(forms.__file__).parent
    seen, lacking = 0, []
    for path in sorted(folder.rglob("*.py")):
        for call in refusals(ast.parse(path.read_text("utf-8"))) if path.stem not in WRITERS else ():
            assert isinstance(call.func, ast.Name)
            if call.func.id in ("MessageError", "LimitExceededError"):
                seen += 1
                if not {"hint", "place"} <= {keyword.arg for keyword in call.keywords}:
                    lacking.append(f"{path.relative_to(folder)}:{call.lineno}")
    assert seen > 40
    assert lacking == []


@pytest.mark.parametrize(
    "member",
    ['"issued_at":"%s"', '"function":"%s"', '"goods_item_count":"%s"', '"goods_items":[{"gross_mass_kg":"%s"}]'],
)
def test_half_a_character_for_a_moment_choice_or_number_is_found(member: str) -> None:
    """The decoder could not even complain of it."""
    reading = JsonForm().read(b'{"functional_reference_id":"A",' + (member % "1\\ud800").encode() + b"}")
    assert reading.declaration is not None
    (finding,) = [each for each in reading.findings if each.rule_id != "message.missing"]
    assert finding.place
    assert finding.hint
    assert "⟨U+D800⟩" in finding.value


def test_a_raised_digit_is_no_count_of_pieces() -> None:
    """`str.isdigit` takes ² for a digit, `int` does not."""
    reading = CargoImpForm().read(
        "FWB/7\n999-00000044ORKYVR/T3L22\nRTD/1/P3/L22\n/3/ND//CMT40-30-20/²\n/²/NG/x\n".encode()
    )
    assert reading.declaration is not None
    assert reading.declaration.goods_items[0].packagings[0].count == 3


@pytest.mark.parametrize("path", ["/Declaration/N[{}]", "x[{}]", "/goods_items/{}/x", "goods_items[{}].x"])
def test_a_position_of_thousands_of_digits_is_none(path: str) -> None:
    """Python refuses to read so long a number."""
    place = path.format("9" * 5_000)
    declaration = Declaration(
        functional_reference_id="A", goods_items=(GoodsItem(line_no=1),), extras=(Extra(place, "1"),)
    )
    assert steps(place)
    for name, form in forms.forms().items():
        if name not in forms.READ_ONLY:
            assert form.write([declaration])


def test_the_place_in_a_deeply_nested_text_is_found_in_step_with_its_length() -> None:
    """The path was copied at each token: a second for 100 KiB, hours for the largest record."""

    def taken(depth: int) -> float:
        body = b'{"functional_reference_id":' + b'{"a":' * depth + b"x"
        spent = []
        for _ in range(3):
            began = time.process_time()
            (finding,) = JsonForm().read(body).findings
            spent.append(time.process_time() - began)
            assert finding.rule_id in ("message.malformed", "message.nesting")
            assert len(finding.pointer) <= PLACE_LENGTH_MAX >= len(finding.place)
        return min(spent)

    assert taken(40_000) < max(40 * taken(4_000), 0.5)
