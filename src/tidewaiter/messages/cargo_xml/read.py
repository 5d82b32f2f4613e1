"""One Cargo-XML document → a declaration, findings, and notes on what was kept without being understood."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from functools import cache, lru_cache
from itertools import pairwise
from typing import Any, Final

import msgspec
from lxml import etree
from msgspec.structs import replace

from tidewaiter.messages.air_cargo import oci, values
from tidewaiter.messages.air_cargo.last import ForLast
from tidewaiter.messages.cargo_xml.document import Leaf, leaves_of
from tidewaiter.messages.cargo_xml.places import (
    BUSINESS,
    HEADER,
    LAYOUTS,
    NUMBER,
    Layout,
    Place,
    Type,
    layout_of,
    positions_of,
)
from tidewaiter.messages.cargo_xml.write import PURPOSES, generated
from tidewaiter.messages.faults import Fault, fault, seen
from tidewaiter.messages.form import Reading
from tidewaiter.messages.limits import EXTRAS_MAX, FAULTS_MAX, GOODS_ITEMS_MAX
from tidewaiter.messages.pointers import canonical, steps
from tidewaiter.messages.xml import namespace
from tidewaiter.model.declaration import Declaration, Document, Extra, MessageFunction, Party, TransportMeans
from tidewaiter.model.finding import Finding, MappingNote

FUNCTIONS: Final = {
    "creation": MessageFunction.ORIGINAL,
    "update": MessageFunction.AMENDMENT,
    "deletion": MessageFunction.CANCELLATION,
    "cancellation": MessageFunction.CANCELLATION,
}
# What makes an item goods: measurements alone only add to the item before.
_GOODS: Final = frozenset(
    {"description", "gross_mass_kg", "packagings[1].count", "commodity_code", "transport_documents[1].document_id"}
)
NOTE: Final = "IncludedCustomsNote"
MOVEMENT: Final = "SpecifiedLogisticsTransportMovement"

_SCHEDULED: Final = "ScheduledOccurrenceDateTime"
_CARRIER: Final = "UsedLogisticsTransportMeans/Name"
_DEPARTS_FROM: Final = "DepartureEvent/OccurrenceDepartureLocation/ID"
_ARRIVES_AT: Final = "ArrivalEvent/OccurrenceArrivalLocation/ID"

_STEP = re.compile(r"/([^/\[]+)(?:\[([0-9]+)\])?")
_MEASURED = re.compile(r"(.*)/TransportLogisticsPackage(?:\[[0-9]+\])?/ItemQuantity")
_POSITION = re.compile(r"\[[0-9]+\]")
# Below the consignment: read, or merely repeated by other elements that are.
_UNDERSTOOD: Final = frozenset(
    {
        "OriginLocation/ID", "FinalDestinationLocation/ID", "SummaryDescription", "TransportContractDocument/ID",
        f"{MOVEMENT}/ID", f"{MOVEMENT}/ModeCode", f"{MOVEMENT}/SequenceNumeric",
        f"{MOVEMENT}/ArrivalEvent/{_SCHEDULED}", f"{MOVEMENT}/DepartureEvent/{_SCHEDULED}",
        f"{MOVEMENT}/{_CARRIER}", f"{MOVEMENT}/{_DEPARTS_FROM}", f"{MOVEMENT}/{_ARRIVES_AT}",
        f"{NOTE}/ContentCode", f"{NOTE}/Content", f"{NOTE}/SubjectCode", f"{NOTE}/CountryID",  # told by line
    }
)  # fmt: skip
_HEADER_UNDERSTOOD: Final = ("ID", "Name", "VersionID", "SenderParty/PrimaryID", "TypeCode", "PurposeCode")


def read(root: etree._Element, layout: Layout) -> Reading:
    """What came of one document."""
    return _Reader(root, layout).reading()


class _Reader:
    def __init__(self, root: etree._Element, layout: Layout) -> None:
        self.layout = layout
        self.leaves = leaves_of(root)
        self.namespace = namespace(root)
        self.findings: list[Finding] = []
        self.notes: list[MappingNote] = []

    def reading(self) -> Reading:
        count = self._count(self.layout.items)
        if count > GOODS_ITEMS_MAX:
            words = f"{count:,} items in one waybill; at most {GOODS_ITEMS_MAX:,} can be read"
            return Reading(None, (fault(Fault.LIMIT, "goods_items", words, place=self.layout.items),))
        if len(self.leaves) > EXTRAS_MAX:
            words = f"more than {EXTRAS_MAX:,} elements that say something in one waybill"
            return Reading(None, (fault(Fault.LIMIT, "", words, place=f"/{self.layout.root}"),))
        # Texts are as the parser lets them through, numbers as they were checked: nothing else can be wrong with values.
        declaration = self._with_rest(self._declared(self._goods(count)))
        self._version()
        extras = self._extras(declaration)
        self.findings += values.on_numbers(declaration)
        declaration = replace(declaration, extras=extras)
        found = [
            each if each.place else replace(each, place=locate(declaration, each.pointer)) for each in self.findings
        ]
        return Reading(declaration, tuple(found[:FAULTS_MAX]), tuple(self.notes))

    # --- what stands at a place of its own ---------------------------------------------------------------------

    def _count(self, path: str) -> int:
        """How many elements there are at a path, those that say nothing among them as far as others follow."""
        highest = 0
        for each in self.leaves:
            if each.startswith(path):
                step = each[len(path) :].partition("/")[0]
                highest = max(highest, int(step[1:-1]) if step.startswith("[") else not step)
        return highest

    def _goods(self, count: int) -> list[int]:
        """The positions of the items that are goods, not mere additions to the one before."""
        all_of_them = list(range(1, count + 1))
        told = [place.path for place in self.layout.item_places if place.pointer in _GOODS]
        goods = [at for at in all_of_them if any(f"{self.layout.item_path(at)}/{path}" in self.leaves for path in told)]
        return goods or all_of_them

    def _declared(self, positions: list[int]) -> Declaration:
        tree: dict[str, Any] = {"procedure_category": self.layout.category}
        if positions:
            tree["goods_items"] = [{"line_no": position} for position in positions]
        for place in self.layout.all_places(positions):
            if place.pointer.endswith(".line_no"):
                continue
            leaf = self.leaves.get(place.path)
            value = None if leaf is None else self._value(place, leaf)
            if value not in (None, ""):
                _put(tree, place.pointer, value)
        self._typed(tree)
        return msgspec.convert(tree, Declaration)

    def _typed(self, tree: dict[str, Any]) -> None:
        """The kind of the waybill, and of each that is numbered in it."""
        layout, said = self.layout, tree.get("type_code", "")
        code = said if said in layout.type_codes else layout.type_codes[0]
        if said and said != code:
            words = f"not a kind of waybill that this message is for; taken as {code}"
            self.notes.append(MappingNote(f"/{layout.root}/{HEADER}/TypeCode", seen(said), words))
        tree["type_code"] = code
        for document in tree.get("consignment", {}).get("transport_documents", ()):
            document["type_code"] = f"N{code}"
        for item in tree.get("goods_items", ()):
            for document in item.get("transport_documents", ()):
                document["type_code"] = f"N{values.HOUSE}"

    def _value(self, place: Place, leaf: Leaf) -> object:
        if place.type is Type.MOMENT:
            return self._moment(place, leaf)
        try:
            if place.type is Type.MASS:
                return self._mass(place, leaf)
            if place.type is Type.COUNT:
                return values.count(leaf.text) if leaf.text else None
        except values.Faulty:
            what = "mass" if place.type is Type.MASS else "number"
            words = f"this is not a {what} that can be read"
            self.findings.append(values.not_a_number(place.pointer, words, leaf.text, place.path))
            return None
        return " ".join(leaf.text.split())

    def _mass(self, place: Place, leaf: Leaf) -> object:
        if not leaf.text:
            return None
        unit = dict(leaf.attributes).get("unitCode", "")
        mass = values.mass_in_kg(leaf.text, unit)
        if not unit:
            self.findings.append(values.no_unit(place.pointer, leaf.text, place.path))
        return mass

    def _moment(self, place: Place, leaf: Leaf) -> datetime | None:
        try:
            moment = datetime.fromisoformat(leaf.text)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        except ValueError:
            self.notes.append(
                MappingNote(place.path, seen(leaf.text), "not a moment that exists: kept, not interpreted")
            )
            return None

    # --- what is taken from elsewhere --------------------------------------------------------------------------

    def _with_rest(self, declaration: Declaration) -> Declaration:
        declaration = self._named(declaration)
        declaration = self._described(declaration)
        declaration = self._moved(declaration)
        self._check_pieces(declaration)
        declaration, notes = oci.interpret(declaration, self._customs_lines())
        self.notes += notes
        origin, destination = self._text(self.layout.origin), self._text(self.layout.destination)
        declaration, notes = values.routed(declaration, origin, destination, self.layout.destination)
        self.notes += notes
        return declaration

    def _named(self, declaration: Declaration) -> Declaration:
        """The function, the sender, and the waybill's number where it stands in another place than usual."""
        layout, said = self.layout, declaration.function_code
        function = FUNCTIONS.get(said.lower(), MessageFunction.ORIGINAL)
        if said and said.lower() not in FUNCTIONS:
            words = "not a purpose that is known; taken as an original"
            self.notes.append(MappingNote(f"/{layout.root}/{HEADER}/PurposeCode", seen(said), words))
        sender = self._text(f"/{layout.root}/{HEADER}/SenderParty/PrimaryID")
        declaration = replace(
            declaration,
            function=function,
            function_code="" if said == PURPOSES[function] else said,
            submitter=Party(party_id=sender) if sender else None,
        )
        if layout.category == values.HOUSE_MANIFEST:
            return values.of_master(declaration)
        other = "ID" if values.HOUSE in layout.type_codes else "TransportContractDocument/ID"
        number = self._text(f"/{layout.root}/{BUSINESS}/ID") or self._text(f"{layout.consignment}/{other}")
        documents = declaration.consignment.transport_documents
        if not documents and number:
            documents = (Document(type_code=f"N{declaration.type_code}", document_id=number),)
        return replace(
            declaration,
            functional_reference_id=declaration.functional_reference_id or number,
            consignment=replace(declaration.consignment, transport_documents=documents),
        )

    def _described(self, declaration: Declaration) -> Declaration:
        """Items without a description have that of the whole, if there is one."""
        summary = self._text(f"{self.layout.consignment}/SummaryDescription")
        if not summary:
            return declaration
        items = declaration.goods_items
        if not items:
            return msgspec.convert(
                {**msgspec.to_builtins(declaration), "goods_items": [{"line_no": 1, "description": summary}]},
                Declaration,
            )
        return replace(
            declaration,
            goods_items=tuple(item if item.description else replace(item, description=summary) for item in items),
        )

    def _moved(self, declaration: Declaration) -> Declaration:
        """The last flight named, between which airports, when it departs and arrives; the countries on the way."""
        base = f"{self.layout.consignment}/{MOVEMENT}"
        paths = [_numbered(base, at) for at in range(1, self._count(base) + 1)]
        last = next((path for path in reversed(paths) if self._text(f"{path}/ID")), "")
        if not last:
            return declaration
        means = TransportMeans(mode_code=self._text(f"{last}/ModeCode") or "4", means_id=self._text(f"{last}/ID"))
        carrier = self._text(f"{last}/{_CARRIER}")
        departs, arrives = (self._text(f"{last}/{event}/{_SCHEDULED}") for event in ("DepartureEvent", "ArrivalEvent"))
        return replace(
            declaration,
            consignment=replace(
                declaration.consignment,
                border_transport=means,
                carrier=Party(name=carrier) if carrier else None,
                loading_place=self._text(f"{last}/{_DEPARTS_FROM}"),
                unloading_place=self._text(f"{last}/{_ARRIVES_AT}"),
                routing_country_codes=self._countries(paths),
                departure_at=_hour(departs),
                departure_on=_day(departs),
                arrival_at=_hour(arrives),
                arrival_on=_day(arrives),
            ),
        )

    def _countries(self, movements: Sequence[str]) -> tuple[str, ...]:
        """The countries of the airports on the way, in order."""
        stops = (self._text(f"{path}/{end}") for path in movements for end in (_DEPARTS_FROM, _ARRIVES_AT))
        return values.countries_of(stops)

    def _check_pieces(self, declaration: Declaration) -> None:
        """Measurements are of as many pieces as there are."""
        measured: dict[str, list[str]] = {}
        for path, leaf in self.leaves.items():
            if found := _MEASURED.fullmatch(path):
                measured.setdefault(found[1], []).append(leaf.text)
        positions = positions_of(declaration)
        for line, item in enumerate(declaration.goods_items, start=1):
            own = self.layout.item_path(positions[line - 1])
            pieces = item.packagings[0].count if item.packagings else None
            try:
                counts = [values.count(text) for text in measured.get(own, ())]
            except values.Faulty:
                continue
            if counts and pieces is not None and sum(counts) != pieces:
                self.findings.append(values.pieces_differ(line, pieces, sum(counts), f"{own}/PieceQuantity"))

    def _customs_lines(self) -> list[oci.Line]:
        lines, base = [], f"{self.layout.consignment}/{NOTE}"
        for path in (_numbered(base, at) for at in range(1, self._count(base) + 1)):
            country, subject, identifier, text = (
                self._text(f"{path}/{name}") for name in ("CountryID", "SubjectCode", "ContentCode", "Content")
            )
            if country or subject or identifier or text:
                lines.append(oci.Line(country, subject, identifier, text, path))
        return lines

    # --- what is left ------------------------------------------------------------------------------------------

    def _extras(self, declaration: Declaration) -> tuple[Extra, ...]:
        """Every leaf that the declaration alone would not write so; a note on those that were not understood."""
        known = generated(declaration, self.layout)
        read_places = {place.path for place in self.layout.all_places(positions_of(declaration))}
        found = []
        for path, leaf in self.leaves.items():
            if known.get(path) != leaf:
                found.append(Extra(path, leaf.text, leaf.attributes))
                if path not in read_places and not self._is_understood(path):
                    shown = leaf.text or " ".join(f"{name}={value}" for name, value in leaf.attributes)
                    self.notes.append(MappingNote(path, seen(shown)))
        return tuple(sorted(found, key=lambda extra: _natural(extra.path)))

    def _is_understood(self, path: str) -> bool:
        plain = _POSITION.sub("", path)
        consignment = self.layout.consignment
        if plain.startswith(f"{consignment}/"):
            return plain[len(consignment) + 1 :] in _UNDERSTOOD or plain.startswith(
                f"{self.layout.items}/TransportLogisticsPackage/ItemQuantity"
            )
        header = f"/{self.layout.root}/{HEADER}/"
        return plain.startswith(header) and plain[len(header) :] in _HEADER_UNDERSTOOD

    def _version(self) -> None:
        layout = self.layout
        path = f"/{layout.root}/{HEADER}/VersionID"
        version = self._text(path)
        if self.namespace != layout.namespace:
            words = f"the message is not in the namespace {layout.namespace}; it was read as if it were"
            self.notes.append(MappingNote(f"/{layout.root}", seen(self.namespace) or "no namespace", words))
        if version and version.partition(".")[0].lstrip("0") not in layout.versions:
            words = "a version that is not known here; it was read as if it were one that is"
            self.notes.append(MappingNote(path, seen(version), words))

    def _text(self, path: str) -> str:
        leaf = self.leaves.get(path)
        return " ".join(leaf.text.split()) if leaf else ""


def locate(declaration: Declaration, pointer: str) -> str:
    """The path of a canonical pointer in the message of a declaration; that of what holds it where it has none."""
    layout = layout_of(declaration.procedure_category, declaration.type_code)
    by_pointer = _by_pointer(layout.root)
    path, positions = steps(pointer), _positions(declaration)
    while path:
        if path[0] == "goods_items" and len(path) > 1 and isinstance(path[1], int):
            own = layout.item_path(positions[path[1]] if path[1] < len(positions) else path[1] + 1)
            if len(path) == 2:
                return own
            found = by_pointer.get("[]." + canonical(path[2:]))
            if found:
                return f"{own}/{found}"
        elif found := by_pointer.get(canonical(path)):
            return found
        path = path[:-1]
    return layout.consignment


def _numbered(path: str, position: int) -> str:
    return path if position == 1 else f"{path}[{position}]"


_positions = ForLast(positions_of)


@cache
def _by_pointer(root: str) -> Mapping[str, str]:
    layout = LAYOUTS[root]
    found = {"goods_items": layout.items, "consignment": layout.consignment, "jurisdiction_code": layout.destination}
    found["consignment.destination_country_code"] = layout.destination
    found["consignment.export_country_code"] = layout.origin
    for name, element in (("consignor", "ConsignorParty"), ("consignee", "ConsigneeParty")):
        found[name] = f"{layout.consignment}/{element}"
    found["representative"] = f"{layout.consignment}/FreightForwarderParty"
    found["consignment.border_transport"] = f"{layout.consignment}/{MOVEMENT}"
    for place in layout.places:
        found.setdefault(place.pointer, place.path)
        if place.pointer == NUMBER:
            found["consignment.transport_documents"] = place.path
    for place in layout.item_places:
        found["[]." + place.pointer] = place.path
        holder = place.pointer.partition("[")[0]
        found.setdefault("[]." + holder, place.path)
    return found


def _put(tree: dict[str, Any], pointer: str, value: object) -> None:
    """A value at a canonical pointer of a declaration in plain types."""
    at: Any = tree
    path = steps(pointer)
    for step, following in pairwise(path):
        empty: Any = [] if isinstance(following, int) else {}
        if isinstance(step, int):
            while len(at) <= step:
                at.append({})
            at = at[step]
        else:
            at = at.setdefault(step, empty)
    at[path[-1]] = value


def _hour(text: str) -> datetime | None:
    """A scheduled moment, in UTC where it names no zone (PACT guide, 2.2.5.1.2); None for one of midnight without a zone.

    Schedules that know the day alone are sent as its midnight.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC) if moment.time() != time.min else None
    return moment


def _day(text: str) -> date | None:
    try:
        return datetime.fromisoformat(text).date()
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def _natural(path: str) -> tuple[tuple[str, int], ...]:
    """By which paths are sorted: by name, the positions as numbers."""
    return tuple((name, int(position or 1)) for name, position in _STEP.findall(path))
