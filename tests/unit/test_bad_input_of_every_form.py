"""The matrix of bad input: every form × other versions, mixed batches, nothing, half a message, another encoding, what is
not known, one bad record among good ones, one record twice.

Each message is a batch of three records, FIRST, MIDDLE and LAST, of which the middle one is spoilt. Every answer has a
code, a place and a hint; what is not spoilt goes on. Messages go the way of intake after keeping. Values that are wrong
in themselves: `test_bad_input_matrix`.
"""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from tidewaiter.messages import archives, forms
from tidewaiter.model.decision import State
from tidewaiter.model.declaration import Document
from tidewaiter.model.errors import MessageError
from tidewaiter.model.finding import Finding, MappingNote, Severity
from tidewaiter.quality import registry
from tidewaiter.store import rows
from tidewaiter.workflow.batching import Slice
from tidewaiter.workflow.deciding import decide_piece
from tidewaiter.workflow.pieces import Piece, pieces
from tidewaiter.workflow.records import Decided, Incoming, Seed, WatchList
from tidewaiter.workflow.shelf import Shelf
from tidewaiter.workflow.slices import decide_slice
from unit.test_bad_input_matrix import TEXT, declaration

DAY = date(2026, 6, 15)
REFERENCES = ("FIRST", "MIDDLE", "LAST")
WORDS = {"FIRST": "Cotton shirt", "MIDDLE": TEXT, "LAST": "Woollen hat"}
JUDGED = frozenset(rule.rule_id for rule in registry.rules())  # they look at what was read; the law says what to do
INCOMING = Incoming(
    message_id=1,
    sender_id=1,
    digest="0" * 64,
    received_at=datetime(2026, 6, 15, 9, tzinfo=UTC),
    legal_day=DAY,
    seed=Seed(seed_id="test", drawn_for=DAY, seed=b"0" * 32),
)


# --- three records in every form


def written(name: str, references: tuple[str, ...]) -> bytes:
    return forms.by_name(name).write([declaration(each, WORDS[each], "11.11") for each in references])


def waybills(references: tuple[str, ...]) -> bytes:
    made = []
    for each in references:
        own = declaration(each, WORDS[each], "11.11")
        numbered = (Document(type_code="N741", document_id=each),)
        consignment = replace(own.consignment, transport_documents=numbered)
        made.append(replace(own, type_code="741", consignment=consignment))
    return forms.by_name("cargo-xml").write(made)


def texts(references: tuple[str, ...]) -> bytes:
    return "".join(
        f"FHL/4\nMBI/999-00000011ORKYVR/T5K42.5\nHBS/{each}/ORKYVR/3/K22.5/3/{WORDS[each]}\nSHP/WORKS\n/3 LANE\n/CORK\n/IE\n"
        for each in references
    ).encode()


def interchange(references: tuple[str, ...]) -> bytes:
    messages = [
        f"UNH+{at}+CUSCAR:D:00A:UN'BGM+785+{each}+9'CNI+1+{each}'GID+1+1:BX'FTX+AAA+++{WORDS[each]}'MOA+38:11.11:EUR'UNT+7+{at}'"
        for at, each in enumerate(references, start=1)
    ]
    return f"UNA:+.? 'UNB+UNOY:3+A+B+260615:1000+42'{''.join(messages)}UNZ+{len(messages)}+42'".encode()


MESSAGES: dict[str, Callable[[tuple[str, ...]], bytes]] = {
    **{name: lambda references, name=name: written(name, references) for name in forms.forms()},  # type: ignore[misc]
    "cargo-xml": waybills,
    "cargo-imp": texts,
    "edifact": interchange,
}
FORMS = list(forms.forms())
XML = ["h7", "wco-dm", "ens", "ceb", "cargo-xml"]
LINES = ["json", "postal", "marketplace"]


class Answer(NamedTuple):
    """What came of a message: its records as decided, and why it broke off."""

    decided: list[Decided]
    error: MessageError | None

    @property
    def read(self) -> list[str]:
        """The records in which nothing is wrong as far as the form can tell."""
        return [
            number
            for each in self.decided
            if each.own is not None and not faults(each)
            for number in REFERENCES
            if number in (each.own.functional_reference_id, *document_ids(each))
        ]

    @property
    def notes(self) -> list[MappingNote]:
        return [note for each in self.decided for note in each.notes]


def document_ids(decided: Decided) -> list[str]:
    own = decided.own
    return [each.document_id for each in own.consignment.transport_documents] if own is not None else []


def faults(decided: Decided) -> list[Finding]:
    """The errors of form: what the rules of quality say of the declaration is another matter."""
    return [
        each
        for each in decided.evaluation.findings
        if each.severity is Severity.ERROR and each.rule_id not in JUDGED and not each.rule_id.startswith("law.")
    ]


def answer(message: bytes) -> Answer:
    """What is said to a message, and what was decided before it broke off."""
    shelf = Shelf(WatchList(version=0, entries=b"[]"), lambda _: None)
    decided: list[Decided] = []
    try:
        for piece in pieces(io.BytesIO(message), "message", ""):
            decided.append(decide_piece(piece, INCOMING, shelf))
    except MessageError as error:
        return Answer(decided, error)
    return Answer(decided, None)


def refused(error: MessageError | None, code: str, place: str) -> bool:
    """Whether a message was refused so, with words, a place that matches, and a hint."""
    assert error is not None
    assert (error.code, bool(error.detail), bool(error.hint)) == (code, True, True), error.detail
    return re.fullmatch(place, error.place) is not None


def found(finding: Finding, code: str, place: str) -> bool:
    assert (finding.rule_id, bool(finding.words), bool(finding.hint)) == (code, True, True), finding
    return re.fullmatch(place, finding.place) is not None


def spoilt(name: str, good: str, bad: str | bytes) -> bytes:
    message = MESSAGES[name](REFERENCES)
    assert message.count(good.encode()) == 1, name
    return message.replace(good.encode(), bad if isinstance(bad, bytes) else bad.encode())


@pytest.mark.parametrize("name", FORMS)
def test_three_good_records(name: str) -> None:
    got = answer(MESSAGES[name](REFERENCES))
    assert got.error is None
    assert got.read == list(REFERENCES)
    assert {each.form for each in got.decided} == {name}


# --- another version


NEWER = "a version that is not known here"
VERSIONS = {  # what is changed in the whole message, and where that is told
    "wco-dm": ("Code>3.6<", "Code>9.9<", "/MetaData/WCODataModelVersionCode", NEWER),
    "h7": ("DEC-DMS:2", "DEC-DMS:9", "/Declaration", NEWER),
    "ceb": ('version="1.0"', 'version="9.9"', "/CEB621Message/@version", NEWER),
    "cargo-xml": ("ID>3.00<", "ID>99<", "/Waybill/MessageHeaderDocument/VersionID", NEWER),
    "cargo-imp": ("FHL/4", "FHL/99", "line 1 (FHL)", NEWER),
    "edifact": ("D:00A", "D:21B", "segment 1 UNH", "as the customs messages of the directory D.00A are"),
    # Forms of our own have no versions: what a newer one may say is kept as what is not known is.
    "json": ('{"functional', '{"version":"9.9","functional', "/version", "kept"),
    "postal": ('{"item_id', '{"version":"9.9","item_id', "/version", "kept"),
    "marketplace": ('{"message', '{"version":"9.9","message', "/version", "kept"),
    "csv": ("functional_reference_id,function,", "functional_reference_id,version,", "row 2, column version", "kept"),
}


@pytest.mark.parametrize("name", VERSIONS)
def test_another_version_is_read_and_told(name: str) -> None:
    good, bad, place, words = VERSIONS[name]
    message = MESSAGES[name](REFERENCES)
    assert good.encode() in message
    got = answer(message.replace(good.encode(), bad.encode()))
    assert got.error is None
    assert got.read == list(REFERENCES)
    told = [note for note in got.notes if note.place == place]
    assert told
    assert all(words in note.words and note.value for note in told)


def test_an_entry_summary_declaration_of_another_version_is_refused() -> None:
    """Its version is in the name of the root, so that no form knows it: nothing of it may be guessed."""
    got = answer(MESSAGES["ens"](REFERENCES).replace(b"CC315A", b"CC315Z"))
    assert got.decided == []
    assert refused(got.error, "message.unreadable", "byte 0")


# --- mixed batches


def test_an_archive_may_hold_every_form() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in FORMS:
            archive.writestr(f"{name}.dat", MESSAGES[name](REFERENCES))
    got = answer(packed.getvalue())
    assert got.error is None
    assert [each.form for each in got.decided] == [name for name in FORMS for _ in REFERENCES]
    assert got.read == list(REFERENCES) * len(FORMS)


@pytest.mark.parametrize("name", XML)
def test_xml_with_something_behind_it_is_read_up_to_there(name: str) -> None:
    message = MESSAGES[name](REFERENCES)
    got = answer(message + b'{"functional_reference_id":"OTHER"}')
    assert got.read == list(REFERENCES)
    assert refused(got.error, "xml.malformed", rf"byte {len(message)}|byte {len(message) + 1}")


@pytest.mark.parametrize("name", ["h7", "wco-dm", "ens", "cargo-xml"])
@pytest.mark.parametrize("mark", [b"<Batch>", b"</Batch>"])
def test_what_stands_beside_declarations_of_xml_and_is_none_is_told(name: str, mark: bytes) -> None:
    """A batch holds one kind; others in it are not passed over in silence. (CEB has no batches: it has records.)"""
    other = b"<Invoice><Line/></Invoice>"
    message = MESSAGES[name](REFERENCES)
    assert message.count(mark) == 1
    at = message.index(mark) + (0 if b"/" in mark else len(mark))
    got = answer(message[:at] + other + message[at:])
    assert got.read == list(REFERENCES)
    assert refused(got.error, "xml.root", f"byte {at + 1}")
    assert got.error is not None
    assert "<Invoice>" in got.error.detail


def test_single_values_and_signatures_of_an_envelope_are_its_own() -> None:
    envelope = b"<Count>3</Count><ds:Signature xmlns:ds='urn:x'><ds:Value>1</ds:Value></ds:Signature></Batch>"
    got = answer(MESSAGES["h7"](REFERENCES).replace(b"</Batch>", envelope))
    assert got.error is None
    assert got.read == list(REFERENCES)


@pytest.mark.parametrize("name", LINES)
def test_lines_that_are_no_json_are_refused_one_by_one(name: str) -> None:
    got = answer(MESSAGES[name](REFERENCES) + MESSAGES["csv"](("FIRST",)))
    assert got.error is None
    assert got.read == list(REFERENCES)
    for each in got.decided[3:]:
        (finding,) = faults(each)
        assert found(finding, "message.malformed", "")  # the record as a whole: the receipt gives its number
        assert each.evaluation.decision.state is State.REJECTED


def test_rows_that_are_none_of_the_table_are_refused_one_by_one() -> None:
    got = answer(MESSAGES["csv"](REFERENCES) + b"<Invoice>\r\n<Line/>\r\n")
    assert got.error is None
    assert got.read[:3] == list(REFERENCES)
    assert len(got.decided) == 5
    for row, each in enumerate(got.decided[3:], start=5):
        assert each.evaluation.decision.state is State.REJECTED
        errors = [one for one in each.evaluation.findings if one.severity is Severity.ERROR]
        assert errors
        assert all(one.rule_id and one.words and one.place.startswith(f"row {row}") for one in errors)
        assert any(one.hint for one in errors)


def test_an_interchange_with_something_behind_it_is_read_up_to_there() -> None:
    message = MESSAGES["edifact"](REFERENCES)
    got = answer(message + b"<Invoice/>\n")
    assert got.read == list(REFERENCES)
    assert refused(got.error, "message.unreadable", f"byte {len(message)}")


def test_text_that_is_no_waybill_is_kept_with_the_line_it_continues() -> None:
    """Lines without a code continue the one before, so that nothing can be refused; what is odd is told."""
    got = answer(MESSAGES["cargo-imp"](REFERENCES) + b'{"functional_reference_id":"OTHER"}\n')
    assert got.read == list(REFERENCES)
    assert any("OTHER" in note.value and note.place and note.words for note in got.notes)


# --- nothing, and half a message


@pytest.mark.parametrize("name", FORMS)
def test_nothing_is_refused(name: str) -> None:
    for body in (b"", b"  \n"):
        with pytest.raises(MessageError) as caught:
            list(forms.by_name(name).split(io.BytesIO(body)))
        assert refused(caught.value, caught.value.code, r"byte [01]|row 1|line 1")
        assert caught.value.code in ("message.unreadable", "xml.empty")
        with pytest.raises(MessageError) as caught:
            forms.detect(body)
        assert refused(caught.value, "message.unreadable", "byte 0")


TRUNCATED = {  # by what: the record, or the message
    **dict.fromkeys(XML, ("message", "xml.truncated", r"byte \d+")),
    **dict.fromkeys(LINES, ("record", "message.truncated", r"/.+")),
    "csv": ("record", "message.truncated", "row 3"),
    "edifact": ("message", "message.unreadable", r"byte \d+"),
}


@pytest.mark.parametrize("name", TRUNCATED)
def test_half_a_message_is_read_up_to_there(name: str) -> None:
    message = MESSAGES[name](REFERENCES)
    got = answer(message[: message.index(TEXT.encode()) + 4])
    what, code, place = TRUNCATED[name]
    # China's messages say last who transmits them and are signed as a whole: half of one says nothing.
    assert got.read == ([] if name == "ceb" else ["FIRST"])
    if what == "message":
        assert refused(got.error, code, place)
    else:
        assert got.error is None
        (finding,) = faults(got.decided[-1])
        assert found(finding, code, place)


def test_half_a_waybill_as_text_has_no_end_that_could_be_missed() -> None:
    """A teletype text ends where it ends. What it lacks is found as missing."""
    message = MESSAGES["cargo-imp"](REFERENCES)
    got = answer(message[: message.index(TEXT.encode())])
    assert got.error is None
    assert got.read == ["FIRST", "MIDDLE"]


# --- another encoding


ENCODING = {
    **dict.fromkeys(XML, ("xml.encoding", r"line \d+, column \d+")),
    **dict.fromkeys(LINES, ("message.encoding", r"/.+")),
    "csv": ("message.encoding", "row 3, column goods_item.description"),
    "cargo-imp": ("message.encoding", "line 3"),
    "edifact": ("message.encoding", "segment 5"),
}


@pytest.mark.parametrize("name", FORMS)
def test_another_encoding_within_one_record_spoils_that_one(name: str) -> None:
    got = answer(spoilt(name, TEXT, b"Sm\xf8rebr\xf8d, vakuumpakket"))
    assert got.error is None
    assert got.read == ["FIRST", "LAST"]
    assert found(faults(got.decided[1])[0], *ENCODING[name])
    assert "UTF-8" in faults(got.decided[1])[0].hint or name == "edifact"  # there the repertoire is to be named


@pytest.mark.parametrize("name", FORMS)
def test_a_message_in_utf_16_is_read_as_xml_and_refused_as_anything_else(name: str) -> None:
    got = answer(MESSAGES[name](REFERENCES).decode().replace("encoding='UTF-8'", "").encode("utf-16"))
    if name in XML:
        assert got.error is None
        assert got.read == list(REFERENCES)
    else:
        assert got.decided == []
        assert refused(got.error, "message.unreadable", "byte 0")


def test_xml_that_ceases_to_be_utf_16_is_read_up_to_there() -> None:
    message = MESSAGES["h7"](REFERENCES).decode().replace("encoding='UTF-8'", "").encode("utf-16")
    cut = message[: len(message) // 2 // 2 * 2]
    got = answer(cut + b"\x00\xd8" * 3)
    assert refused(got.error, "xml.encoding", f"byte {len(cut) + 1}")


# --- what is not known


UNKNOWN = {  # in the middle record: what stands there, what is put in, where it is told
    "wco-dm": ("<FunctionalReferenceID>MIDDLE", "<Novel>blue</Novel>", "/Declaration/Novel"),
    "h7": ("<FunctionalReferenceID>MIDDLE", "<Novel>blue</Novel>", "/Declaration/Novel"),
    "ens": ("<RefNumHEA4>MIDDLE", "<Novel>blue</Novel>", "/CC315A/HEAHEA/Novel"),
    "ceb": ("<ceb:copNo>MIDDLE", "<ceb:novel>blue</ceb:novel>", "/CEB621Message/Inventory/InventoryHead/novel"),
    "cargo-xml": (
        "<ram:Name>Example Outfitters</ram:Name>",
        "<ram:Novel>blue</ram:Novel>",
        "/Waybill/MasterConsignment/ConsignorParty/Novel",
    ),
    "cargo-imp": ("SHP/WORKS", "ZZZ/blue\n", "line 4 (ZZZ)"),
    "edifact": ("UNT+7+2'", "ZZZ+blue'UNT+8+2'", "segment 7 ZZZ"),
    "json": ('"functional_reference_id":"MIDDLE"', '"novel":"blue",', "/novel"),
    "postal": ('"functional_reference_id":"MIDDLE"', '"novel":"blue",', "/novel"),
    "marketplace": ('"functional_reference_id":"MIDDLE"', '"novel":"blue",', "/novel"),
    "csv": ("MIDDLE,original", "MIDDLE,blue", "row 3, column novel"),
}


@pytest.mark.parametrize("name", FORMS)
def test_what_is_not_known_is_kept_and_told(name: str) -> None:
    good, novel, place = UNKNOWN[name]
    message = MESSAGES[name](REFERENCES)
    if name == "csv":
        message = message.replace(b"functional_reference_id,function,", b"functional_reference_id,novel,", 1)
        message = message.replace(b",original,", b",,").replace(b"MIDDLE,,", b"MIDDLE,blue,")
    else:
        at = message.index(good.encode(), message.index(b"MIDDLE") if name in ("cargo-imp", "cargo-xml") else 0)
        rest = message[at + len(good) :] if name == "edifact" else message[at:]
        message = message[:at] + novel.encode() + rest
    got = answer(message)
    assert got.error is None
    assert got.read == list(REFERENCES)
    (note,) = [note for note in got.decided[1].notes if note.place == place]
    assert "blue" in note.value
    assert note.words
    own = got.decided[1].own
    assert own is not None
    assert any("blue" in extra.value for extra in own.extras)


# --- one bad record among good ones, and one twice


BAD = {
    **dict.fromkeys(XML, (TEXT, "&bomb;", "xml.entity", r"line \d+, column \d+")),
    **dict.fromkeys(LINES, ('"functional_reference_id":"MIDDLE"', "'x'", "message.malformed", "(/.*)?")),
    "csv": (f"{TEXT},610910,0.3", "x,610910,0.3x", "message.number", "row 3, column goods_item.gross_mass_kg"),
    "cargo-imp": ("MIDDLE/ORKYVR/3/K22.5", "MIDDLE/ORKYVR/3/Kxx", "message.number", r"line 3 \(HBS\)"),
    "edifact": (f"{TEXT}'MOA+38:11.11", "x'MOA+38:x", "message.number", "segment 6 MOA, element 1.2"),
}


@pytest.mark.parametrize("name", FORMS)
def test_one_bad_record_leaves_the_others_alone(name: str) -> None:
    good, bad, code, place = BAD[name]
    got = answer(spoilt(name, good, bad))
    assert got.error is None
    assert got.read == ["FIRST", "LAST"]
    assert len(got.decided) == 3
    assert got.decided[1].evaluation.decision.state is State.REJECTED
    assert found(faults(got.decided[1])[0], code, place)


@pytest.mark.parametrize("name", FORMS)
def test_a_record_that_stands_twice_is_not_decided_as_if_it_stood_alone(name: str) -> None:
    """The second is held against the first in the transaction that writes them: contract/test_store_intake."""
    shelf = Shelf(WatchList(version=0, entries=b"[]"), lambda _: None)
    for references in (("FIRST", "MIDDLE", "LAST"), ("MIDDLE", "FIRST", "MIDDLE")):
        records = tuple(pieces(io.BytesIO(MESSAGES[name](references)), "message", ""))
        decided = [decide_piece(each, INCOMING, shelf) for each in records]
        assert len({each.reference for each in decided}) == len(set(references))
        result = decide_slice(Slice(incoming=INCOMING, pieces=records, declaration_ids=(1, 2, 3)), shelf, rows.encode)
        keys = [each.parcel_key for each in decided if each.parcel_key is not None]
        is_together = all(each.stands_alone for each in decided) and len(set(keys)) == len(keys)
        assert (result.encoded is not None) == (is_together and len(set(references)) == 3)


# --- packed


@pytest.mark.parametrize("name", FORMS)
def test_a_packed_message_is_read_as_it_is(name: str) -> None:
    assert answer(gzip.compress(MESSAGES[name](REFERENCES))).read == list(REFERENCES)


def zipped(**members: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return packed.getvalue()


ARCHIVES = {
    "nothing": (gzip.compress(b""), "message.unreadable", "byte 0"),
    "half a gzip": (gzip.compress(MESSAGES["json"](REFERENCES))[:60], "message.unreadable", "message"),
    "half a zip": (zipped(a=MESSAGES["json"](REFERENCES))[:60], "message.unreadable", "message"),
    "an empty zip": (zipped(), "message.unreadable", "message"),
    "a zip in a zip": (zipped(a=zipped(b=b"{}")), "message.unreadable", "message/a"),
    "a picture": (zipped(a=b"\x89PNG" + bytes(40)), "message.unreadable", "byte 0"),
    "a bomb": (zipped(a=b'[{"a":"' + b"x" * 40_000_000), "message.limit", "message"),
}


@pytest.mark.parametrize("case", ARCHIVES)
def test_an_archive_that_cannot_be_read_is_refused(case: str) -> None:
    body, code, place = ARCHIVES[case]
    got = answer(body)
    assert got.read == []
    assert refused(got.error, code, place)


def test_a_compression_of_a_later_version_is_refused() -> None:
    body = bytearray(zipped(a=MESSAGES["json"](REFERENCES)))
    for mark, at in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        start = body.index(mark)
        body[start + at : start + at + 2] = (93).to_bytes(2, "little")  # Zstandard (APPNOTE 6.3.8)
    got = answer(bytes(body))
    assert refused(got.error, "message.unreadable", "message/a")


def test_the_same_file_twice_in_an_archive_gives_its_records_twice() -> None:
    body = zipped(a=MESSAGES["json"](REFERENCES), b=MESSAGES["json"](REFERENCES))
    assert answer(body).read == [*REFERENCES, *REFERENCES]
    assert [member.name for member in archives.members(io.BytesIO(body), "x")] == ["x/a", "x/b"]


def test_a_piece_that_no_one_wrote_is_answered_in_every_form() -> None:
    """Whatever stands in the place of a record is read into findings, each with code and hint."""
    shelf = Shelf(WatchList(version=0, entries=b"[]"), lambda _: None)
    for name in FORMS:
        for body in (b"", b"\x00", b"<", b"{", b"[]", b"null", b"'", b"\xff\xfe"):
            decided = decide_piece(Piece(1, name, body), INCOMING, shelf)
            assert decided.evaluation.decision.state is State.REJECTED
            findings = decided.evaluation.findings
            assert findings
            assert "submission.fault" not in {each.rule_id for each in findings}
            assert all(each.rule_id and each.words and each.hint for each in faults(decided)), (name, body)
