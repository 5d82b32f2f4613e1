"""What segments mean: each function puts what one segment says into the draft, and gives the paths of it.

They raise Unsaid for what the table has no meaning for, and Wrong for a value that cannot be what it should be.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from tidewaiter.messages.edifact.draft import Draft, Unsaid, Wrong, table
from tidewaiter.messages.edifact.syntax import Segment
from tidewaiter.messages.faults import Fault
from tidewaiter.messages.leaves import is_sane
from tidewaiter.messages.pointers import Path, steps
from tidewaiter.messages.shape import elements
from tidewaiter.model.declaration import GoodsItem

_NUMBER = re.compile(r"-?[0-9]+(?:[.,][0-9]+)?")
_CODE = re.compile(r"[0-9]{4,14}")
_FORMATS: Final[Mapping[str, str]] = {  # DTM 2379
    "101": "%y%m%d",
    "102": "%Y%m%d",
    "201": "%y%m%d%H%M",
    "203": "%Y%m%d%H%M",
    "204": "%Y%m%d%H%M%S",
}


def _bgm(draft: Draft, segment: Segment) -> Iterator[Path]:
    function = segment.value(3)
    if function:
        word = table()["functions"].get(function)
        if word is None:
            known = ", ".join(table()["functions"])
            raise Wrong(Fault.CHOICE, "3", f"the message function is none of {known}", function)
        yield draft.put(("function",), word)
        yield draft.put(("function_code",), function)
    if (number := segment.value(2, 1)) and not draft.has_consignments:
        yield draft.put(("functional_reference_id",), number)


def _cni(draft: Draft, segment: Segment) -> Iterator[Path]:
    if not (number := segment.value(2, 1)):
        return
    yield draft.put(("consignment", "transport_documents", 0, "document_id"), number)


def _nad(draft: Draft, segment: Segment) -> Iterator[Path]:
    name = table()["parties"].get(segment.value(1))
    if name is None:
        raise Unsaid
    path = steps(name)
    if draft.item is not None and name in elements(GoodsItem):
        path = (*draft.within, *path)
    free, names = _texts(segment, 3), _texts(segment, 4)
    party: dict[str, Any] = {"party_id": segment.value(2, 1), "name": " ".join(names or free[:1])}
    lines = _texts(segment, 5) or (free if names else free[1:])
    address = {
        "line": ", ".join(lines),
        "city": segment.value(6),
        "subdivision": segment.value(7, 1),
        "postcode": segment.value(8),
        "country_code": segment.value(9),
    }
    if any(address.values()):
        party["address"] = address
    yield draft.put(path, party)
    draft.party = (party, path)


def _cta(draft: Draft, segment: Segment) -> Iterator[Path]:
    name = segment.value(2, 2)
    if draft.party is None or not name:
        raise Unsaid
    party, path = draft.party
    if party.setdefault("contact_name", name) != name:
        raise Unsaid
    yield (*path, "contact_name")


def _com(draft: Draft, segment: Segment) -> Iterator[Path]:
    known: dict[str, str] = table()["contacts"]
    for number, parts in enumerate(segment.elements, 1):
        field = known.get(segment.value(number, 2))
        if draft.party is None or field is None or not parts[0]:
            raise Unsaid
        party, path = draft.party
        if party.setdefault(field, segment.value(number)) != segment.value(number):
            raise Unsaid
        yield (*path, field)


def _dtm(draft: Draft, segment: Segment) -> Iterator[Path]:
    path = draft.meaning("dates", segment.value(1, 1))
    text, form = segment.value(1, 2), segment.value(1, 3)
    try:
        at = datetime.strptime(text, _FORMATS[form]).replace(tzinfo=UTC)
    except KeyError:
        raise Unsaid from None
    except ValueError:
        hint = f"By the format {form}, as {datetime(2026, 6, 15, 10, 0, tzinfo=UTC):{_FORMATS[form]}}."
        raise Wrong(Fault.DATE, "1.2", "this is not a day that exists", text, hint) from None
    yield draft.put(path, at if path[-1] == "issued_at" else at.date())


def _loc(draft: Draft, segment: Segment) -> Iterator[Path]:
    path = draft.meaning("places", segment.value(1))
    if not segment.value(2):
        raise Unsaid
    yield draft.put(path, segment.value(2))


def _rff(draft: Draft, segment: Segment) -> Iterator[Path]:
    path = draft.meaning("references", segment.value(1, 1))
    if not segment.value(1, 2):
        raise Unsaid
    yield draft.put(path, segment.value(1, 2))


def _moa(draft: Draft, segment: Segment) -> Iterator[Path]:
    path = draft.meaning("amounts", segment.value(1, 1))
    currency = segment.value(1, 3) or draft.currency
    amount = _number(segment, 1, 2)
    if not currency:
        raise Wrong(
            Fault.MISSING, "1.3", "the amount has no currency", str(amount), "Put it in MOA or, for all, in CUX."
        )
    yield draft.put(path, {"amount": amount, "currency": currency})


def _cux(draft: Draft, segment: Segment) -> Iterator[Path]:
    if not segment.value(1, 2) or draft.currency not in ("", segment.value(1, 2)):
        raise Unsaid
    draft.currency = segment.value(1, 2)
    yield from ()


def _mea(draft: Draft, segment: Segment) -> Iterator[Path]:
    path = draft.meaning("measures", segment.value(2, 1))
    factor = table()["kilograms"].get(segment.value(3, 1))
    if factor is None:
        raise Unsaid
    mass = _number(segment, 3, 2) * Decimal(factor)
    if not is_sane(mass):
        raise Wrong(Fault.NUMBER, "3.2", "the mass is too large or too fine to be true", str(mass))
    yield draft.put(path, mass)


def _qty(draft: Draft, segment: Segment) -> Iterator[Path]:
    if draft.item is None:
        raise Unsaid
    path = draft.within
    yield draft.put((*path, "quantity"), _number(segment, 1, 2))
    if unit := segment.value(1, 3):
        yield draft.put((*path, "quantity_unit"), unit)


def _pac(draft: Draft, segment: Segment) -> Iterator[Path]:
    yield from _packages(draft, segment.value(1), segment.value(3))


def _gid(draft: Draft, segment: Segment) -> Iterator[Path]:
    if segment.value(2):
        yield from _packages(draft, segment.value(2, 1), segment.value(2, 2))


def _packages(draft: Draft, count: str, kind: str) -> Iterator[Path]:
    if not count.isascii() or not count.isdigit() or len(count) > 9:
        raise Wrong(Fault.NUMBER, "1", "the number of packages is not a whole number", count, "Digits only.")
    if draft.item is None:
        yield draft.put(("consignment", "package_count"), int(count))
        return
    packagings = draft.item.setdefault("packagings", [])
    packagings.append({"type_code": kind, "count": int(count)})
    yield (*draft.within, "packagings", len(packagings) - 1)


def _ftx(draft: Draft, segment: Segment) -> Iterator[Path]:
    words = " ".join(_texts(segment, 4))
    if segment.value(1) != "AAA" or not words:
        raise Unsaid
    yield _describe(draft, words)


def _imd(draft: Draft, segment: Segment) -> Iterator[Path]:
    words = (
        " ".join(part.strip() for part in segment.elements[2][3:5] if part.strip()) if len(segment.elements) > 2 else ""
    )
    if draft.item is None or not words:
        raise Unsaid
    yield _describe(draft, words)


def _describe(draft: Draft, words: str) -> Path:
    """The description of the item at hand, or of the only one where the message goes into no items."""
    if draft.item is None:
        if draft.items or not (draft.is_in_detail or draft.has_consignments):
            raise Unsaid
        draft.new_item()
        draft.opened.add("FTX")
        path = draft.put(("goods_items", 0, "description"), words)
        draft.opened.clear()
        return path
    return draft.put((*draft.within, "description"), words)


def _cst(draft: Draft, segment: Segment) -> Iterator[Path]:
    codes = [segment.value(at) for at in range(2, len(segment.elements) + 1) if segment.value(at)]
    if draft.item is None or not codes or not _CODE.fullmatch(codes[0]):
        raise Unsaid
    path = draft.within
    yield draft.put((*path, "commodity_code"), codes[0])
    if len(codes) > 1:
        yield draft.put((*path, "additional_codes"), codes[1:])


def _doc(draft: Draft, segment: Segment) -> Iterator[Path]:
    kind, number = segment.value(1, 1), segment.value(2, 1)
    if not kind or not number:
        raise Unsaid
    holder = draft.tree if draft.item is None else draft.item
    documents = holder.setdefault("documents", [])
    documents.append({"type_code": kind, "document_id": number})
    yield (*draft.within, "documents", len(documents) - 1)


def _tdt(draft: Draft, segment: Segment) -> Iterator[Path]:
    mode, means = segment.value(3), segment.value(2) or segment.value(8, 1) or segment.value(8, 4)
    if not mode and not means:
        raise Unsaid
    yield draft.put(("consignment", "border_transport"), {"mode_code": mode, "means_id": means})


MEANINGS: Final[Mapping[str, Callable[[Draft, Segment], Iterator[Path]]]] = {
    "BGM": _bgm,
    "CNI": _cni,
    "COM": _com,
    "CST": _cst,
    "CTA": _cta,
    "CUX": _cux,
    "DOC": _doc,
    "DTM": _dtm,
    "FTX": _ftx,
    "GID": _gid,
    "IMD": _imd,
    "LOC": _loc,
    "MEA": _mea,
    "MOA": _moa,
    "NAD": _nad,
    "PAC": _pac,
    "QTY": _qty,
    "RFF": _rff,
    "TDT": _tdt,
}


def _texts(segment: Segment, element: int) -> list[str]:
    """The components of an element that are not empty."""
    if element > len(segment.elements):
        return []
    return [part.strip() for part in segment.elements[element - 1] if part.strip()]


def _number(segment: Segment, element: int, component: int) -> Decimal:
    """A number; both decimal marks are allowed (ISO 9735). Raises Wrong."""
    text = segment.value(element, component)
    if _NUMBER.fullmatch(text):
        number = Decimal(text.replace(",", "."))
        if is_sane(number):
            return number
    hint = "Digits with a point or comma and no thousands separator."
    raise Wrong(Fault.NUMBER, f"{element}.{component}", "this is not a number, or none that is counted", text, hint)
