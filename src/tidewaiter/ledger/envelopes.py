"""Payloads for named parties: what an entry is bound to, sealed so that only they can read it, and nobody can tell who they are.

A content key is sealed to each party by HPKE (RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305),
the payload once under the content key. Slots are the same for everybody and stand in no order that tells anything; some
are for nobody. There is no name, number or hash of a party in it: whoever holds a key tries the slots. Lengths are padded.
Nothing is drawn here: whoever seals hands in 32 fresh random bytes.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Sequence
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from msgspec import Meta, Struct

from tidewaiter.ledger.commitments import Commitment, Field, commit
from tidewaiter.ledger.jcs import canonical_json
from tidewaiter.ledger.verdict import LedgerError

KEY_BYTES: Final = 32
PARTIES_MAX: Final = 64
PAYLOAD_BYTES_MAX: Final = 1 << 20
SLOT_BYTES: Final = 80
"""An encapsulated key (32), and a content key (32) under it with its tag (16)."""
_SLOTS_LEAST: Final = 4
_PADDED_LEAST: Final = 1024
_MAGIC: Final = b"TWE1"
_HEAD: Final = struct.Struct(">4s32sB")
_TAG_BYTES: Final = 16
_NONCE: Final = bytes(12)
_INFO: Final = b"tidewaiter envelope v1"
_KEM_SUITE: Final = b"KEM" + (0x0020).to_bytes(2, "big")
_SUITE: Final = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (0x0020, 0x0001, 0x0003))
_HPKE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)

_Seed = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Payload(Struct, frozen=True, forbid_unknown_fields=True):
    """What an entry is bound to: its fields, and the seed (32 bytes, in hexadecimal) that their salts come of."""

    fields: tuple[Field, ...]
    seed: _Seed

    @property
    def commitment(self) -> Commitment:
        """The commitment that these fields and this seed make. Raises LedgerError where there is none."""
        return commit(bytes.fromhex(self.seed), self.fields)


def public_of(private: bytes) -> bytes:
    """The public key of a party, 32 bytes of X25519, that goes with its private one."""
    return _private(private).public_key().public_bytes_raw()


def seal(payload: Payload, parties: Sequence[bytes], randomness: bytes) -> bytes:
    """The envelope with a payload for parties, by their public keys.

    `randomness` is 32 bytes that are random, secret and used for nothing else; what is drawn of it depends on the payload
    and parties too, so that even the same bytes twice give no key twice. Raises LedgerError for too many parties, or none.
    """
    if not 0 < len(set(parties)) == len(parties) <= PARTIES_MAX or len(randomness) != KEY_BYTES:
        raise LedgerError(f"an envelope is for 1 to {PARTIES_MAX} parties, each once, and made of 32 random bytes")
    told = canonical_json({"fields": [list(each) for each in payload.fields], "seed": payload.seed})
    bound = bytes.fromhex(payload.commitment.root)
    drawn = hmac.digest(randomness, _INFO + hashlib.sha256(b"".join([told, *sorted(parties)])).digest(), "sha256")
    content = _draw(drawn, "content", 0)
    slots = [_sealed(content, party, _draw(drawn, "slot", place), bound) for place, party in enumerate(parties)]
    count = max(_SLOTS_LEAST, 1 << (len(slots) - 1).bit_length())
    for place in range(len(slots), count):
        # A slot for nobody: sealed to a key that nobody keeps, so that it looks like the others in every bit.
        nobody = public_of(_draw(drawn, "nobody", place))
        slots.append(_sealed(_draw(drawn, "nothing", place), nobody, _draw(drawn, "slot", place), bound))
    head = _HEAD.pack(_MAGIC, bound, count) + b"".join(sorted(slots))
    return head + ChaCha20Poly1305(content).encrypt(_NONCE, _padded(told), hashlib.sha256(head).digest())


def open_envelope(envelope: bytes, private: bytes) -> Payload:
    """The payload, for a party with its private key (32 bytes).

    Raises LedgerError where the envelope is none, was altered, is for others, or its payload is not what the entry is bound to.
    """
    bound, slots, body = _parts(envelope)
    key = _private(private)
    head = hashlib.sha256(envelope[: len(envelope) - len(body)]).digest()
    for slot in slots:
        try:
            content = _HPKE.decrypt(slot, key, info=_INFO + bound)
        except (InvalidTag, ValueError):
            continue
        try:
            payload = _read(ChaCha20Poly1305(content).decrypt(_NONCE, body, head))
        except (InvalidTag, ValueError) as error:
            raise LedgerError("the envelope was altered") from error
        if payload.commitment.root != bound.hex():
            raise LedgerError("what the envelope holds is not what its entry is bound to")
        return payload
    raise LedgerError("the envelope is for others, or was altered")


def commitment_of(envelope: bytes) -> str:
    """The commitment of the entry that an envelope belongs to; all that it says in the open. Raises LedgerError."""
    return _parts(envelope)[0].hex()


def _parts(envelope: bytes) -> tuple[bytes, list[bytes], bytes]:
    if len(envelope) < _HEAD.size:
        raise LedgerError("this is no envelope")
    magic, bound, count = _HEAD.unpack_from(envelope)
    end = _HEAD.size + SLOT_BYTES * count
    length = len(envelope) - end - _TAG_BYTES
    if magic != _MAGIC or not _SLOTS_LEAST <= count <= PARTIES_MAX or length < _PADDED_LEAST or length & (length - 1):
        raise LedgerError("this is no envelope, or one of a later version")
    slots = [envelope[place : place + SLOT_BYTES] for place in range(_HEAD.size, end, SLOT_BYTES)]
    return bound, slots, envelope[end:]


def _padded(told: bytes) -> bytes:
    """The payload behind its length, filled up to a power of two: how long it is tells little of what it says."""
    length = len(told) + 4
    if length > PAYLOAD_BYTES_MAX:
        raise LedgerError(f"a payload has {len(told)} bytes; {PAYLOAD_BYTES_MAX - 4} are the most")
    return (len(told).to_bytes(4, "big") + told).ljust(max(_PADDED_LEAST, 1 << (length - 1).bit_length()), b"\0")


def _read(padded: bytes) -> Payload:
    length = int.from_bytes(padded[:4], "big")
    told = padded[4 : 4 + length]
    try:
        payload = msgspec.json.decode(told, type=Payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LedgerError("the envelope holds no payload") from error
    if _padded(told) != padded:
        raise LedgerError("the envelope is filled with something")
    return payload


def _sealed(content: bytes, party: bytes, ephemeral: bytes, bound: bytes) -> bytes:
    """The content key sealed to a party: RFC 9180, sections 4.1, 5.1 and 5.2, with a given ephemeral key."""
    try:
        public = X25519PublicKey.from_public_bytes(party)
        shared = _private(ephemeral).exchange(public)
    except ValueError as error:
        raise LedgerError("a party's key is none of X25519") from error
    enc = public_of(ephemeral)
    secret = _expanded(_KEM_SUITE, _extracted(_KEM_SUITE, b"", b"eae_prk", shared), b"shared_secret", enc + party)
    context = b"\x00" + _extracted(_SUITE, b"", b"psk_id_hash", b"")
    context += _extracted(_SUITE, b"", b"info_hash", _INFO + bound)
    schedule = _extracted(_SUITE, secret, b"secret", b"")
    key = _expanded(_SUITE, schedule, b"key", context)
    nonce = _expanded(_SUITE, schedule, b"base_nonce", context, 12)
    return enc + ChaCha20Poly1305(key).encrypt(nonce, content, b"")


def _extracted(suite: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + material, "sha256")


def _expanded(suite: bytes, secret: bytes, label: bytes, info: bytes, length: int = 32) -> bytes:
    """One block of HKDF-Expand is all that is needed here."""
    labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(secret, labelled + b"\x01", "sha256")[:length]


def _draw(drawn: bytes, what: str, place: int) -> bytes:
    return hmac.digest(drawn, f"{what} {place}".encode(), "sha256")


def _private(private: bytes) -> X25519PrivateKey:
    if len(private) != KEY_BYTES:
        raise LedgerError(f"a party's private key has {KEY_BYTES} bytes")
    return X25519PrivateKey.from_private_bytes(private)
