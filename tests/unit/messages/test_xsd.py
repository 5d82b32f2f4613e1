"""Standards' schemas: found in a folder, chosen by the document, and what they say in plain words."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from tidewaiter.messages.xsd import SchemaSet, kind_of, with_namespaces
from tidewaiter.model.errors import MessageError
from tidewaiter.model.finding import Severity

DEC = "urn:wco:datamodel:WCO:DEC-DMS:2"
METADATA = "urn:wco:datamodel:WCO:DocumentMetaData-DMS:2"


def schema(target: str, body: str) -> str:
    return f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="{target}" elementFormDefault="qualified">{body}</xs:schema>'


def declaration(*names: str) -> str:
    children = "".join(f'<xs:element name="{name}" type="xs:string" minOccurs="0"/>' for name in names)
    return f'<xs:element name="Declaration"><xs:complexType><xs:sequence>{children}</xs:sequence></xs:complexType></xs:element>'


ENVELOPE = (
    '<xs:element name="MetaData"><xs:complexType><xs:sequence>'
    f'<xs:any namespace="{DEC}" processContents="strict"/>'
    "</xs:sequence></xs:complexType></xs:element>"
)


@pytest.fixture
def schemas(tmp_path: Path) -> SchemaSet:
    """Schemas of the publishers' layout, made here."""
    files = {
        "deep/er/WCO_DEC_2_DMS.xsd": schema(DEC, declaration("FunctionCode", "TypeCode")),
        "deep/er/DocumentMetaData_2_DMS.xsd": schema(METADATA, ENVELOPE),
        "deep/er/CANCEL.xsd": schema(DEC, declaration("TypeCode")),
        "h7/DMS_H7_V1.8.xsd": schema(DEC, declaration("ProcedureCategory")),
        "h7/DMS_H7_V1.10.xsd": schema(DEC, declaration("FunctionCode", "ProcedureCategory", "TypeCode")),
        "h7/DMS_H7_REPAYMENT_REMISSION_V1.0.xsd": schema(DEC, '<xs:element name="Declaration" type="Missing"/>'),
        "h7/parts.xsd": schema("urn:other", ""),
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return SchemaSet.from_folder(tmp_path)


def test_a_folder_without_schemas_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MessageError, match="no schema"):
        SchemaSet.from_folder(tmp_path)


def test_what_there_is_is_found(schemas: SchemaSet) -> None:
    assert set(schemas.kinds) == {"declaration", "cancellation", "h7", "h7-repayment"}
    newest = schemas.schema("h7")
    assert newest is not None
    assert newest.source == "DMS_H7_V1.10.xsd"
    assert schemas.schema("i2") is None


@pytest.mark.parametrize(
    "body",
    [
        f'<Declaration xmlns="{DEC}"><FunctionCode>9</FunctionCode></Declaration>',
        f'<m:MetaData xmlns:m="{METADATA}" xmlns="{DEC}"><Declaration><TypeCode>IMA</TypeCode></Declaration></m:MetaData>',
        "<MetaData><Declaration><FunctionCode>9</FunctionCode></Declaration></MetaData>",
        "<Declaration><ProcedureCategory>H7</ProcedureCategory></Declaration>",
    ],
)
def test_what_is_valid_has_no_findings(schemas: SchemaSet, body: str) -> None:
    assert schemas.validate(body.encode()) == ()


def test_a_finding_has_line_place_and_plain_words(schemas: SchemaSet) -> None:
    body = f'<m:MetaData xmlns:m="{METADATA}" xmlns="{DEC}"><Declaration>\n<TypeCode>IMA</TypeCode>\n<Novelty/></Declaration></m:MetaData>'
    (finding,) = schemas.validate(body.encode())
    assert (finding.rule_id, finding.severity) == ("xsd.invalid", Severity.ERROR)
    assert finding.words.startswith("Novelty: This element is not expected")
    assert finding.place == "line 3, /MetaData/Declaration/Novelty"


def test_a_schema_that_does_not_compile_is_said_not_raised(schemas: SchemaSet) -> None:
    body = b"<Declaration><ProcedureCategory>H7</ProcedureCategory><TypeCode>RRA</TypeCode></Declaration>"
    (finding,) = schemas.validate(body)
    assert (finding.rule_id, finding.severity) == ("xsd.not_checked", Severity.WARNING)
    assert "does not compile" in finding.words


@pytest.mark.parametrize("body", [b"", b"<a><b></a>", b"<!DOCTYPE a><a/>"])
def test_what_cannot_be_parsed_is_a_finding(schemas: SchemaSet, body: bytes) -> None:
    assert [finding.severity for finding in schemas.validate(body)] == [Severity.ERROR]


@pytest.mark.parametrize(
    ("inner", "kind"),
    [
        ("", "declaration"),
        ("<TypeCode>COR</TypeCode>", "declaration"),
        ("<TypeCode>INV</TypeCode>", "cancellation"),
        ("<ProcedureCategory>H7</ProcedureCategory>", "h7"),
        ("<ProcedureCategory>H7</ProcedureCategory><TypeCode>COR</TypeCode>", "h7-amendment"),
        ("<ProcedureCategory>H7</ProcedureCategory><TypeCode>INV</TypeCode>", "h7-invalidation"),
        ("<ProcedureCategory>H7</ProcedureCategory><TypeCode>INV</TypeCode><RepaymentRemissionAuthorisation/>", "h7-invalidation-repayment"),
        ("<ProcedureCategory>H7</ProcedureCategory><TypeCode>RRA</TypeCode>", "h7-repayment"),
        ("<ProcedureCategory>I2EIDR</ProcedureCategory>", "i2"),
        ("<ProcedureCategory>I2</ProcedureCategory><TypeCode>GPR</TypeCode>", "i2-presentation"),
    ],
)  # fmt: skip
def test_the_schema_is_chosen_by_what_the_document_says(inner: str, kind: str) -> None:
    assert kind_of(etree.fromstring(f"<Declaration>{inner}</Declaration>")) == kind
    assert kind_of(etree.fromstring(f"<MetaData><Declaration>{inner}</Declaration></MetaData>")) == kind


def test_a_notification_is_a_response() -> None:
    root = etree.fromstring("<MetaData><Response><Declaration/><Declaration/></Response></MetaData>")
    assert kind_of(root) == "response"
    named = with_namespaces(root)
    assert [child.tag for child in named[0]] == [
        "{urn:wco:datamodel:WCO:RES-DMS:2}Declaration",
        f"{{{DEC}}}Declaration",
    ]


def test_every_published_schema_is_found_and_all_but_one_compile(samples: Path) -> None:
    found = SchemaSet.from_folder(samples / "wco-dm-hmrc-cds")
    danish = SchemaSet.from_folder(samples / "eu-h7-denmark")
    assert set(found.kinds) == {"declaration", "cancellation", "response"}
    broken = [kind for one in (found, danish) for kind in one.kinds if (it := one.schema(kind)) and it.compiled is None]
    assert broken == ["h7-repayment"]
