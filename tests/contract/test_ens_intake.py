"""Entry summary declarations through the intake into a real PostgreSQL: kept, decided, amended, answered, replayed."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from lxml import etree
from msgspec.structs import replace

from tidewaiter.messages.ens import EnsForm
from tidewaiter.model.decision import NoticeKind, State
from tidewaiter.model.declaration import (
    Address,
    Consignment,
    Declaration,
    Extra,
    GoodsItem,
    MessageFunction,
    Packaging,
    Party,
    TransportMeans,
)
from tidewaiter.model.errors import MessageError, TidewaiterError
from tidewaiter.store import PostgresStore
from tidewaiter.web.api.documents import document_of
from tidewaiter.workflow import processing, replay
from tidewaiter.workflow.books import BOOKS_VARIABLE, Books
from tidewaiter.workflow.intake import Intake
from tidewaiter.workflow.records import Receipt

DAY = date(2026, 11, 20)
FORM = EnsForm()


@pytest.fixture
def sender_id(store: PostgresStore) -> int:
    # What chance decides is fixed here: by this seed none of the declarations below is drawn.
    today = datetime.now(UTC).date()
    for day in (today, today + timedelta(1)):
        store.seed(day, b"\x05" * 32)
    return store.senders.ensure("A carrier").sender_id


def summary(reference: str, **changed: object) -> Declaration:
    fields: dict[str, object] = {
        "functional_reference_id": reference,
        "procedure_category": "ENS",
        "jurisdiction_code": "GB",
        "supervising_office_id": "GB000060",
        "issued_at": datetime(2026, 11, 19, 9, 15, tzinfo=UTC),
        "goods_item_count": 1,
        "submitter": Party(party_id="GB123456789000/1234567890"),
        "declarant": Party(party_id="GB123456789000"),
        "consignment": Consignment(
            ucr="UCR-1",
            gross_mass_kg=None,
            package_count=1,
            arrival_at=datetime(2026, 11, 20, 18, 0, tzinfo=UTC),
            border_transport=TransportMeans(mode_code="4", means_id="BA123"),
        ),
        "goods_items": (
            GoodsItem(
                line_no=1,
                description="cotton shirts for men",
                commodity_code="6109",
                packagings=(Packaging(type_code="CT", count=1, marks="1"),),
                consignor=Party(name="Sender", address=Address(line="1 Road", city="Shenzhen", country_code="CN")),
                consignee=Party(name="Receiver", address=Address(line="2 Lane", city="Leeds", country_code="GB")),
                gross_mass_kg=None,
            ),
        ),
        "extras": (Extra("/CC315A/HEAHEA/DecPlaHEA394", "London"),),
    }
    return Declaration(**{**fields, **changed})  # type: ignore[arg-type]


def weighed(declaration: Declaration, kilograms: str) -> bytes:
    body = FORM.write([declaration])
    return body.replace(b"</GooDesGDS23>", f"</GooDesGDS23><GroMasGDS46>{kilograms}</GroMasGDS46>".encode())


def hand_in(intake: Intake, sender_id: int, body: bytes) -> Receipt:
    return intake.submit(
        io.BytesIO(body),
        sender_id=sender_id,
        file_name="ens.xml",
        transport="test",
        idempotency_key=None,
        legal_day=DAY,
    )


def told(store: PostgresStore, declaration_id: int) -> list[str]:
    documents = [etree.fromstring(document_of(store, each).content) for each in store.decision(declaration_id).notices]
    return [document.tag.rpartition("}")[2] for document in documents]


def test_a_summary_declaration_is_kept_judged_and_answered_in_its_own_messages(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    body = weighed(summary("LRN-1"), "1.5")
    (line,) = hand_in(intake, sender_id, body).lines
    file = store.decision(line.declaration_id)
    assert file.evaluation.decision.dataset == "ENS"
    assert file.evaluation.decision.state is State.RECEIVED, file.evaluation.findings
    assert file.evaluation.assessment is None or not file.evaluation.assessment.charges
    assert file.evaluation.judgement is not None
    assert b"".join(store.message_bytes(file.message.message_id)) == body
    assert told(store, line.declaration_id) == ["CC328A"]
    acknowledged = etree.fromstring(document_of(store, file.notices[0]).content)
    assert acknowledged.findtext("HEAHEA/DocNumHEA5") == line.registered_id
    assert acknowledged.findtext("HEAHEA/RefNumHEA4") == "LRN-1"
    assert etree.fromstring(document_of(store, file.notices[0], "wco-dm").content).tag.endswith("}MetaData")


def test_what_is_missing_is_refused_with_its_place(store: PostgresStore, intake: Intake, sender_id: int) -> None:
    (line,) = hand_in(intake, sender_id, FORM.write([summary("LRN-2", declarant=None)])).lines
    file = store.decision(line.declaration_id)
    assert file.evaluation.decision.state is State.REJECTED
    places = {finding.place for finding in file.evaluation.findings if finding.rule_id == "data.required"}
    assert "/CC315A/PERLODSUMDEC/TINPLD1" in places
    (document,) = (etree.fromstring(document_of(store, each).content) for each in file.notices)
    assert document.tag.endswith("}CC316A")
    assert places <= {each.text for each in document.iter("ErrPoiER12")}


def test_an_amendment_changes_it_by_its_number_and_everything_replays(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    (first,) = hand_in(intake, sender_id, weighed(summary("LRN-3"), "1.5")).lines
    amendment = summary("", registered_id=first.registered_id, function=MessageFunction.AMENDMENT, extras=())
    (second,) = hand_in(intake, sender_id, weighed(amendment, "2.5")).lines
    assert second.declaration_id == first.declaration_id
    file = store.decision(first.declaration_id)
    assert file.row.functional_reference_id == "LRN-3"
    assert [str(item.gross_mass_kg) for item in file.declaration.goods_items] == ["2.5"]
    assert told(store, first.declaration_id) == ["CC328A", "CC304A"]
    report = replay.replay_all(store, workers=1)
    assert report.is_clean
    assert report.replayed == 2


def test_an_amendment_of_nothing_known_is_refused_by_its_own_message(
    store: PostgresStore, intake: Intake, sender_id: int
) -> None:
    amendment = summary("", registered_id="26GB000000009999R1", function=MessageFunction.AMENDMENT, extras=())
    (line,) = hand_in(intake, sender_id, weighed(amendment, "2.5")).lines
    (notice,) = store.decision(line.declaration_id).notices
    refused = etree.fromstring(document_of(store, notice).content)
    assert notice.kind is NoticeKind.REJECTED
    assert refused.tag.endswith("}CC305A")
    assert refused.findtext("HEAHEA/DocNumHEA5") == "26GB000000009999R1"


# --- published schemas and rules -------------------------------------------------------------------------------------

SCHEMA = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="http://ics.dgtaxud.ec/{name}">
  <xs:include schemaLocation="more/parts.xsd"/>
  <xs:element name="{name}"><xs:complexType><xs:sequence><xs:any maxOccurs="unbounded" processContents="skip"/>
  </xs:sequence></xs:complexType></xs:element></xs:schema>"""
PARTS = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"/>"""
RULE = """{"element": "/GOOITEGDS", "name": "g", "asserts": [{"errorCode": "8001", "errorMessage": "Say more.",
  "test": "trim('GooDesGDS23').length() > 8"}]}"""
SETTING = """[[book]]
form = "ens"
jurisdiction = "GB"
folder = "published"
"""


@pytest.fixture
def setting(tmp_path: Path) -> Path:
    published = tmp_path / "published"
    for name, content in {
        "rules/g.json": RULE,
        "xsds/CC315A.xsd": SCHEMA.format(name="CC315A"),
        "xsds/CC313A.xsd": SCHEMA.format(name="CC313A"),
        "xsds/more/parts.xsd": PARTS,
    }.items():
        path = published / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    file = tmp_path / "books.toml"
    file.write_text(SETTING, "utf-8")
    return file


def short(reference: str) -> Declaration:
    whole = summary(reference)
    return replace(whole, goods_items=(replace(whole.goods_items[0], description="shirts"),))


def test_published_rules_are_applied_kept_by_digest_and_replayed_when_the_folder_has_changed(
    store: PostgresStore, sender_id: int, setting: Path
) -> None:
    books = Books.from_environment({BOOKS_VARIABLE: str(setting)})
    with Intake(store, workers=1, books=books) as intake:
        (good,) = hand_in(intake, sender_id, weighed(summary("LRN-5"), "1.5")).lines
        (bad,) = hand_in(intake, sender_id, weighed(short("LRN-6"), "1.5")).lines
    assert store.decision(good.declaration_id).evaluation.decision.state is State.RECEIVED
    file = store.decision(bad.declaration_id)
    (finding,) = [each for each in file.evaluation.findings if each.rule_id == "ens.8001"]
    assert (finding.words, finding.place) == ("Say more.", "/CC315A[1]/GOOITEGDS[1]")
    assert file.evaluation.decision.state is State.REJECTED
    (document,) = (etree.fromstring(document_of(store, each).content) for each in file.notices)
    assert document.findtext("FUNERRER1/ErrReaER13") == "8001"
    (digest,) = books.contents
    assert store.kept(bad.declaration_id).rules_digest == digest
    (setting.parent / "published" / "rules" / "g.json").unlink()
    report = replay.replay_all(store, workers=1)
    assert report.is_clean
    assert report.replayed == 2


def test_published_rules_reach_the_workers_of_a_long_message(
    store: PostgresStore, sender_id: int, setting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processing, "SLICE_RECORDS", 4)
    body = FORM.write([short(f"LRN-{number}") for number in range(40)])
    with Intake(store, workers=2, books=Books.from_file(setting)) as intake:
        receipt = hand_in(intake, sender_id, body)
    assert receipt.counts == {"rejected": 40}
    kept = [store.kept(line.declaration_id) for line in receipt.lines]
    assert {each.rules_digest for each in kept} == set(Books.from_file(setting).contents)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("[[book]]", "[[books]]", "does not name published rules"),
        ('form = "ens"', 'form = "h7"', "the form “h7” has no published rules"),
        (SETTING, SETTING * 2, "has two books for GB"),
        ("published", "nowhere", "no schema of an entry summary declaration"),
        ('"published"', '"published"\nedition = "New"', "no edition “New”"),
    ],
)
def test_a_setting_that_cannot_be_used_is_refused_whole(setting: Path, old: str, new: str, words: str) -> None:
    setting.write_text(SETTING.replace(old, new), "utf-8")
    with pytest.raises(TidewaiterError) as caught:
        Books.from_file(setting)
    assert words in caught.value.detail


def test_a_schema_that_does_not_compile_is_refused_and_nothing_is_set(setting: Path) -> None:
    (setting.parent / "published" / "xsds" / "more" / "parts.xsd").write_text("<broken/>", "utf-8")
    with pytest.raises(MessageError, match="does not compile"):
        Books.from_file(setting)
    assert Books.from_environment({}).contents == {}
