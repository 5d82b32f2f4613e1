"""Keys that name nobody: a submitter's key for each period, so that a competitor cannot count its trade over time.

All come of one secret that the submitter keeps. Without it, two keys of one submitter cannot be told from keys of two.
An authority vouches for each (`key_registered`) and so knows whose it is; the record does not.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from typing import Final

from tidewaiter.ledger.contracts.statements import KeyRegistered, Statement
from tidewaiter.ledger.contracts.vocabulary import Role
from tidewaiter.ledger.keys import KeyType, SignerKey
from tidewaiter.ledger.leaves import BUCKET_SECONDS
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.ledger.wire import written_base64

SECRET_BYTES: Final = 32
PERIOD_SECONDS: Final = 30 * 86_400
OVERLAP_SECONDS: Final = 30 * 86_400
"""How long a key counts after its period: what was late is handed in under it, and what it collected is settled."""
_HEAD: Final = b"tidewaiter pseudonym v1\n"


def period_of(at: int) -> int:
    """The running number of the period that a moment, in seconds since 1970, falls into."""
    return at // PERIOD_SECONDS


def until(period: int) -> int:
    """To which moment a key of a period counts."""
    end = (period + 1) * PERIOD_SECONDS + OVERLAP_SECONDS
    return end - end % BUCKET_SECONDS


def submitter_key(secret: bytes, origin: str, period: int) -> SignerKey:
    """The key of a period, out of a secret of 32 bytes; another one for each origin and period. Raises LedgerError."""
    if len(secret) != SECRET_BYTES:
        raise LedgerError(f"the secret has {len(secret)} bytes instead of {SECRET_BYTES}")
    seed = hmac.digest(secret, _HEAD + f"{period}\n{origin}".encode(), "sha256")
    return SignerKey("submitter", KeyType.ED25519, seed)


def registration(key: SignerKey, roles: Iterable[Role], origin: str, period: int) -> Statement:
    """The statement by which a key of a period is registered, signed by itself; an authority signs too."""
    public = written_base64(key.verifier.public)
    body = KeyRegistered(origin=origin, key=public, roles=tuple(sorted(set(roles))), until=until(period))
    return Statement.of(body).signed(key)
