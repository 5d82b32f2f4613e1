"""The model card: what a score was learnt from, how it fares, and what it must not be taken for."""

from __future__ import annotations

from msgspec import Struct

from tidewaiter.risk.scoring.model import digest_of
from tidewaiter.risk.scoring.training import Trained


class Card(Struct, frozen=True):
    """The card of one model as data; AUCs are of rows held out within training."""

    model_digest: str
    data_digest: str
    rows: int
    base_rate: str
    features: tuple[str, ...]
    auc: float
    interval: tuple[float, float]
    shuffled_auc: float
    limits: tuple[str, ...]


def card_of(trained: Trained, data_digest: str) -> Card:
    """The card of a model trained on the file with this SHA-256; the interval is 95 % (normal, as if without skill)."""
    recipe = trained.model.recipe
    limits = (
        "Learnt from inspected declarations only: without a column of propensity it tells of those like them.",
        "Calibrated on rows held out within the training file; another period may differ: see `score drift`.",
        "A reason is the rate among comparables, not a cause.",
    )
    low, high = trained.auc - trained.half_width, trained.auc + trained.half_width
    return Card(
        digest_of(trained.model), data_digest, trained.rows, f"{trained.model.base_rate / 1_000_000:.6f}",
        (*(chain.name for chain in recipe.chains), *recipe.numbers),
        trained.auc, (round(low, 6), round(high, 6)), trained.shuffled_auc, limits,
    )  # fmt: skip


def card_text(card: Card) -> str:
    """The card as Markdown."""
    lines = [
        "# Model card", "", f"- Model: `{card.model_digest}`", f"- Data: `{card.data_digest}`, {card.rows} rows",
        f"- Base rate: {card.base_rate}", f"- AUC held out: {card.auc:.4f} ({card.interval[0]:.4f} to {card.interval[1]:.4f})",
        f"- AUC with labels shuffled: {card.shuffled_auc:.4f}", f"- Features: {', '.join(card.features)}", "", "## Limits", "",
        *(f"- {limit}" for limit in card.limits), "",
    ]  # fmt: skip
    return "\n".join(lines)
