"""One parcel arranged for its page: what must happen first, the timeline, parties, reasons."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from tidewaiter.model.decision import Hold, State
from tidewaiter.model.declaration import Declaration, Party
from tidewaiter.model.judgement import Reason
from tidewaiter.web import words
from tidewaiter.web.desk import trace
from tidewaiter.web.desk.actions import is_claim
from tidewaiter.web.page import ENDED, word
from tidewaiter.web.standing import open_holds
from tidewaiter.workflow.ports import DecisionFile, DeclarationRow

PARTY_ROLES = (
    "consignor", "consignee", "seller", "buyer", "marketplace", "declarant", "representative", "submitter",
    "importer", "exporter", "payer",
)  # fmt: skip


class Moment(Struct, frozen=True):
    """Something that happened: a change of state, or a notice to the sender."""

    at: datetime
    words: str
    is_state: bool
    actor: str = ""
    more: str = ""


class NamedParty(Struct, frozen=True):
    """A party with every part it plays."""

    roles: tuple[str, ...]
    party: Party


class ParcelView(Struct, frozen=True):
    """What the page of one parcel shows beside the decision file itself."""

    file: DecisionFile
    reference: str
    holds: tuple[Hold, ...]
    first: str
    moments: tuple[Moment, ...]
    parties: tuple[NamedParty, ...]
    reasons: tuple[Reason, ...]
    trace: trace.Trace | None
    same_parcel: tuple[DeclarationRow, ...] = ()  # the other declarations of it: the one it waits for, those that wait


def arrange(file: DecisionFile, same_parcel: Sequence[DeclarationRow] = ()) -> ParcelView:
    """The decision file in reading order, with the other declarations of the same parcel."""
    evaluation = file.evaluation
    holds = open_holds(file)
    return ParcelView(
        file=file,
        reference=reference(file.row),
        holds=holds,
        first="" if holds else first_words(file),
        moments=moments(file),
        parties=parties(file.declaration) if file.declaration else (),
        reasons=tuple(sorted(evaluation.judgement.reasons, key=_weight)) if evaluation.judgement else (),
        trace=trace.arrange(evaluation.assessment) if evaluation.assessment else None,
        same_parcel=tuple(same_parcel),
    )


def reference(row: DeclarationRow) -> str:
    """What people call this parcel: the sender's reference, else its document, MRN or number."""
    return row.functional_reference_id or row.transport_document_id or row.registered_id or str(row.declaration_id)


def first_words(file: DecisionFile) -> str:
    """What must happen first where nothing holds the parcel."""
    row, on_arrival = file.row, file.evaluation.decision.on_arrival
    if is_claim(file):
        return words.text("parcel.first_claim")
    if row.state is State.REJECTED:
        return words.text("parcel.first_rejected")
    if row.state in ENDED:
        return words.text("parcel.first_none_ended")
    if row.state is State.RELEASED:
        return words.text("parcel.first_none_released")
    if row.state is State.CLEARED:
        return words.text("parcel.first_none_cleared")
    if on_arrival is not None and not row.is_arrived:
        return words.text("parcel.first_none_arrival", state=word(on_arrival, "state"))
    return words.text("parcel.first_none_accepted")


def moments(file: DecisionFile) -> tuple[Moment, ...]:
    """Changes of state and notices, oldest first; a change stands before the notice it caused."""
    changes = [
        Moment(change.recorded_at, word(change.to_state, "state"), True, _actor(file.row, change.actor), change.words)
        for change in file.transitions
    ]
    told = [Moment(notice.issued_at, word(notice.kind, "notice"), False) for notice in file.notices]
    return tuple(sorted(changes + told, key=lambda moment: (moment.at, not moment.is_state)))


def _actor(row: DeclarationRow, actor: str) -> str:
    """The sender by name; anyone else as recorded."""
    return row.sender_name if actor == f"sender {row.sender_id}" else actor


def parties(declaration: Declaration) -> tuple[NamedParty, ...]:
    """Each party once, with its roles in the order of `PARTY_ROLES`."""
    found: list[NamedParty] = []
    for role in PARTY_ROLES:
        party: Party | None = getattr(declaration, role)
        if party is None or party == Party():
            continue
        same = next((place for place, seen in enumerate(found) if seen.party == party), None)
        if same is None:
            found.append(NamedParty((role,), party))
        else:
            found[same] = NamedParty((*found[same].roles, role), party)
    return tuple(found)


def address_lines(party: Party) -> Sequence[str]:
    """The address as on an envelope, without empty lines."""
    if party.address is None:
        return ()
    place = " ".join(filter(None, (party.address.postcode, party.address.city, party.address.subdivision)))
    return tuple(filter(None, (party.address.line, place, party.address.country_code)))


def _weight(reason: Reason) -> tuple[bool, int]:
    """Reasons that count stand first, the gravest on top."""
    return (reason.is_lifted, -reason.lane.rank)
