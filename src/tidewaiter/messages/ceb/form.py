"""The form "ceb"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO, Final

from tidewaiter.messages import pointers, xml
from tidewaiter.messages.ceb.read import read
from tidewaiter.messages.ceb.split import split
from tidewaiter.messages.ceb.tables import Action, Entity, load
from tidewaiter.messages.ceb.write import message_of, messages_of
from tidewaiter.messages.form import Reading, Record
from tidewaiter.messages.wco_xml.form import plain_head
from tidewaiter.model.declaration import Declaration

_ROOT: Final = re.compile(rb"<(?:[\w.-]+:)?CEB\d{3}(?:Message)?[\s/>]")
_PORT: Final = re.compile(rb"<(?:[\w.-]+:)?DxpMsg(?:Sv)?\s[^>]*chinaport\.gov\.cn/dxp")
_OTHERS: Final = re.compile(rb"<(?:[\w.-]+:)?(?:Declaration|MetaData|Response)[\s/>]")
_JSON: Final = re.compile(rb'"messageType"\s*:\s*"CEB\d{3}')


class CebForm:
    """Order, payment, transport, declaration list and the others of China's cross-border e-commerce."""

    name = "ceb"
    title = "China's cross-border e-commerce messages CEB, 2018 and 202205 (XML)"
    media_types: tuple[str, ...] = ("application/xml", "text/xml", "application/json")

    def recognises(self, head: bytes) -> bool:
        """A CEBnnnMessage, a batch of them, or one in an envelope of the electronic port."""
        plain = plain_head(head)
        if plain.startswith(b"{"):
            return b'"messageBody"' in plain and _JSON.search(plain) is not None
        found = _ROOT.search(plain) or _PORT.search(plain)
        if not found or not plain.startswith(b"<"):
            return False
        other = _OTHERS.search(plain)
        return other is None or other.start() > found.start()

    def split(self, stream: BinaryIO) -> Iterator[Record]:
        """The records of a message, each with what stands around all of them. Raises MessageError."""
        return split(stream)

    def read(self, body: bytes) -> Reading:
        """One record's declaration, or findings. Never raises for bad data."""
        try:
            return read(xml.parse(body))
        except xml.XmlFault as fault:
            return Reading(None, (fault.finding,))

    def write(self, declarations: Sequence[Declaration]) -> bytes:
        """One message, or a `Batch` element around several. Raises MessageError for what none of them can hold."""
        return xml.batch(list(messages_of(declarations)))

    def locate(self, declaration: Declaration, pointer: str) -> str:
        """The XPath, in local names, of a canonical pointer; of the nearest element around it where it has none."""
        table = load()
        message = message_of(table, declaration)
        steps = pointers.steps(pointer)
        record = f"/{message.root}/{message.record}"
        if steps[:1] == ("extras",):
            at = steps[1] if len(steps) > 1 else -1
            is_there = isinstance(at, int) and 0 <= at < len(declaration.extras)
            return declaration.extras[int(at)].path if is_there else f"/{message.root}"
        if steps[:1] == ("goods_items",):
            if not message.list:
                return record
            if len(steps) < 2 or message.lines is None:
                return f"{record}/{message.list}"
            here = f"{record}/{message.list}[{int(steps[1]) + 1}]"
            return _named(here, message.lines, steps[2:])
        head = f"{record}/{message.head}" if message.head else record
        if steps[:1] == ("submitter",) and "BaseTransfer" in message.tail:
            return _named(f"/{message.root}/BaseTransfer", table.transfer, steps)
        return _named(head, message.fields, steps)


def _named(here: str, entity: Entity, steps: tuple[pointers.Step, ...]) -> str:
    """The element of a field, or of the first that belongs to the same group."""
    while steps:
        for action in entity.order:
            if action.pointer and action.path[: len(steps)] == steps:
                return f"{here}/{action.name}"
            if _is_within(action, steps):
                return f"{here}/{action.currency if steps[-1] == 'currency' else action.name}"
        steps = steps[:-1]
    return here


def _is_within(action: Action, steps: tuple[pointers.Step, ...]) -> bool:
    """Whether the steps go on into what the element holds: an amount's number or currency."""
    return bool(action.currency) and steps[:-1] == action.path
