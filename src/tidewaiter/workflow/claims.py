"""Claims of third parties found for a declaration, and the declarations that wait for a claim.

A claim is taken in like a declaration, in a dataset of its own (order, payment, logistics), and stands until its
sender changes or withdraws it. A declaration in a dataset for which the law wants claims is held against those that
stand; when one comes, changes or goes, the declarations it is on are decided anew, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol

from msgspec import Struct

from tidewaiter.model.claim import Claim, ClaimKind
from tidewaiter.model.declaration import Declaration
from tidewaiter.quality import concerns, references
from tidewaiter.regimes import Regime
from tidewaiter.workflow.records import REFERENCE_LENGTH_MAX, KeptClaim, Place, Prior, Wanted

CLAIMS_MAX: Final = (
    50  # on one parcel that count: the first ones told. Numbers of others may be the same: see `concerns`
)
TOLD_MAX: Final = 1_000  # that are found at once


class Told(Struct, frozen=True, kw_only=True):
    """A claim or a declaration found by its references. `source` is its sender's name."""

    prior: Prior
    dataset: str
    source: str
    order_id: str
    transport_document_id: str


class _Found:
    """What was found by many numbers at once, by each of them."""

    def __init__(self, wanted: Wanted, found: Sequence[Told]) -> None:
        self._wanted = set(wanted.order_ids), set(wanted.transport_document_ids)
        self._orders: dict[str, list[Told]] = {}
        self._documents: dict[str, list[Told]] = {}
        for told in found:
            self._orders.setdefault(told.order_id, []).append(told)
            self._documents.setdefault(told.transport_document_id, []).append(told)

    def answers(self, wanted: Wanted) -> bool:
        """Whether all of these numbers were among those looked for."""
        return self._wanted[0].issuperset(wanted.order_ids) and self._wanted[1].issuperset(
            wanted.transport_document_ids
        )

    def on(self, wanted: Wanted) -> list[Told]:
        """What was found by some of the numbers, in the order it was told."""
        found = [told for order_id in wanted.order_ids for told in self._orders.get(order_id, ())]
        found += [told for number in wanted.transport_document_ids for told in self._documents.get(number, ())]
        by_number = {told.prior.declaration_id: told for told in found}
        return [by_number[declaration_id] for declaration_id in sorted(by_number)]


class Finder(Protocol):
    """What is kept, as one transaction of the writer sees it."""

    def told(self, wanted: Wanted) -> Sequence[Told]:
        """What stands (not rejected, refused or withdrawn), in the order it was told; `TOLD_MAX` at most."""


Content = Callable[[Prior], tuple[tuple[Place, ...], Declaration | None]]  # the records it is made of, what they say


class Claims:
    """Looks up claims and who waits for them, within one transaction."""

    def __init__(self, finder: Finder, content: Content) -> None:
        self._finder = finder
        self._content = content
        self._ahead: dict[tuple[str, tuple[str, ...]], _Found] = {}

    def on(self, declaration: Declaration, regime: Regime) -> tuple[tuple[KeptClaim, Claim], ...]:
        """The claims that stand on a parcel, each with what is kept to find it again."""
        kinds = _claim_datasets(regime)
        found: list[tuple[KeptClaim, Claim]] = []
        for told in self._told(claims_wanted(declaration, regime)):
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

    def look_ahead(self, declarations: Sequence[tuple[Declaration, Regime]]) -> None:
        """Look up the claims on many declarations at once; for as long as none is told, or changed, in between."""
        self._ahead = {}
        for wanted in together(
            claims_wanted(declaration, regime)
            for declaration, regime in declarations
            if regime.dataset_of(declaration).is_compared
        ):
            found = self._finder.told(wanted)
            if len(found) < TOLD_MAX:  # else there may be more
                self._ahead[_kind(wanted)] = _Found(wanted, found)

    def forget(self) -> None:
        """What was looked up before is out of date."""
        self._ahead = {}

    def waiting(self, claims: Sequence[tuple[Declaration, Regime]]) -> Iterator[tuple[int, Prior]]:
        """The declarations that claims may be on and that the law compares with claims; each with the claim's index."""
        wants = [declarations_wanted(claim, regime) for claim, regime in claims]
        for all_of_them in together(wants):
            told = self._finder.told(all_of_them)
            found = _Found(all_of_them, told) if len(told) < TOLD_MAX else None  # else there may be more
            for index, wanted in enumerate(wants):
                if wanted is not None and _kind(wanted) == _kind(all_of_them):
                    own = self._finder.told(wanted) if found is None else found.on(wanted)
                    yield from ((index, each.prior) for each in own)

    def _told(self, wanted: Wanted | None) -> Sequence[Told]:
        if wanted is None:
            return ()
        ahead = self._ahead.get(_kind(wanted))
        if ahead is not None and ahead.answers(wanted):
            return ahead.on(wanted)
        return self._finder.told(wanted)


def claims_wanted(declaration: Declaration, regime: Regime) -> Wanted | None:
    """What finds the claims on a declaration; None where it names no number to find them by."""
    return _wanted(declaration, regime, tuple(_claim_datasets(regime)))


def declarations_wanted(claim: Declaration, regime: Regime) -> Wanted | None:
    """What finds the declarations that a claim may be on; None where none is compared with claims."""
    return _wanted(claim, regime, tuple(each.code for each in regime.law.datasets if each.is_compared))


def together(wants: Iterable[Wanted | None]) -> list[Wanted]:
    """The same in as few as there are jurisdictions and datasets."""
    found: dict[tuple[str, tuple[str, ...]], tuple[dict[str, None], dict[str, None]]] = {}
    for wanted in wants:
        if wanted is not None:
            orders, documents = found.setdefault(_kind(wanted), ({}, {}))
            orders.update(dict.fromkeys(wanted.order_ids))
            documents.update(dict.fromkeys(wanted.transport_document_ids))
    return [
        Wanted(
            jurisdiction_code=jurisdiction_code,
            datasets=datasets,
            order_ids=tuple(orders),
            transport_document_ids=tuple(documents),
        )
        for (jurisdiction_code, datasets), (orders, documents) in found.items()
    ]


def _wanted(declaration: Declaration, regime: Regime, datasets: tuple[str, ...]) -> Wanted | None:
    order_id, documents = references(declaration)
    if not datasets or not (order_id or documents):
        return None
    return Wanted(
        jurisdiction_code=regime.jurisdiction_code,
        datasets=datasets,
        order_ids=_as_kept((order_id,)),
        transport_document_ids=_as_kept(documents),
    )


def _as_kept(numbers: Iterable[str]) -> tuple[str, ...]:
    return tuple(number[:REFERENCE_LENGTH_MAX].replace("\x00", "") for number in numbers if number)


def _kind(wanted: Wanted) -> tuple[str, tuple[str, ...]]:
    return wanted.jurisdiction_code, wanted.datasets


def claim_of(kept: KeptClaim, stated: Declaration) -> Claim:
    """A claim from what was kept of it, and what its records say."""
    return Claim(kind=kept.kind, declaration_id=kept.declaration_id, source=kept.source, stated=stated)


def _claim_datasets(regime: Regime) -> Mapping[str, ClaimKind]:
    return {each.code: each.claim for each in regime.law.datasets if each.claim is not None}
