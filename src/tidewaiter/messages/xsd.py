"""Standards' own XML schemas, from a folder the user has: a document → what the schema finds wrong with it.

The schemas may not be shipped with this project; they are taken as their
publishers hand them out, wherever they lie below the folder. A declaration in
an envelope is checked by both schemas at once, because the envelope demands
that the schema of what it holds is known (`xs:any`, strictly).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from lxml import etree
from msgspec import Struct

from tidewaiter.messages import xml
from tidewaiter.model.errors import MessageError
from tidewaiter.model.finding import Finding, Severity

DECLARATION: Final = "urn:wco:datamodel:WCO:DEC-DMS:2"
METADATA: Final = "urn:wco:datamodel:WCO:DocumentMetaData-DMS:2"
RESPONSE: Final = "urn:wco:datamodel:WCO:RES-DMS:2"
_DATE_NAMESPACES: Final = ("urn:wco:datamodel:WCO:Declaration_DS:DMS:2", "urn:wco:datamodel:WCO:Response_DS:DMS:2")
_XS: Final = "{http://www.w3.org/2001/XMLSchema}"

# The documents a schema of the namespace DECLARATION is for, by what it says or is called; the first that fits.
_KINDS: Final = (
    ("h7-invalidation-repayment", re.compile(r"H7_INVALIDATION_AND_REPAYMENT")),
    ("h7-invalidation", re.compile(r"H7_INVALIDATION")),
    ("h7-repayment", re.compile(r"H7_REPAYMENT")),
    ("h7-amendment", re.compile(r"H7_AMENDMENT")),
    ("h7", re.compile(r"(^|_)H7_V")),
    ("i2-presentation", re.compile(r"I2_PN")),
    ("i2", re.compile(r"I2_EIDR")),
    ("cancellation", re.compile(r"CANCEL")),
    ("declaration", re.compile(r"WCO_DEC(_\d)?_DMS|WCO_DEC$")),
)
_NAME_AND_PLACE: Final = re.compile(r"^Element '(?:\{[^}]*\})?([^']+)'(?:, attribute '([^']+)')?: ")
_BRACED: Final = re.compile(r"\{(?:urn|http)[^{}]*\}")
_FINDINGS_MAX: Final = 100


class Schema(Struct, frozen=True):
    """One compiled schema, or the reason why it could not be compiled."""

    kind: str
    source: str
    compiled: etree.XMLSchema | None
    fault: str = ""


class SchemaSet:
    """The schemas found below a folder, each compiled when it is first needed."""

    def __init__(self, sources: dict[str, tuple[Path, ...]]) -> None:
        self._sources = sources
        self._compiled: dict[str, Schema] = {}

    @classmethod
    def from_folder(cls, folder: Path) -> SchemaSet:
        """The schemas below `folder`. Raises MessageError where there is none that this project knows."""
        files = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".xsd")
        sources = dict(_known(files))
        if not sources:
            raise MessageError(
                f"no schema of a WCO or H7 declaration was found below {folder}",
                hint="point to the folder that the publisher's XSD files were unpacked to",
            )
        return cls(sources)

    @property
    def kinds(self) -> tuple[str, ...]:
        """What there are schemas for, such as "declaration", "cancellation", "response", "h7", "h7-amendment"."""
        return tuple(self._sources)

    def schema(self, kind: str) -> Schema | None:
        """The schema of a kind of document; None where the folder had none."""
        if kind not in self._sources:
            return None
        if kind not in self._compiled:
            self._compiled[kind] = _compiled(kind, self._sources[kind])
        return self._compiled[kind]

    def validate(self, body: bytes) -> tuple[Finding, ...]:
        """What the schema finds wrong with a document; an empty tuple when it is valid.

        A warning `xsd.not_checked` says that there is no schema for it, or that
        the publisher's own schema does not compile.
        """
        try:
            root = etree.fromstring(xml.readable(body), etree.XMLParser(resolve_entities=False, no_network=True))
        except xml.XmlFault as fault:
            return (fault.finding,)
        except etree.XMLSyntaxError as error:
            return (Finding("xml.malformed", Severity.ERROR, "", f"not well-formed XML: {error.msg}"),)
        return self.validate_tree(root)

    def validate_tree(self, root: etree._Element) -> tuple[Finding, ...]:
        """The same for a parsed document; one without namespaces is checked as if it had them."""
        kind = kind_of(root)
        schema = self.schema(kind)
        if schema is None or schema.compiled is None:
            reason = schema.fault if schema else "there is no schema for it in the folder"
            return (
                Finding(
                    "xsd.not_checked", Severity.WARNING, "", f"a document of kind {kind!r} was not checked: {reason}"
                ),
            )
        if not xml.namespace(root):
            root = with_namespaces(root)
        tree = root.getroottree()
        if schema.compiled.validate(tree):
            return ()
        return tuple(findings(schema.compiled.error_log, tree))


def kind_of(root: etree._Element) -> str:
    """What kind of document this is, by its root, its function and type codes and its data set."""
    declaration = root
    if xml.local_name(root) == "MetaData":
        inner = [child for child in root if isinstance(child.tag, str)]
        if any(xml.local_name(child) == "Response" for child in inner):
            return "response"
        declaration = next((child for child in inner if xml.local_name(child) == "Declaration"), root)
    said = {xml.local_name(child): (child.text or "").strip() for child in declaration if isinstance(child.tag, str)}
    category, type_code = said.get("ProcedureCategory", ""), said.get("TypeCode", "")
    if category == "H7":
        return _h7_kind(type_code, has_repayment="RepaymentRemissionAuthorisation" in said)
    if category.startswith("I2"):
        return "i2-presentation" if type_code in ("GPR", "GPN") else "i2"
    if category:
        return category.lower()
    return "cancellation" if type_code == "INV" else "declaration"


def _h7_kind(type_code: str, *, has_repayment: bool) -> str:
    if type_code == "INV":
        return "h7-invalidation-repayment" if has_repayment else "h7-invalidation"
    return {"COR": "h7-amendment", "RRA": "h7-repayment"}.get(type_code, "h7")


def with_namespaces(root: etree._Element) -> etree._Element:
    """A copy of a document without namespaces, with those of its publisher put in.

    A notification holds its own summary of the declaration first, in its own
    namespace, and may hold the declaration itself after it.
    """
    return _copied(root, DECLARATION)


def _copied(element: etree._Element, uri: str) -> etree._Element:
    name = xml.local_name(element)
    if name == "Declaration" and uri == RESPONSE:
        is_itself = next(element.itersiblings(element.tag, preceding=True), None) is not None
        uri = DECLARATION if is_itself else RESPONSE
    else:
        uri = {"MetaData": METADATA, "Declaration": DECLARATION, "Response": RESPONSE}.get(name, uri)
    own = _DATE_NAMESPACES[uri == RESPONSE] if name == "DateTimeString" else uri
    # None is the default namespace; the stubs of lxml know only prefixes.
    nsmap: Any = {None: own}
    attributes: Any = element.attrib
    copy = etree.Element(f"{{{own}}}{name}", dict(attributes), nsmap)
    copy.text, copy.tail = element.text, element.tail
    copy.sourceline = element.sourceline
    copy.extend(_copied(child, uri) for child in element if isinstance(child.tag, str))
    return copy


def _known(files: Sequence[Path]) -> Iterator[tuple[str, tuple[Path, ...]]]:
    """The schema files of each kind: its own, and that of its envelope if it has one."""
    by_namespace: dict[str, list[Path]] = {}
    for path in files:
        by_namespace.setdefault(_target(path), []).append(path)
    envelopes = by_namespace.get(METADATA, [])
    for kind, pattern in reversed(_KINDS):
        found = [path for path in by_namespace.get(DECLARATION, []) if _kind_of_file(path) == kind]
        if found:
            # The highest version where there are several; nearest to its envelope where it has one.
            own = max(found, key=lambda path: _version(path, pattern))
            yield kind, (own, *_envelope(envelopes, own, kind))
    for own in by_namespace.get(RESPONSE, [])[:1]:
        yield "response", (own, *_envelope(envelopes, own, "response"))


def _target(path: Path) -> str:
    try:
        root = etree.parse(path, etree.XMLParser(resolve_entities=False, no_network=True)).getroot()
    except etree.XMLSyntaxError:
        return ""
    declares = any(
        child.get("name") in ("Declaration", "MetaData", "Response") for child in root.iterchildren(f"{_XS}element")
    )
    return root.get("targetNamespace", "") if declares else ""


def _kind_of_file(path: Path) -> str:
    return next((kind for kind, pattern in _KINDS if pattern.search(path.stem.upper())), "")


def _version(path: Path, pattern: re.Pattern[str]) -> tuple[int, ...]:
    found = pattern.search(path.stem.upper())
    tail = path.stem[found.end() - 1 :] if found else ""
    return tuple(int(part) for part in re.findall(r"\d+", tail))


def _envelope(envelopes: Sequence[Path], own: Path, kind: str) -> tuple[Path, ...]:
    if kind.startswith(("h7", "i2")):
        return ()
    beside = [path for path in envelopes if path.parent == own.parent] or list(envelopes)
    wanted = "CANCEL" if kind == "cancellation" else "DOCUMENT"
    return tuple([path for path in beside if wanted in path.stem.upper()][:1] or beside[:1])


def _compiled(kind: str, files: tuple[Path, ...]) -> Schema:
    names = {DECLARATION: files[0], METADATA: files[1]} if len(files) > 1 else {DECLARATION: files[0]}
    if kind == "response":
        names = {RESPONSE: files[0], **({METADATA: files[1]} if len(files) > 1 else {})}
    top = etree.Element(f"{_XS}schema", nsmap={"xs": _XS[1:-1]})
    for uri, path in names.items():
        etree.SubElement(top, f"{_XS}import", namespace=uri, schemaLocation=path.resolve().as_uri())
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    try:
        return Schema(kind, files[0].name, etree.XMLSchema(etree.fromstring(etree.tostring(top), parser)))
    except etree.XMLSchemaParseError as error:
        words = _BRACED.sub("", str(error).splitlines()[0])
        return Schema(kind, files[0].name, None, f"the schema {files[0].name} does not compile ({words})")


def findings(log: etree._ListErrorLog, tree: etree._ElementTree) -> Iterator[Finding]:
    """What the log of a validation says, in order: words without namespaces, places in local names; at most 100."""
    for error in list(log)[:_FINDINGS_MAX]:
        message = error.message
        found = _NAME_AND_PLACE.match(message)
        words = _BRACED.sub("", message[found.end() :] if found else message).strip()
        name = f"{found[1]}: " if found else ""
        value = re.match(r"\[facet [^]]*\] ", words)
        yield Finding(
            "xsd.invalid",
            Severity.ERROR,
            "",
            name + (words[value.end() :] if value else words),
            place=f"line {error.line}, {_place(tree, error.path)}",
        )


def _place(tree: etree._ElementTree, path: str | None) -> str:
    """The place in local names: `/*/*[6]/*[3]` tells a sender nothing."""
    try:
        found = tree.xpath(path or "", namespaces=_prefixes(tree)) if path else []
    except etree.XPathError:
        found = []
    if not isinstance(found, list) or not found or not isinstance(found[0], etree._Element):
        return path or ""
    steps = []
    for element in (found[0], *found[0].iterancestors()):
        same = list(element.itersiblings(element.tag, preceding=True))
        steps.append(xml.local_name(element) + (f"[{len(same) + 1}]" if same else ""))
    return "/" + "/".join(reversed(steps))


def _prefixes(tree: etree._ElementTree) -> dict[str, str]:
    prefixes: dict[str, str] = {}
    for element in tree.iter():
        prefixes |= {prefix: uri for prefix, uri in element.nsmap.items() if prefix}
    return prefixes
