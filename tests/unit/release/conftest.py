"""What the release tests share: plain assessments, judgements and datasets."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from msgspec import Struct

from tidewaiter.model.assessment import Assessment
from tidewaiter.model.claim import ClaimKind
from tidewaiter.model.judgement import Draw, Judgement, Lane, Reason, ReasonKind
from tidewaiter.model.money import Money


class PlainDataset(Struct, frozen=True):
    """The facts of a dataset, nothing else."""

    code: str = "H7"
    is_assessed: bool = True
    irg_hint: str = "2"
    claim: ClaimKind | None = None
    is_advance: bool = False


class Make:
    """Builders with the usual values filled in."""

    dataset = PlainDataset

    def assessment(self, due: str = "0", at_sale: str = "0", intrinsic: str = "20") -> Assessment:
        return Assessment(
            jurisdiction_code="DK",
            legal_day=date(2026, 7, 1),
            regime_digest="",
            scheme="",
            intrinsic_value=Money(Decimal(intrinsic), "EUR"),
            customs_value=Money(Decimal(intrinsic), "EUR"),
            steps=(),
            charges=(),
            due=Money(Decimal(due), "EUR"),
            collected_at_sale=Money(Decimal(at_sale), "EUR"),
        )

    def reason(self, lane: Lane, kind: ReasonKind = ReasonKind.RESTRICTED, permit_code: str = "") -> Reason:
        return Reason(
            reason_id=f"r.{lane.value}{permit_code}",
            kind=kind,
            lane=lane,
            words="Because of something.",
            permit_code=permit_code,
            permit_words="permit" if permit_code else "",
        )

    def judgement(self, *reasons: Reason) -> Judgement:
        lanes = [reason.lane for reason in reasons if not reason.is_lifted]
        lane = max(lanes, key=lambda lane: lane.rank, default=Lane.GREEN)
        return Judgement(lane=lane, reasons=reasons, draw=Draw("s", "k", "0.5", "0", False), lists_digest="")


@pytest.fixture(scope="session")
def make() -> Make:
    return Make()
