"""The law of refunds as data: what a measure names is there, in units that are time or money, on every day it is in force."""

from __future__ import annotations

from datetime import date

import pytest

from tidewaiter.model.errors import NotInForceError
from tidewaiter.model.returned import ReturnReason
from tidewaiter.regimes import load_regime
from tidewaiter.regimes.library import jurisdictions
from tidewaiter.revenue.windows import last_day

DAYS = (date(2024, 2, 29), date(2026, 6, 15), date(2026, 11, 27))


@pytest.mark.parametrize("code", sorted(jurisdictions()))
@pytest.mark.parametrize("on", DAYS)
def test_what_a_refund_names_is_in_force(code: str, on: date) -> None:
    try:
        regime = load_regime(code, on)
    except NotInForceError:  # modelled since a later day
        return
    for measure_id, refund in regime.law.refunds.items():
        for window in filter(None, (refund.window, refund.exit_window)):
            assert last_day(on, regime.figure(window)) > on
        if refund.minimum:
            assert regime.figure(refund.minimum).unit == regime.currency
        if refund.share:
            assert regime.figure(refund.share).unit == "%"
        assert regime.citation(measure_id).address
        assert refund.evidence


@pytest.mark.parametrize(
    ("code", "reason", "window", "counted_from"),
    [
        ("DK", ReturnReason.RETURNED, "90 days", "import"), ("DE", ReturnReason.NOT_AS_ORDERED, "1 years", "import"),
        ("GB", ReturnReason.NOT_AS_ORDERED, "1 years", "import"), ("AE", ReturnReason.RETURNED, "60 days", "exit"),
        ("CN", ReturnReason.RETURNED, "30 days", "release"), ("CH", ReturnReason.RETURNED, "60 days", "exit"),
        ("JP", ReturnReason.RETURNED, "6 months", "import"), ("KR", ReturnReason.RETURNED, "6 months", "import"),
        ("NZ", ReturnReason.NOT_AS_ORDERED, "12 months", "import"), ("AU", ReturnReason.RETURNED, "4 years", "exit"),
        ("CA", ReturnReason.RETURNED, "2 years", "import"), ("CA", ReturnReason.NOT_AS_ORDERED, "2 years", "import"),
        ("US", ReturnReason.RETURNED, "5 years", "import"), ("US", ReturnReason.NOT_AS_ORDERED, "5 years", "import"),
    ],
)  # fmt: skip
def test_windows_are_those_of_the_pages_read(code: str, reason: ReturnReason, window: str, counted_from: str) -> None:
    regime = load_regime(code, date(2026, 6, 15))
    (refund,) = (each for each in regime.law.refunds.values() if each.reason is reason)
    figure = regime.figure(refund.window)
    assert (f"{figure.value} {figure.unit}", refund.counted_from) == (window, counted_from)


def test_what_changed_on_a_day_changed_on_that_day() -> None:
    before, after = (
        load_regime("NZ", on).figure("refund.window").value for on in (date(2025, 9, 23), date(2025, 9, 24))
    )
    assert (before, after) == (2, 12)
