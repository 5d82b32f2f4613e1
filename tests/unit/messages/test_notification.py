"""Notifications: codes, contents, and what the published schema says of them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest
from lxml import etree
from msgspec.structs import replace

from tidewaiter.messages.wco_dm.notification import CODES, ERRORS_MAX, kind_of, write_notification
from tidewaiter.model.assessment import Assessment, Charge, ChargeKind, Collection
from tidewaiter.model.decision import Decision, Evaluation, Hold, HoldKind, NoticeKind, State
from tidewaiter.model.declaration import Amendment, AmendmentPointer, Declaration, GoodsItem
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.money import Money

N = NoticeKind
AT = datetime(2026, 7, 1, 12, 30, 45, tzinfo=timezone(timedelta(hours=2)))


def gbp(amount: str) -> Money:
    return Money(Decimal(amount), "GBP")


def charge(
    line_no: int, collection: Collection = Collection.BORDER, rate: str = "12.5 %", result: str = "5.00"
) -> Charge:
    return Charge(
        kind=ChargeKind.DUTY,
        type_code="A00",
        line_no=line_no,
        base=gbp("40.00"),
        rate=rate,
        unrounded=Decimal(result),
        rounding="down to 0.01",
        result=gbp(result),
        collection=collection,
        measure_id="duty",
    )


ASSESSMENT = Assessment(
    jurisdiction_code="GB",
    legal_day=date(2026, 7, 1),
    regime_digest="",
    scheme="",
    intrinsic_value=gbp("40"),
    customs_value=gbp("40"),
    steps=(),
    charges=(
        charge(1),
        charge(2, Collection.NONE),
        charge(2, Collection.SALE, "20 %", "8.00"),
        charge(2, rate="EUR 3 per line", result="3.00"),
        charge(0, rate="fee", result="1.00"),
    ),
    due=gbp("9"),
    collected_at_sale=gbp("8"),
)
FINDINGS = (
    Finding("data.required", Severity.ERROR, "goods_items[2].documents[1].type_code", "A document type is missing."),
    Finding("CDS12005", Severity.ERROR, "authorisations[1].holder_id", "Unknown holder \x00\ufffe& <more>."),
    Finding("amount.price_per_kg", Severity.WARNING, "goods_items[1].invoice_price", "Too low per kilogram."),
)
EVALUATION = Evaluation(
    legal_day=date(2026, 7, 1),
    findings=FINDINGS,
    assessment=ASSESSMENT,
    judgement=None,
    decision=Decision(
        state=State.AWAITING_DOCUMENTS,
        lane=None,
        category=None,
        dataset="H7",
        holds=(
            Hold(HoldKind.EXAMINATION, "The goods will be examined."),
            Hold(HoldKind.DOCUMENTS, "Hand in the invoice." + "x" * 600),
            Hold(HoldKind.PERMIT, "Hand in the CITES certificate (document code C400)."),
        ),
        on_arrival=None,
        words="",
        notices=(),
    ),
)
DECLARATION = Declaration(
    jurisdiction_code="GB",
    functional_reference_id="LRN-0001",
    goods_items=(GoodsItem(line_no=1, duty_regime_code="100"), GoodsItem(line_no=2), GoodsItem(line_no=3)),
    amendments=(
        Amendment(
            reason_code="21",
            reason="The price was wrong.",
            pointers=(
                AmendmentPointer("42A"),
                AmendmentPointer("68A", sequence=1),
                AmendmentPointer("79A", tag_id="112"),
            ),
        ),
    ),
)


def written(kind: NoticeKind, declaration: Declaration = DECLARATION, evaluation: Evaluation = EVALUATION) -> bytes:
    return write_notification(
        kind,
        declaration,
        evaluation,
        registered_id="26GB0000000000AAA1",
        issued_at=AT,
        version=3,
        answer_until=datetime(2026, 7, 31, tzinfo=UTC),
    )


def plain(body: bytes) -> etree._Element:
    """The message without its namespaces."""
    root = etree.fromstring(body)
    for element in root.iter():
        element.tag = etree.QName(element).localname
    return root


def texts(root: etree._Element, path: str) -> list[str]:
    return [element.text or "" for element in root.findall(path)]


def pointers(element: etree._Element) -> list[tuple[str, str, str]]:
    return [
        (p.findtext("DocumentSectionCode", ""), p.findtext("SequenceNumeric", ""), p.findtext("TagID", ""))
        for p in element.findall("Pointer")
    ]


@pytest.mark.parametrize("kind", NoticeKind)
def test_every_notice_says_what_it_is_about(kind: NoticeKind) -> None:
    root = plain(written(kind))
    response = root.find("Response")
    assert response is not None
    assert texts(root, "WCOTypeName") == ["RES"]
    assert response.findtext("FunctionCode") == CODES[kind].function_code
    assert response.findtext("IssueDateTime/DateTimeString") == "20260701103045Z"
    assert response.findtext("Declaration/FunctionalReferenceID") == "LRN-0001"
    assert response.findtext("Declaration/ID") == "26GB0000000000AAA1"
    assert response.findtext("Declaration/VersionID") == "3"
    assert len(response.findtext("FunctionalReferenceID", "")) == 32
    assert kind_of(response.findtext("FunctionCode", ""), response.findtext("Status/NameCode", "")) is kind


def test_two_notices_have_two_references_and_one_has_always_the_same() -> None:
    assert written(N.CLEARED) == written(N.CLEARED)
    references = {plain(written(kind)).findtext("Response/FunctionalReferenceID") for kind in NoticeKind}
    assert len(references) == len(NoticeKind)


@pytest.mark.parametrize(
    ("function_code", "status", "kind"),
    [
        ("1", "", N.ACCEPTED),
        ("09\n  ", "", N.CLEARED),
        ("13", "115", N.TAX_LIABILITY),
        ("99", "", None),
        ("11", "41", N.REQUEST_REFUSED),
    ],
)
def test_codes_are_understood_as_others_write_them(function_code: str, status: str, kind: NoticeKind | None) -> None:
    assert kind_of(function_code, status) is kind


def test_a_rejection_points_at_every_error() -> None:
    errors = plain(written(N.REJECTED)).findall("Response/Error")
    assert [error.findtext("ValidationCode") for error in errors] == [None, "CDS12005"]
    assert errors[0].findtext("Description") == "data.required: A document type is missing."
    assert errors[1].findtext("Description") == "Unknown holder & <more>."
    assert pointers(errors[0]) == [("42A", "", ""), ("67A", "", ""), ("68A", "2", ""), ("02A", "1", "D006")]
    assert pointers(errors[1]) == [("42A", "", ""), ("17C", "1", "R144")]


def test_an_acceptance_passes_on_the_warnings() -> None:
    (error,) = plain(written(N.ACCEPTED)).findall("Response/Error")
    assert error.findtext("Description") == "amount.price_per_kg: Too low per kilogram."
    assert pointers(error)[-2:] == [("23A", "", ""), ("79A", "", "112")]


def test_a_flood_of_errors_is_cut_and_counted() -> None:
    flood = replace(EVALUATION, findings=FINDINGS[:1] * (ERRORS_MAX + 5))
    errors = plain(written(N.REJECTED, evaluation=flood)).findall("Response/Error")
    assert len(errors) == ERRORS_MAX + 1
    assert errors[-1].findtext("Description") == "5 more errors are not listed here."


@pytest.mark.parametrize("kind", [N.TAX_LIABILITY, N.TAX_FINAL])
def test_a_tax_notice_carries_every_charge_by_line(kind: NoticeKind) -> None:
    response = plain(written(kind)).find("Response")
    assert response is not None
    items = response.findall("Declaration/GoodsShipment/GovernmentAgencyGoodsItem")
    assert [item.findtext("SequenceNumeric") for item in items] == ["1", "2", "3"]
    first, relieved, at_sale, flat = [fee for item in items for fee in item.findall("Commodity/DutyTaxFee")]
    assert amounts(first) == ("40.00", "0.00", "5.00", "5.00", "12.50")
    assert amounts(relieved) == ("40.00", "5.00", "5.00", "0.00", "12.50")
    assert amounts(at_sale) == ("40.00", "0.00", "8.00", "0.00", "20.00")
    assert amounts(flat) == ("40.00", "0.00", "3.00", "3.00", None)
    assert first.findtext("DutyRegimeCode") == "100"
    assert response.findtext("Declaration/DutyTaxFee/Payment/PaymentAmount") == "1.00"
    base = first.find("AdValoremTaxBaseAmount")
    assert base is not None
    assert base.get("currencyID") == "GBP"


def amounts(fee: etree._Element) -> tuple[str | None, ...]:
    paths = (
        "AdValoremTaxBaseAmount",
        "DeductAmount",
        "Payment/TaxAssessedAmount",
        "Payment/PaymentAmount",
        "TaxRateNumeric",
    )
    return tuple(fee.findtext(path) for path in paths)


def test_a_request_for_documents_says_which_and_until_when() -> None:
    wanted = plain(written(N.DOCUMENTS)).findall("Response/AdditionalInformation")
    assert [len(one.findtext("StatementDescription", "")) for one in wanted] == [512, 51]
    assert {one.findtext("LimitDateTime/DateTimeString") for one in wanted} == {"20260731000000Z"}


def test_a_control_is_announced_without_reasons() -> None:
    assert plain(written(N.CONTROL)).findall("Response/AdditionalInformation") == []


def test_the_result_of_an_amendment_repeats_what_was_changed() -> None:
    response = plain(written(N.AMENDED)).find("Response")
    assert response is not None
    (amendment,) = response.findall("Amendment")
    assert amendment.findtext("ChangeReasonCode") == "21"
    assert pointers(amendment) == [("42A", "", ""), ("68A", "1", ""), ("79A", "", "112")]
    assert response.findtext("AdditionalInformation/StatementDescription") == "The price was wrong."


@cache
def schema(folder: Path) -> etree.XMLSchema:
    """The envelope's and the response's schema together: the envelope's content is checked strictly."""
    base = folder / "wco-dm-hmrc-cds" / "schemas-2.0" / "wco" / "notification"
    both = f"""<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
      <xs:import namespace="urn:wco:datamodel:WCO:DocumentMetaData-DMS:2"
        schemaLocation="{(base / "DocumentMetaData_2_DMS.xsd").as_uri()}"/>
      <xs:import namespace="urn:wco:datamodel:WCO:RES-DMS:2" schemaLocation="{(base / "WCO_RES_2_DMS.xsd").as_uri()}"/>
    </xs:schema>"""
    return etree.XMLSchema(etree.fromstring(both))


@pytest.mark.parametrize("kind", NoticeKind)
def test_the_published_schema_accepts_it(kind: NoticeKind, samples: Path) -> None:
    checked = schema(samples)
    bare = write_notification(
        kind,
        Declaration(),
        replace(EVALUATION, findings=(), assessment=None),
        registered_id="26GB1",
        issued_at=AT,
    )
    for body in (written(kind), bare):
        assert checked.validate(etree.fromstring(body)), checked.error_log


def test_the_schema_really_looks_inside(samples: Path) -> None:
    broken = written(N.CLEARED).replace(b"FunctionCode>09", b"FunctionCode>nine")
    assert not schema(samples).validate(etree.fromstring(broken))


def test_published_notices_carry_the_codes_we_give_them(samples: Path) -> None:
    """Their file names say the notice's name; three files there are not well-formed."""
    seen = set()
    for path in sorted((samples / "wco-dm-hmrc-cds" / "examples").rglob("*DMS*.xml")):
        try:
            root = plain(path.read_bytes())
        except etree.XMLSyntaxError:
            continue
        for response in root.iter("Response"):
            name = path.stem[path.stem.index("DMS") :][:6]
            code = response.findtext("FunctionCode", "").strip()
            kind = kind_of(code, response.findtext("Status/NameCode", ""))
            if kind is not None:
                assert CODES[kind].name == name, path.name
                seen.add(name)
            else:
                assert code == "16", path.name  # exit of goods: a matter of export
    assert {"DMSACC", "DMSRCV", "DMSREJ", "DMSCTL", "DMSDOC", "DMSRES", "DMSROG", "DMSCLE", "DMSREQ", "DMSTAX"} <= seen
