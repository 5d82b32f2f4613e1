"""Waybills spoilt in one place, and the published error that each change must give."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from lxml import etree

from tidewaiter.messages import xml
from tidewaiter.messages.cargo_imp.lines import segments

Change = Callable[[str], str | None]


def _xml(path: str, *, text: str | None = None, attribute: str = "") -> Change:
    """A change to the elements at the end of a path (names from outside in): emptied, another text, or no attribute."""
    names = path.split("/")

    def change(source: str) -> str | None:
        root = etree.fromstring(source.encode())
        found = [
            element
            for element in root.iter(etree.Element)
            if xml.local_name(element) == names[-1]
            and [xml.local_name(each) for each in element.iterancestors()][: len(names) - 1] == names[-2::-1]
        ]
        if not found:
            return None
        for element in found:
            if attribute:
                element.attrib.pop(attribute, "")
            elif text is not None:
                element.text = text
            else:
                parent = element.getparent()
                assert parent is not None
                parent.remove(element)
        return etree.tostring(root, encoding="unicode")

    return change


def _several(*changes: Change) -> Change:
    """Several changes, one after another."""

    def change(source: str) -> str | None:
        for each in changes:
            source = each(source) or source
        return source

    return change


_TOTALS: Final = "IncludedTareGrossWeightMeasure"

XML_CHANGES: Final[dict[str, Change]] = {
    "MISSING_WBL_LINE": _xml("BusinessHeaderDocument/ID"),
    "MISSING_HOUSE_BILL_NBR": _several(_xml("BusinessHeaderDocument/ID"), _xml("IncludedHouseConsignment/ID")),
    "INVALID_HOUSE_BILL_NBR": _xml("IncludedHouseConsignment/ID", text="H" * 36),
    "MISSING_CNE_ADDR": _xml("ConsigneeParty/PostalStructuredAddress/StreetName"),
    "MISSING_CNE_CTRY": _xml("ConsigneeParty/PostalStructuredAddress/CountryID"),
    "MISSING_CNE_NAME": _xml("ConsigneeParty/Name"),
    "MISSING_CNE_LINE": _xml("ConsigneeParty"),
    "MISSING_SHP_ADDR": _xml("ConsignorParty/PostalStructuredAddress/StreetName"),
    "MISSING_SHP_CTRY": _xml("ConsignorParty/PostalStructuredAddress/CountryID"),
    "MISSING_SHP_NAME": _xml("ConsignorParty/Name"),
    "MISSING_SHP_LINE": _xml("ConsignorParty"),
    "MISSING_WEIGHT": _xml(_TOTALS),
    "INVALID_WEIGHT": _xml(_TOTALS, text="HEAVY"),
    "MISSING_WT_UNITS": _xml(_TOTALS, attribute="unitCode"),
    "MISSING_BILL_QTY": _xml("TotalPieceQuantity"),
    "INVALID_BILL_QTY": _xml("TotalPieceQuantity", text="SOME"),
    "MISSING_CARGO_DESC": _several(_xml("Identification"), _xml("SummaryDescription")),
    "MISSING_CSM_LINE": _several(
        _xml("Identification"), _xml("SummaryDescription"), _xml("TotalPieceQuantity"), _xml(_TOTALS)
    ),
    "MISSING_CONSOL_INDI": _several(
        _xml("MessageHeaderDocument/TypeCode", text="740"), _xml("Identification", text="CONSOLIDATION")
    ),
    "BAD_WBL_FORMAT": lambda source: source[: len(source) * 2 // 3],
}


def _line(pattern: str, by: str, *, count: int = 1) -> Change:
    """A change of what a regular expression matches: the first, or with 0 all."""

    def change(source: str) -> str | None:
        changed = re.sub(pattern, by, source.replace("\r\n", "\n"), count=count, flags=re.MULTILINE)
        return changed if changed != source.replace("\r\n", "\n") else None

    return change


def _row(code: str, number: int, by: str | None) -> Change:
    """A change of one row of a party in text: name 1, street 2, place 3, country 4; None takes the party out."""

    def change(source: str) -> str | None:
        found = next((each for each in segments(source.replace("\r\n", "\n")) if each.code == code), None)
        if found is None:
            return None
        rows = list(found.lines)
        if by is None:
            rows = []
        elif len(rows) == 5:
            rows[number] = re.sub(r"^(NAM|ADR|LOC)?/.*", lambda match: f"{match[1] or ''}/{by}", rows[number])
        else:
            return None
        plain = source.replace("\r\n", "\n")
        return plain.replace(found.text, "\n".join(rows), 1) if rows else plain.replace(found.text + "\n", "", 1)

    return change


TEXT_CHANGES: Final[dict[str, Change]] = {
    "MISSING_WBL_LINE": _line(r"^\d{3}-\d{8}(?=[A-Z]{6})", ""),
    "MISSING_HOUSE_BILL_NBR": _line(r"^HBS/[^/\n]+", "HBS/"),
    "INVALID_HOUSE_BILL_NBR": _line(r"^HBS/[^/\n]+", "HBS/" + "H" * 36),
    "MISSING_CNE_ADDR": _row("CNE", 2, ""),
    "MISSING_CNE_NAME": _row("CNE", 1, ""),
    "MISSING_CNE_LINE": _row("CNE", 0, None),
    "MISSING_CNE_CTRY": _row("CNE", 4, ""),
    "MISSING_SHP_ADDR": _row("SHP", 2, ""),
    "MISSING_SHP_NAME": _row("SHP", 1, ""),
    "MISSING_SHP_LINE": _row("SHP", 0, None),
    "MISSING_SHP_CTRY": _row("SHP", 4, ""),
    "MISSING_WEIGHT": _line(r"^(\d{3}-\d{8}[A-Z]{6}/T\d+|HBS/[^/\n]*/[^/\n]*/\d+/)[KL][\d.]+", r"\1"),
    "INVALID_WEIGHT": _line(r"^(\d{3}-\d{8}[A-Z]{6}/T\d+|HBS/[^/\n]*/[^/\n]*/\d+/)K[\d.]+", r"\1KHEAVY"),
    "MISSING_WT_UNITS": _line(r"^(HBS/[^/\n]*/[^/\n]*/\d+/)K", r"\1"),
    "MISSING_BILL_QTY": _line(r"^(\d{3}-\d{8}[A-Z]{6}/T|HBS/[^/\n]*/[^/\n]*/)\d+", r"\1"),
    "INVALID_BILL_QTY": _line(r"^(HBS/[^/\n]*/[^/\n]*/)\d+", r"\1SOME"),
    "MISSING_CARGO_DESC": _several(
        _line(r"^(/\d+)?/N[GC]/.*\n", "", count=0), _line(r"^TXT/.*\n", ""), _line(r"^(HBS/(?:[^/\n]*/){5}).*", r"\1")
    ),
    "INVALID_MESSAGE_TYPE": _line(r"^(FWB|FHL)/", "ZZZ/"),
}
