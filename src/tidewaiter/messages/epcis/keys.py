"""GS1 keys as URIs: one form for an EPC URN and the GS1 Digital Links of the same key, by which they are compared.

    canonical("urn:epc:id:sgtin:4012345.011111.7") == canonical("https://shop.example/01/04012345111118/21/7")

Of a URN the length of the company prefix is left out, and the check digit is worked out: both are as GS1's EPC Tag Data Standard
has it (section 6.3, pure identity URIs; section 7, keys and element strings). The other way is not gone, as a Digital Link does not
tell how long the prefix is. Which keys EPCIS takes as Digital Links is said in CBV 2.0, section 8; it was not at hand, and the list
is that of the keys of the Tag Data Standard with one URN each. Links with further qualifiers, a query or a fragment are no key here.
"""

from __future__ import annotations

import fnmatch
import re
from functools import lru_cache
from typing import Final

from msgspec import Struct

BASE: Final = "https://id.gs1.org"
REMEMBERED_MAX: Final = 20_000
_HOST: Final = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]+)?")
_ESCAPED: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_ESCAPABLE: Final = re.compile(r"[^A-Za-z0-9._~-]+")  # but for these (RFC 3986, section 2.3)


class _Kind(Struct, frozen=True):
    """A key: its application identifier, and how many digits it has before the check digit (0: it has letters, and none)."""

    ai: str
    digits: int = 0
    has_indicator: bool = False  # the first digit of the second part stands before the prefix
    lead: str = ""  # what stands before the digits
    serial_ai: str | None = None  # "": the serial follows at once; None: there is none


_KINDS: Final = {
    "id:sgtin": _Kind("01", 13, True, serial_ai="21"),
    "class:lgtin": _Kind("01", 13, True, serial_ai="10"),
    "id:sscc": _Kind("00", 17, True),
    "id:sgln": _Kind("414", 12, serial_ai="254"),
    "id:pgln": _Kind("417", 12),
    "id:grai": _Kind("8003", 12, lead="0", serial_ai=""),
    "id:gdti": _Kind("253", 12, serial_ai=""),
    "id:sgcn": _Kind("255", 12, serial_ai=""),
    "id:gsrn": _Kind("8018", 17),
    "id:gsrnp": _Kind("8017", 17),
    "id:gsin": _Kind("402", 16),
    "id:giai": _Kind("8004"),
    "id:ginc": _Kind("401"),
    "id:cpi": _Kind("8010", serial_ai="8011"),
}
_BY_AI: Final = {kind.ai: kind for kind in _KINDS.values()}
_QUALIFIERS: Final = {(kind.ai, kind.serial_ai) for kind in _KINDS.values() if kind.serial_ai}
_URN: Final = re.compile(r"urn:epc:(?P<form>id|idpat|class):(?P<kind>[a-z]+):(?P<parts>\S+)")
_LINK: Final = re.compile(rf"https?://[^/?#]+(?:/[^?#]*?)??(?P<key>/(?:{'|'.join(_BY_AI)})/[^?#]+)")


@lru_cache(REMEMBERED_MAX)
def canonical(uri: str) -> str:
    """The one form of the key that a URI is; "" where it is none."""
    match = _URN.fullmatch(uri)
    if match is not None:
        return _of_urn(match)
    return _of_link(uri) if uri.startswith(("https://", "http://")) else ""


def one_form(uri: str) -> str:
    """The one form of the key that a URI is, or itself where it is none."""
    return canonical(uri) or uri


@lru_cache(REMEMBERED_MAX)
def pattern_of(pattern: str) -> re.Pattern[str] | None:
    """What a URI with “*” means for keys in their one form; None where it is a pattern of no key."""
    match = _URN.fullmatch(pattern)
    if match is not None:
        form = f"{'id' if match['form'] == 'idpat' else match['form']}:{match['kind']}"
        parts = _parts(form, match["parts"])
        return re.compile(_expression(_KINDS[form], parts)) if parts else None
    link = _LINK.fullmatch(pattern)
    return None if link is None else re.compile(fnmatch.translate(BASE + re.sub(r"([\[?])", r"[\1]", link["key"])))


def _of_urn(match: re.Match[str]) -> str:
    is_pattern = match["form"] == "idpat"
    form = f"{'id' if is_pattern else match['form']}:{match['kind']}"
    parts = _parts(form, match["parts"])
    if not parts:
        return ""
    kind, (prefix, reference, *rest) = _KINDS[form], parts
    serial = rest[0] if rest else ""
    if is_pattern and (serial != "*" or kind.ai == "414"):
        return ""  # with a star for the serial alone it is the class; a place has none
    serial = "" if is_pattern or (kind.ai == "414" and serial == "0") else serial
    key = _key(kind, prefix, reference)
    return _written(kind, key, unquote(serial)) if key and "*" not in key else ""


def _parts(form: str, text: str) -> list[str]:
    """Prefix, reference and serial, if there is one; none where it is no such key."""
    if form not in _KINDS:
        return []
    count = 2 if _KINDS[form].serial_ai is None else 3
    parts = text.split(".", count - 1)
    return parts if len(parts) == count and all(parts) else []


def _key(kind: _Kind, prefix: str, reference: str) -> str:
    """The key as it stands behind its application identifier; "" where prefix and reference are none."""
    if not kind.digits:
        return unquote(prefix + reference)
    text = prefix + reference
    if not (text.isascii() and text.isdigit()) or len(text) != kind.digits:
        return ""
    body = reference[0] + prefix + reference[1:] if kind.has_indicator else text
    return kind.lead + body + check_digit(body)


def _written(kind: _Kind, key: str, serial: str, serial_ai: str | None = None) -> str:
    ai = kind.serial_ai if serial_ai is None else serial_ai
    end = f"/{ai}/{quote(serial)}" if ai and serial else quote(serial)
    return f"{BASE}/{kind.ai}/{quote(key)}{end}"


def _of_link(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    host, _, path = rest.partition("/")
    if not _HOST.fullmatch(host) or scheme not in ("http", "https") or "?" in uri or "#" in uri:
        return ""
    steps = ["", *path.split("/")]
    if len(steps) > 4 and (steps[-4], steps[-2]) in _QUALIFIERS:
        ai, key, serial_ai, serial = steps[-4], steps[-3], steps[-2], unquote(steps[-1])
    elif len(steps) > 2 and steps[-2] in _BY_AI:
        ai, key, serial_ai, serial = steps[-2], steps[-1], "", ""
    else:
        return ""
    kind, key = _BY_AI[ai], unquote(key)
    if ai == "01" and len(key) in (8, 12, 13):
        key = key.rjust(14, "0")
    if not _is_key(kind, key) or (serial_ai and not serial):
        return ""
    return _written(kind, key, "" if (ai, serial) == ("414", "0") else serial, serial_ai)


def _is_key(kind: _Kind, key: str) -> bool:
    if not kind.digits:
        return bool(key)
    end = len(kind.lead) + kind.digits
    body, check, rest = key[len(kind.lead) : end], key[end : end + 1], key[end + 1 :]
    is_whole = len(body) == kind.digits and body.isascii() and body.isdigit() and key.startswith(kind.lead)
    return is_whole and check == check_digit(body) and (not rest or kind.serial_ai == "")


def _expression(kind: _Kind, parts: list[str]) -> str:
    """The keys in their one form that the parts of a pattern take; what stands behind a “*” is one, too."""
    prefix, reference, *rest = parts
    if not kind.digits:
        key = "".join("[^/]+" if part == "*" else re.escape(quote(unquote(part))) for part in (prefix, reference))
    elif "*" not in (prefix, reference):
        key = re.escape(_key(kind, prefix, reference) or "no key")
    elif prefix == "*" or not prefix.isdigit() or len(prefix) >= kind.digits:
        key = rf"{kind.lead}\d{{{kind.digits + 1}}}"
    else:
        left = kind.digits - len(prefix)
        key = rf"\d{prefix}\d{{{left}}}" if kind.has_indicator else rf"{kind.lead}{prefix}\d{{{left + 1}}}"
    serial = rest[0] if rest else ""
    if kind.ai == "414" and serial in ("*", "0"):
        end = r"(?:/254/[^/]+)?" if serial == "*" else ""
    else:
        said = "[^/]+" if serial == "*" else re.escape(quote(unquote(serial)))
        end = f"/{kind.serial_ai}/{said}" if kind.serial_ai else said
    return rf"{re.escape(BASE)}/{kind.ai}/{key}{end}"


def unquote(text: str) -> str:
    """A part of a URI with its escapes read (RFC 3986, section 2.1)."""
    return _ESCAPED.sub(lambda each: bytes.fromhex(each[0].replace("%", "")).decode("utf-8", "replace"), text)


def quote(text: str) -> str:
    """A text as a part of a URI, in the one way that escapes all that may be."""
    return _ESCAPABLE.sub(lambda each: "".join(f"%{byte:02X}" for byte in each[0].encode("utf-8", "replace")), text)


def check_digit(digits: str) -> str:
    """The check digit behind some digits (GS1 General Specifications, section 7.9)."""
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)
