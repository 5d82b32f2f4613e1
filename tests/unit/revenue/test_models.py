"""The models of revenue collection over all regimes: each charge has somebody who owes it, collects it, and a day it is due."""

from __future__ import annotations

from datetime import date
from typing import get_args

import pytest

from tidewaiter.model.errors import NotInForceError
from tidewaiter.regimes import jurisdictions, load_regime
from tidewaiter.regimes.documents import AddOnDocument, Due, Moment, ObligationDocument, Role, SchemeDocument
from tidewaiter.regimes.law import Obligation
from tidewaiter.regimes.library import lineage, merged
from tidewaiter.revenue.obligations import PARTIES, Model, default_obligation, model_of
from tidewaiter.revenue.report import due_words, render_models, used_obligations

TODAY = date(2026, 11, 27)


def days(code: str) -> list[date]:
    """The days on which a scheme, an add-on or an obligation of a jurisdiction begins."""
    kinds = (SchemeDocument, AddOnDocument, ObligationDocument)
    found = {day for _, each in merged(lineage(code)).values() if isinstance(each, kinds) for day in each.values}
    return sorted(found | {TODAY})


@pytest.mark.parametrize("code", jurisdictions())
def test_every_charge_obliges_somebody(code: str) -> None:
    checked = 0
    for day in days(code):
        try:
            law = load_regime(code, day).law
        except NotInForceError:
            continue
        for scheme in (*law.schemes, *law.addons):
            for use in scheme.charges:
                measure_id = use.obligation or default_obligation(use.collection)
                if not measure_id:
                    continue
                obligation = law.obligations.get(measure_id)
                where = f"{code} on {day}: {scheme.measure_id}, {use.charge}"
                assert obligation is not None, f"{where}: {measure_id} is not in force"
                assert obligation.liable in get_args(Role), where
                assert obligation.liable in PARTIES, f"{where}: nobody in a declaration is the {obligation.liable}"
                assert obligation.collector == "customs" or obligation.collector in PARTIES, where
                assert obligation.moment in get_args(Moment), where
                assert obligation.account, f"{where}: {measure_id} names no account"
                due = obligation.due
                assert (due.days_after is not None) != (due.months > 0), f"{where}: {due}"
                checked += 1
    assert checked, f"{code} charges nothing"


def test_each_model_occurs_and_is_named_in_the_docs() -> None:
    models = {
        model_of(Obligation(**{name: getattr(document, name) for name in Obligation.__struct_fields__}))
        for code in jurisdictions()
        for document in used_obligations(code).values()
    }
    # the fourth is none of the law's: it is granted, see tests/contract/test_bookkeeping.py
    assert models == {Model.BUYER, Model.VENDOR, Model.INTERMEDIARY}
    page = render_models()
    assert all(f"| {model} |" in page for model in Model)
    assert all(f"({code})" in page for code in jurisdictions())


@pytest.mark.parametrize(
    ("due", "words"),
    [
        (Due(days_after=0), "at once"),
        (Due(days_after=30), "30 days after"),
        (Due(months=1, day=0), "the last day of the month after each month"),
        (Due(months=3, day=20), "day 20 of the month after each quarter"),
        (Due(months=1, day=7, counts_business_days=True), "working day 7 of the month after each month"),
    ],
)
def test_due_in_words(due: Due, words: str) -> None:
    assert due_words(due) == words
