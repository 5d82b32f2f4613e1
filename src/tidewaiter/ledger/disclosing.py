"""Showing some fields of an entry to somebody, with proofs that hold offline; and which fields a role may be shown.

A package is the entry, its receipt, and each field with its salt and path. What is left out of it cannot be guessed from it.
Who may be shown what is dated data (`data/disclosure`), read once and handed in.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import date
from importlib import resources
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from tidewaiter.ledger.commitments import FIELDS_MAX, Disclosure, verify_disclosure
from tidewaiter.ledger.envelopes import Payload
from tidewaiter.ledger.jcs import canonical_json
from tidewaiter.ledger.leaves import Leaf
from tidewaiter.ledger.policies import Believed, Policy
from tidewaiter.ledger.receipts import verify_receipt
from tidewaiter.ledger.verdict import LedgerError, Verdict
from tidewaiter.ledger.wire import read_base64, written_base64
from tidewaiter.model.errors import LawDataError, NotInForceError

PACKAGE_BYTES_MAX: Final = 4_000_000
FORM: Final = "tidewaiter disclosure v1"


class Source(Struct, frozen=True, forbid_unknown_fields=True):
    """Where something is from, and whether it was read."""

    title: str
    address: str
    status: str = ""


class Visibility(Struct, frozen=True, forbid_unknown_fields=True):
    """Which fields each role may be shown, from which day on."""

    title: str
    sources: tuple[Source, ...]
    values: dict[date, dict[str, tuple[str, ...]]]

    @classmethod
    def read(cls, content: bytes, place: str) -> Visibility:
        """The visibility in a file of YAML. Raises LawDataError naming `place`."""
        try:
            plain = YAML(typ="safe", pure=True).load(io.StringIO(content.decode()))
            read = msgspec.convert(plain, type=cls)
        except (YAMLError, msgspec.ValidationError, UnicodeDecodeError) as error:
            raise LawDataError(f"{place}: {' '.join(str(error).split())}", hint="correct the file") from error
        if not read.sources or not read.values:
            raise LawDataError(f"{place}: a file says since when it applies, and where it is from", hint="add them")
        return read

    def shown(self, role: str, on: date) -> frozenset[str]:
        """The fields that a role may be shown on a day; none for a role that is not listed.

        Raises NotInForceError for a day before the first of the file.
        """
        days = [day for day in self.values if day <= on]
        if not days:
            raise NotInForceError(f"who may be shown what is not known for {on}", hint="add it to data/disclosure")
        return frozenset(self.values[max(days)].get(role, ()))


class Package(Struct, frozen=True):
    """An entry with the fields that are shown of it, and the receipt (c2sp.org/tlog-proof) that it stands in the record."""

    entry: bytes
    receipt: bytes
    fields: tuple[Disclosure, ...]

    @property
    def data(self) -> bytes:
        """The package as it is handed over: canonical JSON."""
        return canonical_json(
            {
                "form": FORM,
                "entry": written_base64(self.entry),
                "receipt": written_base64(self.receipt),
                "fields": [msgspec.to_builtins(each) for each in self.fields],
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> Package:
        """The package in these bytes. Raises LedgerError for anything but its one writing."""
        if len(data) > PACKAGE_BYTES_MAX:
            raise LedgerError(f"a package has {len(data)} bytes; {PACKAGE_BYTES_MAX} are the most")
        try:
            read = msgspec.json.decode(data, type=_Travelling)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise LedgerError(f"this is no package: {error}") from error
        entry, receipt = read_base64(read.entry, "the entry"), read_base64(read.receipt, "the receipt")
        package = cls(entry, receipt, read.fields)
        if read.form != FORM or package.data != data:
            raise LedgerError("a package is written otherwise than RFC 8785 writes it, or in another form")
        return package


class Shown(Struct, frozen=True):
    """What a package shows; where `verdict` refuses, nothing. `believed` tells in which checkpoint, and who cosigned it."""

    verdict: Verdict
    believed: Believed
    leaf: Leaf | None = None
    fields: dict[str, str] = {}


def disclose(payload: Payload, entry: bytes, receipt: bytes, names: Iterable[str]) -> Package:
    """The package that shows these fields of an entry, in the order of the payload; names that it has not are left out.

    Raises LedgerError where the payload is not what the entry is bound to.
    """
    commitment = payload.commitment
    if Leaf.parse(entry).commitment != commitment.root:
        raise LedgerError("the payload is not what the entry is bound to")
    wanted = set(names)
    return Package(
        entry, receipt, tuple(commitment.disclose(name) for name, _ in payload.fields if name in wanted)
    )  # fmt: skip


def verify_package(data: bytes, policy: Policy) -> Shown:
    """What a package shows to whoever believes this policy. Never raises for what it is given."""
    try:
        package = Package.parse(data)
        leaf = Leaf.parse(package.entry)
    except LedgerError as error:
        verdict = Verdict(error.detail)
        return Shown(verdict, Believed(verdict))
    believed = verify_receipt(package.receipt, package.entry, policy)
    if not believed.verdict:
        return Shown(believed.verdict, believed)
    fields: dict[str, str] = {}
    for each in package.fields:
        verdict = verify_disclosure(each, leaf.commitment)
        if verdict and each.name in fields:
            verdict = Verdict(f"the field “{each.name}” is shown twice")
        if not verdict:
            return Shown(verdict, believed)
        fields[each.name] = each.value
    return Shown(believed.verdict, believed, leaf, fields)


def packaged_visibility() -> Visibility:
    """The visibility that ships with the program."""
    file: Any = resources.files("tidewaiter.data") / "disclosure" / "roles.yaml"
    return Visibility.read(file.read_bytes(), "disclosure/roles.yaml")


class _Travelling(Struct, frozen=True, forbid_unknown_fields=True):
    form: str
    entry: str
    receipt: str
    fields: Annotated[tuple[Disclosure, ...], Meta(max_length=FIELDS_MAX)]
