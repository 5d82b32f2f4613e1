"""Policies for machines: written, checked, proposed, approved by another officer's key, published; for officers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, Literal

from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.params import Body
from msgspec import Meta, Struct
from msgspec.structs import replace

from tidewaiter.web.api import rule_shapes as shapes
from tidewaiter.web.api.officers import GUARDS, LISTING, READING, AnyRequest, Code, Jurisdiction, Why
from tidewaiter.web.api.rule_sets import WRITING, Number, detail, whole
from tidewaiter.web.house import House
from tidewaiter.web.principal import FOR_THE_KNOWN
from tidewaiter.workflow.policies import Policies, policy_key
from tidewaiter.workflow.rule_set_records import Key, Version
from tidewaiter.workflow.rule_sets import Who

TAGS: Final = ["Selection"]
TEXT_MAX: Final = 200_000
BODY_BYTES_MAX: Final = 900_000
STEPS: Final[dict[str, Callable[[Policies, Key, int, Who], Version]]] = {
    "check": lambda life, key, number, who: life.check(key, number, who)[0],
    "propose": Policies.propose,
    "approve": Policies.approve,
    "refuse": Policies.refuse,
    "publish": Policies.publish,
    "retire": Policies.retire,
}

PolicyText = Annotated[
    str, Meta(max_length=TEXT_MAX, description="YAML as docs/how-to/select.md shows", examples=["title: …"])
]


class PolicyDraft(Struct, frozen=True, forbid_unknown_fields=True):
    """A text that becomes a new version of a policy."""

    text: PolicyText
    words: Why = ""
    jurisdiction_code: Code = ""


class PolicyRewrite(Struct, frozen=True, forbid_unknown_fields=True):
    """A draft written anew. `revision` is that of the text you read: another's change is not written over."""

    text: PolicyText
    revision: Annotated[int, Meta(ge=1, le=2**31 - 1, description="The revision that was read")]
    words: Why = ""
    jurisdiction_code: Code = ""


class PolicyStep(Struct, frozen=True, forbid_unknown_fields=True):
    """A step to be taken with a version of a policy."""

    step: Annotated[
        Literal["check", "propose", "approve", "refuse", "publish", "retire"], Meta(description="What is to be done")
    ]
    words: Why = ""
    jurisdiction_code: Code = ""


@get(
    "/policies",
    sync_to_thread=True,
    guards=GUARDS,
    summary="Every version of every policy",
    operation_id="listPolicies",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=LISTING,
)
def policies(house: NamedDependency[House]) -> shapes.VersionPage:
    """By jurisdiction, the newest version of each first. Where none is published, the policy that ships decides."""
    return shapes.VersionPage([shapes.VersionShape.of(version) for version, _ in house.policies.all()])


@post(
    "/policies/versions",
    sync_to_thread=True,
    guards=GUARDS,
    summary="Begin a new version of a policy",
    operation_id="beginPolicyVersion",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    request_max_body_size=BODY_BYTES_MAX,
    responses=WRITING,
)
def begin_policy(
    request: AnyRequest, house: NamedDependency[House], data: Annotated[PolicyDraft, Body(description="The text")]
) -> shapes.VersionDetail:
    """A draft, kept as it is; what is wrong with it is told."""
    key = policy_key(data.jurisdiction_code)
    return detail(house.policies, house.policies.begin(key, data.text, Who(request.user.name, data.words)))


@get(
    "/policies/history",
    sync_to_thread=True,
    guards=GUARDS,
    summary="One policy with every step that was taken",
    operation_id="readPolicy",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=READING,
)
def one_policy(house: NamedDependency[House], jurisdiction: Jurisdiction = "") -> shapes.RuleSetShape:
    """Its versions, and who did what when and why."""
    return whole(house.policies, policy_key(jurisdiction))


@get(
    "/policies/versions/{number:int}",
    sync_to_thread=True,
    guards=GUARDS,
    summary="One version of a policy with its text and what is wrong with it",
    operation_id="readPolicyVersion",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=READING,
)
def one_policy_version(
    house: NamedDependency[House], number: Number, jurisdiction: Jurisdiction = ""
) -> shapes.VersionDetail:
    """The text as written."""
    return detail(house.policies, house.policies.version(policy_key(jurisdiction), number))


@put(
    "/policies/versions/{number:int}",
    sync_to_thread=True,
    guards=GUARDS,
    summary="Write a draft of a policy anew",
    operation_id="writePolicyVersion",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    request_max_body_size=BODY_BYTES_MAX,
    responses=WRITING,
)
def write_policy(
    request: AnyRequest,
    house: NamedDependency[House],
    number: Number,
    data: Annotated[PolicyRewrite, Body(description="The text, and the revision that was read")],
) -> shapes.VersionDetail:
    """Refused where somebody else wrote it since the revision you read. It has to be checked again."""
    found = house.policies.version(policy_key(data.jurisdiction_code), number)
    seen = replace(found, revision=data.revision)
    return detail(house.policies, house.policies.write(seen, data.text, Who(request.user.name, data.words)))


@post(
    "/policies/versions/{number:int}/steps",
    status_code=200,
    sync_to_thread=True,
    guards=GUARDS,
    summary="Check, propose, approve, refuse, publish or retire a version of a policy",
    operation_id="takePolicyStep",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=WRITING,
)
def take_policy_step(
    request: AnyRequest,
    house: NamedDependency[House],
    number: Number,
    data: Annotated[PolicyStep, Body(description="The step")],
) -> shapes.VersionDetail:
    """How the version stands then. Whoever's key asks does it; who wrote or proposed it does not approve it."""
    key = policy_key(data.jurisdiction_code)
    return detail(house.policies, STEPS[data.step](house.policies, key, number, Who(request.user.name, data.words)))
