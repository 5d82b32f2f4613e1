"""Identifiers: published examples, and what must not pass."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.model import identifiers as ids
from tidewaiter.model.errors import InvalidIdentifierError

ALL_KINDS = (
    ids.S10Id,
    ids.Awb,
    ids.Eori,
    ids.Ioss,
    ids.VatNumber,
    ids.HSCode,
    ids.Mrn,
    ids.Gtin,
    ids.Ucr,
    ids.CountryCode,
    ids.CurrencyCode,
)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (ids.S10Id, "RR473124829GB"),  # Wikipedia "S10 (UPU standard)", worked example
        (ids.S10Id, "RR123456785DK"),
        (ids.Awb, "02012345675"),
        (ids.Awb, "020-12345675"),
        (ids.Eori, "DK19552101"),
        (ids.Eori, "DK09999981"),
        (ids.Eori, "GB123456789000"),
        (ids.Eori, "XI123456789000"),
        (ids.Eori, "FI1234567-8"),
        (ids.Eori, "DE1234567"),
        (ids.Eori, "US123456789"),
        (ids.Ioss, "IM2080000001"),
        (ids.VatNumber, "DK13585628"),  # python-stdnum, dk.cvr
        (ids.VatNumber, "GB980780684"),  # python-stdnum, gb.vat
        (ids.VatNumber, "EL094259216"),  # python-stdnum, gr.vat
        (ids.VatNumber, "QQ12345"),  # no rules known for this country
        (ids.HSCode, "610910"),
        (ids.HSCode, "6109100010"),
        (ids.Mrn, "09IT02110000157544"),
        (ids.Gtin, "4006381333931"),  # GS1, worked example of the check digit
        (ids.Gtin, "96385074"),
        (ids.Ucr, "9GB123456789000-ORDER/1"),
        (ids.CountryCode, "DK"),
        (ids.CountryCode, "XK"),
        (ids.CountryCode, "ZU"),
        (ids.CurrencyCode, "DKK"),
    ],
)
def test_accepts_what_is_right(kind: type[ids.Identifier], text: str) -> None:
    assert kind.problem(text) is None
    assert isinstance(kind.parse(text), kind)
    assert kind.parse(text) == text


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (ids.S10Id, "RR12345678DK"),
        (ids.S10Id, "rr123456785dk"),
        (ids.S10Id, "RR123456785DK "),
        (ids.S10Id, "RR１２３４５６７８５DK"),  # digits that are not ASCII
        (ids.Awb, "0201234567"),
        (ids.Eori, ""),
        (ids.Eori, "DK1234567"),
        (ids.Eori, "ZZ123"),
        (ids.Eori, "GB12345"),
        (ids.Eori, "NL12345678X"),
        (ids.Eori, "DE" + "1" * 16),
        (ids.Ioss, "IM208000001"),
        (ids.Ioss, "EU2080000001"),
        (ids.VatNumber, "13585628"),
        (ids.VatNumber, "DK123"),
        (ids.HSCode, "6109.10"),
        (ids.HSCode, "61091"),
        (ids.HSCode, "٦١٠٩١٠"),
        (ids.Mrn, "09IT0211000015754"),
        (ids.Gtin, "123"),
        (ids.Ucr, "x" * 36),
        (ids.Ucr, "-1"),
        (ids.CountryCode, "UK"),
        (ids.CountryCode, "dk"),
        (ids.CurrencyCode, "EURO"),
    ],
)
def test_refuses_what_is_not_built_right(kind: type[ids.Identifier], text: str) -> None:
    assert kind.shape_problem(text)
    with pytest.raises(InvalidIdentifierError, match="is not"):
        kind.parse(text)


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        (ids.S10Id, "CP001020301BR", "7 would be right"),  # published so
        (ids.Awb, "020-12345670", "5 would be right"),
        (ids.Eori, "DK12345678", "no such Danish number"),
        (ids.Mrn, "09IT02110000157545", "4 would be right"),
        (ids.Gtin, "4006381333930", "does not agree"),
    ],
)
def test_a_check_digit_is_told_apart_from_the_shape(kind: type[ids.Identifier], text: str, words: str) -> None:
    assert kind.shape_problem(text) is None
    problem = kind.check_digit_problem(text)
    assert problem is not None
    assert words in problem


def test_wrong_vat_check_digit_is_named() -> None:
    assert ids.VatNumber.problem("DK13585629") == "its check digit does not agree"


def test_the_subheading_is_the_first_six_digits() -> None:
    assert ids.HSCode.parse("6109100010").subheading == "610910"


@pytest.mark.parametrize(
    ("country", "serial", "letter"), [("DENMARK", 1, "R"), ("DK", 10**12, "R"), ("DK", -1, "R"), ("DK", 1, "")]
)
def test_no_mrn_is_issued_from_parts_that_do_not_fit(country: str, serial: int, letter: str) -> None:
    with pytest.raises(InvalidIdentifierError):
        ids.Mrn.issue(2026, country, serial, letter)


@given(
    st.integers(2000, 2099), st.sampled_from(["DK", "GB", "SE"]), st.integers(0, 10**12 - 1), st.sampled_from("ABRT")
)
@settings(max_examples=50, deadline=None)
def test_issued_mrns_are_right_and_one_changed_digit_is_noticed(
    year: int, country: str, serial: int, letter: str
) -> None:
    mrn = ids.Mrn.issue(year, country, serial, letter)
    assert ids.Mrn.problem(mrn) is None
    assert f"{serial:012d}" in mrn
    other = ids.Mrn(mrn[:-1] + str((int(mrn[-1]) + 1) % 10))
    assert ids.Mrn.check_digit_problem(other)


@given(st.from_regex(r"[A-Z]{2}[0-9]{8}", fullmatch=True), st.integers(0, 7), st.integers(1, 9))
@settings(max_examples=50, deadline=None)
def test_an_s10_check_digit_notices_a_single_wrong_digit(head: str, place: int, shift: int) -> None:
    serial = head[2:]
    digit = ids.S10Id.check_digit(serial)
    changed = serial[:place] + str((int(serial[place]) + shift) % 10) + serial[place + 1 :]
    # Two remainders share the digits 0 and 5 (10 → 0, 11 → 5), so only those may coincide.
    assert ids.S10Id.check_digit(changed) != digit or digit in "05"


@pytest.mark.parametrize("kind", ALL_KINDS)
@given(text=st.text(max_size=40))
@settings(max_examples=25, deadline=None)
def test_no_text_makes_a_check_raise(kind: type[ids.Identifier], text: str) -> None:
    problem = kind.problem(text)
    assert problem is None or isinstance(problem, str)
