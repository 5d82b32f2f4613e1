"""Duty sentences: rate texts of tariffs as typed expressions, written back, and worked out.

    parse(text, style) -> DutyExpression          raises SentenceError (line, column, what was expected, hint); cached
    write(expression, style) -> str               parse(write(x, style), style) == x; raises SentenceError where the
                                                  style has no words for it
    from_components(rows) -> DutyExpression       from rows of TARIC's model (duty_expression_id, duty_amount, …)
    canonical(expression) -> DutyExpression       ids of plus, minus, maximum numbered as `parse` numbers them
    evaluate(expression, basis) -> Duty | Needs   the exact amount in the basis's currency with its steps, or all that
                                                  is missing, in plain words; nothing is ever guessed

`style` is Style.TARIC (EU and UK texts: "10.20 % + 93.10 EUR / 100 kg") or Style.US (HTS texts: "1.7 cents/kg + 5%").
An empty text is an expression without components: no rate is stated, and evaluating it needs one.

    Basis(value=Decimal("100"), currency="EUR", quantities={"KGM": Decimal("250")}, on=date(2026, 7, 1))

`quantities` is keyed by unit code with its qualifier ("KGM" net mass, "KGMG" gross mass, "NAR", "LTR", "ASV", "RET"
retail price, "KGM of lead content"); any unit of the same measure will do, DTN, KGM and TNE alike. See `Basis` for parts'
values, Meursing tables, exchange rates and amounts of rules that were worked out elsewhere.
"""

from tidewaiter.tariff.sentences.components import from_components
from tidewaiter.tariff.sentences.errors import SentenceError
from tidewaiter.tariff.sentences.evaluation import Basis, Duty, Need, NeedKind, Needs, evaluate
from tidewaiter.tariff.sentences.expression import (
    Component,
    DutyExpression,
    DutyExpressionId,
    LegalRule,
    Period,
    RuleKind,
    Season,
    canonical,
)
from tidewaiter.tariff.sentences.reading import Style, parse
from tidewaiter.tariff.sentences.writing import write

__all__ = [
    "Basis",
    "Component",
    "Duty",
    "DutyExpression",
    "DutyExpressionId",
    "LegalRule",
    "Need",
    "NeedKind",
    "Needs",
    "Period",
    "RuleKind",
    "Season",
    "SentenceError",
    "Style",
    "canonical",
    "evaluate",
    "from_components",
    "parse",
    "write",
]
