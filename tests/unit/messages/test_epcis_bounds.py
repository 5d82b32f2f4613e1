"""What a document may make the reader do: nothing it says raises, and nothing small in it becomes large."""

from __future__ import annotations

import json
from typing import Any

import pytest

from events import document, object_event
from tidewaiter.messages.epcis.fields import URI_BYTES_MAX, WORD_BYTES_MAX
from tidewaiter.messages.epcis.master_data import ATTRIBUTES_MAX, PLACES_MAX
from tidewaiter.messages.epcis.reading import (
    DOCUMENT_BYTES_MAX,
    PREFIX_LENGTH_MAX,
    PREFIXES_MAX,
    TWICE_MAX,
    read,
)


@pytest.mark.parametrize(
    "changed",
    [
        {"epcList": ["urn:epc:id:sgtin:1.2.\ud800"]},
        {"https://example.org/note": "\udfff"},
        {"https://example.org/\ud812": 1},
    ],
)
def test_half_a_character_is_a_finding(changed: dict[str, Any]) -> None:
    """JSON can write half of a surrogate pair; UTF-8 cannot, so it could not be kept."""
    assert [each.rule_id for each in read(document(object_event(**changed))).findings] == ["epcis.not_json"]


def test_whole_characters_beyond_the_first_plane_are_read() -> None:
    """A whole surrogate pair is one character."""
    assert len(read(document(object_event(**{"https://example.org/note": "\U0001f69a"}))).events) == 1


def test_a_number_beyond_all_numbers_is_a_finding() -> None:
    """An exponent of twenty digits is no number that can be held."""
    data = document(object_event(**{"https://example.org/note": 7})).replace(b": 7", b": 1e99999999999999999999")
    assert [each.rule_id for each in read(data).findings] == ["epcis.not_json"]


def test_names_that_stand_twice_are_told_up_to_a_number() -> None:
    """A document of nothing else is told of so many times, not hundreds of thousands."""
    found = read(b"{" + b'"a":1,' * (TWICE_MAX + 50) + b'"a":1}').findings
    assert len([each for each in found if each.rule_id == "epcis.twice"]) == TWICE_MAX


def test_a_long_prefix_is_refused() -> None:
    """A prefix of a megabyte, used by a thousand short names, would be written out to a gigabyte."""
    long = {"x": "https://example.org/" + "a" * PREFIX_LENGTH_MAX}
    for data in (document(object_event(), **{"@context": [long]}), document(object_event(**{"@context": long}))):
        assert [each.rule_id for each in read(data).findings] == ["epcis.context"]
        assert read(data).events == ()


def test_prefixes_made_of_prefixes_do_not_grow() -> None:
    """Each written out by the one before, and a little longer."""
    context = [{"a0": "https://example.org/" + "a" * 100}, *({f"a{n}": f"a{n - 1}:" + "a" * 100} for n in range(1, 9))]
    assert [each.rule_id for each in read(document(object_event(), **{"@context": context})).findings] == [
        "epcis.context"
    ]


def test_many_prefixes_are_refused() -> None:
    """They are looked up for every event."""
    many = {f"p{number}": "https://example.org/" for number in range(PREFIXES_MAX + 1)}
    assert [each.rule_id for each in read(document(object_event(), **{"@context": many})).findings] == ["epcis.context"]


def places(*children: Any) -> dict[str, Any]:
    """A header that says which places lie in a port."""
    port = {"id": "urn:epc:id:sgln:4012345.00001.0", "children": list(children)}
    return {"epcisMasterData": {"vocabularyList": [{"vocabularyElementList": [port]}]}}


def test_places_that_are_no_uris_are_left_out() -> None:
    """What cannot be kept, or asked for, is no place."""
    header = places("urn:epc:id:sgln:4012345.00002.0", "urn:x:a\0b", "no uri", 7, "urn:x:" + "a" * 5_000)
    within = read(document(object_event(), epcisHeader=header)).master_data.within
    assert within == (("urn:epc:id:sgln:4012345.00002.0", "urn:epc:id:sgln:4012345.00001.0"),)


def test_more_places_than_may_be_are_refused() -> None:
    """A header of a million places would be a million rows."""
    header = places(*(f"urn:x:{number}" for number in range(PLACES_MAX + 1)))
    assert [each.rule_id for each in read(document(object_event(), epcisHeader=header)).findings] == ["epcis.too_many"]


def test_more_attributes_than_may_be_are_refused() -> None:
    port = {"id": "urn:x:port", "attributes": [{"id": "urn:x:a", "attribute": 1}] * (ATTRIBUTES_MAX + 1)}
    header = {"epcisMasterData": {"vocabularyList": [{"vocabularyElementList": [port]}]}}
    assert [each.rule_id for each in read(document(object_event(), epcisHeader=header)).findings] == ["epcis.too_many"]


def test_deep_nesting_is_a_finding() -> None:
    """However deep: the reader's own stack is not what ends it."""
    for data in (
        b"[" * 200_000,
        b'{"a":' * 200_000,
        document(object_event(**{"x:y": json.loads("[" * 90 + "]" * 90)})),
    ):
        assert len(data) < DOCUMENT_BYTES_MAX
        assert read(data).findings[0].rule_id in ("epcis.not_json", "epcis.too_deep")


@pytest.mark.parametrize(
    "changed",
    [
        {"epcList": ["urn:x:" + "\u6c34" * URI_BYTES_MAX]},
        {"epcList": ["own:" + "a" * (URI_BYTES_MAX - 10)]},
        {"eventID": "urn:x:" + "a" * URI_BYTES_MAX},
        {"readPoint": {"id": "urn:x:" + "a" * URI_BYTES_MAX}},
    ],
)
def test_a_uri_is_no_longer_than_an_index_holds(changed: dict[str, Any]) -> None:
    """It counts as it is kept: in bytes, and with its prefix written out."""
    assert [each.rule_id for each in read(document(object_event(**changed))).findings] == ["epcis.uri"]


def test_a_word_of_ones_own_is_no_longer_than_an_index_holds() -> None:
    """It stands together with a number in one term."""
    step = "https://example.org/" + "\u6c34" * WORD_BYTES_MAX
    assert [each.rule_id for each in read(document(object_event(bizStep=step))).findings] == ["epcis.word"]


def test_an_event_before_the_record_can_tell_time_is_a_finding() -> None:
    """Entries of the record count seconds since 1970."""
    data = document(object_event(eventTime="1969-12-31T23:59:59Z"))
    assert [each.rule_id for each in read(data).findings] == ["epcis.time"]
