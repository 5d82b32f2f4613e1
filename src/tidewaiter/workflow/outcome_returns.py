"""What outcomes return to: hit rates of rules, rows that scores are learnt from, entries that are proposed for lists."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec import Struct

from tidewaiter.model.decision import Evaluation
from tidewaiter.model.declaration import Declaration, Party
from tidewaiter.model.judgement import LOOKED_AT, Judgement, ReasonKind
from tidewaiter.model.outcome import RiskType
from tidewaiter.risk.history.identities import household_text, phone_text
from tidewaiter.risk.scoring.declared import row_of
from tidewaiter.risk.selection.estimating import Interval, of_draw
from tidewaiter.workflow.kept_law import KeptLaw
from tidewaiter.workflow.outcome_records import KeptOutcome
from tidewaiter.workflow.ports import Store
from tidewaiter.workflow.records import Kept

_EVALUATION = msgspec.json.Decoder(Evaluation)


class HitRate(Struct, frozen=True, kw_only=True):
    """What became of the parcels that one reason sent to be looked at: how many were examined, how many not in order.

    `interval` is of the share (Clopper and Pearson, 95 of 100), as if they had been drawn.
    """

    reason_id: str
    kind: ReasonKind
    examined: int
    wrong: int
    interval: Interval


class ProposedEntry(Struct, frozen=True, kw_only=True):
    """An entry that a seizure proposes for a list; another person puts it there. `kind`: party, address or phone."""

    kind: str
    value: str
    reason: str
    outcome_id: int


def hit_rates(store: Store, since: datetime, until: datetime) -> list[HitRate]:
    """Of every reason that sent a parcel to be looked at which was examined in this time, most examined first."""
    counts: dict[tuple[str, ReasonKind], list[int]] = {}
    for outcome, _, judgement in _decided(store, since, until):
        selecting = {
            (each.reason_id, each.kind) for each in judgement.reasons if each.lane in LOOKED_AT and not each.is_lifted
        }
        for key in selecting:
            count = counts.setdefault(key, [0, 0])
            count[0] += 1
            count[1] += not outcome.outcome.is_in_order
    found = [
        HitRate(reason_id=reason_id, kind=kind, examined=examined, wrong=wrong, interval=of_draw(wrong, examined))
        for (reason_id, kind), (examined, wrong) in counts.items()
    ]
    return sorted(found, key=lambda each: (-each.examined, each.reason_id))


def training_rows(store: Store, since: datetime, until: datetime) -> Iterator[dict[str, str]]:
    """A row for each parcel examined in this time: declared data and facts as they stood when it was examined, labels.

    Never what was amended afterwards. `propensity` is the probability with which it was to be looked at; a parcel
    that could not have been chosen (0) teaches nothing about others and is left out, and so is one that cannot be read.
    """
    law = KeptLaw(store)
    for outcome, kept, judgement in _decided(store, since, until):
        propensity = Decimal(judgement.propensity)
        declaration = law.declaration(kept)
        if declaration is not None and 0 < propensity <= 1:
            yield _row(outcome, kept, declaration, propensity)


def proposed_entries(store: Store, kept: KeptOutcome) -> list[ProposedEntry]:
    """What a seizure in effect proposes for lists: its consignor, and address and phone of the receiver."""
    if kept.standing != "in effect" or not kept.outcome.is_seized or kept.declaration_id is None:
        return []
    declaration = KeptLaw(store).declaration(store.kept(kept.declaration_id, kept.version))
    if declaration is None:
        return []
    types = ", ".join(sorted({each.risk_type.value for each in kept.outcome.found if each.is_seized}))
    reason = f"seized on {kept.outcome.examined_at:%Y-%m-%d}: {types} (outcome {kept.outcome_id})"
    told: list[tuple[str, str]] = []
    for party in (declaration.consignor, declaration.seller):
        told += [("party", party.name)] if party is not None and party.name else []
    receiver = declaration.consignee or declaration.importer
    told += _of_receiver(receiver) if receiver is not None else []
    return [
        ProposedEntry(kind=kind, value=value, reason=reason, outcome_id=kept.outcome_id)
        for kind, value in dict.fromkeys(told)
    ]


def _of_receiver(party: Party) -> list[tuple[str, str]]:
    address = party.address
    told = [("phone", party.phone)] if phone_text(party.phone) else []
    if address is not None and household_text(address):
        told.append(("address", ", ".join(filter(None, (address.line, address.postcode, address.city)))))
    return told


def _decided(store: Store, since: datetime, until: datetime) -> Iterator[tuple[KeptOutcome, Kept, Judgement]]:
    """The outcomes of a time with the decisions that stood when the goods were examined."""
    for outcome in store.outcomes.between(since, until):
        assert outcome.declaration_id is not None  # it is in effect
        kept = store.kept(outcome.declaration_id, outcome.version)
        judgement = _EVALUATION.decode(kept.evaluation).judgement
        if judgement is not None:
            yield outcome, kept, judgement


def _row(outcome: KeptOutcome, kept: Kept, declaration: Declaration, propensity: Decimal) -> dict[str, str]:
    types = {each.risk_type for each in outcome.outcome.found}
    return {
        "declaration_id": str(kept.declaration_id),
        "legal_day": kept.legal_day.isoformat(),
        **row_of(declaration, kept.facts),
        "propensity": f"{propensity:f}",
        "wrong": str(int(not outcome.outcome.is_in_order)),
        **{f"wrong_{kind.value}": str(int(kind in types)) for kind in RiskType},
    }
