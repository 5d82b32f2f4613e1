"""The law of one jurisdiction on one day, loaded from dated, cited data. Day → Regime."""

from tidewaiter.regimes.days import legal_day_at
from tidewaiter.regimes.law import Dataset, Figure
from tidewaiter.regimes.library import jurisdictions, load_regime
from tidewaiter.regimes.regime import Regime

__all__ = ["Dataset", "Figure", "Regime", "jurisdictions", "legal_day_at", "load_regime"]
