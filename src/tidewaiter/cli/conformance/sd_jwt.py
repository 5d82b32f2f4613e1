"""Credentials on outside specifications: claims of which some are hidden, what their holder shows, what is to be seen then.

A file `specification.yml` with `user_claims` (hidden ones tagged `!sd`) and `holder_disclosed_claims` is one; keys and
moments are those of `settings.yml` beside its folder. A token is made of each and shown four times: as asked, whole,
with nothing, and spoilt. What is to be seen is `expect_verified_user_claims`, or else what is left of the claims once
those not shown are taken out.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path as FilePath
from typing import Any, Final

from joserfc.jwk import ECKey
from msgspec import Struct
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tidewaiter.cli.conformance.case import Case
from tidewaiter.operators.credentials.disclosures import CredentialError, Path
from tidewaiter.operators.credentials.sd_jwt import HOLDER, Asked, SdJwt, bound, issue, present, read_key, verify

SPECIFICATION: Final = "specification.yml"
HIDDEN: Final = "!sd"


class Specification(Struct, frozen=True):
    """Claims, which of them are hidden, which their holder shows, what is to be seen, and the settings."""

    claims: dict[str, Any]
    hidden: frozenset[Path]
    shown: frozenset[Path]
    expected: dict[str, Any]
    content: dict[str, Any]


def specifications(folder: FilePath) -> list[FilePath]:
    """The files below a folder that may be such specifications."""
    return sorted(folder.rglob(SPECIFICATION))


def case_of(path: FilePath, name: str) -> Case:
    """How one specification fares."""
    try:
        return Case(name, True, _carried_out(read(path)))
    except (CredentialError, YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        return Case(name, False, f"{type(error).__name__}: {error}")


def read(path: FilePath) -> Specification:
    """A specification with its settings. Raises KeyError, TypeError or ValueError for a file of another kind."""
    yaml = YAML(typ="safe", pure=True)
    root = yaml.compose(path)
    assert isinstance(root, MappingNode)
    nodes = {key.value: value for key, value in root.value}
    hidden: set[Path] = set()
    content = {key: _plain(yaml, value, (), set()) for key, value in nodes.items() if key != "user_claims"}
    claims = _plain(yaml, nodes["user_claims"], (), hidden)
    settings = yaml.load(path.parent.parent / "settings.yml") | content.get("settings_override", {})
    if "non_sd_claims" in content:  # everything is hidden but what is named
        hidden |= set(_all_but(claims, content["non_sd_claims"], ()))
    shown = frozenset(_shown(claims, content.get("holder_disclosed_claims", {}), (), frozenset(hidden)))
    expected = content.get("expect_verified_user_claims", _left(claims, (), frozenset(hidden) - shown))
    return Specification(claims, frozenset(hidden), shown, expected, settings | content)


def _carried_out(given: Specification) -> str:
    """Make, show and verify. Raises ValueError where something else is seen than is to be."""
    issuer, holder = (read_key(each) for each in _keys(given))
    at = given.content["iat"] + 1
    claims = {"iat": given.content["iat"], "exp": given.content["exp"], **given.claims}
    is_bound = bool(given.content.get("key_binding"))
    asked = (
        Asked(given.content["identifiers"]["verifier"], str(given.content["key_binding_nonce"])) if is_bound else None
    )
    token = issue(
        claims, given.hidden, key=issuer, salts=_salts(), header=given.content.get("extra_header_parameters"),
        holder=holder if is_bound else None,
    )  # fmt: skip
    for value in ("given_name", "family_name"):
        if (value,) in given.hidden and str(given.claims[value]) in token.signed:
            raise ValueError(f"{value} stands in the signed part")

    def seen(chosen: frozenset[Path], expected: dict[str, Any]) -> SdJwt:
        shown = present(token, chosen)
        if asked is not None:
            shown = bound(shown, key=holder, asked=asked, at=at)
        for text in (shown.compact(), shown.flattened()):
            found = verify(text, key=issuer, at=at, asked=asked).claims
            if _bare(found) != _bare(expected):
                raise ValueError(f"{found} is seen instead of {expected}")
        return shown

    shown = seen(given.shown, given.expected)
    seen(given.hidden, given.claims)
    seen(frozenset(), _left(given.claims, (), given.hidden))
    _refused(shown, issuer=issuer, at=at, asked=asked)
    return f"{len(given.hidden)} hidden, {len(given.shown)} shown"


def _bare(claims: dict[str, Any]) -> dict[str, Any]:
    """Claims without those that say when a token holds and who holds it, which are ours to set."""
    return {name: value for name, value in claims.items() if name not in ("iat", "exp", HOLDER)}


def _keys(given: Specification) -> tuple[dict[str, Any], dict[str, Any]]:
    keys = given.content["key_settings"]
    issuer = keys["issuer_keys"][0] if "issuer_keys" in keys else keys["issuer_key"]
    return issuer, keys["holder_key"]


def _refused(shown: SdJwt, *, issuer: Any, at: int, asked: Asked | None) -> None:
    """Raises ValueError where a spoilt token is believed."""
    spoilt = {
        "another key": (shown.compact(), ECKey.generate_key("P-256")),
        "a disclosure of another token": (
            SdJwt(shown.signed, (*shown.disclosures, "WyJzIiwgIm5hbWUiLCAxXQ")).compact(),
            issuer,
        ),
        "an altered payload": (shown.compact().replace(".", ".e", 1), issuer),
        "no signature": (shown.compact().rsplit(".", 1)[0] + ".~", issuer),
    }
    if shown.disclosures:
        doubled = SdJwt(shown.signed, (*shown.disclosures, shown.disclosures[0]), shown.binding)
        spoilt["a disclosure twice"] = doubled.compact(), issuer
    if asked is not None:
        spoilt["no proof of the holder"] = SdJwt(shown.signed, shown.disclosures).compact(), issuer
    for what, (text, key) in spoilt.items():
        try:
            verify(text, key=key, at=at, asked=asked)
        except CredentialError:
            continue
        raise ValueError(f"{what} was believed")


def _salts() -> Iterator[bytes]:
    number = 0
    while True:
        yield sha256(number.to_bytes(8, "big")).digest()[:16]
        number += 1


def _plain(yaml: YAML, node: Node, path: Path, hidden: set[Path]) -> Any:
    """The value of a node; the paths of what is tagged as hidden are collected."""
    if isinstance(node, MappingNode):
        value = {}
        for key, each in node.value:
            name = key.value
            if key.tag == HIDDEN:
                hidden.add((*path, name))
            value[name] = _plain(yaml, each, (*path, name), hidden)
        return value
    if isinstance(node, SequenceNode):
        elements = []
        for place, each in enumerate(node.value):
            if each.tag == HIDDEN:
                hidden.add((*path, place))
            elements.append(_plain(yaml, each, (*path, place), hidden))
        return elements
    assert isinstance(node, ScalarNode)
    tag = yaml.resolver.resolve(ScalarNode, node.value, (node.style is None, False)) if node.tag == HIDDEN else node.tag
    return yaml.constructor.construct_object(ScalarNode(str(tag), node.value, style=node.style), deep=True)


def _shown(value: Any, asked: Any, path: Path, hidden: frozenset[Path]) -> Iterator[Path]:
    """The hidden claims that a holder shows; a name with nothing, null or false beside it is not shown."""
    if isinstance(value, dict) and isinstance(asked, dict):
        for name in value.keys() & {str(each) for each in asked}:
            here, wanted = (*path, name), next(each for key, each in asked.items() if str(key) == name)
            if here in hidden and not wanted:
                continue
            if here in hidden:
                yield here
            yield from _shown(value[name], wanted, here, hidden)
    elif isinstance(value, list) and isinstance(asked, list):
        for place, (each, wanted) in enumerate(zip(value, asked, strict=False)):
            here = (*path, place)
            if here in hidden and wanted is False:
                continue
            if here in hidden:
                yield here
            yield from _shown(each, wanted, here, hidden)


def _all_but(value: Any, plain: Any, path: Path) -> Iterator[Path]:
    """The paths of all members that are not said to stay in the open."""
    if not isinstance(value, dict):
        return
    for name, each in value.items():
        told = plain.get(name) if isinstance(plain, dict) else None
        if not told:
            yield (*path, name)
        elif isinstance(told, dict):
            yield from _all_but(each, told, (*path, name))


def _left(value: Any, path: Path, away: frozenset[Path]) -> Any:
    """What is left once the claims at some paths are taken out."""
    if isinstance(value, dict):
        return {name: _left(each, (*path, name), away) for name, each in value.items() if (*path, name) not in away}
    if isinstance(value, list):
        return [_left(each, (*path, place), away) for place, each in enumerate(value) if (*path, place) not in away]
    return value
