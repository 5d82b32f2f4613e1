"""Who signed a note, and signing one: notes (c2sp.org/signed-note) and cosignatures (c2sp.org/tlog-cosignature)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.keys import COSIGNATURE_TYPES, KeyType, SignerKey, VerifierKey
from tidewaiter.ledger.notes import NoteSignature, SignedNote
from tidewaiter.ledger.verdict import PROVED, LedgerError, Verdict

TIMESTAMP_MAX: Final = 2**63 - 1
_TIMESTAMP: Final = struct.Struct(">Q")


class Signed(Struct, frozen=True):
    """That a key signed; for cosignatures also when, in seconds since 1970, as the cosigner says."""

    key: VerifierKey
    signed_at: int | None = None


class Checked(Struct, frozen=True):
    """Which of the known keys signed a note; where `verdict` refuses, none counts."""

    verdict: Verdict
    signed: tuple[Signed, ...] = ()


def sign(text: str, key: SignerKey) -> NoteSignature:
    """The signature of a log over a note's text. Raises LedgerError for a key that cosigns."""
    if key.type in COSIGNATURE_TYPES:
        raise LedgerError(f"the key of {key.name} cosigns; it needs a moment to sign")
    return NoteSignature(key.name, key.verifier.key_id, key.sign(text.encode()))


def cosign(text: str, key: SignerKey, at: int) -> NoteSignature:
    """The cosignature on a checkpoint's text at a moment, in seconds since 1970.

    Raises LedgerError for a text that is no checkpoint, a moment before 1970, or a key that does not cosign.
    """
    Checkpoint.parse(text)
    if key.type not in COSIGNATURE_TYPES:
        raise LedgerError(f"the key of {key.name} does not cosign")
    if not 0 <= at <= TIMESTAMP_MAX:
        raise LedgerError(f"{at} is no moment of a cosignature")
    verifier = key.verifier
    return NoteSignature(
        key.name, verifier.key_id, _TIMESTAMP.pack(at) + key.sign(cosigned_message(text, verifier, at))
    )


def cosigned_message(text: str, key: VerifierKey, at: int) -> bytes:
    """The bytes that a cosignature on a checkpoint's text signs. Raises LedgerError where they cannot be written."""
    if key.type is KeyType.COSIGNATURE_ED25519:
        return f"cosignature/v1\ntime {at}\n{text}".encode()
    checkpoint = Checkpoint.parse(text)
    return b"".join(
        [
            b"subtree/v1\n\0",
            _short(key.name),
            _TIMESTAMP.pack(at),
            _short(checkpoint.origin),
            _TIMESTAMP.pack(0),
            _TIMESTAMP.pack(checkpoint.size),
            checkpoint.root,
        ]
    )


def _short(text: str) -> bytes:
    data = text.encode()
    if len(data) > 255:
        raise LedgerError("a name or an origin is too long to be cosigned")
    return bytes([len(data)]) + data


def check(note: SignedNote, keys: Iterable[VerifierKey]) -> Checked:
    """Who of those whose keys are known signed the note.

    Others' signatures are passed over. One that names a known key and is not its signature spoils the note, as the
    specification recommends: somebody put it there.
    """
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        if known.setdefault((key.name, key.key_id), key) != key:
            return Checked(Verdict(f"two keys are known as {key.name} with one id"))
    signed: list[Signed] = []
    for signature in note.signatures:
        by = known.get((signature.name, signature.key_id))
        if by is None:
            continue
        found = _signed(note.text, by, signature.signature)
        if found is None:
            return Checked(Verdict(f"the signature of {by.name} is not by its key over this text"))
        signed.append(found)
    if not signed:
        return Checked(Verdict("the note is not signed by any known key"))
    return Checked(PROVED, tuple(dict.fromkeys(signed)))


def _signed(text: str, key: VerifierKey, signature: bytes) -> Signed | None:
    """That the key signed; None where it did not."""
    if key.type not in COSIGNATURE_TYPES:
        return Signed(key) if key.has_signed(text.encode(), signature) else None
    if len(signature) <= _TIMESTAMP.size:
        return None
    (at,) = _TIMESTAMP.unpack_from(signature)
    if at > TIMESTAMP_MAX:
        return None
    try:
        Checkpoint.parse(text)
        message = cosigned_message(text, key, at)
    except LedgerError:
        return None
    return Signed(key, at) if key.has_signed(message, signature[_TIMESTAMP.size :]) else None
