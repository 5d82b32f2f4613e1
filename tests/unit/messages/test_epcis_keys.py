"""GS1 keys in their one form: a URN and the Digital Links of the same key are one, other keys are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.messages.epcis.conditions import matches
from tidewaiter.messages.epcis.keys import canonical, check_digit, one_form

SAME = [
    # examples of GS1's EPC Tag Data Standard, by the numbers it gives for them
    ("urn:epc:id:sgtin:0614141.107346.2018", "https://id.gs1.org/01/10614141073464/21/2018"),
    ("urn:epc:id:sscc:0614141.1234567890", "https://id.gs1.org/00/106141412345678908"),
    ("urn:epc:id:sgln:0614141.12345.400", "https://id.gs1.org/414/0614141123452/254/400"),
    ("urn:epc:id:sgln:0614141.12345.0", "https://id.gs1.org/414/0614141123452"),
    ("urn:epc:id:pgln:0614141.12345", "https://id.gs1.org/417/0614141123452"),
    ("urn:epc:id:grai:0614141.12345.400", "https://id.gs1.org/8003/00614141123452400"),
    ("urn:epc:id:giai:0614141.12345400", "https://id.gs1.org/8004/061414112345400"),
    ("urn:epc:id:gsrn:0614141.1234567890", "https://id.gs1.org/8018/061414112345678902"),
    ("urn:epc:id:gdti:0614141.12345.400", "https://id.gs1.org/253/0614141123452400"),
    ("urn:epc:id:cpi:0614141.123ABC.123456789", "https://id.gs1.org/8010/0614141123ABC/8011/123456789"),
    # classes
    ("urn:epc:class:lgtin:4012345.012345.998877", "https://id.gs1.org/01/04012345123456/10/998877"),
    ("urn:epc:idpat:sgtin:4012345.098765.*", "https://id.gs1.org/01/04012345987652"),
    # a domain of one's own, a shorter GTIN, characters that are escaped in one form only
    ("https://id.gs1.org/01/04012345123456/21/7", "http://shop.example/goods/01/4012345123456/21/7"),
    ("urn:epc:id:sgtin:0614141.107346.a%2Fb", "https://id.gs1.org/01/10614141073464/21/a%2fb"),
    ("urn:epc:id:sgtin:0614141.107346.a.b", "https://id.gs1.org/01/10614141073464/21/a.b"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_two_forms_are_one_key(one: str, other: str) -> None:
    assert canonical(one) == canonical(other) != ""
    assert matches(one, other)
    assert matches(other, one)
    assert canonical(canonical(one)) == canonical(one)


def test_no_two_of_them_are_the_same_key() -> None:
    forms = {canonical(one) for one, _ in SAME}
    assert len(forms) == len(SAME)


@pytest.mark.parametrize(
    "uri",
    [
        "urn:epc:id:sgtin:1.2.3", "urn:epc:id:sgtin:0614141.107346", "urn:epc:id:sgtin:0614141.x07346.1", "urn:epc:id:xyz:1.2",
        "urn:epc:idpat:sgtin:0614141.*.*", "urn:epc:idpat:sgln:0614141.12345.*", "urn:epc:id:sscc:0614141.*",
        "https://id.gs1.org/01/10614141073465/21/2018", "https://id.gs1.org/01/10614141073464/21/",
        "https://id.gs1.org/01/10614141073464/22/A/21/7", "https://id.gs1.org/01/10614141073464?21=7",
        "https://id.gs1.org/01/10614141073464/235/X", "https://id.gs1.org/00/106141412345678908/7", "https://id.gs1.org/01/",
        "https://[1/01/10614141073464", "https:///01/10614141073464", "https://tidewaiter.example/voc/ref/s10/RR473124829SE", "",
    ],
)  # fmt: skip
def test_what_is_no_key_is_itself(uri: str) -> None:
    assert canonical(uri) == ""
    assert one_form(uri) == uri


@pytest.mark.parametrize(
    ("pattern", "takes", "leaves"),
    [
        ("urn:epc:idpat:sgtin:0614141.107346.*", "https://id.gs1.org/01/10614141073464/21/9", "https://id.gs1.org/01/04012345123456/21/9"),
        ("urn:epc:idpat:sgtin:0614141.*.*", "https://id.gs1.org/01/10614141073464/21/9", "https://id.gs1.org/01/04012345123456/21/9"),
        ("urn:epc:idpat:sscc:0614141.*", "https://id.gs1.org/00/106141412345678908", "https://id.gs1.org/00/340123450000000012"),
        ("urn:epc:idpat:sgln:0614141.12345.*", "https://id.gs1.org/414/0614141123452", "https://id.gs1.org/414/4012345000054"),
        ("urn:epc:idpat:grai:0614141.12345.*", "https://id.gs1.org/8003/00614141123452400", "https://id.gs1.org/8003/04012345123456400"),
        ("urn:epc:idpat:giai:0614141.*", "https://id.gs1.org/8004/061414112345400", "https://id.gs1.org/8004/401234512345400"),
        ("https://id.gs1.org/01/10614141073464/21/*", "urn:epc:id:sgtin:0614141.107346.9", "urn:epc:id:sgtin:0614141.107347.9"),
        ("https://shop.example/01/10614141073464/21/*", "urn:epc:id:sgtin:0614141.107346.9", "urn:epc:id:sgtin:0614141.107347.9"),
    ],
)  # fmt: skip
def test_a_pattern_of_one_form_takes_keys_of_the_other(pattern: str, takes: str, leaves: str) -> None:
    assert matches(takes, pattern)
    assert not matches(leaves, pattern)


@given(st.integers(6, 12), st.text("0123456789", min_size=13, max_size=13), st.text(min_size=1, max_size=20))
def test_however_long_the_prefix_the_link_is_one(length: int, digits: str, serial: str) -> None:
    """The prefix's end is not told by a link: every way to part the same number is the same key."""
    from urllib.parse import quote

    body = digits[:1] + digits[1:]
    gtin = body + check_digit(body)
    urn = f"urn:epc:id:sgtin:{body[1 : 1 + length]}.{body[0]}{body[1 + length :]}.{quote(serial, safe='')}"
    assert canonical(urn) == canonical(f"https://id.gs1.org/01/{gtin}/21/{quote(serial, safe='')}") != ""
    other = gtin[:-1] + str((int(gtin[-1]) + 1) % 10)
    assert canonical(f"https://id.gs1.org/01/{other}/21/1") == ""
