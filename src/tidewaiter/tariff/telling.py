"""A measure in words, as a person reads it: on the command line and on the page."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from tidewaiter.tariff.kinds import title_of
from tidewaiter.tariff.records import Measure, days


class Told(Struct, frozen=True, kw_only=True):
    """One measure, each part as a text; empty where it has none. `duty` is the publisher's own sentence."""

    type: str
    area: str
    duty: str
    additional_code: str
    quota: str
    days: str
    regulation: str
    conditions: str


def told(measure: Measure) -> Told:
    """The measure in words: what it is, for whom, how much, when and on what conditions."""
    excluded = f" but {', '.join(measure.excluded)}" if measure.excluded else ""
    return Told(
        type=f"{measure.type_code} {title_of(measure)}",
        area=measure.area + excluded,
        duty=measure.duty,
        additional_code=measure.additional_code,
        quota=measure.order_number,
        days=days(measure),
        regulation=measure.regulation,
        conditions="; ".join(_conditions(measure)),
    )


def _conditions(measure: Measure) -> Iterator[str]:
    for each in measure.conditions:
        limit = each.threshold
        what = each.document_code or (f"{limit.amount} {limit.currency}{limit.unit}" if limit else "otherwise")
        duty = f" {each.duty}" if each.duty else ""
        yield f"{each.condition_code} {what}: {each.action or each.action_code}{duty}"
