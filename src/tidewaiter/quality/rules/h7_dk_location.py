"""Danish customs' rules for low-value declarations (H7): where the goods are."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tidewaiter.model.declaration import Declaration, GoodsLocation
from tidewaiter.quality.registry import Context, Seen
from tidewaiter.quality.rules.h7_dk import codes, danish

PLACE = "consignment.goods_location"

# Temporary storage: DKTST and nine digits; the publisher writes DKTST_n9.
_AUTHORISATION = re.compile(r"DKTST_?[0-9]{9}", re.ASCII)


def _location(declaration: Declaration) -> GoodsLocation | None:
    return declaration.consignment.goods_location


@danish("DK-VR49", vr=49, by_outline=True)
def location_needed(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """Goods declared as being there (type A) can be examined: say where they are."""
    code = declaration.type_code
    if len(code) != 3 or code[2] != "A" or code in codes("message_types") or _location(declaration) is not None:
        return ()
    return [Seen(PLACE, "", f"The location of the goods is missing; type {code} needs it.")]


@danish("DK1053", vr=95, about=("consignment.goods_location",), by_outline=True)
def location_exists(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A location is of type A to D; one named by UN/LOCODE is in the list of Danish locations, like DKCPH-0011."""
    location = _location(declaration)
    if location is None:
        return ()
    if location.type_code not in codes("location_types"):
        return [Seen(f"{PLACE}.type_code", location.type_code, "This type of location does not exist.")]
    if location.qualifier_code != "U":
        return ()
    name = location.location_id or location.name
    if name in codes("unlocode_locations"):
        return ()
    return [Seen(f"{PLACE}.location_id", name, "This location is not in the list.", "Write it like DKCPH-0011.")]


@danish("DK1057", vr=100, about=("consignment.goods_location",), by_outline=True)
def designated_location(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A designated location (type A) is named by UN/LOCODE (U) or customs office (V)."""
    return _needs_qualifier(declaration, "A", "UV")


@danish("DK1058", vr=101, about=("consignment.goods_location",), by_outline=True)
def authorised_location(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """An authorised place (type B) is named by its authorisation number (Y)."""
    return _needs_qualifier(declaration, "B", "Y")


@danish("DK1059", vr=102, about=("consignment.goods_location",), by_outline=True)
def approved_location(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """An approved place (type C) is named by its address (Z)."""
    return _needs_qualifier(declaration, "C", "Z")


def _needs_qualifier(declaration: Declaration, type_code: str, qualifiers: str) -> Sequence[Seen]:
    location = _location(declaration)
    if location is None or location.type_code != type_code:
        return ()
    if location.qualifier_code and location.qualifier_code in qualifiers:
        return ()
    words = f"A location of type {type_code} must be identified by {' or '.join(qualifiers)}."
    return [Seen(f"{PLACE}.qualifier_code", location.qualifier_code, words)]


@danish("DK1090", vr=163, about=("consignment.goods_location",), by_outline=True)
def qualifier_exists(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """What identifies a location is one of the published codes U, V, W, X, Y and Z."""
    location = _location(declaration)
    if location is None or location.qualifier_code in codes("location_qualifiers"):
        return ()
    return [Seen(f"{PLACE}.qualifier_code", location.qualifier_code, "This code does not exist; U to Z do.")]


@danish("DK1060", vr=103, about=("consignment.goods_location",), by_outline=True)
def address_needed(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A location identified by address (Z) has an address."""
    location = _location(declaration)
    if location is None or location.qualifier_code != "Z":
        return ()
    address = location.address
    if address is not None and (address.line or address.city or address.postcode):
        return ()
    return [Seen(f"{PLACE}.address", "", "The address of the location is missing.")]


@danish("DK1062", vr=104, about=("consignment.goods_location",), by_outline=True)
def customs_office(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A location identified by customs office (V) names an office of the list, like DK005600."""
    location = _location(declaration)
    if location is None or location.qualifier_code != "V" or location.location_id in codes("customs_offices"):
        return ()
    words = "This customs office is not in the list." if location.location_id else "The customs office is missing."
    return [Seen(f"{PLACE}.location_id", location.location_id, words, "Write it like DK005600.")]


@danish("DK2007", vr=105, about=("consignment.goods_location",), by_outline=True)
def authorisation_needed(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A location identified by authorisation (Y) has the authorisation's number."""
    location = _location(declaration)
    if location is None or location.qualifier_code != "Y" or location.location_id:
        return ()
    return [Seen(f"{PLACE}.location_id", "", "The authorisation number of the location is missing.")]


@danish("DK2008", vr=106, about=("consignment.goods_location",), by_outline=True)
def authorisation_number(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The authorisation of a location is one for temporary storage: DKTST and nine digits."""
    location = _location(declaration)
    if location is None or location.qualifier_code != "Y" or not location.location_id:
        return ()
    if _AUTHORISATION.fullmatch(location.location_id):
        return ()
    return [Seen(f"{PLACE}.location_id", location.location_id, "The number must be DKTST and nine digits.")]


@danish("DK2009", vr=107, about=("consignment.goods_location",), by_outline=True)
def additional_identifier(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A location identified by authorisation (Y) also has an additional identifier: the number of its address."""
    location = _location(declaration)
    if location is None or location.qualifier_code != "Y" or location.additional_id:
        return ()
    return [Seen(f"{PLACE}.additional_id", "", "The additional identifier of the location is missing.")]
