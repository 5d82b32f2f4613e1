"""Entry summary declarations: written and read back the same; mutated ones give findings, in bounded time."""

from __future__ import annotations

import io
import random
import time
from datetime import UTC
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.cli.bench.fuzzing.mutating import Mutator
from tidewaiter.messages import xml
from tidewaiter.messages.ens import EnsForm
from tidewaiter.messages.form import Reading
from tidewaiter.messages.rulebooks import Rulebook
from tidewaiter.messages.rulebooks.compile import ExpressionError, compiled
from tidewaiter.messages.rulebooks.nodes import WorkExceededError, document
from tidewaiter.messages.rulebooks.patterns import Pattern, PatternError
from tidewaiter.model import declaration as model
from tidewaiter.model.declaration import Declaration, MessageFunction
from tidewaiter.model.errors import MessageError

FORM = EnsForm()
MUTANTS = 1_500
SECONDS_MAX = 1.0

# Whatever XML can hold, without blanks at the ends, which carry no meaning in a message.
TEXTS = (
    st.text(st.characters(blacklist_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=12).map(str.strip).filter(bool)
)
CODES = st.text("ABCXYZ0123456789", min_size=1, max_size=6)
MASSES = st.decimals(min_value=0, max_value=10**8, places=3, allow_nan=False, allow_infinity=False)
COUNTS = st.integers(0, 99_999)
MOMENTS = st.datetimes().map(
    lambda at: at.replace(year=2000 + at.year % 99, second=0, microsecond=0, tzinfo=model_utc())
)


def model_utc() -> Any:

    return UTC


def some(record: type[Struct], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries({}, optional=fields).filter(bool).map(lambda found: record(**found))


def many(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(strategy, min_size=1, max_size=3).map(tuple)


def with_day(consignment: model.Consignment) -> model.Consignment:
    at = consignment.arrival_at
    return consignment if at is None else replace(consignment, arrival_on=at.date())


ADDRESSES = some(model.Address, line=TEXTS, city=TEXTS, postcode=TEXTS, country_code=CODES)
PARTIES = some(model.Party, party_id=CODES, name=TEXTS, address=ADDRESSES)
DOCUMENTS = some(model.Document, type_code=st.sampled_from(["N703", "N740", "N380", "Y900", "C4"]), document_id=TEXTS)
TRANSPORT = DOCUMENTS.filter(lambda each: each.type_code in ("N703", "N740"))
OTHERS = DOCUMENTS.filter(lambda each: each.type_code not in ("N703", "N740"))
ITEMS = st.fixed_dictionaries(
    {"line_no": st.integers(1, 99_999)},
    optional={
        "description": TEXTS, "gross_mass_kg": MASSES, "ucr": TEXTS, "undg_id": CODES, "commodity_code": CODES,
        "transport_documents": many(TRANSPORT), "documents": many(OTHERS), "consignor": PARTIES, "consignee": PARTIES,
        "additional_information": many(some(model.AdditionalInformation, statement_code=CODES)),
        "container_ids": many(TEXTS), "loading_place": TEXTS, "unloading_place": TEXTS, "notify_party": PARTIES,
        "packagings": many(some(model.Packaging, type_code=CODES, count=COUNTS, marks=TEXTS)),
    },
).map(lambda found: model.GoodsItem(**found))  # fmt: skip
CONSIGNMENTS = some(
    model.Consignment, ucr=TEXTS, gross_mass_kg=MASSES, package_count=COUNTS,
    arrival_at=MOMENTS, loading_place=TEXTS, unloading_place=TEXTS, routing_country_codes=many(CODES),
    seal_ids=many(TEXTS), carrier=PARTIES, notify_party=PARTIES,
    border_transport=some(model.TransportMeans, mode_code=st.sampled_from("1348"), means_id=TEXTS, nationality_code=CODES),
)  # fmt: skip
WHOLE = {
    "issued_at": MOMENTS, "goods_item_count": COUNTS, "consignor": PARTIES, "consignee": PARTIES, "declarant": PARTIES,
    "representative": PARTIES, "submitter": some(model.Party, party_id=TEXTS), "goods_items": many(ITEMS),
    "consignment": CONSIGNMENTS.map(with_day), "circumstance_code": CODES,
}  # fmt: skip


@given(
    st.sampled_from([MessageFunction.ORIGINAL, MessageFunction.AMENDMENT]),
    TEXTS,
    st.fixed_dictionaries({}, optional=WHOLE),
)
@settings(max_examples=150, deadline=None)
def test_what_is_written_reads_back_the_same(function: MessageFunction, reference: str, fields: dict[str, Any]) -> None:
    own = (
        {"functional_reference_id": reference} if function is MessageFunction.ORIGINAL else {"registered_id": reference}
    )
    declaration = Declaration(
        function=function, procedure_category="ENS", jurisdiction_code="GB", supervising_office_id="GB000060", **own, **fields
    )  # fmt: skip
    reading = FORM.read(FORM.write([declaration]))
    assert reading == Reading(declaration)


# --- fuzzing ---------------------------------------------------------------------------------------------------------

SEED = FORM.write(
    [
        Declaration(
            functional_reference_id="LRN", supervising_office_id="GB000060", goods_item_count=2,
            submitter=model.Party(party_id="GB123456789000/1234567890"), declarant=model.Party(party_id="GB1"),
            consignment=model.Consignment(border_transport=model.TransportMeans(mode_code="1", means_id="1234567")),
            goods_items=tuple(
                model.GoodsItem(
                    line_no=line_no, description="shirts", commodity_code="6109",
                    packagings=(model.Packaging(type_code="CT", count=0, marks="x"),) * 3,
                )
                for line_no in (1, 2)
            ),
        )
    ]
)  # fmt: skip
BOOK = Rulebook.from_files(
    {
        "a.json": rb"""{"element": "/MesSenMES3", "name": "a", "asserts": [{"errorCode": "1", "errorMessage": "a",
            "test": "applyRegex('.', '\\s*[A-Z]{2}([\\s]+|[^\\n\\r]){1,15}/[0-9]{10}\\s*')"}]}""",
        "b.json": rb"""{"element": "/GOOITEGDS/PACGS2", "name": "b", "asserts": [{"errorCode": "2", "errorMessage": "b",
            "test": "number('NumOfPacGS24') != 0 || exists('../../GOOITEGDS/PACGS2', {a, b -> b.intOrElse('NumOfPacGS24', 0) > 0
            && a.trim('MarNumOfPacGSL21') == b.trim('MarNumOfPacGSL21')})"}]}""".replace(b"\n", b" "),
    }
)


def in_any_order(declaration: Declaration) -> Declaration:
    """An element that stands twice, and not together, is written together: its extras come in another order."""
    return replace(declaration, extras=tuple(sorted(declaration.extras, key=lambda each: each.path)))


def test_mutated_messages_give_readings_or_findings_and_nothing_hangs() -> None:
    mutator = Mutator([SEED], random.Random(20261127))
    unread = 0
    for _ in range(MUTANTS):
        body, began = mutator.message(), time.process_time()
        try:
            records = list(FORM.split(io.BytesIO(body)))
        except MessageError:
            records = []
        for record in records:
            reading = FORM.read(record.body)
            if reading.declaration is None:
                unread += 1
                assert reading.findings
                continue
            again = FORM.read(FORM.write([reading.declaration])).declaration
            assert again is not None
            assert in_any_order(again) == in_any_order(reading.declaration)
            BOOK.breaches(xml.parse(record.body))
        assert time.process_time() - began < SECONDS_MAX, body
    assert 0 < unread < MUTANTS


def test_rules_on_much_that_looks_alike_end_in_time() -> None:
    sender = "GB" + " " * 5_000 + "x"
    packs = "<PACGS2><NumOfPacGS24>0</NumOfPacGS24><MarNumOfPacGSL21>x</MarNumOfPacGSL21></PACGS2>" * 3_000
    began = time.process_time()
    root = etree.fromstring(f"<CC315A><MesSenMES3>{sender}</MesSenMES3><GOOITEGDS>{packs}</GOOITEGDS></CC315A>")
    breaches = BOOK.breaches(root)
    assert [each.code for each in breaches[:1]] == ["1"]
    assert time.process_time() - began < 20 * SECONDS_MAX


WORDS = st.sampled_from(
    [
        "not(",
        "exists(",
        "'A'",
        "'..'",
        ")",
        "&&",
        "||",
        "!",
        "==",
        "number(",
        "trim(",
        "{a, b -> ",
        "}",
        ",",
        "1",
        "2.5",
        ".take(",
        "-",
    ]
)


@given(st.lists(WORDS, max_size=12).map(" ".join))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_test_or_refused_with_a_place(text: str) -> None:
    node = document(etree.fromstring("<A><A>1</A></A>")).by_name["A"][0]
    try:
        result: object = compiled(text)(node)
    except ExpressionError as error:
        result = bool(error.words) and error.column >= 1
    assert result in (True, False)


@given(st.text("ab.*+?(){}[]|^$\\s1,-", max_size=14), st.text("ab1 .", max_size=20))
@settings(max_examples=500, deadline=None)
def test_any_text_is_a_regular_expression_or_refused(pattern: str, text: str) -> None:
    left = [1_000_000]

    def spend(amount: int) -> None:
        left[0] -= amount
        if left[0] < 0:
            raise WorkExceededError

    try:
        result: object = Pattern(pattern).fits(text, spend)
    except PatternError as error:
        result = bool(error.words) and 0 <= error.at <= len(pattern) + 1
    assert result in (True, False)
