"""Rules that an officer can write: a typed language, and an engine that evaluates thousands of them at once.

    found = read_rules(text, context.names)       the rules of a file, and every mistake with line, column and hint
    engine = compile_rules(found.rule_set, context, on=legal_day)
    outcome = engine.evaluate(Record(declaration=…, legal_day=…, assessment=…, features=…, scores=…))
    outcome.hits, outcome.mask, outcome.line_masks

The language is stated in docs/reference/risk-rules.md and in `meaning.py`; ADR 21 says why. `batch.py` evaluates many
records at once (NumPy, Numba: the extra `batch`), `explaining.py` reads masks, `views.py` shows rules as forms and
tables, `importing/` reads ASYCUDA selectivity text, DMN and JDM tables.
"""

from tidewaiter.risk.rules.catalogue import Record, catalogue
from tidewaiter.risk.rules.checking import Names
from tidewaiter.risk.rules.context import Context
from tidewaiter.risk.rules.engine import Engine, Outcome, RuleHit, compile_rules
from tidewaiter.risk.rules.errors import Problem, RuleError
from tidewaiter.risk.rules.files import Reading, read_rules, rules_of, write_rules
from tidewaiter.risk.rules.reading import read_condition
from tidewaiter.risk.rules.rule import ControlTask, LoadingAnswer, Rule, RuleSet
from tidewaiter.risk.rules.syntax import Kind
from tidewaiter.risk.rules.writing import write_condition


def canonical_condition(text: str) -> str:
    """The canonical text of a condition. Raises RuleError."""
    return write_condition(read_condition(text))


__all__ = [
    "Context",
    "ControlTask",
    "Engine",
    "Kind",
    "LoadingAnswer",
    "Names",
    "Outcome",
    "Problem",
    "Reading",
    "Record",
    "Rule",
    "RuleError",
    "RuleHit",
    "RuleSet",
    "canonical_condition",
    "catalogue",
    "compile_rules",
    "read_condition",
    "read_rules",
    "rules_of",
    "write_condition",
    "write_rules",
]
