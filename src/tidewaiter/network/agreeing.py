"""What members have decided in a log, as one that holds it sees it: what of that counts, and whom it believes meanwhile."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import NamedTuple, Self

from msgspec import structs

from tidewaiter.ledger.checkpoints import Checkpoint
from tidewaiter.ledger.contracts import State
from tidewaiter.ledger.contracts.governing import brought
from tidewaiter.ledger.contracts.statements import Statement
from tidewaiter.ledger.effects import Refuse
from tidewaiter.ledger.epochs import is_closed
from tidewaiter.ledger.leaves import key_number
from tidewaiter.ledger.notes import SignedNote
from tidewaiter.ledger.policies import Policy
from tidewaiter.network.charter import Charter, Follows


class Agreed(NamedTuple):
    """What the members have agreed on in a block that ends at a size; it counts once that is final."""

    size: int
    submitters: dict[str, bytes]
    charter: Charter


class Agreements:
    """Decisions in the order of their blocks, of which `charter` is the last that counts.

    Where one changes who suffices, the log goes on once its block is final (`waits_for` is where that ends, 0 while nothing is
    waited for): the quorum before has cosigned it then, and what follows is for the next to cosign. So each checkpoint is judged by
    the last decision in a block before the one that it ends with, by whoever reads the log, and at any time.
    """

    def __init__(self, charter: Charter) -> None:
        self.charter, self.waits_for = charter, 0
        self._agreed: deque[Agreed] = deque()
        self._policy = charter.read_policy

    @classmethod
    def begun(cls, known: Charter, state: State) -> Self:
        """Those of a member that is about to read a log from where a contract stands, all decided before which is final.

        `known` tells its members' addresses and cards; it may be a charter as it stands later.
        """
        return cls(structs.replace(known, policy=state.realm.policy))

    @property
    def are_settled(self) -> bool:
        """Whether all that was decided is final, and counts."""
        return not self._agreed

    def decided(self, size: int, state: State) -> None:
        """A block that ends at a size has brought a statement, and the contract stands just behind it now."""
        before = self._agreed[-1].charter if self._agreed else self.charter
        if state.realm.policy != before.policy:
            self.waits_for = size
        self._agreed.append(Agreed(size, dict(state.submitters), self.charter.amended(state.realm)))

    def become_final(self, size: int) -> Agreed | None:
        """The log is final up to a size: the last decision that counts from now on, where there is another."""
        adopted = None
        while self._agreed and self._agreed[0].size <= size:
            adopted = self._agreed.popleft()
        if adopted is not None:
            self.change(adopted.charter)
        if self.waits_for <= size:
            self.waits_for = 0
        return adopted

    def change(self, charter: Charter) -> None:
        """Go by this charter from now on."""
        self.charter, self._policy = charter, charter.read_policy

    def believed(self, note: bytes, root: Callable[[int], bytes | None]) -> Checkpoint | None:
        """The checkpoint of a note, where the quorum has cosigned it that counts now; `root` is that of what is held at a size.

        Nothing is held beyond a decision that is waited for, so that no other quorum can be due.
        """
        believed = self._policy.believed(note)
        checkpoint = believed.checkpoint
        if not believed.verdict or checkpoint is None or checkpoint.size <= 0:
            return None
        return checkpoint if root(checkpoint.size) == checkpoint.root else None


def is_ended(follows: Follows, before: Charter, state: State) -> bool:
    """Whether the quorum has ended an origin as is said, of which a member goes by this charter, and whose entries led to this state.

    Where the origin ended behind a decision on who suffices, of which the member does not know that it is final, that may be shown;
    then those suffice that it names.
    """
    if is_closed(follows.closing, before.read_policy):
        return True
    end = Checkpoint.parse(SignedNote.parse(follows.closing).text)
    settled = before.read_policy.believed(follows.settled)
    is_final = settled.verdict and settled.checkpoint == Checkpoint(end.origin, end.size, end.root)
    return bool(is_final and is_closed(follows.closing, Policy.parse(state.realm.policy.encode())))


def undecided(size: int) -> Refuse:
    """Why a mirror takes no block beyond a decision on who suffices, which ends at a size."""
    why = f"the members have decided on another quorum in the first {size} entries, and those are not final"
    return Refuse("block.undecided", why, "Send the checkpoint with it by which they became final.", str(size))


def is_signed_by_one(statement: Statement, keys: Mapping[str, bytes]) -> bool:
    """Whether somebody known answers for a statement: it is kept for good, so not everybody's is taken."""
    known = {number: signature for number, signature in statement.signatures.items() if number in keys}
    return bool(known) and not structs.replace(statement, signatures=known).unproven(keys)


def signed_together(statement: Statement, known: bytes | None, state: State, now: int) -> bytes:
    """A statement with the signatures that hold of all that were handed in; `known` are those so far, `now` seconds since 1970.

    The keys that may sign are those that count, and the one that it brings in.
    """
    new = brought(statement.said)
    keys = {number: key.public for number, key in state.keys.items() if not key.ended and key.until > now}
    keys |= {key_number(new): new} if new else {}
    proven = statement.proven(keys)
    return proven.data if known is None else Statement.parse(known).proven(keys).merged([proven]).data
