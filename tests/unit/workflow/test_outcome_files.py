"""Files of outcomes: what is right is read, what is wrong is told by line, and the rest goes on."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from decimal import Decimal

from tidewaiter.model.finding import Finding
from tidewaiter.model.money import Money
from tidewaiter.model.outcome import Control, ExaminationOutcome, Found, Result, RiskType
from tidewaiter.workflow.outcome_files import LINE_BYTES_MAX, read_csv, read_json_lines

AT = datetime(2026, 7, 14, 10, tzinfo=UTC)
WANTED = ExaminationOutcome(
    reference="R1", result=Result.NOT_SATISFACTORY, examined_at=AT, examiner="ann", approved_by="chief",
    controls=(Control.NII, Control.PHYSICAL),
    found=(Found(risk_type=RiskType.IPR, line_no=2, value=Money(Decimal("12.50"), "EUR"), is_seized=True),),
)  # fmt: skip
LINE = (
    b'{"reference":"R1","result":"B1","examined_at":"2026-07-14T10:00:00Z","examiner":"ann","approved_by":"chief",'
    b'"controls":["nii","physical"],"found":[{"risk_type":"ipr","line_no":2,"is_seized":true,'
    b'"value":{"amount":"12.50","currency":"EUR"}}]}\n'
)
HEADER = b"reference,result,examined_at,examiner,approved_by,controls,risk_type,line_no,value,currency,is_seized\n"
ROW = b"R1,B1,2026-07-14T10:00:00Z,ann,chief,nii physical,ipr,2,12.50,EUR,yes\n"


def test_both_forms_say_the_same() -> None:
    assert list(read_json_lines(io.BytesIO(LINE))) == [("line 1", WANTED)]
    assert list(read_csv(io.BytesIO(HEADER + ROW))) == [("line 2", WANTED)]


def test_a_json_line_that_is_wrong_is_told_and_the_rest_goes_on() -> None:
    bad = [b"{\n", LINE.replace(b'"B1"', b'"Z9"'), LINE.replace(b'"examiner"', b'"inspector"'), b"\xff\n", b"\n"]
    found = list(read_json_lines(io.BytesIO(b"".join(bad) + LINE)))
    assert [(place, isinstance(each, Finding)) for place, each in found] == [
        ("line 1", True), ("line 2", True), ("line 3", True), ("line 4", True), ("line 6", False),
    ]  # fmt: skip


def test_a_line_without_end_is_not_read_on() -> None:
    found = list(read_json_lines(io.BytesIO(b"x" * (LINE_BYTES_MAX + 5) + b"\n" + LINE)))
    assert [isinstance(each, Finding) for _, each in found] == [True]


def test_a_row_that_is_wrong_is_told_and_the_rest_goes_on() -> None:
    bad = [
        ROW.replace(b"B1", b"Z9"), ROW.replace(b",yes", b",perhaps"), ROW.replace(b",2,", b",two,"),
        ROW.replace(b"yes\n", b"yes,more\n"), ROW.replace(b"12.50", b""),
    ]  # fmt: skip
    found = list(read_csv(io.BytesIO(HEADER + b"".join(bad) + ROW)))
    assert [isinstance(each, Finding) for _, each in found] == [True, True, True, True, True, False]
    assert all(each.place == place and each.hint for place, each in found if isinstance(each, Finding))


def test_a_column_that_is_not_known_is_told() -> None:
    ((place, found),) = read_csv(io.BytesIO(b"reference,verdict\nR1,B1\n"))
    assert isinstance(found, Finding)
    assert place == "line 1"
    assert "'verdict'" in found.words
    ((_, empty),) = read_csv(io.BytesIO(b""))
    assert isinstance(empty, Finding)
