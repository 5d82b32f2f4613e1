"""Quotes as they are asked for, kept, looked up by number, and held against declarations that name them.

    Quoting(store).give(basket)          # today's law
    Quoting(store).named(declaration_file)

A quote goes through `evaluate` like any declaration: without chance and without watch lists, which a public answer
must not reveal, and by the tariff that is imported for its day, as declarations are judged. What is kept is its
canonical bytes; its number is made of them under the store's key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache, cached_property, lru_cache
from pathlib import PurePosixPath
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

import tidewaiter
from tidewaiter.messages import limits
from tidewaiter.model.assessment import Citation
from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.errors import InvalidIdentifierError, LimitExceededError, NotFoundError, NotInForceError
from tidewaiter.model.finding import Finding, Severity
from tidewaiter.model.identifiers import QuoteId
from tidewaiter.model.money import Money
from tidewaiter.quotes.basket import GOODS_ITEMS_MAX, Basket
from tidewaiter.quotes.comparing import Comparison, Declared, compare
from tidewaiter.quotes.naming import ForgedQuoteError, named_by, quote_id, verified
from tidewaiter.quotes.quote import (
    Quote,
    about_goods,
    admission_of,
    cost_of,
    determined,
)
from tidewaiter.quotes.sentences import sentences
from tidewaiter.quotes.telling import Registration, registration_of, tell
from tidewaiter.regimes import Regime, legal_day_at
from tidewaiter.regimes.library import EDITION_CITED, lineage, next_change
from tidewaiter.revenue.obligations import obligations
from tidewaiter.risk import RiskKnowledge, draw, load_knowledge
from tidewaiter.risk.controls import whose_controls
from tidewaiter.tariff.controls import states_controls
from tidewaiter.tariff.tariff import Tariff
from tidewaiter.workflow.batching import now
from tidewaiter.workflow.evaluate import Circumstances, evaluate
from tidewaiter.workflow.ports import DecisionFile, QuoteStore
from tidewaiter.workflow.tariffs import NOTHING_IMPORTED, TARIFFS_KEPT, known
from tidewaiter.workflow.tariffs import Known as KnownTariffs

VALID_DAYS: Final = limits.QUOTE_VALID_DAYS
KEPT_DAYS: Final = limits.QUOTE_KEPT_DAYS
LAWS_KEPT: Final = 128
NO_CHANCE: Final = draw(b"", "none", "quote", Decimal(0))


class GivenQuote(Struct, frozen=True, kw_only=True):
    """A quote with its number and the moment it was first given."""

    quote_id: QuoteId
    given_at: datetime
    quote: Quote


class NamedQuote(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What became of a quote that a declaration names: the comparison, or a finding that says why there is none.

    A comparison may come with a finding, too: the quote was out of date.
    """

    quote_id: str
    findings: tuple[Finding, ...] = ()
    quote: Quote | None = None
    comparison: Comparison | None = None


class Quoting:
    """Gives quotes and finds them again; safe in threads."""

    def __init__(self, store: QuoteStore, *, clock: Callable[[], datetime] = now) -> None:
        self._store = store
        self._clock = clock
        self._tariffs = NOTHING_IMPORTED

    @cached_property
    def _key(self) -> bytes:
        return self._store.quote_key()

    def tariffs(self) -> KnownTariffs:
        """The tariffs that are imported as of now; one query where none was imported since it was last asked."""
        if self._tariffs.version != self._store.tariffs.version():
            self._tariffs = known(self._store)
        return self._tariffs

    def today(self, jurisdiction_code: str = "") -> date:
        """The day whose law applies where none is asked for: by the clocks of the jurisdiction, in UTC for none."""
        return legal_day_at(jurisdiction_code, self._clock())

    def give(self, basket: Basket, on: date | None = None) -> GivenQuote:
        """The quote of a basket on a day (today's law where none is named), kept. Raises what `quote` raises."""
        tariffs = self.tariffs()
        given = quote(basket, on or self.today(basket.jurisdiction_code), tariffs)
        content = canonical_bytes(given)
        number = quote_id(content, self._key)
        law = tariffs.regime(basket.jurisdiction_code, given.legal_day).content
        given_at = self._store.keep_quote(number.parts[0], given, content, law)
        return GivenQuote(quote_id=number, given_at=given_at, quote=given)

    def find(self, text: str) -> GivenQuote:
        """The quote of a number, as somebody typed it.

        Raises InvalidIdentifierError where it is no such number, ForgedQuoteError where it was not issued here or
        what is kept under it was altered, NotFoundError where it is no longer kept.
        """
        number = verified(text, self._key)
        try:
            content, given_at = self._store.quote_content(number.parts[0])
        except NotFoundError as error:
            raise NotFoundError(
                f"{number} was issued here and is not kept any more",
                hint=f"Quotes are kept for {KEPT_DAYS:,} days; ask for a new one.",
            ) from error
        if quote_id(content, self._key) != number:
            raise ForgedQuoteError(f"what is kept under {number} is not what was quoted", hint="Tell customs.")
        return GivenQuote(quote_id=number, given_at=given_at, quote=msgspec.json.decode(content, type=Quote))

    def named(self, file: DecisionFile) -> NamedQuote | None:
        """The quote a declaration names beside what was decided; None where it names none.

        Worked out when asked for, from what is kept of both: no part of the decision.
        """
        text = named_by(file.declaration) if file.declaration is not None else ""
        if not text:
            return None
        try:
            found = self.find(text)
        except (InvalidIdentifierError, ForgedQuoteError, NotFoundError) as error:
            return NamedQuote(quote_id=text[:200], findings=(_warning(error.code, text, error.detail, error.hint),))
        return _held_against(found, file, self._law)

    def _law(self, digest: str) -> Regime:
        """The law kept under a digest, with the tariff it rests on: an edition's content is kept as long as the law."""
        return Regime.from_content(self._store.knowledge(digest), self.tariffs().by_digest)


def quote(basket: Basket, on: date, tariffs: KnownTariffs = NOTHING_IMPORTED) -> Quote:
    """What a basket costs on a day. A function of its arguments and of the law that ships.

    Duty is by the tariff in force among `tariffs`; by the table of rates that ships where there is none.

    Raises NotInForceError for a jurisdiction or day without law, LimitExceededError for too many lines, and
    QuoteImpossibleError, with findings, where what the basket says does not do.
    """
    if len(basket.goods_items) > GOODS_ITEMS_MAX:
        raise LimitExceededError(
            f"a basket of {len(basket.goods_items):,} lines; at most {GOODS_ITEMS_MAX} are quoted",
            hint="Split it, or declare the goods.",
            place="goods_items",
        )
    regime = tariffs.regime(basket.jurisdiction_code, on)
    told = tell(basket, on, registration_in(regime))
    knowledge, controls_of = controls(basket.jurisdiction_code, on)
    circumstances = Circumstances(legal_day=on, regime=regime, knowledge=knowledge, draw=NO_CHANCE)
    evaluation = evaluate(told.declaration, circumstances, [*told.findings, *_without_rate(basket, regime)])
    findings = about_goods(evaluation.findings)
    assessment = determined(evaluation.assessment, findings)
    reasons = evaluation.judgement.reasons if evaluation.judgement is not None else ()
    admission = admission_of(reasons, _sources(knowledge, regime), controls_of)
    admission = replace(admission, looked_at=_looked_at(regime))
    owed = obligations(assessment, told.declaration, regime)
    dataset = regime.dataset_of(told.declaration)
    return Quote(
        basket=basket,
        legal_day=on,
        valid_until=_valid_until(basket.jurisdiction_code, on, tariffs),
        regime_digest=regime.digest,
        dataset=dataset.code,
        dataset_title=dataset.title,
        declaration=told.declaration,
        assessment=assessment,
        cost=cost_of(told.declaration, assessment, regime),
        obligations=owed,
        admission=admission,
        findings=findings,
        words=sentences(told.declaration, assessment, owed, admission, regime),
        software_version=tidewaiter.__version__,
    )


def registration_in(regime: Regime) -> Registration | None:
    """The registration that a seller may have under a regime."""
    return registration_of(regime.jurisdiction_code, [scheme.measure_id for scheme in regime.law.schemes])


@lru_cache(maxsize=LAWS_KEPT)
def controls(jurisdiction_code: str, on: date) -> tuple[RiskKnowledge | None, str]:
    """Goods controls, without any watch list, and whose they are: the jurisdiction's own or those of what it belongs to.

    Whose is "" where only what treaties control is entered, or nothing at all.
    """
    try:
        knowledge = load_knowledge(jurisdiction_code, on)
    except NotInForceError:
        return None, ""
    entered = {PurePosixPath(place).parts[1] for place in knowledge.versions if place.startswith("controls/")}
    own = [book.code for book in reversed(lineage(jurisdiction_code)) if book.code in entered]
    return knowledge, own[0] if own else ""


@cache
def _titles_of_controls() -> dict[str, str]:
    """Each jurisdiction with the titles of its controls, read from the files once."""
    return whose_controls()


def _sources(knowledge: RiskKnowledge | None, regime: Regime) -> dict[str, Citation]:
    """Where goods controls and the imported tariff stand written."""
    sources = {control.control_id: control.source for control in (knowledge.controls if knowledge else ())}
    tariff = regime.law.citations.get(EDITION_CITED)
    return {**sources, EDITION_CITED: tariff} if tariff is not None else sources


def _looked_at(regime: Regime) -> str:
    """The titles of all controls that were looked at, those of an imported tariff among them where it has any."""
    titles = _titles_of_controls().get(regime.jurisdiction_code, "")
    law, tariff = regime.law.tariff, regime.tariff
    if law is None or tariff is None or not _has_controls(tariff):
        return titles
    return "; ".join(filter(None, (titles, f"the {law.edition}")))


@lru_cache(maxsize=TARIFFS_KEPT)
def _has_controls(tariff: Tariff) -> bool:
    return states_controls(tariff)


def _without_rate(basket: Basket, regime: Regime) -> Sequence[Finding]:
    """Amounts in currencies that exist and for which no rate of exchange is known: nothing can be quoted then."""
    amounts: list[tuple[str, Money | None]] = [
        (f"goods_items[{place}].invoice_price", item.invoice_price) for place, item in enumerate(basket.goods_items, 1)
    ]
    amounts += [(name, getattr(basket, name)) for name in ("freight", "insurance", "discount")]
    words = "No exchange rate is known for this currency on {:%Y-%m-%d}."
    return [
        Finding(
            "quote.no_rate", Severity.ERROR, f"{pointer}.currency", words.format(regime.legal_day), money.currency[:8],
            hint=f"Give the amount in {regime.currency}, or choose a day for which rates are known.",
        )
        for pointer, money in amounts
        if money is not None and money.currency not in regime.currencies
    ]  # fmt: skip


def _valid_until(jurisdiction_code: str, on: date, tariffs: KnownTariffs) -> date:
    changes = (next_change(jurisdiction_code, on), tariffs.next_edition(jurisdiction_code, on))
    return min([on + timedelta(days=VALID_DAYS), *(day - timedelta(days=1) for day in changes if day is not None)])


def _held_against(found: GivenQuote, file: DecisionFile, law_of: Callable[[str], Regime]) -> NamedQuote:
    given, declaration, assessment = found.quote, file.declaration, file.evaluation.assessment
    number = str(found.quote_id)
    if given.basket.jurisdiction_code != file.row.jurisdiction_code:
        words = f"The quote is one for {given.basket.jurisdiction_code}; the declaration is for {file.row.jurisdiction_code or 'nobody named'}."
        return NamedQuote(quote_id=number, findings=(_warning("quote.elsewhere", number, words, "Nothing can be compared."),), quote=given)  # fmt: skip
    if assessment is None or declaration is None:
        words = "The declaration was not assessed, so there is nothing to hold against the quote."
        return NamedQuote(quote_id=number, findings=(_warning("quote.not_assessed", number, words, ""),), quote=given)
    findings: tuple[Finding, ...] = ()
    if file.evaluation.legal_day > given.valid_until:
        words = f"The quote was valid until {given.valid_until:%Y-%m-%d}; the declaration is judged by {file.evaluation.legal_day:%Y-%m-%d}."
        findings = (_warning("quote.out_of_date", number, words, "The law of the declaration's day applies."),)
    declared = Declared(declaration, law_of(file.regime_digest), assessment)
    comparison = compare(given, law_of(given.regime_digest), declared)
    return NamedQuote(quote_id=number, findings=findings, quote=given, comparison=comparison)


def _warning(code: str, value: str, words: str, hint: str) -> Finding:
    sentence = words[:1].upper() + words[1:].rstrip(".") + "."
    return Finding(code, Severity.WARNING, "quote_id", sentence, value[:200], hint)
