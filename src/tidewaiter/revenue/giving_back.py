"""How much of each charge is given back, and how each account gives it.

Worked out on all that went back so far, less what was given back before: so parts never come to more than the whole,
and the last part gives whatever rounding kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import ROUND_DOWN, Decimal

from msgspec import Struct

from tidewaiter.model.assessment import Assessment, Charge, ChargeKind, Collection
from tidewaiter.revenue.lines import Share

ZERO = Decimal(0)
CENT_PLACES = -2
WHOLE = Decimal(100)

Key = tuple[int, str]  # line (0: the whole) and type of charge


class GivenBack(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What is given back of the charges of one type on one line (0: on the whole), in the regime's currency.

    `entitled` is due on all that went back so far, `before` was given back earlier, `amount` is given now. `quantum`
    is the unit to which the part is rounded down: that of the charge itself.
    """

    line_no: int
    type_code: str
    kind: ChargeKind
    charged: Decimal
    share: str
    quantum: Decimal
    entitled: Decimal
    before: Decimal
    amount: Decimal


class Kinds(Struct, frozen=True):
    """The kinds of charge that the law gives back, and how much of them: `percent` means 99 for 99 %."""

    kinds: tuple[str, ...]
    percent: Decimal = WHOLE

    def has(self, charge: Charge) -> bool:
        """Whether this one is among them, and was charged here at all."""
        return charge.collection is Collection.BORDER and charge.kind.value in self.kinds


class ChargeAccount(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What the books have of an import's charges on one account.

    `amounts` is what is charged by type, after what was given back; `owed` what the account as a whole still owes.
    """

    party: str
    scheme: str
    period: str
    amounts: dict[str, Decimal]
    owed: Decimal = ZERO


class Security(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What of a guarantee is reserved for an import, or released: `scheme` and `period` are as the books have them."""

    party: str
    scheme: str
    period: str
    amount: Decimal


class Settled(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """How one account gives back: `remitted` lessens what it owes, `paid_out` is money."""

    party: str
    scheme: str
    period: str
    amounts: dict[str, Decimal]
    remitted: Decimal = ZERO
    paid_out: Decimal = ZERO


def given_back(
    shares: Mapping[int, Share], assessment: Assessment, earlier: Sequence[GivenBack], kinds: Kinds
) -> Iterator[GivenBack]:
    """Each charge of these kinds on what goes back, in the order of the assessment; amounts of 0 are left out."""
    before: dict[Key, Decimal] = {}
    given: dict[str, Decimal] = {}  # by type, whatever the line: an amended import may have other lines
    for each in earlier:
        before[each.line_no, each.type_code] = before.get((each.line_no, each.type_code), ZERO) + each.amount
        given[each.type_code] = given.get(each.type_code, ZERO) + each.amount
    charges: dict[Key, list[Charge]] = {}
    charged: dict[str, Decimal] = {}
    for charge in assessment.charges:
        if kinds.has(charge):
            charges.setdefault((charge.line_no, charge.type_code), []).append(charge)
            charged[charge.type_code] = charged.get(charge.type_code, ZERO) + charge.result.amount
    for (line_no, type_code), of_key in charges.items():
        whole = sum((charge.result.amount for charge in of_key), ZERO)
        share = shares.get(line_no, Share(ZERO, Decimal(1)))
        is_whole = share.is_all and kinds.percent == WHOLE
        part = share.of(whole) * kinds.percent / WHOLE
        entitled = whole if is_whole else part.quantize(quantum_of(of_key), ROUND_DOWN)
        earlier_amount = before.get((line_no, type_code), ZERO)
        left = charged[type_code] - given.get(type_code, ZERO)
        amount = max(min(entitled - earlier_amount, left), ZERO)
        if not amount:
            continue
        given[type_code] = given.get(type_code, ZERO) + amount
        yield GivenBack(
            line_no=line_no, type_code=type_code, kind=of_key[0].kind, charged=whole, share=share.words,
            quantum=quantum_of(of_key), entitled=entitled, before=earlier_amount, amount=amount,
        )  # fmt: skip


def quantum_of(charges: Sequence[Charge]) -> Decimal:
    """The unit charges are in: a hundredth, or a whole where they have no decimals."""
    exponents = [charge.result.amount.as_tuple().exponent for charge in charges]
    finest = min((each for each in exponents if isinstance(each, int)), default=CENT_PLACES)
    return Decimal(1).scaleb(max(min(finest, 0), CENT_PLACES))


def settled(amounts: Mapping[str, Decimal], accounts: Sequence[ChargeAccount]) -> tuple[tuple[Settled, ...], Decimal]:
    """How the accounts that bear the charges give these amounts back, and what no account bears.

    What is owed still is lessened first; only what was paid is paid out. Without accounts (the books were not asked)
    nothing is settled, and nothing is missing.
    """
    if not accounts:
        return (), ZERO
    rest = {code: amount for code, amount in amounts.items() if amount}
    found = []
    for account in accounts:
        parts = {code: min(rest.get(code, ZERO), left) for code, left in account.amounts.items()}
        parts = {code: part for code, part in parts.items() if part > 0}
        if not parts:
            continue
        rest = {code: amount - parts.get(code, ZERO) for code, amount in rest.items()}
        total = sum(parts.values(), ZERO)
        remitted = min(total, max(account.owed, ZERO))
        found.append(
            Settled(
                party=account.party, scheme=account.scheme, period=account.period, amounts=parts, remitted=remitted,
                paid_out=total - remitted,
            )
        )  # fmt: skip
    return tuple(found), sum(rest.values(), ZERO)


def released(total: Decimal, securities: Sequence[Security]) -> tuple[Security, ...]:
    """What is released of the guarantees reserved for an import when so much of its charges is given back."""
    found = []
    for each in securities:
        part = min(total, each.amount)
        if part > 0:
            found.append(Security(party=each.party, scheme=each.scheme, period=each.period, amount=part))
            total -= part
    return tuple(found)
