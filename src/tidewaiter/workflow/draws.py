"""Draws in the open: seeds committed to days ahead and shown once their day is over, and what was drawn, to be audited."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, Protocol

import msgspec
from msgspec.structs import replace

from tidewaiter.model.decision import Evaluation
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import NotFoundError, TidewaiterError
from tidewaiter.model.judgement import Judgement
from tidewaiter.risk import PartKind, RiskKnowledge, circle_of
from tidewaiter.risk.policy import Policy, shipped_policy
from tidewaiter.risk.selection.at_once import Circle
from tidewaiter.risk.selection.draw_records import DayOfDraws, DrawRecord, Followed, PolicyTold, Source, record_of
from tidewaiter.workflow.evidence import Block
from tidewaiter.workflow.kept_law import KeptLaw
from tidewaiter.workflow.ports import Store
from tidewaiter.workflow.records import Commitment, Kept, Seed

DAYS_AHEAD: Final = 7
BLOCKS_AT_ONCE: Final = 16
_EVALUATION = msgspec.json.Decoder(Evaluation)
FOLLOWED_AT_ONCE: Final = 5_000
SHIPPED: Final = "risk/policy.yaml"  # under which knowledge names the policy that ships
_LINE = msgspec.json.Decoder(DayOfDraws | PolicyTold | DrawRecord)


class DrawFileError(TidewaiterError):
    """A file of draws that cannot be read; the place is its line."""

    code = "draws.file"


class DayNotOverError(TidewaiterError):
    """Draws are asked for of a day whose seed is not shown yet."""

    code = "request.invalid"


class Seeds(Protocol):
    """Where the seeds of days are kept."""

    def seed(self, on: date, proposal: bytes) -> Seed:
        """The seed of a day; `proposal` (32 bytes of chance) becomes it when there is none yet."""

    def commitments(self, before: date, limit: int) -> list[Commitment]:
        """The days' commitments, the latest first; the seeds of those before a day with them."""


class Following(Protocol):
    """What became of what was drawn."""

    def followed(self, declaration_ids: Sequence[int]) -> Mapping[int, Followed]:
        """How these declarations stand, and what examinations of them came to; those that are kept."""


class Draws(Seeds, Store, Protocol):
    """What is needed to tell what was drawn."""

    @property
    def draws(self) -> Following:
        """What became of what was drawn."""

    def blocks(self, after: int, limit: int) -> list[Block]:
        """Blocks of evidence with a larger number, in order."""


def commit_ahead(store: Seeds, today: date) -> Seed:
    """Commit to the seeds of the days that come, and give today's."""
    for days in range(1, DAYS_AHEAD + 1):
        store.seed(today + timedelta(days), secrets.token_bytes(32))
    return store.seed(today, secrets.token_bytes(32))


def exported(store: Draws, day: date, at: datetime) -> Iterator[DayOfDraws | PolicyTold | DrawRecord]:
    """What was drawn on a day that is over (in UTC, at this moment): its seed first, then the policies, then every
    decision by it, in order.

    Raises DayNotOverError where the day is not over, NotFoundError where no seed is kept for it.
    """
    found = commitment_of(store, day, at)
    teller = DrawTeller(store)
    records = [teller.told(*drawn) for drawn in drawn_by(store, found.seed_id)]
    followed: dict[int, Followed] = {}
    drawn = sorted({each.declaration_id for each in records if each.is_drawn})
    for start in range(0, len(drawn), FOLLOWED_AT_ONCE):
        followed.update(store.draws.followed(drawn[start : start + FOLLOWED_AT_ONCE]))
    yield DayOfDraws(
        seed_id=found.seed_id,
        drawn_for=found.drawn_for,
        seed=found.seed,
        commitment=found.commitment,
        committed_at=found.committed_at,
        decisions=len(records),
        told_at=at,
    )
    yield from teller.policies()
    for each in records:
        yield replace(each, followed=followed.get(each.declaration_id)) if each.is_drawn else each


def commitment_of(store: Seeds, day: date, at: datetime) -> Commitment:
    """The seed of a day that is over. Raises DayNotOverError, NotFoundError."""
    today = at.astimezone(UTC).date()
    if day >= today:
        raise DayNotOverError(f"{day} is not over: its seed is shown from the next day on", hint="ask tomorrow (UTC)")
    found = next((each for each in store.commitments(today, 10_000) if each.drawn_for == day), None)
    if found is None:
        raise NotFoundError(f"nothing was drawn on {day}", hint="tidewaiter risk draws lists the days that have a seed")
    return found


def read_draws(lines: Iterator[bytes]) -> tuple[DayOfDraws, Iterator[DrawRecord | PolicyTold]]:
    """An exported day. Raises DrawFileError with the line that is none of its records."""
    numbered = enumerate(lines, 1)

    def read() -> Iterator[DayOfDraws | PolicyTold | DrawRecord]:
        for number, line in numbered:
            try:
                yield _LINE.decode(line)
            except msgspec.MsgspecError as error:
                raise DrawFileError(
                    f"it is no record of a draw: {error}", hint="tidewaiter risk export-draws writes such files",
                    place=f"line {number}",
                ) from error  # fmt: skip

    records = read()
    day = next(records, None)
    if not isinstance(day, DayOfDraws):
        raise DrawFileError("it does not begin with the day and its seed", place="line 1")

    def rest() -> Iterator[DrawRecord | PolicyTold]:
        for each in records:
            if isinstance(each, DayOfDraws):
                raise DrawFileError("a second day begins here", hint="audit one day at a time")
            yield each

    return day, rest()


class DrawTeller:
    """Makes the record of each decision, and remembers which policies they were drawn by. For one thread."""

    def __init__(self, store: Store) -> None:
        self._law = KeptLaw(store)
        self._contents = store.knowledge
        self._met: dict[str, None] = {}
        self._digest: Callable[[str], str] = lru_cache(64)(lambda digest: _policy_digest(self._law.knowledge(digest)))

    def told(self, kept: Kept, judgement: Judgement, body: bytes | None = None) -> DrawRecord:
        """The record of one decision; what was declared is read only where a policy looks at offices."""
        policy_digest = self._digest(kept.knowledge_digest) if kept.knowledge_digest else ""
        self._met.setdefault(policy_digest)
        source = Source(
            declaration_id=kept.declaration_id,
            version=kept.version,
            evaluation_digest=hashlib.sha256(kept.evaluation).hexdigest(),
            policy_digest=policy_digest,
            circle=self.circle(kept, body),
            scores=kept.facts.scores,
        )
        return record_of(source, judgement)

    def circle(self, kept: Kept, body: bytes | None) -> Circle:
        """What the odds of a decision depended on."""
        if not kept.knowledge_digest:
            return Circle()
        if not looks_at_offices(self._law.knowledge(kept.knowledge_digest).policy):
            return replace(circle_of(Declaration(), kept.facts), spent=None)
        declaration = self._law.declaration(kept, body)
        return Circle() if declaration is None else circle_of(declaration, kept.facts)

    def policies(self) -> Iterator[PolicyTold]:
        """The policies that were met, as they were written; one that shipped with an earlier version is left out."""
        for digest in sorted(filter(None, self._met)):
            content = shipped_policy(digest)
            try:
                content = self._contents(digest) if content is None else content
            except NotFoundError:
                continue
            yield PolicyTold(digest=digest, text=content.decode())


def looks_at_offices(policy: Policy) -> bool:
    """Whether anything a policy says depends on the office."""
    return bool(policy.offices or policy.budgets)


def _policy_digest(knowledge: RiskKnowledge) -> str:
    part = next((each for each in knowledge.parts if each.kind is PartKind.POLICY and not each.is_shadow), None)
    return part.digest if part is not None else knowledge.versions.get(SHIPPED, "")


def drawn_by(store: Draws, seed_id: str) -> Iterator[tuple[Kept, Judgement, bytes | None]]:
    """Every decision that was judged by a seed, in order, with its record's bytes where they are kept beside it."""
    after = 0
    while blocks := store.blocks(after, BLOCKS_AT_ONCE):
        for block in blocks:
            after = block.block_id
            for index, kept in enumerate(block.kept):
                if kept.seed_id != seed_id:
                    continue
                judgement = _EVALUATION.decode(kept.evaluation).judgement
                if judgement is not None:
                    yield kept, judgement, block.bodies[index] if block.bodies else None
