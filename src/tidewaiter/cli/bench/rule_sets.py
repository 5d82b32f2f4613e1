"""Rules and records made up for measuring: what they look at is what targeting rules look at, how often is a guess.

Each rule is a conjunction of two to five tests, now and then with an alternative. The same tests are written in our
language, in the Common Expression Language and in ZEN's, so that other engines can be asked the same; records hold
every field, amounts are in euros, as these engines have no meaning of their own for what is missing, or for money.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from tidewaiter.model.declaration import Address, Consignment, Declaration, GoodsItem, Party, TransportMeans
from tidewaiter.model.judgement import Lane
from tidewaiter.model.money import Money
from tidewaiter.risk.rules import Context, Kind, Record, Rule, RuleSet, canonical_condition
from tidewaiter.risk.rules.catalogue import Value

COUNTRIES = ("CN", "HK", "US", "GB", "TR", "IN", "VN", "JP", "KR", "SG", "TH", "AE", "CH", "NO", "BD", "PK")
CHAPTERS = ("61", "62", "64", "42", "85", "84", "95", "71", "91", "33", "30", "21", "90", "39", "94", "63")
WORDS = [
    "cotton",
    "shirt",
    "watch",
    "bag",
    "phone",
    "case",
    "charger",
    "cable",
    "lamp",
    "toy",
    "doll",
    "shoe",
    "boot",
    "belt",
    "wallet",
    "ring",
    "necklace",
    "perfume",
    "cream",
    "tablet",
    "vitamin",
    "powder",
    "seed",
    "knife",
    "tool",
    "drill",
    "battery",
    "drone",
    "camera",
    "lens",
    "glass",
    "cup",
    "plate",
    "towel",
    "blanket",
    "jacket",
    "coat",
]
QUALITIES = [
    "replica",
    "branded",
    "used",
    "new",
    "wireless",
    "leather",
    "silver",
    "gold",
    "portable",
    "kids",
    "women",
    "men",
    "mini",
    "pro",
    "smart",
    "vintage",
]
OFFICES = tuple(f"XX{number:06}" for number in range(100, 112))
LEGAL_DAY = date(2026, 7, 1)
DESCRIPTIONS = 20_000  # different ones among the records


class Test(NamedTuple):
    """One test: a field by its path, an operator, what it is held against (a text, several, or a number)."""

    path: str
    operator: str
    operand: str | tuple[str, ...] | Decimal


class Made(NamedTuple):
    """A rule as tests: alternatives of conjunctions."""

    rule_id: str
    lane: Lane
    alternatives: tuple[tuple[Test, ...], ...]


FEATURES = {
    "household_parcels_30d": Kind.NUMBER,
    "household_value_30d": Kind.NUMBER,
    "consignor_parcels_7d": Kind.NUMBER,
}
SCORES = ("undervaluation", "misdescription")
CONTEXT = Context(features=FEATURES, scores=frozenset(SCORES), rates={"EUR": Decimal(1)})
MONEY = ("item.invoice_price", "invoice_amount")


def made_rules(count: int, seed: int = 5, context: Context = CONTEXT) -> list[Made]:
    """So many rules, the same for the same seed, on features and scores that the context has and on fields."""
    chance = random.Random(seed)  # noqa: S311 (the same for the same seed)
    given = {*(f"feature:{name}" for name in context.features), *(f"score:{name}" for name in context.scores)}
    makers = [make for path, make in _MAKERS if path in given or ":" not in path]
    return [_made(chance, makers, number) for number in range(count)]


def rule_set(made: Sequence[Made]) -> RuleSet:
    """The rules in our language."""
    return RuleSet(
        tuple(
            Rule(
                rule_id=each.rule_id,
                title=each.rule_id,
                words="made for measuring",
                lane=each.lane,
                condition=canonical_condition(written(each, _ours)),
            )
            for each in made
        )
    )


def written(made: Made, write: Callable[[Test], str], signs: tuple[str, str] = ("&&", "||")) -> str:
    """A rule's condition in the language whose tests `write` writes."""
    conjunctions = [f" {signs[0]} ".join(map(write, each)) for each in made.alternatives]
    return conjunctions[0] if len(conjunctions) == 1 else f" {signs[1]} ".join(f"({each})" for each in conjunctions)


def in_cel(test: Test) -> str:
    """A test in the Common Expression Language; numbers are doubles."""
    path = _plain(test.path)
    if isinstance(test.operand, Decimal):
        return f"{path} {test.operator} {test.operand:.2f}"
    return _of_texts(path, test, "{path}.{operator}({text})")


def in_zen(test: Test) -> str:
    """A test in ZEN's expression language."""
    path = _plain(test.path)
    if isinstance(test.operand, Decimal):
        return f"{path} {test.operator} {test.operand}"
    return _of_texts(path, test, "{operator}({path}, {text})")


def records(count: int, seed: int = 7) -> list[Record]:
    """So many parcels of one line each, the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 (the same for the same seed)
    texts = [
        " ".join((chance.choice(QUALITIES), *chance.sample(WORDS, 3), f"{chance.randrange(100)}cm"))
        for _ in range(DESCRIPTIONS)
    ]
    return [_record(chance, texts) for _ in range(count)]


def plain(record: Record) -> dict[str, object]:
    """A record as other engines take it: dictionaries of texts and floats by the fields' names."""
    declaration, line = record.declaration, record.declaration.goods_items[0]

    def party(of: Party | None) -> dict[str, object]:
        assert of is not None
        assert of.address is not None
        address = {"country_code": of.address.country_code, "postcode": of.address.postcode}
        return {"party_id": of.party_id, "name": of.name, "address": address}

    transport = declaration.consignment.border_transport
    assert transport is not None
    assert line.invoice_price is not None
    assert declaration.invoice_amount is not None
    return {
        "item": {
            "commodity_code": line.commodity_code,
            "origin_country_code": line.origin_country_code,
            "description": line.description,
            "invoice_price": _float(line.invoice_price.amount),
            "net_mass_kg": _float(line.net_mass_kg),
        },
        "invoice_amount": _float(declaration.invoice_amount.amount),
        "consignee": party(declaration.consignee),
        "consignor": party(declaration.consignor),
        "seller": party(declaration.seller),
        "declarant": {"party_id": declaration.declarant.party_id if declaration.declarant else ""},
        "lodgement_office_id": declaration.lodgement_office_id,
        "incoterm_code": declaration.incoterm_code,
        "transaction_nature_code": declaration.transaction_nature_code,
        "consignment": {
            "export_country_code": declaration.consignment.export_country_code,
            "gross_mass_kg": _float(declaration.consignment.gross_mass_kg),
            "border_transport": {"means_id": transport.means_id},
        },
        "features": {name: _float(record.features[name]) for name in FEATURES},
        "scores": {name: _float(record.scores[name]) for name in SCORES},
    }


def _float(value: object) -> float:
    return float(str(value))


def _made(chance: random.Random, makers: Sequence[_Maker], number: int) -> Made:
    conjunctions = [_tests(chance, makers)]
    if chance.random() < 1 / 8:
        conjunctions.append(_tests(chance, makers))
    return Made(f"made.{number:05}", chance.choice(tuple(Lane)[1:]), tuple(conjunctions))


def _tests(chance: random.Random, makers: Sequence[_Maker]) -> tuple[Test, ...]:
    chosen = chance.sample(makers, chance.choice((2, 3, 3, 4, 5)))
    return (_goods(chance), *(make(chance) for make in chosen[1:]))


def _goods(chance: random.Random) -> Test:
    digits = chance.choice((2, 4, 6))
    code = chance.choice(CHAPTERS) + f"{chance.randrange(1, 12):02}{chance.randrange(10) * 10:02}"
    return Test("item.commodity_code", "startsWith", code[:digits])


_Maker = Callable[[random.Random], Test]


def _among(path: str, values: Sequence[str], most: int) -> tuple[str, _Maker]:
    def make(chance: random.Random) -> Test:
        several = tuple(sorted(chance.sample(values, chance.randrange(1, most + 1))))
        return Test(path, "==", several[0]) if len(several) == 1 else Test(path, "in", several)

    return path, make


def _number(path: str, signs: Sequence[str], values: Sequence[str]) -> tuple[str, _Maker]:
    return path, lambda chance: Test(path, chance.choice(signs), Decimal(chance.choice(values)))


def _begins(path: str) -> tuple[str, _Maker]:
    return path, lambda chance: Test(path, "startsWith", str(chance.randrange(10, 100)))


def _word(chance: random.Random) -> Test:
    return Test("item.description", "contains", chance.choice(QUALITIES[:4] + WORDS[:20]))


_AMOUNTS = ("5", "10", "22", "45", "50", "100", "150", "200", "500", "1000")
_MAKERS: tuple[tuple[str, _Maker], ...] = (
    ("item.commodity_code", _goods),
    _among("item.origin_country_code", COUNTRIES, 4),
    _among("item.origin_country_code", COUNTRIES, 2),
    _among("consignment.export_country_code", COUNTRIES, 3),
    _among("consignor.address.country_code", COUNTRIES, 3),
    _among("lodgement_office_id", OFFICES, 2),
    _among("incoterm_code", ("DDP", "DAP", "CIF", "FOB"), 2),
    _among("transaction_nature_code", ("11", "31", "91"), 1),
    _among("seller.name", tuple(f"Seller {number}" for number in range(60)), 1),
    _among("consignor.name", tuple(f"Sender {number}" for number in range(80)), 1),
    _among("declarant.party_id", tuple(f"XX{number:09}" for number in range(30)), 1),
    _among("consignment.border_transport.means_id", tuple(f"TW{number}" for number in range(100, 140)), 2),
    _begins("consignee.address.postcode"),
    _number("item.invoice_price", ("<", ">", ">="), _AMOUNTS),
    _number("item.invoice_price", ("<", ">", ">="), _AMOUNTS),
    _number("invoice_amount", (">", ">="), _AMOUNTS),
    _number("item.net_mass_kg", ("<", ">"), ("0.05", "0.1", "0.25", "0.5", "1", "2", "5", "20")),
    _number("consignment.gross_mass_kg", (">",), ("1", "2", "5", "20", "30")),
    _number("feature:household_parcels_30d", (">=",), ("3", "5", "10", "20")),
    _number("feature:consignor_parcels_7d", (">=",), ("10", "50", "100")),
    _number("score:undervaluation", (">=",), ("0.5", "0.7", "0.9", "0.95")),
    _number("score:misdescription", (">=",), ("0.5", "0.8", "0.9")),
    ("item.description", _word),
    ("item.description", _word),
)


def _record(chance: random.Random, texts: Sequence[str]) -> Record:
    price = Decimal(round(chance.lognormvariate(3, 1.2) * 100)).scaleb(-2)
    mass = Decimal(round(chance.lognormvariate(-1, 1) * 1000) + 1).scaleb(-3)
    origin = chance.choice(COUNTRIES)
    code = chance.choice(CHAPTERS) + f"{chance.randrange(1, 12):02}{chance.randrange(10) * 10:02}"
    line = GoodsItem(
        line_no=1,
        description=chance.choice(texts),
        commodity_code=code,
        origin_country_code=origin,
        invoice_price=Money(price, "EUR"),
        net_mass_kg=mass,
    )
    sender = chance.randrange(400)
    declaration = Declaration(
        lodgement_office_id=chance.choice(OFFICES),
        invoice_amount=Money(price, "EUR"),
        incoterm_code=chance.choice(("DDP", "DAP", "CIF", "FOB")),
        transaction_nature_code=chance.choice(("11", "31", "91")),
        consignee=_party("Receiver", chance.randrange(5_000), "XX", f"{chance.randrange(1000, 9999)}"),
        consignor=_party("Sender", sender, origin, "100000"),
        seller=_party("Seller", sender // 2, origin, "100000"),
        declarant=_party("Declarant", chance.randrange(60), "XX", "1000"),
        consignment=Consignment(
            border_transport=TransportMeans(means_id=f"TW{chance.randrange(100, 160)}"),
            gross_mass_kg=mass + Decimal("0.1"),
            export_country_code=origin,
        ),
        goods_items=(line,),
    )
    features: dict[str, Value] = {
        "household_parcels_30d": int(chance.expovariate(0.5)),
        "household_value_30d": price * 2,
        "consignor_parcels_7d": int(chance.expovariate(0.02)),
    }
    scores: dict[str, Value] = {name: Decimal(round(chance.betavariate(1, 6) * 10_000)).scaleb(-4) for name in SCORES}
    return Record(declaration=declaration, legal_day=LEGAL_DAY, features=features, scores=scores)


def _party(name: str, number: int, country: str, postcode: str) -> Party:
    address = Address(country_code=country, postcode=postcode)
    return Party(party_id=f"XX{number:09}", name=f"{name} {number}", address=address)


def _ours(test: Test) -> str:
    source, _, name = test.path.partition(":")
    path = f'{source}("{name}")' if name else test.path
    if isinstance(test.operand, Decimal):
        value = f'money("{test.operand} EUR")' if path in MONEY else str(test.operand)
        return f"{path} {test.operator} {value}"
    return _of_texts(path, test, "{path}.{operator}({text})")


def _plain(path: str) -> str:
    return path.replace("feature:", "features.").replace("score:", "scores.")


def _of_texts(path: str, test: Test, call: str) -> str:
    if isinstance(test.operand, tuple):
        return f"{path} in [{', '.join(map(_quoted, test.operand))}]"
    text = _quoted(str(test.operand))
    return f"{path} == {text}" if test.operator == "==" else call.format(path=path, operator=test.operator, text=text)


def _quoted(text: str) -> str:
    return f'"{text}"'
