"""A score that learns from inspection outcomes: trained offline, run exactly in whole numbers.

    trained = train(rows, recipe, Settings(seed=1))      # in `training`; needs the extra `risk`
    scored = trained.model.score({"HS6 Code": "440890", ...})    # needs nothing; micro-units of probability, reasons

A model is content: `model_bytes` are canonical, their SHA-256 is the model's digest, and `read_model` gives it back.
"""

from tidewaiter.risk.scoring.drift import Drift, population_stability
from tidewaiter.risk.scoring.model import Scored, ScoreModel, digest_of, model_bytes, read_model
from tidewaiter.risk.scoring.recipe import Chain, Level, ModelError, Recipe

__all__ = [
    "Chain",
    "Drift",
    "Level",
    "ModelError",
    "Recipe",
    "ScoreModel",
    "Scored",
    "digest_of",
    "model_bytes",
    "population_stability",
    "read_model",
]
