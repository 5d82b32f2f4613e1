"""Triples composed from outside samples: an order, payment, transport document and declaration list of one parcel.

The samples of one edition share no number, so that only numbers are changed until they do: those they are found by,
the amounts, masses and counts, the persons' numbers and names. Then nothing is to be found; and whatever single thing
is changed in one of them is to be found at its place, and nothing else.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from msgspec.structs import replace

from tidewaiter.cli.conformance.case import Case
from tidewaiter.messages.ceb import CebForm
from tidewaiter.model.claim import Claim, ClaimKind
from tidewaiter.model.declaration import Address, Consignment, Declaration, Document, GoodsItem, MessageFunction, Party
from tidewaiter.model.finding import Finding
from tidewaiter.model.money import Money
from tidewaiter.quality import check, matching
from tidewaiter.regimes import Regime

ORDER, PAYMENT, LOGISTICS, LIST = "ORDER", "PAYMENT", "LOGISTICS", "CBEC"
_KINDS: Final = {ORDER: ClaimKind.ORDER, PAYMENT: ClaimKind.PAYMENT, LOGISTICS: ClaimKind.LOGISTICS}
_USUAL: Final = {ORDER: "CEB311", PAYMENT: "CEB411", LOGISTICS: "CEB511", LIST: "CEB621"}
_BUYER: Final = "110101199003070011"
_ANOTHER_BUYER: Final = "110101199003078493"
Parts = Mapping[str, Declaration]


def cases(samples: Sequence[tuple[str, bytes]], regime: Regime) -> Iterator[Case]:
    """For each folder that has an order, a transport document and a declaration list: the triple, and each change."""
    for folder, parts in _by_folder(samples).items():
        if {ORDER, LOGISTICS, LIST} <= set(parts):
            yield from _cases(folder, parts, regime)


def _by_folder(samples: Sequence[tuple[str, bytes]]) -> dict[str, dict[str, Declaration]]:
    """The first of each kind in each folder."""
    form = CebForm()
    found: dict[str, dict[str, Declaration]] = {}
    for name, data in samples:
        for record in form.split(io.BytesIO(data)):
            declaration = form.read(record.body).declaration
            if declaration is not None and declaration.type_code == _USUAL.get(declaration.procedure_category):
                folder = name.rpartition("/")[0]
                found.setdefault(folder, {}).setdefault(declaration.procedure_category, declaration)
            break
    return found


def _cases(folder: str, parts: Parts, regime: Regime) -> Iterator[Case]:
    triple = compose(parts)
    name = f"{folder or '.'}: triple"
    against = [*_through_the_form(triple, regime), *_told(_inconsistent(triple, regime))]
    yield Case(name, passed=not against, reason="; ".join(against) or "matches, and no rule objects to its numbers")
    for part, words, change, place in CHANGES:
        changed = {**triple, part: change(triple[part])}
        found = _told(_matched(changed))
        wanted = [place]
        reason = f"expected {', '.join(wanted)}; found {', '.join(found) or 'nothing'}"
        yield Case(f"{name}, {words}", passed=found == wanted, reason=reason)


def _matched(parts: Parts) -> list[Finding]:
    claims = [
        Claim(kind=kind, declaration_id=number, source="", stated=parts[part])
        for number, (part, kind) in enumerate(_KINDS.items(), 1)
        if part in parts
    ]
    return matching.match(parts[LIST], claims, tuple(_KINDS.values()))


def _through_the_form(parts: Parts, regime: Regime) -> list[str]:
    """What is found on the triple as it arrives: each written as its message and read back."""
    form = CebForm()
    back = {}
    for part, declaration in parts.items():
        (record,) = form.split(io.BytesIO(form.write([declaration])))
        reading = form.read(record.body)
        if reading.findings or reading.declaration is None:
            return [f"{part}: {reading.findings[0].words if reading.findings else 'not read'}"]
        back[part] = reading.declaration
    return [*_told(_matched(back)), *_told(_inconsistent(back, regime))]


def _inconsistent(parts: Parts, regime: Regime) -> list[Finding]:
    """What the rules say of the numbers of each part; its words and codes are the sample's own."""
    about_numbers = ("amount.", "totals.", "cbec.", "mass.", "quantity.")
    found = [finding for each in parts.values() for finding in check(each, regime=regime)]
    return [each for each in found if each.rule_id.startswith(about_numbers)]


def _told(findings: Sequence[Finding]) -> list[str]:
    return [f"{finding.rule_id} at {finding.pointer}" for finding in findings]


# --- composing -------------------------------------------------------------------------------------------------------


def compose(parts: Parts) -> dict[str, Declaration]:
    """The four of one parcel: the declaration list leads, the others get its numbers; a payment is made if none is there."""
    listed = parts[LIST]
    buyer = replace(listed.buyer or Party(), party_id=_BUYER)
    items = tuple(_consistent(item) for item in listed.goods_items)
    goods = sum((item.invoice_price.amount for item in items if item.invoice_price), Decimal(0))
    freight, insurance, tax = _money(20), _money(2), _money(5)
    consignment = replace(listed.consignment, package_count=1, gross_mass_kg=Decimal("2.5"))
    declared = replace(
        listed, function=MessageFunction.ORIGINAL, buyer=buyer, goods_items=items, consignment=consignment,
        freight=freight, insurance=insurance, registered_id="",
    )  # fmt: skip
    address = (listed.consignee or Party()).address or Address(line="1")
    consignee = replace(parts[LOGISTICS].consignee or Party(name="1"), address=address)
    paid = Money(goods + freight.amount + tax.amount, "CNY")
    ordered = replace(
        parts[ORDER], function=MessageFunction.ORIGINAL, functional_reference_id="", invoice_id=listed.invoice_id,
        marketplace=listed.marketplace, seller=listed.seller, buyer=buyer, consignee=consignee,
        goods_items=tuple(_ordered(item) for item in items), invoice_amount=Money(goods, "CNY"), freight=freight,
        discount=_money(0), tax_collected_at_sale=tax, amount_paid=paid,
    )  # fmt: skip
    moved = replace(
        parts[LOGISTICS], function=MessageFunction.ORIGINAL, functional_reference_id="",
        invoice_id=listed.invoice_id, consignee=consignee, freight=freight, insurance=insurance,
        consignment=Consignment(
            transport_documents=listed.consignment.transport_documents, carrier=listed.consignment.carrier,
            master_document_id=listed.consignment.master_document_id, package_count=1, gross_mass_kg=Decimal("2.5"),
        ),
    )  # fmt: skip
    return {ORDER: ordered, PAYMENT: _paid(parts.get(PAYMENT), ordered), LOGISTICS: moved, LIST: declared}


def _money(amount: int) -> Money:
    return Money(Decimal(amount), "CNY")


def _consistent(item: GoodsItem) -> GoodsItem:
    """With a quantity of two at the unit price the sample has."""
    price = item.unit_price or _money(30)
    return replace(item, quantity=Decimal(2), unit_price=price, invoice_price=Money(price.amount * 2, price.currency))


def _ordered(item: GoodsItem) -> GoodsItem:
    """The line of the order for a line of the declaration list."""
    return GoodsItem(
        line_no=item.line_no, description=item.description, sku=item.sku, gtin=item.gtin, quantity=item.quantity,
        quantity_unit=item.quantity_unit, unit_price=item.unit_price, invoice_price=item.invoice_price,
        origin_country_code=item.origin_country_code,
    )  # fmt: skip


def _paid(sample: Declaration | None, order: Declaration) -> Declaration:
    buyer = order.buyer or Party()
    payment = sample or Declaration(
        type_code=_USUAL[PAYMENT], procedure_category=PAYMENT, jurisdiction_code=order.jurisdiction_code,
        issued_at=order.issued_at, submitter=order.submitter,
        documents=order.documents or (Document(document_id="1"),),
    )  # fmt: skip
    payer = Party(party_id=buyer.party_id, name=buyer.name, phone=payment.payer.phone if payment.payer else "")
    return replace(
        payment, function=MessageFunction.ORIGINAL, functional_reference_id="", invoice_id=order.invoice_id,
        marketplace=order.marketplace, payer=payer, amount_paid=order.amount_paid,
    )  # fmt: skip


# --- single changes ----------------------------------------------------------------------------------------------------

Change = Callable[[Declaration], Declaration]


def _more(name: str) -> Change:
    def change(stated: Declaration) -> Declaration:
        money: Money = getattr(stated, name)
        return replace(stated, **{name: Money(money.amount + 1, money.currency)})

    return change


def _person(role: str, **fields: str) -> Change:
    def change(stated: Declaration) -> Declaration:
        return replace(stated, **{role: replace(getattr(stated, role), **fields)})

    return change


def _transport(**fields: object) -> Change:
    return lambda stated: replace(stated, consignment=replace(stated.consignment, **fields))


def _line(**fields: object) -> Change:
    return lambda stated: replace(
        stated, goods_items=(replace(stated.goods_items[0], **fields), *stated.goods_items[1:])
    )


def _dearer(stated: Declaration) -> Declaration:
    price = stated.goods_items[0].invoice_price or _money(1)
    return _line(invoice_price=Money(price.amount + 1, price.currency))(stated)


def _address(stated: Declaration) -> Declaration:
    return replace(stated, consignee=replace(stated.consignee or Party(), address=Address(line="2")))


_ANOTHER: Final = Party(party_id="9999999999")
_NUMBER: Final = (Document(document_id="another"),)
# What is changed: where, in words, how, and the one finding that is wanted.
CHANGES: Final[tuple[tuple[str, str, Change, str], ...]] = (
    (ORDER, "another order's number", lambda each: replace(each, invoice_id="another"), "claim.missing at invoice_id"),
    (ORDER, "another platform", lambda each: replace(each, marketplace=_ANOTHER), "claim.missing at invoice_id"),
    (ORDER, "another sum of the goods", _more("invoice_amount"), "claim.differs at invoice_amount"),
    (ORDER, "another freight", _more("freight"), "claim.differs at freight"),
    (ORDER, "another sum paid", _more("amount_paid"), "claim.differs at amount_paid"),
    (ORDER, "another price of a line", _dearer, "claim.differs at goods_items[1].invoice_price"),
    (ORDER, "another quantity", _line(quantity=Decimal(3)), "claim.differs at goods_items[1].quantity"),
    (ORDER, "another buyer's number", _person("buyer", party_id=_ANOTHER_BUYER), "claim.differs at buyer.party_id"),
    (ORDER, "another buyer's name", _person("buyer", name="另一人"), "claim.differs at buyer.name"),
    (ORDER, "another seller", _person("seller", party_id="9999999999"), "claim.differs at seller.party_id"),
    (ORDER, "another consignee", _person("consignee", name="另一人"), "claim.differs at consignee.name"),
    (ORDER, "another address", _address, "claim.differs at consignee.address.line"),
    (PAYMENT, "another order's number", lambda each: replace(each, invoice_id="another"), "claim.missing at invoice_id"),
    (PAYMENT, "another sum paid", _more("amount_paid"), "claim.differs at amount_paid"),
    (PAYMENT, "another payer's number", _person("payer", party_id=_ANOTHER_BUYER), "claim.differs at buyer.party_id"),
    (PAYMENT, "another payer's name", _person("payer", name="另一人"), "claim.differs at buyer.name"),
    (
        LOGISTICS, "another transport document", _transport(transport_documents=_NUMBER),
        "claim.missing at consignment.transport_documents",
    ),
    (
        LOGISTICS, "another carrier", _transport(carrier=_ANOTHER),
        "claim.missing at consignment.transport_documents",
    ),
    (LOGISTICS, "another mass", _transport(gross_mass_kg=Decimal(3)), "claim.differs at consignment.gross_mass_kg"),
    (LOGISTICS, "another number of packages", _transport(package_count=2), "claim.differs at consignment.package_count"),
    (LOGISTICS, "another freight", _more("freight"), "claim.differs at freight"),
    (LOGISTICS, "another insurance", _more("insurance"), "claim.differs at insurance"),
    (LOGISTICS, "another consignee", _person("consignee", name="另一人"), "claim.differs at consignee.name"),
    (LOGISTICS, "another address", _address, "claim.differs at consignee.address.line"),
)  # fmt: skip
