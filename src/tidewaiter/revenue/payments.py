"""Payments: read from bank statements (ISO 20022 camt.053), and matched to what is owed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal

from lxml import etree
from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.model.errors import ConflictError, TidewaiterError
from tidewaiter.revenue.postings import Account, Entry, Kind, Posting, standing_now

ZERO = Decimal(0)
LARGEST_STATEMENT = 64 * 1024 * 1024
NOT_AN_AMOUNT_HINT = "as 120.50 GBP"
AMOUNT = re.compile(r"\d{1,15}(?:\.\d{1,5})?")
MRN = re.compile(r"\b\d{2}[A-Z]{2}[A-Z0-9]{14}\b")
NO_REFERENCE = frozenset({"NONREF", "NOTPROVIDED"})  # as SWIFT and ISO 20022 have it
STATEMENT_NO = re.compile(r"\bTWS-\d{4,18}\b")
# Between the day of a payment entered by hand and that of the bank's own word of it. Banks use a reference again, but not so soon.
ENTERED_BY_HAND_DAYS_MAX = 92


class BankStatementError(TidewaiterError):
    """A bank statement that cannot be read, or does not add up."""

    code = "accounts.bank_statement"


class Draft(Struct, frozen=True, kw_only=True):
    """One payment: what came in, from whom, when, and what it says it is for.

    Where a bank tells it, `account_id` is the account that it came in on and `value_on` its value day: a reference is
    the bank's, and only with them it names one payment.
    """

    reference: str
    amount: Decimal
    currency: str
    booked_on: date
    payer: str = ""
    remittance: str = ""
    is_reversal: bool = False  # money of ours that came back, or a payment that the bank took back
    account_id: str = ""
    value_on: date | None = None  # None: entered by hand

    @property
    def number(self) -> str:
        """What it is known by in the books: the bank's reference, with account and value day where a bank told it."""
        return self.reference if self.value_on is None else f"{self.reference}/{self.account_id}/{self.value_on}"


class BankStatement(Struct, frozen=True, kw_only=True):
    """One statement of one account: its payments in, and what else moved; `charges` the bank kept of payments."""

    statement_id: str
    account_id: str
    currency: str
    opening: Decimal | None
    closing: Decimal | None
    payments: tuple[Draft, ...]
    taken_back: tuple[Draft, ...]
    paid_out: Decimal
    charges: Decimal = ZERO


class Debt(Struct, frozen=True, kw_only=True):
    """What a party owes: under a scheme for a period, or on one declaration of it (`about`)."""

    party: str
    scheme: str
    period: str
    currency: str
    owed: Decimal
    about: str = ""
    due: date | None = None  # None: when the goods arrive


class Match(Struct, frozen=True):
    """A payment laid onto debts, why, and what is left."""

    allocated: tuple[tuple[Debt, Decimal], ...]
    left: Decimal
    words: str


class Allocation(Struct, frozen=True, kw_only=True):
    """Money in suspense that a person says belongs to a debt; a second person approves it."""

    payment: str  # the payment's reference
    party: str
    scheme: str
    period: str
    amount: Decimal
    currency: str


def read_camt053(body: bytes) -> list[BankStatement]:
    """The statements of a camt.053 message of any version. Raises BankStatementError with place and hint.

    Booked entries alone count; a batch is told apart where the bank gives its
    transactions. A debit that reverses takes a payment back. Opening balance
    and entries must come to the closing balance.
    """
    if len(body) > LARGEST_STATEMENT:
        raise BankStatementError(
            "the statement is larger than 64 MiB", hint="ask the bank for shorter periods", place="byte 1"
        )
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise BankStatementError(
            f"this is no XML: {error.msg}", place=f"line {error.lineno}", hint="ask the bank for camt.053, as XML"
        ) from error
    if root.getroottree().docinfo.internalDTD is not None:
        hint = "ask the bank for camt.053"
        raise BankStatementError("a document type has no place in a bank statement", hint=hint, place="line 1")
    statements = root.findall(".//{*}Stmt")
    if not statements:
        hint, place = "camt.053 has BkToCstmrStmt/Stmt", f"/{etree.QName(root).localname}"
        raise BankStatementError("there is no statement in it", hint=hint, place=place)
    return [_statement(each) for each in statements]


def payment_key(number: str) -> str:
    """The key under which a payment is booked, which is its subject as well."""
    return f"payment:{number}"


def booked_before(payment: Draft, booked: Sequence[Posting]) -> Posting | None:
    """The posting by which a payment is in the books already; None where it is not.

    `booked` are all postings under its reference, and what takes them back. A payment that a bank tells is the one of
    the same account and value day, else one entered by hand about that day that no bank has told yet; one entered by
    hand is any of about that day. Raises ConflictError where that one has another amount.
    """
    same = [posting for posting in booked if posting.key == payment_key(payment.number)]
    for posting in same or [
        each for each in _of_reference(payment.reference, booked) if _may_be(payment, each, booked)
    ]:
        came = money_in(posting)
        if (came.amount, came.currency) != (payment.amount, payment.currency):
            raise ConflictError(
                f"payment {payment.reference} was booked before with {came.amount:f} {came.currency}, and now has"
                f" {payment.amount:f} {payment.currency}",
                hint="two payments under one reference: ask the bank which is right",
                place=posting.key,
            )
        return posting
    return None


def taken_back_of(payment: Draft, booked: Sequence[Posting]) -> list[Posting]:
    """The postings of the payment that the bank takes back by this one: the last of its account, reference and amount.

    `booked` as for `booked_before`. None where no such payment stands; where it was taken back on that day, those of then.
    """
    mine = [
        posting
        for posting in booked
        if posting.kind == Kind.PAYMENT
        and (money_in(posting).amount, money_in(posting).currency) == (payment.amount, payment.currency)
        and _account_of(posting, booked) in ("", payment.account_id)
    ]
    taken = {posting.reverses: posting.booked_on for posting in booked if posting.reverses}
    again = [posting for posting in mine if taken.get(posting.key) == payment.booked_on]
    standing = again or [posting for posting in mine if posting.key not in taken]
    if not standing:
        return []
    last = max(standing, key=lambda posting: posting.booked_on)
    return [last, *(each for each in booked if each.kind == Kind.TOLD and each.subject == last.key)]


def money_in(posting: Posting) -> Entry:
    """The entry of a payment's posting by which the money came in."""
    return max((each for each in posting.entries if each.account is Account.CLEARING), key=lambda each: each.amount)


def _of_reference(reference: str, booked: Sequence[Posting]) -> list[Posting]:
    """Payments that stand and have this very reference, not one that begins so."""
    return [
        posting
        for posting in standing_now(booked)
        if posting.kind == Kind.PAYMENT
        and re.fullmatch(
            rf"{re.escape(reference)}(/{re.escape(money_in(posting).scheme)}/\d{{4}}-\d\d-\d\d)?",
            posting.key.removeprefix(payment_key("")),
        )
    ]


def _may_be(payment: Draft, posting: Posting, booked: Sequence[Posting]) -> bool:
    if abs((posting.booked_on - payment.booked_on).days) > ENTERED_BY_HAND_DAYS_MAX:
        return False
    if payment.value_on is None:
        return True
    is_told = any(each.kind == Kind.TOLD and each.subject == posting.key for each in standing_now(booked))
    return posting.key == payment_key(payment.reference) and not is_told


def _account_of(posting: Posting, booked: Sequence[Posting]) -> str:
    """The bank's account that a payment came in on, told later where it was entered by hand; "" where it is not known."""
    told = (each for each in booked if each.kind == Kind.TOLD and each.subject == posting.key)
    return money_in(next(told, posting)).scheme


def match(payment: Draft, debts: Sequence[Debt], whose: str) -> Match:
    """A payment laid onto debts in their order; `whose` says in words what they were found by.

    Debts in another currency are no debts of this payment: at which rate it would count is not for us to say.
    """
    if payment.is_reversal:
        return Match((), payment.amount, "money of ours that came back: a person says what for")
    left, allocated = payment.amount, []
    for debt in debts:
        part = min(left, debt.owed) if debt.currency == payment.currency else ZERO
        if part > 0:
            allocated.append((debt, part))
            left -= part
    if not allocated and (other := sorted({debt.currency for debt in debts} - {payment.currency})):
        return Match((), left, f"owed in {', '.join(other)} and paid in {payment.currency}: a person decides")
    words = f"{whose}, oldest debt first" if allocated else "no debt was found for it"
    return Match(tuple(allocated), left, f"{words}; too much was paid" if allocated and left else words)


def numbers_in(remittance: str) -> tuple[str, ...]:
    """Declarations (MRN) and statement numbers named in the words of a payment."""
    return (*MRN.findall(remittance.upper()), *STATEMENT_NO.findall(remittance.upper()))


def _statement(node: etree._Element) -> BankStatement:
    statement_id = _text(node, "Id") or "without an id"
    account = node.find("{*}Acct")
    account_id = (_text(account, "Id/{*}IBAN") or _text(account, "Id/{*}Othr/{*}Id")) if account is not None else ""
    payments: list[Draft] = []
    taken_back: list[Draft] = []
    total = out = charges = ZERO
    for number, entry in enumerate(node.findall("{*}Ntry"), start=1):
        status = _text(entry, "Sts/{*}Cd") or _text(entry, "Sts")
        if status not in ("", "BOOK"):
            continue
        place = f"{statement_id}, entry {number}"
        signed = _signed(entry, place)
        total += signed
        if signed < 0 and not _is_reversal(entry):
            out -= signed
            continue
        found = _payments(entry, abs(signed), f"{account_id}/{statement_id}/{number}")
        kept = sum((each.amount for each in found), ZERO) - abs(signed)
        charges += kept if signed > 0 else -kept
        found = [replace(each, account_id=account_id, value_on=_value_day(entry) or each.booked_on) for each in found]
        (payments if signed > 0 else taken_back).extend(found)
    opening, closing = _balance(node, ("OPBD", "PRCD")), _balance(node, ("CLBD",))
    if opening is not None and closing is not None and opening + total != closing:
        raise BankStatementError(
            f"opening {opening} and entries {total} come to {opening + total}, not to the closing balance {closing}",
            hint="an entry is missing or pending: ask the bank for the whole statement",
            place=f"statement {statement_id}",
        )
    currency = next((payment.currency for payment in payments), _text(account, "Ccy") if account is not None else "")
    return BankStatement(
        statement_id=statement_id, account_id=account_id, currency=currency, opening=opening, closing=closing,
        payments=tuple(payments), taken_back=tuple(taken_back), paid_out=out, charges=charges,
    )  # fmt: skip


def _payments(entry: etree._Element, amount: Decimal, reference: str) -> list[Draft]:
    """The transactions of one entry; the entry itself where the bank does not tell them apart.

    A batch comes to its entry, or to it and the charges that the bank says it kept: then the payers paid all of it.
    """
    details = entry.findall("{*}NtryDtls/{*}TxDtls")
    parts = [_amount(each) for each in details]
    if len(parts) <= 1 or any(part is None for part in parts):
        return [_draft(details[0] if len(details) == 1 else entry, entry, amount, reference)]
    total = sum((part for part in parts if part is not None), ZERO)
    if total not in (amount, amount + _charges(entry, details)):
        raise BankStatementError(
            f"the transactions of the batch come to {total}, its entry to {amount}",
            hint="ask the bank for the whole batch, or for what it kept",
            place=reference,
        )
    return [
        _draft(each, entry, part or ZERO, f"{reference}.{number}")
        for number, (each, part) in enumerate(zip(details, parts, strict=True), start=1)
    ]


def _charges(entry: etree._Element, details: Sequence[etree._Element]) -> Decimal:
    """What the bank says it kept: in all, or of each transaction."""
    total = amount_of(_text(entry, "Chrgs/{*}TtlChrgsAndTaxAmt"))
    if total:
        return total
    kept = [amount_of(node.findtext("{*}Amt") or "") for each in (entry, *details) for node in _records(each)]
    return sum((each for each in kept if each), ZERO)


def _records(node: etree._Element) -> list[etree._Element]:
    """Charges on the debit side; before version 4 of the message they had no records of their own."""
    found = [
        *node.findall("{*}Chrgs/{*}Rcrd"),
        *(each for each in node.findall("{*}Chrgs") if not len(each.findall("{*}Rcrd"))),
    ]
    return [each for each in found if _text(each, "CdtDbtInd") != "CRDT"]


def _draft(node: etree._Element, entry: etree._Element, amount: Decimal, reference: str) -> Draft:
    """One payment. Its reference is the bank's own; of a batch told apart, the batch's with the number in it."""
    words = [each.text or "" for path in _REMITTANCE for each in node.findall(path)]
    own, of_entry = _reference(node, "Refs/{*}AcctSvcrRef"), _reference(entry, "AcctSvcrRef")
    is_part_of_batch = len(entry.findall("{*}NtryDtls/{*}TxDtls")) > 1
    number = reference.rpartition(".")[2]
    bank_reference = own or (
        f"{of_entry}.{number}" if of_entry and is_part_of_batch and node is not entry else of_entry
    )
    return Draft(
        reference=bank_reference or reference,
        amount=amount,
        currency=_currency(entry),
        booked_on=_day(entry, reference),
        payer=next(filter(None, (_text(node, path) for path in _PAYER)), ""),
        is_reversal=_is_reversal(entry),
        remittance=" ".join(filter(None, words)),
    )


def _reference(node: etree._Element, path: str) -> str:
    """A reference of the bank's; "" where it writes that there is none, as it may for any number of payments."""
    text = _text(node, path)
    return "" if text.upper() in NO_REFERENCE else text


_REMITTANCE = (
    "{*}RmtInf/{*}Strd/{*}CdtrRefInf/{*}Ref", "{*}RmtInf/{*}Strd/{*}RfrdDocInf/{*}Nb", "{*}RmtInf/{*}Ustrd",
    "{*}Refs/{*}EndToEndId", "{*}AddtlTxInf", "{*}AddtlNtryInf",
)  # fmt: skip
_PAYER = (  # the identifier of an organisation before its name; from version 8 on a party stands in Pty
    "RltdPties/{*}Dbtr/{*}Id/{*}OrgId/{*}Othr/{*}Id", "RltdPties/{*}Dbtr/{*}Pty/{*}Id/{*}OrgId/{*}Othr/{*}Id",
    "RltdPties/{*}Dbtr/{*}Nm", "RltdPties/{*}Dbtr/{*}Pty/{*}Nm",
)  # fmt: skip


def _signed(entry: etree._Element, place: str) -> Decimal:
    amount = amount_of(_text(entry, "Amt"))
    if amount is None:
        raise BankStatementError("an entry has no amount", place=place, hint="Amt as 120.50")
    side = _text(entry, "CdtDbtInd")
    if side not in ("CRDT", "DBIT"):
        raise BankStatementError(f"{side!r} is neither credit nor debit", place=place, hint="CdtDbtInd is CRDT or DBIT")
    return amount if _text(entry, "CdtDbtInd") == "CRDT" else -amount


def _is_reversal(entry: etree._Element) -> bool:
    """CdtDbtInd says on which side it was booked; what it takes back stood on the other."""
    return _text(entry, "RvslInd").lower() in ("true", "1")


def _amount(node: etree._Element) -> Decimal | None:
    return amount_of(_text(node, "Amt") or _text(node, "AmtDtls/{*}TxAmt/{*}Amt"))


def amount_of(text: str) -> Decimal | None:
    """A plain amount above or at zero; None for what is none: NaN, exponents and signs have no place in a statement."""
    return Decimal(text) if AMOUNT.fullmatch(text) else None


def _currency(entry: etree._Element) -> str:
    node = entry.find("{*}Amt")
    return node.get("Ccy", "") if node is not None else ""


def _day(entry: etree._Element, place: str) -> date:
    text = _text(entry, "BookgDt/{*}Dt") or _text(entry, "BookgDt/{*}DtTm") or _text(entry, "ValDt/{*}Dt")
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise BankStatementError(f"{text!r} is no day", place=place, hint="BookgDt/Dt as 2026-07-01") from None


def _value_day(entry: etree._Element) -> date | None:
    text = _text(entry, "ValDt/{*}Dt") or _text(entry, "ValDt/{*}DtTm")
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _balance(node: etree._Element, codes: Iterable[str]) -> Decimal | None:
    for balance in node.findall("{*}Bal"):
        if _text(balance, "Tp/{*}CdOrPrtry/{*}Cd") in codes:
            amount = _amount(balance)
            if amount is not None:
                return amount if _text(balance, "CdtDbtInd") != "DBIT" else -amount
    return None


def _text(node: etree._Element, path: str) -> str:
    return (node.findtext("{*}" + path) or "").strip()
