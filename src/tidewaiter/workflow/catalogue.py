"""What marketplaces' catalogues say of the products that a declaration names, beside what it declares.

A product is told once, as a claim (`model.claim`); a line that names its number within the same marketplace is shown
with it to whoever looks at the declaration. Decisions do not rest on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from tidewaiter.model.claim import ClaimKind, product_reference
from tidewaiter.model.decision import State
from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.finding import Finding
from tidewaiter.quality import product_differences
from tidewaiter.workflow.pieces import content, sources_of
from tidewaiter.workflow.ports import DeclarationRow, Filter, Store

DATASET: Final = ClaimKind.PRODUCT.name
LINES_MAX: Final = 100  # that are looked up: the first ones that name a product
_GONE: Final = frozenset({State.REJECTED, State.REFUSED, State.INVALIDATED})


class Offered(Struct, frozen=True, kw_only=True):
    """A line of a declaration and the product of the catalogue that it names.

    `declaration_id` is the number the product was taken in under, `source` who told it, `differs` where the line says
    otherwise: at the place in the declaration.
    """

    line: int
    declaration_id: int
    source: str
    product: GoodsItem
    differs: tuple[Finding, ...]


def offered(store: Store, declaration: Declaration, *, sender_id: int | None = None) -> tuple[Offered, ...]:
    """The products that lines of a declaration name, as last told by each who told them; of one sender only, or of all."""
    lines = _references(declaration)
    if not lines:
        return ()
    wanted = Filter(
        dataset=DATASET, references=tuple(lines), sender_id=sender_id, jurisdiction_code=declaration.jurisdiction_code,
        limit=2 * LINES_MAX,
    )  # fmt: skip
    rows = [row for row in store.declarations(wanted) if row.state not in _GONE]
    found = [each for row in rows for each in _offers(store, declaration, row, lines)]
    return tuple(sorted(found, key=lambda each: (each.line, each.declaration_id)))


def _references(declaration: Declaration) -> dict[str, list[int]]:
    """What each product named would be known by, with the lines (from 1) that name it."""
    marketplace_id = declaration.marketplace.party_id if declaration.marketplace else ""
    lines: dict[str, list[int]] = {}
    for line, item in enumerate(declaration.goods_items, start=1):
        for number in filter(None, dict.fromkeys((item.sku, item.gtin))):
            lines.setdefault(product_reference(marketplace_id, number), []).append(line)
        if len(lines) >= LINES_MAX:
            break
    return lines


def _offers(
    store: Store, declaration: Declaration, row: DeclarationRow, lines: Mapping[str, Sequence[int]]
) -> Iterator[Offered]:
    stated = content(store, sources_of(store.kept(row.declaration_id)))
    if stated is None or not stated.goods_items:
        return
    product = stated.goods_items[0]
    for line in lines.get(row.functional_reference_id, ()):
        item = declaration.goods_items[line - 1]
        yield Offered(
            line=line,
            declaration_id=row.declaration_id,
            source=row.sender_name,
            product=product,
            differs=tuple(product_differences(f"goods_items[{line}]", item, product)),
        )
