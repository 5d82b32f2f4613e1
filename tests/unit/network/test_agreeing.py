"""What counts of members' decisions, and from where."""

from __future__ import annotations

from collections.abc import Sequence

from ledgers import signer
from machines import BEGINNING, LOG, MEMBERS, NAMES, ORIGIN, POLICY
from tidewaiter.cli.bench.faults.rules import contract
from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.contracts import State
from tidewaiter.ledger.epochs import Closing
from tidewaiter.ledger.keys import SignerKey
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.policies import Group, Party, Policy
from tidewaiter.ledger.signing import cosign, sign
from tidewaiter.network.agreeing import Agreements, is_ended
from tidewaiter.network.charter import Charter, Follows, Member

OTHERS = {name: signer(f"{name}.example") for name in ("m4", "m5", "m6")}
LATER = Policy(
    (), {name: Party(key.verifier) for name, key in OTHERS.items()}, {"quorum": Group(3, tuple(OTHERS))}, "quorum"
)


def agreements() -> Agreements:
    members = {name: Member(part="mirror", url=name, key=key.verifier.text) for name, key in MEMBERS.items()}
    members["runs"] = Member(part="sequencer", url="runs", key="")
    policy = POLICY.text.decode()
    return Agreements(Charter(origin=ORIGIN, at=0, log=LOG.verifier.text, policy=policy, members=members))


def state(policy: Policy = POLICY) -> State:
    found = contract(BEGINNING).state
    found.realm.policy = policy.text.decode()
    return found


def root(size: int) -> bytes | None:
    return bytes([size]) * 32 if size <= 9 else None


def note(size: int, keys: Sequence[SignerKey]) -> bytes:
    text = Checkpoint(ORIGIN, size, bytes([size]) * 32).text
    return SignedNote(text, (sign(text, LOG), *(cosign(text, key, 1_800_000_000) for key in keys))).data


def first() -> list[SignerKey]:
    return [MEMBERS[name] for name in NAMES[:3]]


def test_a_statement_that_leaves_the_quorum_as_it_is_is_not_waited_for_and_counts_once_final() -> None:
    agreed = agreements()
    agreed.decided(5, state())
    assert agreed.waits_for == 0
    assert agreed.become_final(4) is None
    adopted = agreed.become_final(6)
    assert adopted is not None
    assert adopted.size == 5


def test_another_quorum_is_waited_for_and_counts_once_the_one_before_made_it_final() -> None:
    agreed = agreements()
    agreed.decided(5, state(LATER))
    assert agreed.waits_for == 5
    assert agreed.believed(note(5, list(OTHERS.values())), root) is None, "those decided on do not count yet"
    known = agreed.believed(note(5, first()), root)
    assert known is not None
    adopted = agreed.become_final(known.size)
    assert adopted is not None
    assert (agreed.waits_for, sorted(adopted.charter.of_part("mirror"))) == (0, sorted(OTHERS))
    assert agreed.believed(note(7, first()), root) is None, "those before do not count any more"
    assert agreed.believed(note(7, list(OTHERS.values())), root) is not None


def test_a_checkpoint_of_more_than_is_held_is_not_believed_nor_one_with_another_root() -> None:
    agreed = agreements()
    assert agreed.believed(note(10, first()), root) is None
    assert agreed.believed(note(4, first()), lambda _: bytes(32)) is None


def test_decisions_that_are_read_again_count_each_at_its_place_and_the_last_is_still_waited_for() -> None:
    """As a member does that starts: what was decided last is not taken for what was decided before it."""
    agreed = agreements()
    more = Policy((), POLICY.witnesses, {"quorum": Group(4, NAMES)}, "quorum")
    agreed.decided(3, state(more))
    agreed.decided(8, state(LATER))
    adopted = agreed.become_final(6)
    assert adopted is not None
    assert (adopted.size, adopted.charter.policy, agreed.waits_for) == (3, more.text.decode(), 8)
    last = agreed.become_final(8)
    assert last is not None
    assert (last.charter.policy, agreed.waits_for) == (LATER.text.decode(), 0)


def ended(by: Sequence[SignerKey], size: int = 5, settled: bytes = b"") -> bool:
    """Whether one who goes by the first quorum takes the end at a size, behind a decision on another one."""
    end = Closing(Checkpoint(ORIGIN, size, bytes([size]) * 32), signer("record.example/2").verifier).checkpoint
    closing = SignedNote(end.text, tuple(cosign(end.text, key, 1_800_000_000) for key in by)).data
    return is_ended(Follows(origin=ORIGIN, closing=closing, settled=settled), agreements().charter, state(LATER))


def test_those_decided_on_end_a_log_where_it_is_shown_that_the_decision_is_final() -> None:
    others = list(OTHERS.values())
    assert ended(first())
    assert ended([*first(), *others])
    assert not ended(others), "whoever goes by the quorum before does not know that another one counts"
    assert ended(others, settled=note(5, first()))
    assert not ended(others, settled=note(5, others)), "those decided on do not make it final themselves"
    assert not ended(others, settled=note(4, first())), "another place is final"
    assert not ended(others[:2], settled=note(5, first()))
