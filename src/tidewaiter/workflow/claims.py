"""Claims of third parties found for a declaration, and the declarations that wait for a claim.

A claim is taken in like a declaration, in a dataset of its own (order, payment, logistics), and stands until its
sender changes or withdraws it. A declaration in a dataset for which the law wants claims is held against those that
stand; when one comes, changes or goes, the declarations it is on are decided anew, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from msgspec import Struct

from tidewaiter.model.claim import Claim, ClaimKind
from tidewaiter.model.declaration import Declaration
from tidewaiter.quality import concerns, references
from tidewaiter.regimes import Regime
from tidewaiter.workflow.records import KeptClaim, Place, Prior

CLAIMS_MAX: Final = (
    50  # on one parcel that count: the first ones told. Numbers of others may be the same: see `concerns`
)


class Told(Struct, frozen=True, kw_only=True):
    """A claim or a declaration found by its references. `source` is its sender's name."""

    prior: Prior
    dataset: str
    source: str


class Wanted(Struct, frozen=True, kw_only=True):
    """Declarations wanted by order or transport document, in some datasets of one jurisdiction."""

    jurisdiction_code: str
    datasets: tuple[str, ...]
    order_id: str
    transport_document_ids: tuple[str, ...]


class Finder(Protocol):
    """What is kept, as one transaction of the writer sees it."""

    def told(self, wanted: Wanted) -> Sequence[Told]:
        """What stands (not rejected, refused or withdrawn), in the order it was told."""


Content = Callable[[Prior], tuple[tuple[Place, ...], Declaration | None]]  # the records it is made of, what they say


class Claims:
    """Looks up claims and who waits for them, within one transaction."""

    def __init__(self, finder: Finder, content: Content) -> None:
        self._finder = finder
        self._content = content

    def on(self, declaration: Declaration, regime: Regime) -> tuple[tuple[KeptClaim, Claim], ...]:
        """The claims that stand on a parcel, each with what is kept to find it again."""
        kinds = _claim_datasets(regime)
        found: list[tuple[KeptClaim, Claim]] = []
        for told in self._told(declaration, regime, tuple(kinds)):
            sources, stated = self._content(told.prior)
            if stated is None:
                continue
            kept = KeptClaim(
                kind=kinds[told.dataset], declaration_id=told.prior.declaration_id, source=told.source, sources=sources
            )
            claim = claim_of(kept, stated)
            if concerns(claim, declaration):
                found.append((kept, claim))
            if len(found) == CLAIMS_MAX:
                break
        return tuple(found)

    def waiting(self, claim: Declaration, regime: Regime) -> Iterator[Prior]:
        """The declarations that a claim may be on and that the law compares with claims."""
        datasets = tuple(each.code for each in regime.law.datasets if each.is_compared)
        if datasets:
            for told in self._told(claim, regime, datasets):
                yield told.prior

    def _told(self, declaration: Declaration, regime: Regime, datasets: tuple[str, ...]) -> Sequence[Told]:
        order_id, documents = references(declaration)
        if not datasets or not (order_id or documents):
            return ()
        return self._finder.told(
            Wanted(
                jurisdiction_code=regime.jurisdiction_code,
                datasets=datasets,
                order_id=order_id,
                transport_document_ids=documents,
            )
        )


def claim_of(kept: KeptClaim, stated: Declaration) -> Claim:
    """A claim from what was kept of it, and what its records say."""
    return Claim(kind=kept.kind, declaration_id=kept.declaration_id, source=kept.source, stated=stated)


def _claim_datasets(regime: Regime) -> Mapping[str, ClaimKind]:
    return {each.code: each.claim for each in regime.law.datasets if each.claim is not None}
