"""Conformance with China's cross-border e-commerce messages: round trips, what is inconsistent, and composed triples.

A message is any XML file with a CEBnnnMessage as its root, or JSON with one in its `messageBody`, at any depth and
whatever it is called. Its schema is looked for in the nearest folder around it: the first that has one below it which
declares the message's root element; so both editions can lie side by side.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any, Final

from lxml import etree
from msgspec import Struct

from tidewaiter.cli.conformance import ceb_triples
from tidewaiter.cli.conformance.case import Case
from tidewaiter.messages import forms, xml
from tidewaiter.messages.ceb import CebForm
from tidewaiter.messages.form import Reading
from tidewaiter.messages.xml import local_name
from tidewaiter.model.errors import MessageError
from tidewaiter.model.finding import Finding
from tidewaiter.model.identifiers import ResidentNumber
from tidewaiter.quality import check
from tidewaiter.regimes import Regime, load_regime

FOLDER: Final = "cbec-china"
JURISDICTION: Final = "CN"
LEGAL_DAY: Final = date(2026, 6, 15)  # the samples are older than the law that is entered
_ROOT: Final = re.compile(r"CEB\d{3}(?:Message)?")
_XS: Final = "{http://www.w3.org/2001/XMLSchema}"
# What can be reckoned out from a message alone, by the rule that finds it.
RECKONED: Final = ("amount.line_total", "cbec.package_count", "cbec.amount_paid", "cbec.resident_number")
_HALF_A_CENT: Final = Decimal("0.005")


class Sample(Struct, frozen=True):
    """A message of the folder: its name there, its bytes, and its root element."""

    name: str
    path: Path
    data: bytes
    root: etree._Element


def cases(samples: Path) -> Iterator[Case]:
    """One case for each message's round trip, one for what is inconsistent in it, and those of composed triples."""
    folder = _folder(samples)
    found = list(messages(folder))
    for sample in found:
        yield round_trip(sample, folder)
    for sample in found:
        case = inconsistencies(sample)
        if case is not None:
            yield case
    yield from ceb_triples.cases([(sample.name, sample.data) for sample in found], _regime())


def information(samples: Path) -> list[str]:
    """How many messages there are, and what was composed since no sample has it."""
    found = list(messages(_folder(samples)))
    kinds = sorted({local_name(sample.root) for sample in found})
    lines = [f"{len(found)} messages of {len(kinds)} kinds: {', '.join(kinds)}"]
    if "CEB411Message" not in kinds:
        lines.append("no payment (CEB411) is among the samples: that of a triple is made of what the order says")
    return lines


def messages(folder: Path) -> Iterator[Sample]:
    """Every message below a folder, in the order of the names."""
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".xml", ".json")):
        if not path.is_file():
            continue
        data = path.read_bytes()
        root = _root(data)
        if root is not None and _ROOT.fullmatch(local_name(root)):
            yield Sample(str(path.relative_to(folder)), path, data, root)


def _root(data: bytes) -> etree._Element | None:
    form = CebForm()
    try:
        if data.lstrip().startswith(b"{"):
            if not form.recognises(data[: forms.HEAD_BYTES]):
                return None
            data = next(form.split(io.BytesIO(data))).body
        return xml.parse(data)
    except (etree.XMLSyntaxError, MessageError, StopIteration, ValueError):
        return None


# --- round trips ---------------------------------------------------------------------------------------------------


def round_trip(sample: Sample, folder: Path) -> Case:
    """A message is read and written; what was valid is valid again, and reads back the same."""
    try:
        readings = _read(sample.data)
    except MessageError as error:
        return Case(sample.name, passed=False, reason=f"not split: {error.detail}")
    unread = next((reading for reading in readings if reading.declaration is None), None)
    if not readings or unread is not None:
        return Case(sample.name, passed=False, reason=f"not read: {unread.findings[0].words if unread else 'nothing'}")
    schema = schema_of(sample, folder)
    before = _fault(schema, sample.root)
    written = CebForm().write([reading.declaration for reading in readings if reading.declaration is not None])
    if _read(written) != readings:
        return Case(sample.name, passed=False, reason="reads back differently")
    if before:
        return Case(sample.name, passed=True, reason=f"reads back the same; not valid to begin with: {before}")
    after = _fault(schema, etree.fromstring(written))
    if after:
        return Case(sample.name, passed=False, reason=f"written invalidly: {after}")
    checked = "valid" if schema is not None else "no schema to check it by"
    return Case(sample.name, passed=True, reason=f"{len(readings)} records read, written, the same again; {checked}")


def _read(data: bytes) -> list[Reading]:
    form = CebForm()
    return [form.read(record.body) for record in form.split(io.BytesIO(data))]


def _fault(schema: etree.XMLSchema | None, root: etree._Element) -> str:
    if schema is None or schema.validate(root):
        return ""
    errors: Any = schema.error_log  # lxml's stubs do not know what it holds
    return str(errors[0].message)[:200]


def schema_of(sample: Sample, folder: Path) -> etree.XMLSchema | None:
    """The schema that declares a message's root element, from the nearest folder around it that has one."""
    name = local_name(sample.root)
    for around in sample.path.parents:
        for path in sorted(around.rglob("*.xsd")):
            if name in _declared(path):
                return _compiled(path)
        if around == folder:
            break
    return None


@cache
def _declared(path: Path) -> frozenset[str]:
    """The elements a schema declares at its top."""
    try:
        root = etree.parse(path, etree.XMLParser(resolve_entities=False, no_network=True)).getroot()
    except etree.XMLSyntaxError:
        return frozenset()
    return frozenset(each.get("name", "") for each in root.findall(f"{_XS}element"))


@cache
def _compiled(path: Path) -> etree.XMLSchema | None:
    """A schema; None where it, or what it includes, cannot be compiled."""
    try:
        return etree.XMLSchema(etree.parse(path, etree.XMLParser(resolve_entities=False, no_network=True)))
    except (etree.XMLSchemaParseError, etree.XMLSyntaxError, OSError):
        return None


# --- what is inconsistent --------------------------------------------------------------------------------------------


def inconsistencies(sample: Sample) -> Case | None:
    """Whether each record gets exactly the findings that its own numbers call for; None where nothing is reckoned."""
    readings = _read(sample.data)
    told = [reading.declaration for reading in readings if reading.declaration is not None]
    if not any(declaration.procedure_category for declaration in told):
        return None
    records = _record_elements(sample.root)
    expected = [frozenset(_wrong(record)) for record in records]
    found = [_places(check(declaration, regime=_regime())) for declaration in told]
    name = f"{sample.name}: what is inconsistent"
    if found != expected:
        at = next(
            (at for at, pair in enumerate(zip(expected, found, strict=False)) if pair[0] != pair[1]), len(records)
        )
        words = f"record {at + 1}: expected {_listed(expected[at : at + 1])}, found {_listed(found[at : at + 1])}"
        return Case(name, passed=False, reason=words)
    return Case(name, passed=True, reason=_listed(expected))


def _places(findings: Iterable[Finding]) -> frozenset[str]:
    return frozenset(f"{each.rule_id} at {each.pointer}" for each in findings if each.rule_id in RECKONED)


def _listed(places: Iterable[frozenset[str]]) -> str:
    return ", ".join(sorted(set().union(*places))) or "nothing"


def _record_elements(root: etree._Element) -> list[etree._Element]:
    first = local_name(root[0])
    return [child for child in root if isinstance(child.tag, str) and local_name(child) == first]


def _wrong(record: etree._Element) -> Iterator[str]:
    """What the numbers of a record are at odds with, reckoned from its elements alone."""
    lines = [child for child in record if local_name(child).endswith("List")]
    for place, line in enumerate(lines, 1):
        price, quantity, total = (_number(line, name) for name in ("price", "qty", "totalPrice"))
        if price is None or quantity is None or total is None:
            continue
        exponent = price.as_tuple().exponent
        allowed = _HALF_A_CENT * (abs(quantity) + 1 if isinstance(exponent, int) and exponent >= -2 else 1)
        if abs(price * quantity - total) > allowed:
            yield f"amount.line_total at goods_items[{place}].invoice_price"
    if _text(record, "packNo") not in ("", "1") and _is_import(record):
        yield "cbec.package_count at consignment.package_count"
    for name, party in (("buyerIdNumber", "buyer"), ("payerIdNumber", "payer")):
        number = _text(record, name)
        if number and ResidentNumber.problem(number):
            yield f"cbec.resident_number at {party}.party_id"
    paid = _number(record, "acturalPaid")
    parts = [_number(record, name) for name in ("goodsValue", "freight", "taxTotal", "discount")]
    if paid is not None and parts[0] is not None:
        goods, freight, tax, discount = (part or Decimal(0) for part in parts)
        if abs(goods + freight + tax - discount - paid) > _HALF_A_CENT:
            yield "cbec.amount_paid at amount_paid"


def _is_import(record: etree._Element) -> bool:
    parent = record.getparent()
    return parent is not None and local_name(parent).startswith(("CEB511", "CEB621"))


def _text(record: etree._Element, name: str) -> str:
    return next(((each.text or "").strip() for each in record.iter() if local_name(each) == name), "")


def _number(element: etree._Element, name: str) -> Decimal | None:
    try:
        return Decimal(_text(element, name))
    except InvalidOperation:
        return None


@cache
def _regime() -> Regime:
    return load_regime(JURISDICTION, LEGAL_DAY)


def _folder(samples: Path) -> Path:
    inner = samples / FOLDER
    return inner if inner.is_dir() else samples
