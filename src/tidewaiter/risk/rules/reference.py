"""docs/reference/risk-rules.md: the rule language, every construct with its meaning and examples that are tested."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from tidewaiter.model.declaration import Address, Consignment, Declaration, Document, GoodsItem, Party
from tidewaiter.model.money import Money
from tidewaiter.risk.rules.catalogue import DIGITS_MAX, Record, catalogue
from tidewaiter.risk.rules.checking import COST_MAX, LINES_ASSUMED, MISTAKES_MAX, PATTERN_LENGTH_MAX
from tidewaiter.risk.rules.context import Context
from tidewaiter.risk.rules.files import FILE_LENGTH_MAX, PROBLEMS_MAX, RULES_MAX, WORDS_LENGTH_MAX
from tidewaiter.risk.rules.functions import FUNCTIONS, METHODS, Function
from tidewaiter.risk.rules.normal import ALTERNATIVES_MAX
from tidewaiter.risk.rules.reading import (
    CONDITION_LENGTH_MAX,
    DECIMALS_MAX,
    DEPTH_MAX,
    WHOLE_DIGITS_MAX,
)
from tidewaiter.risk.rules.rule import ControlTask
from tidewaiter.risk.rules.syntax import Kind


class Example(NamedTuple):
    """A condition, what it is of the sample parcel (True, False or None: missing), and why."""

    condition: str
    value: bool | None
    words: str


def sample() -> Record:
    """The parcel that the examples speak of."""
    lines = (
        GoodsItem(
            line_no=1,
            description="Répliça WATCH, men's",
            commodity_code="910211",
            origin_country_code="XA",
            invoice_price=Money(Decimal("30.00"), "EUR"),
            net_mass_kg=Decimal("0.2"),
            additional_procedure_codes=("C08",),
        ),
        GoodsItem(
            line_no=2,
            description="cotton shirt",
            commodity_code="610910",
            origin_country_code="XB",
            invoice_price=Money(Decimal("20.00"), "EUR"),
        ),
    )
    declaration = Declaration(
        consignee=Party(name="Jane Doe", address=Address(country_code="XC", postcode="8000")),
        documents=(Document(type_code="N740"),),
        consignment=Consignment(gross_mass_kg=Decimal("0.5"), package_count=0, posted_on=date(2026, 6, 25)),
        goods_items=lines,
    )
    features = {"consignee_count_30d": 4}
    return Record(
        declaration=declaration,
        legal_day=date(2026, 7, 1),
        features=features,
        scores={"undervaluation": Decimal("0.82")},
    )


def sample_context() -> Context:
    """Lists, features, scores and rates of the examples."""
    return Context(
        lists={"seized_brands": ("replica watch", "Acme")},
        features={"consignee_count_30d": Kind.NUMBER},
        scores=frozenset(("undervaluation",)),
        rates={"EUR": Decimal(1), "USD": Decimal("0.5")},
    )


EXAMPLES = {
    "Missing values": (
        Example('consignee.phone == "1"', None, "there is no phone, so the comparison is missing"),
        Example('!(consignee.phone == "1")', None, "and so is its negation: neither holds"),
        Example('consignee.phone != "1"', None, "!= is a comparison like the others"),
        Example("!has(consignee.phone)", True, "has is never missing itself"),
        Example('consignee.phone == "1" || consignee.name == "Jane Doe"', True, "|| is true as soon as a part is"),
        Example('!(consignee.phone == "1" && consignee.name == "Joe")', True, "&& is false as soon as a part is"),
        Example("consignment.gross_mass_kg / consignment.package_count > 1", None, "division by zero is missing"),
        Example("has(consignment.gross_mass_kg / consignment.package_count)", False, "as has tells"),
    ),
    "Numbers and money": (
        Example("consignment.gross_mass_kg == 0.50", True, "decimals are exact: 0.5 is 0.50"),
        Example("consignment.gross_mass_kg / 3 * 3 == 0.5", True, "nothing is rounded on the way"),
        Example('sum_lines(item.invoice_price) == money("50 EUR")', True, "amounts carry their currency"),
        Example('sum_lines(item.invoice_price) == money("100 USD")', True, "others are converted by the day's rates"),
        Example('sum_lines(item.invoice_price) > money("1 XTS")', None, "without a rate the comparison is missing"),
    ),
    "Texts and lists": (
        Example('consignee.name == "jane doe"', False, "texts are equal letter by letter"),
        Example('consignee.name.hasWords("DOE")', True, "words are found whatever their case and accents"),
        Example('any_line(item.description.hasAnyWords(list("seized_brands")))', True, "and lists of them"),
        Example('any_line(item.description.contains("watch"))', False, "contains looks letter by letter"),
        Example('consignee.address.postcode.matches(r"^8\\d{3}$")', True, "patterns are RE2's"),
        Example('"N740" in documents.type_code', True, "a field that is a list"),
        Example('!("Y900" in documents.type_code)', True, "a list is never missing, only empty"),
    ),
    "Days": (
        Example("days_between(consignment.posted_on, legal_day) == 6", True, "whole days"),
        Example('legal_day >= date("2026-07-01")', True, "the day of the law that is applied"),
    ),
    "Goods lines": (
        Example("all_lines(item.net_mass_kg < 1)", None, "line 2 has no mass, and no line is against it"),
        Example("any_line(item.net_mass_kg < 1)", True, "line 1"),
        Example("sum_lines(item.net_mass_kg) > 0", None, "a sum of which a part is missing is missing"),
        Example("sum_lines(item.net_mass_kg, has(item.net_mass_kg)) > 0", True, "unless those lines are left out"),
        Example('count_lines(item.commodity_code.startsWith("61")) == 1', True, "how many lines"),
        Example("distinct_lines(item.origin_country_code) > 1", True, "how many different"),
    ),
    "Features and scores": (
        Example('feature("consignee_count_30d") > 3', True, "worked out from history"),
        Example('score("undervaluation") >= 0.8', True, "a learned score, from 0 to 1"),
    ),
}


def render_risk_rules() -> str:
    """The page, as Markdown."""
    parts = [
        _HEAD,
        _bounds(),
        _kinds(),
        _examples(),
        _functions("Functions", FUNCTIONS),
        _functions("Tests of a text or list", METHODS),
        _TAIL,
        _fields(),
    ]
    return "\n".join(parts)


_HEAD = f"""<!-- made by `tidewaiter docs write` -->
# Targeting rules

Rules are written as text. The condition is a subset of the Common Expression Language (its operators, precedence and
literals; no comprehensions, no maps, no `? :`), with meanings of its own for money, missing values and goods lines. Tables
and forms are views of the same text (`tidewaiter risk table`, `tidewaiter risk form`).

```text
# Gifts may not be dearer than the relief for them.
rule gift.above_relief
    title: Gift above the value of the relief
    words: Declared as a gift, but dearer than the relief for gifts.
    lane: yellow
    tasks: documents
    from: 2026-07-01
    source: the act, article and paragraph
    when:
        any_line("C08" in item.additional_procedure_codes)
        && sum_lines(item.invoice_price) > money("45 EUR")
```

A rule begins at the margin; its keys are indented, each at most once. What follows a key on further lines belongs to it.
Lines that begin with `#` are notes and stay with the rule. `tidewaiter risk check FILE` tells every mistake with line, column
and hint; `tidewaiter risk format FILE` writes the one canonical form, whose SHA-256 is the version of the rule set.

| key | what it says |
|---|---|
| `title`, `words` | what the rule is called, and what the officer reads when it hits; needed |
| `lane` | green, blue, yellow or red; needed |
| `when` | the condition; needed |
| `percent` | how many of its hits go to the lane, by the draw of the policy; 100 where it does not say |
| `tasks` | {", ".join(ControlTask)} |
| `answer` | DNL, RFS or RFI to pre-loading data; a rule that rests on a score never answers DNL |
| `priority` | 0 to 999, the least is told first; every rule that holds is a reason, none hides another |
| `from`, `until` | the days it is in force, both included |
| `office` | offices of declaration it is for (`lodgement_office_id`), separated by commas |
| `source` | its legal basis |

## What a condition means

A condition is true, false or *missing*, and the rule holds where it is true. A comparison with a missing value is missing,
and so is its negation; `&&` is false as soon as a part is, `||` true as soon as a part is, otherwise missing where a part is.
Absent elements and empty texts are missing; a list never is, only empty.

A rule without a field of a goods line (`item.…`) is asked once of the declaration. One with such fields is asked of every
line, all its fields of lines then being those of that line, and hits with the numbers of the lines it holds for. What is to be
said of several lines at once is said with the functions that end in `_line` and `_lines`; they stand in rules of both sorts,
not within one another.

| sign | what it does |
|---|---|
| `&&`, `\\|\\|`, `!` | and, or, not; `!` holds for the one term behind it: `!(a > 5)` |
| `==`, `!=` | two terms of one kind; a text letter by letter, amounts in one currency |
| `<`, `<=`, `>`, `>=` | numbers, money, days, moments; comparisons do not chain |
| `in` | `item.hs_code in ["610910", "610990"]`, `… in list("name")`, `"N740" in documents.type_code` |
| `+`, `-`, `*`, `/` | numbers; money ± money, money × or / number is money; money / money a number; exact, without rounding |
| `"…"`, `'…'`, `r"…"` | a text on one line; `\\n`, `\\t`, `\\"`, `\\\\`, `\\u20ac` in it; raw (for patterns) behind r |
"""

_TAIL = """## Explanation

Of every evaluation the tests that held are kept as bits. From them `tidewaiter risk try` and the pages tell which tests held
for each hit, which rules failed for one test alone, and which change of one field would have led to another lane; such a
change is named only where the rules, given it, do come to that lane. It supposes that no other field changes with it, and of
words and patterns that one test alone comes out otherwise.

## Importing

`tidewaiter risk import FILE --from asycuda|dmn|jdm` prints the rules of ASYCUDA selectivity criteria, DMN decision tables or
JSON decision models as rules of this language. A rule of which a part was not understood is left out and told with its place.
`--field NAME=FIELD` says what a name of the source is here.
"""


def _bounds() -> str:
    rows = {
        "characters of a file": FILE_LENGTH_MAX,
        "rules of a file": RULES_MAX,
        "mistakes of a condition that are told": MISTAKES_MAX,
        "mistakes of a file, after which it is read no further": PROBLEMS_MAX,
        "characters of a title, of words, of a source": WORDS_LENGTH_MAX,
        "characters of a condition": CONDITION_LENGTH_MAX,
        "brackets within brackets": DEPTH_MAX,
        "cost of a condition": COST_MAX,
        "alternatives of a condition (what stands between ||, multiplied out)": ALTERNATIVES_MAX,
        "characters of a pattern": PATTERN_LENGTH_MAX,
        "digits of a number in a rule before the point": WHOLE_DIGITS_MAX,
        "and behind it": DECIMALS_MAX,
        "digits of a value before, and behind the point; one with more counts as missing": DIGITS_MAX,
    }
    lines = [f"| {_cell(words)} | {most:,} |" for words, most in rows.items()]
    cost = f"A comparison costs 1, a function what its table says; over lines everything counts {LINES_ASSUMED} times."
    return "\n".join(["## Bounds", "", "| of | at most |", "|---|---|", *lines, "", cost, ""])


def _kinds() -> str:
    written = {
        Kind.TEXT: '`"XA"`: codes are texts too',
        Kind.NUMBER: "`150`, `0.5`: decimal",
        Kind.MONEY: '`money("150 EUR")`; a field has also `.amount` and `.currency`',
        Kind.DATE: '`date("2026-07-01")`',
        Kind.MOMENT: '`timestamp("2026-07-01T10:00:00Z")`',
        Kind.TRUTH: "`true`, `false`, conditions",
        Kind.LIST: '`["61", "62"]`, `list("name")`; of texts, where it is a field',
    }
    lines = [f"| {kind} | {words} |" for kind, words in written.items()]
    return "\n".join(
        [
            "## Kinds",
            "",
            "Terms of different kinds are never compared.",
            "",
            "| kind | written |",
            "|---|---|",
            *lines,
            "",
        ]
    )


def _examples() -> str:
    lines = [
        "## Examples",
        "",
        "All of one parcel, on 2026-07-01: to Jane Doe, posted on 2026-06-25, gross mass 0.5 kg, 0 packages declared, a document",
        'N740; line 1 "Répliça WATCH, men\'s", 910211, of XA, 30 EUR, 0.2 kg net, procedure C08; line 2 "cotton shirt", 610910, of',
        "XB, 20 EUR, no mass. One USD is 0.5 EUR.",
        "",
    ]
    told = {True: "true", False: "false", None: "missing"}
    for title, examples in EXAMPLES.items():
        lines += [f"### {title}", "", "| condition | is | why |", "|---|---|---|"]
        lines += [f"| `{_cell(each.condition)}` | {told[each.value]} | {_cell(each.words)} |" for each in examples]
        lines.append("")
    return "\n".join(lines)


def _functions(title: str, functions: dict[str, Function]) -> str:
    lines = [f"## {title}", "", "| written | cost | meaning |", "|---|---|---|"]
    lines += [f"| `{_cell(each.form)}` | {each.cost} | {each.words} |" for each in functions.values()]
    return "\n".join([*lines, ""])


def _fields() -> str:
    lines = ["## Fields", "", "| field | kind | WCO | meaning |", "|---|---|---|---|"]
    lines += [f"| `{each.name}` | {each.kind} | {each.wco_id} | {_cell(each.words)} |" for each in catalogue().values()]
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
