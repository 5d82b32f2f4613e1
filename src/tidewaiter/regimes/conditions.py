"""Conditions of the law on a declaration, written as data and compiled to predicates.

A condition is a mapping; all its keys must hold. `any`, `all` and `not` nest.
Every key is described by the docstring of its builder and listed by `keys()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from tidewaiter.model.declaration import Declaration, GoodsItem
from tidewaiter.model.errors import LawDataError
from tidewaiter.model.standing import NOTHING_KNOWN
from tidewaiter.regimes.documents import Condition
from tidewaiter.regimes.law import Figure
from tidewaiter.regimes.prices import is_plausible, price_of, settled
from tidewaiter.regimes.transport import goes_by_post, is_containerised, loading_country, sent_from, transport_mode

ZERO = Decimal(0)
ONE = Decimal(1)
COUNTED = ("", "NAR", "C62", "H87", "EA", "PCE", "PR", "NPR", "SET")  # units of which one is an article

Worth = Callable[[Declaration], Decimal | None]  # the intrinsic value of the whole; None where it cannot be told


class Facts:
    """What conditions may ask about one declaration; worked out when first asked for.

    `customs_value` and `counted` are known once the goods are valued: a dataset cannot depend on them.
    """

    __slots__ = ("_codes", "_value", "_worth", "counted", "customs_value", "dataset_code", "declaration", "standing")

    def __init__(self, declaration: Declaration, worth: Worth, dataset_code: str = "") -> None:
        self.declaration = declaration
        self.dataset_code = dataset_code
        self.customs_value: Decimal | None = None
        self.standing = NOTHING_KNOWN
        self.counted: Mapping[str, Decimal] = {}  # what the goods would draw on each counter
        self._worth: Worth | None = worth
        self._value: Decimal | None = None
        self._codes: frozenset[str] | None = None

    @property
    def intrinsic_value(self) -> Decimal | None:
        """What the goods of the whole declaration are worth, in the regime's currency."""
        if self._worth is not None:
            value, self._worth = self._worth(self.declaration), None
            self._value = None if value is None else settled(value)
        return self._value

    @property
    def additional_procedure_codes(self) -> frozenset[str]:
        """Those on any line."""
        if self._codes is None:
            items = self.declaration.goods_items
            self._codes = frozenset([code for item in items for code in item.additional_procedure_codes])
        return self._codes


Predicate = Callable[[Facts], bool]
Figures = Mapping[str, Figure]


def compiled(condition: Condition, figures: Figures, place: str = "") -> Predicate:
    """One predicate for a condition. Raises LawDataError for what is not known or not in force."""
    parts = [_one(key, value, figures, place) for key, value in condition.items()]
    if not parts:
        return lambda _: True
    if len(parts) == 1:
        return parts[0]
    tests = tuple(parts)

    def holds(facts: Facts) -> bool:
        for test in tests:  # noqa: SIM110 (a loop is faster than a generator)
            if not test(facts):
                return False
        return True

    return holds


def keys() -> dict[str, str]:
    """Each key a condition may have, with what it asks."""
    return {name: (build.__doc__ or "").strip() for name, build in _BUILDERS.items()}


def leaves(condition: Condition) -> Iterator[tuple[str, Any]]:
    """Every key with its value, however deep."""
    for key, value in condition.items():
        if key in ("any", "all"):
            for each in value:
                yield from leaves(each)
        elif key == "not":
            yield from leaves(value)
        else:
            yield key, value


def _one(key: str, value: Any, figures: Figures, place: str) -> Predicate:
    build = _BUILDERS.get(key)
    if build is None:
        raise LawDataError(f"{place}: {key!r} is not a condition", hint=f"known: {', '.join(_BUILDERS)}", place=place)
    try:
        return build(value, figures)
    except (KeyError, TypeError, ValueError) as error:
        raise LawDataError(f"{place}: {key}: {error} cannot be used here on this day", place=place) from error


def _texts(value: Any) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"{value!r}, where a list of texts belongs,")
    return frozenset(value)


def _any(value: Any, figures: Figures) -> Predicate:
    """One of the conditions listed holds."""
    tests = [compiled(each, figures) for each in value]
    return lambda facts: any(test(facts) for test in tests)


def _all(value: Any, figures: Figures) -> Predicate:
    """All of the conditions listed hold."""
    tests = [compiled(each, figures) for each in value]
    return lambda facts: all(test(facts) for test in tests)


def _not(value: Any, figures: Figures) -> Predicate:
    """The condition does not hold."""
    test = compiled(value, figures)
    return lambda facts: not test(facts)


def _dataset(value: Any, _: Figures) -> Predicate:
    """The dataset is one of these."""
    codes = _texts(value)
    return lambda facts: facts.dataset_code in codes


def _procedure_category(value: Any, _: Figures) -> Predicate:
    """The sender named one of these datasets."""
    codes = _texts(value)
    return lambda facts: facts.declaration.procedure_category in codes


def _type_prefix(value: Any, _: Figures) -> Predicate:
    """The declaration type begins with one of these two letters: IM, EX, CO."""
    prefixes = _texts(value)
    return lambda facts: facts.declaration.type_code[:2] in prefixes


def _type_letter(value: Any, _: Figures) -> Predicate:
    """The additional declaration type (last letter) is one of these."""
    letters = _texts(value)
    return lambda facts: facts.declaration.type_code[-1:] in letters


def _requested_procedure(value: Any, _: Figures) -> Predicate:
    """A line requests one of these procedures (two digits)."""
    codes = _texts(value)
    return lambda facts: any(item.procedure_code in codes for item in facts.declaration.goods_items)


def _procedure(value: Any, _: Figures) -> Predicate:
    """A line has one of these requested and previous procedures (four digits)."""
    codes = _texts(value)
    return lambda facts: any(
        item.procedure_code + item.previous_procedure_code in codes for item in facts.declaration.goods_items
    )


def _names_no_procedure(value: Any, _: Figures) -> Predicate:
    """True: neither a dataset nor a procedure is named, as in data from a post or marketplace."""
    if value is not True:
        raise ValueError(repr(value))
    return lambda facts: (
        not facts.declaration.procedure_category
        and not any(item.procedure_code for item in facts.declaration.goods_items)
    )


def _any_additional_procedure(value: Any, _: Figures) -> Predicate:
    """Some line has one of these additional procedures."""
    codes = _texts(value)
    return lambda facts: not codes.isdisjoint(facts.additional_procedure_codes)


def _every_additional_procedure(value: Any, _: Figures) -> Predicate:
    """Every line has one of these additional procedures."""
    codes = _texts(value)

    def holds(facts: Facts) -> bool:
        if codes.isdisjoint(facts.additional_procedure_codes):
            return False
        return all(not codes.isdisjoint(item.additional_procedure_codes) for item in facts.declaration.goods_items)

    return holds


def _intrinsic_value_at_most(value: Any, figures: Figures) -> Predicate:
    """The goods of the whole consignment are worth no more than this figure (of several, the first in force)."""
    limit = _first(value, figures)
    return lambda facts: facts.intrinsic_value is not None and facts.intrinsic_value <= limit


def _intrinsic_value_above(value: Any, figures: Figures) -> Predicate:
    """The goods of the whole consignment are worth more than this figure."""
    limit = _first(value, figures)
    return lambda facts: facts.intrinsic_value is not None and facts.intrinsic_value > limit


def _customs_value_at_most(value: Any, figures: Figures) -> Predicate:
    """The customs value of the whole consignment is no more than this figure (of several, the first in force)."""
    limit = _first(value, figures)
    return lambda facts: facts.customs_value is not None and facts.customs_value <= limit


def _customs_value_above(value: Any, figures: Figures) -> Predicate:
    """The customs value of the whole consignment is more than this figure."""
    limit = _first(value, figures)
    return lambda facts: facts.customs_value is not None and facts.customs_value > limit


def _customs_value_below(value: Any, figures: Figures) -> Predicate:
    """The customs value of the whole consignment is less than this figure."""
    limit = _first(value, figures)
    return lambda facts: facts.customs_value is not None and facts.customs_value < limit


def _each_article_at_most(value: Any, figures: Figures) -> Predicate:
    """No single article is worth more than this figure: the price of each line over its quantity."""
    limit = _first(value, figures)
    return lambda facts: all(share is not None and share <= limit for share in _article_values(facts))


def _each_article_below(value: Any, figures: Figures) -> Predicate:
    """Every single article is worth less than this figure."""
    limit = _first(value, figures)
    return lambda facts: all(share is not None and share < limit for share in _article_values(facts))


def _statement(value: Any, _: Figures) -> Predicate:
    """The declaration or a line makes one of these coded statements."""
    codes = _texts(value)

    def holds(facts: Facts) -> bool:
        declaration = facts.declaration
        return any(each.statement_code in codes for each in declaration.additional_information) or any(
            each.statement_code in codes for item in declaration.goods_items for each in item.additional_information
        )

    return holds


def _subdivision(value: Any, _: Figures) -> Predicate:
    """The goods go to one of these states or provinces, by the consignee's address, else the importer's."""
    codes = _texts(value)

    def holds(facts: Facts) -> bool:
        for party in (facts.declaration.consignee, facts.declaration.importer):
            if party is not None and party.address is not None and party.address.subdivision:
                return party.address.subdivision in codes
        return False

    return holds


def _is_single_article(value: Any, _: Figures) -> Predicate:
    """True: the whole consignment is one article that cannot be divided."""
    if value is not True:
        raise ValueError(repr(value))

    def holds(facts: Facts) -> bool:
        items = facts.declaration.goods_items
        return len(items) == 1 and items[0].quantity in (None, 1)

    return holds


def _export_country(value: Any, _: Figures) -> Predicate:
    """The goods are sent from one of these countries."""
    codes = _texts(value)
    return lambda facts: sent_from(facts.declaration) in codes


def _every_origin(value: Any, _: Figures) -> Predicate:
    """Every line originates in one of these countries."""
    codes = _texts(value)
    return lambda facts: all(item.origin_country_code in codes for item in facts.declaration.goods_items)


def _any_origin(value: Any, _: Figures) -> Predicate:
    """Some line originates in one of these countries."""
    codes = _texts(value)
    return lambda facts: any(item.origin_country_code in codes for item in facts.declaration.goods_items)


def _any_goods(value: Any, _: Figures) -> Predicate:
    """Some line's commodity code begins with one of these digits."""
    prefixes = tuple(_texts(value))
    return lambda facts: any(item.commodity_code.startswith(prefixes) for item in facts.declaration.goods_items)


def _is_post(value: Any, _: Figures) -> Predicate:
    """True: carried by post (mode 5, or a postal item number as transport document); false: by anyone else."""
    if value not in (True, False):
        raise ValueError(repr(value))
    return lambda facts: goes_by_post(facts.declaration) is value


def _scheme_id_like(value: Any, _: Figures) -> Predicate:
    """A seller, marketplace or fiscal reference has an identifier of one of these shapes: "VOEC·······"."""
    shapes = [(shape.rstrip("·"), len(shape)) for shape in _texts(value)]

    def holds(facts: Facts) -> bool:
        declaration = facts.declaration
        named = [declaration.seller, declaration.marketplace, *declaration.fiscal_references]
        for item in declaration.goods_items:
            named += item.fiscal_references
        ids = [party.party_id for party in named if party is not None and party.party_id]
        return any(len(each) == length and each.startswith(prefix) for each in ids for prefix, length in shapes)

    return holds


def _elects(value: Any, _: Figures) -> Predicate:
    """The person concerned elected this alternative: the election's id and the option."""
    ((election, option),) = value.items()
    return lambda facts: facts.standing.elections.get(election) == option


def _within_counter(value: Any, figures: Figures) -> Predicate:
    """What this person already brought in and these goods stay within a limit: the counter's id and the figure's."""
    ((counter, figure),) = value.items()
    limit = _first(figure, figures)

    def holds(facts: Facts) -> bool:
        standing, more = facts.standing, facts.counted.get(counter)
        if more is None or counter in standing.unnamed:
            return False
        return standing.used.get(counter, ZERO) + more <= limit

    return holds


def _fiscal_role(value: Any, _: Figures) -> Predicate:
    """A VAT number is given in one of these roles, for the whole or a line."""
    roles = _texts(value)

    def holds(facts: Facts) -> bool:
        declaration = facts.declaration
        return any(party.role_code in roles and party.party_id for party in declaration.fiscal_references) or any(
            party.role_code in roles and party.party_id
            for item in declaration.goods_items
            for party in item.fiscal_references
        )

    return holds


def _seller_id_like(value: Any, _: Figures) -> Predicate:
    """The seller or marketplace gives an identifier that begins and is as long as one of these: "GB·········"."""
    shapes = [(shape.rstrip("·"), len(shape)) for shape in _texts(value)]

    def holds(facts: Facts) -> bool:
        declaration = facts.declaration
        for party in (declaration.seller, declaration.marketplace):
            if party is not None and party.party_id:
                for prefix, length in shapes:
                    if len(party.party_id) == length and party.party_id.startswith(prefix):
                        return True
        return False

    return holds


def _tax_collected_at_sale(value: Any, _: Figures) -> Predicate:
    """True: the sender says that the seller already collected the tax."""
    if value is not True:
        raise ValueError(repr(value))

    def holds(facts: Facts) -> bool:
        tax = facts.declaration.tax_collected_at_sale
        return tax is not None and is_plausible(tax.amount) and tax.amount > 0

    return holds


def _claims_preference(value: Any, _: Figures) -> Predicate:
    """True: a line claims a preference beginning with one of these digits."""
    digits = _texts(value)
    return lambda facts: any(item.duty_regime_code[:1] in digits for item in facts.declaration.goods_items)


def _first(value: Any, figures: Figures) -> Decimal:
    wanted = [value] if isinstance(value, str) else value
    for measure_id in wanted:
        if measure_id in figures:
            return settled(figures[measure_id].value)
    raise KeyError(", ".join(wanted))


def _article_values(facts: Facts) -> list[Decimal | None]:
    """What one article of each line is worth, its share of the whole by price."""
    declaration, worth = facts.declaration, facts.intrinsic_value
    prices = [price_of(item, declaration) for item in declaration.goods_items]
    if worth is None or any(price is None for price in prices):
        return [None]
    amounts = [price.amount for price in prices if price is not None]
    if len({price.currency for price in prices if price is not None}) > 1:
        return [None]  # a limit for each article is then not told without rates of each: never relieved by guess
    total = sum(amounts, ZERO)
    shares = [worth * amount / total if total else ZERO for amount in amounts]
    return [settled(share / _articles(item)) for share, item in zip(shares, declaration.goods_items, strict=True)]


def _articles(item: GoodsItem) -> Decimal:
    """How many articles a line is of; one where that is not told."""
    quantity = item.quantity
    return quantity if quantity and item.quantity_unit in COUNTED and is_plausible(quantity) else ONE


def _transport_mode(value: Any, _: Figures) -> Predicate:
    """The goods come by one of these modes (UNECE Recommendation 19: 1 sea, 2 rail, 3 road, 4 air, 5 post …)."""
    modes = _texts(value)
    return lambda facts: transport_mode(facts.declaration) in modes


def _is_containerised(value: Any, _: Figures) -> Predicate:
    """Whether the goods travel in containers."""
    if not isinstance(value, bool):
        raise ValueError(repr(value))
    return lambda facts: is_containerised(facts.declaration) is value


def _loading_country(value: Any, _: Figures) -> Predicate:
    """The goods are loaded in one of these countries: by the place of loading (UN/LOCODE), else where they are sent from."""
    countries = _texts(value)
    return lambda facts: loading_country(facts.declaration) in countries


def _circumstance(value: Any, _: Figures) -> Predicate:
    """The filing names one of these specific circumstances."""
    codes = _texts(value)
    return lambda facts: facts.declaration.circumstance_code in codes


_BUILDERS: Mapping[str, Callable[[Any, Figures], Predicate]] = {
    "any": _any,
    "all": _all,
    "not": _not,
    "dataset": _dataset,
    "procedure_category": _procedure_category,
    "type_prefix": _type_prefix,
    "type_letter": _type_letter,
    "requested_procedure": _requested_procedure,
    "procedure": _procedure,
    "names_no_procedure": _names_no_procedure,
    "any_additional_procedure": _any_additional_procedure,
    "every_additional_procedure": _every_additional_procedure,
    "intrinsic_value_at_most": _intrinsic_value_at_most,
    "intrinsic_value_above": _intrinsic_value_above,
    "customs_value_at_most": _customs_value_at_most,
    "customs_value_above": _customs_value_above,
    "customs_value_below": _customs_value_below,
    "each_article_at_most": _each_article_at_most,
    "each_article_below": _each_article_below,
    "statement": _statement,
    "subdivision": _subdivision,
    "is_single_article": _is_single_article,
    "within_counter": _within_counter,
    "elects": _elects,
    "export_country": _export_country,
    "every_origin": _every_origin,
    "any_origin": _any_origin,
    "any_goods": _any_goods,
    "is_post": _is_post,
    "scheme_id_like": _scheme_id_like,
    "fiscal_role": _fiscal_role,
    "seller_id_like": _seller_id_like,
    "tax_collected_at_sale": _tax_collected_at_sale,
    "claims_preference": _claims_preference,
    "transport_mode": _transport_mode,
    "is_containerised": _is_containerised,
    "circumstance": _circumstance,
    "loading_country": _loading_country,
}
