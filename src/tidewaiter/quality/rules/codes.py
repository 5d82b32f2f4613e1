"""Codes of countries, currencies and goods: do they exist?"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from tidewaiter.data.nomenclature import NATIONAL_CHAPTERS, edition_on
from tidewaiter.model.declaration import Declaration, GoodsItem, Party
from tidewaiter.model.finding import Severity
from tidewaiter.model.identifiers import HSCode, country_codes, currency_codes
from tidewaiter.quality.registry import Context, Seen, rule
from tidewaiter.tariff.codes import stem
from tidewaiter.tariff.tariff import Tariff

_PARTIES = (
    "consignor",
    "consignee",
    "importer",
    "exporter",
    "seller",
    "buyer",
    "declarant",
    "representative",
    "marketplace",
    "payer",
)
_all_parties = attrgetter(*_PARTIES)
_MONEY = ("invoice_amount", "freight", "insurance", "discount", "tax_collected_at_sale", "amount_paid")
_all_money = attrgetter(*_MONEY)

NEAR_SHOWN = 8  # codes in a hint


@rule(
    "code.country",
    Severity.ERROR,
    source="ISO 3166-1; Implementing Regulation (EU) 2020/1470, Annex I",
    by_outline=True,
)
def country(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """Countries are named by the two letters of ISO 3166-1, in capitals: DK, CN, US."""
    known = country_codes()
    seen: list[Seen] = []
    consignment = declaration.consignment
    if (code := consignment.export_country_code) and code not in known:
        seen.append(_country("consignment.export_country_code", code))
    if (code := consignment.destination_country_code) and code not in known:
        seen.append(_country("consignment.destination_country_code", code))
    for place, item in enumerate(declaration.goods_items, 1):
        if (code := item.origin_country_code) and code not in known:
            seen.append(_country(f"goods_items[{place}].origin_country_code", code))
        if item.consignor is not None:
            _party_country(item.consignor, f"goods_items[{place}].consignor", seen)
        if item.consignee is not None:
            _party_country(item.consignee, f"goods_items[{place}].consignee", seen)
        if item.importer is not None:
            _party_country(item.importer, f"goods_items[{place}].importer", seen)
    for name, party in zip(_PARTIES, _all_parties(declaration), strict=True):
        if party is not None:
            _party_country(party, name, seen)
    location = consignment.goods_location
    if location and location.address and (code := location.address.country_code) and code not in known:
        seen.append(_country("consignment.goods_location.address.country_code", code))
    return seen


def _party_country(party: Party, pointer: str, seen: list[Seen]) -> None:
    if party.address and (code := party.address.country_code) and code not in country_codes():
        seen.append(_country(f"{pointer}.address.country_code", code))


def _country(pointer: str, code: str) -> Seen:
    hint = f"Write {code.upper()}." if code.upper() in country_codes() else "Use the two letters of ISO 3166-1."
    return Seen(
        pointer, code, "No country has this code.", "The code of the United Kingdom is GB." if code == "UK" else hint
    )


@rule("code.currency", Severity.ERROR, source="ISO 4217", by_outline=True)
def currency(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """Currencies are named by the three letters of ISO 4217, in capitals: DKK, EUR, CNY."""
    known = currency_codes()
    seen: list[Seen] = []
    for place, item in enumerate(declaration.goods_items, 1):
        if (money := item.invoice_price) and money.currency not in known:
            seen.append(_currency(f"goods_items[{place}].invoice_price", money.currency))
        if (money := item.unit_price) and money.currency not in known:
            seen.append(_currency(f"goods_items[{place}].unit_price", money.currency))
        if (money := item.customs_value) and money.currency not in known:
            seen.append(_currency(f"goods_items[{place}].customs_value", money.currency))
        if (money := item.statistical_value) and money.currency not in known:
            seen.append(_currency(f"goods_items[{place}].statistical_value", money.currency))
        if (money := item.freight) and money.currency not in known:
            seen.append(_currency(f"goods_items[{place}].freight", money.currency))
    for name, money in zip(_MONEY, _all_money(declaration), strict=True):
        if money and money.currency not in known:
            seen.append(_currency(name, money.currency))
    return seen


def _currency(pointer: str, code: str) -> Seen:
    hint = f"Write {code.upper()}." if code.upper() in currency_codes() else "Use the three letters of ISO 4217."
    return Seen(f"{pointer}.currency", code, "No currency in use has this code.", hint)


@rule(
    "code.commodity_shape",
    Severity.ERROR,
    source="HS Convention, Article 3; WCO Data Model element 145",
    by_outline=True,
)
def commodity_shape(declaration: Declaration, context: Context) -> Sequence[Seen]:
    """A commodity code has six digits (HS subheading), eight or ten (national code), without dots or spaces.

    In an advance filing four (HS heading) are enough.
    """
    return [
        Seen(
            f"goods_items[{place}].commodity_code",
            item.commodity_code,
            "A commodity code has 6, 8 or 10 digits, without dots or spaces.",
        )
        for place, item in enumerate(declaration.goods_items, 1)
        if item.commodity_code and HSCode.shape_problem(item.commodity_code) and not _is_heading(item, context)
    ]


def _is_heading(item: GoodsItem, context: Context) -> bool:
    """Whether the code is a heading of four digits, where that is enough (HMRC's published cases of the ENS take it)."""
    code = item.commodity_code
    return context.dataset.is_advance and len(code) == 4 and code.isascii() and code.isdigit()


@rule(
    "code.commodity_unknown",
    Severity.ERROR,
    source="World Customs Organization, Harmonized System 2022",
    replaces=("code.commodity_not_in_tariff",),
    by_outline=True,
)
def commodity_unknown(declaration: Declaration, context: Context) -> Sequence[Seen]:
    """The first six digits must be a subheading of the Harmonized System on the legal day."""
    edition = edition_on(context.legal_day)
    if edition is None:
        return ()
    known = edition.subheadings
    return [
        Seen(
            f"goods_items[{place}].commodity_code",
            item.commodity_code,
            f"{item.hs_code} is not a subheading of the {edition.title}.",
            _near(context, item.hs_code),
        )
        for place, item in enumerate(declaration.goods_items, 1)
        if (code := item.commodity_code)
        and code[:6] not in known
        and code[:2] not in NATIONAL_CHAPTERS
        and HSCode.shape_problem(code) is None
    ]


@rule(
    "code.commodity_unchecked",
    Severity.INFO,
    source="World Customs Organization, Harmonized System 2022",
    by_outline=True,
)
def commodity_unchecked(declaration: Declaration, context: Context) -> Sequence[Seen]:
    """Whether a commodity code existed is only said for days whose edition of the Harmonized System is held."""
    if edition_on(context.legal_day) is not None or not declaration.goods_items:
        return ()
    words = f"Commodity codes were not looked up: no edition of the Harmonized System is held for {context.legal_day}."
    return [Seen("goods_items", "", words)]


@rule(
    "code.commodity_not_in_tariff",
    Severity.WARNING,
    source="HS Convention, Article 3; the tariff imported for the day",
    about=("goods_items[].commodity_code",),
)
def commodity_not_in_tariff(declaration: Declaration, context: Context) -> Sequence[Seen]:
    """A commodity code should stand in the imported tariff of the day, whole, or as the beginning of codes in it."""
    tariff, on = context.tariff, context.legal_day
    if tariff is None:
        return ()
    words = f"The tariff of {tariff.jurisdiction_code} in force from {tariff.in_force_from} has no code {{}} on {on}."
    return [
        Seen(f"goods_items[{place}].commodity_code", code, words.format(code), _above(tariff, code, context))
        for place, item in enumerate(declaration.goods_items, 1)
        if (code := item.commodity_code)
        and HSCode.shape_problem(code) is None
        and tariff.covers(code)
        and not tariff.has(code, on)
    ]


@rule(
    "code.commodity_national",
    Severity.INFO,
    source="HS Convention, Article 3; General Rules: chapters 98 and 99 are left to each country",
    about=("goods_items[].commodity_code",),
)
def commodity_national(declaration: Declaration, context: Context) -> Sequence[Seen]:
    """Codes of chapters 98 and 99 are each country's own: without its tariff, whether one exists is not known here."""
    tariff = context.tariff
    return [
        Seen(
            f"goods_items[{place}].commodity_code",
            code,
            f"Chapter {code[:2]} is each country's own, and no tariff with it is imported here for {context.legal_day}: "
            f"whether {code} exists was not looked up.",
            "Look it up in the country's tariff. Goods that fit a heading of chapters 1 to 97 are declared there.",
        )
        for place, item in enumerate(declaration.goods_items, 1)
        if (code := item.commodity_code)[:2] in NATIONAL_CHAPTERS
        and HSCode.shape_problem(code) is None
        and (tariff is None or not tariff.covers(code))
    ]


def _above(tariff: Tariff, code: str, context: Context) -> str:
    """A hint naming what the code could have been: those it shares the longest known beginning with."""
    nearest = tariff.nearest(code, context.legal_day)
    if not nearest:
        return f"Nothing in it begins with {code[:4]}."
    start = stem(nearest)
    below = [line.code for line in tariff.declarable(start, context.legal_day)[: NEAR_SHOWN + 1]]
    more = " …" if len(below) > NEAR_SHOWN else ""
    return f"Under {start} it has {', '.join(below[:NEAR_SHOWN])}{more}."


def _near(context: Context, code: str) -> str:
    """A hint naming the subheadings of the same heading, where there is such a heading."""
    edition = edition_on(context.legal_day)
    near = edition.under(code[:4]) if edition else ()
    if not near:
        return f"There is no heading {code[:4]} either."
    return f"Heading {code[:4]} has {', '.join(near[:NEAR_SHOWN])}{' …' if len(near) > NEAR_SHOWN else ''}."
