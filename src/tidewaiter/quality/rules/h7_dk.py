"""Danish customs' rules for low-value declarations (H7): goods, values and procedures.

Follows "Validation rules and Error codes" of the Danish Customs Agency (DMS import,
data elements of EUCDM 6.1). A rule bears the error code that Danish customs answer
with; rows published without a code are called DK-VR and their number. The table
`data/quality/DK/h7_rules.yaml` says for each published row which rule covers it, or
why none can. Parties, documents and goods locations have modules of their own,
corrections and invalidations are in `h7_dk_messages`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache

from tidewaiter.data.nomenclature import edition_on
from tidewaiter.model.declaration import Declaration, GoodsItem, Party
from tidewaiter.model.finding import Severity
from tidewaiter.model.identifiers import Ioss
from tidewaiter.model.money import Money
from tidewaiter.quality.codelists import code_list
from tidewaiter.quality.registry import Context, Rule, Scope, Seen, rule

SOURCE = "Danish Customs Agency, DMS import: Validation rules and Error codes (state of 2025-12)"
SCOPE = Scope(jurisdictions=("DK",), declared_as=("H7",))
PRIVATE_PERSON = "DK09999981"  # stands for anyone without an EORI number

ZERO = Decimal(0)
LOW_VALUE, GIFT, IOSS_SCHEME, SPECIAL_ARRANGEMENT = "C07", "C08", "F48", "F49"
LOW_VALUE_MAX = Decimal(1150)  # DKK for EUR 150
GIFT_MAX = Decimal(360)  # DKK for EUR 45
QUANTITY_LIMIT = 50
PACKAGES_LIMIT = 50
MASS_LIMIT_KG = Decimal(100)

# Alcoholic products, perfumes and toilet waters, tobacco products (Regulation (EC) No 1186/2009, Article 24).
EXCISE_HEADINGS = ("2204", "2205", "2206", "2207", "2208", "2402", "2403", "3303")
NOT_LOW_VALUE = (*EXCISE_HEADINGS, "2203", "2401", "2404")

Function = Callable[[Declaration, Context], Sequence[Seen]]


def danish(
    code: str, *, vr: int, replaces: tuple[str, ...] = (), about: tuple[str, ...] = (), by_outline: bool = False
) -> Callable[[Function], Rule]:
    """A rule of the published table: its error code and the number of its row's validation rule (VR)."""
    source = f"{SOURCE}, VR {vr}"
    return rule(code, Severity.ERROR, source=source, scope=SCOPE, replaces=replaces, about=about, by_outline=by_outline)


def codes(name: str) -> frozenset[str]:
    """A Danish code list."""
    return code_list("DK", name)


def items(declaration: Declaration) -> Iterator[tuple[str, GoodsItem]]:
    """The lines with their pointers."""
    return zip(_pointers(len(declaration.goods_items)), declaration.goods_items, strict=True)


@lru_cache(maxsize=64)
def _pointers(count: int) -> tuple[str, ...]:
    """Asked for by dozens of rules for each declaration, so made once for each number of lines."""
    return tuple(f"goods_items[{place}]" for place in range(1, count + 1))


# --- declaration type and procedures -------------------------------------------------------------------------------


@danish("DK1005", vr=5, by_outline=True)
def additional_declaration_type(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The type of a declaration is IM or CO and one letter: IMA for goods that are there, IMD before they arrive."""
    code = declaration.type_code
    if not code or declaration.amendments or code in codes("message_types"):
        return ()
    if code[:2] in codes("declaration_types") and code[2:] in codes("additional_declaration_types"):
        return ()
    return [Seen("type_code", code, "This type of declaration does not exist.", "Use IMA, or IMD before arrival.")]


@danish("DK1001", vr=1, by_outline=True)
def additional_procedure(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """An additional procedure is one of the published codes, for low value C07, for gifts C08."""
    known = codes("additional_procedures")
    return [
        Seen(f"{pointer}.additional_procedure_codes[{place}]", code, "This additional procedure does not exist.")
        for pointer, item in items(declaration)
        for place, code in enumerate(item.additional_procedure_codes, 1)
        if code not in known
    ]


@danish("DK1006", vr=6, about=("goods_items[].quantity",), by_outline=True)
def supplementary_units_only_for_gifts(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """Supplementary units are given for gifts only, so the additional procedure must then be C08."""
    return [
        Seen(f"{pointer}.quantity", item.quantity, "Supplementary units are given, but the line is not declared C08.")
        for pointer, item in items(declaration)
        if item.quantity is not None and GIFT not in item.additional_procedure_codes
    ]


def _fiscal_references(declaration: Declaration, item: GoodsItem) -> tuple[Party, ...]:
    return declaration.fiscal_references + item.fiscal_references


@danish("DK1008", vr=8, about=("fiscal_references", "goods_items[].fiscal_references"), by_outline=True)
def fiscal_reference_needs_low_value(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A VAT scheme number is given only with the additional procedures C07 or F48."""
    return [
        Seen(
            f"{pointer}.additional_procedure_codes",
            " ".join(item.additional_procedure_codes),
            "A VAT scheme number is given, but this line is declared neither C07 nor F48.",
        )
        for pointer, item in items(declaration)
        if LOW_VALUE not in item.additional_procedure_codes
        and IOSS_SCHEME not in item.additional_procedure_codes
        and any(party.party_id for party in _fiscal_references(declaration, item))
    ]


@danish("DK1023", vr=46, by_outline=True)
def ioss_needs_number(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """VAT paid through the import one-stop shop (F48) needs the vendor's IOSS number with role FR5."""
    for party in declaration.fiscal_references:
        if party.role_code == "FR5" and party.party_id:
            return ()
    return [
        Seen(
            f"{pointer}.additional_procedure_codes",
            IOSS_SCHEME,
            "F48 is declared, but no IOSS number with role FR5 is given.",
            "Add the vendor's IOSS number with role FR5, or declare without F48.",
        )
        for pointer, item in items(declaration)
        if IOSS_SCHEME in item.additional_procedure_codes
        and not any(party.role_code == "FR5" and party.party_id for party in _fiscal_references(declaration, item))
    ]


@danish(
    "DK2004",
    vr=32,
    replaces=("identifier.ioss",),
    about=("fiscal_references", "goods_items[].fiscal_references"),
    by_outline=True,
)
def ioss_number(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """An IOSS number exists only as IM and ten digits. Whether a well-built one is registered is not looked up here."""
    seen = [
        Seen(
            f"fiscal_references[{place}].party_id",
            party.party_id,
            "No IOSS number is built like this: IM and 10 digits.",
        )
        for place, party in enumerate(declaration.fiscal_references, 1)
        if _is_wrong_ioss(party)
    ]
    for pointer, item in items(declaration):
        seen += [
            Seen(f"{pointer}.fiscal_references[{place}].party_id", party.party_id, "No IOSS number is built like this.")
            for place, party in enumerate(item.fiscal_references, 1)
            if _is_wrong_ioss(party)
        ]
    return seen


def _is_wrong_ioss(party: Party) -> bool:
    return party.role_code == "FR5" and bool(party.party_id) and Ioss.shape_problem(party.party_id) is not None


@danish("DK-VR54", vr=54, about=("fiscal_references", "goods_items[].fiscal_references"), by_outline=True)
def fiscal_reference_role(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The role of a VAT scheme number is one of the published codes FR1 to FR5 and FR7."""
    known = codes("fiscal_reference_roles")
    seen = [
        Seen(f"fiscal_references[{place}].role_code", party.role_code, "This role does not exist.")
        for place, party in enumerate(declaration.fiscal_references, 1)
        if party.role_code not in known
    ]
    for pointer, item in items(declaration):
        seen += [
            Seen(f"{pointer}.fiscal_references[{place}].role_code", party.role_code, "This role does not exist.")
            for place, party in enumerate(item.fiscal_references, 1)
            if party.role_code not in known
        ]
    return seen


@danish("DK1045", vr=66, by_outline=True)
def special_arrangement_importer(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """Under the special arrangements (F49) the importer is a private person: its number is DK09999981."""
    importer = declaration.importer
    if importer is not None and importer.party_id == PRIVATE_PERSON:
        return ()
    if not _is_declared(declaration, SPECIAL_ARRANGEMENT):
        return ()
    return [
        Seen("importer.party_id", importer.party_id if importer else "", f"With F49 this must be {PRIVATE_PERSON}.")
    ]


# --- commodity codes and quantities --------------------------------------------------------------------------------


@danish("DK1011", vr=11, by_outline=True)
def not_low_value_goods(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """Alcoholic products, perfumes and toilet waters, tobacco and tobacco products have no low-value relief (C07)."""
    return [
        Seen(f"{pointer}.commodity_code", item.commodity_code, "These goods cannot be declared with C07.")
        for pointer, item in items(declaration)
        if item.commodity_code.startswith(NOT_LOW_VALUE) and LOW_VALUE in item.additional_procedure_codes
    ]


@danish("DK1042", vr=65, by_outline=True)
def supplementary_units_missing(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """For wine, spirits, tobacco products and perfume the supplementary units must be given: litres, pieces, grams."""
    return [
        Seen(f"{pointer}.quantity", "", f"Supplementary units must be given for {item.commodity_code}.")
        for pointer, item in items(declaration)
        if item.quantity is None and item.commodity_code.startswith(EXCISE_HEADINGS)
    ]


@danish("DK1010", vr=10, about=("fiscal_references", "goods_items[].fiscal_references"), by_outline=True)
def fiscal_reference_not_for_chapter_99(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """With a VAT scheme number the commodity code must not begin with 99."""
    return [
        Seen(
            f"{pointer}.commodity_code",
            item.commodity_code,
            "With a VAT scheme number no code of chapter 99 is possible.",
        )
        for pointer, item in items(declaration)
        if item.commodity_code.startswith("99")
        and any(party.party_id for party in _fiscal_references(declaration, item))
    ]


@danish("DK1043", vr=67, by_outline=True)
def not_chapter_99(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The commodity code must not begin with 99: those codes are for other declarations."""
    return [
        Seen(f"{pointer}.commodity_code", item.commodity_code, "No code of chapter 99 is possible here.")
        for pointer, item in items(declaration)
        if item.commodity_code.startswith("99")
    ]


@danish("DK11047", vr=33, replaces=("code.commodity_unknown", "code.commodity_shape"), by_outline=True)
def commodity_code(declaration: Declaration, context: Context) -> Sequence[Seen]:
    """The commodity code must exist: the first six digits in the Harmonized System on the legal day."""
    edition = edition_on(context.legal_day)
    known = edition.subheadings if edition else frozenset()
    return [
        Seen(f"{pointer}.commodity_code", item.commodity_code, "This commodity code does not exist.")
        for pointer, item in items(declaration)
        if (code := item.commodity_code)
        and not code.startswith("99")
        and (not (code.isascii() and code.isdigit() and len(code) >= 6) or (edition and code[:6] not in known))
    ]


@danish("DK1019", vr=43, about=("goods_items[].quantity",))
def too_many_units(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """Supplementary units must be less than 50."""
    return [
        Seen(f"{pointer}.quantity", item.quantity, "Supplementary units must be less than 50.")
        for pointer, item in items(declaration)
        if item.quantity is not None and item.quantity >= QUANTITY_LIMIT
    ]


@danish("DK1020", vr=44)
def too_heavy(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The gross mass must be less than 100 kg, in all and on each line."""
    seen = [
        Seen(f"{pointer}.gross_mass_kg", mass, "The gross mass must be less than 100 kg.")
        for pointer, item in items(declaration)
        if (mass := item.gross_mass_kg) is not None and mass >= MASS_LIMIT_KG
    ]
    if (total := declaration.consignment.gross_mass_kg) is not None and total >= MASS_LIMIT_KG:
        seen.append(Seen("consignment.gross_mass_kg", total, "The gross mass must be less than 100 kg."))
    return seen


@danish("DK1021", vr=45, by_outline=True)
def too_many_packages(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The number of packages must be less than 50."""
    return [
        Seen(f"{pointer}.packagings[{place}].count", packaging.count, "The number of packages must be less than 50.")
        for pointer, item in items(declaration)
        for place, packaging in enumerate(item.packagings, 1)
        if packaging.count is not None and packaging.count >= PACKAGES_LIMIT
    ]


# --- values --------------------------------------------------------------------------------------------------------


@danish("DK11048", vr=34, replaces=("code.currency", "amount.negative", "amount.zero"))
def total_value(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The value of the declaration must be above zero; a price in a currency that does not exist counts for nothing."""
    known = codes("currencies")
    total = Decimal(0)
    seen = []
    for pointer, item in items(declaration):
        if (price := item.invoice_price) is None:
            continue
        total += price.amount
        if price.currency not in known:
            words = "No currency has this code, so the price has no value."
            seen.append(Seen(f"{pointer}.invoice_price.currency", price.currency, words))
    if not seen and total <= 0 and declaration.goods_items:
        place = "goods_items[1].invoice_price"
        seen.append(Seen(place, declaration.goods_items[0].invoice_price, "The total value must be above 0."))
    return seen


@danish("DK1007", vr=7)
def gift_value_in_kroner(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """Gifts (C08) are worth at most DKK 360 in all."""
    prices = _prices(declaration, GIFT)
    if any(price.currency != "DKK" for _, price in prices):
        return ()  # converted and judged by DK1050
    kroner = sum([price.amount for _, price in prices], ZERO)
    return _above(prices, kroner, GIFT_MAX, "Gifts (C08) are worth at most DKK 360")


@danish("DK1050", vr=37)
def gift_value_converted(declaration: Declaration, context: Context) -> Sequence[Seen]:
    """Gifts (C08) priced in another currency are worth at most DKK 360 at the rate of exchange of the legal day."""
    prices = _prices(declaration, GIFT)
    if all(price.currency == "DKK" for _, price in prices):
        return ()
    return _above(prices, _in_kroner(prices, context), GIFT_MAX, "Gifts (C08) are worth at most DKK 360")


@danish("DK1018", vr=42)
def low_value(declaration: Declaration, context: Context) -> Sequence[Seen]:
    """With low-value relief (C07) all lines together are worth at most DKK 1,150, converted where needed."""
    if not _is_declared(declaration, LOW_VALUE):
        return ()
    prices = _prices(declaration, "")
    words = "With C07 the goods are worth at most DKK 1,150 in all"
    return _above(prices, _in_kroner(prices, context), LOW_VALUE_MAX, words)


def _is_declared(declaration: Declaration, additional_procedure_code: str) -> bool:
    """Whether some line has that additional procedure."""
    for item in declaration.goods_items:  # noqa: SIM110 (a loop is faster than a generator)
        if additional_procedure_code in item.additional_procedure_codes:
            return True
    return False


def _prices(declaration: Declaration, additional_procedure_code: str) -> list[tuple[int, Money]]:
    """Places and prices of the lines declared with that additional procedure; "" for all."""
    return [
        (place, item.invoice_price)
        for place, item in enumerate(declaration.goods_items, 1)
        if item.invoice_price is not None
        and (not additional_procedure_code or additional_procedure_code in item.additional_procedure_codes)
    ]


def _in_kroner(prices: list[tuple[int, Money]], context: Context) -> Decimal:
    """What they come to in DKK; those without a rate of exchange are left out, so it is never overstated."""
    totals: dict[str, Decimal] = {}
    for _, price in prices:
        totals[price.currency] = totals.get(price.currency, ZERO) + price.amount
    converted = [context.convert(Money(amount, currency), "DKK") for currency, amount in totals.items()]
    return sum([money.amount for money in converted if money is not None], ZERO)


def _above(prices: list[tuple[int, Money]], kroner: Decimal, limit: Decimal, words: str) -> Sequence[Seen]:
    """The dearest line, where all come to more than the limit in DKK."""
    if kroner <= limit:
        return ()
    place, price = max(prices, key=lambda place_price: place_price[1].amount)
    words = f"{words}; these come to DKK {kroner:.2f}."
    return [Seen(f"goods_items[{place}].invoice_price", price, words, "Declare them with a full declaration (H1).")]


@danish("DK1046", vr=35, replaces=("code.currency",), about=("freight", "goods_items[].freight"), by_outline=True)
def freight_currency(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """The currency of a transport cost must exist."""
    known = codes("currencies")
    seen = [
        Seen(f"{pointer}.freight.currency", item.freight.currency, "No currency has this code.")
        for pointer, item in items(declaration)
        if item.freight is not None and item.freight.currency not in known
    ]
    if (freight := declaration.freight) is not None and freight.currency not in known:
        seen.append(Seen("freight.currency", freight.currency, "No currency has this code."))
    return seen


@danish("DK-VR56", vr=56, about=("freight",))
def freight_total(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """Transport costs given both in all and by line must agree."""
    freight = declaration.freight
    lines = [item.freight for item in declaration.goods_items if item.freight is not None]
    if freight is None or not lines or any(line.currency != freight.currency for line in lines):
        return ()
    total = sum((line.amount for line in lines), Decimal(0))
    if total == freight.amount:
        return ()
    return [Seen("freight", freight, f"The lines' transport costs come to {total:f} {freight.currency}.")]


@danish("DK-VR60", vr=60, about=("goods_items[].freight",))
def freight_on_all_lines(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A transport cost given on one line must be given on all."""
    lacking = [pointer for pointer, item in items(declaration) if item.freight is None]
    if not lacking or len(lacking) == len(declaration.goods_items):
        return ()
    return [
        Seen(f"{pointer}.freight", "", "Other lines have a transport cost, this one has none.") for pointer in lacking
    ]
