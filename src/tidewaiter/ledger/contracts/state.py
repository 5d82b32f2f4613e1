"""The state that all entries of the record have led to, and the one door through which an entry changes it.

How it is driven, by a sequencer, a mirror or whoever replays a log:

    state = State.begin(genesis)                  # or State.restored(snapshot)
    answer = state.apply(leaf)                    # Applied, or a Refusal that has changed nothing
    state.root()                                  # before the entry that closes a block, which tells it
    state.apply(closing)                          # that entry too: with it the log's own time goes on

Entries are applied in the order of the log, every one of them: positions are counted. A block that may yet turn out to be
wrong is applied between `mark` and `undo` or `keep`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from tidewaiter.ledger.contracts.amending import amend
from tidewaiter.ledger.contracts.consequences import CONSEQUENCES, Taking, hold
from tidewaiter.ledger.contracts.genesis import FOREVER, Genesis
from tidewaiter.ledger.contracts.governing import payment_name
from tidewaiter.ledger.contracts.records import (
    EMPTY_SCOPE,
    PACK,
    SEAL,
    SEEN_LENGTH,
    Ended,
    Flag,
    Key,
    Mark,
    Member,
    Payment,
    Realm,
    Scope,
)
from tidewaiter.ledger.contracts.rules import VERSIONS
from tidewaiter.ledger.contracts.ruling import APPLIED, Applied, Case, Program, Refusal, RuleSet, Windows
from tidewaiter.ledger.contracts.statements import Statement
from tidewaiter.ledger.contracts.tree import Tree
from tidewaiter.ledger.contracts.vocabulary import GOVERNING, STATE, Role, mask_of
from tidewaiter.ledger.leaves import Leaf, key_number
from tidewaiter.ledger.verdict import LedgerError

SNAPSHOT: Final = "tidewaiter state v1"
BUCKET_POSITIONS: Final = 64
"""Scopes and payments lie side by side in the tree as they came, so many positions to a bucket: those of one time, which are
written of at one time, have what is above them in common."""
_MONEY: Final = frozenset({"paid", "refunded"})
_TOLD: Final = {mark: tuple(str(each.name).lower() for each in Mark if each & mark) for mark in range(1, 16)}
_STANDING: Final = Flag.PERMIT | Flag.STATUS
_copied: Final = Scope.__copy__  # type: ignore[attr-defined]  # what `copy.copy` comes to, at a fifth of its time


class _Snapshot(Struct, array_like=True):
    form: str
    realm: Realm
    keys: dict[str, Key]
    scopes: dict[str, Scope]
    payments: dict[str, Payment]


class State:
    """What the contracts know after the entries so far. See the module for how it is driven.

    `scopes` are by their id, `keys` by their number, `payments` that nobody has settled by `payment_name`.
    """

    def __init__(self, realm: Realm, rule_sets: Iterable[RuleSet] = VERSIONS) -> None:
        self.realm = realm
        self.keys: dict[str, Key] = {}
        self.scopes: dict[str, Scope] = {}
        self.payments: dict[str, Payment] = {}
        self.windows = Windows()
        self._rule_sets = {each.hash: each for each in rule_sets}
        self._programs: dict[str, Program] = {}
        self._records, self._keys = Tree(), Tree()
        self._dirty: set[tuple[str, str]] = set()
        self._changed: set[tuple[int, str]] = set()
        self._passed: dict[str, Leaf] = {}  # by type, the last that `before` let pass, as things stand
        self._due: dict[int, list[tuple[str, str]]] = {}
        self._journal: list[tuple[str, str, Any]] | None = None
        self._marked: Realm | None = None
        self._choose()

    @classmethod
    def begin(cls, genesis: Genesis, rule_sets: Iterable[RuleSet] = VERSIONS) -> State:
        """The state of an empty log. Raises LedgerError for what no network can begin with."""
        genesis.check()
        members = {each.name: Member(mask_of(each.roles)) for each in genesis.founders}
        sequencer = key_number(genesis.sequencer)
        realm = Realm(
            origin=genesis.origin, before=0, size=0, clock=genesis.at, latest=genesis.at, rules=genesis.rules,
            following="", turn=0, decisions=0, policy=genesis.policy, sequencer=sequencer, members=members,
        )  # fmt: skip
        state = cls(realm, rule_sets)
        for each in genesis.founders:
            key = Key(each.public, each.name, mask_of(each.roles), FOREVER, each.name)
            state.put("keys", key_number(each.public), key)
        own = Key(genesis.sequencer, "", mask_of((Role.SEQUENCER,)), FOREVER, sequencer)
        state.put("keys", sequencer, own)
        return state

    @property
    def size(self) -> int:
        """How many entries of this origin were applied."""
        return self.realm.size

    @property
    def submitters(self) -> dict[str, bytes]:
        """The public keys by their number, those that count no more among them."""
        return {number: key.public for number, key in self.keys.items()}

    def apply(self, leaf: Leaf, statement: bytes | None = None) -> Applied | Refusal:
        """Take the next entry, or say why not; then nothing has changed.

        `statement` is what the commitment of an entry of governance stands for, as `statements` writes it.
        """
        program = self._programs.get(leaf.type)
        if program is None:
            return self._unknown(leaf)
        scope = self.scopes.get(leaf.scope, EMPTY_SCOPE)
        key = self.keys.get(leaf.actor)
        said = _read(statement) if statement is not None and leaf.type in GOVERNING else None
        begins = leaf.commitment[:SEEN_LENGTH]
        case = Case(leaf, program.kind, program.mask, begins, scope, key, self, said)
        last = self._passed.get(leaf.type)
        if last is None or last.actor != leaf.actor or last.at != leaf.at or last.facts != leaf.facts:
            # They are shown no scope, since what they say is believed of entries on others too.
            bare = Case(leaf, program.kind, program.mask, begins, EMPTY_SCOPE, key, self)
            for rule in program.before:
                if why := rule.check(bare):
                    return Refusal(rule.id, why, rule.hint)
            self._passed[leaf.type] = leaf
        for check in program.checks:
            if why := check(case):
                rule = program.within[program.checks.index(check)]
                return Refusal(rule.id, why, rule.hint)
        if leaf.type == STATE:
            return self._close(leaf)
        if said is not None:
            self._passed.clear()
            amend(self, said)
            self._advance(leaf.at)
            return APPLIED
        return self._take(case)

    def root(self) -> bytes:
        """The hash over the whole state; the same wherever the same entries were applied."""
        put, scopes = self._records.put, self.scopes
        for first, name in self._changed:
            scope = scopes.get(name)
            is_there = scope is not None and scope.first == first
            put(first // BUCKET_POSITIONS, name, PACK((name, scope)) if is_there else None)
        for table, name in self._dirty:
            record = getattr(self, table).get(name)
            packed = None if record is None else PACK((table, name, record))
            if table == "keys":
                self._keys.put(int(name[:4], 16), name, packed)
            else:
                put(int(name, 16) // BUCKET_POSITIONS, f"{table} {name}", packed)
        self._changed.clear()
        self._dirty.clear()
        realm = hashlib.sha256(PACK(self.realm)).digest()
        return hashlib.sha256(SNAPSHOT.encode() + realm + self._keys.root() + self._records.root()).digest()

    def snapshot(self) -> bytes:
        """The whole state in one writing, from which it goes on elsewhere without replaying."""
        return PACK(_Snapshot(SNAPSHOT, self.realm, self.keys, self.scopes, self.payments))

    @classmethod
    def restored(cls, snapshot: bytes, rule_sets: Iterable[RuleSet] = VERSIONS) -> State:
        """The state of a snapshot; believe it only if its root is one that the quorum has cosigned. Raises LedgerError."""
        try:
            read = msgspec.msgpack.decode(snapshot, type=_Snapshot)
        except (msgspec.DecodeError, RecursionError) as error:
            raise LedgerError("this is no snapshot of a state") from error
        if read.form != SNAPSHOT or PACK(read) != snapshot:
            raise LedgerError("a snapshot is written otherwise than it is here")
        state = cls(read.realm, rule_sets)
        for table in ("keys", "scopes", "payments"):
            for name, record in getattr(read, table).items():
                state.put(table, name, record)
        return state

    def following(self, origin: str, root: bytes) -> State:
        """The state with which the next origin begins, this one having ended with a root: all of it but the sequencer.

        Its first entry is of the type `epoch_closed`. Raises LedgerError for the same origin again.
        """
        if not origin or origin == self.realm.origin:
            raise LedgerError("an origin is followed by another one")
        state = State.restored(self.snapshot(), self._rule_sets.values())
        ended = Ended(self.realm.origin, self.realm.size, root.hex(), self.root().hex())
        realm = state.realm
        realm.origin, realm.before, realm.size, realm.previous = origin, realm.position, 0, ended
        return state

    def mark(self) -> None:
        """From here on, remember what changes, until `undo` or `keep`. Raises LedgerError where that is under way."""
        if self._journal is not None:
            raise LedgerError("a mark is set already")
        self._journal, self._marked = [], self.realm.copied()

    def undo(self) -> None:
        """Be as at the mark. Raises LedgerError without one."""
        if self._journal is None or self._marked is None:
            raise LedgerError("there is no mark to go back to")
        changes, self.realm = self._journal, self._marked
        self._passed.clear()
        self._journal = self._marked = None
        for table, name, old in reversed(changes):
            self.put(table, name, old)
        self._choose()

    def keep(self) -> None:
        """Forget the mark: what changed since counts. Raises LedgerError without one."""
        if self._journal is None:
            raise LedgerError("there is no mark")
        self._journal = self._marked = None

    def _take(self, case: Case) -> Applied:
        leaf, scope, key = case.leaf, case.scope, case.key
        assert key is not None  # `actor.known` stands before
        realm, changed = self.realm, _copied(scope)
        position = realm.before + realm.size
        marks = CONSEQUENCES[leaf.type](Taking(changed, leaf, key, position))
        if scope is EMPTY_SCOPE:
            changed.first = position
        changed.seen = scope.seen + case.begins
        if leaf.at > changed.last_at:
            changed.last_at = leaf.at
        if leaf.type == "permit_drawn":
            changed = self._drawn(leaf, changed)
        elif leaf.type == "seal_bound":
            self._rebound(scope, changed)
        elif leaf.type in _MONEY:
            payment = Payment(bytes.fromhex(leaf.commitment), key.party, leaf.at)
            self.put("payments", payment_name(position), payment)
        self._put_scope(leaf.scope, scope, changed)
        self._advance(leaf.at)
        return Applied(_TOLD[marks]) if marks else APPLIED

    def _rebound(self, scope: Scope, changed: Scope) -> None:
        """Goods that travelled under a device that reported an alarm are held: another seal does not undo what it told."""
        device = self.scopes.get(scope.device) if changed.device != scope.device else None
        if device is not None and device.holds:
            hold(changed, SEAL)

    def _drawn(self, leaf: Leaf, own: Scope) -> Scope:
        """The entry's own scope after a share was taken from its permit, which may be this very scope."""
        name, share = str(leaf.facts["permit"]), int(leaf.facts["share"])
        permit = own if name == leaf.scope else _copied(self.scopes[name])
        permit.left -= share
        if permit is not own:
            self.put("scopes", name, permit)
        return own

    def _close(self, leaf: Leaf) -> Applied:
        self._advance(leaf.at)
        self._passed.clear()
        self.realm.clock = leaf.at
        for due in sorted(each for each in self._due if each <= leaf.at):
            for table, name in self._due.pop(due):
                record = getattr(self, table).get(name)
                if record is None:
                    continue
                late = self._due_at(table, record)
                if late <= leaf.at:
                    self.put(table, name, None)
                else:
                    self._await(late, table, name)
        return APPLIED

    def _advance(self, at: int) -> None:
        realm = self.realm
        realm.size += 1
        if at > realm.latest:
            realm.latest = at
        if realm.turn and realm.turn == realm.position:
            realm.rules, realm.following, realm.turn = realm.following, "", 0
            self._choose()

    def _choose(self) -> None:
        """Take up the rules that apply; where they are not known here, no entry is taken any more."""
        self._passed.clear()
        chosen = self._rule_sets.get(self.realm.rules)
        self._programs = chosen.compiled() if chosen else {}
        windows = chosen.windows if chosen else self.windows
        if windows == self.windows:
            return
        self.windows, self._due = windows, {}
        for table in ("scopes", "keys", "payments"):
            for name, record in getattr(self, table).items():
                self._await(self._due_at(table, record), table, name)

    def _unknown(self, leaf: Leaf) -> Refusal:
        rules = self.realm.rules
        if rules not in self._rule_sets:
            why = f"the rules {rules} apply from position {self.realm.position} on, and are not known here"
            return Refusal("rules.unknown", why, "Install a version of the program that has them, and go on.")
        return Refusal("entry.type", f"the rules know no entries of the type “{leaf.type}”", "Use a type of theirs.")

    def put(self, table: str, name: str, record: Any) -> None:
        """Keep a record in `scopes`, `keys` or `payments`, or forget it where it is None."""
        held = getattr(self, table)
        old = held.get(name)
        if self._journal is not None:
            self._journal.append((table, name, old))
        if record is None:
            held.pop(name, None)
        else:
            held[name] = record
            due = self._due_at(table, record)
            if old is None or due < self._due_at(table, old):
                self._await(due, table, name)
        if table == "scopes":
            self._changed.update((each.first, name) for each in (old, record) if each is not None)
        else:
            self._dirty.add((table, name))
        if table == "keys":
            self._passed.clear()

    def _put_scope(self, name: str, old: Scope, new: Scope) -> None:
        """As `put` does for a scope, where it is known what stood there: `EMPTY_SCOPE` for nothing. It is once for each entry."""
        is_new = old is EMPTY_SCOPE
        if self._journal is not None:
            self._journal.append(("scopes", name, None if is_new else old))
        self.scopes[name] = new
        if is_new or not _is_due_as_late(old, new):
            due = self._scope_due_at(new)
            if is_new or due < self._scope_due_at(old):
                self._await(due, "scopes", name)
        self._changed.add((new.first, name))

    def _await(self, due: int, table: str, name: str) -> None:
        """Look at a record again when the log's time has come so far; it is looked at no later than it is due."""
        if due < FOREVER:
            waiting = self._due.get(due)
            if waiting is None:
                waiting = self._due[due] = []
            waiting.append((table, name))

    def _due_at(self, table: str, record: Any) -> int:
        """From when on a record is known no longer: never while somebody holds the goods, or for a permit that is valid."""
        windows = self.windows
        if table == "payments":
            return int(record.at + windows.idle)
        if table == "keys":
            return min(FOREVER, int(record.until) + windows.idle)
        return self._scope_due_at(record)

    def _scope_due_at(self, scope: Scope) -> int:
        if scope.holds:
            return FOREVER
        windows, flags = self.windows, scope.flags
        ended = scope.last_at + (windows.ended if flags & Flag.ENDED else windows.idle)
        return max(ended, scope.until + windows.ended) if flags & _STANDING else ended


class Contract:
    """The state with the statements that are at hand, as a sequencer or mirror holds it: `apply`, `take` and `root`.

    Every entry goes through one of them, the closing one of each block too, after `root` was asked for it: with that entry
    positions and the log's own time go on. `statements` are by the commitment of their entry; whoever drives adds to them.
    """

    def __init__(self, state: State, statements: Mapping[str, bytes]) -> None:
        self.state, self.statements = state, statements

    def apply(self, leaf: Leaf) -> Refusal | None:
        """Take an entry; where it is refused, why, and the state is as it was."""
        refused = self.take([leaf])
        return refused[0][1] if refused else None

    def take(self, leaves: Sequence[Leaf]) -> list[tuple[int, Refusal]]:
        """Take entries one after another; those that are refused, by their places, are as if they had not been there."""
        apply, statements = self.state.apply, self.statements
        if GOVERNING.isdisjoint({leaf.type for leaf in leaves}):  # as nearly always
            answers = [apply(leaf) for leaf in leaves]
        else:
            answers = [
                apply(leaf, statements.get(leaf.commitment) if leaf.type in GOVERNING else None) for leaf in leaves
            ]
        return [
            (place, answer)
            for place, answer in enumerate(answers)
            if answer is not APPLIED and isinstance(answer, Refusal)
        ]

    def root(self) -> bytes:
        """The hash over the whole state."""
        return self.state.root()

    def mark(self) -> None:
        """From here on, remember what changes, until `undo` or `keep`."""
        self.state.mark()

    def undo(self) -> None:
        """Be as at the mark."""
        self.state.undo()

    def keep(self) -> None:
        """Forget the mark: what changed since counts."""
        self.state.keep()


def apply(state: State, leaf: Leaf, statement: bytes | None = None) -> Applied | Refusal:
    """Take the next entry into the state, or say why not."""
    return state.apply(leaf, statement)


def _is_due_as_late(old: Scope, new: Scope) -> bool:
    """Whether a scope is plainly known for as long as before: what decides on that is the same, and no moment is earlier."""
    return old.flags == new.flags and old.holds == new.holds and old.last_at <= new.last_at and old.until <= new.until


def _read(statement: bytes) -> Statement | None:
    try:
        return Statement.parse(statement)
    except LedgerError:
        return None
