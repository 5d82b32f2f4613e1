"""Parties: can they be found, and are they who they should be?"""

from __future__ import annotations

from collections.abc import Sequence

from tidewaiter.model.declaration import Declaration, Party
from tidewaiter.model.finding import Severity
from tidewaiter.quality.registry import Context, Seen, rule

SAFE = "WCO SAFE Framework, Annex II: data on consignor and consignee"
_PARTIES = ("consignor", "consignee", "importer", "exporter")


@rule("party.not_identified", Severity.WARNING, source=SAFE, by_outline=True)
def not_identified(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """A sender or receiver is named by a registered number, or by name and address, so that someone can be asked.

    Where the receiver's address alone is given, the buyer, if named, is taken to receive the goods there.
    """
    seen: list[Seen] = []
    buyer = declaration.buyer
    for name in _PARTIES:
        party: Party | None = getattr(declaration, name)
        if party is None or party.party_id or (party.name and _has_address(party)):
            continue
        if name == "consignee" and not party.name and buyer is not None and (buyer.name or buyer.party_id):
            continue
        lacking = "name" if not party.name else "address"
        seen.append(
            Seen(
                f"{name}.{lacking}",
                "",
                f"The {name} has neither a number nor {'a' if lacking == 'name' else 'an'} {lacking}.",
            )
        )
    return seen


def _has_address(party: Party) -> bool:
    address = party.address
    return address is not None and bool(address.line or address.city or address.postcode)


@rule("party.consignor_is_consignee", Severity.WARNING, source=SAFE, about=("consignee",))
def consignor_is_consignee(declaration: Declaration, _: Context) -> Sequence[Seen]:
    """Sender and receiver are two: the same name and address for both usually comes from copying."""
    consignor, consignee = declaration.consignor, declaration.consignee
    if consignor is None or consignee is None or not _is_same(consignor, consignee):
        return ()
    return [Seen("consignee", consignee.name or consignee.party_id, "The receiver is the same as the sender.")]


def _is_same(one: Party, other: Party) -> bool:
    if one.party_id and other.party_id:
        return one.party_id == other.party_id
    if not one.name or one.name.casefold() != other.name.casefold():
        return False
    return one.address is None or other.address is None or one.address.line.casefold() == other.address.line.casefold()
