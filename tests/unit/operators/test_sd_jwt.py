"""Credentials of which the holder shows what he likes: what is believed, and what is not."""

import base64
import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OKPKey

from tidewaiter.operators.credentials.disclosures import ALGORITHM, CredentialError, Path, hide, reveal
from tidewaiter.operators.credentials.sd_jwt import Asked, SdJwt, bound, issue, present, read_key, verify

ISSUER, HOLDER = ECKey.generate_key("P-256"), OKPKey.generate_key("Ed25519")
CLAIMS = {
    "iss": "https://customs.example",
    "name": "Halmstad Parcels",
    "roles": ["courier", "fulfilment"],
    "address": {"street": "Quay 1", "city": "Halmstad"},
    "nbf": 1000,
    "exp": 2000,
}
HIDDEN: list[Path] = [("name",), ("roles", 1), ("address",), ("address", "street")]
ASKED = Asked("https://port.example", "a word of now")


def _salts() -> Iterator[bytes]:
    number = 0
    while True:
        yield hashlib.sha256(bytes([number])).digest()[:16]
        number += 1


TOKEN = issue(CLAIMS, HIDDEN, key=ISSUER, salts=_salts(), holder=HOLDER)


def test_nothing_hidden_can_be_read_from_the_signed_part() -> None:
    payload = json.loads(base64.urlsafe_b64decode(TOKEN.signed.split(".")[1] + "=="))
    assert payload["roles"][0] == "courier"
    assert list(payload["roles"][1]) == ["..."]
    assert not {"name", "address"} & payload.keys()
    assert len(payload["_sd"]) == 2
    assert payload[ALGORITHM] == "sha-256"


def test_a_shown_claim_brings_those_it_stands_in() -> None:
    shown = present(TOKEN, [("address", "street")])
    claims = verify(shown.compact(), key=ISSUER, at=1500).claims
    assert claims["address"] == {"street": "Quay 1", "city": "Halmstad"}
    assert "name" not in claims
    assert claims["roles"] == ["courier"]
    assert verify(present(TOKEN, [("address",)]).compact(), key=ISSUER, at=1500).claims["address"] == {
        "city": "Halmstad"
    }


def test_a_holder_proves_that_it_is_he() -> None:
    shown = bound(present(TOKEN, [("name",)]), key=HOLDER, asked=ASKED, at=1500)
    for text in (shown.compact(), shown.flattened()):
        found = verify(text, key=ISSUER, asked=ASKED, at=1510)
        assert found.is_bound
        assert found.claims["name"] == "Halmstad Parcels"


@pytest.mark.parametrize(
    ("asked", "at", "what"),
    [
        (Asked("https://other.example", ASKED.nonce), 1500, "audience"),
        (Asked(ASKED.audience, "another word"), 1500, "nonce"),
        (ASKED, 1801, "time"),
        (ASKED, 1199, "time"),
    ],
)
def test_a_proof_for_another_is_refused(asked: Asked, at: int, what: str) -> None:
    shown = bound(TOKEN, key=HOLDER, asked=ASKED, at=1500)
    with pytest.raises(CredentialError, match=what):
        verify(shown.compact(), key=ISSUER, asked=asked, at=at)


def test_a_proof_is_of_what_is_shown_and_by_the_holder_alone() -> None:
    shown = bound(present(TOKEN, [("name",)]), key=HOLDER, asked=ASKED, at=1500)
    with pytest.raises(CredentialError, match="digest"):
        verify(SdJwt(shown.signed, (), shown.binding).compact(), key=ISSUER, asked=ASKED, at=1500)
    stolen = bound(TOKEN, key=OKPKey.generate_key("Ed25519"), asked=ASKED, at=1500)
    with pytest.raises(CredentialError, match="signature"):
        verify(stolen.compact(), key=ISSUER, asked=ASKED, at=1500)
    with pytest.raises(CredentialError, match="proof is missing"):
        verify(TOKEN.compact(), key=ISSUER, asked=ASKED, at=1500)


@pytest.mark.parametrize(("at", "why"), [(999, "not yet"), (2000, "no longer")])
def test_a_token_holds_for_its_time(at: int, why: str) -> None:
    with pytest.raises(CredentialError, match=why):
        verify(TOKEN.compact(), key=ISSUER, at=at)
    assert verify(TOKEN.compact(), key=ISSUER, at=1999).claims["name"]


def _disclosure(*content: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def _digest(disclosure: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(disclosure.encode()).digest()).rstrip(b"=").decode()


NAME, AGAIN, NAMELESS = _disclosure("s", "name", "x"), _disclosure("t", "name", "y"), _disclosure("s", "x")


@pytest.mark.parametrize(
    ("payload", "disclosures", "why"),
    [
        ({"_sd": [_digest(NAME)], "_sd_alg": "md5"}, [NAME], "digests by 'md5'"),
        ({"_sd": [_digest(NAME)]}, [NAME, NAME], "twice"),
        ({"_sd": [_digest(NAME), _digest(NAME)]}, [NAME], "digest stands twice"),
        ({"_sd": [_digest(NAME)], "a": {"_sd": [_digest(NAME)]}}, [], "digest stands twice"),
        ({"_sd": []}, [NAME], "belong to nothing"),
        ({"_sd": [_digest(NAME)], "name": "z"}, [NAME], "write over"),
        ({"_sd": [_digest(NAME), _digest(AGAIN)]}, [NAME, AGAIN], "write over"),
        ({"_sd": [_digest(NAMELESS)]}, [NAMELESS], "array of 3"),
        ({"a": [{"...": _digest(NAME)}]}, [NAME], "array of 2"),
        ({"a": [{"...": _digest(NAMELESS), "b": 1}]}, [NAMELESS], "other members"),
        ({"_sd": _digest(NAME)}, [NAME], "no array"),
        ({"_sd": [7]}, [], "no text"),
        ({"...": "x"}, [], "meaning of its own"),
        ({"_sd": [_digest("@")]}, ["@"], "base 64"),
        ({"_sd": [_digest(_disclosure("s", "_sd", 1))]}, [_disclosure("s", "_sd", 1)], "write over"),
    ],
)
def test_what_does_not_belong_is_refused(payload: dict[str, Any], disclosures: list[str], why: str) -> None:
    with pytest.raises(CredentialError, match=why):
        reveal(payload, disclosures)


@pytest.mark.parametrize(
    "text",
    ["", "a.b.c", "~", "a.b.c~~", "{}", "[]", '{"signatures": [7]}', '{"payload": "e30", "header": 7}', "{" * 100_000],
)
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(CredentialError):
        verify(text, key=ISSUER, at=1500)


def test_what_cannot_be_hidden_or_shown_is_told() -> None:
    with pytest.raises(CredentialError, match="no claim"):
        hide({"a": 1}, [("b",)], _salts())
    with pytest.raises(CredentialError, match="may be called"):
        hide({"_sd": 1}, [], _salts())
    with pytest.raises(CredentialError, match="hides no claim"):
        present(TOKEN, [("iss",)])
    with pytest.raises(CredentialError, match=r"neither of P-256"):
        read_key({"kty": "oct", "k": "c2VjcmV0"})


NAMES = st.text("abcd", min_size=1, max_size=2)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


def _paths(value: Any, path: Path = ()) -> list[Path]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for step, each in steps for found in [(*path, step), *_paths(each, (*path, step))]]


@given(st.dictionaries(NAMES, VALUES, min_size=1, max_size=4), st.data())
def test_whatever_is_hidden_is_found_again(claims: dict[str, Any], data: st.DataObject) -> None:
    hidden = data.draw(st.sets(st.sampled_from(_paths(claims))))
    told, disclosures = hide(claims, hidden, _salts_without_end())
    assert len(disclosures) == len(hidden)
    found = reveal(told, disclosures)
    assert found.claims == claims
    assert set(found.found) == hidden


def _salts_without_end() -> Iterator[bytes]:
    number = 0
    while True:
        yield number.to_bytes(16, "big")
        number += 1
