"""What becomes of one message at a door: the way of intake after keeping, without a database.

Detect, split, read, decide, rows, answers, the document written again, and what `message inspect` shows. What must not
happen on that way is a complaint; what the house says about bad data is not.
"""

from __future__ import annotations

import io
import json
import logging
import re
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final, Protocol

from lxml import etree
from msgspec import Struct

import tidewaiter
from tidewaiter.messages import asycuda, forms
from tidewaiter.messages.answers import Answer, Telling, write_answer
from tidewaiter.messages.plain_records import read_records
from tidewaiter.model.decision import State
from tidewaiter.model.errors import MessageError, NotFoundError, TidewaiterError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.returned import ExitEvent, ReturnRecord
from tidewaiter.quality import registry
from tidewaiter.revenue.payments import BankStatementError, read_camt053
from tidewaiter.store import rows
from tidewaiter.workflow import deciding
from tidewaiter.workflow.batching import Slice, batch_of, new_entry
from tidewaiter.workflow.books import Books
from tidewaiter.workflow.deciding import decide_piece
from tidewaiter.workflow.inspecting import Inspected, inspect
from tidewaiter.workflow.pieces import Piece, pieces
from tidewaiter.workflow.records import Decided, Incoming, Seed, WatchList
from tidewaiter.workflow.shelf import Shelf

DAY: Final = date(2026, 11, 16)  # the legal day, the same in every run
AT: Final = datetime(2026, 11, 16, 9, tzinfo=UTC)
EXCEPTION: Final = "exception"
UNCLEAR: Final = "unclear"  # a refusal without code, place or hint
DISAGREEMENT: Final = "disagreement"  # two parts of the house say different things of one message
_DIGITS: Final = re.compile(r"\d+|“[^”]*”")
_HOUSE: Final = str(Path(tidewaiter.__file__).parent)


class Complaint(Struct, frozen=True):
    """What must not have happened: its kind, and words that are the same wherever the cause is."""

    kind: str
    words: str


class Outcome(Struct, frozen=True):
    """What became of one message; `is_accepted`: at least one record of it was.

    `longest_seconds` is the most processor time that passed without a record answered. A message may hold thousands
    of records, and take its time for them; none of them may keep the others waiting.
    """

    is_accepted: bool
    complaints: tuple[Complaint, ...]
    longest_seconds: float


class Door(Protocol):
    """Where messages of one kind come in."""

    def take(self, body: bytes) -> Outcome:
        """What becomes of a message; whatever goes wrong is a complaint, not an exception."""

    def look(self, body: bytes) -> Outcome:
        """The same, and its rows are made, it is shown, and written out again."""


def doors() -> dict[str, Callable[[], Door]]:
    """Every door by name: a form's, packed messages', and those that are no declarations'."""
    known: dict[str, Callable[[], Door]] = dict.fromkeys(forms.forms(), DeclarationDoor)
    return known | {
        "archives": DeclarationDoor,
        "returns": lambda: PlainDoor(_returns),
        "exit-events": lambda: PlainDoor(_exit_events),
        "payments": lambda: PlainDoor(_payments),
    }


class _Complaints:
    """What is held against the house over one message."""

    def __init__(self) -> None:
        self.found: dict[Complaint, None] = {}
        self._longest = 0.0
        self._since = time.process_time()

    def answered(self) -> None:
        """A record is done with, or the message is."""
        now = time.process_time()
        self._longest, self._since = max(self._longest, now - self._since), now

    def add(self, kind: str, words: str) -> None:
        self.found[Complaint(kind, words)] = None

    def failed(self, error: BaseException, step: str) -> None:
        """An exception that is none of the house's refusals."""
        own = [each for each in traceback.extract_tb(error.__traceback__) if each.filename.startswith(_HOUSE)]
        place = f"{Path(own[-1].filename).relative_to(_HOUSE)}:{own[-1].lineno}" if own else "?"
        self.add(EXCEPTION, f"{type(error).__name__} at {place} ({step})")

    def refused(self, error: TidewaiterError, step: str) -> None:
        """A refusal of the whole message."""
        lacking = [name for name in ("code", "detail", "place", "hint") if not getattr(error, name)]
        if lacking:
            own = [each for each in traceback.extract_tb(error.__traceback__) if each.filename.startswith(_HOUSE)]
            place = f"{Path(own[-1].filename).relative_to(_HOUSE)}:{own[-1].lineno}"
            self.add(UNCLEAR, f"{error.code} without {' and '.join(lacking)} at {place} ({step})")

    def found_wrong(self, findings: Iterable[Finding], judged: frozenset[str] = frozenset()) -> None:
        """Findings of one record; those of the rules `judged` look at what was read, and need no hint.

        What concerns a record as a whole has its number for a place (the receipt's); of all else the sender has a
        name of his own.
        """
        for finding in findings:
            lacking = [name for name in ("rule_id", "words") if not getattr(finding, name)]
            if finding.pointer and not finding.place:
                lacking.append("place")
            if not finding.hint and finding.rule_id not in judged:
                lacking.append("hint")
            if lacking and finding.severity is Severity.ERROR:
                words = f": {_DIGITS.sub('#', finding.words)[:40]}"
                self.add(UNCLEAR, f"{finding.rule_id} without {' and '.join(lacking)}{words}")

    def outcome(self, *, is_accepted: bool) -> Outcome:
        self.answered()
        return Outcome(is_accepted, tuple(self.found), self._longest)


class DeclarationDoor:
    """Messages with declarations, of whatever form, packed or not."""

    def __init__(self) -> None:
        self._shelf = Shelf(WatchList(version=0, entries=b"[]"), lambda _: None)
        self._books = Books()
        self._incoming = Incoming(
            message_id=1,
            sender_id=1,
            digest="0" * 64,
            received_at=AT,
            legal_day=DAY,
            seed=Seed(seed_id="fuzz", drawn_for=DAY, seed=b"0" * 32),
        )
        self._judged = frozenset(rule.rule_id for rule in registry.rules())
        self._caught = _Caught()

    def take(self, body: bytes) -> Outcome:
        """What becomes of a message."""
        complaints = _Complaints()
        return _outcome(self._decided(body, complaints), complaints)

    def look(self, body: bytes) -> Outcome:
        """The same, and its rows are made, it is shown, and written out again."""
        complaints = _Complaints()
        decided = self._decided(body, complaints)
        for each in decided:
            self._try(self._encode, each, complaints)
            self._try(self._write, each, complaints)
        self._compare(decided, self._inspected(body, complaints), complaints)
        return _outcome(decided, complaints)

    def _decided(self, body: bytes, complaints: _Complaints) -> list[Decided]:
        decided: list[Decided] = []
        logger = logging.getLogger(deciding.__name__)
        logger.addHandler(self._caught)
        try:
            for piece in pieces(io.BytesIO(body), "message", ""):
                decided.append(self._piece(piece, complaints))
                complaints.answered()
        except MessageError as error:
            complaints.refused(error, "split")
        except Exception as error:  # whatever it is, it is what is looked for
            complaints.failed(error, "split")
        finally:
            logger.removeHandler(self._caught)
        return decided

    def _piece(self, piece: Piece, complaints: _Complaints) -> Decided:
        decided = decide_piece(piece, self._incoming, self._shelf)
        for error in self._caught.taken():
            complaints.failed(error, "decide")
        complaints.found_wrong(decided.evaluation.findings, self._judged)
        if decided.own is None and decided.evaluation.decision.state is not State.REJECTED:
            complaints.add(DISAGREEMENT, "a record that could not be read is not rejected")
        self._try(self._answer, decided, complaints)
        return decided

    @staticmethod
    def _try(step: Callable[[Decided, _Complaints], None], decided: Decided, complaints: _Complaints) -> None:
        try:
            step(decided, complaints)
        except Exception as error:
            complaints.failed(error, step.__name__.strip("_"))
        complaints.answered()

    def _encode(self, decided: Decided, _: _Complaints) -> None:
        piece = Piece(decided.position, decided.form, decided.body)
        part = Slice(incoming=self._incoming, pieces=(piece,), declaration_ids=(1,), are_bodies_kept=True)
        rows.encode(batch_of(part), [new_entry(decided, 1)])

    def _answer(self, decided: Decided, complaints: _Complaints) -> None:
        if decided.declaration is None:
            return
        for kind in decided.evaluation.decision.notices:
            telling = Telling(
                kind=kind,
                declaration=decided.declaration,
                evaluation=decided.evaluation,
                registered_id="26GB00000000000040",
                issued_at=AT,
                reference_id="1",
            )
            if not _is_whole(answer := write_answer(decided.form, telling)):
                complaints.add(DISAGREEMENT, f"the answer to {decided.form} is no {answer.media_type}")

    def _write(self, decided: Decided, _: _Complaints) -> None:
        """In its own form and as ASYCUDA has it; what a form has no place for may be refused."""
        own = decided.own
        if own is None:
            return
        with suppress(MessageError):
            forms.by_name(decided.form).write([own])
        with suppress(MessageError):
            asycuda.write_sad(own, decided.evaluation.assessment)

    def _inspected(self, body: bytes, complaints: _Complaints) -> list[Inspected]:
        found: list[Inspected] = []
        try:
            for record in inspect(io.BytesIO(body), "message", "", DAY, self._books):
                found.append(record)
                complaints.answered()
        except MessageError as error:
            complaints.refused(error, "inspect")
        except Exception as error:
            complaints.failed(error, "inspect")
        return found

    def _compare(self, decided: list[Decided], shown: list[Inspected], complaints: _Complaints) -> None:
        """What is shown of a message is what is decided on."""
        if len(decided) != len(shown):
            complaints.add(DISAGREEMENT, "records are shown that are not decided on, or the other way round")
        for each, record in zip(decided, shown, strict=False):
            if each.form != record.form:
                complaints.add(DISAGREEMENT, f"decided on as {each.form}, shown as {record.form}")
            if record.has_error and each.evaluation.decision.state is not State.REJECTED:
                complaints.add(DISAGREEMENT, f"{each.form}: accepted, and shown with an error")


class PlainDoor:
    """Messages that are no declarations: `read` gives the findings on each record, and raises the house's refusals."""

    def __init__(self, read: Callable[[bytes], list[tuple[Finding, ...]]]) -> None:
        self._read = read

    def look(self, body: bytes) -> Outcome:
        """What becomes of a message."""
        return self.take(body)

    def take(self, body: bytes) -> Outcome:
        """What becomes of a message."""
        complaints = _Complaints()
        is_accepted = False
        try:
            found = self._read(body)
        except (MessageError, BankStatementError) as error:
            complaints.refused(error, "read")
        except Exception as error:
            complaints.failed(error, "read")
        else:
            is_accepted = any(not findings for findings in found)
            for findings in found:
                complaints.found_wrong(findings)
        return complaints.outcome(is_accepted=is_accepted)


def _outcome(decided: list[Decided], complaints: _Complaints) -> Outcome:
    is_accepted = any(each.evaluation.decision.state is not State.REJECTED for each in decided)
    return complaints.outcome(is_accepted=is_accepted)


def _returns(body: bytes) -> list[tuple[Finding, ...]]:
    return [each.findings for each in read_records(body, ReturnRecord, "returns")]


def _exit_events(body: bytes) -> list[tuple[Finding, ...]]:
    return [each.findings for each in read_records(body, ExitEvent, "exit_events")]


def _payments(body: bytes) -> list[tuple[Finding, ...]]:
    return [() for _ in read_camt053(body)]


class _Caught(logging.Handler):
    """The exceptions that deciding turned into findings on our own fault."""

    def __init__(self) -> None:
        super().__init__()
        self._errors: list[BaseException] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None:
            self._errors.append(record.exc_info[1])

    def taken(self) -> list[BaseException]:
        """Those since the last call."""
        errors, self._errors = self._errors, []
        return errors


def _is_whole(answer: Answer) -> bool:
    """Whether a document is what its media type says."""
    try:
        if answer.media_type.endswith("json"):
            json.loads(answer.content)
        elif answer.media_type.endswith("xml"):
            etree.fromstring(answer.content, etree.XMLParser(huge_tree=True, resolve_entities=False))
        else:
            answer.content.decode()
    except (ValueError, etree.XMLSyntaxError):
        return False
    return True


def door_of(name: str) -> Callable[[], Door]:
    """The door of that name. Raises NotFoundError, which lists those there are."""
    known = doors()
    if name not in known:
        raise NotFoundError(f"nothing called “{name[:60]}” is read here", hint=f"There are {', '.join(known)}.")
    return known[name]
