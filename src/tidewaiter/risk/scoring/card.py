"""The model card: what a score was learnt from, how it fares, and what it must not be taken for."""

from __future__ import annotations

from decimal import Decimal

from msgspec import UNSET, Struct

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
    source: str = "a file"
    effective_rows: int = 0
    plain_rate: str = ""
    amount: str = ""
    left_out: dict[str, int] = {}
    learnt_until: str = ""  # the last day of the examinations it was learnt from; empty where it is not known


class Source(Struct, frozen=True):
    """Where rows came from, in words; their SHA-256; how many examinations taught nothing, by reason; their last day."""

    words: str
    data_digest: str
    left_out: dict[str, int] = {}
    learnt_until: str = ""


def card_of(trained: Trained, source: Source) -> Card:
    """The card of a model; the interval is 95 % (normal, as if without skill)."""
    recipe = trained.model.recipe
    weighted = recipe.propensity is not None
    limits = (
        "Learnt from inspected declarations, weighed by the inverse of the probability with which each was chosen: of those"
        " that could not be chosen it tells nothing." if weighted else
        "Learnt from inspected declarations only: without a column of propensity it tells of those like them.",
        "Calibrated on rows held out within the training rows; another period may differ: see `score drift`.",
        "A reason is the rate among comparables, not a cause.",
    )  # fmt: skip
    low, high = trained.auc - trained.half_width, trained.auc + trained.half_width
    return Card(
        digest_of(trained.model), source.data_digest, trained.rows, f"{trained.model.base_rate / 1_000_000:.6f}",
        (*(chain.name for chain in recipe.chains), *recipe.numbers),
        trained.auc, (round(low, 6), round(high, 6)), trained.shuffled_auc, limits, source=source.words,
        effective_rows=trained.effective_rows, plain_rate=f"{trained.plain_rate:.6f}", amount=_amount(trained),
        left_out=source.left_out, learnt_until=source.learnt_until,
    )  # fmt: skip


def _amount(trained: Trained) -> str:
    """What the model says of amounts, in words; empty where it was taught none."""
    amount = trained.model.amount
    if amount is UNSET:
        return ""
    how = f"{len(amount.trees)} trees" if amount.trees else "the mean alone"
    mean = f"{Decimal(amount.mean).scaleb(-2)} {amount.currency}"
    return f"{how}, of {trained.owed_rows} rows not in order; mean {mean}, at most {Decimal(amount.most).scaleb(-2)}"


def card_text(card: Card) -> str:
    """The card as Markdown."""
    lines = [
        "# Model card", "", f"- Model: `{card.model_digest}`", f"- Learnt from: {card.source}",
        f"- Data: `{card.data_digest}`, {card.rows} rows, which weigh as much as {card.effective_rows} alike",
        f"- Base rate: {card.base_rate} (of the rows, unweighted: {card.plain_rate})",
        *([f"- Owed where not in order: {card.amount}"] if card.amount else []),
        *(f"- Left out, as {why}: {count}" for why, count in card.left_out.items()), f"- AUC held out: {card.auc:.4f} ({card.interval[0]:.4f} to {card.interval[1]:.4f})",
        f"- AUC with labels shuffled: {card.shuffled_auc:.4f}", f"- Features: {', '.join(card.features)}", "", "## Limits", "",
        *(f"- {limit}" for limit in card.limits), "",
    ]  # fmt: skip
    return "\n".join(lines)
