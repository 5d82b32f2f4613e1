"""What persons brought in before and what operators elected: looked up for a decision, kept in step with what follows.

A counter is kept for one person, by the counter's role, and one period. The
person stands in it under a keyed digest alone: who a digest is of can be told
only with the database's secret and the person's own number. What a declaration
draws on a counter is reserved when it is decided, committed when the goods are
released, and given back when they are refused, withdrawn or returned: each a
movement, none ever changed. All of it happens in the transaction of the one
writer, so that two parcels never see the same rest.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.decision import State
from tidewaiter.model.declaration import Declaration, Party
from tidewaiter.model.standing import NOTHING_KNOWN, PersonalStanding
from tidewaiter.model.words import plain
from tidewaiter.regimes import Regime
from tidewaiter.revenue.lines import Share, part_back
from tidewaiter.workflow.records import Decided, Effect

NOTHING = Decimal(0)
GIVES_BACK = frozenset({State.REJECTED, State.REFUSED, State.INVALIDATED})
COMMITS = frozenset({State.RELEASED, State.CLEARED})
RETURNED: Final = "returned"
_CENT = Decimal("0.01")
_PERIODS = {"day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}


class MovementKind(StrEnum):
    """What a movement does to a counter."""

    RESERVE = "reserve"
    COMMIT = "commit"
    RELEASE = "release"


class Change(Struct, frozen=True, kw_only=True):
    """One change of one counter, in the currency of its regime; `limit` is the most it may come to, if the law says so.

    `reserved` and `committed` are the changes of the two sums: a commit moves an amount from the one to the other.
    """

    key: bytes
    counter: str
    kind: MovementKind
    reserved: Decimal = NOTHING
    committed: Decimal = NOTHING
    limit: Decimal | None = None


class Movement(Struct, frozen=True, kw_only=True):
    """A change as it is kept: by which declaration, why and when."""

    change: Change
    declaration_id: int
    why: str
    recorded_at: datetime


class Holding(Struct, frozen=True, kw_only=True):
    """What a declaration holds of one counter."""

    key: bytes
    counter: str
    reserved: Decimal
    committed: Decimal


class Draw(Struct, frozen=True, kw_only=True):
    """What a declaration draws on one counter. `limit` is set where the law lets it draw no more than that in all."""

    counter: str
    amount: Decimal
    limit: Decimal | None


class PersonsBook(Protocol):
    """What is kept of persons, as one transaction of the writer sees it."""

    def secret(self) -> bytes:
        """The key of the digests that persons stand under."""

    def used(self, keys: Sequence[bytes], but_of: int | None) -> Mapping[bytes, Decimal]:
        """What is reserved and committed under each of these keys, one declaration's own left out."""

    def holdings(self, declaration_id: int) -> Sequence[Holding]:
        """What a declaration holds, counter by counter; nothing where it gave all back."""

    def gone_back(self, declaration_id: int) -> Mapping[int, Decimal]:
        """How many of each line of a declaration went back, as far as something was given back for it."""

    def move(self, movements: Sequence[Movement]) -> None:
        """Write movements. Raises ConflictError where one would pass its limit."""

    def elected(self, jurisdiction_code: str, operator_ids: Sequence[str], on: date) -> Mapping[tuple[str, str], str]:
        """The options in force on a day, by election and operator."""


class Persons:
    """Looks up and keeps what one transaction decides."""

    def __init__(self, book: PersonsBook) -> None:
        self._book = book
        self._secret = b""

    def standing(self, declaration: Declaration, regime: Regime, declaration_id: int | None) -> PersonalStanding:
        """What is known of the persons before this declaration; `declaration_id` is its own, where it was lodged before."""
        if not regime.looks_at_persons:
            return NOTHING_KNOWN
        keys = self._keys(declaration, regime)
        found = self._book.used(list(keys.values()), declaration_id) if keys else {}
        return PersonalStanding(
            used={counter: found.get(key, NOTHING) for counter, key in keys.items()},
            elections=self._elected(declaration, regime),
            unnamed=tuple(counter for counter in regime.law.counters if counter not in keys),
        )

    def settle(self, decided: Decided, declaration_id: int, state: State, at: datetime) -> None:
        """Bring the counters in step with a decision; nothing is looked up where its law has none."""
        if not decided.touches_counters:
            return
        draws = self._draws(decided, declaration_id)
        held = self._book.holdings(declaration_id) if decided.effect is not Effect.NEW else ()
        self._bring(declaration_id, held, draws if draws is not None else _all_of(held), (state, at))

    def follow(self, declaration_id: int, state: State, at: datetime) -> None:
        """Bring what a declaration holds in step with the state it has come to."""
        held = self._book.holdings(declaration_id)
        self._bring(declaration_id, held, _all_of(held), (state, at))

    def give_back(self, declaration_id: int, counted: Mapping[str, Decimal], back: Share, at: datetime) -> None:
        """Goods went back: what the declaration holds is no more than the part of `counted` that is still here.

        `back` is what went back so far in all, so that the same told twice frees nothing twice. `counted` is what
        the goods drew on each counter before any went back.
        """
        changes: list[Change] = []
        for held in self._book.holdings(declaration_id):
            rest = _rest(counted.get(held.counter, NOTHING), back)
            if rest < held.reserved + held.committed:
                draw = Draw(counter=held.counter, amount=rest, limit=None)
                changes += _changes(held.key, held, draw, is_final=False)
        self._write(changes, Movement(change=_NO_CHANGE, declaration_id=declaration_id, why=RETURNED, recorded_at=at))

    # -----------------------------------------------------------------------------------------------------------

    def _keys(self, declaration: Declaration, regime: Regime) -> dict[str, bytes]:
        """The key of each counter whose person the declaration names."""
        keys = {}
        for counter_id, counter in regime.law.counters.items():
            person = person_of(declaration, counter.key)
            if person:
                self._secret = self._secret or self._book.secret()
                period = regime.legal_day.strftime(_PERIODS[counter.period])
                keys[counter_id] = key_of(
                    self._secret, (regime.jurisdiction_code, counter_id, counter.key, period, person)
                )
        return keys

    def _elected(self, declaration: Declaration, regime: Regime) -> dict[str, str]:
        operators = {name: operator_of(declaration, each.key) for name, each in regime.law.elections.items()}
        wanted = sorted({operator for operator in operators.values() if operator})
        if not wanted:
            return {}
        found = self._book.elected(regime.jurisdiction_code, wanted, regime.legal_day)
        return {name: found[name, operator] for name, operator in operators.items() if (name, operator) in found}

    def _draws(self, decided: Decided, declaration_id: int) -> dict[bytes, Draw] | None:
        """What a decision draws on each counter, but for what went back; None where it was none on the goods."""
        assessment, regime, declaration = decided.evaluation.assessment, decided.regime, decided.declaration
        if assessment is None or regime is None or declaration is None:
            return None
        keys, used = self._keys(declaration, regime), decided.persons or NOTHING_KNOWN
        draws: dict[bytes, Draw] = {}
        if not assessment.counted:
            return draws
        is_new = decided.effect is Effect.NEW  # nothing of it went back
        back = part_back(declaration, {} if is_new else self._book.gone_back(declaration_id))
        for counter_id, amount in assessment.counted.items():
            if counter_id in keys and amount:
                limit = regime.figures[regime.law.counters[counter_id].limit].value
                is_within = used.used.get(counter_id, NOTHING) + amount <= limit
                draws[keys[counter_id]] = Draw(
                    counter=counter_id, amount=_rest(amount, back), limit=limit if is_within else None
                )
        return draws

    def _bring(
        self,
        declaration_id: int,
        holdings: Sequence[Holding],
        draws: Mapping[bytes, Draw],
        came: tuple[State, datetime],
    ) -> None:
        """From what a declaration holds to what it draws, in the state it has `came` to, and when."""
        state, at = came
        if state in GIVES_BACK:
            draws = {}
        held = {each.key: each for each in holdings}
        changes: list[Change] = []
        for key in dict.fromkeys([*held, *draws]):
            changes += _changes(key, held.get(key), draws.get(key), is_final=state in COMMITS)
        self._write(
            changes, Movement(change=_NO_CHANGE, declaration_id=declaration_id, why=state.value, recorded_at=at)
        )

    def _write(self, changes: Sequence[Change], like: Movement) -> None:
        if changes:
            self._book.move([replace(like, change=change) for change in changes])


def _all_of(held: Sequence[Holding]) -> dict[bytes, Draw]:
    return {each.key: Draw(counter=each.counter, amount=each.reserved + each.committed, limit=None) for each in held}


def person_of(declaration: Declaration, role: str) -> str:
    """Who a person is, as one text: their number, else name and address; "" where the declaration does not say."""
    parties = (
        (declaration.seller, declaration.marketplace)
        if role == "seller"
        else (declaration.importer, declaration.buyer, declaration.consignee)
    )
    named = [party for party in parties if party is not None]
    for party in named:
        if party.party_id:
            return f"id:{plain(party.party_id)}"
    return next((_by_name(party) for party in named if party.name), "")


def operator_of(declaration: Declaration, role: str) -> str:
    """The number of the operator who elects: the declarant's or whoever acts for them, or the seller's."""
    parties = (
        (declaration.seller, declaration.marketplace)
        if role == "seller"
        else (declaration.declarant, declaration.representative, declaration.submitter)
    )
    return next((plain(party.party_id) for party in parties if party is not None and party.party_id), "")


def key_of(secret: bytes, parts: Iterable[str]) -> bytes:
    """The keyed digest of what tells one counter from all others; 32 bytes."""
    return hmac.new(secret, "\x1f".join(parts).encode("utf-8", "replace"), hashlib.sha256).digest()


def _by_name(party: Party) -> str:
    address = party.address
    where = (address.line, address.postcode, address.city, address.country_code) if address else ()
    return "name:" + "|".join(plain(text) for text in (party.name, *where))


def _rest(amount: Decimal, back: Share) -> Decimal:
    """What of an amount stays when that part of the goods went back: to the hundredth, in doubt more."""
    return amount - (amount if back.is_all else back.of(amount).quantize(_CENT, ROUND_DOWN))


def _changes(key: bytes, held: Holding | None, draw: Draw | None, *, is_final: bool) -> Iterator[Change]:
    """From what is held to what is drawn: more reserved or some given back, then all committed where it is final."""
    reserved, committed = (held.reserved, held.committed) if held else (NOTHING, NOTHING)
    counter = draw.counter if draw else held.counter if held else ""
    change = (draw.amount if draw else NOTHING) - reserved - committed
    if change > 0:
        limit = draw.limit if draw else None
        yield Change(key=key, counter=counter, kind=MovementKind.RESERVE, reserved=change, limit=limit)
        reserved += change
    elif change < 0:
        of_reserved = max(change, -reserved)
        rest = change - of_reserved
        yield Change(key=key, counter=counter, kind=MovementKind.RELEASE, reserved=of_reserved, committed=rest)
        reserved += of_reserved
    if is_final and reserved:
        yield Change(key=key, counter=counter, kind=MovementKind.COMMIT, reserved=-reserved, committed=reserved)


_NO_CHANGE = Change(key=b"", counter="", kind=MovementKind.RELEASE)
