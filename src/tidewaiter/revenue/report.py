"""Who owes what, who collects it and when, in every jurisdiction: made from the law data itself."""

from __future__ import annotations

from collections.abc import Iterator

from tidewaiter.regimes.documents import AddOnDocument, Due, ObligationDocument, SchemeDocument
from tidewaiter.regimes.law import Obligation
from tidewaiter.regimes.library import jurisdictions, lineage, merged
from tidewaiter.revenue.due import MONTHS
from tidewaiter.revenue.obligations import Model, default_obligation, model_of

QUARTER = 3
INTRODUCTION = f"""\
<!-- made by `tidewaiter docs write` -->
# Models of revenue collection

The WCO's Framework of Standards on Cross-Border E-Commerce, standard 8, knows several models. Each obligation of the law follows
one; which one is the regime's word, and the accounts are kept accordingly ([how](../ACCOUNTS.md)).

| model | who pays |
|---|---|
| {Model.BUYER} | who receives the goods pays customs, before or at release |
| {Model.VENDOR} | the seller pays: at the sale, under its registration, or at the border |
| {Model.INTERMEDIARY} | a marketplace, carrier or post collects from another and pays in |
| {Model.PRINCIPAL} | the declarant or importer is granted a deferment account: what is owed under another model is taken over by it and settled by the month (`tidewaiter accounts grant --kind deferment`) |

One row for each obligation that a scheme uses, as it is now. *Not confirmed* means that no source was found for it: the note in
[LAW.md](../LAW.md) says why.

| jurisdiction | obligation | model | owes | collects | when | due | account | secured | confirmed |
|---|---|---|---|---|---|---|---|---|---|
"""


def render_models() -> str:
    """The page `docs/reference/models.md`."""
    return INTRODUCTION + "".join(_rows())


def used_obligations(code: str) -> dict[str, ObligationDocument]:
    """The obligations that a jurisdiction's schemes and add-ons use, by id, in the order they are met."""
    documents = {measure_id: document for measure_id, (_, document) in merged(lineage(code)).items()}
    found: dict[str, ObligationDocument] = {}
    for document in documents.values():
        if isinstance(document, SchemeDocument | AddOnDocument):
            for use in document.charges:
                measure_id = use.obligation or default_obligation(use.collection)
                named = documents.get(measure_id)
                if measure_id and isinstance(named, ObligationDocument):
                    found[measure_id] = named
    return found


def due_words(due: Due) -> str:
    """When an obligation is due, in words."""
    if due.days_after is not None:
        return "at once" if due.days_after == 0 else f"{due.days_after} days after"
    span = {1: "month", QUARTER: "quarter", MONTHS: "year"}.get(due.months, f"{due.months} months")
    if due.counts_business_days:
        return f"working day {due.day} of the month after each {span}"
    day = f"day {due.day}" if due.day else "the last day"
    return f"{day} of the month after each {span}"


def _rows() -> Iterator[str]:
    for code, title in jurisdictions().items():
        for document in used_obligations(code).values():
            names = Obligation.__struct_fields__
            law = Obligation(**{name: getattr(document, name) for name in names})
            owes = law.liable + (f" (with {', '.join(law.jointly_liable)})" if law.jointly_liable else "")
            cells = (
                f"{title} ({code})", document.title, str(model_of(law)), owes, law.collector, law.moment,
                due_words(law.due), law.account, "may be" if law.is_guaranteed else "–",
                "yes" if document.is_confirmed else "**no**",
            )  # fmt: skip
            yield f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n"
