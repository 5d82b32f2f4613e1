"""China's cross-border e-commerce messages: whatever is read is written such that it reads the same; nothing crashes."""

from __future__ import annotations

import contextlib
import io
import random
import time
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ceb import SIGNATURE, TRANSFER, message

from tidewaiter.cli.bench.fuzzing.mutating import Mutator
from tidewaiter.messages.ceb import CebForm
from tidewaiter.messages.ceb.tables import Entity, Message, load
from tidewaiter.messages.form import Reading
from tidewaiter.model.errors import MessageError

FORM = CebForm()
LETTERS = st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufffe\uffff")
TEXTS = st.one_of(
    st.text(LETTERS, max_size=12).map(str.strip),
    st.decimals(min_value=-10, max_value=10**9, places=3).map(str),
    st.sampled_from(
        ["1", "2", "3", "142", "116", "JPN", "007", "035", "无", "20260615103000", "20260615", "20261399", "1E5", "+4", "004"]
    ),
)  # fmt: skip


def elements(entity: Entity) -> st.SearchStrategy[str]:
    """Some elements of an entity, in whatever order, and perhaps others: unknown, doubled, with attributes."""
    names = [*(each.name for each in entity.order), entity.order[0].name, "novel", "novel"]
    attribute = st.sampled_from(["", "", "", ' a="1"', ' b="x y"'])
    one = st.tuples(st.sampled_from(names), attribute, TEXTS)
    return st.lists(one, max_size=25).map(
        lambda found: "".join(f"<{name}{given}>{escape(text)}</{name}>" for name, given, text in found)
    )


def bodies(known: Message) -> st.SearchStrategy[bytes]:
    """A message of that kind with a few records."""
    head = elements(known.fields)
    if known.head:
        lines = st.lists(elements(known.lines), max_size=3) if known.lines else st.just([])
        record = st.tuples(head, lines).map(
            lambda found: (
                f"<{known.head}>{found[0]}</{known.head}>"
                + "".join(f"<{known.list}>{line}</{known.list}>" for line in found[1])
            )
        )
    else:
        record = head
    around = st.sampled_from(["", TRANSFER.replace("ceb:", ""), SIGNATURE, SIGNATURE + "<novel><a/><a>1</a></novel>"])
    return st.tuples(st.lists(record, min_size=1, max_size=3), around).map(
        lambda found: (
            f'<{known.root} xmlns="http://www.chinaport.gov.cn/ceb" guid="1" version="1.0">'
            + "".join(f"<{known.record}>{each}</{known.record}>" for each in found[0])
            + f"{found[1]}</{known.root}>"
        ).encode()
    )


def readings(body: bytes) -> list[Reading]:
    return [FORM.read(record.body) for record in FORM.split(io.BytesIO(body))]


@settings(max_examples=25, deadline=None)
@pytest.mark.parametrize("number", sorted(load().messages))
@given(data=st.data())
def test_what_was_read_is_written_such_that_it_reads_the_same(number: str, data: st.DataObject) -> None:
    first = readings(data.draw(bodies(load().messages[number])))
    assert first
    declared = [each.declaration for each in first if each.declaration is not None]
    assert len(declared) == len(first)
    again = readings(FORM.write(declared))
    assert [each.declaration for each in again] == declared
    assert [each.findings for each in again] == [each.findings for each in first]


MUTATIONS = 150  # of each message, in the tests


def survives(body: bytes) -> None:
    """A message, whatever was done to it, is read or refused, in less than a second of work, and what was read is written."""
    started = time.process_time()
    found: list[Reading] = []
    with contextlib.suppress(MessageError):
        FORM.recognises(body[: 64 * 1024])
        found = readings(body)
    assert time.process_time() - started < 1
    for each in found:
        assert each.declaration is not None or each.findings
        if each.declaration is not None:
            FORM.write([each.declaration])


def test_elements_that_are_not_known_take_time_in_step_with_their_number() -> None:
    def taken(count: int) -> float:
        novel = b"<novel/>" * count + b"<note>1</note>" * count
        body = message("511").replace(b"</ceb:LogisticsHead>", novel + b"</ceb:LogisticsHead>")
        started = time.process_time()
        readings(body)
        return time.process_time() - started

    taken(100)  # what is made once
    assert min(taken(20_000) for _ in range(2)) < 12 * max(taken(5_000) for _ in range(2))


def test_many_records_with_much_around_them_are_refused() -> None:
    around = TRANSFER + SIGNATURE.replace("<ds:KeyInfo/>", "x" * 100_000)
    body = message("511", {}, tail="").replace(b"</ceb:CEB511Message>", b"<ceb:Logistics/>" * 5_000)
    started = time.process_time()
    with pytest.raises(MessageError, match="at most"):
        readings(body + around.encode() + b"</ceb:CEB511Message>")
    assert time.process_time() - started < 1


@pytest.mark.parametrize("number", ["311", "411", "511", "621"])
def test_no_mutation_of_a_message_crashes_or_hangs(number: str) -> None:
    body = message(number, {"orderNo": "O-1"}, {"orderNo": "O-2"}, {"orderNo": "O-3"}, tail=TRANSFER + SIGNATURE)
    mutator = Mutator([body], random.Random(int(number)))
    for _ in range(MUTATIONS):
        survives(mutator.message())
