"""The schemas of the messages, from the folder of their publisher: a document → what its schema finds wrong with it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

from lxml import etree
from msgspec.structs import replace

from tidewaiter.messages import xml
from tidewaiter.messages.xsd import findings
from tidewaiter.model.errors import MessageError
from tidewaiter.model.finding import Finding, Severity

_XS: Final = "{http://www.w3.org/2001/XMLSchema}"
_NAMESPACE: Final = "http://ics.dgtaxud.ec/"


class Schemas:
    """The schemas below a folder, by root element and edition, each compiled when it is first needed.

    Of several files for one root element the one with the shortest name is the
    base; what another has after that name (`…-New.xsd`) is its edition.
    """

    def __init__(self, sources: Mapping[tuple[str, str], Path]) -> None:
        self._sources = dict(sources)
        self._compiled: dict[tuple[str, str], etree.XMLSchema] = {}

    @classmethod
    def from_folder(cls, folder: Path) -> Schemas:
        """The schemas below `folder`. Raises MessageError where there is none of these messages."""
        by_root: dict[str, list[Path]] = {}
        for path in sorted(folder.rglob("*.xsd")):
            for root in _roots(path):
                by_root.setdefault(root, []).append(path)
        sources: dict[tuple[str, str], Path] = {}
        for root, paths in by_root.items():
            base = min(paths, key=lambda path: len(path.stem))
            for path in paths:
                if path.stem.startswith(base.stem):
                    sources.setdefault((root, path.stem.removeprefix(base.stem).lstrip("-_")), path)
        if not sources:
            raise MessageError(
                f"no schema of an entry summary declaration was found below {folder}",
                hint="point to the folder that the publisher's XSD files were unpacked to",
            )
        return cls(sources)

    @property
    def roots(self) -> frozenset[str]:
        """The root elements that there are schemas for."""
        return frozenset(root for root, _ in self._sources)

    def validate(self, root: etree._Element, edition: str = "") -> tuple[Finding, ...]:
        """What the schema finds wrong, each with its published number (ens.4085); () for a valid document.

        The base is used where there is no schema of that edition. A warning
        `xsd.not_checked` says that there is none at all, or that it does not compile.
        """
        name = xml.local_name(root)
        key = (name, edition) if (name, edition) in self._sources else (name, "")
        if key not in self._sources:
            words = f"a document {name} was not checked: there is no schema for it in the folder"
            return (Finding("xsd.not_checked", Severity.WARNING, "", words),)
        try:
            schema = self._schema(key)
        except etree.XMLSchemaParseError as error:
            words = f"a document {name} was not checked: its schema does not compile ({str(error).splitlines()[0]})"
            return (Finding("xsd.not_checked", Severity.WARNING, "", words),)
        tree = root.getroottree() if root.getparent() is None else etree.ElementTree(root)
        if schema.validate(tree):
            return ()
        log: etree._ListErrorLog = schema.error_log
        pairs = zip(list(log), findings(log, tree), strict=False)  # of findings there are at most so many
        return tuple(replace(finding, rule_id=f"ens.{_number(error)}") for error, finding in pairs)

    def _schema(self, key: tuple[str, str]) -> etree.XMLSchema:
        if key not in self._compiled:
            parser = etree.XMLParser(resolve_entities=False, no_network=True)
            self._compiled[key] = etree.XMLSchema(etree.parse(self._sources[key], parser))
        return self._compiled[key]


def _roots(path: Path) -> Iterator[str]:
    """The elements of a schema file that are messages of this set: named like its namespace."""
    try:
        root = etree.parse(path, etree.XMLParser(resolve_entities=False, no_network=True)).getroot()
    except (etree.XMLSyntaxError, OSError):
        return
    name = root.get("targetNamespace", "").removeprefix(_NAMESPACE)
    if any(element.get("name") == name for element in root.iterchildren(f"{_XS}element")):
        yield name


def _number(error: etree._LogEntry) -> int:
    numbers, name = _numbers(), error.type_name
    if name != "SCHEMAV_ELEMENT_CONTENT":
        number: int = numbers["by_constraint"].get(name, numbers["unknown"])
        return number
    content, words = numbers["content"], error.message
    if "Missing child" in words:
        return int(content["missing"])
    return int(content["unexpected_instead" if "Expected is" in words else "unexpected_after"])


@cache
def _numbers() -> dict[str, Any]:
    text = resources.files("tidewaiter.data").joinpath("messages", "ens", "schema_errors.toml").read_text("utf-8")
    return tomllib.loads(text)
