"""Envelopes: only named parties read them, nobody can tell who those are, and nothing that was altered is read."""

from __future__ import annotations

import hashlib

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from tidewaiter.ledger import envelopes
from tidewaiter.ledger.envelopes import Payload, commitment_of, open_envelope, public_of, seal
from tidewaiter.ledger.verdict import LedgerError

PAYLOAD = Payload((("consignee", "Ada Example"), ("phone", "+44 20 7946 0018")), "07" * 32)


def key(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


def sealed(*names: str, payload: Payload = PAYLOAD) -> bytes:
    return seal(payload, [public_of(key(name)) for name in names], key("chance"))


@pytest.mark.parametrize("names", [("a",), ("a", "b"), ("a", "b", "c", "d", "e"), tuple("abcdefgh") * 1])
def test_those_who_are_named_read_it_and_nobody_else(names: tuple[str, ...]) -> None:
    envelope = sealed(*names)
    for name in names:
        assert open_envelope(envelope, key(name)) == PAYLOAD
    with pytest.raises(LedgerError, match="for others"):
        open_envelope(envelope, key("stranger"))
    assert commitment_of(envelope) == PAYLOAD.commitment.root


def test_the_sealing_is_that_of_rfc_9180_as_another_implementation_reads_it() -> None:
    private = X25519PrivateKey.from_private_bytes(key("a"))
    slot = envelopes._sealed(b"c" * 32, private.public_key().public_bytes_raw(), key("once"), b"b" * 32)
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    assert suite.decrypt(slot, private, info=b"tidewaiter envelope v1" + b"b" * 32) == b"c" * 32


def test_nothing_in_it_tells_for_whom_it_is() -> None:
    envelope = sealed("a", "b")
    for name in ("a", "b"):
        public = public_of(key(name))
        for told in (public, hashlib.sha256(public).digest()[:8], public.hex().encode()):
            assert told not in envelope
    assert len(sealed("a")) == len(sealed("a", "b")) == len(sealed("a", "b", "c", "d"))
    assert len(sealed("a", payload=Payload((("phone", "1"),), "07" * 32))) == len(envelope)


def test_the_same_is_the_same_and_anything_else_shares_no_key() -> None:
    assert sealed("a", "b") == sealed("a", "b")
    other = sealed("a", "b", payload=Payload(PAYLOAD.fields, "08" * 32))
    _, slots, _ = envelopes._parts(sealed("a", "b"))
    _, others, _ = envelopes._parts(other)
    assert not {slot[:32] for slot in slots} & {slot[:32] for slot in others}


def test_what_was_altered_is_not_read() -> None:
    envelope = sealed("a")
    for place in range(0, len(envelope), 7):
        altered = bytearray(envelope)
        altered[place] ^= 1
        # one slot of four is for “a”: in the others a changed bit is found by the tag over the whole head
        with pytest.raises(LedgerError):
            open_envelope(bytes(altered), key("a"))
    for wrong in (b"", envelope[:-1], envelope + b"\0", envelope[:100], b"TWE2" + envelope[4:]):
        with pytest.raises(LedgerError):
            open_envelope(wrong, key("a"))


def test_what_cannot_be_sealed() -> None:
    public = public_of(key("a"))
    for parties, chance in (
        ([], key("x")), ([public, public], key("x")), ([public], b"short"), ([b"short"], key("x")), ([bytes(32)], key("x")),
        ([public_of(key(str(n))) for n in range(65)], key("x")),
    ):  # fmt: skip
        with pytest.raises(LedgerError):
            seal(PAYLOAD, parties, chance)
    with pytest.raises(LedgerError, match="bytes"):
        sealed("a", payload=Payload((("much", "x" * (1 << 20)),), "07" * 32))


def test_a_payload_that_is_not_its_entrys_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Payload, "commitment", Payload((("other", "x"),), "07" * 32).commitment)
    lying = sealed("a")
    monkeypatch.undo()
    with pytest.raises(LedgerError, match="not what its entry is bound to"):
        open_envelope(lying, key("a"))
