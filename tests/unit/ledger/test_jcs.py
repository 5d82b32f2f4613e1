"""Canonical JSON: RFC 8785's own example, and what has no canonical form."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidewaiter.ledger.jcs import canonical_json, canonicalized
from tidewaiter.ledger.verdict import LedgerError

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def test_the_example_of_the_rfc() -> None:
    """Section 3.2.2 and 3.2.3."""
    given_json = rb"""{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }"""
    assert (
        canonicalized(given_json)
        == (
            '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
            '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
        ).encode()
    )


@given(VALUES)
def test_the_canonical_form_is_its_own(value: Any) -> None:
    data = canonical_json(value)
    assert canonicalized(data) == data


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff", b'{"a":1,"a":1}', b"NaN", b"[-Infinity]", b"9007199254740993", b'"\\ud800"', b"1e999", b"[" * 100_000],
    ids=range(10),
)  # fmt: skip
def test_what_has_no_canonical_form_is_refused(data: bytes) -> None:
    with pytest.raises(LedgerError):
        canonicalized(data)


def test_what_is_no_json_is_refused() -> None:
    for value in ({1: 2}, {"a": {1}}, b"bytes", float("nan")):
        with pytest.raises(LedgerError):
            canonical_json(value)
