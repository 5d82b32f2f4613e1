"""Where each element of a declaration stands in a Cargo-XML message, for reading, writing and locating alike.

Paths are in local names, from the root; the second and later of siblings of one name have their number: `Line[2]`.
Source: IATA, ONE Record orchestration 1.2.0, mappings of XFWB 5.0, XFZB 4.0 and XFHL 3.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from itertools import pairwise
from typing import Final

from msgspec import Struct

from tidewaiter.messages.air_cargo.values import CONSOLIDATED, DIRECT, HOUSE, HOUSE_MANIFEST, MANIFEST, PRE_LOADING
from tidewaiter.messages.limits import GOODS_ITEMS_MAX
from tidewaiter.model.declaration import Declaration


class Type(StrEnum):
    """How a value is written."""

    TEXT = "text"
    MASS = "mass"  # with its unit as attribute
    COUNT = "count"
    MOMENT = "moment"


class Place(Struct, frozen=True):
    """One element: its canonical pointer, its path, and how its value is written."""

    pointer: str
    path: str
    type: Type = Type.TEXT


class Layout(Struct, frozen=True):
    """One message: its root, what it is, and where things stand in it. `items` repeats; its places are relative."""

    root: str
    namespace: str
    title: str
    type_codes: tuple[str, ...]  # the first is taken where none or another is said
    category: str
    versions: tuple[str, ...]  # first digits of the versions that were read or whose mapping was
    consignment: str
    origin: str
    destination: str
    places: tuple[Place, ...]
    items: str
    item_places: tuple[Place, ...]

    def item_path(self, position: int) -> str:
        """Where the item of that position in the document, from 1, stands."""
        return self.items if position == 1 else f"{self.items}[{position}]"

    def all_places(self, positions: Sequence[int]) -> Iterator[Place]:
        """Every place in a message whose goods items stand at these positions."""
        yield from self.places
        for line, position in enumerate(positions, start=1):
            for place in self.item_places:
                path = f"{self.item_path(position)}/{place.path}"
                yield Place(f"goods_items[{line}].{place.pointer}", path, place.type)


def positions_of(declaration: Declaration) -> Sequence[int]:
    """Where the goods items stand among the items of the document: by their line numbers, if these can be positions.

    Between them may stand lines that only add measurements to the one before.
    """
    numbers = [item.line_no for item in declaration.goods_items]
    ascend = all(0 < one < other for one, other in pairwise(numbers))
    if ascend and (not numbers or 0 < numbers[0] <= numbers[-1] <= GOODS_ITEMS_MAX):
        return numbers
    return range(1, len(numbers) + 1)


HEADER: Final = "MessageHeaderDocument"
BUSINESS: Final = "BusinessHeaderDocument"
NUMBER: Final = "consignment.transport_documents[1].document_id"
MASS_UNIT: Final = "KGM"

_CONTACT: Final = (
    ("contact_name", "DefinedTradeContact/PersonName"),
    ("phone", "DefinedTradeContact/DirectTelephoneCommunication/CompleteNumber"),
    ("email", "DefinedTradeContact/URIEmailCommunication/URIID"),
)
_ADDRESS: Final = (
    ("address.line", "StreetName"),
    ("address.city", "CityName"),
    ("address.postcode", "PostcodeCode"),
    ("address.subdivision", "CountrySubDivisionName"),
    ("address.country_code", "CountryID"),
)


def _party(
    name: str, path: str, *, address: str = "PostalStructuredAddress", number: str = "PrimaryID"
) -> Iterator[Place]:
    yield Place(f"{name}.party_id", f"{path}/{number}")
    yield Place(f"{name}.name", f"{path}/Name")
    for field, element in _ADDRESS:
        yield Place(f"{name}.{field}", f"{path}/{address}/{element}")
    for field, element in _CONTACT:
        yield Place(f"{name}.{field}", f"{path}/{element}")


def _header(root: str) -> Iterator[Place]:
    yield Place("type_code", f"/{root}/{HEADER}/TypeCode")
    yield Place("issued_at", f"/{root}/{HEADER}/IssueDateTime", Type.MOMENT)
    yield Place("function_code", f"/{root}/{HEADER}/PurposeCode")


def _totals(consignment: str) -> Iterator[Place]:
    yield Place("consignment.gross_mass_kg", f"{consignment}/IncludedTareGrossWeightMeasure", Type.MASS)
    yield Place("consignment.package_count", f"{consignment}/TotalPieceQuantity", Type.COUNT)


def _waybill(consignment: str, *, agent_address: str, agent_number: str) -> Iterator[Place]:
    yield from _totals(consignment)
    yield from _party("consignor", f"{consignment}/ConsignorParty")
    yield from _party("consignee", f"{consignment}/ConsigneeParty")
    agent = f"{consignment}/FreightForwarderParty"
    yield from _party("representative", agent, address=agent_address, number=agent_number)


_ITEM: Final = (
    Place("line_no", "SequenceNumeric", Type.COUNT),
    Place("commodity_code", "TypeCode"),
    Place("gross_mass_kg", "GrossWeightMeasure", Type.MASS),
    Place("packagings[1].count", "PieceQuantity", Type.COUNT),
    Place("description", "NatureIdentificationTransportCargo/Identification"),
    Place("origin_country_code", "OriginCountry/ID"),
)

_MASTER: Final = "/Waybill/MasterConsignment"
_UNDER: Final = "/HouseWaybill/MasterConsignment"
_HOUSE: Final = f"{_UNDER}/IncludedHouseConsignment"
_LIST: Final = "/HouseManifest/MasterConsignment"

WAYBILL: Final = Layout(
    root="Waybill",
    namespace="iata:waybill:1",
    title="Master Air Waybill",
    type_codes=(CONSOLIDATED, DIRECT),
    category=PRE_LOADING,
    versions=("3", "4", "5"),
    consignment=_MASTER,
    origin=f"{_MASTER}/OriginLocation/ID",
    destination=f"{_MASTER}/FinalDestinationLocation/ID",
    places=(
        *_header("Waybill"),
        Place("functional_reference_id", f"/Waybill/{BUSINESS}/ID"),
        Place(NUMBER, f"/Waybill/{BUSINESS}/ID"),
        *_waybill(_MASTER, agent_address="FreightForwarderAddress", agent_number="CargoAgentID"),
    ),
    items=f"{_MASTER}/ApplicableRating/IncludedMasterConsignmentItem",
    item_places=_ITEM,
)

HOUSE_WAYBILL: Final = Layout(
    root="HouseWaybill",
    namespace="iata:housewaybill:1",
    title="House Waybill",
    type_codes=(HOUSE,),
    category=PRE_LOADING,
    versions=("3", "4"),
    consignment=_HOUSE,
    origin=f"{_HOUSE}/OriginLocation/ID",
    destination=f"{_HOUSE}/FinalDestinationLocation/ID",
    places=(
        *_header("HouseWaybill"),
        Place("functional_reference_id", f"/HouseWaybill/{BUSINESS}/ID"),
        Place(NUMBER, f"{_HOUSE}/ID"),
        Place("consignment.master_document_id", f"{_UNDER}/TransportContractDocument/ID"),
        *_waybill(_HOUSE, agent_address="PostalStructuredAddress", agent_number="PrimaryID"),
    ),
    items=f"{_HOUSE}/IncludedHouseConsignmentItem",
    item_places=_ITEM,
)

HOUSE_LIST: Final = Layout(
    root="HouseManifest",
    namespace="iata:housemanifest:1",
    title="House Manifest",
    type_codes=(MANIFEST,),
    category=HOUSE_MANIFEST,
    versions=("2", "3"),
    consignment=_LIST,
    origin=f"{_LIST}/OriginLocation/ID",
    destination=f"{_LIST}/FinalDestinationLocation/ID",
    places=(
        *_header("HouseManifest"),
        Place("functional_reference_id", f"/HouseManifest/{HEADER}/ID"),
        Place("consignment.master_document_id", f"{_LIST}/TransportContractDocument/ID"),
        *_totals(_LIST),
    ),
    items=f"{_LIST}/IncludedHouseConsignment",
    item_places=(
        Place("line_no", "SequenceNumeric", Type.COUNT),
        Place("transport_documents[1].document_id", "TransportContractDocument/ID"),
        Place("gross_mass_kg", "GrossWeightMeasure", Type.MASS),
        Place("packagings[1].count", "TotalPieceQuantity", Type.COUNT),
        Place("description", "SummaryDescription"),
    ),
)

LAYOUTS: Final[Mapping[str, Layout]] = {each.root: each for each in (WAYBILL, HOUSE_WAYBILL, HOUSE_LIST)}


def layout_of(category: str, type_code: str) -> Layout:
    """The message for a declaration of that category and type."""
    if category == HOUSE_MANIFEST:
        return HOUSE_LIST
    return HOUSE_WAYBILL if type_code == HOUSE else WAYBILL
