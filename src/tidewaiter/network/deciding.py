"""Decisions of members from the side of one of them: what stands now, who has signed what is to be decided, and handing it in.

Each decision is a statement in a file of its own, which can be passed on: whoever has it signs a copy. Where folders of other
members are at hand, their keys sign at once. Asking again goes on where it stopped; what is in the log already is left out.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Struct

from tidewaiter.ledger.contracts.governing import brought, decision_of
from tidewaiter.ledger.contracts.statements import STATEMENT_BYTES_MAX, Body, Statement
from tidewaiter.ledger.effects import Refuse
from tidewaiter.ledger.keys import SignerKey
from tidewaiter.ledger.leaves import key_number
from tidewaiter.ledger.policies import Group
from tidewaiter.ledger.verdict import LedgerError
from tidewaiter.model.errors import TidewaiterError, UnavailableError
from tidewaiter.network.charter import Charter
from tidewaiter.network.files import write_durably
from tidewaiter.network.handing_in import Placed
from tidewaiter.network.holding import checkpoint_of
from tidewaiter.network.home import Home
from tidewaiter.network.keyring import submitter_number
from tidewaiter.network.operator import DeclinedError, NotRunningError, Operator, runs
from tidewaiter.network.standing import DECISIONS_PATH, Standing

FINAL_SECONDS_MAX: Final = 60
ANSWER_BYTES_MAX: Final = 8_000_000


class DecidingError(TidewaiterError):
    """What a member wants to decide cannot be decided so."""

    code = "network.decision"


class Step(Struct, frozen=True, kw_only=True):
    """One statement to be decided: its file, its body with a running number, whether it is decided already, whose keys sign too.

    The quorum decides it unless `by_quorum` says otherwise; then the signatures of the member itself suffice.
    """

    name: str
    says: str
    body: Callable[[int], Body]
    is_done: Callable[[Standing], bool]
    keys: tuple[SignerKey, ...] = ()
    by_quorum: bool = True


class Progress(Struct, frozen=True, kw_only=True):
    """How far one step is: `done`, `decided` (final at this entry), `waiting` for signatures, or `refused`."""

    name: str
    says: str
    state: str
    file: str = ""
    signed: tuple[str, ...] = ()
    missing: str = ""
    could_sign: tuple[str, ...] = ()
    entry: int | None = None
    refuse: Refuse | None = None


class Told(Protocol):
    """What is told on the way."""

    def __call__(self, text: str) -> None:
        """Somebody reads this."""


class Deciding:
    """One member's side: its folder, the folder for files, other members' folders at hand, and copies that were signed elsewhere."""

    def __init__(self, home: Home, files: Path, at_hand: Sequence[Home], copies: Sequence[Path], tell: Told) -> None:
        self.home, self.files, self.at_hand = home, files, tuple(at_hand)
        self._copies = [read_statement(each) for each in copies]
        self._tell = tell

    def carry(self, steps: Iterable[Step]) -> list[Progress]:
        """Bring each step as far as it goes, one after another: a later one is signed meanwhile, and handed in once it is its turn."""
        self.files.mkdir(parents=True, exist_ok=True)
        told: list[Progress] = []
        standing = self.standing()
        for step in steps:
            if step.is_done(standing):
                told.append(Progress(name=step.name, says=step.says, state="done"))
                continue
            body = step.body(standing.decisions + 1)
            progress = self._brought(step, standing, body, all(_is_in(each) for each in told))
            told.append(progress)
            standing = self._standing_after(step) if _is_in(progress) else standing.after(body)
        return told

    def standing(self) -> Standing:
        """What stands now, as the sequencer has it, or the next one that replays the log. Raises NotRunningError.

        Nobody is believed with that: what is decided on something else is refused by every mirror.
        """
        charter = self.home.latest.standing
        first = [charter.members[charter.sequencer].url, self.home.config.address]
        return self._standing_at(dict.fromkeys([*first, *(member.url for member in charter.members.values())]))

    def own_standing(self) -> Standing:
        """What stands by what this member itself holds. Raises NotRunningError."""
        return self._standing_at([self.home.config.address])

    def _standing_at(self, urls: Iterable[str]) -> Standing:
        origin = self.home.latest.standing.origin
        for url in urls:
            with contextlib.suppress(httpx.HTTPError, msgspec.DecodeError):
                answer = httpx.get(f"{url}{DECISIONS_PATH}?origin={quote(origin)}", timeout=10, trust_env=False)
                if answer.status_code == 200 and len(answer.content) <= ANSWER_BYTES_MAX:
                    return msgspec.json.decode(answer.content, type=Standing)
        raise NotRunningError("no member that replays the log answers", hint="tidewaiter node run starts this one")

    def _standing_after(self, step: Step) -> Standing:
        """What stands once a step that is final has reached whoever is asked."""
        until = time.monotonic() + FINAL_SECONDS_MAX
        while time.monotonic() < until:
            if step.is_done(standing := self.standing()):
                return standing
            time.sleep(0.1)
        raise UnavailableError(f"{step.name} is final, and members do not count it", hint="ask again later")

    def _brought(self, step: Step, standing: Standing, body: Body, is_next: bool) -> Progress:  # noqa: FBT001 (whose turn it is)
        statement, path = self._collected(step, standing, body)
        lacking = standing.lacking(statement) if step.by_quorum else self._unsigned(step, statement)
        progress = Progress(
            name=step.name, says=step.says, state="waiting", file=str(path), signed=standing.signed_by(statement),
            missing=lacking, could_sign=standing.could_sign(statement) if lacking else (),
        )  # fmt: skip
        if lacking or not is_next:
            return progress
        placed = self._hand_in(statement)
        if placed is None:
            why = "it has all signatures, and no member with a database runs at hand that could hand it in"
            return msgspec.structs.replace(progress, missing=why)
        if placed.refuse is not None:
            return msgspec.structs.replace(progress, state="refused", refuse=placed.refuse)
        assert placed.index is not None
        self._await_final(placed.index)
        return msgspec.structs.replace(progress, state="decided", entry=placed.index)

    def _collected(self, step: Step, standing: Standing, body: Body) -> tuple[Statement, Path]:
        """The statement with the signatures that are there: in its file, in copies, and by keys at hand."""
        path, statement = self.files / f"{step.name}.json", Statement.of(body)
        known = read_statement(path) if path.exists() else None
        if known is not None and known.body != statement.body:
            self._tell(
                f"{path.name} is written anew, since what it decided on has changed: signatures on it count no more"
            )
        keys = {number: each.public for number, each in standing.keys.items() if each.is_live}
        keys |= {submitter_number(key): key.verifier.public for key in step.keys}
        same = [each for each in (known, *self._copies) if each is not None and each.body == statement.body]
        statement = statement.merged([each.proven(keys) for each in same])
        for key in (*step.keys, *self._keys(standing, by_others=step.by_quorum)):
            statement = statement.signed(key)
        write_durably(path, statement.data)
        return statement, path

    def _keys(self, standing: Standing, *, by_others: bool) -> Iterable[SignerKey]:
        for home in (self.home, *(self.at_hand if by_others else ())):
            if (key := live_key(home, standing)) is not None:
                yield key

    def _unsigned(self, step: Step, statement: Statement) -> str:
        missing = [submitter_number(key) for key in step.keys if submitter_number(key) not in statement.signatures]
        return f"not signed by {', '.join(missing)}" if missing else ""

    def _hand_in(self, statement: Statement) -> Placed | None:
        """What became of a statement by the first member at hand that can hand one in; None where none can."""
        for home in (self.home, *self.at_hand):
            if home.config.database == "own" and runs(home):
                with Operator(home) as operator:
                    try:
                        return operator.state(statement.data)
                    except DeclinedError as error:
                        refuse = Refuse(error.code, error.detail, error.hint, error.place)
                        return Placed(label="", entry=b"", refuse=refuse)
        return None

    def _await_final(self, index: int) -> None:
        """Return once an entry is final, as the sequencer has it: a member that left is told nothing more."""
        charter = self.home.latest.standing
        url = charter.members[charter.sequencer].url
        until = time.monotonic() + FINAL_SECONDS_MAX
        while time.monotonic() < until:
            with contextlib.suppress(httpx.HTTPError, LedgerError):
                asked = f"{url}/record/final?origin={quote(charter.origin)}&after={index}"
                answer = httpx.get(asked, timeout=30, trust_env=False)
                if answer.status_code == 200 and checkpoint_of(answer.content).size > index:
                    return
            time.sleep(0.1)
        raise UnavailableError(
            f"entry {index} is in the log and not final after {FINAL_SECONDS_MAX} seconds",
            hint="do a quorum of members run? Ask again: what is in the log stays there",
        )


def live_key(home: Home, standing: Standing) -> SignerKey | None:
    """The oldest key of a member that counts; None where it has none."""
    for key in home.keyring.submitters():
        known = standing.keys.get(submitter_number(key))
        if known is not None and known.is_live:
            return key
    return None


def countersigned(file: Path, home: Home, standing: Standing) -> Statement:
    """A statement with a member's signature, if it is one that can be decided now. Raises DecidingError, LedgerError."""
    statement = read_statement(file)
    body = statement.said
    if body.origin != standing.origin:
        raise DecidingError(f"it is made for “{body.origin}”, the members are in “{standing.origin}”")
    if 0 < decision_of(body) <= standing.decisions:
        why = f"it is decision {decision_of(body)}, and members have decided {standing.decisions} times by now"
        raise DecidingError(why, hint="have it written anew")
    new = brought(body)
    if new and key_number(new) in standing.keys:
        raise DecidingError("the key that it brings in is known already", hint="it was decided, or another key is due")
    key = live_key(home, standing)
    if key is None:
        raise DecidingError(f"{home.config.label} has no key that counts", hint="rotate it first")
    return statement.signed(key)


def read_statement(path: Path) -> Statement:
    """The statement in a file. Raises LedgerError for what is none."""
    with path.open("rb") as file:
        data = file.read(STATEMENT_BYTES_MAX + 1)
    try:
        return Statement.parse(data)
    except LedgerError as error:
        hint = "take the file again from whoever wrote it; one of your own is written anew once it is moved away"
        raise LedgerError(error.detail, hint=hint, place=str(path)) from error


def without(charter: Charter, name: str, quorum: int) -> str:
    """The policy without a member: of those of the others who counted so many suffice; 0 for as many as before.

    Raises DecidingError where the policy is no plain quorum, or the members left are too few.
    """
    others = [each for each in charter.members if each not in (name, charter.sequencer)]
    return counted(charter, others, quorum, [each for each in _plain(charter).members if each != name])


def counted(charter: Charter, others: Sequence[str], quorum: int, counting: Sequence[str] = ()) -> str:
    """The policy in which so many of these members suffice; 0 for as many as before. Raises DecidingError.

    All `others` are named in it, and are sent the log as before; where only some of them are `counting`, the rest is not asked.
    """
    policy, group = charter.read_policy, _plain(charter)
    chosen = counting or others
    count = quorum or group.threshold
    if not 0 < count <= len(chosen):
        raise DecidingError(
            f"{count} of {len(chosen)} members cannot be reached", hint="say how many of those that are left suffice"
        )
    lines = [f"witness {each} {charter.members[each].key} {charter.members[each].url}" for each in sorted(others)]
    lines += [f"group {policy.quorum} {count} {' '.join(chosen)}", f"quorum {policy.quorum}"]
    return "".join(f"{line}\n" for line in lines)


def _plain(charter: Charter) -> Group:
    """The members of whom so many suffice. Raises DecidingError where the policy says something else."""
    policy = charter.read_policy
    group = policy.groups.get(policy.quorum)
    if group is None or len(policy.groups) != 1 or not set(group.members) <= set(policy.witnesses):
        raise DecidingError(
            "the quorum of this network is not a plain number of members",
            hint="write the policy yourself and name its file with --policy",
        )
    return group


def _is_in(progress: Progress) -> bool:
    return progress.state in {"done", "decided"}
