"""Round trips over outside XML: every declaration is read; every valid one is written validly and reads back the same.

Searched at any depth and whatever the files are called. A declaration is any
well-formed file whose root, or a child of whose MetaData, is a Declaration;
notifications and messages of other kinds are passed over.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from tidewaiter.cli.conformance.case import Case
from tidewaiter.messages.form import Form, Record
from tidewaiter.messages.xml import local_name
from tidewaiter.messages.xsd import SchemaSet
from tidewaiter.model.errors import MessageError
from tidewaiter.model.finding import Finding, Severity


def round_trips(form: Form, folder: Path) -> Iterator[Case]:
    """One case for each declaration below `folder`; its schemas are looked for there too."""
    schemas = SchemaSet.from_folder(folder)
    for path in sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".xml"):
        message = path.read_bytes()
        if path.is_file() and _is_declaration(message):
            yield _case(form, schemas, str(path.relative_to(folder)), message)


def _is_declaration(message: bytes) -> bool:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(message, parser)
    except (etree.XMLSyntaxError, ValueError):
        return False
    if local_name(root) == "Response":
        return False
    parents = [element for element in root.iter() if local_name(element) == "MetaData"] or [root]
    return local_name(root) == "Declaration" or any(
        local_name(child) == "Declaration" for parent in parents for child in parent
    )


def _case(form: Form, schemas: SchemaSet, name: str, message: bytes) -> Case:
    try:
        records = list(form.split(io.BytesIO(message)))
    except MessageError as error:
        return Case(name, passed=False, reason=f"not split: {error.detail}")
    outcomes = [_outcome(form, schemas, record) for record in records]
    failed = [reason for is_right, reason in outcomes if not is_right]
    return Case(name, passed=not failed, reason="; ".join(failed or [reason for _, reason in outcomes]))


def _outcome(form: Form, schemas: SchemaSet, record: Record) -> tuple[bool, str]:
    reading = form.read(record.body)
    if reading.declaration is None:
        return False, f"not read: {reading.findings[0].words}"
    before = schemas.validate(record.body)
    if before and _is_wrong(before):
        return True, f"read; not valid to begin with: {before[0].words}"
    written = form.write([reading.declaration])
    again = form.read(written)
    if again != reading:
        return False, "reads back differently"
    after = schemas.validate(written)
    if _is_wrong(after):
        return False, f"written invalidly: {after[0].words} ({after[0].place})"
    return True, "read, written and read back the same" + ("; no schema to check it by" if after else "; valid")


def _is_wrong(findings: tuple[Finding, ...]) -> bool:
    return any(finding.severity is Severity.ERROR for finding in findings)
