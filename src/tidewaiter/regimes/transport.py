"""How goods come: what time limits and conditions ask of a declaration's transport."""

from __future__ import annotations

import re
from typing import Final

from tidewaiter.model.declaration import Declaration
from tidewaiter.model.identifiers import S10Id

POST: Final = "5"  # UNECE Recommendation 19
CONTAINERISED: Final = "1"
_LOCODE: Final = re.compile(r"[A-Z]{2}[A-Z2-9]{3}", re.ASCII)  # UN/LOCODE: the country, then the place


def transport_mode(declaration: Declaration) -> str:
    """The mode at the border (UNECE Recommendation 19), else that on arrival; "" where none is stated."""
    consignment = declaration.consignment
    means = (consignment.border_transport, consignment.arrival_transport)
    return next((each.mode_code for each in means if each is not None and each.mode_code), "")


def is_containerised(declaration: Declaration) -> bool:
    """Whether the declaration says that the goods are in containers, or names one."""
    consignment = declaration.consignment
    if consignment.container_code:
        return consignment.container_code == CONTAINERISED
    return bool(consignment.container_ids) or any(item.container_ids for item in declaration.goods_items)


def loading_country(declaration: Declaration) -> str:
    """The country of the place of loading where it is a UN/LOCODE, else that the goods are sent from; "" for neither."""
    consignment = declaration.consignment
    places = (consignment.loading_place, *(item.loading_place for item in declaration.goods_items))
    coded = next((place[:2] for place in places if _LOCODE.fullmatch(place.replace(" ", ""))), "")
    return coded or consignment.export_country_code


def sent_from(declaration: Declaration) -> str:
    """The country of export, else that of the consignor's address; "" for neither."""
    if declaration.consignment.export_country_code:
        return declaration.consignment.export_country_code
    sender = declaration.consignor
    return sender.address.country_code if sender is not None and sender.address is not None else ""


def goes_by_post(declaration: Declaration) -> bool:
    """Whether a means of transport is the post, or a transport document the number of a postal item."""
    consignment = declaration.consignment
    means = (consignment.border_transport, consignment.arrival_transport)
    if any(each is not None and each.mode_code == POST for each in means):
        return True
    return any(S10Id.shape_problem(document.document_id) is None for document in consignment.transport_documents)
