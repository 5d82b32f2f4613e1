"""What an examination tells of one kind of risk: that it was there, that it was not, or nothing.

An X-ray shows no price, and papers show no counterfeit: that all was in order says so only of what the controls could have shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tidewaiter.model.judgement import Lane
from tidewaiter.model.outcome import Control, ExaminationOutcome, Result, RiskType

_PAPERS: Final = frozenset({Control.DOCUMENTARY, Control.PHYSICAL})
_GOODS: Final = frozenset({Control.PHYSICAL, Control.LABORATORY, Control.OTHER_AGENCY})
_INSIDE: Final = _GOODS | {Control.NII}
SHOWN_BY: Final[Mapping[RiskType, frozenset[Control]]] = {
    RiskType.UNDERVALUATION: _PAPERS,
    RiskType.MISDESCRIPTION: _INSIDE,
    RiskType.CLASSIFICATION: _PAPERS | {Control.LABORATORY},
    RiskType.ORIGIN: _PAPERS | {Control.LABORATORY},
    RiskType.QUANTITY: frozenset({Control.PHYSICAL, Control.NII}),
    RiskType.SPLITTING: _PAPERS,
    RiskType.GIFT: _PAPERS,
    RiskType.PROHIBITED: _INSIDE,
    RiskType.IPR: _GOODS,
    RiskType.SECURITY: _INSIDE,
    RiskType.OTHER: frozenset({Control.PHYSICAL}),
}


def lanes_showing(risk_type: RiskType | None) -> frozenset[Lane]:
    """The lanes in which this risk (None: anything at all) comes to light: red, and yellow where papers show it."""
    papers = risk_type is not None and Control.DOCUMENTARY in SHOWN_BY[risk_type]
    return frozenset({Lane.RED, Lane.YELLOW} if papers else {Lane.RED})


def label_of(outcome: ExaminationOutcome, risk_type: RiskType | None) -> bool | None:
    """Whether this risk (None: anything at all) was found; None where the examination cannot tell.

    Simplified (A3) is no control of this office. Where no control is named, A2 was by documents alone and others by hand.
    """
    if risk_type is None and not outcome.is_in_order:
        return True
    if any(found.risk_type is risk_type for found in outcome.found):
        return True
    if outcome.result is Result.SIMPLIFIED:
        return None
    usual = Control.DOCUMENTARY if outcome.result is Result.CONSIDERED_SATISFACTORY else Control.PHYSICAL
    controls = outcome.controls or (usual,)
    shown = _GOODS if risk_type is None else SHOWN_BY[risk_type]
    return False if shown.intersection(controls) else None
