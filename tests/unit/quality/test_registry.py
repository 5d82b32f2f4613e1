"""The registry: what it refuses, and what it knows of each rule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

import pytest

from tidewaiter.model.declaration import Declaration
from tidewaiter.model.finding import Severity
from tidewaiter.quality import matching, parcels, registry, report, timing
from tidewaiter.quality.registry import Context, RuleError, Scope, Seen


def test_every_rule_has_words_a_source_and_an_id_of_its_own() -> None:
    rules = registry.rules()
    assert len({rule.rule_id for rule in rules}) == len(rules) > 90
    for rule in rules:
        assert rule.words[0].isupper(), rule.rule_id
        assert rule.words.rstrip()[-1] in ".?", rule.rule_id
        assert rule.source, rule.rule_id


def test_replaced_rules_exist() -> None:
    for rule in registry.rules():
        for other in rule.replaces:
            assert registry.by_id(other) is not None, f"{rule.rule_id} replaces {other}"


def test_a_rule_without_docstring_is_refused() -> None:
    def silent(declaration: Declaration, context: Context) -> Sequence[Seen]:
        return ()

    with pytest.raises(RuleError, match="no docstring"):
        registry.rule("x.y", Severity.ERROR, source="somewhere")(silent)


def test_a_rule_without_source_is_refused() -> None:
    def unfounded(declaration: Declaration, context: Context) -> Sequence[Seen]:
        """Says something."""
        return ()

    with pytest.raises(RuleError, match="no source"):
        registry.rule("x.y", Severity.ERROR, source=" ")(unfounded)


@pytest.mark.parametrize(
    "scope",
    [
        Scope(),
        Scope(jurisdictions=("DK",)),
        Scope(declared_as=("H7",)),
        Scope(valid_from=date(2026, 6, 15)),
        Scope(valid_to=date(2026, 6, 15)),
    ],
)
def test_within_scope(scope: Scope) -> None:
    assert scope.holds("DK", date(2026, 6, 15), "H7")


@pytest.mark.parametrize(
    "scope",
    [
        Scope(jurisdictions=("GB",)),
        Scope(declared_as=("H1",)),
        Scope(valid_from=date(2026, 6, 16)),
        Scope(valid_to=date(2026, 6, 14)),
    ],
)
def test_out_of_scope(scope: Scope) -> None:
    assert not scope.holds("DK", date(2026, 6, 15), "H7")


def test_national_rules_do_not_apply_elsewhere() -> None:
    ids = {rule.rule_id for rule in registry.applicable("GB", date(2026, 6, 15), "H7").rules}
    assert not any(rule_id.startswith("DK") for rule_id in ids)
    assert "DK1018" in {rule.rule_id for rule in registry.applicable("DK", date(2026, 6, 15), "H7").rules}
    assert "DK1018" not in {rule.rule_id for rule in registry.applicable("DK", date(2026, 6, 15), "").rules}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (Decimal("1E+3"), "1000"),
        (Decimal("1E+999999"), "1E+999999"),
        (Decimal("NaN"), "NaN"),
        ("x" * 300, "x" * 200),
        (7, "7"),
    ],
)
def test_values_are_shown_plainly_and_cut(value: object, text: str) -> None:
    assert registry.shown(value) == text


def test_the_report_has_a_row_for_each_rule() -> None:
    rows = report.rows()
    others = [*matching.MEANINGS, parcels.DECLARED_BEFORE, *timing.MEANINGS]
    assert [row["rule"] for row in rows] == [*(rule.rule_id for rule in registry.rules()), *others]
    assert next(row for row in rows if row["rule"] == "DK1018")["scope"] == "declared H7 in DK"
    assert report.scope_words(Scope(valid_from=date(2026, 1, 1), valid_to=date(2026, 2, 1))) == (
        "from 2026-01-01 to 2026-02-01"
    )
