"""Returned goods: matched to their import, and what is given back, by the law's own conditions.

Given back without a person when the match is sure, the evidence is there and the window is open; it waits while only
the proof of exit is missing; a case for an officer when something must be looked at. Never more than was charged and not
yet given back, line by line and type by type. What was collected at the sale is given back by who collected it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

from tidewaiter.model.assessment import Assessment, Citation, Collection, Step
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.returned import EvidenceKind, ExitEvent, ExitKind, Proof, ReturnedItem, ReturnReason
from tidewaiter.regimes import Regime
from tidewaiter.regimes.conditions import Facts
from tidewaiter.regimes.law import Refund
from tidewaiter.revenue.giving_back import (
    WHOLE,
    ChargeAccount,
    GivenBack,
    Kinds,
    Security,
    Settled,
    given_back,
    released,
    settled,
)
from tidewaiter.revenue.lines import Quantities, Taken, articles_of, line_of
from tidewaiter.revenue.windows import in_words, last_day

ZERO = Decimal(0)


class Exit(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """An exit event with what is known of it here: whether the claimant itself says so, and which return used it before."""

    event: ExitEvent
    is_own_word: bool = False
    used_by: str = ""


class ReturnClaim(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What goes back of one import and what is asked for it, on the day on which customs received it."""

    return_id: str
    reason: ReturnReason
    claimed_on: date
    mrn: str = ""
    waybill: str = ""
    reference: str = ""
    order_id: str = ""
    return_waybill: str = ""
    recipient: str = ""
    items: tuple[ReturnedItem, ...] = ()  # empty: everything goes back
    documents: tuple[Proof, ...] = ()
    exit: Exit | None = None


class Imported(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The import that goods came in by, as it stands: what was charged on it, given back before, and owed still.

    `returned` are quantities by line. `accounts` is what the books have of its charges; empty: they were not asked.
    """

    declaration: Declaration
    assessment: Assessment
    released_on: date | None = None
    is_arrived: bool = True
    earlier: tuple[GivenBack, ...] = ()
    returned: dict[int, Decimal] = {}
    accounts: tuple[ChargeAccount, ...] = ()
    secured: tuple[Security, ...] = ()


class Policy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What passes without a person, and where two officers are needed: amounts by currency, none for others."""

    own_word_max: dict[str, Decimal] = {}
    one_officer_max: dict[str, Decimal] = {}


class Verdict(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What officers made of a case, and their words."""

    is_granted: bool
    officers: tuple[str, ...]
    words: str


class Outcome(StrEnum):
    """What becomes of a claim. The first three give back: each ends a claim, and what it gives is booked."""

    REFUND = "refund"  # paid out
    REMISSION = "remission"  # it was not paid yet: the charge is lessened
    GUARANTEE_RELEASE = "guarantee release"
    BY_SELLER = "by seller"  # collected at the sale: given back by who collected it, not here
    WAITING = "waiting"  # for its exit event; decided by itself when that comes
    CASE = "case"  # an officer decides
    REFUSED = "refused"


GIVING = (Outcome.REFUND, Outcome.REMISSION, Outcome.GUARANTEE_RELEASE)


class Bearing(StrEnum):
    """What a reason does to a claim."""

    NOTE = "note"  # nothing; worth knowing
    WAITS = "waits"  # may still come
    LOOK = "look"  # an officer looks
    BAR = "bar"  # the law says no


class Reason(Struct, frozen=True, omit_defaults=True):
    """Why a claim goes the way it does. `measure_id` is the figure or measure of law it rests on."""

    code: str
    bearing: Bearing
    words: str
    measure_id: str = ""


class RefundDecision(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The outcome, what is given back by type and line, and every reason and step in words.

    `lines` are amounts in `currency`; `settled` says how each account gives them back, `released` what guarantees are let
    go; `quantities` are by line.
    """

    outcome: Outcome
    currency: str
    reasons: tuple[Reason, ...]
    amounts: dict[str, Decimal] = {}
    lines: tuple[GivenBack, ...] = ()
    settled: tuple[Settled, ...] = ()
    released: tuple[Security, ...] = ()
    quantities: tuple[Taken, ...] = ()
    measure_id: str = ""
    window_ends_on: date | None = None
    steps: tuple[Step, ...] = ()
    citations: dict[str, Citation] = {}
    needs_second: bool = False  # an officer's grant of it needs a second officer's

    @property
    def total(self) -> Decimal:
        """What is given back in all."""
        return sum(self.amounts.values(), ZERO)


def matches(claim: ReturnClaim, declaration: Declaration, registered_id: str = "") -> tuple[str, ...]:
    """By what a return and an import belong together: number, waybill, reference, order, articles; empty for nothing."""
    pairs = {
        "number": (claim.mrn, {registered_id, declaration.registered_id}),
        "waybill": (claim.waybill, set(waybills_of(declaration))),
        "reference": (claim.reference, {declaration.functional_reference_id}),
        "order": (claim.order_id, {declaration.invoice_id}),
    }
    found = [name for name, (said, known) in pairs.items() if said and said in known]
    if claim.items and all(line_of(each, declaration) is not None for each in claim.items):
        found.append("articles")
    return tuple(found)


def waybills_of(declaration: Declaration) -> tuple[str, ...]:
    """The transport documents of a declaration and of its lines."""
    documents = [*declaration.consignment.transport_documents]
    documents += [each for item in declaration.goods_items for each in item.transport_documents]
    return tuple(each.document_id for each in documents)


def decide_refund(
    claim: ReturnClaim,
    imported: Imported,
    regime: Regime,
    policy: Policy = Policy(),  # noqa: B008 (frozen)
    verdict: Verdict | None = None,
) -> RefundDecision:
    """What a claim comes to. A function of its arguments: the same claim gives the same answer again."""
    return _Deciding(claim, imported, regime, policy).decision(verdict)


class _Deciding:
    """One claim on one import: reasons and steps are collected on the way."""

    def __init__(self, claim: ReturnClaim, imported: Imported, regime: Regime, policy: Policy) -> None:
        self.claim = claim
        self.imported = imported
        self.regime = regime
        self.policy = policy
        self.currency = imported.assessment.due.currency
        self.reasons: list[Reason] = []
        self.steps: list[Step] = []
        self.measure_id = ""
        self.window_ends_on: date | None = None

    def decision(self, verdict: Verdict | None) -> RefundDecision:
        """The whole decision; with officers' verdict on it where there is one."""
        law = self._law()
        kinds = self._kinds(law)
        quantities = self._quantities()
        lines = tuple(given_back(quantities.shares, self.imported.assessment, self.imported.earlier, kinds))
        amounts = _by_type(lines)
        total = sum(amounts.values(), ZERO)
        self._judge(law, total)
        self._say(quantities, lines, kinds.percent)
        books, gap = settled(amounts, self.imported.accounts)
        if gap:
            self._add(
                "accounts", Bearing.LOOK, f"the accounts show {gap} {self.currency} less charged than the assessment"
            )
        given = self._given(books)
        outcome = self._outcome(total, given)
        needs_second = self._needs_second(outcome, total)
        if verdict is not None:
            outcome = self._by_officers(verdict, given if total and not gap else None)
        gives = outcome in GIVING or outcome in (Outcome.CASE, Outcome.WAITING)
        return RefundDecision(
            outcome=outcome,
            currency=self.currency,
            reasons=tuple(self.reasons) or (Reason("all_there", Bearing.NOTE, self._all_there(law)),),
            amounts={code: amount for code, amount in amounts.items() if amount} if gives else {},
            lines=lines if gives else (),
            settled=books if outcome in GIVING else (),
            released=released(total, self.imported.secured) if outcome in GIVING else (),
            quantities=tuple(Taken(line, count) for line, count in quantities.taken.items() if count) if gives else (),
            measure_id=self.measure_id,
            window_ends_on=self.window_ends_on,
            steps=tuple(self.steps),
            citations=self._citations(law),
            needs_second=needs_second,
        )

    # --- conditions ------------------------------------------------------------------------------------------

    def _law(self) -> Refund | None:
        facts = Facts(self.imported.declaration, self.regime.worth)
        facts.customs_value = self.imported.assessment.customs_value.amount
        for measure_id, refund in self.regime.law.refunds.items():
            if refund.reason == self.claim.reason and self.regime.predicate(refund.when, measure_id)(facts):
                self.measure_id = measure_id
                return refund
        return None

    def _judge(self, law: Refund | None, total: Decimal) -> None:
        """Hold the claim against what the law and the import say, in the order in which a person would."""
        self._check_match()
        at_sale = self._collected_at_sale()
        for code, amount in at_sale.items():
            words = f"{code} {amount} {self.currency} was collected at the sale: who collected it gives it back, not customs"
            self._add("at_sale", Bearing.NOTE, words)
        if self.imported.assessment.unresolved:
            self._add("unresolved", Bearing.LOOK, "not all that is owed on the import is known")
        if not self._charged_at_border():
            return
        if law is None:
            words = f"no rule on goods {self.claim.reason.value} is modelled in {self.regime.jurisdiction_code}"
            self._add("no_rule", Bearing.LOOK, words)
            return
        if not self.imported.is_arrived:
            self._add(
                "not_arrived",
                Bearing.LOOK,
                "the import was announced and has not arrived, so it cannot have left again",
            )
        self._check_exit(law, total)
        self._check_window(law)
        self._check_documents(law)
        if law.refunded_by != "customs":
            words = f"given back by the {law.refunded_by}, not by customs"
            self._add("refunded_by", Bearing.BAR, words, self.measure_id)
        if law.minimum and ZERO < total < self.regime.figures[law.minimum].value:
            least = self.regime.figures[law.minimum].value
            words = (
                f"{total} {self.currency} is less than the {least} {self.currency} from which anything is given back"
            )
            self._add("minimum", Bearing.BAR, words, law.minimum)
        self._check_recipient()

    def _check_match(self) -> None:
        claim, declaration = self.claim, self.imported.declaration
        found = matches(claim, declaration)
        if not {"number", "waybill", "reference", "order"} & set(found):
            self._add("no_match", Bearing.LOOK, "neither number, waybill, reference nor order is that of the import")
        elif claim.order_id and declaration.invoice_id and "order" not in found:
            words = f"the return names order {claim.order_id}, the import was bought by {declaration.invoice_id}"
            self._add("other_order", Bearing.LOOK, words)
        elif claim.waybill and waybills_of(declaration) and "waybill" not in found:
            words = f"the return names waybill {claim.waybill}, which the import did not come by"
            self._add("other_waybill", Bearing.LOOK, words)

    def _check_exit(self, law: Refund, total: Decimal) -> None:
        exit_ = self.claim.exit
        if EvidenceKind.EXIT_EVENT not in law.evidence and law.counted_from != "exit" and not law.exit_window:
            return
        if exit_ is None:
            self._add("no_exit", Bearing.WAITS, "there is no proof yet that the goods have left", self.measure_id)
            return
        event = exit_.event
        if event.kind is ExitKind.HANDED_OVER:
            words = f"{event.event_id} says that the goods were handed over to be carried, not that they have left"
            self._add("still_here", Bearing.WAITS, words, self.measure_id)
            return
        for code, words in self._doubts(exit_, total):
            self._add(code, Bearing.LOOK, words)
        self.steps.append(
            Step(
                f"{event.kind.value} at {event.place}, says {event.reported_by} ({event.event_id})",
                f"{event.happened_at:%Y-%m-%d}",
            )
        )
        if law.exit_window:
            limit = self.regime.figures[law.exit_window]
            last = last_day(self.imported.assessment.legal_day, limit)
            if event.happened_at.date() > last:
                self._add("left_late", Bearing.BAR, f"the goods had to leave by {last}", law.exit_window)

    def _doubts(self, exit_: Exit, total: Decimal) -> Iterator[tuple[str, str]]:
        """What is odd about an exit event."""
        event, claim = exit_.event, self.claim
        left_on = event.happened_at.date()
        if left_on < self.imported.assessment.legal_day:
            yield "left_before", f"the goods left on {left_on}, before they were imported"
        if exit_.used_by:
            yield "exit_used", f"{event.event_id} is the proof of return {exit_.used_by} already"
        if claim.return_waybill and event.waybill and claim.return_waybill != event.waybill:
            yield (
                "exit_of_other",
                f"{event.event_id} is about {event.waybill}, the goods go back by {claim.return_waybill}",
            )
        if exit_.is_own_word and total > self.policy.own_word_max.get(self.currency, ZERO):
            yield "own_word", "that the goods have left is the claimant's own word, which is not enough for this amount"

    def _check_window(self, law: Refund) -> None:
        if not law.window:
            self._add("no_window", Bearing.LOOK, "by when it must be claimed is not known here", self.measure_id)
            return
        exit_ = self.claim.exit
        starts: dict[str, date | None] = {
            "import": self.imported.assessment.legal_day,
            "release": self.imported.released_on,
            "exit": exit_.event.happened_at.date() if exit_ and exit_.event.kind is not ExitKind.HANDED_OVER else None,
        }
        start, limit = starts[law.counted_from], self.regime.figures[law.window]
        if start is None:
            if law.counted_from == "release":
                self._add("not_released", Bearing.LOOK, "the import is not released", law.window)
            return
        last = self.window_ends_on = last_day(start, limit)
        words = f"to be claimed within {in_words(limit)} of {law.counted_from} on {start}"
        self.steps.append(Step(words, str(last), law.window))
        if self.claim.claimed_on > last:
            self._add(
                "too_late",
                Bearing.BAR,
                f"the window closed on {last}, the claim is of {self.claim.claimed_on}",
                law.window,
            )

    def _check_documents(self, law: Refund) -> None:
        given = {each.kind for each in self.claim.documents if each.reference}
        for kind in law.evidence:
            if kind is not EvidenceKind.EXIT_EVENT and kind not in given:
                self._add("no_document", Bearing.LOOK, f"no proof: {kind.value}", self.measure_id)

    def _check_recipient(self) -> None:
        payers = {each.party for each in self.imported.accounts if each.party}
        wanted = self.claim.recipient
        if wanted and payers and payers != {wanted}:
            words = f"{wanted} asks to be paid, and {' and '.join(sorted(payers))} owed or paid the charges"
            self._add("recipient", Bearing.LOOK, words)

    # --- amounts ---------------------------------------------------------------------------------------------

    def _quantities(self) -> Quantities:
        found = articles_of(self.claim.items, self.imported.declaration, self.imported.returned)
        for words in found.doubts:
            self._add("articles", Bearing.LOOK, words)
        return found

    def _charged_at_border(self) -> bool:
        return any(
            charge.collection is Collection.BORDER and charge.result.amount
            for charge in self.imported.assessment.charges
        )

    def _collected_at_sale(self) -> dict[str, Decimal]:
        found: dict[str, Decimal] = {}
        for charge in self.imported.assessment.charges:
            if charge.collection is Collection.SALE and charge.result.amount:
                found[charge.type_code] = found.get(charge.type_code, ZERO) + charge.result.amount
        return found

    def _kinds(self, law: Refund | None) -> Kinds:
        if law is None:
            return Kinds(("duty", "tax", "fee"))
        return Kinds(law.refunds, self.regime.figures[law.share].value) if law.share else Kinds(law.refunds)

    def _say(self, quantities: Quantities, lines: tuple[GivenBack, ...], percent: Decimal) -> None:
        part = "" if percent == WHOLE else f", {percent:f} % of it"
        for line_no, count in quantities.taken.items():
            before = self.imported.returned.get(line_no, ZERO)
            words = f"line {line_no}: {count:f} of {quantities.counts[line_no]:f} go back, {before:f} did before"
            self.steps.append(Step(words, f"{quantities.shares[line_no].words} in all"))
        for each in lines:
            where = f"line {each.line_no}" if each.line_no else "the whole"
            words = f"{each.type_code} on {where}: {each.charged:f} charged, share {each.share}{part}, down to {each.quantum:f}"
            self.steps.append(Step(words, f"{each.entitled:f} {self.currency}"))
            if each.before:
                words = f"{each.type_code} on {where}: less what was given back before, {each.before:f}"
                self.steps.append(Step(words, f"{each.amount:f} {self.currency}"))

    # --- outcome ---------------------------------------------------------------------------------------------

    def _outcome(self, total: Decimal, given: Outcome) -> Outcome:
        """What follows by itself, without a person."""
        bearings = {reason.bearing for reason in self.reasons}
        if not self._charged_at_border():
            if Bearing.LOOK in bearings:
                return Outcome.CASE
            if self._collected_at_sale():
                return Outcome.BY_SELLER
            self._add("nothing", Bearing.BAR, "nothing was charged that could be given back")
            return Outcome.REFUSED
        if Bearing.BAR in bearings:
            return Outcome.REFUSED
        if Bearing.LOOK in bearings:
            return Outcome.CASE
        if not total:
            self._add("nothing", Bearing.BAR, "nothing is left that could be given back")
            return Outcome.REFUSED
        return Outcome.WAITING if Bearing.WAITS in bearings else given

    def _by_officers(self, verdict: Verdict, given: Outcome | None) -> Outcome:
        """What officers say, as far as there is something to give (`given`; None for nothing)."""
        who = " and ".join(verdict.officers)
        self._add(
            "officer", Bearing.NOTE, f"{'granted' if verdict.is_granted else 'refused'} by {who}: {verdict.words}"
        )
        return given if verdict.is_granted and given else Outcome.REFUSED

    def _given(self, books: tuple[Settled, ...]) -> Outcome:
        """How it would be given back: a guarantee let go, a debt lessened, or paid out where anything was paid."""
        if self.imported.secured:
            return Outcome.GUARANTEE_RELEASE
        if books and not any(each.paid_out for each in books):
            return Outcome.REMISSION
        return Outcome.REFUND

    def _needs_second(self, outcome: Outcome, total: Decimal) -> bool:
        """Whether one officer is not enough to grant it: above the policy's amount, or against the law's own answer."""
        is_against = outcome in (Outcome.REFUSED, Outcome.BY_SELLER) or any(
            reason.bearing in (Bearing.BAR, Bearing.WAITS) or reason.code == "no_rule" for reason in self.reasons
        )
        return is_against or total > self.policy.one_officer_max.get(self.currency, ZERO)

    def _all_there(self, law: Refund | None) -> str:
        found = [name for name in matches(self.claim, self.imported.declaration) if name != "articles"]
        return f"matched by {' and '.join(found)}; {law.title if law else 'all is there'}"

    def _citations(self, law: Refund | None) -> dict[str, Citation]:
        if law is None:
            return {}
        wanted = (self.measure_id, law.window, law.exit_window, law.minimum, law.share)
        return {each: self.regime.citation(each) for each in wanted if each}

    def _add(self, code: str, bearing: Bearing, words: str, measure_id: str = "") -> None:
        self.reasons.append(Reason(code, bearing, words, measure_id))


def _by_type(lines: tuple[GivenBack, ...]) -> Mapping[str, Decimal]:
    found: dict[str, Decimal] = {}
    for each in lines:
        found[each.type_code] = found.get(each.type_code, ZERO) + each.amount
    return found
