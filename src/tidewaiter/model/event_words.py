"""Words for what customs, ports and drones do, which the Core Business Vocabulary has none for.

CBV 2.0 has words for trade and logistics. Release, seizure or a seal have none, so they are URIs of ours, each with the
nearest word of CBV: who does not know ours reads that one. The mapping is ours, not GS1's.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

VOCABULARY: Final = "https://tidewaiter.example/voc/"


class EventWord(Struct, frozen=True):
    """A word for what was done (`biz_step`) or how things stand then (`disposition`): its nearest CBV word, and what it says."""

    name: str
    nearest: str
    meaning: str

    @property
    def uri(self) -> str:
        """The word as events have it."""
        return VOCABULARY + self.name


STEPS: Final = tuple(
    EventWord(*each)
    for each in (
        ("presenting", "arriving", "The goods are presented to customs."),
        ("examining", "inspecting", "Customs, or another authority, look at the goods."),
        ("sampling", "sampling", "A sample is drawn for a laboratory."),
        ("releasing", "accepting", "Customs place the goods at the disposal of whoever declared them."),
        ("holding", "holding", "Customs keep the goods until something has happened."),
        ("detaining", "holding", "Customs keep the goods for another right's sake, until its holder has spoken."),
        ("seizing", "removing", "Customs take the goods away for good."),
        ("refusing", "holding", "Customs refuse the goods entry or release."),
        ("seal_binding", "installing", "A seal or security device is put on a receptacle or container."),
        ("seal_opening", "removing", "A seal is opened."),
        ("seal_closing", "installing", "A seal that was opened is closed again."),
        ("seal_alarming", "sensor_reporting", "A seal reports that it was forced or that it cannot tell."),
        ("handing_over", "shipping", "The goods pass from one carrier or keeper to another."),
        ("exiting", "departing", "The goods leave the customs territory."),
        ("delivering", "receiving", "The goods are handed to the consignee."),
        ("returning", "shipping", "The goods go back to whoever sent them."),
        ("zone_entering", "receiving", "The goods enter a free zone or customs warehouse."),
        ("zone_leaving", "shipping", "The goods leave a free zone or customs warehouse."),
        ("zone_selling", "retail_selling", "Goods in a free zone or warehouse are sold to a buyer."),
        ("destroying", "destroying", "The goods are destroyed under supervision."),
        ("losing", "other", "The goods cannot be found."),
        ("drone_taking_off", "departing", "An aircraft without a crew takes off with the goods."),
        ("drone_flying", "transporting", "An aircraft without a crew reports where it is."),
        ("drone_dropping", "unloading", "An aircraft without a crew sets the goods down at the drop point."),
        ("drone_losing_contact", "sensor_reporting", "Nothing was heard of an aircraft for longer than is allowed."),
        ("drone_landing", "arriving", "An aircraft without a crew lands."),
    )
)
"""Business steps."""

DISPOSITIONS: Final = tuple(
    EventWord(*each)
    for each in (
        ("presented", "in_progress", "Before customs, nothing decided."),
        ("under_control", "unavailable", "Chosen to be looked at."),
        ("released", "available", "At the disposal of whoever declared them."),
        ("held", "unavailable", "Kept until something has happened."),
        ("detained", "unavailable", "Kept for another right's sake."),
        ("seized", "unavailable", "Taken away."),
        ("refused", "non_conformant", "Not let in."),
        ("sealed", "container_closed", "Under a seal that is whole."),
        ("seal_broken", "container_open", "Under a seal that was forced."),
        ("suspended", "sellable_not_accessible", "In a free zone or warehouse, duty not yet due."),
        ("lost", "unknown", "Not found."),
    )
)
"""How things stand after an event."""

STEP: Final = {each.name: each.uri for each in STEPS}
"""The URI of each business step of ours by its name: `STEP["releasing"]`."""

DISPOSITION: Final = {each.name: each.uri for each in DISPOSITIONS}
"""The URI of each disposition of ours by its name."""

NEAREST: Final = {each.uri: each.nearest for each in (*STEPS, *DISPOSITIONS)}
"""The nearest word of CBV of each URI of ours."""

REFERENCE: Final = VOCABULARY + "ref/"
"""What a declaration, receptacle or device is called where it has no number of GS1's: this, the kind, “/” and the number."""


def reference(kind: str, number: str) -> str:
    """The URI of a thing by a number of its own: `reference("s10", "RR123456785SE")`."""
    return f"{REFERENCE}{kind}/{number}"
