"""What scores are learnt from: parcels that were drawn and examined, as they were declared, with what the examination showed.

    lessons = kept_lessons(store, since, until, RiskType.UNDERVALUATION)

Nothing that was amended after the examination is in it. Each row has the probability with which its parcel was to be looked at,
so that training may weigh it by the inverse: what is seldom looked at stands for more that nobody looked at.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.assessment import assess
from tidewaiter.model.assessment import Assessment
from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.errors import NotInForceError
from tidewaiter.model.judgement import LOOKED_AT, Lane
from tidewaiter.model.money import Money
from tidewaiter.model.outcome import Found, RiskType
from tidewaiter.model.standing import NOTHING_KNOWN
from tidewaiter.risk.scoring.declared import row_of
from tidewaiter.risk.scoring.labels import label_of, lanes_showing
from tidewaiter.risk.scoring.recipe import ModelError
from tidewaiter.risk.selection.at_once import chance_of
from tidewaiter.workflow.kept_law import KeptLaw
from tidewaiter.workflow.outcome_returns import Examined, examined
from tidewaiter.workflow.ports import Store

LABEL: Final = "label"
PROPENSITY: Final = "propensity"
OWED: Final = "owed"  # what was found to be owed beyond what had been worked out on what was declared
UNREADABLE: Final = "cannot be read any more"
NOT_DRAWN: Final = "examined, but not drawn: with what probability is not known"
NO_CHANCE: Final = "could not have been drawn"
NOT_TOLD: Final = "the examination could not have shown it"


class Lessons(Struct, frozen=True, kw_only=True):
    """Rows with `label`, `propensity` and `owed` (in `currency`), their digest, and how many were left out for what reason."""

    rows: Sequence[Mapping[str, str]]
    currency: str
    digest: str
    left_out: Mapping[str, int]


def kept_lessons(
    store: Store, since: datetime, until: datetime, risk_type: RiskType | None, jurisdiction_code: str = ""
) -> Lessons:
    """What examinations of this time teach of one kind of risk; of anything not in order where it is None.

    Of all jurisdictions where none is given. Raises ModelError where amounts are in several currencies: one score speaks of one law's money.
    """
    law = KeptLaw(store)
    rows: list[dict[str, str]] = []
    left_out: Counter[str] = Counter()
    currencies: set[str] = set()
    for each in _of_jurisdiction(examined(store, since, until), jurisdiction_code):
        taught = _taught(law, each, risk_type)
        if isinstance(taught, str):
            left_out[taught] += 1
            continue
        found = [one for one in each.outcome.outcome.found if risk_type in (None, one.risk_type)]
        owed = owed_beyond(law, each, taught.drawn.declaration, found)
        currencies |= {owed.currency} if owed is not None else set()
        rows.append(taught.row(each) | {OWED: f"{owed.amount:f}" if owed else ""})
    if len(currencies) > 1:
        raise ModelError(
            f"amounts are in {', '.join(sorted(currencies))}: learn one score for each", hint="name one jurisdiction"
        )
    digest = hashlib.sha256(msgspec.json.encode(rows, order="deterministic")).hexdigest()
    return Lessons(rows=rows, currency="".join(currencies), digest=digest, left_out=dict(sorted(left_out.items())))


def labelled_rows(
    store: Store, since: datetime, until: datetime, risk_type: RiskType | None, jurisdiction_code: str = ""
) -> Iterator[dict[str, str]]:
    """The same rows without what was owed, in whatever currency that is: what a score is held against."""
    law = KeptLaw(store)
    for each in _of_jurisdiction(examined(store, since, until), jurisdiction_code):
        taught = _taught(law, each, risk_type)
        if not isinstance(taught, str):
            yield taught.row(each)


def training_rows(store: Store, since: datetime, until: datetime) -> Iterator[dict[str, str]]:
    """A row for each parcel drawn and examined in this time, with a label of every kind of risk, for a table of one's own.

    A label is empty where the examination could not have shown it. `propensity` is of any look, at papers or goods.
    """
    law = KeptLaw(store)
    for each in examined(store, since, until):
        drawn = _drawn(law, each, LOOKED_AT)
        if isinstance(drawn, str):
            continue
        outcome = each.outcome.outcome
        owed = owed_beyond(law, each, drawn.declaration, outcome.found)
        yield {
            **_declared(each, drawn),
            "wrong": _text(label_of(outcome, None)),
            **{f"wrong_{kind.value}": _text(label_of(outcome, kind)) for kind in RiskType},
            OWED: f"{owed.amount:f}" if owed is not None else "",
            "owed_currency": owed.currency if owed is not None else "",
        }


def owed_beyond(law: KeptLaw, each: Examined, declared: Declaration, found: Sequence[Found]) -> Money | None:
    """What the same law asks on what was found, beyond what it asked on what was declared; never below zero.

    None where one of the two cannot be worked out. What was seized is not released, so nothing is owed on it.
    """
    before = each.evaluation.assessment
    if before is None or before.unresolved or not each.kept.regime_digest:
        return None
    corrected = as_found(declared, found)
    if corrected == declared:
        return Money(Decimal(0), before.due.currency)
    try:
        after = assess(corrected, law.regime(each.kept.regime_digest), each.kept.persons or NOTHING_KNOWN)
    except NotInForceError:
        return None
    return None if after.unresolved else max(_owed(after) - _owed(before), Money(Decimal(0), before.due.currency))


def as_found(declared: Declaration, found: Sequence[Found]) -> Declaration:
    """The declaration as it should have been: value, code and origin of what was found and not seized.

    What names no line is of the only one there is; of several lines it says nothing.
    """
    items = list(declared.goods_items)
    for each in found:
        number = each.line_no or (1 if len(items) == 1 else 0)
        if not each.is_seized and 1 <= number <= len(items):
            items[number - 1] = _item_as_found(items[number - 1], each)
    return replace(declared, goods_items=tuple(items))


def _item_as_found(item: GoodsItem, found: Found) -> GoodsItem:
    if found.value is not None:
        item = replace(item, invoice_price=found.value)
    if found.commodity_code:
        item = replace(item, commodity_code=found.commodity_code)
    if found.origin_country_code:
        item = replace(item, origin_country_code=found.origin_country_code, preferential_origin_code="")
    return item


def _owed(assessment: Assessment) -> Money:
    return assessment.due + assessment.collected_at_sale


class _Drawn(Struct, frozen=True):
    """What was declared, and the probability with which it was to be looked at."""

    declaration: Declaration
    propensity: Decimal


class _Taught(Struct, frozen=True):
    """What an examination says of one kind of risk in a parcel that was drawn."""

    drawn: _Drawn
    label: bool

    def row(self, each: Examined) -> dict[str, str]:
        """What was declared, with the label and the probability of a look."""
        return _declared(each, self.drawn) | {LABEL: _text(self.label)}


def _of_jurisdiction(found: Iterator[Examined], jurisdiction_code: str) -> Iterator[Examined]:
    return (each for each in found if jurisdiction_code in ("", each.kept.jurisdiction_code))


def _taught(law: KeptLaw, each: Examined, risk_type: RiskType | None) -> _Taught | str:
    """What an examination teaches of a kind of risk; or, in words, why it teaches nothing."""
    label = label_of(each.outcome.outcome, risk_type)
    if label is None:
        return NOT_TOLD
    drawn = _drawn(law, each, lanes_showing(risk_type))
    return drawn if isinstance(drawn, str) else _Taught(drawn, label)


def _drawn(law: KeptLaw, each: Examined, lanes: frozenset[Lane]) -> _Drawn | str:
    """What was declared of a parcel that was sent to one of these lanes; or, in words, why it teaches nothing."""
    if each.judgement.lane not in lanes:
        return NOT_DRAWN
    random_lane = law.knowledge(each.kept.knowledge_digest).policy.selection_lane
    propensity = chance_of(each.judgement, lanes, random_lane)
    if not propensity:
        return NO_CHANCE
    declaration = law.declaration(each.kept)
    return UNREADABLE if declaration is None else _Drawn(declaration, propensity)


def _declared(each: Examined, drawn: _Drawn) -> dict[str, str]:
    return {
        "declaration_id": str(each.kept.declaration_id),
        "legal_day": each.kept.legal_day.isoformat(),
        **row_of(drawn.declaration, each.kept.facts),
        PROPENSITY: f"{drawn.propensity:f}",
    }


def _text(label: Literal[True, False] | None) -> str:
    return "" if label is None else str(int(label))
