"""A stream of XML → the bytes of one declaration after another, in bounded memory and without parsing them.

A message is one document, or a batch: a root element around many documents,
directly or in the envelopes of a transport (`submitDeclarationRequest`). Only
the tags around the documents are read; a document's own end is found by
searching for its closing tag, aware of comments, CDATA and processing
instructions. What stands beside documents and is none is told when all of
them have been read.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import BinaryIO, Final, NoReturn

from msgspec import Struct

from tidewaiter.messages import limits
from tidewaiter.messages.form import Record
from tidewaiter.messages.xml import UTF8_BOM, UTF16_HEADS, XmlFault, check_encoding

CHUNK: Final = 1024 * 1024
TAG_BYTES_MAX: Final = 64 * 1024  # one start tag with its namespaces, or one comment outside the documents
SLACK: Final = 64  # blanks before the ">" of a closing tag that may straddle two chunks

# A tag, comment, CDATA section, processing instruction or DOCTYPE; its kind is told by what follows "<".
_MARKUP = re.compile(
    rb"<(?:(!--)|(!\[CDATA\[)|(\?)|(!)|/([^\s<>/]++)\s*+>|([^\s<>/!?]++)((?:[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+')*+)>)"
)
_NAMESPACE = re.compile(rb"""\s(xmlns(?::[^\s=]++)?)\s*+=\s*+("[^"<]*+"|'[^'<]*+')""")
_CLOSERS: Final = {1: b"-->", 2: b"]]>", 3: b"?>"}
_OPENED_AGAIN, _CLOSED = 4, 5
_XML_DECLARATION = re.compile(rb"\s*+<\?xml\s[^>]*+\?>")


class Documents(Struct, frozen=True):
    """What counts as one document: elements by local name, wherever they stand or at the root or just below it."""

    anywhere: frozenset[bytes]
    near_root: frozenset[bytes]
    words: str  # for a sender who sent none


WCO: Final = Documents(frozenset({b"MetaData"}), frozenset({b"Declaration"}), "a MetaData or Declaration document")


def split(stream: BinaryIO, documents: Documents = WCO) -> Iterator[Record]:
    """The documents of a message in order, each readable by itself.

    One that is longer than RECORD_BYTES_MAX is
    yielded cut just beyond that limit, so that reading it says so and the next
    can be reached. Raises XmlFault where the message cannot be followed.
    """
    return iter(_Splitter(stream, documents))


class _Splitter:
    def __init__(self, stream: BinaryIO, documents: Documents) -> None:
        self.window = _Window(stream)
        self.documents = documents
        self.position = 0
        self.open: list[_Open] = []  # the elements around
        self.passed_over: tuple[bytes, int] | None = None  # the first element beside documents that is none, and where
        self.root: bytes | None = None
        self.declaration = b""  # put before each record where the encoding is not UTF-8

    def __iter__(self) -> Iterator[Record]:
        window = self.window
        if not window.data.strip():
            raise XmlFault(
                "xml.empty", "the message is empty", hint="send one XML document, or a batch of them", place="byte 1"
            )
        self._begin()
        while (found := self._next_markup()) is not None:
            if found.lastindex is not None and found.lastindex <= 3:
                self._skip(found, _CLOSERS[found.lastindex])
            elif found[4]:
                self._refuse(found)
            elif found[5]:
                self._close(found[5])
                window.start = found.end()
            elif self._is_document(found[6]):
                yield self._document(found)
            else:
                self._open(found)
        self._finish()

    def _begin(self) -> None:
        window = self.window
        encoding = "utf-8" if window.decoder else check_encoding(window.data[:1024])
        if encoding not in ("utf-8", "us-ascii", "ascii"):
            self.declaration = b'<?xml version="1.0" encoding="' + encoding.encode() + b'"?>'
        if window.data.startswith(UTF8_BOM):
            window.start = 3
        declared = _XML_DECLARATION.match(window.data, window.start)
        if declared:
            window.start = declared.end()

    def _next_markup(self) -> re.Match[bytes] | None:
        """The next tag or other markup between documents; None at the end of the message."""
        window = self.window
        while True:
            found = _MARKUP.search(window.data, window.start)
            if found:
                self._check_between(window.start, found.start())
                return found
            lt = window.data.find(b"<", window.start)
            if lt > window.start:
                self._check_between(window.start, lt)
                window.start = lt
            if len(window.data) - window.start > TAG_BYTES_MAX and lt >= 0:
                self._fail("xml.malformed", "a tag that does not end")
            if lt < 0:
                self._check_between(window.start, len(window.data))
                window.start = len(window.data)
            if not window.more():
                if lt >= 0:
                    self._fail("xml.truncated", "the message ends inside a tag")
                return None

    def _check_between(self, start: int, end: int) -> None:
        if not self.open and self.window.data[start:end].strip():
            words = "after the root element has ended" if self.root else "before the first tag"
            self._fail(
                "xml.malformed", f"there is text {words}", hint="a message is one XML document, or one batch element"
            )

    def _is_document(self, name: bytes) -> bool:
        local = name.rpartition(b":")[2]
        return local in self.documents.anywhere or (len(self.open) <= 1 and local in self.documents.near_root)

    def _document(self, tag: re.Match[bytes]) -> Record:
        self._check_second_root(tag[6])
        is_root = not self.open
        self.root = self.root or tag[6]
        if self.open:
            self.open[-1].is_batch = True
            for around in reversed(self.open):
                if around.has_document:
                    break
                around.has_document = True
        window = self.window
        if is_root and window.is_untouched:
            # A message that is one document: its record is the message itself, so that line numbers agree.
            window.start, before, own = 0, b"", 0
        else:
            window.start, own = tag.start(), len(tag[0])
            before = self.declaration + (tag[0] if is_root else self._with_namespaces(tag))
        offset = window.offset
        body = before + self._taken(tag)[own:]
        self.position += 1
        return Record(self.position, offset, body[: limits.RECORD_BYTES_MAX + 1])

    def _taken(self, tag: re.Match[bytes]) -> bytes:
        """The bytes from the window's start to the end of the document that `tag` opens, cut where they are too many.

        A document opening inside a document of the same name means that the first
        was not closed: it ends there, so that the next is not lost with it.
        """
        window, pattern, name = self.window, _document_pattern(tag[6]), tag[6]
        if tag[0].endswith(b"/>"):
            return window.take(tag.end())
        at, closer, head = tag.end(), b"", b""
        while True:
            if closer:
                end = window.data.find(closer, at)
                if end >= 0:
                    at, closer = end + len(closer), b""
                    continue
                at = max(at, len(window.data) - len(closer) + 1)
            else:
                found = pattern.search(window.data, at)
                if found and found.lastindex in (_OPENED_AGAIN, _CLOSED):
                    rest = window.take(found.start() if found.lastindex == _OPENED_AGAIN else found.end())
                    return head or rest
                if found:
                    at, closer = found.end(), _CLOSERS[found.lastindex or 1]
                    continue
                at = max(at, len(window.data) - len(name) - SLACK)
            if not head and len(window.data) - window.start > limits.RECORD_BYTES_MAX:
                head = window.data[window.start : window.start + limits.RECORD_BYTES_MAX + 1]
            if head:
                window.start = at
            at = self._more(at, name)

    def _more(self, at: int, name: bytes) -> int:
        """Read on inside a document; where the byte that lay at `at` lies now."""
        window = self.window
        at -= window.start
        if not window.more():
            shown = name.decode("utf-8", "replace")
            self._fail("xml.truncated", f"the message ends inside <{shown}>")
        return at

    def _with_namespaces(self, tag: re.Match[bytes]) -> bytes:
        """The document's start tag with the namespaces that the elements around it declare."""
        inherited = self.open[-1].namespaces
        if not inherited:
            return tag[0]
        own = {name for name, _ in _NAMESPACE.findall(tag[7])} if b"xmlns" in tag[7] else set()
        added = b"".join(b" %b=%b" % pair for pair in inherited.items() if pair[0] not in own)
        return b"<" + tag[6] + added + tag[7] + b">"

    def _open(self, tag: re.Match[bytes]) -> None:
        self._check_second_root(tag[6])
        self.root = self.root or tag[6]
        self.window.start = tag.start()
        offset = self.window.offset
        self.window.start = tag.end()
        if self.open:
            self.open[-1].has_element = True
        if tag[7].endswith(b"/"):
            return
        inherited = self.open[-1].namespaces if self.open else {}
        own = dict(_NAMESPACE.findall(tag[7])) if b"xmlns" in tag[7] else {}
        self.open.append(_Open(tag[6], {**inherited, **own} if own else inherited, offset))
        if len(self.open) > limits.XML_DEPTH_MAX:
            self._fail("xml.limit", f"elements are nested deeper than {limits.XML_DEPTH_MAX}")

    def _close(self, name: bytes) -> None:
        if not self.open or self.open[-1].name != name:
            expected = f"</{self.open[-1].name.decode('utf-8', 'replace')}>" if self.open else "no closing tag"
            self._fail("xml.malformed", f"</{name.decode('utf-8', 'replace')}> where {expected} was expected")
        closed = self.open.pop()
        if closed.is_batch:
            self.passed_over = self.passed_over or closed.other
        elif self.open and closed.has_element and not closed.has_document and not name.endswith(b"Signature"):
            self.open[-1].other = self.open[-1].other or (name, closed.offset)

    def _check_second_root(self, name: bytes) -> None:
        if self.root is not None and not self.open:
            self._fail(
                "xml.malformed",
                f"<{name.decode('utf-8', 'replace')}> begins after the root element has ended",
                hint="put several documents into one batch element",
            )

    def _skip(self, found: re.Match[bytes], closer: bytes) -> None:
        window = self.window
        if found.lastindex == 2 and not self.open:
            self._fail("xml.malformed", "a CDATA section stands outside the root element")
        window.start = found.end()
        while (end := window.data.find(closer, window.start)) < 0:
            window.start = max(window.start, len(window.data) - len(closer) + 1)
            if not window.more():
                self._fail("xml.truncated", "the message ends inside a comment, CDATA section or instruction")
        window.start = end + len(closer)

    def _refuse(self, found: re.Match[bytes]) -> NoReturn:
        window = self.window
        if window.data.startswith(b"<!DOCTYPE", found.start()):
            self._fail(
                "xml.doctype",
                "the message has a document type (DOCTYPE); entities and document types are not read",
                hint="remove the <!DOCTYPE …> part and write every value out in full",
            )
        self._fail("xml.malformed", "markup that begins with <! is neither a comment nor CDATA")

    def _finish(self) -> None:
        if self.open:
            name = self.open[-1].name.decode("utf-8", "replace")
            self._fail("xml.truncated", f"the message ends inside <{name}>")
        if self.position == 0:
            name = (self.root or b"").decode("utf-8", "replace")
            self._fail(
                "xml.root",
                f"<{name}> holds no declaration" if name else "the message holds no element",
                hint=f"send {self.documents.words}, or a batch element around several of them",
            )
        if self.passed_over is not None:
            name, at = self.passed_over[0].decode("utf-8", "replace"), self.passed_over[1]
            raise XmlFault(
                "xml.root",
                f"beside the declarations stands <{name}>, which is none and was not read",
                hint=f"a batch holds one kind: {self.documents.words}; send others as a message of their own",
                place=f"byte {at + 1}",
            )

    def _fail(self, rule_id: str, detail: str, *, hint: str = "") -> NoReturn:
        raise XmlFault(rule_id, detail, hint=hint, place=f"byte {self.window.offset + 1}")


class _Open:
    """An element around the documents.

    `is_batch`: a document stands directly in it; `other` is then the first element beside that holds elements and no
    document. Single values (a count, a date) and signatures are an envelope's own.
    """

    __slots__ = ("has_document", "has_element", "is_batch", "name", "namespaces", "offset", "other")

    def __init__(self, name: bytes, namespaces: dict[bytes, bytes], offset: int) -> None:
        self.name = name
        self.namespaces = namespaces
        self.offset = offset
        self.has_element = self.has_document = self.is_batch = False
        self.other: tuple[bytes, int] | None = None


class _Window:
    """The part of the stream that is in memory; `start` is where the unread part of `data` begins."""

    def __init__(self, stream: BinaryIO) -> None:
        self.stream = stream
        self.start = 0
        self.base = 0  # where data[0] lies in the message
        self.decoder: codecs.IncrementalDecoder | None = None
        self.received = 0  # bytes that were given to the decoder
        self.data = stream.read(CHUNK)
        if self.data[:2] in UTF16_HEADS:
            self.base = 2 if self.data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else 0
            self.decoder = codecs.getincrementaldecoder(UTF16_HEADS[self.data[:2]])()
            self.data = self._decoded(self.data)

    @property
    def offset(self) -> int:
        """Where `start` lies in the message, counted in the message's own bytes."""
        if self.decoder is None:
            return self.base + self.start
        # Only UTF-16 is decoded on the way in: two bytes for each of its code units.
        text = self.data[: self.start].decode("utf-8")
        return self.base + len(text.encode("utf-16-le"))

    @property
    def is_untouched(self) -> bool:
        """True while `data` begins with the first byte of the message, as it was sent."""
        return self.base == 0 and self.decoder is None

    def more(self) -> bool:
        """Read a chunk and forget what lies before `start`, which becomes 0. False at the end of the stream."""
        chunk = self.stream.read(CHUNK)
        if self.decoder is not None:
            chunk = self._decoded(chunk)
        if not chunk:
            return False
        self.base = self.offset
        self.data, self.start = self.data[self.start :] + chunk, 0
        return True

    def take(self, end: int) -> bytes:
        """The bytes from `start` to `end`, which are then done with."""
        taken = self.data[self.start : end]
        self.start = end
        return taken

    def _decoded(self, chunk: bytes) -> bytes:
        assert self.decoder is not None
        try:
            text = self.decoder.decode(chunk, final=not chunk).encode("utf-8")
        except UnicodeError as error:
            at = self.received + (error.start if isinstance(error, UnicodeDecodeError) else 0)
            words = "the message begins as UTF-16, but is not UTF-16 throughout"
            raise XmlFault("xml.encoding", words, place=f"byte {at + 1}") from error
        self.received += len(chunk)
        return text


@lru_cache(maxsize=64)
def _document_pattern(name: bytes) -> re.Pattern[bytes]:
    """Finds what matters inside a document called `name`: 1-3 a comment, CDATA or instruction, 4 itself again, 5 its end."""
    escaped = re.escape(name)
    return re.compile(rb"<(?:(!--)|(!\[CDATA\[)|(\?)|(%b)(?=[\s/>])|(/%b\s*>))" % (escaped, escaped))
