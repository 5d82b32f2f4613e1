"""The law of stock as data has it, for the reference: order of consumption, ways of declaring, what becomes of duty."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources

from tidewaiter.stock.law import Codes, Page, page_of


def render_stock_law() -> str:
    """A section for each file of `data/stock`, with every source and whether it was confirmed."""
    folder = resources.files("tidewaiter.data") / "stock"
    names = sorted(file.name.removesuffix(".yaml") for file in folder.iterdir() if file.name.endswith(".yaml"))
    lines: list[str] = []
    for name in names:
        page = page_of(name)
        assert page is not None, "it was just listed"
        lines += [f"### {name}: {page.title}", "", page.note, "", *_tables(page), "", *_sources(page), ""]
    return "\n".join(lines)


def _tables(page: Page) -> Iterator[str]:
    yield "| from | what | how | source |"
    yield "|---|---|---|---|"
    for day, order in page.consumption.items():
        yield f"| {day} | order of consumption | {order.order.value} | {', '.join(order.sources)} |"
    for place, flows in page.flows.items():
        for flow, dated in flows.items():
            for day, codes in dated.items():
                yield f"| {day} | {place.value}, {flow.value} | {_codes(codes)} | {', '.join(codes.sources)} |"
    for kind, rules in page.discharge.items():
        for day, rule in rules.items():
            yield f"| {day} | {kind.value} | debt: {rule.debt.value}. {rule.words} | {', '.join(rule.sources)} |"


def _codes(codes: Codes) -> str:
    if not codes.procedure_code:
        return f"{codes.filing.value} alone"
    said = [f"procedure {codes.procedure_code} {codes.previous_procedure_code}", f"type {codes.type_code}"]
    if codes.procedure_category:
        said.append(f"dataset {codes.procedure_category}")
    if codes.additional_procedure_codes:
        said.append(f"additional {', '.join(codes.additional_procedure_codes)}")
    return ", ".join(said)


def _sources(page: Page) -> Iterator[str]:
    for name, source in page.sources.items():
        where = f"[{source.title}]({source.address})" if source.address else source.title
        read = f", read {source.read_on}" if source.read_on else ""
        yield f"- `{name}`: {where}{read}{'' if source.is_confirmed else ' (not confirmed)'}"
