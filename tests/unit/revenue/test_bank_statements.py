"""Bank statements (camt.053) of several versions: payments, batches, reversals, balances; what is wrong is said."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from tidewaiter.revenue.payments import BankStatementError, Debt, Draft, match, numbers_in, read_camt053

D = Decimal


def entry(amount: str, side: str, *, details: str = "", reversal: str = "", status: str = "BOOK") -> str:
    return (
        f'<Ntry><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd>{reversal}<Sts>{status}</Sts>'
        f"<BookgDt><Dt>2026-07-02</Dt></BookgDt><AcctSvcrRef>BR{amount}{side}</AcctSvcrRef>{details}</Ntry>"
    )


def message(entries: str, opening: str = "100.00", closing: str = "150.00", version: str = "08") -> bytes:
    def balance(code: str, amount: str) -> str:
        return (
            f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
            f'<Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal>'
        )

    return (
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt><Stmt><Id>ST1</Id>'
        f"<Acct><Id><IBAN>DE00</IBAN></Id><Ccy>EUR</Ccy></Acct>{balance('OPBD', opening)}{balance('CLBD', closing)}{entries}"
        "</Stmt></BkToCstmrStmt></Document>"
    ).encode()


DETAILS = (
    "<NtryDtls><TxDtls><Refs><EndToEndId>E1</EndToEndId></Refs><RltdPties><Dbtr><Nm>OP1</Nm></Dbtr></RltdPties>"
    "<RmtInf><Ustrd>duty 26GB00000000000040</Ustrd></RmtInf></TxDtls></NtryDtls>"
)
BATCH = (
    '<NtryDtls><TxDtls><Refs><AcctSvcrRef>A</AcctSvcrRef></Refs><Amt Ccy="EUR">20.00</Amt></TxDtls>'
    '<TxDtls><Refs><AcctSvcrRef>B</AcctSvcrRef></Refs><AmtDtls><TxAmt><Amt Ccy="EUR">30.00</Amt></TxAmt></AmtDtls></TxDtls></NtryDtls>'
)


@pytest.mark.parametrize("version", ["02", "04", "06", "08"])
def test_a_payment_is_read_in_every_version(version: str) -> None:
    (statement,) = read_camt053(message(entry("50.00", "CRDT", details=DETAILS), version=version))
    (payment,) = statement.payments
    assert (payment.amount, payment.currency, payment.payer) == (D("50.00"), "EUR", "OP1")
    assert numbers_in(payment.remittance) == ("26GB00000000000040",)
    assert (statement.account_id, statement.opening, statement.closing) == ("DE00", D("100.00"), D("150.00"))


def test_a_batch_is_told_apart() -> None:
    (statement,) = read_camt053(message(entry("50.00", "CRDT", details=BATCH)))
    assert [(each.reference, each.amount) for each in statement.payments] == [("A", D("20.00")), ("B", D("30.00"))]


@pytest.mark.parametrize("nothing", ["NONREF", "NOTPROVIDED", "notprovided"])
def test_what_banks_write_where_there_is_no_reference_is_none(nothing: str) -> None:
    entries = (entry("25.00", "CRDT") * 2).replace("BR25.00CRDT", nothing)
    (statement,) = read_camt053(message(entries))
    assert [each.reference for each in statement.payments] == ["DE00/ST1/1", "DE00/ST1/2"]


def test_debits_and_reversals_and_pending_entries() -> None:
    entries = (
        entry("80.00", "CRDT") + entry("10.00", "DBIT") + entry("99.00", "CRDT", status="PDNG")
        + entry("20.00", "DBIT", reversal="<RvslInd>true</RvslInd>")
    )  # fmt: skip
    (statement,) = read_camt053(message(entries))
    assert [each.amount for each in statement.payments] == [D("80.00")]
    assert [each.amount for each in statement.taken_back] == [D("20.00")]
    assert statement.paid_out == D("10.00")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (message(entry("49.99", "CRDT")), "not to the closing balance 150.00"),
        (b"<Document>", "no XML"),
        (b"<Document/>", "no statement"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', "document type"),
        (message("<Ntry><CdtDbtInd>CRDT</CdtDbtInd></Ntry>"), "no amount"),
        (message(entry("NaN", "CRDT")), "no amount"),
        (message(entry("-50.00", "CRDT")), "no amount"),
        (message(entry("50.00", "")), "neither credit nor debit"),
        (message(entry("49.00", "CRDT", details=BATCH), closing="149.00"), "come to 50.00, its entry to 49.00"),
        (message('<Ntry><Amt Ccy="EUR">50.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></Ntry>'), "no day"),
    ],
)
def test_what_is_wrong_is_said(body: bytes, words: str) -> None:
    with pytest.raises(BankStatementError, match=words) as refused:
        read_camt053(body)
    assert refused.value.hint


def test_charges_that_the_bank_kept_are_paid_all_the_same() -> None:
    kept = (
        '<Chrgs><TtlChrgsAndTaxAmt Ccy="EUR">1.50</TtlChrgsAndTaxAmt></Chrgs>',
        '<Chrgs><Rcrd><Amt Ccy="EUR">1.50</Amt><CdtDbtInd>DBIT</CdtDbtInd><ChrgInclInd>true</ChrgInclInd></Rcrd></Chrgs>',
        '<Chrgs><Amt Ccy="EUR">1.50</Amt></Chrgs>',  # as in version 2
    )
    for charges in kept:
        (statement,) = read_camt053(message(entry("48.50", "CRDT", details=charges + BATCH), closing="148.50"))
        assert [each.amount for each in statement.payments] == [D("20.00"), D("30.00")]
        assert statement.charges == D("1.50")


def test_a_batch_without_numbers_of_its_own_is_numbered_through() -> None:
    batch = BATCH.replace("<AcctSvcrRef>A</AcctSvcrRef>", "").replace("<AcctSvcrRef>B</AcctSvcrRef>", "")
    (statement,) = read_camt053(message(entry("50.00", "CRDT", details=batch)))
    assert [each.reference for each in statement.payments] == ["BR50.00CRDT.1", "BR50.00CRDT.2"]


def test_the_payer_is_known_by_identifier_in_every_version() -> None:
    party = "<Nm>Meridian</Nm><Id><OrgId><Othr><Id>GB123</Id></Othr></OrgId></Id>"
    for debtor in (party, f"<Pty>{party}</Pty>"):
        details = DETAILS.replace("<Nm>OP1</Nm>", debtor)
        (statement,) = read_camt053(message(entry("50.00", "CRDT", details=details)))
        assert statement.payments[0].payer == "GB123"


PAYMENT = Draft(reference="1", amount=D(50), currency="EUR", booked_on=date(2026, 7, 2), payer="OP1")


def debt(period: str, owed: int, currency: str = "EUR") -> Debt:
    return Debt(party="OP1", scheme="s", period=period, currency=currency, owed=D(owed))


def test_the_oldest_debt_is_paid_first() -> None:
    found = match(PAYMENT, [debt("2026-06", 30), debt("2026-07", 40)], "OP1")
    assert [(each.period, amount) for each, amount in found.allocated] == [("2026-06", D(30)), ("2026-07", D(20))]
    assert found.left == 0
    assert match(PAYMENT, [], "OP1").words == "no debt was found for it"


def test_what_is_too_much_or_in_another_currency_is_left() -> None:
    too_much = match(PAYMENT, [debt("2026-06", 30)], "OP1")
    assert (too_much.left, "too much" in too_much.words) == (D(20), True)
    other = match(PAYMENT, [debt("2026-06", 30, "GBP")], "OP1")
    assert (other.allocated, other.left) == ((), D(50))
    assert other.words == "owed in GBP and paid in EUR: a person decides"


def test_numbers_are_found_in_words() -> None:
    assert numbers_in("for tws-00000042, 26gb00000000000040") == ("26GB00000000000040", "TWS-00000042")
