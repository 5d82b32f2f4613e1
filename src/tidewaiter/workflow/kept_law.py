"""What a kept decision rested on, at hand again: law, risk knowledge and rules by their digests, the draw, the declaration."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from tidewaiter.messages import forms
from tidewaiter.model.declaration import Declaration
from tidewaiter.regimes import Regime
from tidewaiter.risk import Chance, RiskKnowledge, Targeting
from tidewaiter.tariff.tariff import Tariff
from tidewaiter.workflow.pieces import content, sources_of
from tidewaiter.workflow.ports import Store
from tidewaiter.workflow.records import Kept, Seed
from tidewaiter.workflow.tariffs import TARIFFS_KEPT

LAWS_KEPT = 64
TARGETINGS_KEPT = 16  # each holds compiled rules


class KeptLaw:
    """Finds and holds what decisions rested on. For one thread."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._tariff = lru_cache(TARIFFS_KEPT)(lambda digest: Tariff.from_content(store.knowledge(digest)))
        self.regime: Callable[[str], Regime] = lru_cache(LAWS_KEPT)(
            lambda digest: Regime.from_content(store.knowledge(digest), self._tariff)
        )
        self.knowledge: Callable[[str], RiskKnowledge] = lru_cache(LAWS_KEPT)(
            lambda digest: RiskKnowledge.from_content(store.knowledge(digest))
        )
        self._seed: Callable[[str], Seed] = lru_cache(LAWS_KEPT)(store.seed_by_id)
        self._targeting: Callable[[str, str], Targeting] = lru_cache(TARGETINGS_KEPT)(self._compiled)

    def targeting(self, kept: Kept) -> Targeting | None:
        """What officers had published, compiled as it was then; None where no law or no knowledge was at hand."""
        if not kept.knowledge_digest or not kept.regime_digest:
            return None
        return self._targeting(kept.knowledge_digest, kept.regime_digest)

    def chance(self, kept: Kept) -> Chance:
        """The declaration's own draw."""
        seed = self._seed(kept.seed_id)
        return Chance(seed.seed, seed.seed_id, kept.draw_key)

    def declaration(self, kept: Kept, body: bytes | None = None) -> Declaration | None:
        """What was declared; `body` is its record where it is at hand. None where it cannot be read any more."""
        if body is not None and not kept.sources:
            return forms.by_name(kept.form).read(body).declaration
        return content(self._store, sources_of(kept))

    def _compiled(self, knowledge_digest: str, regime_digest: str) -> Targeting:
        rates = self.regime(regime_digest).unit_rates
        return Targeting(self.knowledge(knowledge_digest), self._store.knowledge, rates)
