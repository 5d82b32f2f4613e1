"""Rule sets for machines: written, checked, tried, approved, published, back-tested, compared; for officers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated, Final

from litestar import get, post, put
from litestar.di import NamedDependency
from litestar.params import Body, PathParameter, QueryParameter
from msgspec.structs import replace

from tidewaiter.web import listing, lookup
from tidewaiter.web.api import rule_shapes as shapes
from tidewaiter.web.api.officers import BODY_BYTES_MAX, GUARDS, LISTING, READING, AnyRequest, Jurisdiction, writing
from tidewaiter.web.api.reading import After, Reference, asked
from tidewaiter.web.house import House
from tidewaiter.web.principal import FOR_THE_KNOWN
from tidewaiter.workflow.rule_set_records import Key, RuleSetError, Version
from tidewaiter.workflow.rule_sets import RuleSets, Who
from tidewaiter.workflow.trying import Period

TAGS: Final = ["Rules"]
PARCELS_MAX: Final = 100  # each is read and explained
NUMBER_MAX: Final = 2**31 - 1
WRITING: Final = writing("risk.rule", "risk.rule_set", "risk.draft_changed", "risk.second_person", "message.limit")
TRYING: Final = writing("risk.rule", "risk.rule_set")

Name = Annotated[str, PathParameter(pattern=shapes.NAME_PATTERN, description="The rule set's name")]
Number = Annotated[int, PathParameter(ge=1, le=NUMBER_MAX, description="Which version")]
Since = Annotated[
    date | None, QueryParameter(name="since", description="The first legal day; the first there is if none")
]
Until = Annotated[
    date | None, QueryParameter(name="until", description="The last legal day; the last there is if none")
]
STEPS: Final[dict[str, Callable[[RuleSets, Key, int, Who], Version]]] = {
    "check": lambda life, key, number, who: life.check(key, number, who)[0],
    "trial": RuleSets.start_trial,
    "end_trial": RuleSets.end_trial,
    "propose": RuleSets.propose,
    "approve": RuleSets.approve,
    "refuse": RuleSets.refuse,
    "publish": RuleSets.publish,
    "retire": RuleSets.retire,
}


def whole(life: RuleSets, key: Key) -> shapes.RuleSetShape:
    """The versions of a rule set, or of a policy, and who did what when and why."""
    return shapes.RuleSetShape(
        [shapes.VersionShape.of(each) for each in life.versions(key)],
        [shapes.StepShape.of(each) for each in life.history(key)],
    )


def detail(life: RuleSets, version: Version) -> shapes.VersionDetail:
    """A version with what is wrong with its text now."""
    return shapes.VersionDetail.of(version, life.examine(version.key, version.text))


@get(
    "/rule-sets",
    sync_to_thread=True,
    guards=GUARDS,
    summary="Every version of every rule set",
    operation_id="listRuleSets",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=LISTING,
)
def rule_sets(house: NamedDependency[House]) -> shapes.VersionPage:
    """By name and jurisdiction, the newest version of each first."""
    return shapes.VersionPage([shapes.VersionShape.of(version) for version, _ in house.rule_sets.all()])


@get(
    "/rule-sets/{name:str}",
    sync_to_thread=True,
    guards=GUARDS,
    summary="One rule set with every step that was taken",
    operation_id="readRuleSet",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=READING,
)
def one_rule_set(house: NamedDependency[House], name: Name, jurisdiction: Jurisdiction = "") -> shapes.RuleSetShape:
    """Its versions, and who did what when and why."""
    return whole(house.rule_sets, Key(name, jurisdiction))


@post(
    "/rule-sets/{name:str}/versions",
    sync_to_thread=True,
    guards=GUARDS,
    summary="Begin a new version of a rule set",
    operation_id="beginRuleSetVersion",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    request_max_body_size=BODY_BYTES_MAX,
    responses=WRITING,
)
def begin_version(
    request: AnyRequest,
    house: NamedDependency[House],
    name: Name,
    data: Annotated[shapes.Draft, Body(description="The text")],
) -> shapes.VersionDetail:
    """A draft, kept as it is; its mistakes are told with their places."""
    key = Key(name, data.jurisdiction_code)
    return detail(house.rule_sets, house.rule_sets.begin(key, data.text, Who(request.user.name, data.words)))


@get(
    "/rule-sets/{name:str}/versions/{number:int}",
    sync_to_thread=True,
    guards=GUARDS,
    summary="One version with its text and what is wrong with it",
    operation_id="readRuleSetVersion",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=READING,
)
def one_version(
    house: NamedDependency[House], name: Name, number: Number, jurisdiction: Jurisdiction = ""
) -> shapes.VersionDetail:
    """The text as written; mistakes by the lists, features and scores that are there now."""
    return detail(house.rule_sets, house.rule_sets.version(Key(name, jurisdiction), number))


@put(
    "/rule-sets/{name:str}/versions/{number:int}",
    sync_to_thread=True,
    guards=GUARDS,
    summary="Write a draft anew",
    operation_id="writeRuleSetVersion",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    request_max_body_size=BODY_BYTES_MAX,
    responses=WRITING,
)
def write_version(
    request: AnyRequest,
    house: NamedDependency[House],
    name: Name,
    number: Number,
    data: Annotated[shapes.Rewrite, Body(description="The text, and the revision that was read")],
) -> shapes.VersionDetail:
    """Refused where somebody else wrote it since the revision you read. It has to be checked again."""
    found = house.rule_sets.version(Key(name, data.jurisdiction_code), number)
    seen = replace(found, revision=data.revision)
    return detail(house.rule_sets, house.rule_sets.write(seen, data.text, Who(request.user.name, data.words)))


@post(
    "/rule-sets/{name:str}/versions/{number:int}/steps",
    status_code=200,
    sync_to_thread=True,
    guards=GUARDS,
    summary="Check, try, propose, approve, refuse, publish or retire a version",
    operation_id="takeRuleSetStep",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=WRITING,
)
def take_step(
    request: AnyRequest,
    house: NamedDependency[House],
    name: Name,
    number: Number,
    data: Annotated[shapes.StepWanted, Body(description="The step")],
) -> shapes.VersionDetail:
    """How the version stands then. Who wrote or proposed it does not approve it. A check that finds mistakes tells them."""
    key = Key(name, data.jurisdiction_code)
    return detail(house.rule_sets, STEPS[data.step](house.rule_sets, key, number, Who(request.user.name, data.words)))


@post(
    "/rule-sets/{name:str}/versions/{number:int}/back-tests",
    sync_to_thread=True,
    guards=GUARDS,
    summary="Run a version over the decisions of a period",
    operation_id="runBackTest",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=TRYING,
)
def run_back_test(
    request: AnyRequest,
    house: NamedDependency[House],
    name: Name,
    number: Number,
    data: Annotated[shapes.PeriodWanted, Body(description="The period")],
) -> shapes.BackTestShape:
    """Hits, work of each office, overlap, hit rate, lanes before and after; kept with the parcels."""
    version = house.rule_sets.version(Key(name, data.jurisdiction_code), number)
    period = _period(house, version.key, data.since, data.until)
    done, figures = house.rule_trials.back_test(version, period, request.user.name)
    return shapes.BackTestShape.of(done, figures)


@get(
    "/back-tests/{number:int}",
    sync_to_thread=True,
    guards=GUARDS,
    summary="A back-test that was run",
    operation_id="readBackTest",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=READING,
)
def one_back_test(house: NamedDependency[House], number: Number) -> shapes.BackTestShape:
    """What was asked, and what came out."""
    return shapes.BackTestShape.of(*house.rule_trials.one(number))


@get(
    "/back-tests/{number:int}/parcels",
    sync_to_thread=True,
    guards=GUARDS,
    summary="The parcels that a back-test hit",
    operation_id="listBackTestParcels",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=TRYING,
)
def parcels_of_back_test(
    house: NamedDependency[House],
    number: Number,
    rule: Annotated[str, asked("rule", "Of one rule alone")] = "",
    after: After = 0,
    limit: Annotated[int, QueryParameter(name="limit", ge=1, le=PARCELS_MAX, description="At most so many")] = 20,
) -> shapes.ParcelPage:
    """By number, each with the conditions that held, near misses and the changes that would have led elsewhere."""
    done, _ = house.rule_trials.one(number)
    found = house.rule_trials.hits(done, listing.text("rule", rule), after=after, limit=limit)
    last = found[-1].hit.declaration_id if len(found) == limit else None
    return shapes.ParcelPage([shapes.ParcelShape.of(each) for each in found], last)


@get(
    "/rule-sets/{name:str}/comparison",
    sync_to_thread=True,
    guards=GUARDS,
    summary="Two versions compared",
    operation_id="compareRuleSetVersions",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=TRYING,
)
def comparison(
    house: NamedDependency[House],
    name: Name,
    before: Annotated[int, QueryParameter(name="before", ge=1, le=NUMBER_MAX, description="The older version")],
    after: Annotated[int, QueryParameter(name="after", ge=1, le=NUMBER_MAX, description="The newer version")],
    jurisdiction: Jurisdiction = "",
    since: Since = None,
    until: Until = None,
) -> shapes.ComparisonShape:
    """Rules added, removed and changed; and the parcels of the period that come to another lane."""
    key = Key(name, jurisdiction)
    old, new = house.rule_sets.version(key, before), house.rule_sets.version(key, after)
    rules = house.rule_trials.compare(old, new)
    if house.rule_trials.usual_period(key) is None:
        return shapes.ComparisonShape.of(rules, None)
    return shapes.ComparisonShape.of(rules, house.rule_trials.lanes(old, new, _period(house, key, since, until)))


@get(
    "/declarations/{reference:str}/rules",
    sync_to_thread=True,
    guards=GUARDS,
    summary="Why rules pointed at a declaration, or nearly did",
    operation_id="explainRules",
    opt=FOR_THE_KNOWN,
    tags=TAGS,
    responses=READING,
)
def declaration_rules(
    request: AnyRequest, house: NamedDependency[House], reference: Reference
) -> shapes.RulesOfDeclaration:
    """From what was kept with the decision: conditions that held, near misses, changes that would have been felt."""
    file = lookup.decision(house.store, reference, request.user)
    found = house.rule_trials.explain(file.row.declaration_id)
    return shapes.RulesOfDeclaration([shapes.RulesExplainedShape.of(each) for each in found])


def _period(house: House, key: Key, since: date | None, until: date | None) -> Period:
    """The period asked for. Raises PeriodError; RuleSetError where nothing was decided, or it is too long to wait for."""
    usual = house.rule_trials.usual_period(key)
    if usual is None:
        raise RuleSetError("nothing was decided yet", hint="hand declarations in first")
    period = Period(since or usual.since, until or usual.until, key.jurisdiction_code)
    house.rule_trials.refuse_long(period)
    return period
