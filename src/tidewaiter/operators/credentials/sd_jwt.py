"""SD-JWT: a signed token of which its holder shows what he likes (RFC 9901), compact and in JSON.

    token = issue(claims, hidden, key=issuer_key, typ="dc+sd-jwt", salts=salts)
    shown = bound(present(token, [("name",)]), key=holder_key, asked=Asked(audience, nonce), at=at)
    verify(shown.compact(), key=issuer_public_key, asked=Asked(audience, nonce), at=at).claims

Moments are seconds since 1970 (UTC). Signatures are by `joserfc`; ES256 and Ed25519 are what is accepted.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, import_key
from joserfc.registry import HeaderParameter
from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.operators.credentials.disclosures import (
    CredentialError,
    Path,
    decoded,
    digest,
    hide,
    read_json,
    reveal,
)

if TYPE_CHECKING:
    from joserfc._rfc7515.model import JWSAlgModel

SigningKey: TypeAlias = ECKey | OKPKey

ALGORITHMS: Final = ("ES256", "Ed25519")
TOKEN_BYTES_MAX: Final = 256 * 1024
DISCLOSURES_MAX: Final = 1000
BINDING: Final = "kb+jwt"
BINDING_SECONDS_MAX: Final = 300
"""How old, or ahead of our clock, a holder's proof may be."""
HOLDER: Final = "cnf"


class _Registry(jws.JWSRegistry):
    """What signs here. “EdDSA” is read as the Ed25519 that RFC 9864 would have it called; wallets still write it so."""

    def get_alg(self, name: str) -> JWSAlgModel:
        return super().get_alg("Ed25519" if name == "EdDSA" else name)


_REGISTRY: Final = _Registry(
    # No key is found by its number here, so that it need not be the text that RFC 7515 asks for.
    header_registry={"kid": HeaderParameter("Key ID", lambda _: None)},
    algorithms=ALGORITHMS,
    strict_check_header=False,
)


class Asked(Struct, frozen=True):
    """Whom a holder's proof is for, and the word that shows that it was made now."""

    audience: str
    nonce: str


class SdJwt(Struct, frozen=True):
    """A token in its parts: the signed one, the disclosures that go with it, the holder's proof (or '')."""

    signed: str
    disclosures: tuple[str, ...]
    binding: str = ""

    @classmethod
    def parse(cls, text: str) -> SdJwt:
        """The token in a text, compact or in JSON. Raises CredentialError."""
        if len(text) > TOKEN_BYTES_MAX:
            raise CredentialError(f"a token has more than {TOKEN_BYTES_MAX} characters")
        if text.lstrip().startswith("{"):
            return cls._from_json(text)
        signed, *rest = text.split("~")
        if not rest:
            raise CredentialError(
                "no “~” follows the signed part", hint="a token without disclosures ends with one too"
            )
        if not all(rest[:-1]) or len(rest) > DISCLOSURES_MAX:
            raise CredentialError(f"a disclosure is empty, or there are more than {DISCLOSURES_MAX}")
        return cls(signed, tuple(rest[:-1]), rest[-1])

    @classmethod
    def _from_json(cls, text: str) -> SdJwt:
        """Of a general one the first signature counts; its header has the disclosures."""
        content = _object(text.encode())
        first = (
            content["signatures"][0]
            if isinstance(content.get("signatures"), list) and content["signatures"]
            else content
        )
        header = first.get("header", {}) if isinstance(first, dict) else None
        if not isinstance(header, dict):
            raise CredentialError("a signature of a token, or its header, is no object")
        parts = (first.get("protected"), content.get("payload"), first.get("signature"))
        told, binding = header.get("disclosures", []), header.get("kb_jwt", "")
        texts = (*parts, *told, binding) if isinstance(told, list) else (told,)
        if not all(isinstance(each, str) for each in texts) or len(told) > DISCLOSURES_MAX:
            raise CredentialError("a token in JSON lacks a part, or one is no text")
        return cls(".".join(str(each) for each in parts), tuple(told), binding)

    def compact(self) -> str:
        """The token as one text."""
        return self.shown + self.binding

    @property
    def shown(self) -> str:
        """What a holder's proof is about: all of the token but that proof."""
        return "~".join((self.signed, *self.disclosures, ""))

    def flattened(self) -> str:
        """The token in JSON, flattened: section 8.1."""
        protected, payload, signature = self.signed.split(".")
        header = {"disclosures": list(self.disclosures)} | ({"kb_jwt": self.binding} if self.binding else {})
        return json.dumps({"payload": payload, "protected": protected, "signature": signature, "header": header})


class Verified(Struct, frozen=True, kw_only=True):
    """What a token proves: the claims that were shown, its header, and whether its holder showed it."""

    claims: dict[str, Any]
    header: dict[str, Any]
    is_bound: bool


def issue(
    claims: dict[str, Any],
    hidden: Collection[Path],
    *,
    key: SigningKey,
    salts: Iterator[bytes],
    header: dict[str, Any] | None = None,
    holder: SigningKey | None = None,
) -> SdJwt:
    """A token over claims of which those at the hidden paths can be shown one by one; see `disclosures.hide`.

    With a holder's key nobody but its owner can show it to those who ask for his proof.
    """
    told, disclosures = hide(claims, hidden, salts)
    if holder is not None:
        told[HOLDER] = {"jwk": holder.as_dict(private=False)}
    return SdJwt(_signed({"typ": "dc+sd-jwt"} | (header or {}), told, key), disclosures)


def present(token: SdJwt, chosen: Collection[Path]) -> SdJwt:
    """The token with the chosen hidden claims, those that they stand in, and no other. Raises CredentialError."""
    found = reveal(_payload(token.signed), token.disclosures).found
    if unknown := [path for path in chosen if path not in found]:
        raise CredentialError(f"the token hides no claim at {unknown[0]}")
    wanted = {disclosure for path in chosen for disclosure in found[path]}
    return SdJwt(token.signed, tuple(each for each in token.disclosures if each in wanted))


def bound(token: SdJwt, *, key: SigningKey, asked: Asked, at: int) -> SdJwt:
    """The token with its holder's proof that it is he who shows it, to whom and when."""
    content = {"iat": at, "aud": asked.audience, "nonce": asked.nonce, "sd_hash": digest(token.shown)}
    return replace(token, binding=_signed({"typ": BINDING}, content, key))


def verify(text: str, *, key: SigningKey, at: int, asked: Asked | None = None) -> Verified:
    """What a token proves at a moment, to whoever asked for its holder's proof or did not.

    Raises CredentialError where it proves nothing: a wrong signature, one not yet or no longer valid, disclosures that
    do not belong to it, or no fresh proof of its holder though one was asked for.
    """
    token = SdJwt.parse(text)
    header, payload = _opened(token.signed, key)
    revealed = reveal(payload, token.disclosures)
    _check_times(revealed.claims, at)
    if asked is not None:
        _check_binding(token, payload, asked, at)
    claims = {name: value for name, value in revealed.claims.items() if name != HOLDER}
    return Verified(claims=claims, header=header, is_bound=asked is not None)


def _check_binding(token: SdJwt, payload: dict[str, Any], asked: Asked, at: int) -> None:
    """Section 7.3."""
    if not token.binding:
        raise CredentialError("the holder's proof is missing", hint="show the token with a proof for whoever asked")
    holder = payload.get(HOLDER)
    if not isinstance(holder, dict) or not isinstance(holder.get("jwk"), dict):
        raise CredentialError("the token names no holder")
    header, content = _opened(token.binding, read_key(holder["jwk"]))
    made_at = content.get("iat")
    wrong = [
        name
        for name, is_right in {
            "type": header.get("typ") == BINDING,
            "audience": content.get("aud") == asked.audience,
            "nonce": content.get("nonce") == asked.nonce,
            "digest": content.get("sd_hash") == digest(token.shown),
            "time": isinstance(made_at, int) and abs(at - made_at) <= BINDING_SECONDS_MAX,
        }.items()
        if not is_right
    ]
    if wrong:
        raise CredentialError(f"the holder's proof has another {wrong[0]} than was asked for")


def _check_times(claims: dict[str, Any], at: int) -> None:
    since, until = (_moment(claims, name) for name in ("nbf", "exp"))
    if since is not None and at < since:
        raise CredentialError("the token is not yet valid")
    if until is not None and at >= until:
        raise CredentialError("the token is no longer valid")


def _moment(claims: dict[str, Any], name: str) -> int | float | None:
    moment = claims.get(name)
    if moment is not None and (not isinstance(moment, int | float) or isinstance(moment, bool)):
        raise CredentialError(f"“{name}” is no moment")
    return moment


def read_key(jwk: dict[str, Any]) -> SigningKey:
    """A key of the kinds that sign here, from its JSON. Raises CredentialError for another."""
    if jwk.get("kty") not in ("EC", "OKP"):
        raise CredentialError("a key is neither of P-256 nor of Ed25519")
    try:
        key = import_key(jwk)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise CredentialError("a key cannot be read") from error
    if isinstance(key, ECKey) and key.curve_name == "P-256":
        return key
    if isinstance(key, OKPKey) and key.curve_name == "Ed25519":
        return key
    raise CredentialError("a key is neither of P-256 nor of Ed25519")


def _signed(header: dict[str, Any], content: dict[str, Any], key: SigningKey) -> str:
    algorithm = "ES256" if isinstance(key, ECKey) else "Ed25519"
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return jws.serialize_compact({"alg": algorithm, **header}, body, key, registry=_REGISTRY)


def _opened(signed: str, key: SigningKey) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and content of a signed part. Raises CredentialError where the key did not sign it."""
    try:
        found = jws.deserialize_compact(signed, key, registry=_REGISTRY)
    except (JoseError, ValueError, TypeError) as error:
        raise CredentialError(f"the signature does not hold: {error}") from error
    return dict(found.headers()), _object(bytes(found.payload))


def _payload(signed: str) -> dict[str, Any]:
    """The content of a signed part, its signature not looked at: for its holder, who shows it to others."""
    parts: Sequence[str] = signed.split(".")
    if len(parts) != 3:
        raise CredentialError("the signed part of a token has not three parts")
    return _object(decoded(parts[1], "the content of a token"))


def _object(data: bytes) -> dict[str, Any]:
    content = read_json(data, "the content of a token")
    if not isinstance(content, dict):
        raise CredentialError("the content of a token is no object")
    return content
