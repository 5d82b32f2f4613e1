"""The postal form: our JSON and CSV under the post's names, and what goes without saying of an item in the post."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Final

from msgspec.structs import replace

from tidewaiter.messages.faults import seen
from tidewaiter.messages.form import Reading
from tidewaiter.messages.named_form import NamedForm
from tidewaiter.messages.vocabulary import vocabulary
from tidewaiter.model.declaration import Consignment, Declaration, GoodsItem, TransportMeans
from tidewaiter.model.finding import MappingNote

BY_POST: Final = TransportMeans(mode_code="5")  # UNECE Recommendation 19
POSTAL_ITEM: Final = "N750"  # EU code list CL754: movement by post including parcel post
GIFT: Final = "gift"
GIFT_PROCEDURE: Final = "C08"  # the code for a gift throughout the law data


class PostalForm(NamedForm):
    """CN 22 and CN 23 data of postal items."""

    name = "postal"
    title = "Postal item data (CN 22, CN 23), JSON or CSV"

    def __init__(self) -> None:
        super().__init__(vocabulary("postal"))

    def read(self, body: bytes) -> Reading:
        """As any form under other names, with a note on a category that is none."""
        reading = super().read(body)
        category = reading.declaration.transaction_nature_code if reading.declaration is not None else ""
        if reading.declaration is None or not category or category.isdecimal() or category in categories().values():
            return reading
        place = self.locate(reading.declaration, "transaction_nature_code")
        words = f"no category of item that is known here ({', '.join(categories())}): kept, and nothing follows from it"
        return replace(reading, notes=(*reading.notes, MappingNote(place, seen(category), words)))

    def completed(self, declaration: Declaration) -> Declaration:
        """Moved by post under its item number; the category as a code; a gift's lines as gifts."""
        consignment = declaration.consignment
        documents = consignment.transport_documents
        if documents and documents[0].document_id and not documents[0].type_code:
            documents = (replace(documents[0], type_code=POSTAL_ITEM), *documents[1:])
        nature = declaration.transaction_nature_code
        code = categories().get(nature.strip().casefold(), nature)
        items = declaration.goods_items
        if code == categories()[GIFT]:
            items = tuple(map(_as_gift, items))
        return replace(
            declaration,
            functional_reference_id=declaration.functional_reference_id or item_id(consignment),
            jurisdiction_code=declaration.jurisdiction_code or consignment.destination_country_code,
            transaction_nature_code=code,
            consignment=replace(
                consignment,
                transport_documents=documents,
                border_transport=consignment.border_transport or BY_POST,
            ),
            goods_items=items,
        )

    def taken_from(self, declaration: Declaration) -> Mapping[str, str]:
        """The reference from the item's number, whose customs from where it goes."""
        return {
            "functional_reference_id": "consignment.transport_documents[1].document_id",
            "jurisdiction_code": "consignment.destination_country_code",
        }

    def shortened(self, declaration: Declaration) -> Declaration:
        """Without what `completed` puts in."""
        consignment = declaration.consignment
        documents = consignment.transport_documents
        if documents and documents[0].type_code == POSTAL_ITEM:
            documents = (replace(documents[0], type_code=""), *documents[1:])
        is_named_alike = declaration.functional_reference_id == item_id(consignment)
        is_destinations = declaration.jurisdiction_code == consignment.destination_country_code
        nature = declaration.transaction_nature_code
        items = declaration.goods_items
        if nature == categories()[GIFT]:
            items = tuple(map(_not_as_gift, items))
        return replace(
            declaration,
            functional_reference_id="" if is_named_alike else declaration.functional_reference_id,
            jurisdiction_code="" if is_destinations else declaration.jurisdiction_code,
            transaction_nature_code={code: word for word, code in categories().items()}.get(nature, nature),
            consignment=replace(
                consignment,
                transport_documents=documents,
                border_transport=None if consignment.border_transport == BY_POST else consignment.border_transport,
            ),
            goods_items=items,
        )


def item_id(consignment: Consignment) -> str:
    """The number of the postal item, "" where none is given."""
    documents = consignment.transport_documents
    return documents[0].document_id if documents else ""


@cache
def categories() -> Mapping[str, str]:
    """The code of each category of item, by the word for it."""
    text = resources.files("tidewaiter.data").joinpath("messages/postal/codes.toml").read_text(encoding="utf-8")
    found: dict[str, str] = tomllib.loads(text)["category_of_item"]
    return found


def _as_gift(item: GoodsItem) -> GoodsItem:
    return item if item.additional_procedure_codes else replace(item, additional_procedure_codes=(GIFT_PROCEDURE,))


def _not_as_gift(item: GoodsItem) -> GoodsItem:
    is_plain = item.additional_procedure_codes == (GIFT_PROCEDURE,)
    return replace(item, additional_procedure_codes=()) if is_plain else item
