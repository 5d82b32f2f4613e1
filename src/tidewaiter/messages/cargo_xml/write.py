"""A declaration → a Cargo-XML document: what it says at its place, and what was kept where it stood."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from lxml import etree

from tidewaiter.messages.cargo_xml.document import Leaf, tree_of
from tidewaiter.messages.cargo_xml.places import HEADER, MASS_UNIT, Layout, Place, Type, layout_of, positions_of
from tidewaiter.messages.characters import FORBIDDEN, named
from tidewaiter.messages.pointers import steps
from tidewaiter.model.declaration import Declaration, MessageFunction
from tidewaiter.model.errors import MessageError

PURPOSES = {
    MessageFunction.ORIGINAL: "Creation",
    MessageFunction.AMENDMENT: "Update",
    MessageFunction.CANCELLATION: "Deletion",
}
VERSION = "3.00"


def write(declaration: Declaration) -> etree._Element:
    """The document. Raises MessageError where a text cannot stand in XML, or for a presentation."""
    layout = layout_of(declaration.procedure_category, declaration.type_code)
    if declaration.function not in PURPOSES:
        raise MessageError("a waybill has no message for a presentation", hint="Write an original or an amendment.")
    leaves = dict(generated(declaration, layout))
    kept = {extra.path: Leaf(extra.value, extra.attributes) for extra in declaration.extras}
    for holder, below in _elsewhere(declaration, layout).items():
        if not any(path.startswith(f"{holder}/") for path in kept):
            leaves.update((f"{holder}/{name}", Leaf(text)) for name, text in below.items() if text)
    leaves.update(kept)
    for path, leaf in leaves.items():
        if found := FORBIDDEN.search(leaf.text):
            raise MessageError(f"the text holds {named(found[0])}, which XML cannot hold", place=path)
    return tree_of(layout.root, layout.namespace, leaves)


def generated(declaration: Declaration, layout: Layout) -> dict[str, Leaf]:
    """What the elements of the declaration say at their places, by path, and what such a message always says."""
    found = dict(_usual(declaration, layout))
    for place in layout.all_places(positions_of(declaration)):
        leaf = _leaf(place, _at(declaration, place.pointer))
        if not leaf.is_empty:
            found[place.path] = leaf
    return found


def _usual(declaration: Declaration, layout: Layout) -> dict[str, Leaf]:
    """What the header of a message says unless it says otherwise."""
    header = f"/{layout.root}/{HEADER}"
    texts = {
        f"{header}/ID": declaration.functional_reference_id,
        f"{header}/Name": layout.title,
        f"{header}/VersionID": VERSION,
        f"{header}/PurposeCode": PURPOSES.get(declaration.function, ""),
    }
    return {path: Leaf(text) for path, text in texts.items() if text}


def _elsewhere(declaration: Declaration, layout: Layout) -> dict[str, dict[str, str]]:
    """What the declaration says in elements that are copies of what a message says in groups of its own."""
    found = {}
    if declaration.submitter is not None:
        found[f"/{layout.root}/{HEADER}/SenderParty"] = {"PrimaryID": declaration.submitter.party_id}
    means = declaration.consignment.border_transport
    if means is not None:
        below = {"ModeCode": means.mode_code, "ID": means.means_id}
        found[f"{layout.consignment}/SpecifiedLogisticsTransportMovement"] = below
    return found


def _leaf(place: Place, value: Any) -> Leaf:
    if value is None or value == "":
        return Leaf("")
    if place.type is Type.MASS:
        return Leaf(f"{value:f}", (("unitCode", MASS_UNIT),))
    if isinstance(value, Decimal):
        return Leaf(f"{value:f}")
    if place.type is Type.MOMENT:
        return Leaf(value.isoformat())
    return Leaf(str(value))


def _at(record: Any, pointer: str) -> Any:
    for step in steps(pointer):
        if record is None:
            return None
        has_no_such = isinstance(step, int) and step >= len(record)
        record = None if has_no_such else record[step] if isinstance(step, int) else getattr(record, step)
    return record
