"""What each movement of a stock account came from: an entry, order, return, event, certificate, transfer or stock-taking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from tidewaiter.stock.account import Movement
from tidewaiter.stock.facts import Kind
from tidewaiter.stock.law import Flow
from tidewaiter.workflow.stock_filing import named
from tidewaiter.workflow.stock_records import KeptFiling, StockBook

EVENT: Final = "event "  # before the number of an event, where one told a return or a loss


class OriginKind(StrEnum):
    """What a movement came from."""

    ENTRY = "entry"
    ORDER = "order"
    RETURN = "return"
    EVENT = "event"
    CERTIFICATE = "certificate"  # of goods destroyed, or taken as a sample
    TRANSFER = "transfer"
    COUNT = "count"


_KINDS: Final[Mapping[str, OriginKind]] = {
    "entry": OriginKind.ENTRY,
    "return": OriginKind.RETURN,
    "event": OriginKind.EVENT,
    Kind.DESTROYED.value: OriginKind.CERTIFICATE,
    Kind.SAMPLE.value: OriginKind.CERTIFICATE,
    "transfer": OriginKind.TRANSFER,
    "count": OriginKind.COUNT,
}


class Origin(Struct, frozen=True, kw_only=True):
    """What a movement came from, and the name it has there.

    `declaration_id` is the declaration that was made of it, of a return that of the order the goods come back from.
    `return_id` is the claim on duty paid that was made of a return, "" where none was.
    """

    what: OriginKind
    name: str
    declaration_id: int | None = None
    return_id: str = ""


def origins(book: StockBook, account_no: int, movements: Iterable[Movement]) -> dict[str, Origin]:
    """By the source of a movement, what it came from."""
    read = {each.source: (*_read(account_no, each), each.document) for each in movements}
    references = {source: _reference(account_no, *one) for source, one in read.items()}
    filings = book.filings_of(account_no, sorted(set(filter(None, references.values()))))
    return {
        source: _origin(account_no, what, name, filings.get(references[source]))
        for source, (what, name, _) in read.items()
    }


def _read(account_no: int, movement: Movement) -> tuple[OriginKind, str]:
    """What kind of origin a source names, and its name."""
    whole = movement.source.rpartition(":")[0]
    prefix, _, name = whole.partition(":")
    if prefix in _KINDS:
        return _KINDS[prefix], name
    return OriginKind.ORDER, whole.removeprefix(named(account_no, Flow.LOCAL, ""))


def _reference(account_no: int, what: OriginKind, name: str, document: str) -> str:
    """The reference of the filing behind it; "" where there is none."""
    match what:
        case OriginKind.ENTRY:
            return named(account_no, Flow.INWARD, name)
        case OriginKind.ORDER | OriginKind.RETURN:
            return document
        case OriginKind.EVENT:
            return named(account_no, Flow.SHORTAGE, EVENT + name)
        case OriginKind.COUNT:
            return named(account_no, Flow.SHORTAGE, name)
        case OriginKind.CERTIFICATE | OriginKind.TRANSFER:
            return ""


def _origin(account_no: int, what: OriginKind, name: str, filing: KeptFiling | None) -> Origin:
    declaration_id = None if filing is None else filing.declaration_id
    if what is OriginKind.RETURN and name.startswith(EVENT):
        return Origin(what=OriginKind.EVENT, name=name.removeprefix(EVENT), declaration_id=declaration_id)
    is_claimed = what is OriginKind.RETURN and declaration_id is not None and filing and filing.flow is Flow.LOCAL
    return_id = claim_name(account_no, name) if is_claimed else ""
    return Origin(what=what, name=name, declaration_id=declaration_id, return_id=return_id)


def claim_name(account_no: int, return_id: str) -> str:
    """What the claim on a return of a buyer is called."""
    return f"stock {account_no} return {return_id}"
