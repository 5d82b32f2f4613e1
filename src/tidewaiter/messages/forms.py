"""The wire forms that are known, by name and by what a message begins with."""

from __future__ import annotations

import codecs
import re
from functools import cache

from tidewaiter.messages.cargo_imp import CargoImpForm
from tidewaiter.messages.cargo_xml import CargoXmlForm
from tidewaiter.messages.ceb import CebForm
from tidewaiter.messages.characters import shown
from tidewaiter.messages.csv_form import CsvForm
from tidewaiter.messages.edifact import EdifactForm
from tidewaiter.messages.ens import EnsForm
from tidewaiter.messages.form import Form, Reading
from tidewaiter.messages.h7 import H7Form
from tidewaiter.messages.json_form import JsonForm
from tidewaiter.messages.marketplace import MarketplaceForm
from tidewaiter.messages.postal import PostalForm
from tidewaiter.messages.wco_dm import WcoDmForm
from tidewaiter.model.errors import MessageError, NotFoundError

HEAD_BYTES = 64 * 1024
READ_ONLY = frozenset({"edifact", "cargo-imp"})  # forms in which nothing is written, or only what was read in them

_UTF8_BOM = b"\xef\xbb\xbf"
# What else is handed in by mistake, by its first bytes.
_KINDS = {
    b"%PDF": "a PDF document",
    b"PK": "a zip archive",
    b"\x1f\x8b": "a gzip archive",
    b"\xd0\xcf\x11\xe0": "an office document (old Excel or Word)",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a Zstandard archive",
    b"\x89PNG": "a picture (PNG)",
    b"\xff\xd8\xff": "a picture (JPEG)",
    b"GIF8": "a picture (GIF)",
    b"{\\rtf": "a word-processor document (RTF)",
    b"SQLite format 3": "a database (SQLite)",
}
_PACKED = "Gzip and zip are unpacked, but not within one another; other archives send unpacked."
# Each alternative is taken whole or not at all (possessive): what begins like a document type and does not end is looked at once.
_ROOT = re.compile(
    r"(?:\s++|<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*+(?:\[[^\]]*+\])?+[^>\[]*+>)*+<([^\s<>/!?]{1,100})", re.DOTALL
)


@cache
def forms() -> dict[str, Form]:
    """Every form by its name, in the order in which they are tried."""
    known: tuple[Form, ...] = (
        H7Form(),
        WcoDmForm(),
        EnsForm(),
        CebForm(),
        CargoXmlForm(),
        CargoImpForm(),
        EdifactForm(),
        PostalForm(),
        MarketplaceForm(),
        JsonForm(),
        CsvForm(),
    )
    return {form.name: form for form in known}


def by_name(name: str) -> Form:
    """The form of that name. Raises NotFoundError, which lists the names there are."""
    form = forms().get(name)
    if form is None:
        raise NotFoundError(f"there is no form “{shown(name[:60])}”", hint=f"Known are {', '.join(forms())}.")
    return form


def proven(name: str, body: bytes) -> tuple[Reading, bool]:
    """What came of one record, and whether it can be `read_again` without looking for what is wrong with it."""
    form = by_name(name)
    return form.proven(body) if isinstance(form, JsonForm) else (form.read(body), False)


def read_again(name: str, body: bytes) -> Reading:
    """A record of which `proven` said that it can be, read as it was read then."""
    form = by_name(name)
    return form.read_again(body) if isinstance(form, JsonForm) else form.read(body)


def detect(head: bytes) -> Form:
    """The form of a message, from its first bytes (up to 64 KiB). Raises MessageError saying what was seen instead."""
    head = head[:HEAD_BYTES]
    for form in forms().values():
        if form.recognises(head):
            return form
    seen, hint = _seen(head)
    titles = "; ".join(form.title for form in forms().values())
    raise MessageError(f"this is {seen}, not a message", hint=hint or f"Send one of: {titles}.", place="byte 0")


def _seen(head: bytes) -> tuple[str, str]:
    """What a message that no form recognises looks like, and what to do about it where that is plain."""
    if not head.strip(b"\x00 \t\r\n" + _UTF8_BOM):
        return ("a file of blanks and zeros" if head else "an empty file"), ""
    for magic, words in _KINDS.items():
        if head.startswith(magic):
            return words, _PACKED if "archive" in words else "Save or export the data as JSON, CSV or XML."
    if head[257:262] == b"ustar":
        return "a tar archive", _PACKED
    text = _as_text(head)
    if text is None:
        return "binary data, or text that is not UTF-8", "Save the text as UTF-8."
    return _seen_text(text, is_utf8=not head.startswith((b"\xff\xfe", b"\xfe\xff")) and b"\x00" not in head[:64])


def _seen_text(text: str, *, is_utf8: bool) -> tuple[str, str]:
    start = text.lstrip("\ufeff \t\r\n")
    if start[:15].lower().startswith(("<!doctype html", "<html")):
        return "a web page (HTML)", "Perhaps a log-in or error page was saved instead of the data."
    root = _ROOT.match(text.lstrip("\ufeff"))
    if root:
        return f"XML with the root element <{shown(root[1])}>", "The root must be a declaration that a form knows."
    if not is_utf8:
        return "text in UTF-16", "Save it as UTF-8 (in a spreadsheet: “CSV UTF-8”)."
    line = shown(start.partition("\n")[0].strip()[:80])
    if start[:1] in '[{"':
        return f"JSON that begins with {line!r}, with no declaration in it", ""
    if any(delimiter in line for delimiter in ",;\t"):
        return f"a table of which no column is known: {line}", "Name the columns as docs/reference/declaration.md does."
    return f"text that begins with {line!r}", ""


def _as_text(head: bytes) -> str | None:
    """The head as text, in UTF-8 or UTF-16; None for anything else. It may end within a character."""
    encoding = "utf-8"
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif b"\x00" in head[:2]:
        encoding = "utf-16-be" if head.startswith(b"\x00") else "utf-16-le"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeError:
        return None
    return text if text.count("\x00") * 10 < len(text) else None
