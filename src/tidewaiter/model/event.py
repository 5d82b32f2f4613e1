"""Something that happened at a place and time, as EPCIS 2.0 tells it (GS1 EPCIS Standard, release 2.0, section 7.4).

Words of GS1's Core Business Vocabulary stand here in their short form ("shipping"), all others as full URIs; names that were
written with a prefix are written out. So equal things have equal texts, however a sender wrote them.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from msgspec import Struct


class EventType(StrEnum):
    """The five types of events."""

    OBJECT = "ObjectEvent"
    AGGREGATION = "AggregationEvent"
    TRANSACTION = "TransactionEvent"
    TRANSFORMATION = "TransformationEvent"
    ASSOCIATION = "AssociationEvent"


class Action(StrEnum):
    """What an event is in the life of what it is about: seen, begun or joined, ended or parted."""

    OBSERVE = "OBSERVE"
    ADD = "ADD"
    DELETE = "DELETE"


class Quantity(Struct, frozen=True, omit_defaults=True):
    """So much of a class of goods; without unit it is a count, without quantity it is unknown how many."""

    epc_class: str
    quantity: Decimal | None = None
    uom: str = ""  # UN/ECE Recommendation 20


class Typed(Struct, frozen=True, omit_defaults=True):
    """A business transaction, source or destination: of what type, and which."""

    type: str
    id: str


class SensorReport(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing that a sensor says. `type` is what was measured, `exception` why the sensor spoke up."""

    type: str = ""
    exception: str = ""
    device_id: str = ""
    time: datetime | None = None
    value: Decimal | None = None
    min_value: Decimal | None = None
    max_value: Decimal | None = None
    mean_value: Decimal | None = None
    s_dev: Decimal | None = None
    perc_rank: Decimal | None = None
    perc_value: Decimal | None = None
    uom: str = ""
    component: str = ""
    string_value: str = ""
    boolean_value: bool | None = None
    hex_binary_value: str = ""
    uri_value: str = ""
    others: dict[str, Any] = {}  # deviceMetadata, rawData, microorganism …, and extensions by full URI


class SensorElement(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one device, or several together, report: when, and what."""

    time: datetime | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    device_id: str = ""
    metadata: dict[str, Any] = {}  # the rest of sensorMetadata, extensions by full URI
    reports: tuple[SensorReport, ...] = ()
    extensions: dict[str, Any] = {}


class ErrorDeclaration(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """That the event of this id was told in error; nothing is deleted, the correcting events are named."""

    declared_at: datetime
    reason: str = ""
    corrective_event_ids: tuple[str, ...] = ()
    extensions: dict[str, Any] = {}


class Event(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event. Moments are aware UTC; `time_zone` is the offset at the place ("+02:00").

    An event with an error declaration has the id of the one that it takes back. `body` is the event in JSON as it
    is given out again, its names written out; `recorded_at` is when it was captured here, None until then.
    """

    event_id: str
    type: EventType
    event_time: datetime
    time_zone: str
    action: Action | None = None  # transformations have none
    recorded_at: datetime | None = None
    epcs: tuple[str, ...] = ()
    parent_id: str = ""
    child_epcs: tuple[str, ...] = ()
    input_epcs: tuple[str, ...] = ()
    output_epcs: tuple[str, ...] = ()
    quantities: tuple[Quantity, ...] = ()  # of an aggregation or association those of the children
    input_quantities: tuple[Quantity, ...] = ()
    output_quantities: tuple[Quantity, ...] = ()
    transformation_id: str = ""
    biz_step: str = ""
    disposition: str = ""
    persistent_set: tuple[str, ...] = ()
    persistent_unset: tuple[str, ...] = ()
    read_point: str = ""
    biz_location: str = ""
    biz_transactions: tuple[Typed, ...] = ()
    sources: tuple[Typed, ...] = ()
    destinations: tuple[Typed, ...] = ()
    sensors: tuple[SensorElement, ...] = ()
    ilmd: dict[str, Any] = {}
    certification_info: tuple[str, ...] = ()
    error_declaration: ErrorDeclaration | None = None
    extensions: dict[str, Any] = {}
    body: bytes = b""

    @property
    def things(self) -> tuple[str, ...]:
        """All that the event is about by number, each once: EPCs, parent, children, what went in and came out."""
        parent = (self.parent_id,) if self.parent_id else ()
        every = (*self.epcs, *parent, *self.child_epcs, *self.input_epcs, *self.output_epcs)
        return tuple(dict.fromkeys(every))
