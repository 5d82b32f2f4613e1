"""Risk knowledge: everything a judgement rests on, as one immutable record that can be kept and loaded again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum
from functools import cached_property

import msgspec
from msgspec import Struct

from tidewaiter.model.canonical import canonical_bytes, digest
from tidewaiter.model.errors import ReplayError
from tidewaiter.risk.controls import GoodsControl, control_versions, controls_in_force
from tidewaiter.risk.goods import GoodsIndex
from tidewaiter.risk.policy import Policy, load_policy, policy_version
from tidewaiter.risk.watch_list import WatchIndex, WatchListEntry


class PartKind(StrEnum):
    """What is published by itself, and named by its digest."""

    RULES = "rules"
    LIST = "list"
    MODEL = "model"
    POLICY = "policy"
    LINKS = "links"  # the alarm: what seized parcels share with others


class Part(Struct, frozen=True, omit_defaults=True, gc=False):
    """Something published that a judgement rests on: rules, a list, a model. One on trial decides nothing."""

    kind: PartKind
    name: str
    digest: str
    is_shadow: bool = False


class RiskKnowledge(Struct, frozen=True, kw_only=True, dict=True):
    """Controls, watch list and policy of one jurisdiction on one day.

    `versions` names each list with the digest of where it came from. `content`
    is the record as canonical bytes and `digest` the SHA-256 over them;
    `from_content` gives back an equal record, so that a judgement can be run
    again years later from what was kept. `parts` are kept by themselves, each
    under its own digest: `targeting.Targeting` compiles them.
    """

    jurisdiction_code: str
    legal_day: date
    controls: tuple[GoodsControl, ...]
    watch_list: tuple[WatchListEntry, ...]
    policy: Policy
    versions: dict[str, str]
    parts: tuple[Part, ...] = ()

    @cached_property
    def content(self) -> bytes:
        """The canonical bytes."""
        return canonical_bytes(self)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of `content` in hexadecimal."""
        return digest(self.content)

    @classmethod
    def from_content(cls, content: bytes) -> RiskKnowledge:
        """The record these bytes were made of. Raises ReplayError when they are not such bytes."""
        try:
            found = msgspec.json.decode(content, type=cls)
        except msgspec.DecodeError as error:
            raise ReplayError(f"kept risk knowledge cannot be read: {error}") from error
        found.__dict__["content"] = content  # as it was kept: a later version of this software may write more
        return found

    @cached_property
    def goods_index(self) -> GoodsIndex:
        """The controls, compiled for look-up."""
        return GoodsIndex(self.controls)

    @cached_property
    def watch_index(self) -> WatchIndex:
        """The watch list entries in force, compiled for look-up."""
        return WatchIndex(self.watch_list, self.legal_day)


def load_knowledge(
    jurisdiction_code: str,
    on: date,
    *,
    watch_list: Iterable[WatchListEntry] = (),
    watch_list_version: str = "",
    policy: Policy | None = None,
    parts: Sequence[Part] = (),
) -> RiskKnowledge:
    """What is known for a jurisdiction on a day: shipped controls and policy, and the watch list given.

    Raises NotInForceError for a jurisdiction without control data.
    """
    versions = control_versions(jurisdiction_code)
    if policy is None:
        versions["risk/policy.yaml"] = policy_version()
    if watch_list_version:
        versions["watch_list"] = watch_list_version
    return RiskKnowledge(
        jurisdiction_code=jurisdiction_code,
        legal_day=on,
        controls=controls_in_force(jurisdiction_code, on),
        watch_list=tuple(sorted(watch_list, key=lambda entry: entry.entry_id)),
        policy=policy or load_policy(),
        versions=versions,
        parts=tuple(parts),
    )
