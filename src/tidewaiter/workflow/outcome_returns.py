"""What outcomes return to: hit rates of rules, entries that are proposed for lists; scores learn from them in `learning`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec
from msgspec import Struct

from tidewaiter.model.decision import Evaluation
from tidewaiter.model.declaration import Party
from tidewaiter.model.judgement import LOOKED_AT, Judgement, ReasonKind
from tidewaiter.risk.history.identities import household_text, phone_text
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
    """An identity that a seizure proposes for a list. `kind` is that of lists of identities (risk.lists.identities)."""

    kind: str
    value: str
    reason: str
    outcome_id: int


class Examined(Struct, frozen=True):
    """An outcome in effect, and the decision that stood when the goods were examined."""

    outcome: KeptOutcome
    kept: Kept
    evaluation: Evaluation
    judgement: Judgement


def hit_rates(store: Store, since: datetime, until: datetime) -> list[HitRate]:
    """Of every reason that sent a parcel to be looked at which was examined in this time, most examined first."""
    counts: dict[tuple[str, ReasonKind], list[int]] = {}
    for found in examined(store, since, until):
        reasons = found.judgement.reasons
        selecting = {(each.reason_id, each.kind) for each in reasons if each.lane in LOOKED_AT and not each.is_lifted}
        for key in selecting:
            count = counts.setdefault(key, [0, 0])
            count[0] += 1
            count[1] += not found.outcome.outcome.is_in_order
    rates = [
        HitRate(reason_id=reason_id, kind=kind, examined=seen, wrong=wrong, interval=of_draw(wrong, seen))
        for (reason_id, kind), (seen, wrong) in counts.items()
    ]
    return sorted(rates, key=lambda each: (-each.examined, each.reason_id))


def proposed_entries(store: Store, kept: KeptOutcome) -> list[ProposedEntry]:
    """What a seizure in effect proposes for lists: who sent it and sold it; address, phone and e-mail of the receiver."""
    if kept.standing != "in effect" or not kept.outcome.is_seized or kept.declaration_id is None:
        return []
    declaration = KeptLaw(store).declaration(store.kept(kept.declaration_id, kept.version))
    if declaration is None:
        return []
    types = ", ".join(sorted({each.risk_type.value for each in kept.outcome.found if each.is_seized}))
    reason = f"seized on {kept.outcome.examined_at:%Y-%m-%d}: {types} (outcome {kept.outcome_id})"
    told: list[tuple[str, str]] = []
    for party in (declaration.consignor, declaration.seller):
        if party is not None:
            told += [("seller", party.name)] if party.name else []
            told += [("identifier", party.party_id)] if party.party_id else []
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
        told.append(("address", f"{address.line}, {address.postcode}"))
    if party.email:
        told.append(("identifier", party.email))
    return told


def examined(store: Store, since: datetime, until: datetime) -> Iterator[Examined]:
    """The outcomes of a time with the decisions that stood when the goods were examined."""
    for outcome in store.outcomes.between(since, until):
        assert outcome.declaration_id is not None  # it is in effect
        kept = store.kept(outcome.declaration_id, outcome.version)
        evaluation = _EVALUATION.decode(kept.evaluation)
        if evaluation.judgement is not None:
            yield Examined(outcome, kept, evaluation, evaluation.judgement)
