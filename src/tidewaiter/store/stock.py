"""Stock accounts on PostgreSQL: messages, filings, facts, counts; see `workflow.stock_records.StockBook`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Final

import msgspec
import psycopg
import zstandard
from psycopg.rows import dict_row

from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.decision import State
from tidewaiter.model.errors import NotFoundError
from tidewaiter.model.finding import Finding
from tidewaiter.stock.counting import Difference, StockCount
from tidewaiter.stock.facts import INS, Fact, Reservation
from tidewaiter.stock.filings import Place, Taken
from tidewaiter.stock.law import Flow, PlaceKind
from tidewaiter.store.rows import decompress
from tidewaiter.workflow.stock_records import (
    ArrivingStock,
    FilingState,
    KeptAccount,
    KeptCount,
    KeptFiling,
    KeptFinding,
    MessageKind,
    NewFiling,
    Opening,
    StockError,
    StockMessage,
    StockReceipt,
    Taking,
)

Lend = Callable[[], AbstractContextManager[psycopg.Connection]]
LIST_LIMIT_MAX: Final = 10_000
ORDER: Final = "ORDER"  # the dataset of claims on orders
_ACCOUNT = (
    "SELECT account_no, sender_id, sender.name AS sender_name, place_id, place_name, place_kind, jurisdiction_code,"
    " operator_id, authorisation_id, guarantee_id, locations, opened_by, opened_at"
    " FROM stock_account JOIN sender USING (sender_id)"
)
_MESSAGE = (
    "SELECT message_no, account_no, kind, idempotency_key, encode(digest, 'hex') AS digest, told_by, received_at"
    " FROM stock_message"
)
_FILING = (
    "SELECT f.filing_no, f.account_no, f.message_no, f.flow, f.reference, f.told, f.taken, f.declared, f.declaration_id,"
    " f.state, f.made_at, f.ended_at, f.words, d.state AS declared_state, coalesce(d.registered_id, '') AS registered_id,"
    " coalesce((SELECT max(t.recorded_at) FROM transition t WHERE t.declaration_id = d.declaration_id"
    " AND t.to_state = d.state), d.decided_at) AS declared_at"
    " FROM stock_filing f LEFT JOIN declaration d USING (declaration_id)"
)
# What a filing does not show yet: goods released that have not moved, or a declaration that stands no more.
_UNSETTLED = (
    "((f.state = 'open' AND d.state IN ('released', 'cleared', 'rejected', 'refused', 'invalidated'))"
    " OR (f.state = 'done' AND f.flow <> 'shortage' AND d.state IN ('refused', 'invalidated')))"
)
_COUNT = (
    "SELECT count_no, account_no, content, differences, recorded_at, coalesce(booked_by, '') AS booked_by, booked_at, words"
    " FROM stock_count"
)


class PostgresStock:
    """See `workflow.stock_records.StockBook`. Made by `PostgresStore` and by its writing, which commits."""

    def __init__(self, lend: Lend) -> None:
        self._lend = lend

    # --- accounts --------------------------------------------------------------------------------------------

    def open(self, opening: Opening, by: str, at: datetime) -> int:
        """Open an account; its number. Raises StockError where the operator has one of this place."""
        place = opening.place
        with self._lend() as connection:
            row = connection.execute(
                "INSERT INTO stock_account (sender_id, place_id, place_name, place_kind, jurisdiction_code, operator_id,"
                " authorisation_id, guarantee_id, locations, opened_by, opened_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING account_no",
                [
                    opening.sender_id, place.place_id, place.place_name, str(opening.place_kind), place.jurisdiction_code,
                    place.operator_id, place.authorisation_id, opening.guarantee_id, list(opening.locations), by, at,
                ],
            ).fetchone()  # fmt: skip
        if row is None:
            raise StockError(f"there is an account of this operator at {place.place_id}", hint="tidewaiter stock list")
        return int(row[0])

    def account(self, account_no: int) -> KeptAccount:
        """One account. Raises NotFoundError."""
        for found in self._accounts("account_no = %s", [account_no]):
            return found
        raise NotFoundError(
            f"there is no stock account {account_no}", hint="tidewaiter stock list shows those there are"
        )

    def accounts(self, sender_id: int | None = None) -> list[KeptAccount]:
        """Those of one operator, or all, by number."""
        return self._accounts("(%s::int IS NULL OR sender_id = %s) ORDER BY account_no", [sender_id, sender_id])

    def accounts_at(self, locations: Sequence[str]) -> list[KeptAccount]:
        """Those of places that one of these names."""
        return self._accounts("locations && %s::text[] ORDER BY account_no", [list(locations)])

    def _accounts(self, condition: str, parameters: list[Any]) -> list[KeptAccount]:
        return [_account(row) for row in self._rows(f"{_ACCOUNT} WHERE {condition}", parameters)]

    # --- facts -----------------------------------------------------------------------------------------------

    def facts(self, account_no: int) -> list[Fact]:
        """All facts, as they were recorded."""
        rows = self._rows("SELECT content FROM stock_fact WHERE account_no = %s ORDER BY fact_no", [account_no])
        return [msgspec.json.decode(row["content"], type=Fact) for row in rows]

    def has_come_in(self, account_no: int) -> bool:
        """Whether anything was told to have come in."""
        condition = "SELECT 1 AS one FROM stock_fact WHERE account_no = %s AND kind = ANY(%s) LIMIT 1"
        return bool(self._rows(condition, [account_no, [str(each) for each in sorted(INS)]]))

    def add(self, account_no: int, facts: Sequence[Fact]) -> list[Fact]:
        """Keep facts; those that were not known from their source before."""
        new: list[Fact] = []
        with self._lend() as connection:
            for fact in facts:
                added = connection.execute(
                    "INSERT INTO stock_fact (account_no, source, kind, reverses, effective_at, recorded_at, content)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %b) ON CONFLICT DO NOTHING",
                    [
                        account_no, _text(fact.source), str(fact.kind), _text(fact.reverses) or None, fact.effective_at,
                        fact.recorded_at, canonical_bytes(fact),
                    ],
                )  # fmt: skip
                new += [fact] * added.rowcount
        return new

    # --- filings ---------------------------------------------------------------------------------------------

    def reservations(self, account_no: int) -> list[Reservation]:
        """What open filings take."""
        found: list[Reservation] = []
        for filing in self._filings("f.account_no = %s AND f.state = 'open'", [account_no]):
            found += [Reservation(lot_id=t.lot_id, quantity=t.quantity, source=filing.reference) for t in filing.taken]
        return found

    def file(self, filing: NewFiling) -> int | None:
        """Keep a filing; its number, None where its reference has one that stands."""
        ended_at = None if filing.state is FilingState.OPEN else filing.made_at
        with self._lend() as connection:
            row = connection.execute(
                "INSERT INTO stock_filing (account_no, message_no, flow, reference, told, taken, declared, state, made_at,"
                " ended_at) VALUES (%s, %s, %s, %s, %b, %b, %b, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING filing_no",
                [
                    filing.account_no, filing.message_no, str(filing.flow), _text(filing.reference), filing.told,
                    canonical_bytes(filing.taken), filing.declared, str(filing.state), filing.made_at, ended_at,
                ],
            ).fetchone()  # fmt: skip
        return int(row[0]) if row else None

    def declared(self, message_no: int | None, references: Sequence[str], intake_message_id: int) -> None:
        """Keep which declarations of an intake's message were made of filings."""
        with self._lend() as connection:
            connection.execute(
                "UPDATE stock_filing f SET declaration_id = d.declaration_id FROM declaration d"
                " WHERE d.message_id = %s AND d.functional_reference_id = f.reference AND f.reference = ANY (%s)"
                " AND f.message_no IS NOT DISTINCT FROM %s AND f.declaration_id IS NULL",
                [intake_message_id, list(references), message_no],
            )

    def filings(
        self,
        account_no: int | None = None,
        *,
        message_no: int | None = None,
        state: FilingState | None = None,
        before: int | None = None,
        limit: int = 1_000,
    ) -> list[KeptFiling]:
        """Filings with the state of their declarations, the newest first."""
        limit = max(1, min(limit, LIST_LIMIT_MAX))
        return self._filings(
            "(%s::int IS NULL OR f.account_no = %s) AND (%s::bigint IS NULL OR f.message_no = %s)"
            " AND (%s::text IS NULL OR f.state = %s) AND (%s::bigint IS NULL OR f.filing_no < %s)"
            f" ORDER BY f.filing_no DESC LIMIT {limit}",
            [account_no, account_no, message_no, message_no, state, state, before, before],
        )

    def filing(self, account_no: int, reference: str) -> KeptFiling | None:
        """The filing that stands under a reference."""
        condition = "f.account_no = %s AND f.reference = %s AND f.state <> 'lifted'"
        return next(iter(self._filings(condition, [account_no, _text(reference)])), None)

    def filings_of(self, account_no: int, references: Sequence[str]) -> Mapping[str, KeptFiling]:
        """By reference, its filing: the one that stands, else the last that was lifted."""
        condition = "f.account_no = %s AND f.reference = ANY (%s) ORDER BY f.state <> 'lifted', f.filing_no"
        found = self._filings(condition, [account_no, [_text(reference) for reference in references]])
        return {filing.reference: filing for filing in found}

    def filing_named(self, account_no: int, names: Sequence[str]) -> KeptFiling | None:
        """The first filing that stands of an entry or order of one of these names, references or registered numbers."""
        names = [name.replace("\x00", "") for name in names]
        references = [f"stock {account_no} {what} {name}" for what in ("entry", "order") for name in names]
        condition = (
            "f.account_no = %s AND f.state <> 'lifted' AND (f.reference = ANY (%s)"
            " OR (d.registered_id = ANY (%s) AND d.registered_id <> '')) ORDER BY f.filing_no LIMIT 1"
        )
        return next(iter(self._filings(condition, [account_no, [*names, *references], names])), None)

    def settled(self, account_no: int | None, limit: int) -> list[KeptFiling]:
        """Filings whose declaration came to something that they do not show yet, the first made first."""
        return self._filings(
            f"{_UNSETTLED} AND (%s::int IS NULL OR f.account_no = %s) ORDER BY f.filing_no LIMIT {limit}",
            [account_no, account_no],
        )

    def undeclared(self, account_no: int | None = None) -> list[KeptFiling]:
        """Filings whose declaration was made and not handed in, the first made first."""
        return self._filings(
            "f.declared IS NOT NULL AND f.declaration_id IS NULL AND f.state <> 'lifted'"
            " AND (%s::int IS NULL OR f.account_no = %s) ORDER BY f.filing_no",
            [account_no, account_no],
        )

    def end(self, filing_no: int, state: FilingState, at: datetime, words: str = "") -> None:
        """Keep what a filing came to."""
        with self._lend() as connection:
            connection.execute(
                "UPDATE stock_filing SET state = %s, ended_at = %s, words = %s WHERE filing_no = %s",
                [str(state), at, _text(words), filing_no],
            )

    def _filings(self, condition: str, parameters: list[Any]) -> list[KeptFiling]:
        return [_filing(row) for row in self._rows(f"{_FILING} WHERE {condition}", parameters)]

    # --- messages --------------------------------------------------------------------------------------------

    def keep(self, arriving: ArrivingStock) -> StockMessage | None:
        """Keep a message's bytes; None when the account has the key already."""
        digest = hashlib.sha256(arriving.body)
        with self._lend() as connection:
            row = connection.execute(
                "INSERT INTO stock_message (account_no, kind, idempotency_key, digest, told_by, received_at, content)"
                " VALUES (%s, %s, %s, %b, %s, %s, %b) ON CONFLICT DO NOTHING RETURNING message_no",
                [
                    arriving.account_no, str(arriving.kind), _text(arriving.idempotency_key) or digest.hexdigest(),
                    digest.digest(), arriving.told_by, arriving.received_at, zstandard.compress(arriving.body, 3),
                ],
            ).fetchone()  # fmt: skip
        return None if row is None else self._messages("message_no = %s", [row[0]])[0]

    def message_by_key(self, account_no: int, kind: MessageKind, key: str) -> StockMessage:
        """The message told under a key. Raises NotFoundError."""
        condition = "account_no = %s AND kind = %s AND idempotency_key = %s"
        for found in self._messages(condition, [account_no, str(kind), key]):
            return found
        raise NotFoundError(f"no message is kept under the key {key[:80]!r}")

    def unprocessed(self) -> list[StockMessage]:
        """Messages kept and not worked through, oldest first."""
        return self._messages("receipt IS NULL ORDER BY message_no", [])

    def body(self, message_no: int) -> bytes:
        """The bytes as received. Raises NotFoundError."""
        for row in self._rows("SELECT content FROM stock_message WHERE message_no = %s", [message_no]):
            return decompress(row["content"])
        raise NotFoundError(f"there is no stock message {message_no}")

    def taking(self, message_no: int) -> Taking | None:
        """What the records of a message became; None while they were not taken in."""
        for row in self._rows("SELECT taken FROM stock_message WHERE message_no = %s", [message_no]):
            return None if row["taken"] is None else msgspec.json.decode(row["taken"], type=Taking)
        raise NotFoundError(f"there is no stock message {message_no}")

    def keep_taking(self, message_no: int, taking: Taking) -> None:
        """Keep it, with what the records changed."""
        with self._lend() as connection:
            connection.execute(
                "UPDATE stock_message SET taken = %b WHERE message_no = %s", [canonical_bytes(taking), message_no]
            )

    def receipt(self, message_no: int) -> StockReceipt | None:
        """The answer given; None while there is none."""
        for row in self._rows("SELECT receipt FROM stock_message WHERE message_no = %s", [message_no]):
            return None if row["receipt"] is None else msgspec.json.decode(row["receipt"], type=StockReceipt)
        raise NotFoundError(f"there is no stock message {message_no}")

    def finish(self, receipt: StockReceipt) -> None:
        """Keep the answer."""
        with self._lend() as connection:
            connection.execute(
                "UPDATE stock_message SET receipt = %b WHERE message_no = %s AND receipt IS NULL",
                [canonical_bytes(receipt), receipt.message_no],
            )

    def _messages(self, condition: str, parameters: list[Any]) -> list[StockMessage]:
        rows = self._rows(f"{_MESSAGE} WHERE {condition}", parameters)
        return [StockMessage(**{**row, "kind": MessageKind(row["kind"])}) for row in rows]

    # --- counts and findings ---------------------------------------------------------------------------------

    def keep_count(
        self,
        account_no: int,
        message_no: int | None,
        count: StockCount,
        differences: Sequence[Difference],
        at: datetime,
    ) -> int | None:
        """Keep a stock-taking; its number, None where one of this name is kept."""
        with self._lend() as connection:
            row = connection.execute(
                "INSERT INTO stock_count (account_no, message_no, count_id, counted_at, content, differences, recorded_at)"
                " VALUES (%s, %s, %s, %s, %b, %b, %s) ON CONFLICT DO NOTHING RETURNING count_no",
                [
                    account_no, message_no, _text(count.count_id), count.counted_at, canonical_bytes(count),
                    canonical_bytes(tuple(differences)), at,
                ],
            ).fetchone()  # fmt: skip
        return int(row[0]) if row else None

    def count(self, count_no: int) -> KeptCount:
        """One stock-taking. Raises NotFoundError."""
        for row in self._rows(f"{_COUNT} WHERE count_no = %s", [count_no]):
            return _count(row)
        raise NotFoundError(f"there is no stock-taking {count_no}")

    def counts(self, account_no: int) -> list[KeptCount]:
        """Those of an account, the newest first."""
        rows = self._rows(f"{_COUNT} WHERE account_no = %s ORDER BY count_no DESC LIMIT 1000", [account_no])
        return [_count(row) for row in rows]

    def book_count(self, count_no: int, by: str, at: datetime, words: str) -> bool:
        """Keep who answered for it; False where somebody did before."""
        with self._lend() as connection:
            done = connection.execute(
                "UPDATE stock_count SET booked_by = %s, booked_at = %s, words = %s"
                " WHERE count_no = %s AND booked_by IS NULL",
                [_text(by), at, _text(words), count_no],
            )
        return done.rowcount == 1

    def find_out(self, account_no: int, source: str, finding: Finding, at: datetime) -> None:
        """Keep a finding, once for each source."""
        with self._lend() as connection:
            connection.execute(
                "INSERT INTO stock_finding (account_no, source, content, recorded_at) VALUES (%s, %s, %b, %s)"
                " ON CONFLICT DO NOTHING",
                [account_no, _text(source), canonical_bytes(finding), at],
            )

    def findings(self, account_no: int, limit: int = 100) -> list[KeptFinding]:
        """Those of an account, the newest first."""
        rows = self._rows(
            "SELECT finding_no, source, content, recorded_at FROM stock_finding WHERE account_no = %s"
            " ORDER BY finding_no DESC LIMIT %s",
            [account_no, limit],
        )
        return [
            KeptFinding(
                finding_no=row["finding_no"], source=row["source"], recorded_at=row["recorded_at"],
                finding=msgspec.json.decode(row["content"], type=Finding),
            )
            for row in rows
        ]  # fmt: skip

    def teller_of(self, event_id: str) -> int | None:
        """The sender who told an event, or who took it back, whichever came last; None for an officer or this system."""
        query = "SELECT sender_id FROM event WHERE event_id = %s ORDER BY event_no DESC LIMIT 1"
        return next((row["sender_id"] for row in self._rows(query, [event_id])), None)

    # --- claims of marketplaces ------------------------------------------------------------------------------

    def orders_told(self, limit: int) -> list[tuple[int, str]]:
        """The next claims on orders that were not followed yet: number and jurisdiction."""
        rows = self._rows(
            "SELECT declaration_id, jurisdiction_code FROM declaration WHERE dataset = %s AND state <> 'rejected'"
            " AND declaration_id > (SELECT declaration_id FROM stock_followed) ORDER BY declaration_id LIMIT %s",
            [ORDER, limit],
        )
        return [(row["declaration_id"], row["jurisdiction_code"]) for row in rows]

    def follow_to(self, declaration_id: int) -> None:
        """Claims up to this one were followed."""
        with self._lend() as connection:
            connection.execute(
                "UPDATE stock_followed SET declaration_id = greatest(declaration_id, %s)", [declaration_id]
            )

    def _rows(self, query: str, parameters: list[Any]) -> list[dict[str, Any]]:
        with self._lend() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query.encode(), parameters).fetchall()


def _text(text: str) -> str:
    """As PostgreSQL can hold it."""
    return text.replace("\x00", "")


def _account(row: dict[str, Any]) -> KeptAccount:
    place = Place(
        place_id=row["place_id"], place_name=row["place_name"], jurisdiction_code=row["jurisdiction_code"],
        operator_id=row["operator_id"], operator_name=row["sender_name"], authorisation_id=row["authorisation_id"],
    )  # fmt: skip
    return KeptAccount(
        account_no=row["account_no"], sender_id=row["sender_id"], sender_name=row["sender_name"], place=place,
        place_kind=PlaceKind(row["place_kind"]), guarantee_id=row["guarantee_id"], locations=tuple(row["locations"]),
        opened_by=row["opened_by"], opened_at=row["opened_at"],
    )  # fmt: skip


def _filing(row: dict[str, Any]) -> KeptFiling:
    taken = msgspec.json.decode(row.pop("taken"), type=tuple[Taken, ...])
    declared = row.pop("declared_state")
    return KeptFiling(
        **{**row, "flow": Flow(row["flow"]), "state": FilingState(row["state"])},
        taken=taken, declared_state=State(declared) if declared else None,
    )  # fmt: skip


def _count(row: dict[str, Any]) -> KeptCount:
    return KeptCount(
        count=msgspec.json.decode(row.pop("content"), type=StockCount),
        differences=msgspec.json.decode(row.pop("differences"), type=tuple[Difference, ...]),
        **row,
    )
