"""One teletype text → a declaration, findings, and notes on what was kept without being understood."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from tidewaiter.messages.air_cargo import oci, values
from tidewaiter.messages.air_cargo.last import ForLast
from tidewaiter.messages.cargo_imp import parts
from tidewaiter.messages.cargo_imp.lines import (
    CONSIGNMENT,
    ENVELOPE,
    FLIGHT,
    HEADER,
    UNLOADING,
    UNREAD,
    Segment,
    segments,
)
from tidewaiter.messages.faults import Fault, fault, seen
from tidewaiter.messages.form import Reading
from tidewaiter.messages.leaves import findings_on_values, without
from tidewaiter.messages.limits import FAULTS_MAX, GOODS_ITEMS_MAX, TEXT_LINES_MAX
from tidewaiter.messages.pointers import canonical, steps
from tidewaiter.model.declaration import (
    Consignment,
    Declaration,
    Document,
    Extra,
    GoodsItem,
    Packaging,
    Party,
    TransportMeans,
)
from tidewaiter.model.finding import Finding, MappingNote

VERSIONS: Final = {"FWB": range(9, 18), "FHL": range(2, 6), "FFM": range(5, 9)}
# The versions of published messages that were read (PACT guide, tables 5; ONE Record documentation).
_INTERPRETED: Final = {
    "FWB": {"FWB", CONSIGNMENT, "FLT", "RTG", "SHP", "CNE", "AGT", "RTD", "OCI"},
    "FHL": {"FHL", "MBI", "HBS", "TXT", "HTS", "SHP", "CNE", "OCI"},
    "FFM": {"FFM", FLIGHT, UNLOADING, CONSIGNMENT, "LAST"},
}
_PARTIES: Final = {"SHP": "consignor", "CNE": "consignee"}


def read(text: str) -> Reading:
    """What came of one message."""
    if text.count("\n") > TEXT_LINES_MAX:
        words = f"more than {TEXT_LINES_MAX:,} lines in one message"
        return Reading(None, (fault(Fault.LIMIT, "", words, hint="Send each waybill in a message of its own."),))
    found = list(segments(text))
    if not found:
        return Reading(None, (fault(Fault.EMPTY, "", "the message is empty"),))
    header = next((segment for segment in found if HEADER.fullmatch(segment.lines[0])), None)
    if header is None:
        words = "the message does not begin with FWB, FHL or FFM and its version"
        place = "line 1"
        return Reading(None, (fault(Fault.UNKNOWN, "", words, value=found[0].lines[0], place=place),))
    match header.code:
        case "FWB":
            return _Master(found, header).reading()
        case "FHL" if _is_list(found):
            return _HouseList(found, header).reading()
        case "FHL":
            return _House(found, header).reading()
        case _:
            return _FlightManifest(found, header).reading()


def _is_list(found: Sequence[Segment]) -> bool:
    """A house manifest: several houses, none with its parties."""
    counted = Counter(segment.code for segment in found)
    return counted["HBS"] > 1 and not counted["SHP"] and not counted["CNE"]


class _Message(ABC):
    """What the messages have in common."""

    def __init__(self, found: Sequence[Segment], header: Segment) -> None:
        self.found = found
        self.header = header
        self.findings: list[Finding] = []
        self.notes: list[MappingNote] = []

    def reading(self) -> Reading:
        count = self.count()
        if count > GOODS_ITEMS_MAX:
            words = f"{count:,} goods items or waybills in one message; at most {GOODS_ITEMS_MAX:,} can be read"
            return Reading(None, (fault(Fault.LIMIT, "goods_items", words),))
        declaration = replace(self.declared(), extras=tuple(_extras(self.found)))
        on_values = findings_on_values(declaration, lambda path: locate(declaration, canonical(path)))
        kept = without(declaration, on_values) if on_values else declaration
        self.findings += on_values
        if kept is None:
            return Reading(None, tuple(self.findings[:FAULTS_MAX]))
        self.findings += values.on_numbers(kept)
        self._note_rest()
        told = [each if each.place else replace(each, place=locate(kept, each.pointer)) for each in self.findings]
        return Reading(kept, tuple(told[:FAULTS_MAX]), tuple(self.notes))

    @abstractmethod
    def declared(self) -> Declaration:
        """The declaration, without extras."""

    def count(self) -> int:
        """How many goods items it comes to, at most."""
        return max(len(self.all(code)) for code in ("HBS", CONSIGNMENT))

    def first(self, code: str) -> Segment | None:
        """The first segment of that code."""
        return next((segment for segment in self.found if segment.code == code), None)

    def all(self, code: str) -> list[Segment]:
        """Every segment of that code."""
        return [segment for segment in self.found if segment.code == code]

    def pieces(self, text: str, odd: str, pointer: str, segment: Segment) -> int | None:
        """A number of pieces; None, with a finding where something else stands there."""
        if odd or text:
            try:
                return values.count(text or odd)
            except values.Faulty:
                words = "this is not a number of pieces"
                self.findings.append(values.not_a_number(pointer, words, text or odd, _place(segment)))
        return None

    def mass(self, text: str, odd: str, unit: str, pointer: str, segment: Segment) -> Decimal | None:
        """A mass in kilograms; None, with a finding where something else stands there."""
        if odd or text:
            try:
                return values.mass_in_kg(text or odd, unit)
            except values.Faulty:
                words = "this is not a weight"
                self.findings.append(values.not_a_number(pointer, words, text or odd, _place(segment)))
        return None

    def parties(self, declaration: Declaration, *, has_name_first: bool) -> Declaration:
        """With shipper and consignee."""
        for code, name in _PARTIES.items():
            segment = self.first(code)
            if segment is not None:
                found, account = parts.party(segment, has_name_first=has_name_first)
                declaration = replace(declaration, **{name: found if found != Party() else None})
                if account:
                    self.notes.append(MappingNote(_place(segment), seen(account), "account number: kept"))
        return declaration

    def customs(self, declaration: Declaration) -> Declaration:
        """With what the OCI lines say."""
        lines = [line for each in self.all("OCI") for line in parts.customs_lines(each, _place(each))]
        declaration, notes = oci.interpret(declaration, lines)
        self.notes += notes
        return declaration

    def routed(self, declaration: Declaration, origin: str, destination: str, segment: Segment | None) -> Declaration:
        """With the countries of the airports."""
        place = _place(segment) if segment is not None else "line 1"
        declaration, notes = values.routed(declaration, origin, destination, place)
        self.notes += notes
        return declaration

    def _note_rest(self) -> None:
        kind = self.header.code
        version = int(self.header.lines[0].strip().partition("/")[2])
        if version not in VERSIONS[kind]:
            words = "a version that is not known here; it was read as if it were one that is"
            self.notes.append(MappingNote(_place(self.header), f"{kind}/{version}", words))
        known = _INTERPRETED[kind]
        for segment in self.found:
            if segment.code == UNREAD:
                words = "a line of marks only: something may have been left out here"
                self.notes.append(MappingNote(_place(segment), seen(segment.text), words))
            elif segment.code not in known:
                words = "before the message begins: kept" if segment.code == ENVELOPE else "kept, not interpreted"
                self.notes.append(MappingNote(_place(segment), seen(segment.text), words))
            elif len(segment.parts) < sum(1 for line in segment.lines if line.strip()):
                words = "a line that begins like no other was read as the rest of the one before it"
                self.notes.append(MappingNote(_place(segment), seen(segment.text), words))


class _Master(_Message):
    """FWB: a master waybill, direct or of a consolidation."""

    def count(self) -> int:
        return sum(len(each.parts) for each in self.all("RTD"))

    def declared(self) -> Declaration:
        segment = self.first(CONSIGNMENT)
        line = parts.waybill(segment.parts[0] if segment else "")
        rated = [(rate, each) for each in self.all("RTD") for rate in parts.rates(each)]
        is_consolidated = any(rate.is_consolidated for rate, _ in rated)
        code = values.CONSOLIDATED if is_consolidated else values.DIRECT
        at = segment or self.header
        quantity = line.quantity
        declaration = Declaration(
            functional_reference_id=line.number,
            type_code=code,
            procedure_category=values.PRE_LOADING,
            consignment=Consignment(
                transport_documents=(Document(type_code=f"N{code}", document_id=line.number),) if line.number else (),
                package_count=self.pieces(quantity.pieces, quantity.odd_pieces, "consignment.package_count", at),
                gross_mass_kg=self.mass(
                    quantity.mass, quantity.odd_mass, quantity.unit, "consignment.gross_mass_kg", at
                ),
                border_transport=self._flight(),
                departure_on=self._departure(),
                routing_country_codes=self._routing(line.origin),
            ),
            goods_items=tuple(self._item(no, rate, each) for no, (rate, each) in enumerate(rated, start=1)),
        )
        declaration = self.parties(declaration, has_name_first=False)
        agent = self.first("AGT")
        if agent is not None:
            declaration = replace(declaration, representative=_agent(agent))
        declaration = self.customs(declaration)
        return self.routed(declaration, line.origin, line.destination, segment)

    def _item(self, no: int, rate: parts.Rate, segment: Segment) -> GoodsItem:
        pointer = f"goods_items[{no}]"
        count = self.pieces(rate.pieces, "", f"{pointer}.packagings[1].count", segment)
        measured = sum(int(each[:9]) for each in rate.measured)
        if measured and count is not None and measured != count:
            self.findings.append(values.pieces_differ(no, count, measured, _place(segment)))
        for code in rate.commodity_codes[1:]:
            words = "a further commodity code of the same line: kept"
            self.notes.append(MappingNote(_place(segment), seen(code), words))
        return GoodsItem(
            line_no=no,
            description=" ".join(" ".join(rate.descriptions).split()),
            commodity_code=next(iter(rate.commodity_codes), ""),
            origin_country_code=next((each[:2] for each in rate.origins), ""),
            gross_mass_kg=self.mass(rate.mass, "", rate.unit, f"{pointer}.gross_mass_kg", segment),
            packagings=(Packaging(count=count),) if count is not None else (),
        )

    def _flight(self) -> TransportMeans | None:
        """The last flight booked."""
        segment = self.first("FLT")
        flights = segment.first.split("/")[::2] if segment else []
        last = next((flight for flight in reversed(flights) if flight), "")
        return TransportMeans(mode_code="4", means_id=last) if last else None

    def _departure(self) -> date | None:
        """The day of the last flight booked: its day of the month, after the day on which the waybill was issued."""
        segment, issued = self.first("FLT"), self.first("ISU")
        booked = segment.first.split("/") if segment else []
        days = [day.strip() for flight, day in zip(booked[::2], booked[1::2], strict=False) if flight.strip()]
        if not days or issued is None:
            return None
        return values.flight_day(days[-1], issued.first.partition("/")[0].strip())

    def _routing(self, origin: str) -> tuple[str, ...]:
        """The countries of the airports on the way: that of origin, then those of the routing, each before its carrier."""
        segment = self.first("RTG")
        legs = segment.first.split("/") if segment else []
        return values.countries_of([origin, *(leg.strip()[:3] for leg in legs)]) if legs else ()


class _House(_Message):
    """FHL: one house waybill."""

    def declared(self) -> Declaration:
        master, segment = self.first("MBI"), self.first("HBS")
        fields = [*(segment.first.split("/") if segment else []), *[""] * 6][:6]
        number, route, pieces, weight, _, summary = (field.strip() for field in fields)
        at = segment or self.header
        texts = [row.removeprefix("/") for each in self.all("TXT") for row in (each.first, *each.others)]
        codes = [row.removeprefix("/").strip() for each in self.all("HTS") for row in (each.first, *each.others)]
        description = " ".join(" ".join(texts).split()) or " ".join(summary.split())
        count = self.pieces(pieces, "", "consignment.package_count", at)
        mass = self._weight(weight, at)
        for code in codes[1:]:
            words = "a further commodity code of the same house: kept"
            self.notes.append(MappingNote(_place(at), seen(code), words))
        item = GoodsItem(
            line_no=1,
            description=description,
            commodity_code=next(iter(codes), ""),
            gross_mass_kg=mass,
            packagings=(Packaging(count=count),) if count is not None else (),
        )
        code = values.HOUSE
        declaration = Declaration(
            functional_reference_id=number,
            type_code=code,
            procedure_category=values.PRE_LOADING,
            consignment=Consignment(
                transport_documents=(Document(type_code=f"N{code}", document_id=number),) if number else (),
                master_document_id=parts.waybill(master.first).number if master else "",
                package_count=count,
                gross_mass_kg=mass,
            ),
            goods_items=(item,) if segment is not None else (),
        )
        declaration = self.parties(declaration, has_name_first=True)
        declaration = self.customs(declaration)
        return self.routed(declaration, route[:3], route[3:6], segment)

    def _weight(self, text: str, segment: Segment) -> Decimal | None:
        pointer = "consignment.gross_mass_kg"
        if text[:1] in ("K", "L"):
            if not text[1:]:
                return None
            return self.mass(text[1:], "", text[0], pointer, segment)
        found = self.mass(text, "", "", pointer, segment)
        if found is not None:
            self.findings.append(values.no_unit(pointer, text, _place(segment)))
        return found


class _HouseList(_Message):
    """FHL: the houses under a master waybill, with no more than a line for each."""

    def declared(self) -> Declaration:
        master = self.first("MBI")
        line = parts.waybill(master.first if master else "")
        at, quantity = master or self.header, line.quantity
        items = [self._item(no, segment) for no, segment in enumerate(self.all("HBS"), start=1)]
        declaration = Declaration(
            functional_reference_id=f"{line.number}/{values.MANIFEST}" if line.number else "",
            type_code=values.MANIFEST,
            procedure_category=values.HOUSE_MANIFEST,
            consignment=Consignment(
                master_document_id=line.number,
                package_count=self.pieces(quantity.pieces, quantity.odd_pieces, "consignment.package_count", at),
                gross_mass_kg=self.mass(
                    quantity.mass, quantity.odd_mass, quantity.unit, "consignment.gross_mass_kg", at
                ),
            ),
            goods_items=tuple(items),
        )
        declaration = self.customs(values.of_master(declaration))
        return self.routed(declaration, line.origin, line.destination, master)

    def _item(self, no: int, segment: Segment) -> GoodsItem:
        number, _, pieces, weight, _, summary = [*segment.first.split("/"), *[""] * 6][:6]
        pointer, has_unit = f"goods_items[{no}]", weight[:1] in ("K", "L")
        count = self.pieces(pieces, "", f"{pointer}.packagings[1].count", segment)
        mass = self.mass(
            weight[1:] if has_unit else weight, "", weight[:1] if has_unit else "", f"{pointer}.gross_mass_kg", segment
        )
        return _listed(no, f"N{values.HOUSE}", number.strip(), count=count, mass=mass, words=summary)


class _FlightManifest(_Message):
    """FFM: the waybills on a flight, by point of unloading."""

    def declared(self) -> Declaration:
        flight = self.first(FLIGHT)
        fields = [*(flight.first.split("/") if flight else []), *[""] * 4][:4]
        _, number, day, origin = (field.strip() for field in fields)
        unloading = [segment.first.partition("/")[0] or segment.parts[0][:3] for segment in self.all(UNLOADING)]
        if len(unloading) > 1:
            words = "several points of unloading; the manifest is taken to be for the first"
            self.notes.append(MappingNote(_place(self.all(UNLOADING)[1]), seen(", ".join(unloading)), words))
        items = [self._item(no, segment) for no, segment in enumerate(self.all(CONSIGNMENT), start=1)]
        declaration = Declaration(
            functional_reference_id="/".join(part for part in (number, day, origin) if part),
            procedure_category=values.FLIGHT_MANIFEST,
            consignment=Consignment(
                border_transport=TransportMeans(mode_code="4", means_id=number) if number else None
            ),
            goods_items=tuple(items),
        )
        destination = unloading[0] if unloading else ""
        return self.routed(declaration, origin, destination, self.first(UNLOADING) or flight)

    def _item(self, no: int, segment: Segment) -> GoodsItem:
        line, pointer = parts.waybill(segment.parts[0]), f"goods_items[{no}]"
        quantity = line.quantity
        count = self.pieces(quantity.pieces, quantity.odd_pieces, f"{pointer}.packagings[1].count", segment)
        mass = self.mass(quantity.mass, quantity.odd_mass, quantity.unit, f"{pointer}.gross_mass_kg", segment)
        return _listed(no, f"N{values.DIRECT}", line.number, count=count, mass=mass, words=line.rest.partition("/")[0])


def _listed(no: int, type_code: str, number: str, *, count: int | None, mass: Decimal | None, words: str) -> GoodsItem:
    return GoodsItem(
        line_no=no,
        description=" ".join(words.split()),
        gross_mass_kg=mass,
        packagings=(Packaging(count=count),) if count is not None else (),
        transport_documents=(Document(type_code=type_code, document_id=number),) if number else (),
    )


def _agent(segment: Segment) -> Party:
    """The carrier's agent: an account, a number of IATA's and its office, then name and place."""
    fields = segment.first.split("/")
    number = fields[1].strip() if len(fields) > 1 else ""
    rows = [" ".join(row.removeprefix("/").split()) for row in segment.others]
    named = [row.removeprefix("NAM/") for row in rows]
    return Party(party_id=number, name=named[0] if named else "")


def _extras(found: Iterable[Segment]) -> Iterable[Extra]:
    """Every segment as it was sent, so that the message can be written again."""
    counted: Counter[str] = Counter()
    for segment in found:
        counted[segment.code] += 1
        number = counted[segment.code]
        yield Extra(segment.code if number == 1 else f"{segment.code}[{number}]", segment.text)


def _place(segment: Segment) -> str:
    return f"line {segment.line_no} ({segment.code})"


# The segment in which an element stands, by the beginning of its pointer; the longest that fits.
_SEGMENTS: Final = {
    "": ("FWB", "FHL", "FFM"),
    "consignor": ("SHP",),
    "consignee": ("CNE",),
    "representative": ("AGT",),
    "goods_items": ("RTD", "TXT", "HBS", CONSIGNMENT),
    "consignment": (CONSIGNMENT, "HBS", "MBI"),
    "consignment.master_document_id": ("MBI",),
    "consignment.border_transport": ("FLT", FLIGHT),
    "functional_reference_id": (CONSIGNMENT, "HBS", "MBI", FLIGHT),
    "jurisdiction_code": (CONSIGNMENT, "HBS", UNLOADING),
}


def _line_nos(declaration: Declaration) -> Mapping[str, int]:
    """The line on which each segment begins."""
    lines: dict[str, int] = {}
    at = 1
    for extra in declaration.extras:
        lines.setdefault(extra.path, at)
        at += extra.value.count("\n") + 1
    return lines


_lines = ForLast(_line_nos)


def locate(declaration: Declaration, pointer: str) -> str:
    """The line and segment of a canonical pointer; those of the message's first line where there is no such segment."""
    lines = _lines(declaration)
    fits = [name for name in _SEGMENTS if not name or pointer == name or pointer.startswith((f"{name}.", f"{name}["))]
    best = max(fits, key=len)
    is_listed = declaration.procedure_category in (values.HOUSE_MANIFEST, values.FLIGHT_MANIFEST)
    item = steps(pointer)[1] if best == "goods_items" and len(steps(pointer)) > 1 else 0
    for code in _SEGMENTS[best]:
        path = f"{code}[{int(item) + 1}]" if is_listed and item else code
        if path in lines:
            return f"line {lines[path]} ({code})"
    wanted = next(iter(_SEGMENTS[best]), "") if best else ""
    header = next((code for code in _SEGMENTS[""] if code in lines), "")
    return f"line {lines.get(header, 1)} ({header}; there is no {wanted})" if wanted and header else "line 1"
