"""The suite `conformance ens`: layout of a folder, archives, editions, and cases that do not come out right."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from itertools import islice
from pathlib import Path

import pytest
from lxml import etree

from tidewaiter.cli.app import main
from tidewaiter.cli.conformance import control_files, ens
from tidewaiter.messages.ens.schemas import Schemas
from tidewaiter.model.errors import MessageError, TidewaiterError

SCHEMA = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:ie="http://ics.dgtaxud.ec/CC315A"
  targetNamespace="http://ics.dgtaxud.ec/CC315A"><xs:element name="CC315A"><xs:complexType><xs:sequence>
  <xs:element name="MesIdeMES19" minOccurs="0"/><xs:element name="MesTypMES20"><xs:simpleType><xs:restriction base="xs:string"><xs:maxLength value="6"/>
  </xs:restriction></xs:simpleType></xs:element>
  <xs:element name="HEAHEA"><xs:complexType><xs:sequence><xs:element name="RefNumHEA4" type="xs:string" minOccurs="%s"/>
  </xs:sequence></xs:complexType></xs:element></xs:sequence></xs:complexType></xs:element></xs:schema>"""
ANSWERS = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="http://ics.dgtaxud.ec/{name}">
  <xs:element name="{name}" type="xs:anyType"/></xs:schema>"""


def message(reference: str = "<RefNumHEA4>A1</RefNumHEA4>", kind: str = "CC315A") -> bytes:
    return (
        f'<ie:CC315A xmlns:ie="http://ics.dgtaxud.ec/CC315A"><MesTypMES20>{kind}</MesTypMES20>'
        f"<HEAHEA>{reference}</HEAHEA></ie:CC315A>"
    ).encode()


def control(*errors: str) -> bytes:
    return f"<e:R xmlns:e='urn:e'>{''.join(f'<e:Error>{each}</e:Error>' for each in errors)}</e:R>".encode()


def error(number: str, place: str) -> str:
    return f"<e:Number>{number}</e:Number><e:Location>{place}</e:Location><e:Type>business</e:Type>"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in {
        "xsds/CC315A-v1.xsd": SCHEMA % 1,
        "xsds/CC315A-v1-Late.xsd": SCHEMA % 0,
        **{
            f"out/{name}-v1.xsd": ANSWERS.format(name=name)
            for name in ("CC316A", "CC328A", "CC304A", "CC305A", "CC351A")
        },
        "rules/a.json": rule("8001", "trim('RefNumHEA4') != 'BAD'"),
        "rules/a_Late.json": rule("8001", "exists('RefNumHEA4')"),
    }.items():
        path = tmp_path / "set" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    return tmp_path / "set"


def rule(code: str, test: str) -> str:
    return json.dumps(
        {"element": "/HEAHEA", "name": "a", "asserts": [{"test": test, "errorCode": code, "errorMessage": "Words."}]}
    )


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    return int(left.value.code or 0)


PLACE = "/ie:CC315A[1]/HEAHEA[1]"
PAIRS = {
    "base/good": (message(), control()),
    "base/bad": (message("<RefNumHEA4>BAD</RefNumHEA4>"), control(error("8001", PLACE))),
    "base/invalid": (message(""), control("<e:Text>no reference</e:Text>")),
    "base/long": (message(kind="CC315A0"), control("<e:Number>4083</e:Number><e:Type>schema</e:Type>")),
    "baseLate/missing": (message(""), control(error("8001", PLACE))),
    "baseLate/good": (message("<RefNumHEA4>BAD</RefNumHEA4>"), control()),
}


def packed(path: Path, pairs: dict[str, tuple[bytes, bytes]]) -> None:
    with tarfile.open(path, "w:xz") as archive:
        for suffix, index in ((".ctl", 1), (".xml", 0)):
            for name, pair in pairs.items():
                info = tarfile.TarInfo(f"x/{name}{suffix}")
                info.size = len(pair[index])
                archive.addfile(info, io.BytesIO(pair[index]))


def test_every_case_of_an_archive_comes_out_right(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    packed(folder / "cases.tar.xz", PAIRS)
    assert run("conformance", "ens", "--samples", str(folder), "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["cases"], report["passed"]) == (18, 18), report["failed"]
    assert any("seconds in all" in line for line in report["information"])
    assert any("2 files, 2 asserts, editions the base, “Late”" in line for line in report["information"])


@pytest.mark.parametrize(
    ("name", "pair", "words"),
    [
        ("base/a", (message(), control(error("8001", PLACE))), "expected [('8001'"),
        ("base/b", (message("<RefNumHEA4>BAD</RefNumHEA4>"), control()), "found [('8001'"),
        ("base/c", (message("<RefNumHEA4>BAD</RefNumHEA4>"), control(error("8001", "/ie:CC315A[1]"))), "/CC315A[1]')"),
        ("base/d", (message(), control("<e:Text/>")), "nothing against it"),
        ("base/e", (message("<RefNumHEA4>BAD</RefNumHEA4>"), control("<e:Text/>")), "refusal by the schema"),
        ("base/f", (message(kind="CC315A0"), control("<e:Number>4085</e:Number><e:Type>schema</e:Type>")), "ens.4083"),
        ("base/g", (b"<CC315A>", control()), "not read"),
        ("base/h", (message(), b"<"), "is not XML"),
    ],
)
def test_a_case_that_does_not_is_listed(folder: Path, name: str, pair: tuple[bytes, bytes], words: str) -> None:
    with zipfile.ZipFile(folder / "cases.zip", "w") as archive:
        archive.writestr(f"{name}.xml", pair[0])
        archive.writestr(f"{name}.ctl", pair[1])
    failed = [case for case in ens.Run().cases(folder) if not case.passed]
    assert [case.name for case in failed] == [f"{name}: verdict"]
    assert words in failed[0].reason


def test_a_folder_without_rules_or_schemas_is_said(folder: Path) -> None:
    (folder / "rules").rename(folder / "others")
    with pytest.raises(TidewaiterError, match="no folder “rules”"):
        list(ens.Run().cases(folder))
    with pytest.raises(MessageError, match="no schema of an entry summary declaration"):
        Schemas.from_folder(folder / "others")


def test_a_schema_fault_has_the_published_number_and_its_place(folder: Path) -> None:
    schemas = Schemas.from_folder(folder)
    (finding,) = schemas.validate(etree.fromstring(message("")))
    assert (finding.rule_id, finding.place) == ("ens.4066", "line 1, /CC315A/HEAHEA")
    assert schemas.validate(etree.fromstring(message("")), "Late") == ()
    (finding,) = schemas.validate(etree.fromstring(b"<CC313A/>"))
    assert finding.rule_id == "xsd.not_checked"


def test_rules_are_listed_and_tried_from_the_command_line(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("rule", "book", str(folder / "rules"), "--json") == 0
    assert [row["code"] for row in json.loads(capsys.readouterr().out)] == ["8001", "8001"]
    file = tmp_path / "ens.xml"
    file.write_bytes(message("<RefNumHEA4>BAD</RefNumHEA4>"))
    asked = ["rule", "try", str(file), "--rules", str(folder / "rules"), "--schemas", str(folder), "--json"]
    assert run(*asked) == 3
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["record"], row["code"], row["place"]) == (1, "ens.8001", "/CC315A[1]/HEAHEA[1]")
    assert run(*asked, "--edition", "Late") == 0


def test_published_cases_come_out_right(samples: Path) -> None:
    """A part of the published cases; the suite itself runs them all."""
    folder = samples / ens.FOLDER
    found = list(islice(ens.Run().cases(folder), 600))
    assert len(found) == 600
    assert [case for case in found if not case.passed] == []


def test_the_archive_is_read_without_unpacking_it(tmp_path: Path) -> None:
    packed(tmp_path / "cases.tar.xz", PAIRS)
    found = list(control_files.pairs(tmp_path))
    assert {pair.name for pair in found} == {f"x/{name}" for name in PAIRS}
    assert {pair.folders for pair in found} == {("x", "base"), ("x", "baseLate")}
    assert [path.name for path in tmp_path.iterdir()] == ["cases.tar.xz"]
