"""Returns and exit events from JSON and CSV: every fault with its place, the others go on, nothing is guessed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.messages import return_reference
from tidewaiter.messages.plain_records import Read, columns, read_records
from tidewaiter.model.errors import MessageError
from tidewaiter.model.returned import EvidenceKind, ExitEvent, ExitKind, Proof, ReturnedItem, ReturnReason, ReturnRecord

D = Decimal
EVENT = ExitEvent(
    event_id="E1", kind=ExitKind.DEPARTED, happened_at=datetime(2026, 7, 5, 10, tzinfo=UTC), place="GBLHR",
    reported_by="Example Air",
)  # fmt: skip
RECORD = ReturnRecord(
    return_id="R1", reason=ReturnReason.RETURNED, waybill="W1", order_id="O1",
    items=(ReturnedItem(quantity=D("1"), sku="A"), ReturnedItem(quantity=D("2.5"), line_no=2)),
    documents=(Proof(kind=EvidenceKind.RETURN_ORDER, reference="RO1"),), exit_event=EVENT,
)  # fmt: skip


def read(body: bytes | str, name: str = "") -> list[Read[ReturnRecord]]:
    return read_records(body.encode() if isinstance(body, str) else body, ReturnRecord, "returns", name)


def plain(**changes: Any) -> dict[str, Any]:
    return {"return_id": "R1", "reason": "returned to seller", **changes}


def test_a_record_written_is_read_as_it_was() -> None:
    body = msgspec.json.encode(RECORD)
    assert read(body)[0].record == RECORD
    assert read(b"[" + body + b"]")[0].record == RECORD
    assert read(b'{"returns": [' + body + b"]}")[0].record == RECORD
    assert [each.record for each in read(body + b"\n\n" + body)] == [RECORD, RECORD]
    assert read(b"\xef\xbb\xbf" + msgspec.json.format(body, indent=2))[0].record == RECORD


def test_a_table_is_read_to_the_same_record() -> None:
    table = (
        "return_id;reason;waybill;order_id;items.quantity;items.sku;items.line_no;documents.kind;documents.reference;"
        "exit_event.event_id;exit_event.kind;exit_event.happened_at;exit_event.place;exit_event.reported_by\n"
        "R1;returned to seller;W1;O1;1;A;;return order;RO1;E1;departed;2026-07-05T10:00:00Z;GBLHR;Example Air\n"
        "R1;;;;2.5;;2;;;;;;;\n"
    )
    for delimiter in (";", ",", "\t"):
        assert read(table.replace(";", delimiter))[0].record == RECORD


@pytest.mark.parametrize(
    ("record", "place", "words"),
    [
        (plain(retun=1), "/0/retun", "there is no “retun” here"),
        ({"reason": "lost"}, "/0/return_id", "“return_id” is missing"),
        (plain(return_id=7), "/0/return_id", "must be text in quotes"),
        (plain(return_id="   "), "/0/return_id", "nothing but spaces"),
        (plain(return_id="a\u202eb"), "/0/return_id", "cannot be shown"),
        (plain(waybill="x" * 501), "/0/waybill", "longer than 500"),
        (plain(reason="changed my mind"), "/0/reason", "must be one of: returned to seller"),
        (plain(items={"quantity": 1}), "/0/items", "is a list"),
        (plain(items=["x"]), "/0/items/0", "an object"),
        (plain(items=[{"sku": "A"}]), "/0/items/0/quantity", "“quantity” is missing"),
        (plain(items=[{"quantity": 0}]), "/0/items/0/quantity", "above 0"),
        (plain(items=[{"quantity": "NaN"}]), "/0/items/0/quantity", "above 0"),
        (plain(items=[{"quantity": True}]), "/0/items/0/quantity", "above 0"),
        (plain(items=[{"quantity": "1e40"}]), "/0/items/0/quantity", "more digits"),
        (plain(items=[{"quantity": "1", "line_no": 0}]), "/0/items/0/line_no", "from 1"),
        (plain(items=[{"quantity": "1"}] * 1001), "/0/items", "at most 1000"),
        (plain(exit_event={"event_id": "E"}), "/0/exit_event/happened_at", "is missing"),
        (plain(exit_event={"happened_at": "2026-02-30T00:00:00Z"}), "/0/exit_event/happened_at", "a moment that exists"),
        (plain(exit_event={"happened_at": "2026-07-05T10:00:00"}), "/0/exit_event/happened_at", "time zone"),
        (plain(documents=[{"kind": "photo", "reference": "1"}]), "/0/documents/0/kind", "must be one of: exit event"),
        ("text", "/0", "an object"),
        (None, "/0", "an object"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_where(record: Any, place: str, words: str) -> None:
    first, second = read(json.dumps([record, plain()]))
    assert first.record is None
    assert any(finding.place == place and words in finding.words for finding in first.findings), first.findings
    assert second.record is not None


def test_a_name_close_by_is_offered() -> None:
    (found,) = read(json.dumps(plain(returnwaybill="W")))
    assert found.findings[0].hint == "Is it “return_waybill”?"


def test_a_name_that_stands_twice_is_refused() -> None:
    (found,) = read('{"return_id": "R1", "reason": "lost", "reason": "overpaid"}')
    assert found.findings[0].rule_id == "message.duplicate"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "is empty"), ("  \n ", "is empty"), ("[]", "the list is empty"), ("[{", "not well-formed JSON at line 1"),
        ('{"returns": [], "x": 1}', "beside “returns” stands x"), ("return_id,what\n1,2\n", "no column 'what'"),
        ("return_id,return_id\n", "stands twice"), ("return_id,reason\n", "a header and no row"),
        ('return_id,reason\n"R1,lost\n', "cannot be read"), ("[" * 100_000, "nested"),
    ],
)  # fmt: skip
def test_what_is_no_message_is_refused_as_a_whole(body: str, words: str) -> None:
    with pytest.raises(MessageError, match=words):
        read(body)


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ('{"return_id": "R1",', "cut short"), ("{'return_id': 'R1'}", "double quotes"), ("[{]", "double quotes"),
        ("[1]", "return_id, reason"), ('{"return_id": "R1", "reason": "lost", "items": {}}', "brackets"),
        ("{}\n{'}", "double quotes"), ('{"return_id": "R1", "reason": "lost", "zzz": 1}', "return_id, reason"),
    ],
)  # fmt: skip
def test_wrong_json_is_told_with_what_to_do(body: str, hint: str) -> None:
    try:
        hints = [finding.hint for each in read(body) for finding in each.findings]
    except MessageError as error:
        hints = [error.hint]
    assert all(hints)
    assert any(hint in each for each in hints)


def test_a_file_that_says_it_is_json_is_not_taken_for_a_table() -> None:
    with pytest.raises(MessageError, match="JSON begins with"):
        read("return_id,reason\nR1,lost\n", "returns.json")


def test_rows_that_contradict_one_another_are_told() -> None:
    first, second = read("return_id,reason,waybill,items.quantity\nR1,lost,W1,1\nR1,lost,W2,1\nR2,lost,W,1,9\n")
    assert first.findings[0].place == "row 3, column waybill"
    assert "'W2' here and 'W1' in row 2" in first.findings[0].words
    assert second.findings[0].words == "the row has more cells than the 4 columns"


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_no_bytes_make_it_fail(body: bytes) -> None:
    try:
        for each in read_records(body, ReturnRecord, "returns"):
            assert (each.record is None) == bool(each.findings)
    except MessageError:
        pass


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from([*columns(ReturnRecord), "items", "exit_event", "x"]), inner, max_size=4)
        ),
        max_leaves=12,
    )
)
@settings(max_examples=200, deadline=None)
def test_no_json_makes_it_fail(value: Any) -> None:
    try:
        for each in read(json.dumps([value])):
            assert (each.record is None) == bool(each.findings)
    except MessageError:
        pass


def test_the_schema_says_what_is_read() -> None:
    schema = json.loads(return_reference.return_schema())
    assert set(schema["$defs"]["ReturnRecord"]["properties"]) == set(ReturnRecord.__struct_fields__)
    assert schema["$defs"]["ReturnedItem"]["additionalProperties"] is False
    assert "pattern" in json.dumps(schema["$defs"]["ReturnedItem"]["properties"]["quantity"])
