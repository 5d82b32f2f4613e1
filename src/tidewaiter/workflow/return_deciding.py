"""One case of a return decided: everything the decision rests on is gathered, decided on, kept and booked together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct
from ruamel.yaml import YAML

import tidewaiter
from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.decision import Evaluation, State
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import LawDataError, NotFoundError
from tidewaiter.model.returned import ExitKind
from tidewaiter.regimes import Regime
from tidewaiter.revenue.lines import part_back
from tidewaiter.revenue.obligations import obligations
from tidewaiter.revenue.postings import Posting, brought_up_to_date, charged, generation
from tidewaiter.revenue.refunding import charge_accounts, refund_postings, securities
from tidewaiter.revenue.returns import (
    GIVING,
    Bearing,
    Exit,
    Imported,
    Outcome,
    Policy,
    Reason,
    RefundDecision,
    ReturnClaim,
    Verdict,
    decide_refund,
)
from tidewaiter.workflow.persons import Persons
from tidewaiter.workflow.pieces import content, sources_of
from tidewaiter.workflow.ports import Store
from tidewaiter.workflow.recording_money import return_recording
from tidewaiter.workflow.records import Kept
from tidewaiter.workflow.return_records import (
    CaseFile,
    Considered,
    Deciding,
    Earlier,
    KeptEvent,
    NewDecision,
)

REGIMES_KEPT = 64


class Import(Struct, frozen=True, kw_only=True):
    """An import as one version of it was decided."""

    declaration_id: int
    version: int
    registered_id: str
    declaration: Declaration
    evaluation: Evaluation
    regime: Regime
    released_on: date | None = None
    is_arrived: bool = True


class Cases:
    """Decides cases, and decides them again as they were; keeps the law it has loaded."""

    def __init__(self, store: Store, policy: Policy) -> None:
        self._store = store
        self._returns = store.returns
        self._policy = policy
        self._regime: Callable[[str], Regime] = lru_cache(REGIMES_KEPT)(
            lambda digest: Regime.from_content(store.knowledge(digest))
        )

    def declaration(self, declaration_id: int) -> Declaration | None:
        """The import as declared, in its last version; None where it cannot be read."""
        return content(self._store, sources_of(self._store.kept(declaration_id)))

    def decide(
        self, transaction: Deciding, file: CaseFile, at: datetime, verdict: Verdict | None = None
    ) -> RefundDecision:
        """Decide a case (`file`, as the transaction has it) as things stand now; keep and book it there."""
        actor = "law" if verdict is None else " and ".join(verdict.officers)
        subject = f"declaration:{file.row.declaration_id}"
        found = None if file.row.declaration_id is None else self._import(file.row.declaration_id)
        persons = None
        if found is not None and _counted(found):
            persons = Persons(transaction.persons())
            found = self._import(found.declaration_id)  # as it stands now that nobody else decides on it
        considered = self._considered(transaction, file, found, verdict)
        earlier = _NOTHING if found is None else transaction.earlier(found.declaration_id)
        decision = self._decision(file, considered, found, earlier)
        on = file.kept.received_on
        postings: tuple[Posting, ...] = ()
        if found is not None and decision.outcome in GIVING:
            postings = refund_postings(subject, f"{file.kept.return_no}:{file.kept.record.return_id}", on, decision)
        new = NewDecision(
            case_no=file.row.case_no, version=file.row.version + 1, actor=actor, decided_at=at, considered=considered,
            decision=decision, postings=postings,
        )  # fmt: skip
        transaction.decide(new)
        transaction.record.append([return_recording(new, file.kept.record.return_id, _due(found), earlier)])
        if persons is not None and found is not None and decision.outcome in GIVING:
            back = part_back(found.declaration, transaction.earlier(found.declaration_id).quantities)
            persons.give_back(found.declaration_id, _counted(found), back, at)
        return decision

    def leave(self, transaction: Deciding, file: CaseFile, at: datetime, problem: str) -> None:
        """Keep as a case what could not be worked out, and why: one that cannot be decided holds up no other."""
        considered = Considered(
            declaration_id=file.row.declaration_id, policy=self._policy, problem=problem,
            software_version=tidewaiter.__version__,
        )  # fmt: skip
        new = NewDecision(
            case_no=file.row.case_no, version=file.row.version + 1, actor="law", decided_at=at, considered=considered,
            decision=_undecided(problem), postings=(),
        )  # fmt: skip
        transaction.decide(new)
        transaction.record.append([return_recording(new, file.kept.record.return_id, Decimal(0), _NOTHING)])

    def decided_again(self, file: CaseFile, version: int) -> bytes:
        """The bytes that one of a case's decisions comes to when it is made again from what was kept."""
        kept = next((each for each in file.decisions if each.version == version), None)
        if kept is None:
            raise NotFoundError(f"case {file.row.case_no} has no decision {version}")
        considered = kept.considered
        if considered.problem:
            return canonical_bytes(_undecided(considered.problem))
        found = None
        earlier = _NOTHING
        if considered.declaration_id is not None:
            found = self._import(considered.declaration_id, considered.declaration_version)
            with self._returns.deciding(file.row.case_no) as transaction:
                earlier = transaction.earlier(considered.declaration_id, considered.earlier)
        return canonical_bytes(self._decision(file, considered, found, earlier))

    # --- gathering -------------------------------------------------------------------------------------------

    def _import(self, declaration_id: int, version: int | None = None) -> Import:
        """An import in one version, the last where none is named. Raises NotFoundError where it was not assessed."""
        kept = self._store.kept(declaration_id, version)
        declaration = content(self._store, sources_of(kept))
        evaluation = msgspec.json.decode(kept.evaluation, type=Evaluation)
        if declaration is None or evaluation.assessment is None or not kept.regime_digest:
            raise NotFoundError(f"declaration {declaration_id} was not assessed")
        outcome = self._store.outcome(declaration_id)
        return Import(
            declaration_id=declaration_id,
            version=kept.version,
            registered_id=outcome.row.registered_id,
            declaration=declaration,
            evaluation=evaluation,
            regime=self._regime(kept.regime_digest),
            released_on=_released_on(kept, evaluation, outcome.transitions),
            is_arrived=outcome.row.is_arrived,
        )

    def _considered(
        self, transaction: Deciding, file: CaseFile, found: Import | None, verdict: Verdict | None
    ) -> Considered:
        """What a decision is made of now. What is charged on the import is booked first if it is not yet."""
        if found is None:
            return Considered(
                declaration_id=None, policy=self._policy, verdict=verdict, software_version=tidewaiter.__version__
            )
        assert found.evaluation.assessment is not None
        currency = found.evaluation.assessment.due.currency
        standing = self._charged(transaction, found)
        places = [(each.party, each.scheme, each.period) for each in charge_accounts(standing, {})]
        event = proof_of(file)
        return Considered(
            declaration_id=found.declaration_id,
            declaration_version=found.version,
            registered_id=found.registered_id,
            regime_digest=found.regime.digest,
            released_on=found.released_on,
            is_arrived=found.is_arrived,
            earlier=transaction.earlier(found.declaration_id).decisions,
            event_no=event.event_no if event else None,
            is_own_word=event is not None and event.sender_id == file.kept.sender_id,
            used_by=transaction.used_by(event.event_no, file.kept.return_no) if event else "",
            accounts=charge_accounts(standing, transaction.owed(places, currency)),
            secured=securities(standing),
            policy=self._policy,
            verdict=verdict,
            software_version=tidewaiter.__version__,
        )

    def _charged(self, transaction: Deciding, found: Import) -> list[Posting]:
        """The postings on an import, its charges among them: a refund must find what it gives back."""
        subject = f"declaration:{found.declaration_id}"
        standing = transaction.postings(subject)
        assessment = found.evaluation.assessment
        assert assessment is not None
        owed = obligations(assessment, found.declaration, found.regime)
        wanted = charged(subject, generation(standing), assessment.legal_day, owed)
        if _are_alike(standing, wanted):
            return standing
        new = brought_up_to_date(standing, wanted, assessment.legal_day, "amended")
        transaction.book(new)
        return [*standing, *new]

    # --- deciding --------------------------------------------------------------------------------------------

    def _decision(
        self, file: CaseFile, considered: Considered, found: Import | None, earlier: Earlier
    ) -> RefundDecision:
        """A function of what was kept: the same again gives the same."""
        if found is None:
            return _without_import(file.claim, considered.verdict)
        assert found.evaluation.assessment is not None
        event = next((each for each in file.events if each.event_no == considered.event_no), None)
        claim = file.claim
        if event is not None:
            exit_ = Exit(event=event.event, is_own_word=considered.is_own_word, used_by=considered.used_by)
            claim = msgspec.structs.replace(claim, exit=exit_)
        imported = Imported(
            declaration=msgspec.structs.replace(found.declaration, registered_id=considered.registered_id),
            assessment=found.evaluation.assessment,
            released_on=considered.released_on,
            is_arrived=considered.is_arrived,
            earlier=earlier.lines,
            returned=earlier.quantities,
            accounts=considered.accounts,
            secured=considered.secured,
        )
        return decide_refund(claim, imported, found.regime, considered.policy, considered.verdict)


def _are_alike(standing: Sequence[Posting], wanted: Sequence[Posting]) -> bool:
    """Whether the charges that stand are those that are wanted, whenever they were booked."""
    taken_back = {posting.reverses for posting in standing if posting.reverses}
    stand = [each for each in standing if each.kind == "charge" and each.key not in taken_back]
    return sorted(map(_likeness, stand)) == sorted(map(_likeness, wanted))


def _likeness(posting: Posting) -> list[tuple[str, Decimal, str, str, str, str]]:
    return sorted(
        (str(each.account), each.amount, each.party, each.scheme, each.period, each.type_code)
        for each in posting.entries
    )


def _due(found: Import | None) -> Decimal:
    """What was due on an import, in its currency; 0 where none is known."""
    return (
        Decimal(0) if found is None or found.evaluation.assessment is None else found.evaluation.assessment.due.amount
    )


def _counted(found: Import) -> Mapping[str, Decimal]:
    """What an import drew on counters of persons; empty under laws that have none."""
    return found.evaluation.assessment.counted if found.evaluation.assessment is not None else {}


_NOTHING = Earlier(decisions=(), lines=(), quantities={})


def proof_of(file: CaseFile) -> KeptEvent | None:
    """The best of what events say of a return: one that proves, another's word before the claimant's own, the first."""
    return min(
        file.events,
        key=lambda each: (
            each.event.kind is ExitKind.HANDED_OVER,
            each.sender_id == file.kept.sender_id,
            each.event_no,
        ),
        default=None,
    )


def shipped_policy() -> Policy:
    """The policy that ships. Raises LawDataError where the file is malformed."""
    place = "returns/policy.yaml"
    text = files("tidewaiter.data").joinpath(place).read_text("utf-8")
    try:
        return msgspec.convert(YAML(typ="safe", pure=True).load(text), Policy)
    except msgspec.ValidationError as error:
        raise LawDataError(f"{place}: {error}", hint="quote amounts", place=place) from error


def _released_on(kept: Kept, evaluation: Evaluation, transitions: Sequence[Any]) -> date | None:
    """The day the goods were released: that of the law it was done by, or of the officer's act."""
    released = (State.RELEASED, State.CLEARED)
    if evaluation.decision.state in released:
        return kept.legal_day
    return next((each.recorded_at.date() for each in transitions if each.to_state in released), None)


def _undecided(problem: str) -> RefundDecision:
    return RefundDecision(
        outcome=Outcome.CASE,
        currency="",
        reasons=(Reason("not_worked_out", Bearing.LOOK, f"it cannot be worked out: {problem}"),),
        needs_second=True,
    )


def _without_import(claim: ReturnClaim, verdict: Verdict | None) -> RefundDecision:
    """The decision on goods whose import is not known: an officer's case, which can only be refused."""
    said = [claim.mrn, claim.waybill, claim.reference, claim.order_id]
    said += [name for item in claim.items for name in (item.mrn, item.waybill, item.reference, item.order_id)]
    names = ", ".join(dict.fromkeys(name for name in said if name))
    words = (
        f"no import of yours is known by {names}" if names else "the return names no import: number, waybill or order"
    )
    reasons = [Reason("no_import", Bearing.LOOK, words)]
    outcome = Outcome.CASE
    if verdict is not None:
        outcome = Outcome.REFUSED
        reasons.append(Reason("officer", Bearing.NOTE, f"refused by {' and '.join(verdict.officers)}: {verdict.words}"))
    return RefundDecision(outcome=outcome, currency="", reasons=tuple(reasons))
