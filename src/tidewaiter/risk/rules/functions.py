"""The functions of the rule language: how each is written, what it takes and what it means."""

from __future__ import annotations

from typing import NamedTuple


class Function(NamedTuple):
    """One function: how many terms it takes (a method's own first one counts), what a call costs, what it means."""

    form: str
    least: int
    most: int
    cost: int
    words: str


FUNCTIONS: dict[str, Function] = {
    "money": Function('money("150 EUR")', 1, 1, 0, "An amount of one currency."),
    "date": Function('date("2026-07-01")', 1, 1, 0, "A day."),
    "timestamp": Function('timestamp("2026-07-01T10:00:00Z")', 1, 1, 0, "A moment, with its offset from UTC."),
    "list": Function('list("seized_brands")', 1, 1, 0, "A list kept elsewhere, by name; the context gives its members."),
    "feature": Function('feature("consignee_count_30d")', 1, 1, 1, "A feature worked out from history; missing where it was not."),
    "score": Function('score("undervaluation")', 1, 1, 1, "A score of a learned model, a number; missing where none was given."),
    "has": Function("has(consignee.phone)", 1, 1, 1, "Whether there is a value; never missing itself. A list has one when it has a member."),
    "size": Function("size(item.description)", 1, 1, 2, "How many characters a text has, or members a list."),
    "days_between": Function("days_between(consignment.posted_on, legal_day)", 2, 2, 2, "Whole days from the first to the second day, negative when it lies before; a moment counts as its day in UTC."),
    "any_line": Function("any_line(item.net_mass_kg > 30)", 1, 1, 1, "Whether the condition holds for a goods line at least."),
    "all_lines": Function('all_lines(item.origin_country_code == "XX")', 1, 1, 1, "Whether it holds for every line; true of no lines."),
    "count_lines": Function("count_lines(has(item.url))", 1, 1, 1, "For how many lines it holds."),
    "sum_lines": Function("sum_lines(item.net_mass_kg)", 1, 2, 1, "The sum over the lines (for which the second term holds); missing of no lines, and as soon as one of them lacks the value: has(…) as second term leaves those out."),
    "min_lines": Function("min_lines(item.invoice_price)", 1, 2, 1, "The least; missing as soon as one of them lacks the value, or of no lines."),
    "max_lines": Function("max_lines(item.invoice_price)", 1, 2, 1, "The greatest; missing as soon as one of them lacks the value, or of no lines."),
    "distinct_lines": Function("distinct_lines(item.commodity_code)", 1, 2, 1, "How many different texts the lines have; lines that lack it are not counted."),
}  # fmt: skip

METHODS: dict[str, Function] = {
    "contains": Function('item.description.contains("lot")', 2, 2, 4, "Whether the text stands in it, letter by letter."),
    "startsWith": Function('item.commodity_code.startsWith("61")', 2, 2, 1, "Whether it begins with the text."),
    "startsWithAny": Function('item.commodity_code.startsWithAny(["61", "62"])', 2, 2, 2, "Whether it begins with one of a list."),
    "endsWith": Function('consignee.email.endsWith(".example")', 2, 2, 1, "Whether it ends with the text."),
    "matches": Function('item.sku.matches(r"^[A-Z]{2}\\d+$")', 2, 2, 20, "Whether a part of it matches the RE2 pattern, which is searched in linear time; ^ and $ hold on to the ends."),
    "hasWords": Function('item.description.hasWords("replica watch")', 2, 2, 6, "Whether the words stand in it one after the other, whatever their case, accents and punctuation."),
    "hasAnyWords": Function('item.description.hasAnyWords(list("seized_brands"))', 2, 2, 8, "The same for one of a list."),
    "overlaps": Function('documents.type_code.overlaps(["N740", "N741"])', 2, 2, 2, "Whether a list has a member of another."),
}  # fmt: skip
