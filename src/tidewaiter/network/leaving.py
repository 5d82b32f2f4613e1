"""The decisions that concern one member alone: that it leaves, and that its keys are followed by others."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final

import msgspec

from tidewaiter.ledger.contracts.statements import Body, KeyRotated, MemberLeft, QuorumChanged
from tidewaiter.ledger.policies import Policy
from tidewaiter.ledger.wire import written_base64
from tidewaiter.network.charter import Charter
from tidewaiter.network.deciding import DecidingError, Step, counted, without
from tidewaiter.network.home import Home
from tidewaiter.network.keyring import submitter_number
from tidewaiter.network.operator import DeclinedError, Operator, runs
from tidewaiter.network.standing import Standing

COUNTED_SECONDS_MAX: Final = 30


def leaving(home: Home, quorum: int, policy: str) -> list[Step]:
    """The steps by which a member leaves: the others count without it, then none of its keys counts. Raises DecidingError.

    `policy` is that of the others where it is no plain quorum.
    """
    charter, label = home.latest.standing, home.config.label
    if charter.sequencer == label:
        raise DecidingError(
            f"{label} runs the log of “{charter.origin}”", hint="hand it over first: tidewaiter node hand-over"
        )

    def others(number: int) -> Body:
        text = policy or without(charter, label, quorum)
        return QuorumChanged(origin=charter.origin, decision=number, policy=text)

    if label in charter.members:
        others(1)  # raises now, before anybody signs anything
    return [
        Step(
            name="1-quorum", says=f"others count without {label}", body=others,
            is_done=lambda standing: label not in Policy.parse(standing.policy.encode()).witnesses,
        ),
        Step(
            name="2-leave", says=f"{label} leaves, and none of its keys counts",
            body=lambda number: MemberLeft(origin=charter.origin, decision=number, name=label),
            is_done=lambda standing: label not in standing.members,
        ),
    ]  # fmt: skip


def counting(home: Home, count: int, labels: Sequence[str]) -> list[Step]:
    """The step by which so many of these members suffice; of all beside the sequencer where none is named. Raises DecidingError."""
    charter = home.latest.standing
    others = [name for name in charter.members if name != charter.sequencer]
    chosen = list(dict.fromkeys(labels)) or others
    if unknown := [name for name in chosen if name not in charter.members or name == charter.sequencer]:
        raise DecidingError(f"{', '.join(unknown)} cannot cosign in “{charter.origin}”", hint="name its other members")
    policy = counted(charter, others, count, chosen)
    return [
        Step(
            name="quorum", says=f"{count} of {', '.join(chosen)} suffice",
            body=lambda number: QuorumChanged(origin=charter.origin, decision=number, policy=policy),
            is_done=lambda standing: standing.policy == policy,
        )
    ]  # fmt: skip


def check_lost(standing: Standing, home: Home, number: str) -> None:
    """Raises DecidingError where a key that is said to be lost is none of the member's that the network knows."""
    own = {each for each, key in standing.keys.items() if key.member == home.config.label}
    if number not in own:
        live = sorted(each for each in own if standing.keys[each].is_live)
        raise DecidingError(
            f"{home.config.label} has no key {number[:64]}", hint=f"those that count are {', '.join(live) or 'none'}"
        )


def submitter_following(home: Home, lost: str) -> tuple[str, list[Step]]:
    """The number of the key that a member submits with (or of one that is lost), and the step by which another one follows it.

    The old key signs that itself; for one that is lost the quorum decides. Raises DecidingError.
    """
    charter, keyring = home.latest.standing, home.keyring
    if home.config.house:
        raise DecidingError(
            "this member hands on a house's own record, which is written with the house's key",
            hint="its house would have to write with another key from then on, which is not built",
        )
    old = lost or submitter_number(next(keyring.submitters()))
    key = keyring.next_submitter()

    def followed(number: int) -> Body:
        new = written_base64(key.verifier.public)
        return KeyRotated(origin=charter.origin, old=old, new=new, decision=number if lost else 0)

    step = Step(
        name="rotate-submitter", says=f"{home.config.label} submits with {submitter_number(key)} instead of {old}",
        body=followed, is_done=lambda standing: old in standing.keys and not standing.keys[old].is_live,
        keys=(key,), by_quorum=bool(lost),
    )  # fmt: skip
    return old, [step]


def cosigner_following(home: Home) -> list[Step]:
    """The step by which a member's key to cosign with is followed by another one: the quorum counts that. Raises DecidingError."""
    charter, label = home.latest.standing, home.config.label
    if label not in charter.read_policy.witnesses or charter.sequencer == label:
        raise DecidingError(f"{label} does not cosign in “{charter.origin}”", hint="rotate what it submits with")
    key = home.keyring.next_cosigner().verifier.text
    return [
        Step(
            name="rotate-cosigner", says=f"{label} cosigns with {key}",
            body=lambda number: QuorumChanged(
                origin=charter.origin, decision=number, policy=with_key(charter, label, key)
            ),
            is_done=lambda standing: standing.policy == with_key(charter, label, key),
        )
    ]  # fmt: skip


def with_key(charter: Charter, label: str, key: str) -> str:
    """The policy in which a member has another key, and all else is as it was."""
    lines = charter.policy.splitlines()
    changed = [_with_key(line, label, key) for line in lines]
    return "".join(f"{line}\n" for line in changed)


def _with_key(line: str, label: str, key: str) -> str:
    words = line.split()
    return " ".join([*words[:2], key, *words[3:]]) if words[:2] == ["witness", label] else line


def go_on(home: Home, old: str) -> dict[str, str]:
    """Have a member go on under its next key, once what was decided counts for it: how, and the key's number or text.

    `old` is the number of a key to submit with; the key to cosign with where it is none. Raises DeclinedError, NotRunningError.
    """
    if old and not runs(home):
        with home.in_use():
            return {"submits with": submitter_number(home.keyring.change_submitter(old))}
    return _gone_on(home, "/submitter" if old else "/cosigner", old.encode())


def _gone_on(home: Home, path: str, body: bytes) -> dict[str, str]:
    until = time.monotonic() + COUNTED_SECONDS_MAX
    with Operator(home) as operator:
        while True:
            try:
                return msgspec.json.decode(operator.ask(path, body), type=dict[str, str])
            except DeclinedError as error:
                if error.code != "network.not_counted" or time.monotonic() > until:
                    raise
            time.sleep(0.1)
