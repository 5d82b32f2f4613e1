"""Payments: read from bank statements (ISO 20022 camt.053), and matched to what is owed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation

from lxml import etree
from msgspec import Struct

from tidewaiter.model.errors import TidewaiterError

ZERO = Decimal(0)
LARGEST_STATEMENT = 64 * 1024 * 1024
MRN = re.compile(r"\b\d{2}[A-Z]{2}[A-Z0-9]{14}\b")
STATEMENT_NO = re.compile(r"\bTWS-[A-Z0-9-]{4,40}\b")


class BankStatementError(TidewaiterError):
    """A bank statement that cannot be read, or does not add up."""

    code = "accounts.bank_statement"


class Draft(Struct, frozen=True, kw_only=True):
    """One payment: what came in, from whom, when, and what it says it is for."""

    reference: str
    amount: Decimal
    currency: str
    booked_on: date
    payer: str = ""
    remittance: str = ""
    is_reversal: bool = False  # money of ours that came back, or a payment that the bank took back


class BankStatement(Struct, frozen=True, kw_only=True):
    """One statement of one account: its payments in, and what else moved."""

    statement_id: str
    account_id: str
    currency: str
    opening: Decimal | None
    closing: Decimal | None
    payments: tuple[Draft, ...]
    taken_back: tuple[Draft, ...]
    paid_out: Decimal


class Debt(Struct, frozen=True):
    """What a party owes under a scheme for a period, the oldest due first among several."""

    party: str
    scheme: str
    period: str
    owed: Decimal


class Match(Struct, frozen=True):
    """A payment laid onto debts, why, and what is left."""

    allocated: tuple[tuple[Debt, Decimal], ...]
    left: Decimal
    words: str


def read_camt053(body: bytes) -> list[BankStatement]:
    """The statements of a camt.053 message of any version. Raises BankStatementError with place and hint.

    Booked entries alone count; a batch is told apart where the bank gives its
    transactions. A debit that reverses takes a payment back. Opening balance
    and entries must come to the closing balance.
    """
    if len(body) > LARGEST_STATEMENT:
        raise BankStatementError("the statement is larger than 64 MiB", hint="ask the bank for shorter periods")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except etree.XMLSyntaxError as error:
        raise BankStatementError(f"this is no XML: {error.msg}", place=f"line {error.lineno}") from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise BankStatementError("a document type has no place in a bank statement", hint="ask the bank for camt.053")
    statements = root.findall(".//{*}Stmt")
    if not statements:
        raise BankStatementError("there is no statement in it", hint="camt.053 has BkToCstmrStmt/Stmt")
    return [_statement(each) for each in statements]


def match(payment: Draft, debts: Sequence[Debt], named: str = "") -> Match:
    """Where a payment belongs: the debts of the statement or declaration it names, else the payer's, oldest first.

    `named` is the party that a number in the remittance was found to stand for.
    """
    party = named or payment.payer
    candidates = [debt for debt in debts if party and debt.party == party]
    left, allocated = payment.amount, []
    for debt in candidates:
        part = min(left, debt.owed)
        if part > 0:
            allocated.append((debt, part))
            left -= part
    words = f"{party}, oldest debt first" if allocated else "no debt was found for it"
    return Match(tuple(allocated), left, words)


def numbers_in(remittance: str) -> tuple[str, ...]:
    """Declarations (MRN) and statement numbers named in the words of a payment."""
    return (*MRN.findall(remittance.upper()), *STATEMENT_NO.findall(remittance.upper()))


def _statement(node: etree._Element) -> BankStatement:
    statement_id = _text(node, "Id") or "without an id"
    account = node.find("{*}Acct")
    account_id = (_text(account, "Id/{*}IBAN") or _text(account, "Id/{*}Othr/{*}Id")) if account is not None else ""
    payments: list[Draft] = []
    taken_back: list[Draft] = []
    total = out = ZERO
    for number, entry in enumerate(node.findall("{*}Ntry"), start=1):
        status = _text(entry, "Sts/{*}Cd") or _text(entry, "Sts")
        if status not in ("", "BOOK"):
            continue
        signed = _signed(entry, f"{statement_id}, entry {number}")
        total += signed
        found = _payments(entry, abs(signed), f"{statement_id}/{number}")
        if signed > 0:
            payments += found
        elif _is_reversal(entry):
            taken_back += found
        else:
            out -= signed
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
        payments=tuple(payments), taken_back=tuple(taken_back), paid_out=out,
    )  # fmt: skip


def _payments(entry: etree._Element, amount: Decimal, reference: str) -> list[Draft]:
    """The transactions of one credit entry; the entry itself where the bank does not tell them apart."""
    details = entry.findall("{*}NtryDtls/{*}TxDtls")
    parts = [(each, _amount(each)) for each in details]
    if len(parts) > 1 and all(part is not None for _, part in parts) and sum(p for _, p in parts if p) == amount:
        return [
            _draft(each, entry, part or ZERO, f"{reference}.{number}")
            for number, (each, part) in enumerate(parts, start=1)
        ]
    return [_draft(details[0] if details else entry, entry, amount, reference)]


def _draft(node: etree._Element, entry: etree._Element, amount: Decimal, reference: str) -> Draft:
    words = [_text(node, "RmtInf/{*}Strd/{*}CdtrRefInf/{*}Ref"), _text(node, "RmtInf/{*}Strd/{*}RfrdDocInf/{*}Nb")]
    words += [each.text or "" for each in node.findall("{*}RmtInf/{*}Ustrd")]
    words.append(_text(node, "Refs/{*}EndToEndId"))
    payer = _text(node, "RltdPties/{*}Dbtr/{*}Nm") or _text(node, "RltdPties/{*}Dbtr/{*}Pty/{*}Nm")
    identifier = _text(node, "RltdPties/{*}Dbtr/{*}Id/{*}OrgId/{*}Othr/{*}Id")
    bank_reference = _text(node, "Refs/{*}AcctSvcrRef") or _text(entry, "AcctSvcrRef")
    return Draft(
        reference=bank_reference or reference,
        amount=amount,
        currency=_currency(entry),
        booked_on=_day(entry, reference),
        payer=identifier or payer,
        is_reversal=_is_reversal(entry),
        remittance=" ".join(filter(None, words)),
    )


def _signed(entry: etree._Element, place: str) -> Decimal:
    amount = _amount(entry)
    if amount is None:
        raise BankStatementError("an entry has no amount", place=place)
    return amount if _text(entry, "CdtDbtInd") == "CRDT" else -amount


def _is_reversal(entry: etree._Element) -> bool:
    """CdtDbtInd says on which side it was booked; what it takes back stood on the other."""
    return _text(entry, "RvslInd").lower() in ("true", "1")


def _amount(node: etree._Element) -> Decimal | None:
    text = _text(node, "Amt") or _text(node, "AmtDtls/{*}TxAmt/{*}Amt")
    try:
        return Decimal(text) if text else None
    except InvalidOperation:
        return None


def _currency(entry: etree._Element) -> str:
    node = entry.find("{*}Amt")
    return node.get("Ccy", "") if node is not None else ""


def _day(entry: etree._Element, place: str) -> date:
    text = _text(entry, "BookgDt/{*}Dt") or _text(entry, "BookgDt/{*}DtTm") or _text(entry, "ValDt/{*}Dt")
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        raise BankStatementError(f"{text!r} is no day", place=place, hint="BookgDt/Dt as 2026-07-01") from None


def _balance(node: etree._Element, codes: Iterable[str]) -> Decimal | None:
    for balance in node.findall("{*}Bal"):
        if _text(balance, "Tp/{*}CdOrPrtry/{*}Cd") in codes:
            amount = _amount(balance)
            if amount is not None:
                return amount if _text(balance, "CdtDbtInd") != "DBIT" else -amount
    return None


def _text(node: etree._Element, path: str) -> str:
    return (node.findtext("{*}" + path) or "").strip()
