"""Decisions on returns read again and run again."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from itertools import islice

import msgspec

from tidewaiter.messages.plain_records import read_records
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.returned import ReturnRecord
from tidewaiter.revenue.returns import RefundDecision
from tidewaiter.workflow.ports import Store
from tidewaiter.workflow.replay import Difference, Report
from tidewaiter.workflow.return_deciding import Cases, shipped_policy
from tidewaiter.workflow.return_records import CaseFile, CaseFilter, KeptDecision, ReturnStore

DIFF_LINES_MAX = 40
PAGE_ROWS = 200


def decision_of(kept: KeptDecision) -> RefundDecision:
    """The decision as a record."""
    return msgspec.json.decode(kept.decision_bytes, type=RefundDecision)


def replay(store: Store, case_no: int) -> Report:
    """Make every decision on one case again from the message, the import's decision, law and events as they were kept.

    Raises NotFoundError.
    """
    file = store.returns.case(case_no)
    cases = Cases(store, shipped_policy())
    report = Report(0, 0)
    for kept in file.decisions:
        report += _play(cases, store.returns, file, kept)
    return report


def replay_all(store: Store) -> Report:
    """The same for every case."""
    report = Report(0, 0)
    for case_no in _case_numbers(store.returns):
        report += replay(store, case_no)
    return report


def _case_numbers(returns: ReturnStore) -> Iterator[int]:
    before: int | None = None
    while rows := returns.cases(CaseFilter(before=before, limit=PAGE_ROWS)):
        yield from (row.case_no for row in rows)
        before = rows[-1].case_no


def _play(cases: Cases, returns: ReturnStore, file: CaseFile, kept: KeptDecision) -> Report:
    try:
        if _read_again(returns, file) != file.kept.record:
            return _other(kept, f"the message now reads otherwise at record {file.kept.position}")
        played = cases.decided_again(file, kept.version)
    except TidewaiterError as error:
        return _other(kept, f"it cannot be run again: {error.detail}")
    if played == kept.decision_bytes:
        return Report(1, 1)
    words = f"decided otherwise than by version {kept.considered.software_version} of the software"
    return _other(kept, words, _diff(kept.decision_bytes, played))


def _other(kept: KeptDecision, words: str, lines: tuple[str, ...] = ()) -> Report:
    return Report(1, 0, (Difference(0, kept.version, f"case {kept.case_no}, decision {kept.version}: {words}", lines),))


def _read_again(returns: ReturnStore, file: CaseFile) -> ReturnRecord | None:
    body = returns.body(file.kept.return_message_id)
    reads = read_records(body, ReturnRecord, "returns")
    return reads[file.kept.position - 1].record if file.kept.position <= len(reads) else None


def _diff(kept: bytes, played: bytes) -> tuple[str, ...]:
    before = msgspec.json.format(kept, indent=1).decode().splitlines()
    after = msgspec.json.format(played, indent=1).decode().splitlines()
    return tuple(islice(difflib.unified_diff(before, after, "kept", "now", lineterm="", n=2), DIFF_LINES_MAX))
