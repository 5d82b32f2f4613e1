"""What an imported tariff says against goods, as reasons beside those of goods controls.

A prohibition that nothing lifts sends the goods to examination, a control whose document is missing waits for it. A
control that may not concern the goods (they could be waived, fall under a free quantity, or bear a code it is not on)
is named and leads to an audit: a tariff puts controls on whole headings, and silence is no proof.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.judgement import Lane, Reason, ReasonKind
from tidewaiter.tariff.controls import Control, Controls, document_text, documents_in_words
from tidewaiter.tariff.tariff import Tariff

TARIFFS_KEPT = 16
NOT_NAMED = "document that the tariff asks for"


def reasons_by_tariff(declaration: Declaration, tariff: Tariff, on: date, measure_id: str) -> list[Reason]:
    """One reason for each import prohibition or control on a line, lifted ones too; by line.

    `measure_id` is what the edition of the tariff is cited as. A code that the tariff does not have gives none: that
    is a finding.
    """
    controls = _controls(tariff, on)
    return [
        _reason(control, declaration, position, tariff, measure_id)
        for position, item in enumerate(declaration.goods_items, 1)
        for control in controls.on(item.commodity_code, item.origin_country_code)
    ]


@lru_cache(maxsize=TARIFFS_KEPT)
def _controls(tariff: Tariff, on: date) -> Controls:
    return Controls(tariff, on)


def _reason(control: Control, declaration: Declaration, position: int, tariff: Tariff, measure_id: str) -> Reason:
    item = declaration.goods_items[position - 1]
    lifting = _lifting(control, declaration, item)
    permit = lifting or next((each for each in control.documents if each not in control.waivers), "")
    permit = permit or next(iter(control.documents), "")
    measure = control.measure
    return Reason(
        reason_id=f"tariff.{measure.type_code}.{measure.measure_id or measure.code}",
        kind=ReasonKind.PROHIBITED if control.is_prohibition and not control.doubt else ReasonKind.RESTRICTED,
        lane=_lane(control),
        words=_words(control, item, tariff),
        pointer=f"goods_items[{position}].commodity_code",
        value=item.commodity_code,
        permit_code=permit,
        permit_words=(document_text(permit, tariff) or NOT_NAMED) if permit else "",
        is_lifted=bool(lifting),
        measure_id=measure_id,
    )


def _lane(control: Control) -> Lane:
    if control.doubt or control.waivers or control.has_free_quantity:
        return Lane.BLUE
    return Lane.RED if control.is_prohibition else Lane.YELLOW


def _lifting(control: Control, declaration: Declaration, item: GoodsItem) -> str:
    documents = item.documents + declaration.documents
    coded = {each.type_code for each in documents}
    numbered = {each.type_code for each in documents if each.document_id}
    return control.lifting(coded, numbered) if documents else ""


def _words(control: Control, item: GoodsItem, tariff: Tariff) -> str:
    """What it is, by which act and for whom, what lets the goods in, and what is not sure."""
    measure = control.measure
    act = f" ({measure.regulation})" if measure.regulation else ""
    parts = [
        f"{control.title}{act}: the commodity code {item.commodity_code}, in the tariff of {tariff.jurisdiction_code}"
    ]
    if control.documents:
        parts.append(f"it comes in with {documents_in_words(control, tariff)}")
    if control.has_free_quantity:
        parts.append("small quantities are free; which, is not held against the goods here")
    if control.doubt:
        parts.append(control.doubt)
    return f"{'; '.join(parts)}."
