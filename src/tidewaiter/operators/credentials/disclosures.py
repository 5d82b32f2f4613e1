"""Claims of which some are only told as digests, and the disclosures that tell them: SD-JWT, sections 4 and 7.

What is hidden is named by its path: the names and places that lead to it in the claims as their issuer knows them.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, Final, NoReturn

from msgspec import Struct

from tidewaiter.model.errors import TidewaiterError

Step = str | int
Path = tuple[Step, ...]
"""Where a claim stands: names of members and places in arrays, from the outermost."""

DIGESTS: Final = "_sd"
ELLIPSIS: Final = "..."
ALGORITHM: Final = "_sd_alg"
SHA_256: Final = "sha-256"
SALT_BYTES: Final = 16
DEPTH_MAX: Final = 32


class CredentialError(TidewaiterError):
    """A credential is not as its specification has it, does not prove what it claims, or cannot be made as asked."""

    code = "credential.refused"


class Revealed(Struct, frozen=True):
    """Claims as their reader knows them, and for each claim that was hidden its path, its disclosure and those it stands in."""

    claims: dict[str, Any]
    found: dict[Path, tuple[str, ...]]


def hide(
    claims: dict[str, Any], hidden: Collection[Path], salts: Iterator[bytes]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The claims with those at the hidden paths told as digests, and the disclosures of these.

    `salts` gives 16 bytes of chance for each. Raises CredentialError for a path that leads nowhere, and for claims with
    names that mean something here.
    """
    disclosures: list[str] = []
    left = set(hidden)

    def put_away(content: list[Any]) -> str:
        salt = next(salts)
        if len(salt) != SALT_BYTES:
            raise CredentialError(f"a salt has {len(salt)} bytes instead of {SALT_BYTES}")
        disclosures.append(_encoded(_written([_encoded(salt), *content])))
        return digest(disclosures[-1])

    def covered(value: Any, path: Path) -> Any:
        if len(path) > DEPTH_MAX:
            raise CredentialError(f"claims are nested deeper than {DEPTH_MAX}")
        if isinstance(value, list):
            return [
                _away(put_away, covered(each, (*path, place)), (*path, place), left) for place, each in enumerate(value)
            ]
        if not isinstance(value, dict):
            return value
        told: dict[str, Any] = {}
        digests: list[str] = []
        for name, each in value.items():
            if name in (DIGESTS, ELLIPSIS, ALGORITHM):
                raise CredentialError(f"no claim may be called {name!r}")
            inner = covered(each, (*path, name))
            if (*path, name) in left:
                left.discard((*path, name))
                digests.append(put_away([name, inner]))
            else:
                told[name] = inner
        return told | ({DIGESTS: sorted(digests)} if digests else {})

    result = covered(claims, ())
    if left:
        raise CredentialError(f"there is no claim {min(map(str, left))} to hide")
    return result | ({ALGORITHM: SHA_256} if disclosures else {}), tuple(disclosures)


def _away(put_away: Callable[[list[Any]], str], inner: Any, path: Path, left: set[Path]) -> Any:
    if path not in left:
        return inner
    left.discard(path)
    return {ELLIPSIS: put_away([inner])}


def reveal(payload: dict[str, Any], disclosures: Sequence[str]) -> Revealed:
    """The claims with every one that a disclosure tells put back: section 7.1, step 3 to 5.

    Raises CredentialError where a disclosure is malformed, named by no digest, or would write over a claim, and where a
    digest stands twice.
    """
    if payload.get(ALGORITHM, SHA_256) != SHA_256:
        raise CredentialError(f"digests by {payload[ALGORITHM]!r} are not read", hint=f"use {SHA_256}")
    told = {digest(each): each for each in disclosures}
    if len(told) != len(disclosures):
        raise CredentialError("a disclosure is there twice")
    opening = _Opening(told)
    claims = opening.member(payload, (), ())
    claims.pop(ALGORITHM, None)
    if opening.unused:
        raise CredentialError(f"{len(opening.unused)} disclosures belong to nothing that was signed")
    return Revealed(claims, opening.found)


class _Opening:
    """The walk through signed claims: each digest met, each disclosure used once."""

    def __init__(self, told: dict[str, str]) -> None:
        self._told = told
        self._met: set[str] = set()
        self.unused = set(told)
        self.found: dict[Path, tuple[str, ...]] = {}

    def value(self, value: Any, path: Path, within: tuple[str, ...]) -> Any:
        if len(path) > DEPTH_MAX:
            raise CredentialError(f"claims are nested deeper than {DEPTH_MAX}")
        if isinstance(value, dict):
            return self.member(value, path, within)
        return list(self._elements(value, path, within)) if isinstance(value, list) else value

    def member(self, value: dict[str, Any], path: Path, within: tuple[str, ...]) -> dict[str, Any]:
        if ELLIPSIS in value or (ALGORITHM in value and path):
            raise CredentialError(f"a name with a meaning of its own stands where it has none, at {path}")
        told = {name: self.value(each, (*path, name), within) for name, each in value.items() if name != DIGESTS}
        digests = value.get(DIGESTS, [])
        if not isinstance(digests, list):
            raise CredentialError(f"“{DIGESTS}” at {path} is no array of digests")
        for each in digests:
            disclosure = self._disclosure(each)
            if disclosure is None:
                continue
            content = _content(disclosure, 3)
            name = content[1]
            if not isinstance(name, str) or name in (DIGESTS, ELLIPSIS, ALGORITHM) or name in told:
                raise CredentialError(f"a disclosure at {path} would write over another claim, or has no name")
            self.found[(*path, name)] = (*within, disclosure)
            told[name] = self.value(content[2], (*path, name), (*within, disclosure))
        return told

    def _elements(self, elements: list[Any], path: Path, within: tuple[str, ...]) -> Iterator[Any]:
        for place, each in enumerate(elements):
            here = (*path, place)
            if not (isinstance(each, dict) and ELLIPSIS in each):
                yield self.value(each, here, within)
                continue
            if len(each) != 1:
                raise CredentialError(f"an element told as a digest has other members at {here}")
            disclosure = self._disclosure(each[ELLIPSIS])
            if disclosure is not None:
                self.found[here] = (*within, disclosure)
                yield self.value(_content(disclosure, 2)[1], here, (*within, disclosure))

    def _disclosure(self, named: Any) -> str | None:
        """The disclosure that a digest names; None where it is not told, or the digest was put there to mislead."""
        if not isinstance(named, str):
            raise CredentialError("a digest is no text")
        if named in self._met:
            raise CredentialError("a digest stands twice among the claims")
        self._met.add(named)
        disclosure = self._told.get(named)
        if disclosure is not None:
            self.unused.discard(named)
        return disclosure


def digest(text: str) -> str:
    """The SHA-256 of a disclosure or token as it is written, in base 64 for addresses without padding."""
    return _encoded(hashlib.sha256(text.encode()).digest())


def _content(disclosure: str, length: int) -> list[Any]:
    """What a disclosure tells. Raises CredentialError unless it is a JSON array of so many elements, the first a text."""
    content = read_json(decoded(disclosure, "a disclosure"), "a disclosure")
    if not isinstance(content, list) or len(content) != length or not isinstance(content[0], str):
        raise CredentialError(f"a disclosure is no array of {length} that begins with a salt")
    return content


def decoded(text: str, what: str) -> bytes:
    """The bytes written in base 64 for addresses, without padding. Raises CredentialError for anything else."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise CredentialError(f"{what} is not base 64 for addresses") from error
    if _encoded(data) != text:
        raise CredentialError(f"{what} is not base 64 as it is to be written")
    return data


def read_json(data: bytes, what: str) -> Any:
    """The JSON value in some bytes. Raises CredentialError, also for a name that stands twice in one object."""
    try:
        return json.loads(data.decode(), object_pairs_hook=_object, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise CredentialError(f"{what} is not JSON") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    named = dict(pairs)
    if len(named) != len(pairs):
        raise CredentialError("an object in JSON has a name twice")
    return named


def _refuse(constant: str) -> NoReturn:
    raise CredentialError(f"{constant} is no number in JSON")


def _written(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
