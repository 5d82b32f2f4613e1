"""How much is looked at for no reason but chance, and what bad data costs: the office's choice, kept as data."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Final

from msgspec import UNSET, Struct, UnsetType

from tidewaiter.model.errors import LawDataError
from tidewaiter.model.judgement import Lane
from tidewaiter.model.money import Money
from tidewaiter.risk import packaged

EXAMINED_WITHIN_DAYS: Final = 14


class Rates(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an office can take: the factor on odds of rules and of scores, and its random share (None: the policy's)."""

    rules: Decimal = Decimal(1)
    score: Decimal = Decimal(1)
    random: Decimal | None = None


FULL: Final = Rates()


class ScoreStep(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of parcels with at least this likelihood, and that much to expect where it says so, the share that goes to a lane.

    What is expected in another currency than the step's reaches no such step: odds do not hang on a rate of exchange.
    """

    from_probability: Decimal
    share: Decimal
    lane: Lane = Lane.RED
    from_expected: Money | UnsetType = UNSET

    def is_reached(self, probability: Decimal, expected: Money | None) -> bool:
        """Whether a score is as likely, and promises as much."""
        if self.from_expected is UNSET:
            return self.from_probability <= probability
        wanted = self.from_expected
        is_enough = expected is not None and expected.currency == wanted.currency and wanted <= expected
        return is_enough and self.from_probability <= probability


class Budget(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many parcels an office can look at in a day, of these the share kept for chance, and how many of one flight.

    What is mandatory and what chance draws is looked at in any case; it leaves rules and scores less.
    """

    parcels: int
    random: Decimal = Decimal("0.1")
    flight_parcels: int | None = None


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The shares and lanes of one policy version.

    `selection_share` is the share of all declarations drawn at random (0.02 is
    2 %); `quality_rules` are ids of rules whose warnings send a declaration to
    `quality_lane`, a trailing `*` standing for any ending. Where third parties
    say otherwise of a parcel, or nothing of what they must, it goes to `claims_lane`;
    where another declaration of the same parcel stands, to `duplicates_lane`.

    `scores` says by likelihood which share of parcels a score sends on. `offices` are the rates of offices that
    cannot take all; `budgets` lower them further by what is left of the day (`risk.budgets`); `aeo` lowers the odds of traders by their status. Chance is
    never below `minimum_share`, whatever lowers it. What was drawn and has come is to be examined within
    `examined_within_days`; an audit tells what was not.
    """

    title: str
    selection_share: Decimal
    selection_lane: Lane
    quality_lane: Lane
    quality_rules: tuple[str, ...]
    claims_lane: Lane = Lane.YELLOW
    duplicates_lane: Lane = Lane.YELLOW
    minimum_share: Decimal = Decimal(0)
    scores: dict[str, tuple[ScoreStep, ...]] = {}
    offices: dict[str, Rates] = {}
    budgets: dict[str, Budget] = {}
    aeo: dict[str, Decimal] = {}
    examined_within_days: int = EXAMINED_WITHIN_DAYS

    def rates_of(self, office_id: str) -> Rates:
        """The rates of an office."""
        return self.offices.get(office_id, FULL)

    def aeo_factor(self, status: str) -> Decimal:
        """What the odds of a trader of this status are multiplied by; 1 without one."""
        return self.aeo.get(status, Decimal(1)) if status else Decimal(1)

    def step_of(self, score: str, probability: Decimal, expected: Money | None = None) -> ScoreStep | None:
        """The highest step that a likelihood reaches, or the one that what is expected reaches where its share is larger."""
        reached = [step for step in self.scores.get(score, ()) if step.is_reached(probability, expected)]
        likely = [step for step in reached if step.from_expected is UNSET]
        promising = [step for step in reached if step.from_expected is not UNSET]
        by_likelihood = max(likely, key=lambda step: step.from_probability, default=None)
        by_promise = max(promising, key=lambda step: step.share, default=None)
        if by_promise is None or (by_likelihood is not None and by_likelihood.share >= by_promise.share):
            return by_likelihood
        return by_promise

    def heeds(self, rule_id: str) -> bool:
        """True when a warning of this rule raises the lane."""
        return any(heeds(wanted, rule_id) for wanted in self.quality_rules)


def heeds(wanted: str, rule_id: str) -> bool:
    """True where a policy's entry names this rule: by its id, or by how it begins, with a * behind."""
    return rule_id.startswith(wanted[:-1]) if wanted.endswith("*") else rule_id == wanted


def load_policy() -> Policy:
    """The policy that ships with the package."""
    return read_policy(_content(), "risk/policy.yaml")


def read_policy(content: bytes, place: str) -> Policy:
    """A policy file. Raises LawDataError for an unknown key or a share outside 0 to 1."""
    policy = packaged.read_yaml(content, place, Policy)
    for name, share in _shares(policy):
        if not 0 <= share <= 1:
            raise LawDataError(f"{place}: {name} {share} is not between 0 and 1")
    for name, steps in policy.scores.items():
        ordered = sorted(
            (step for step in steps if step.from_expected is UNSET), key=lambda step: step.from_probability
        )
        if any(after.share < before.share for before, after in pairwise(ordered)):
            raise LawDataError(
                f"{place}: scores.{name}: a higher likelihood is looked at less often",
                hint="let shares rise with from_probability",
            )
        _refuse_promises(f"{place}: scores.{name}", [step for step in steps if step.from_expected is not UNSET])
    for office, budget in policy.budgets.items():
        if budget.parcels < 0 or (budget.flight_parcels or 0) < 0:
            raise LawDataError(f"{place}: budgets.{office}: no office looks at fewer than no parcels")
    if policy.examined_within_days < 1:
        raise LawDataError(f"{place}: examined_within_days {policy.examined_within_days} is less than a day")
    if any(factor == 0 for factor in policy.aeo.values()):
        raise LawDataError(f"{place}: aeo: a status lowers odds, and exempts from nothing", hint="give more than 0")
    return policy


def _refuse_promises(place: str, steps: list[ScoreStep]) -> None:
    """Raises LawDataError for an amount that is none, and where a larger promise is looked at less often."""
    for step in steps:
        wanted = step.from_expected
        if wanted is UNSET or not wanted.amount.is_finite() or wanted.amount <= 0:
            raise LawDataError(f"{place}: from_expected is no amount over 0", hint='{amount: "20", currency: EUR}')
        for other in steps:
            more = other.from_expected
            if (
                more is not UNSET and more.currency == wanted.currency and more.amount >= wanted.amount
                and other.from_probability >= step.from_probability and other.share < step.share
            ):  # fmt: skip
                raise LawDataError(
                    f"{place}: what promises more is looked at less often", hint="let shares rise with from_expected"
                )


def _shares(policy: Policy) -> Iterator[tuple[str, Decimal]]:
    yield from (("selection_share", policy.selection_share), ("minimum_share", policy.minimum_share))
    for name, steps in policy.scores.items():
        for step in steps:
            yield from (
                (f"scores.{name}.from_probability", step.from_probability),
                (f"scores.{name}.share", step.share),
            )
    for office, rates in policy.offices.items():
        yield from ((f"offices.{office}.rules", rates.rules), (f"offices.{office}.score", rates.score))
        if rates.random is not None:
            yield f"offices.{office}.random", rates.random
    yield from ((f"budgets.{office}.random", budget.random) for office, budget in policy.budgets.items())
    yield from ((f"aeo.{status}", factor) for status, factor in policy.aeo.items())


def policy_version() -> str:
    """SHA-256 of the shipped policy file."""
    return hashlib.sha256(_content()).hexdigest()


def shipped_text() -> str:
    """The shipped policy file, as one begins with."""
    return _content().decode()


def shipped_policy(digest: str) -> bytes | None:
    """The shipped policy file; None where it has another SHA-256, as one of another version of the package has."""
    return _content() if policy_version() == digest else None


def _content() -> bytes:
    return packaged.folder("risk", "policy.yaml").read_bytes()
