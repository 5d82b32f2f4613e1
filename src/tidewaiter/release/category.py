"""Categories of the WCO Immediate Release Guidelines (2018): 1 documents, 2 and 3 low value, 4 high value."""

from __future__ import annotations

from tidewaiter.model.assessment import Assessment, Collection
from tidewaiter.model.decision import Category
from tidewaiter.model.declaration import Declaration

PRINTED_MATTER = ("4901", "4902", "4906", "4907", "4909", "4911")
"""Headings of the Harmonized System for letters, documents and printed matter."""

_LOW_VALUE = ("1", "2", "3")


def category(declaration: Declaration, assessment: Assessment, *, hint: str) -> Category:
    """The category of an accepted declaration; `hint` is what its dataset says of itself, "" where the value decides.

    1 when every line is printed matter and the whole has no value. 2 or 3 for
    the reduced datasets, and for a full one on which every charge is relieved
    or collected at the sale, which the law does for low values only: 3 when
    anything is owed, at the border or at the sale. Else 4.
    """
    if _is_correspondence(declaration, assessment):
        return Category.CORRESPONDENCE
    if hint not in _LOW_VALUE and (hint or not _nothing_is_left_for_the_border(assessment)):
        return Category.HIGH_VALUE
    is_owed = assessment.due.amount or assessment.collected_at_sale.amount
    return Category.LOW_VALUE_DUTIABLE if is_owed else Category.LOW_VALUE_FREE


def _nothing_is_left_for_the_border(assessment: Assessment) -> bool:
    charges = assessment.charges
    return bool(charges) and all(charge.collection is not Collection.BORDER for charge in charges)


def _is_correspondence(declaration: Declaration, assessment: Assessment) -> bool:
    return (
        not assessment.intrinsic_value.amount
        and bool(declaration.goods_items)
        and all(item.commodity_code.startswith(PRINTED_MATTER) for item in declaration.goods_items)
    )
