"""Conditions and records drawn at random: every construct of the rule language, values near what rules ask for."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tidewaiter.model.assessment import Assessment
from tidewaiter.model.declaration import Address, Consignment, Declaration, Document, GoodsItem, Party
from tidewaiter.model.money import Money
from tidewaiter.risk.rules import Context, Kind, Record

TEXTS = (
    "CN", "HK", "cn", "", "610910", "61", "6109", "6402", "Größe M", "GROSSE", "größe", "replica watch", "Replica-Watch",
    "手表", "复制 手表", "часы", "Ёлка елка", "naïve café", "O'Brien", "a\\b", 'say "hi"', "🎁 gift", "e\u0301", "é", "x\ny",
    "watch", "İstanbul", "ß", "ss", " lead", "tail ", "AB12", "ab12", "12", "%_", "ﬁne", "\u200bwatch", "Ⅻ",
)  # fmt: skip
PATTERNS = (
    r"^6[14]",
    r"[A-Z]{2}\d+",
    r"watch$",
    r"(?i)größe",
    r"^.{2}$",
    r"\bhi\b",
    r"手",
    r"(a|b)+\\?",
    r"^\s",
    r"[^\x00-\x7F]",
)
NUMBERS = tuple(
    map(Decimal, ("0", "1", "2.5", "2.499", "2.501", "10", "150", "149.99", "150.01", "-1", "0.001", "99999.999"))
)
CURRENCIES = ("EUR", "USD", "GBP", "XXX")
DAYS = tuple(date(2026, 6, 28) + timedelta(days=n) for n in range(6))
MOMENTS = tuple(datetime(2026, 6, 30, 22, tzinfo=UTC) + timedelta(minutes=30 * n, microseconds=n) for n in range(6))
CONTEXT = Context(
    lists={"brands": ("replica watch", "手表", "Größe"), "codes": ("CN", "6109", "é"), "none": ()},
    features={"count": Kind.NUMBER, "spent": Kind.MONEY, "flag": Kind.TRUTH, "region": Kind.TEXT, "seen": Kind.DATE},
    scores=frozenset(("risk",)),
    rates={"EUR": Decimal("1"), "USD": Decimal("0.9"), "GBP": Decimal("1.25")},
)
FIELDS: dict[Kind, tuple[str, ...]] = {
    Kind.TEXT: ("lodgement_office_id", "consignee.name", "consignee.address.country_code", "item.description",
                "item.commodity_code", "item.origin_country_code", "item.hs_code", "item.consignee.name", "feature:region",
                "invoice_amount.currency", "assessment.scheme"),
    Kind.NUMBER: ("consignment.gross_mass_kg", "consignment.package_count", "item.net_mass_kg", "item.gross_mass_kg",
                  "feature:count", "score:risk", "item.invoice_price.amount"),
    Kind.MONEY: ("invoice_amount", "item.invoice_price", "item.freight", "feature:spent", "assessment.due"),
    Kind.DATE: ("consignment.arrival_on", "consignment.posted_on", "legal_day", "feature:seen"),
    Kind.MOMENT: ("issued_at", "acceptance_at"),
    Kind.LIST: ("documents.type_code", "guarantee_ids", "item.additional_procedure_codes", "item.documents.document_id"),
    Kind.TRUTH: ("feature:flag",),
}  # fmt: skip
NAMES = [name for names in FIELDS.values() for name in names]


class Maker:
    """Draws conditions; `inside` while within an aggregate, where no other stands and fields of lines are likelier."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.inside = False

    def condition(self, depth: int = 3) -> str:
        pick = self.chance.random()
        if depth <= 0 or pick < 0.45:
            return self.test()
        if pick < 0.62:
            return f"!({self.condition(depth - 1)})"
        sign = self.chance.choice((" && ", " || "))
        parts = [self.condition(depth - 1) for _ in range(self.chance.choice((2, 2, 3)))]
        return "(" + sign.join(parts) + ")"

    def test(self) -> str:
        makers = [
            self._text,
            self._text,
            self._method,
            self._number,
            self._number,
            self._money,
            self._day,
            self._list,
            self._has,
            self._moment,
            self._truth,
        ]
        if not self.inside:
            makers += [self._aggregate, self._aggregate]
        return self.chance.choice(makers)()

    def _field(self, kind: Kind) -> str:
        names = FIELDS[kind]
        name = (
            self.chance.choice([n for n in names if n.startswith("item.")] or names)
            if self.inside and self.chance.random() < 0.8
            else self.chance.choice(names)
        )
        source, _, rest = name.partition(":")
        return f'{source}("{rest}")' if rest else name

    def _literal(self) -> str:
        return quoted(self.chance.choice([text for text in TEXTS if text]))

    def _texts(self) -> str:
        if self.chance.random() < 0.4:
            return f'list("{self.chance.choice(tuple(CONTEXT.lists))}")'
        return "[" + ", ".join(self._literal() for _ in range(self.chance.randrange(1, 4))) + "]"

    def _text(self) -> str:
        field = self._field(Kind.TEXT)
        pick = self.chance.random()
        if pick < 0.2:
            return f"{field} {self.chance.choice(('==', '!='))} {self._field(Kind.TEXT)}"
        if pick < 0.5:
            return f"{field} in {self._texts()}"
        pair = [field, self._literal()]
        self.chance.shuffle(pair)
        return f"{pair[0]} {self.chance.choice(('==', '!='))} {pair[1]}"

    def _method(self) -> str:
        field = self._field(Kind.TEXT)
        name = self.chance.choice(
            ("contains", "startsWith", "endsWith", "startsWithAny", "matches", "hasWords", "hasAnyWords")
        )
        if name in ("startsWithAny", "hasAnyWords"):
            operand = self._texts()
        elif name == "matches":
            operand = f'r"{self.chance.choice(PATTERNS)}"'
        else:
            operand = self._literal()
        if "Word" in name:
            words = ("watch", "Größe", "replica watch", "手表", "hi", "naive cafe", "елка")
            operand = quoted(self.chance.choice(words)) if name == "hasWords" else 'list("brands")'
        return f"{field}.{name}({operand})"

    def _sign(self) -> str:
        return self.chance.choice(("==", "!=", "<", "<=", ">", ">="))

    def _term(self, kind: Kind) -> str:
        pick, field = self.chance.random(), self._field(kind)
        if pick < 0.7:
            return field
        number = self._field(Kind.NUMBER)
        if kind is Kind.MONEY:
            other = self._field(Kind.MONEY)
            return self.chance.choice(
                (
                    f"{field} / {number}",
                    f"({field} + {other})",
                    f"({field} - {other})",
                    f"{number} * {field}",
                    f"-{field}",
                )
            )
        other = self.chance.choice((number, str(self.chance.choice(NUMBERS[:6]))))
        return self.chance.choice((f"{field} / {number}", f"({field} + {other})", f"({field} - {other})", f"{field} * {other}", f"-{field}",
                                   f"size({self._field(Kind.TEXT)})", f"size({self._field(Kind.LIST)})",
                                   f"{self._field(Kind.MONEY)} / {self._field(Kind.MONEY)}",
                                   f"days_between({self._field(Kind.DATE)}, {self._field(self.chance.choice((Kind.DATE, Kind.MOMENT)))})"))  # fmt: skip

    def _number(self) -> str:
        term = self._term(Kind.NUMBER)
        pick = self.chance.random()
        if pick < 0.15:
            return f"{term} in [{self.chance.choice(NUMBERS)}, {self.chance.choice(NUMBERS)}]"
        other = str(self.chance.choice(NUMBERS)) if pick < 0.8 else self._field(Kind.NUMBER)
        return f"{term} {self._sign()} {other}"

    def _money(self) -> str:
        amount = f'money("{self.chance.choice(NUMBERS)} {self.chance.choice(CURRENCIES)}")'
        other = amount if self.chance.random() < 0.75 else self._field(Kind.MONEY)
        return f"{self._term(Kind.MONEY)} {self._sign()} {other}"

    def _day(self) -> str:
        day = f'date("{self.chance.choice(DAYS)}")'
        if self.chance.random() < 0.2:
            return f"{self._field(Kind.DATE)} in [{day}]"
        return f"{self._field(Kind.DATE)} {self._sign()} {self.chance.choice((day, self._field(Kind.DATE)))}"

    def _moment(self) -> str:
        moment = f'timestamp("{self.chance.choice(MOMENTS).isoformat()}")'
        return f"{self._field(Kind.MOMENT)} {self._sign()} {moment}"

    def _list(self) -> str:
        field = self._field(Kind.LIST)
        return self.chance.choice((f"{self._literal()} in {field}", f"{field}.overlaps({self._texts()})"))

    def _has(self) -> str:
        kind = self.chance.choice((Kind.TEXT, Kind.NUMBER, Kind.MONEY, Kind.LIST, Kind.DATE))
        return f"has({self._term(kind) if kind in (Kind.NUMBER, Kind.MONEY) else self._field(kind)})"

    def _truth(self) -> str:
        return self.chance.choice(
            ('feature("flag")', 'feature("flag") == true', 'feature("flag") != true', "true", "false")
        )

    def _aggregate(self) -> str:
        name = self.chance.choice(
            ("any_line", "all_lines", "count_lines", "sum_lines", "min_lines", "max_lines", "distinct_lines")
        )
        inner = self._with_line(1)
        where = f", {self._with_line(1)}" if self.chance.random() < 0.4 else ""
        if name in ("any_line", "all_lines"):
            return f"{name}({inner})"
        if name == "count_lines":
            return f"{name}({inner}) {self._sign()} {self.chance.randrange(4)}"
        if name == "distinct_lines":
            return f"{name}(item.{self.chance.choice(('origin_country_code', 'hs_code'))}{where}) {self._sign()} {self.chance.randrange(3)}"
        if self.chance.random() < 0.5:
            return f"{name}(item.net_mass_kg{where}) {self._sign()} {self.chance.choice(NUMBERS)}"
        return f'{name}(item.invoice_price{where}) {self._sign()} money("{self.chance.choice(NUMBERS)} {self.chance.choice(CURRENCIES)}")'

    def _with_line(self, depth: int) -> str:
        self.inside = True
        try:
            return next(text for text in (self.condition(depth) for _ in range(1000)) if "item." in text)
        finally:
            self.inside = False


def record(chance: random.Random) -> Record:
    """A record of none to three lines, each value missing now and then."""

    def maybe(values: Any, share: float = 0.75) -> Any:
        return chance.choice(values) if chance.random() < share else None

    def text() -> str:
        return chance.choice(TEXTS)

    def number() -> Decimal | None:
        return maybe(NUMBERS)

    def money() -> Money | None:
        return Money(chance.choice(NUMBERS), chance.choice(CURRENCIES)) if chance.random() < 0.75 else None

    def party() -> Party | None:
        return (
            Party(name=text(), address=Address(country_code=text()) if chance.random() < 0.7 else None)
            if chance.random() < 0.8
            else None
        )

    def texts() -> tuple[str, ...]:
        return tuple(text() for _ in range(chance.randrange(3)))

    lines = tuple(
        GoodsItem(
            line_no=number_of,
            description=text(),
            commodity_code=text(),
            origin_country_code=text(),
            net_mass_kg=number(),
            gross_mass_kg=number(),
            invoice_price=money(),
            freight=money(),
            additional_procedure_codes=texts(),
            documents=tuple(Document(document_id=each) for each in texts()),
            consignee=party(),
        )
        for number_of in range(1, 1 + chance.choice((0, 1, 1, 1, 2, 3)))
    )
    declaration = Declaration(
        lodgement_office_id=text(),
        consignee=party(),
        invoice_amount=money(),
        issued_at=maybe(MOMENTS),
        acceptance_at=maybe(MOMENTS),
        documents=tuple(Document(type_code=each) for each in texts()),
        guarantee_ids=texts(),
        consignment=Consignment(
            gross_mass_kg=number(), package_count=maybe((0, 1, 2, 10)), arrival_on=maybe(DAYS), posted_on=maybe(DAYS)
        ),
        goods_items=lines,
    )
    due, zero = money(), Money(Decimal(0), "EUR")
    assessed = Assessment(jurisdiction_code="XX", legal_day=DAYS[0], regime_digest="", scheme=text(), intrinsic_value=zero,
                          customs_value=zero, steps=(), charges=(), due=due or zero, collected_at_sale=zero)  # fmt: skip
    features = {
        "count": maybe((0, 1, 2, Decimal("2.5"))),
        "spent": money(),
        "flag": maybe((True, False)),
        "region": text(),
        "seen": maybe(DAYS),
    }
    return Record(
        declaration=declaration,
        legal_day=chance.choice(DAYS),
        assessment=assessed if due is not None else None,
        features={name: value for name, value in features.items() if value is not None},
        scores={"risk": value} if (value := number()) is not None else {},
    )


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
