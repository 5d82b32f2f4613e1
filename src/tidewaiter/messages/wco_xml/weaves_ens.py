"""Weaves of the entry summary declaration, and of transport."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from tidewaiter.messages.wco_xml.weaves import Fields, Node, Weave
from tidewaiter.model.declaration import Document, TransportMeans


class BorderTransport(Weave):
    """Mode, means and nationality at the border in an entry summary declaration: by air, the flight is the means.

    Source: conditions C017 and C518 of the Import Control System: a flight (mode 4) is named as the conveyance,
    anything else as the means of transport.
    """

    means, flight = "HEAHEA/IdeOfMeaOfTraCroHEA85", "HEAHEA/ConRefNumHEA"
    mode, nationality = "HEAHEA/TraModAtBorHEA76", "HEAHEA/NatOfMeaOfTraCroHEA87"
    leaves = frozenset({mode, means, flight, nationality})
    fields = ("consignment.border_transport",)
    air: Final = "4"

    def parse(self, nodes: Sequence[Node]) -> Fields:
        """The means there is, or the flight."""
        leaves = nodes[0][1] if nodes else {}
        mode = leaves.get(self.mode, "")
        means = leaves.get(self.means, "") or (leaves.get(self.flight, "") if mode == self.air else "")
        transport = TransportMeans(mode_code=mode, means_id=means, nationality_code=leaves.get(self.nationality, ""))
        return {self.fields[0]: transport} if transport != TransportMeans() else {}

    def build(self, fields: Mapping[str, Any]) -> list[Node]:
        """The means under the name that the mode gives it."""
        transport: TransportMeans = fields.get(self.fields[0], TransportMeans())
        leaves = {
            self.mode: transport.mode_code,
            self.flight if transport.mode_code == self.air else self.means: transport.means_id,
            self.nationality: transport.nationality_code,
        }
        leaves = {name: text for name, text in leaves.items() if text}
        return [("", leaves)] if leaves else []

    def place(self, field: str, index: int) -> str:
        """The header."""
        return "HEAHEA"

    def inner(self, name: str) -> str:
        """The element of the header."""
        known = {"mode_code": self.mode, "means_id": self.means, "nationality_code": self.nationality}
        return known.get(name, "").removeprefix("HEAHEA")


class ProducedDocuments(Weave):
    """Documents of an item: transport documents (UN/EDIFACT 1001: 703 to 787, written N703), then the others."""

    leaves = frozenset({"DocTypDC21", "DocRefDC23"})
    fields = ("transport_documents", "documents")
    transport: Final = re.compile(r"N?7([0-7]\d|8[0-7])")

    def parse(self, nodes: Sequence[Node]) -> Fields:
        """By type."""
        found: dict[str, list[Document]] = {name: [] for name in self.fields}
        for _, leaves in nodes:
            kind = leaves.get("DocTypDC21", "")
            name = self.fields[0] if self.transport.fullmatch(kind) else self.fields[1]
            found[name].append(Document(type_code=kind, document_id=leaves.get("DocRefDC23", "")))
        return {name: tuple(documents) for name, documents in found.items() if documents}

    def build(self, fields: Mapping[str, Any]) -> list[Node]:
        """Transport documents first."""
        documents: list[Document] = [each for name in self.fields for each in fields.get(name, ())]
        pairs = ({"DocTypDC21": each.type_code, "DocRefDC23": each.document_id} for each in documents)
        return [("PRODOCDC2", {name: text for name, text in leaves.items() if text}) for leaves in pairs]

    def place(self, field: str, index: int) -> str:
        """By position among all."""
        return f"PRODOCDC2[{index + 1}]"

    def inner(self, name: str) -> str:
        """Type or reference."""
        return {"type_code": "/DocTypDC21", "document_id": "/DocRefDC23"}.get(name, "")


class Listed(Weave):
    """One element for each text of a list: countries of routing, seals, containers."""

    def __init__(self, element: str, leaf: str, field: str) -> None:
        self.leaves = frozenset({leaf})
        self.fields = (field,)
        self._element, self._leaf = element, leaf

    def parse(self, nodes: Sequence[Node]) -> Fields:
        """The texts in their order."""
        texts = tuple(leaves[self._leaf] for _, leaves in nodes if leaves.get(self._leaf))
        return {self.fields[0]: texts} if texts else {}

    def build(self, fields: Mapping[str, Any]) -> list[Node]:
        """One element for each."""
        return [(self._element, {self._leaf: text}) for text in fields.get(self.fields[0], ())]

    def place(self, field: str, index: int) -> str:
        """By position."""
        return f"{self._element}[{index + 1}]/{self._leaf}"


ENS_WEAVES: Final[Mapping[str, Weave]] = {
    "itinerary": Listed("ITI", "CouOfRouCodITI1", "consignment.routing_country_codes"),
    "seals": Listed("SEAID529", "SeaIdSEAID530", "consignment.seal_ids"),
    "containers": Listed("CONNR2", "ConNumNR21", "container_ids"),
    "routing": Listed("Itinerary", "RoutingCountryCode", "consignment.routing_country_codes"),
    "equipment": Listed("TransportEquipment", "ID", "consignment.container_ids"),
    "equipment_of_line": Listed("TransportEquipment", "ID", "container_ids"),
    "border_transport": BorderTransport(),
    "produced_documents": ProducedDocuments(),
}
