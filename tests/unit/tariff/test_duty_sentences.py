"""Rate texts: read, written back, worked out; what is missing is asked for, never guessed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tidewaiter.tariff.sentences import (
    Basis,
    Component,
    Duty,
    DutyExpressionId,
    Needs,
    RuleKind,
    SentenceError,
    Style,
    evaluate,
    from_components,
    parse,
    write,
)

D = Decimal
TARIC_TEXTS = [
    "0.0%", "12 %", "7,5 %", "10.20 % + 93.10 EUR / 100 kg", "1.9 EUR / % vol / hl + 6.4 EUR / hl", "1.60 GBP/100kg eda",
    "8.30% +  EA MAX 18.70%  + ADSZ", "9% + EA R", "4 % MIN 0.8 EUR / item MAX 2.7 EUR / item", "Entry Price", "NIHIL",
    "10.40% (01 JAN-31 MAY, 01 NOV-31 DEC), 14.40% (01 JUN-31 OCT)", "12.80% MIN 2.4€/100kg/net (01 MAY-31 JUL), 10%",
    "11.20% (01 JAN-31 APR), 5% (01 MAY-31 DEC)", "6 % (1-31 DEC)", "p / st", "0.5 EUR / kg / lactic matter + 22 EUR / 100 kg",
]  # fmt: skip
US_TEXTS = [
    "Free", "6.8%", "1.7 cents/kg + 5%", "$1.646/kg", "89.6 cents/1000", "36 cents each + 5.3% on the case + 5.3% on the battery",
    "20 cents/thousand + 3.5%", "13.5 cents/kg + 6.3% + 1.9 cents/article", "1.7 cents/kg on lead content",
    "3.6606 cents/kg less 0.020668 cents/kg for each degree under 100 degrees (and fractions of a degree in proportion) "
    "but not less than 3.143854 cents/kg",
    "The rate applicable to each garment in the ensemble if separately entered", "See additional U.S. note 2",
    "1.53 cents each + 0.2 cents/jewel over 7", "3 percent of the fair retail value",
    "1.8% + 0.2 cents/jewel + 1.1 cents for each other piece or part, but if consisting in part of a plate the total duty "
    "shall not exceed the duty for the complete movement",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "style"), [(text, Style.TARIC) for text in TARIC_TEXTS] + [(text, Style.US) for text in US_TEXTS]
)
def test_a_text_is_read_and_written_back(text: str, style: Style) -> None:
    expression = parse(text, style)
    assert parse(write(expression, style), style) == expression


KNOWN = Basis(
    value=D(100),
    currency="EUR",
    quantities={"KGM": D(250), "NAR": D(3), "ASV": D(40), "LTR": D(50), "DEG": D(96), "KGM of lead content": D(10)},
    on=date(2026, 7, 1),
    parts={"case": D(20)},
    meursing={DutyExpressionId.AGRICULTURAL: D(8), DutyExpressionId.SUGAR: D(2)},
    exchange={"USD": D("0.5")},
)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("12 %", "12"),
        ("10.20 % + 93.10 EUR / 100 kg", "242.95"),
        ("4 % MIN 2 EUR / item MAX 5 EUR / item", "6"),  # 4, at least 6, at most 15
        ("40 % MIN 2 EUR / item MAX 5 EUR / item", "15"),
        ("1 EUR / item MIN 2.7 % MAX 4.6 %", "3.0"),
        ("8 % + EA MAX 18 % + ADSZ", "23"),  # 8 + 20, at most 18 + 5
        ("1.9 EUR / % vol / hl + 6.4 EUR / hl", "41.2"),  # 40 % of half a hectolitre, and the half
        ("10 % (1 JAN-31 MAY), 5 % (1 JUN-31 DEC)", "5"),
        ("2 EUR / 1000 items", "0.006"),
        ("3 USD / item", "4.5"),
        ("NIHIL", "0"),
    ],
)
def test_a_taric_duty_is_worked_out(text: str, amount: str) -> None:
    found = evaluate(parse(text, Style.TARIC), KNOWN)
    assert isinstance(found, Duty), found
    assert found.amount == D(amount)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("36 cents each + 5% on the case", "1.54"),  # 3 at 0.18 and 5 % of 20, in euro at 0.5
        ("$10/kg on lead content", "50"),
        ("2 cents/kg less 0.01 cents/kg for each degree under 100 degrees but not less than 1 cents/kg", "2.45"),
        ("89.6 cents/1000", "0.001344"),
    ],
)
def test_a_us_duty_is_worked_out(text: str, amount: str) -> None:
    found = evaluate(parse(text, Style.US), KNOWN)
    assert isinstance(found, Duty), found
    assert found.amount == D(amount)


@pytest.mark.parametrize(
    ("text", "style", "words"),
    [
        ("Entry Price", Style.TARIC, "entry price of the day"),
        ("6 % + EA", Style.TARIC, "Meursing additional code"),
        ("3 EUR / 100 kg / net eda", Style.TARIC, "drained net weight in kilograms"),
        ("5% on the case", Style.US, "the value of the case"),
        ("The rate applicable to each garment in the ensemble", Style.US, "the duty of the provision"),
        ("", Style.TARIC, "the rate: none is stated"),
        ("2 GBP / kg", Style.TARIC, "net weight in kilograms"),
    ],
)
def test_what_is_missing_is_asked_for(text: str, style: Style, words: str) -> None:
    found = evaluate(parse(text, style), Basis(value=D(100), currency="EUR"))
    assert isinstance(found, Needs)
    assert words in found.words


def test_everything_that_is_missing_is_asked_for_at_once() -> None:
    found = evaluate(parse("1 EUR / kg + 2 EUR / item MAX 3 EUR / hl", Style.TARIC), Basis(value=D(1), currency="EUR"))
    assert isinstance(found, Needs)
    assert len(found.needs) == 3


@pytest.mark.parametrize(
    ("text", "style", "column", "hint"),
    [
        ("10 % + 5 EUR / 100 kgg", Style.TARIC, 16, "100 kg"),
        ("1.7 cents/kilo + 5%", Style.US, 11, "kilogram"),
        ("10 % MIN", Style.TARIC, 9, "after 'MIN' the next amount is missing"),
        ("12 % + ", Style.TARIC, 8, "cut off"),
        ("12 % + EA +", Style.TARIC, 12, "after '+' the next amount is missing"),
        ("12 EUR /", Style.TARIC, 9, "after '/' the unit is missing"),
        ("12 EUR / 100", Style.TARIC, 10, "'100' is no unit"),
        ("12 EUR / 100 kgs", Style.TARIC, 10, "did you mean 100 kg"),
        ("12 % + 5 USD / foo", Style.TARIC, 16, "'foo' is no unit"),
        ("12 EURO / 100 kg", Style.TARIC, 4, "did you mean EUR?"),
        ("12 %%", Style.TARIC, 5, "stands here twice"),
        ("% 12", Style.TARIC, 1, "write the number first"),
        ("12,5.0 %", Style.TARIC, 5, "'12,5.0' is no number"),
        ("12 % and 3 EUR / kg", Style.TARIC, 6, "write +"),
        ("-5 %", Style.TARIC, 1, "never below nothing"),
        ("Frei", Style.TARIC, 1, "did you mean Free?"),
        ("12 % (JAN)", Style.TARIC, 7, "01 JAN-31 MAR"),
        ("zwölf %", Style.TARIC, 1, "a rate begins with an amount"),
        ("5", Style.US, 2, "5 of what is not said"),
        ("5% + 3", Style.US, 7, "write 3%, 3 cents/kg or $3 each"),
        ("0.5 cents/kg less", Style.US, 18, "after 'less' the next amount is missing"),
        ("1.7 cents / kgg", Style.US, 13, "did you mean kg"),
        ("12 EUR / 100 kg", Style.US, 4, "taric style"),
        ("1.7 cents/kg/kg", Style.US, 13, "cannot stand here"),
        ("3 XYZ / kg", Style.TARIC, 3, "ISO 4217"),
        ("5 % (32 JAN-1 FEB)", Style.TARIC, 6, "days of the year"),
        ("1.7 cents/kg + 5%", Style.TARIC, 5, "us style"),
        ("x" * 3000, Style.US, 0, "at most"),
    ],
)
def test_an_error_says_where_and_what_to_do(text: str, style: Style, column: int, hint: str) -> None:
    with pytest.raises(SentenceError) as caught:
        parse(text, style)
    assert caught.value.column == column
    assert hint in f"{caught.value.hint} {caught.value.detail}"


def test_rows_of_the_api_are_the_same_expression() -> None:
    rows = [
        {"duty_expression_id": "01", "duty_amount": 10.2},
        {
            "duty_expression_id": "04",
            "duty_amount": "93.1",
            "monetary_unit_code": "EUR",
            "measurement_unit_code": "DTN",
        },
    ]
    assert from_components(rows) == parse("10.2 % + 93.1 EUR / 100 kg", Style.TARIC)
    with pytest.raises(SentenceError, match="not known"):
        from_components([{"duty_expression_id": "98"}])


def test_a_rule_keeps_its_words_and_figures() -> None:
    (rule,) = parse("Entry price - 4.00 % + Specific 100 %", Style.TARIC).rules()
    assert rule.kind is RuleKind.ENTRY_PRICE
    assert rule.figures == (D("4.00"), D(100))


def test_a_style_without_words_says_so() -> None:
    with pytest.raises(SentenceError, match="no words for a part"):
        write(parse("5% on the case", Style.US), Style.TARIC)
    with pytest.raises(SentenceError, match="no agricultural"):
        write(parse("6 % + EA", Style.TARIC), Style.US)


def test_a_component_is_typed() -> None:
    (component,) = parse("8.30 GBP/100kg", Style.TARIC).components
    assert component == Component(DutyExpressionId.RATE, D("8.30"), "GBP", "DTN")
