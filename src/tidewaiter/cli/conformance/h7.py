"""Conformance with Danish H7: the right verdict on every message, the published error code for every rule.

Messages are all XML files of the folder that say they are H7, at any depth. The
published ones are meant to be accepted. Another expectation stands beside a
message, in a file of the same name ending in `.expected.json`
(`{"verdict": "rejected", "codes": ["DK1018"]}`) or in `.ctl` (any text that holds
the expected codes), or in an `expected.csv` of its folder (columns `file`,
`verdict`, `codes`).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache
from itertools import count
from pathlib import Path

from msgspec import Struct

from tidewaiter.cli.conformance.case import Case
from tidewaiter.cli.conformance.h7_mutations import clean, mutated, mutations
from tidewaiter.messages import forms
from tidewaiter.messages.xsd import SchemaSet
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import MessageError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.identifiers import Eori, Mrn
from tidewaiter.quality import check
from tidewaiter.quality.coverage import Coverage, Row, contradictions, rows
from tidewaiter.regimes import Regime, load_regime

JURISDICTION = "DK"
LEGAL_DAY = date(2026, 3, 2)  # messages of H7 carry no day; one on which the relief they claim is law
FOLDER = "eu-h7-denmark"
RULES_FILE = "dk_h7_validation_rules.csv"

_H7 = re.compile(rb"<(?:[\w.-]+:)?ProcedureCategory\s*>\s*H7\s*<")
_CODE = re.compile(r"\bDK(?:W?\d{4,5}|-VR\d{1,3})\b")
_PLACEHOLDER = re.compile(rb"\{\{\s*([^{}]*?)\s*\}\}")


def cases(samples: Path) -> Iterator[Case]:
    """One case for each implemented row of the published rules and one for each H7 message."""
    yield from rule_cases(samples)
    yield from message_cases(samples)


def information(samples: Path) -> list[str]:
    """How many rows of the published rules are implemented, and why the others are not, in full or in part."""
    table = _published(samples)
    known = _by_vr()
    covered = [known[vr].coverage for _, vr, _ in table if vr in known]
    lines = [
        f"{len(table)} rows of rules: {covered.count(Coverage.FULL)} implemented in full, "
        f"{covered.count(Coverage.PART)} as far as one message tells, {covered.count(Coverage.NONE)} not"
    ]
    for number, vr, code in table:
        if (row := known.get(vr)) is not None and row.coverage is not Coverage.FULL:
            how = "not implemented" if row.coverage is Coverage.NONE else f"in part, by {row.rule}"
            lines.append(f"row {number}, VR {vr} {code or '(no code)'}: {how}. {row.why}")
    if _schemas(_folder(samples)) is None:
        lines.append("no H7 schema is in the folder: messages were judged by the rules alone")
    return lines


# --- rules ---------------------------------------------------------------------------------------------------------


def rule_cases(samples: Path) -> Iterator[Case]:
    """For each published row: a declaration that breaks it, and it alone, gets its code, and no other."""
    wrong = contradictions(rows(JURISDICTION, "h7_rules"))
    yield Case("table of rules", not wrong, "; ".join(wrong) or "every row has a rule or a reason")
    message = forms.by_name("h7").write([clean()])
    problems = [*_schema_problems(message, _folder(samples)), *_problems(message)]
    yield Case("clean declaration", not problems, "; ".join(problems) or "valid, and no rule objects")
    known, tried = _by_vr(), mutations()
    for number, vr, code in _published(samples):
        name = f"row {number} VR {vr} {code}".rstrip()
        row = known.get(vr)
        if row is None or (code and row.code != code):
            yield Case(name, False, "this row is not in the table of rules, or bears another code there")
        elif row.is_implemented:
            yield _rule_case(name, vr, tried[vr].codes)


def _rule_case(name: str, vr: int, expected: frozenset[str]) -> Case:
    found = _codes(_through_the_form(mutated(mutations()[vr])))
    return Case(name, found == expected, f"expected {_listed(expected)}, found {_listed(found)}")


def _through_the_form(declaration: Declaration) -> list[Finding]:
    """Findings on a declaration as it arrives: written as an H7 message and read back."""
    form = forms.by_name("h7")
    message = form.write([declaration])
    return [finding for record in form.split(io.BytesIO(message)) for finding in _findings(record.body)]


def _published(samples: Path) -> list[tuple[int, int, str]]:
    """Row number, validation rule and code of each published row; of the packaged table where no file is there."""
    for path in sorted(_folder(samples).rglob(RULES_FILE)):
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return [_published_row(row) for row in csv.DictReader(lines)]
    return [(row.row, row.vr, row.code) for row in rows(JURISDICTION, "h7_rules")]


def _published_row(row: dict[str, str]) -> tuple[int, int, str]:
    code = row["Item Code "].strip()
    return int(row["#"]), int(row["VR #ID"].rpartition("#")[2]), code if _CODE.fullmatch(code) else ""


def _by_vr() -> dict[int, Row]:
    return {row.vr: row for row in rows(JURISDICTION, "h7_rules")}


# --- messages ------------------------------------------------------------------------------------------------------


class Expectation(Struct, frozen=True):
    """What should come of a message: accepted or not, and with which codes (empty: any)."""

    is_accepted: bool = True
    codes: frozenset[str] = frozenset()


def message_cases(samples: Path) -> Iterator[Case]:
    """For each H7 message: accepted or rejected as expected, by schema and rules."""
    folder = _folder(samples)
    for path in sorted(folder.rglob("*.xml")):
        data = path.read_bytes()
        if _H7.search(data):
            yield _message_case(str(path.relative_to(folder)), filled(data), expectation(path), folder)


def _message_case(name: str, data: bytes, expected: Expectation, folder: Path) -> Case:
    problems = [*_schema_problems(data, folder), *_problems(data)]
    codes = frozenset(_CODE.findall(" ".join(problems)))
    is_right = expected.is_accepted is not bool(problems) and expected.codes <= codes
    wanted = "accepted" if expected.is_accepted else f"rejected {_listed(expected.codes)}".rstrip()
    return Case(name, is_right, f"expected {wanted}; found {'; '.join(problems) or 'nothing against it'}")


def _problems(data: bytes) -> list[str]:
    form = forms.by_name("h7")
    try:
        found = [finding for record in form.split(io.BytesIO(data)) for finding in _findings(record.body)]
    except MessageError as error:
        return [f"{error.code} {error.detail}"]
    return [f"{each.rule_id} at {each.pointer or each.place}: {each.words}" for each in _errors(found)]


def _findings(body: bytes) -> list[Finding]:
    """What reading and quality find in one record."""
    reading = forms.by_name("h7").read(body)
    findings = list(reading.findings)
    if reading.declaration is not None:
        findings += check(reading.declaration, regime=_regime())
    elif not findings:
        findings.append(Finding("message.unreadable", Severity.ERROR, "", "nothing could be read"))
    return findings


@cache
def _regime() -> Regime:
    return load_regime(JURISDICTION, LEGAL_DAY)


def _errors(findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity is Severity.ERROR]


def _codes(findings: Iterable[Finding]) -> frozenset[str]:
    return frozenset(finding.rule_id for finding in _errors(findings))


def _listed(codes: Iterable[str]) -> str:
    return " ".join(sorted(codes)) or "nothing"


def expectation(path: Path) -> Expectation:
    """What is expected of a message, from what stands beside it; accepted where nothing does."""
    sidecar = path.with_name(f"{path.stem}.expected.json")
    if sidecar.is_file():
        said = json.loads(sidecar.read_text("utf-8"))
        codes = frozenset(map(str, said.get("codes", ())))
        return Expectation(said.get("verdict", "rejected" if codes else "accepted") == "accepted", codes)
    control = path.with_suffix(".ctl")
    if control.is_file():
        codes = frozenset(_CODE.findall(control.read_text("utf-8")))
        return Expectation(not codes, codes)
    listed = path.with_name("expected.csv")
    if listed.is_file():
        with listed.open(encoding="utf-8-sig", newline="") as lines:
            for row in csv.DictReader(lines):
                if row.get("file") == path.name:
                    codes = frozenset(_CODE.findall(row.get("codes") or ""))
                    return Expectation((row.get("verdict") or "").strip() in ("accepted", ""), codes)
    return Expectation()


def filled(data: bytes) -> bytes:
    """A message with each {{placeholder}} replaced by a well-formed value, the same for the same name."""
    names = dict.fromkeys(_PLACEHOLDER.findall(data))
    values = {name: _value(name.decode("utf-8", "replace").upper(), place) for place, name in enumerate(names, 1)}
    return _PLACEHOLDER.sub(lambda match: values[match[1]].encode("ascii"), data)


def _value(name: str, place: int) -> str:
    """A value fit for a placeholder by what its name says; `place` keeps different ones apart."""
    if "EORI" in name:
        return _danish_number(place)
    if "CVR" in name:
        return _danish_number(place).removeprefix("DK")
    if "MRN" in name:
        return str(Mrn.issue(LEGAL_DAY.year, JURISDICTION, place, "R"))
    if "IOSS" in name:
        return f"IM208{place:07d}"
    if "DATE" in name:
        return LEGAL_DAY.isoformat()
    return f"TIDEWAITER-{place:04d}" if "LRN" in name else f"{place}"


def _danish_number(place: int) -> str:
    """A Danish number whose check digit agrees, another for each `place`."""
    candidates = (f"DK{serial:08d}" for serial in count(20_000_000 + place * 1_000))
    return next(text for text in candidates if Eori.problem(text) is None)


def _folder(samples: Path) -> Path:
    inner = samples / FOLDER
    return inner if inner.is_dir() else samples


def _schema_problems(data: bytes, folder: Path) -> list[str]:
    """What the published schema says against a message; nothing where the folder has no schema for it."""
    schemas = _schemas(folder)
    found = _errors(schemas.validate(data)) if schemas else []
    return [f"{each.rule_id} at {each.place}: {each.words}" for each in found]


@cache
def _schemas(folder: Path) -> SchemaSet | None:
    try:
        return SchemaSet.from_folder(folder)
    except MessageError:
        return None
