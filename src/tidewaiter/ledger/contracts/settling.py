"""Who collected, and who owes whom: settlement between members, out of payments that both sides can open.

A payment's entry commits to fields that only its parties see: `amount`, `currency`, `collector`, `period`, and for each
beneficiary `due:` with its name, the part that is its. What is not due to anybody stays with the collector. A refund has the same
fields: its collector is who paid it out, what is due comes off. Sums are exact; nothing is rounded.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, localcontext
from typing import Final

from msgspec import Struct

from tidewaiter.ledger.commitments import Commitment, Disclosure, Field, commit, verify_disclosure
from tidewaiter.ledger.contracts.governing import covered
from tidewaiter.ledger.contracts.statements import POSITIONS_MAX, Settled
from tidewaiter.ledger.leaves import Leaf
from tidewaiter.ledger.merkle import root_of
from tidewaiter.ledger.verdict import PROVED, LedgerError, Verdict

DUE: Final = "due:"
_AMOUNT: Final = re.compile(r"(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,4})?", re.ASCII)
_CURRENCY: Final = re.compile(r"[A-Z]{3}", re.ASCII)
_PARTY: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}", re.ASCII)
"""A member's name, or the number of a key: what a line of a settlement is told by is told by nothing else."""
_SIGNS: Final = {"paid": 1, "refunded": -1}
_DIGITS: Final = 60
_ZERO: Final = Decimal(0)


class Opening(Struct, frozen=True):
    """A payment or refund opened to whoever settles it: its position, its entry, and fields with their proofs."""

    position: int
    entry: bytes
    fields: tuple[Disclosure, ...]


class Collected(Struct, frozen=True):
    """What a member collected for another one, and paid back, in one currency."""

    collector: str
    beneficiary: str
    currency: str
    collected: Decimal
    refunded: Decimal


class Owed(Struct, frozen=True):
    """That one member owes another one an amount, above 0, of one currency."""

    debtor: str
    creditor: str
    currency: str
    amount: Decimal


class Settlement(Struct, frozen=True):
    """What payments of a period come to: `owed` is net between each two members, in each currency."""

    period: str
    collected: tuple[Collected, ...]
    owed: tuple[Owed, ...]
    positions: tuple[int, ...]
    root: str

    def balances(self) -> dict[tuple[str, str], Decimal]:
        """What each member has coming, by member and currency; below 0 where it owes. Over all members: zero."""
        sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        with localcontext(prec=_DIGITS):
            for each in self.owed:
                sums[each.creditor, each.currency] += each.amount
                sums[each.debtor, each.currency] -= each.amount
        return dict(sums)

    def fields(self) -> list[Field]:
        """What a settlement's commitment is made of, in one order."""
        told: list[Field] = [("period", self.period), ("root", self.root)]
        for each in self.collected:
            name = f"{each.collector}>{each.beneficiary}:{each.currency}"
            told += [(f"collected:{name}", str(each.collected)), (f"refunded:{name}", str(each.refunded))]
        return told + [(f"owed:{each.debtor}>{each.creditor}:{each.currency}", str(each.amount)) for each in self.owed]

    def committed(self, seed: bytes) -> Commitment:
        """The commitment to this settlement; with the seed, 32 random bytes that both sides keep, it can be opened."""
        return commit(seed, self.fields())

    def body(self, origin: str, sides: tuple[str, str], seed: bytes) -> Settled:
        """The statement that both sides sign: which payments are settled, and the commitment to what comes of them.

        A side that recorded its payments under a key that names nobody is told by the number of that key.
        """
        first, second = sorted(sides)
        return Settled(
            origin=origin, sides=(first, second), covers=ranges(self.positions), root=self.root,
            settlement=self.committed(seed).root,
        )  # fmt: skip


class _Read(Struct, frozen=True):
    """An opening that was verified; `due` is what each beneficiary has coming of it."""

    commitment: bytes
    sign: int
    currency: str
    collector: str
    due: dict[str, Decimal]


def settle(openings: Iterable[Opening], period: str) -> Settlement:
    """What these payments of a period come to. Raises LedgerError, with the place, for one that does not hold."""
    read: dict[int, _Read] = {}
    for opening in openings:
        if opening.position in read or len(read) == POSITIONS_MAX:
            raise _wrong(opening, f"it is opened twice, or more than {POSITIONS_MAX} are")
        read[opening.position] = _read(opening, period)
    collected: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    refunded: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    net: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    with localcontext(prec=_DIGITS):
        for each in read.values():
            for beneficiary, amount in each.due.items():
                way = (each.collector, beneficiary, each.currency)
                (collected if each.sign > 0 else refunded)[way] += amount
                low, high = sorted((each.collector, beneficiary))
                if low != high:
                    sign = each.sign if each.collector == low else -each.sign
                    net[low, high, each.currency] += sign * amount
    lines = [
        Collected(*way, _told(collected.get(way, _ZERO)), _told(refunded.get(way, _ZERO)))
        for way in sorted({*collected, *refunded})
    ]
    owed = [
        Owed(low, high, currency, _told(amount)) if amount > 0 else Owed(high, low, currency, _told(-amount))
        for (low, high, currency), amount in sorted(net.items())
        if amount
    ]
    positions = tuple(sorted(read))
    root = root_of(read[position].commitment for position in positions).hex()
    return Settlement(period, tuple(lines), tuple(owed), positions, root)


def verify_settlement(
    body: Settled, openings: Sequence[Opening], period: str, seed: bytes, names: Mapping[str, str]
) -> Verdict:
    """Whether a settlement that two parties signed is what its payments come to; for whoever can open them.

    `names` are those of keys that name nobody, by their number, for whoever knows them.
    """
    try:
        own = settle(openings, period)
        root = own.committed(seed).root
    except LedgerError as error:
        return Verdict(error.detail)
    if tuple(covered(body.covers)) != own.positions:
        return Verdict("the settlement covers other payments than were opened")
    if own.root != body.root:
        return Verdict("the settlement is bound to other entries than were opened")
    parties = {each for line in own.collected for each in (line.collector, line.beneficiary)}
    if not parties <= {names.get(side, side) for side in body.sides}:
        return Verdict(f"the payments concern {', '.join(sorted(parties))}, not just the two sides")
    return PROVED if root == body.settlement else Verdict("the settlement comes to something else")


def ranges(positions: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Positions, in order, as each from first to last."""
    made: list[tuple[int, int]] = []
    for position in positions:
        if made and made[-1][1] == position - 1:
            made[-1] = (made[-1][0], position)
        else:
            made.append((position, position))
    return tuple(made)


def _read(opening: Opening, period: str) -> _Read:
    leaf = Leaf.parse(opening.entry)
    sign = _SIGNS.get(leaf.type)
    if sign is None:
        raise _wrong(opening, f"an entry of the type {leaf.type} is no payment")
    fields: dict[str, str] = {}
    for each in opening.fields:
        verdict = verify_disclosure(each, leaf.commitment)
        if not verdict or each.name in fields:
            raise _wrong(opening, f"the field “{each.name[:64]}” does not hold: {verdict.reason or 'it is told twice'}")
        fields[each.name] = each.value
    missing = [name for name in ("amount", "currency", "collector", "period") if name not in fields]
    if missing:
        raise _wrong(opening, f"“{missing[0]}” is not opened")
    if fields["period"] != period:
        raise _wrong(opening, f"it belongs to {fields['period'][:40]}, not to {period}")
    if not _CURRENCY.fullmatch(fields["currency"]):
        raise _wrong(opening, "its currency is none")
    for name in (fields["collector"], *(name.removeprefix(DUE) for name in fields if name.startswith(DUE))):
        if not _PARTY.fullmatch(name):
            raise _wrong(opening, f"“{name[:64]}” is no party")
    whole = _amount(opening, fields["amount"])
    due = {name.removeprefix(DUE): _amount(opening, value) for name, value in fields.items() if name.startswith(DUE)}
    with localcontext(prec=_DIGITS):
        parts = sum(due.values(), _ZERO)
    if parts > whole:
        raise _wrong(opening, f"its parts come to {parts}, the whole is {whole}")
    return _Read(bytes.fromhex(leaf.commitment), sign, fields["currency"], fields["collector"], due)


def _amount(opening: Opening, text: str) -> Decimal:
    if not _AMOUNT.fullmatch(text):
        raise _wrong(opening, f"“{text[:40]}” is no amount")
    return Decimal(text)


def _told(amount: Decimal) -> Decimal:
    """The amount in one writing: without zeroes at the end, and without an exponent."""
    return Decimal(f"{amount.normalize():f}")


def _wrong(opening: Opening, why: str) -> LedgerError:
    return LedgerError(f"the payment at {opening.position}: {why}", place=str(opening.position))
