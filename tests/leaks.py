"""Looking for values in what somebody holds: plain, otherwise written, encoded, and under the hashes that come to mind."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator

from tidewaiter.ledger.merkle import leaf_hash

WRITTEN_MIN = 4
"""Characters of another writing of a value: the 1 of a street's first house tells nothing of it."""


def forms(value: str) -> Iterator[bytes]:
    """A value as it might stand somewhere: plain, without blanks, in other letters, encoded, and under the hashes that come to mind."""
    written = {value.lower(), value.upper(), re.sub(r"[^0-9A-Za-z]", "", value), re.sub(r"\D", "", value)}
    plain = {value} | {text for text in written if len(text) >= WRITTEN_MIN}
    for text in plain:
        data = text.encode()
        yield data
        if len(data) >= 5:
            yield data.hex().encode()
            yield base64.b64encode(data).rstrip(b"=")
        for name in ("md5", "sha1", "sha256", "sha512", "blake2b"):
            digest = hashlib.new(name, data).digest()
            for short in (digest[:16], digest[:8]):
                yield short
                yield short.hex().encode()
            yield base64.b64encode(digest[:15])
        yield leaf_hash(data)
        yield leaf_hash(data).hex().encode()


def found(everything: bytes, value: str) -> list[bytes]:
    """The forms of a value that stand there. Short runs of digits count where they stand by themselves, not within a hash."""
    return [
        form
        for form in forms(value)
        if form in everything
        and (len(form) > 8 or re.search(rb"(?<![0-9A-Za-z])" + re.escape(form) + rb"(?![0-9A-Za-z])", everything))
    ]
