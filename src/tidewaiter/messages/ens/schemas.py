"""The schemas of the messages, from the folder of their publisher: a document → what its schema finds wrong with it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any, Final

from lxml import etree
from msgspec.structs import replace

from tidewaiter.messages import xml
from tidewaiter.messages.xsd import findings
from tidewaiter.model.errors import MessageError
from tidewaiter.model.finding import Finding, Severity

_XS: Final = "{http://www.w3.org/2001/XMLSchema}"
_MEMORY: Final = "memory:/"
FILE_BYTES_MAX: Final = 8 * 1024 * 1024
_NAMESPACE: Final = "http://ics.dgtaxud.ec/"


class Schemas:
    """Schemas by root element and edition, each compiled when it is first needed; held in memory, read from no folder.

    Of several files for one root element the one with the shortest name is the
    base; what another has after that name (`…-New.xsd`) is its edition.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """The schemas that files by path make; one includes another by its path from there."""
        self.files = dict(files)
        self._compiled: dict[tuple[str, str], etree.XMLSchema] = {}
        by_root: dict[str, list[str]] = {}
        for path in sorted(files):
            for root in _roots(files[path]):
                by_root.setdefault(root, []).append(path)
        self._sources: dict[tuple[str, str], str] = {}
        for root, paths in by_root.items():
            base = min(map(_stem, paths), key=len)
            for path in paths:
                if _stem(path).startswith(base):
                    self._sources.setdefault((root, _stem(path).removeprefix(base).lstrip("-_")), path)

    @classmethod
    def from_folder(cls, folder: Path) -> Schemas:
        """The schemas below `folder`. Raises MessageError where there is none of these messages."""
        paths = sorted(path for path in folder.rglob("*.xsd") if path.stat().st_size <= FILE_BYTES_MAX)
        schemas = cls({path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})
        if not schemas.roots:
            raise MessageError(
                f"no schema of an entry summary declaration was found below {folder}",
                hint="point to the folder that the publisher's XSD files were unpacked to",
            )
        return schemas

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
        problem = self.problem(name, edition)
        if problem:
            words = f"a document {name} was not checked: {problem}"
            return (Finding("xsd.not_checked", Severity.WARNING, "", words),)
        schema = self._schema(self._key(name, edition))
        tree = root.getroottree() if root.getparent() is None else etree.ElementTree(root)
        if schema.validate(tree):
            return ()
        log: etree._ListErrorLog = schema.error_log
        pairs = zip(list(log), findings(log, tree), strict=False)  # of findings there are at most so many
        return tuple(replace(finding, rule_id=f"ens.{_number(error)}") for error, finding in pairs)

    def problem(self, name: str, edition: str = "") -> str:
        """Why documents with this root element cannot be checked; "" where they can."""
        key = self._key(name, edition)
        if key not in self._sources:
            return f"there is no schema of {name} in the folder"
        try:
            self._schema(key)
        except (etree.XMLSchemaParseError, etree.XMLSyntaxError) as error:
            return f"the schema {self._sources[key]} does not compile ({str(error).splitlines()[0]})"
        return ""

    def _key(self, name: str, edition: str) -> tuple[str, str]:
        return (name, edition) if (name, edition) in self._sources else (name, "")

    def _schema(self, key: tuple[str, str]) -> etree.XMLSchema:
        if key not in self._compiled:
            parser = etree.XMLParser(resolve_entities=False, no_network=True)
            parser.resolvers.add(_InMemory(self.files))
            path = self._sources[key]
            self._compiled[key] = etree.XMLSchema(etree.fromstring(self.files[path], parser, base_url=_MEMORY + path))
        return self._compiled[key]


class _InMemory(etree.Resolver):
    """Finds the schemas that a schema includes among the files in memory, and nothing elsewhere."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files

    # The stubs of lxml leave out the context that it passes, and what answers are made with.
    def resolve(self, system_url: str, public_id: str, context: object) -> Any:  # type: ignore[override]
        """The file at a place in memory; an empty one for any other."""
        found = self._files.get(system_url.removeprefix(_MEMORY))
        answers: Any = self
        if found is None:
            return answers.resolve_empty(context)
        return answers.resolve_string(found, context, base_url=system_url)


def _stem(path: str) -> str:
    return PurePosixPath(path).stem


def _roots(data: bytes) -> Iterator[str]:
    """The elements of a schema file that are messages of this set: named like its namespace."""
    try:
        root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError:
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
