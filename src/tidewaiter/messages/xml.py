"""XML from strangers: bytes → a tree, or words that say what is wrong with the bytes and where.

No document type, no entities beyond the five of XML itself, no network, no
unlimited text or depth. Accepted encodings are UTF-8, UTF-16, US-ASCII,
ISO-8859-1, ISO-8859-15 and Windows-1252 (XML 1.0, appendix F).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import cache
from typing import Final

from lxml import etree

from tidewaiter.messages import limits
from tidewaiter.model.errors import MessageError
from tidewaiter.model.finding import Finding, Severity

UTF8_BOM: Final = b"\xef\xbb\xbf"
UTF16_HEADS: Final = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"<\x00": "utf-16-le", b"\x00<": "utf-16-be"}
ENCODINGS: Final = frozenset({"utf-8", "us-ascii", "ascii", "iso-8859-1", "iso-8859-15", "windows-1252"})

_DECLARED = re.compile(rb"""\s*<\?xml[^>]*?\bencoding\s*=\s*["']([A-Za-z0-9._:-]+)["'][^>]*\?>""")
_XML_DECLARATION = re.compile(r"\s*<\?xml\s[^>]*\?>")
_PROLOG = re.compile(rb"(?:\s+|<\?.*?\?>|<!--.*?-->)*+", re.DOTALL)

_ATTRIBUTES_LOOKED_AT: Final = 2_000
_DOCTYPE_WORDS = "the message has a document type (DOCTYPE); entities and document types are not read"
_HINTS: Final = {
    "xml.malformed": "check that every tag is closed, and that < and & within a text are written &lt; and &amp;",
    "xml.truncated": "send it again in full",
    "xml.encoding": "save the message as UTF-8",
    "xml.limit": "send less at once; docs/reference/limits.md has the limits",
}
_DOCTYPE_HINT = "remove the <!DOCTYPE …> part and write every value out in full"


class XmlFault(MessageError):
    """Bytes that are not XML we read. `rule_id` names the fault, `place` the line and column within the record.

    Where no better hint is given, it is the one for all faults of that id.
    """

    def __init__(self, rule_id: str, detail: str, *, hint: str = "", place: str = "") -> None:
        super().__init__(detail, hint=hint or _HINTS.get(rule_id, ""), place=place)
        self.code = rule_id

    @property
    def finding(self) -> Finding:
        """The fault as a finding on the whole record."""
        return Finding(self.code, Severity.ERROR, "", self.detail, hint=self.hint, place=self.place)


def parse(body: bytes) -> etree._Element:
    """The root element of one XML document, without comments and processing instructions. Raises XmlFault."""
    if len(body) > limits.RECORD_BYTES_MAX:
        raise XmlFault(
            "xml.limit",
            f"the document is longer than {limits.RECORD_BYTES_MAX} bytes",
            hint="send fewer goods items in one declaration",
            place="line 1",
        )
    body = readable(body)
    try:
        root = etree.fromstring(body, _parser())
    except etree.XMLSyntaxError as error:
        raise _fault(error, body) from error
    # Only a large document can pass a limit on length, and only one with many "=" a limit on attributes.
    if len(body) > limits.TEXT_LENGTH_MAX or body.count(b"=") > _ATTRIBUTES_LOOKED_AT:
        _check_size(root)
    return root


def readable(body: bytes) -> bytes:
    """The same document in an encoding the parser may read by itself. Raises XmlFault for what must not reach it."""
    if body[:2] in UTF16_HEADS:
        body = _from_utf16(body)
    if b"\0" in body:
        raise XmlFault(
            "xml.nul",
            "the message contains NUL bytes",
            hint="it may be binary data or cut off while being saved; send plain XML",
            place=_place(body, body.index(b"\0")),
        )
    if not body.strip():
        raise XmlFault("xml.empty", "the message is empty", hint="send one XML document", place="line 1")
    if not body.startswith(b"<") or body.startswith(b"<?xml"):
        check_encoding(body)
    if b"<!DOCTYPE" in body and has_document_type(body):
        raise XmlFault("xml.doctype", _DOCTYPE_WORDS, hint=_DOCTYPE_HINT, place=_place(body, body.index(b"<!DOCTYPE")))
    return body


def check_encoding(head: bytes) -> str:
    """The encoding that the first bytes name, "utf-8" where they name none. Raises XmlFault if we do not read it."""
    has_bom = head.startswith(UTF8_BOM)
    found = _DECLARED.match(head[3:] if has_bom else head)
    declared = found[1].decode("ascii").lower() if found else "utf-8"
    if declared.startswith(("utf-16", "ucs-2", "iso-10646-ucs-2")) or (has_bom and declared != "utf-8"):
        actual = "UTF-8" if has_bom else "one byte per character"
        raise XmlFault(
            "xml.encoding",
            f"the message says it is written in {declared}, but its bytes are {actual}",
            hint='save it as UTF-8 and begin it with <?xml version="1.0" encoding="UTF-8"?>',
            place="line 1",
        )
    if declared not in ENCODINGS:
        raise XmlFault(
            "xml.encoding",
            f"the encoding {declared} is not read here",
            hint="save the message as UTF-8",
            place="line 1",
        )
    return declared


def has_document_type(body: bytes) -> bool:
    """True when a DOCTYPE stands before the root element (and not merely in a comment or in text)."""
    start = 3 if body.startswith(UTF8_BOM) else 0
    prolog = _PROLOG.match(body, start)
    return prolog is not None and body.startswith(b"<!DOCTYPE", prolog.end())


def local_name(element: etree._Element) -> str:
    """The element's name without its namespace."""
    tag: str = element.tag
    return tag[tag.rindex("}") + 1 :] if tag.startswith("{") else tag


def namespace(element: etree._Element) -> str:
    """The element's namespace, "" where it has none."""
    tag: str = element.tag
    return tag[1 : tag.rindex("}")] if tag.startswith("{") else ""


@cache
def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_blank_text=True,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
    )


def _from_utf16(body: bytes) -> bytes:
    try:
        text = body.decode(UTF16_HEADS[body[:2]])
    except UnicodeDecodeError as error:
        raise XmlFault(
            "xml.encoding",
            "the message begins as UTF-16, but is not UTF-16 throughout",
            hint="save it as UTF-8",
            place=f"byte {error.start + 1}",
        ) from error
    declared = re.match(r"""\s*<\?xml[^>]*?\bencoding\s*=\s*["']([^"']+)["']""", text)
    if declared and not declared[1].lower().startswith(("utf-16", "ucs-2", "iso-10646-ucs-2")):
        raise XmlFault(
            "xml.encoding",
            f"the message says it is written in {declared[1]}, but its bytes are UTF-16",
            hint="save it as UTF-8",
            place="line 1",
        )
    return _XML_DECLARATION.sub("", text, count=1).encode("utf-8", "surrogatepass")


def _check_size(root: etree._Element) -> None:
    """Refuse a large document with too many elements or goods items, or with too long a text or attribute."""
    items = count = 0
    for element in root.iter():
        count += 1
        text = element.text
        if text is not None and len(text) > limits.TEXT_LENGTH_MAX:
            raise _too_long(element, len(text))
        if len(element.attrib) > limits.XML_ATTRIBUTES_MAX:
            raise XmlFault(
                "xml.limit",
                f"{local_name(element)} has more than {limits.XML_ATTRIBUTES_MAX} attributes",
                place=f"line {element.sourceline}",
            )
        longest = max(map(len, element.values()), default=0)
        if longest > limits.TEXT_LENGTH_MAX:
            raise _too_long(element, longest)
        items += element.tag.endswith("GovernmentAgencyGoodsItem")
    if items > limits.GOODS_ITEMS_MAX:
        raise XmlFault(
            "message.limit",
            f"the declaration has {items} goods items; at most {limits.GOODS_ITEMS_MAX} are read",
            hint="send the consignment in several declarations",
            place=f"/{local_name(root)}",
        )
    if count > limits.XML_ELEMENTS_MAX:
        raise XmlFault(
            "message.limit",
            f"the declaration has {count} elements; at most {limits.XML_ELEMENTS_MAX} are read",
            hint="send the consignment in several declarations",
            place=f"/{local_name(root)}",
        )


def _too_long(element: etree._Element, length: int) -> XmlFault:
    return XmlFault(
        "message.limit",
        f"{local_name(element)} holds {length} characters; at most {limits.TEXT_LENGTH_MAX} are read",
        hint="shorten the text",
        place=f"line {element.sourceline}",
    )


_CODES = etree.ErrorTypes
_TRUNCATED = frozenset(
    {
        _CODES.ERR_TAG_NOT_FINISHED,
        _CODES.ERR_GT_REQUIRED,
        _CODES.ERR_COMMENT_NOT_FINISHED,
        _CODES.ERR_CDATA_NOT_FINISHED,
        _CODES.ERR_PI_NOT_FINISHED,
        _CODES.ERR_LTSLASH_REQUIRED,
    }
)
_ENCODING = frozenset({_CODES.ERR_INVALID_ENCODING, _CODES.ERR_UNSUPPORTED_ENCODING, _CODES.ERR_UNKNOWN_ENCODING})
_ENTITY = frozenset({_CODES.ERR_UNDECLARED_ENTITY, _CODES.WAR_UNDECLARED_ENTITY, _CODES.ERR_ENTITY_LOOP})


def _fault(error: etree.XMLSyntaxError, body: bytes) -> XmlFault:
    line, column = error.position
    place = f"line {line}, column {column}"
    code: int = getattr(error, "code", 0)
    words = re.sub(r", line \d+, column \d+( \(.*\))?$", "", str(error.msg or "not well-formed")).strip()
    if code in _ENTITY:
        return XmlFault(
            "xml.entity", f"an entity is used that XML does not define: {words}", hint=_DOCTYPE_HINT, place=place
        )
    if code in _ENCODING or (code == _CODES.ERR_INVALID_CHAR and not _is_utf8(body)):
        return XmlFault(
            "xml.encoding",
            "the bytes are not in the encoding that the message names (UTF-8 where it names none)",
            place=place,
        )
    if code == _CODES.ERR_INVALID_CHAR:
        return XmlFault(
            "xml.character", f"a character that XML forbids: {words}", hint="remove control characters", place=place
        )
    if "depth" in words.lower() or "huge" in words.lower() or "resource limit" in words.lower():
        return XmlFault("xml.limit", f"the document is too deep or a text too long: {words}", place=place)
    if code == _CODES.ERR_DOCUMENT_EMPTY:
        return XmlFault("xml.malformed", "the message is not XML: it does not begin with <", place=place)
    if _ends_early(code, line, body):
        return XmlFault("xml.truncated", f"the document ends too early: {words}", place=place)
    return XmlFault("xml.malformed", f"not well-formed XML: {words}", place=place)


def _ends_early(code: int, line: int, body: bytes) -> bool:
    """True when the parser ran out of document: it is cut within a tag, or the fault is on the last line."""
    if not body.rstrip().endswith(b">"):
        return True
    return code in _TRUNCATED and line >= body.rstrip().count(b"\n") + 1


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _place(body: bytes, index: int) -> str:
    before = body[:index]
    return f"line {before.count(10) + 1}, column {index - before.rfind(10)}"


def batch(documents: Sequence[etree._Element]) -> bytes:
    """One document as bytes, UTF-8, or a `Batch` element around several."""
    if len(documents) == 1:
        return etree.tostring(documents[0], xml_declaration=True, encoding="UTF-8")
    inner = b"".join(etree.tostring(each, encoding="UTF-8", xml_declaration=False) + b"\n" for each in documents)
    return b"<?xml version='1.0' encoding='UTF-8'?>\n<Batch>\n" + inner + b"</Batch>\n"


def only(root: etree._Element, names: Collection[str], what: str, wanted: str) -> etree._Element:
    """The one element of these names in a document, at its root or in an envelope.

    Raises XmlFault where there is not just one, saying how many of `what` there are and that `wanted` is to be sent.
    """
    if local_name(root) in names:
        return root
    found = [element for element in root.iter() if local_name(element) in names]
    if len(found) == 1:
        return found[0]
    name = local_name(root)
    raise XmlFault(
        "xml.root",
        f"the root element is {name}, with {len(found)} {what} in it",
        hint=f"send one {wanted}, or choose the form that this message has",
        place=f"/{name}",
    )
