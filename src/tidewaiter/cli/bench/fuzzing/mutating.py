"""One mutator for every wire form: what is done to a message knows bytes, elements, lines and values, no form's meaning.

What comes out depends on the seeds and on the generator given, so that any spoilt message can be made again.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

SIZE_MAX: Final = 1024 * 1024  # bytes of a mutated message; what would be longer is cut
STEPS_MAX: Final = 4  # things done to one message, mostly one or two
_SEARCHED_BYTES: Final = 64 * 1024  # of a message are looked through for elements and values

_PIECES: Final = (
    b"<", b">", b"</", b"/>", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"<?x?>", b"&amp;", b"&x;", b"&#0;", b"&#xD800;", b"<a>",
    b"</a>", b"<a b='1'/>", b"{", b"}", b"[", b"]", b'"', b"'", b":", b",", b";", b"+", b"?", b"/", b"//", b"\\", b"\\u0000",
    b"\\ud800", b"\n", b"\r\n", b"\r", b"\t", b"\x00", b"\x01", b"\x1a", b"\x7f", b"\x85", b"\xff", b"\xfe", b"\xc0\x80",
    b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbb\xbf", b"null", b"true", b"UNS+D'", b"UNH+1+X'", b"UNT+1+1'", b"UNZ+1+1'",
    b"UNA:+.? '", b"NAM/", b"LOC/", b"SHP", b"OCI/", b"HBS/", b" " * 100, b"\n" * 50, b"'" * 9, b'"' * 9,
)  # fmt: skip
_VALUES: Final = tuple(
    value.encode("utf-8", "surrogatepass")
    for value in (
        "", " ", "0", "-0", "-1", "00", "+5", "1.", ".5", "1,5", "1.234,56", "1e999999", "1E-999999", "1e5", "NaN", "sNaN", "-Infinity",
        "Infinity", "0x1F", "1_000", "9" * 19, "9" * 40, "9" * 400, "0." + "0" * 30 + "1", "1" + "0" * 5000, "2147483648",
        "9223372036854775808", "٣٤", "½", "１２", "²", "0000-00-00", "2026-02-30", "2026-13-01", "9999-12-31", "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59-14:00", "2026-06-15T24:00:00Z", "2026-06-15T10:00:60Z", "2026-06-15T10:00:00+99:99", "20260230",
        "99991231235959Z", "20260615100000+1", "260230", "31FEB", "10000-01-01", "-2026-01-01", "２０２６-06-15", "null", "true", "[]", "{}",
        "\u202etxt.exe", "a\u200bb", "\ufeff", "\ufffe", "\ud800", "\U0010ffff", "e\u0301" * 20, "👨‍👩‍👧‍👦", "İ", "ß", "ﬁ", "\u2028", "\x85",
        "\u0000", "\u0007", "ÄÖÜ", "无锡", "עברית", "a" * 300, "x" * 5_000, "A" * 101_000, "=cmd|' /C calc'!A0", "<script>", "&bomb;", "%s%n",
        "../../etc/passwd", "'; drop table declarations; --", "${jndi:ldap://x}", "ZZ", "XX", "gb", "GBR", "EUR", "XTS", "000000", "99999999",
        "IMX", "9", "1", "3", "C21I", "H7", "ENS", "PLACI", "17", "true ", "RR123456785GB", "GB000000000000", "610910", "6109100010", "1" * 22,
    )
)  # fmt: skip
_ENCODINGS: Final = (
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "latin-1",
    "cp1252",
    "gb18030",
    "cp037",
    "utf-7",
    "shift_jis",
)
_DECLARED: Final = (b"UTF-16", b"ISO-8859-1", b"GB18030", b"UTF-7", b"IBM037", b"x-unknown", b"US-ASCII", b"", b"utf8")
_DOCTYPES: Final = (
    b'<!DOCTYPE x [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY bomb "&b;&b;&b;&b;&b;&b;&b;&b;">]>',
    b'<!DOCTYPE x [<!ENTITY bomb "' + b"x" * 2_000 + b'">]>',
    b'<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
    b'<!DOCTYPE x SYSTEM "http://example.com/x.dtd">',
    b'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://example.com/p"> %p;]>',
    b"<!DOCTYPE html>",
    b"<!DOCTYPE",
)
_ELEMENT = re.compile(rb"<([A-Za-z_][\w:.-]{0,80})[^<>]{0,500}>")
_VALUE = re.compile(rb'(?<=>)[^<>]{1,200}(?=</)|(?<=")[^"]{1,200}(?=")|(?<=[:,;/+\t\n])[^:,;/+\t\n\'"<>{}\[\]]{1,80}')
_VERSION = re.compile(rb"(?i)(?:version\w*[\"':=>\s]{1,4}|urn:[\w:.-]{1,80}:|/)(\d[\d.]{0,5})")
_NAME = re.compile(rb'(?<=[<"])[A-Za-z_][\w:.]{1,60}(?=[ >"])')
_BREAKS: Final = (b"\n", b"'", b";", b"><", b"},{", b",", b"+")


class Mutator:
    """Spoils messages of one form. `seeds` are whole messages as they should be; the first is taken where one suffices.

    `chance` draws what is done; the same seeds and draws give the same bytes.
    """

    def __init__(self, seeds: Sequence[bytes], chance: random.Random) -> None:
        if not seeds:
            raise ValueError("there is no message to spoil")
        self._seeds = seeds
        self._chance = chance

    def reseeded(self, name: str) -> Mutator:
        """The same mutator at the place in the series that has this name."""
        self._chance.seed(name)
        return self

    def message(self) -> bytes:
        """One spoilt message of at most 1 MiB."""
        return self.spoilt(self._chance.choice(self._seeds))

    def spoilt(self, body: bytes) -> bytes:
        """This message with one to four things done to it."""
        chance = self._chance
        for _ in range(min(chance.choice((1, 1, 1, 2, 2, 3, STEPS_MAX)), STEPS_MAX)):
            kinds, weights = _WHOLE if chance.random() < 0.12 else _PARTS
            body = chance.choices(kinds, weights)[0](self, body)[:SIZE_MAX]
        return body

    # --- bytes -----------------------------------------------------------------------------------------------

    def _span(self, body: bytes, lengths: tuple[int, ...] = (1, 2, 7, 20, 60, 300)) -> tuple[int, int]:
        at = self._chance.randrange(len(body) + 1)
        return at, min(len(body), at + self._chance.choice(lengths))

    def _flipped(self, body: bytes) -> bytes:
        at, end = self._span(body, (1, 1, 1, 4))
        return body[:at] + self._chance.randbytes(end - at) + body[end:]

    def _deleted(self, body: bytes) -> bytes:
        at, end = self._span(body)
        return body[:at] + body[end:]

    def _doubled(self, body: bytes) -> bytes:
        at, end = self._span(body)
        return body[:end] + body[at:end] + body[end:]

    def _moved(self, body: bytes) -> bytes:
        at, end = self._span(body)
        part, rest = body[at:end], body[:at] + body[end:]
        to = self._chance.randrange(len(rest) + 1)
        return rest[:to] + part + rest[to:]

    def _put_in(self, body: bytes) -> bytes:
        at = self._chance.randrange(len(body) + 1)
        return body[:at] + self._chance.choice(_PIECES) + body[at:]

    # --- elements, lines, values -----------------------------------------------------------------------------

    def _part(self, body: bytes) -> tuple[int, int]:
        """Where one element, line, segment or member stands; the end is the beginning where there is none."""
        if body[:1] == b"<" or b"</" in body[:2_000]:
            found = list(_ELEMENT.finditer(body, 0, _SEARCHED_BYTES))
            if found:
                tag = self._chance.choice(found)
                closing = body.find(b"</" + tag[1] + b">", tag.end())
                return tag.start(), tag.end() if closing < 0 else closing + len(tag[1]) + 3
        return self._line(body)

    def _line(self, body: bytes) -> tuple[int, int]:
        breaks = [each for each in _BREAKS if each in body]
        if not breaks:
            return self._span(body)
        mark = breaks[0] if self._chance.random() < 0.6 else self._chance.choice(breaks)
        at = body.find(mark, self._chance.randrange(len(body)))
        if at < 0:
            at = body.find(mark)
        end = body.find(mark, at + len(mark))
        return at, len(body) if end < 0 else end

    def _part_deleted(self, body: bytes) -> bytes:
        at, end = self._part(body)
        return body[:at] + body[end:]

    def _part_repeated(self, body: bytes) -> bytes:
        at, end = self._part(body)
        times = self._chance.choices((2, 3, 20, 200, 3_000), (50, 20, 8, 1, 0.1))[0]
        return body[:at] + body[at:end] * min(times, SIZE_MAX // max(1, end - at)) + body[end:]

    def _part_moved(self, body: bytes) -> bytes:
        at, end = self._part(body)
        part, rest = body[at:end], body[:at] + body[end:]
        to, _ = self._part(rest)
        return rest[:to] + part + rest[to:]

    def _part_swapped(self, body: bytes) -> bytes:
        """A part of another message in place of one of this."""
        other = self._chance.choice(self._seeds)
        (at, end), (start, stop) = self._part(body), self._part(other)
        return body[:at] + other[start:stop] + body[end:]

    def _value_changed(self, body: bytes) -> bytes:
        found = list(_VALUE.finditer(body, 0, _SEARCHED_BYTES))
        if not found:
            return self._put_in(body)
        old = self._chance.choice(found)
        value = self._chance.choice(_VALUES)
        return body[: old.start()] + value + body[old.end() :]

    def _value_borrowed(self, body: bytes) -> bytes:
        """A value of this message in the place of another of it."""
        found = list(_VALUE.finditer(body, 0, _SEARCHED_BYTES))
        if not found:
            return self._doubled(body)
        old, new = self._chance.choice(found), self._chance.choice(found)
        return body[: old.start()] + new[0] + body[old.end() :]

    def _renamed(self, body: bytes) -> bytes:
        found = list(_NAME.finditer(body, 0, _SEARCHED_BYTES))
        if not found:
            return self._flipped(body)
        old, new = self._chance.choice(found), self._chance.choice(found)[0]
        name = (
            new
            if self._chance.random() < 0.5
            else self._chance.choice((b"Novel", b"x:y", b"a" * 200, b"extras", b"xmlns"))
        )
        if self._chance.random() < 0.5:
            return body.replace(old[0], name)
        return body[: old.start()] + name + body[old.end() :]

    def _other_version(self, body: bytes) -> bytes:
        found = list(_VERSION.finditer(body, 0, _SEARCHED_BYTES))
        if not found:
            return self._value_changed(body)
        old = self._chance.choice(found)
        version = self._chance.choice((b"0", b"1", b"2", b"9", b"99.9", b"-1", b"2018", b"x", b"", b"9" * 50))
        return body[: old.start(1)] + version + body[old.end(1) :]

    def _json_changed(self, body: bytes) -> bytes:
        """JSON changed as a tree: members of another kind, in other places, again, gone. Other text by its values."""
        line, _, rest = body.partition(b"\n")
        for text, after in ((body, b""), (line, b"\n" + rest)):
            with suppress(ValueError, RecursionError):
                tree = json.loads(text)
                return json.dumps(self._grafted(tree), ensure_ascii=False).encode("utf-8", "surrogatepass") + after
        return self._value_changed(body)

    def _grafted(self, tree: Any) -> Any:
        holders = [each for each in _holders(tree) if each]
        if not holders:
            return [tree, tree]
        holder = self._chance.choice(holders)
        key = self._chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        match self._chance.randrange(7):
            case 0:
                holder[key] = self._chance.choice(_JSON_VALUES)
            case 1:
                del holder[key]
            case 2:
                holder[key] = [holder[key]] * self._chance.choice((1, 2, 50))
            case 3:
                holder[key] = {str(key): holder[key]}
            case 4 if isinstance(holder, dict):
                holder[self._chance.choice(("novel", "", "extras", "\u0000", "a" * 1_000, "goods_items"))] = holder[key]
            case 5:
                other = self._chance.choice(holders)
                there = self._chance.choice(list(other) if isinstance(other, dict) else range(len(other)))
                copied = json.loads(json.dumps(other[there]))
                holder[key] = copied
            case _:
                holder[key] = self._chance.choice(_VALUES).decode("utf-8", "replace")
        return tree

    def _nested(self, body: bytes) -> bytes:
        at, end = self._part(body)
        depth = self._chance.choices((3, 30, 70, 300, 20_000), (10, 10, 10, 10, 1))[0]
        before, after = self._chance.choice(
            ((b"<a>", b"</a>"), (b"[", b"]"), (b'{"a":', b"}"), (b"(", b")"), (b"<", b""))
        )
        return body[:at] + before * depth + body[at:end] + after * depth + body[end:]

    def _with_attributes(self, body: bytes) -> bytes:
        found = list(_ELEMENT.finditer(body, 0, _SEARCHED_BYTES))
        if not found:
            return self._value_changed(body)
        tag = self._chance.choice(found)
        count = self._chance.choice((1, 2, 65, 1_000))
        more = b"".join(b' a%d="%s"' % (at if self._chance.random() < 0.99 else 0, b"x") for at in range(count))
        return body[: tag.end() - 1] + more + body[tag.end() - 1 :]

    # --- the message as a whole ------------------------------------------------------------------------------

    def _cut(self, body: bytes) -> bytes:
        return body[: self._chance.randrange(len(body) + 1)]

    def _beginning_lost(self, body: bytes) -> bytes:
        return body[self._chance.randrange(len(body) + 1) :]

    def _encoded(self, body: bytes) -> bytes:
        text = body.decode("utf-8", "replace")
        encoding = self._chance.choice(_ENCODINGS)
        with suppress(UnicodeError):
            return text.encode(encoding, "surrogatepass" if encoding.startswith("utf-16") else "replace")
        return body

    def _declared_encoding(self, body: bytes) -> bytes:
        encoding = self._chance.choice(_DECLARED)
        head = b'<?xml version="1.0" encoding="' + encoding + b'"?>'
        return head + re.sub(rb"^\s*<\?xml[^>]{0,200}\?>", b"", body)

    def _marked(self, body: bytes) -> bytes:
        return (
            self._chance.choice(
                (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf" * 2, b"\n\n", b"\x00", b" ")
            )
            + body
        )

    def _mixed(self, body: bytes) -> bytes:
        """Two messages, one after the other or one within the other."""
        other = self._chance.choice(self._seeds)
        mark = self._chance.choice((b"", b"\n", b"\r\n", b",", b"\x00"))
        if self._chance.random() < 0.3:
            at, _ = self._part(body)
            return body[:at] + other + body[at:]
        return body + mark + other

    def _again(self, body: bytes) -> bytes:
        times = self._chance.choices((2, 3, 20), (20, 10, 1))[0]
        return self._chance.choice((b"", b"\n")).join([body] * min(times, max(2, SIZE_MAX // max(1, len(body)))))

    def _doctype(self, body: bytes) -> bytes:
        end = body.find(b"?>") + 2 if body[:100].lstrip().startswith(b"<?xml") else 0
        spoilt = body[:end] + self._chance.choice(_DOCTYPES) + body[end:]
        found = list(_VALUE.finditer(spoilt, end + 200, _SEARCHED_BYTES))
        if not found:
            return spoilt
        old = self._chance.choice(found)
        return spoilt[: old.start()] + b"&bomb;" + spoilt[old.end() :]

    def _line_ends(self, body: bytes) -> bytes:
        return re.sub(rb"\r?\n", self._chance.choice((b"\r\n", b"\r", b"\n\n", b"", b"\x85")), body)

    def _nothing(self, _: bytes) -> bytes:
        return self._chance.choice(
            (b"", b" ", b"\n", b"\x00" * 100, b"\xef\xbb\xbf", b"<", b"{", b"[", b'"', b"{}", b"[]", b"<a/>")
        )


_JSON_VALUES: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 1.5, 10**25, 1e300, "", " ", [], {}, [None], [[]], [{}], {"a": 1}, ["x"], 2**31, 0.1, "\ud800", "\u0000",
)  # fmt: skip

_Step = Callable[[Mutator, bytes], bytes]


def _weighed(steps: dict[_Step, int]) -> tuple[list[_Step], list[int]]:
    return list(steps), list(steps.values())


_PARTS: Final = _weighed(
    {
        Mutator._flipped: 8, Mutator._deleted: 8, Mutator._doubled: 4, Mutator._moved: 4, Mutator._put_in: 10, Mutator._part_deleted: 8,
        Mutator._part_repeated: 6, Mutator._part_moved: 6, Mutator._part_swapped: 8, Mutator._value_changed: 22, Mutator._value_borrowed: 8,
        Mutator._renamed: 6, Mutator._other_version: 3, Mutator._json_changed: 14, Mutator._nested: 2, Mutator._with_attributes: 2,
    }
)  # fmt: skip
_WHOLE: Final = _weighed(
    {
        Mutator._cut: 6, Mutator._beginning_lost: 2, Mutator._encoded: 4, Mutator._declared_encoding: 2, Mutator._marked: 3,
        Mutator._mixed: 5, Mutator._again: 3, Mutator._doctype: 3, Mutator._line_ends: 2, Mutator._nothing: 1,
    }
)  # fmt: skip


def _holders(tree: Any) -> list[Any]:
    """Every object and list in a tree."""
    found, waiting = [], [tree]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict | list):
            found.append(each)
            waiting += each.values() if isinstance(each, dict) else each
    return found
