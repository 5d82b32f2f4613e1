"""A quote's number: made of the quote's content under a key, verified without looking anything up.

The number is the beginning of a keyed digest (HMAC-SHA256, RFC 2104) over the canonical bytes, so that the same quote
has the same number and a quote altered where it is kept no longer has its own. The signature is a second keyed digest
over the number: who does not hold the key cannot make one. ADR 10 says why it is not a public-key signature.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from typing import Final

from tidewaiter.model.declaration import AdditionalInformation, Declaration, Document
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.model.identifiers import QuoteId

_NUMBER: Final = b"tidewaiter quote 1 number\0"
_SIGNATURE: Final = b"tidewaiter quote 1 signature\0"
KEY_BYTES: Final = 32


class ForgedQuoteError(TidewaiterError):
    """The number has the shape of a quote's and was not issued here."""

    code = "quote.forged"


def quote_id(content: bytes, key: bytes) -> QuoteId:
    """The number of the quote with these canonical bytes."""
    number = hmac.digest(key, _NUMBER + content, "sha256")[: QuoteId.NUMBER_BYTES]
    return QuoteId.of(number, _signature(number, key))


def verified(text: str, key: bytes) -> QuoteId:
    """The number written in `text`. Raises InvalidIdentifierError where it is none, ForgedQuoteError where not ours."""
    named = QuoteId.typed(text)
    number, signature = named.parts
    if not hmac.compare_digest(signature, _signature(number, key)):
        raise ForgedQuoteError(
            f"{named} was not issued here: its signature is not right",
            hint="Copy the whole number from the quote; a single letter typed wrongly is enough. Or ask for a new quote.",
        )
    return named


def named_by(declaration: Declaration) -> str:
    """The number of the quote a declaration names; "" where it names none.

    It stands in `quote_id`, or, in forms that have no such element, as a statement or a document's number.
    """
    if declaration.quote_id:
        return declaration.quote_id
    return next((text for text in _texts(declaration) if text[: len(QuoteId.PREFIX) + 1] == f"{QuoteId.PREFIX}-"), "")


def _texts(declaration: Declaration) -> Iterator[str]:
    documents: tuple[Document, ...] = declaration.previous_documents + declaration.documents
    statements: tuple[AdditionalInformation, ...] = declaration.additional_information
    yield from (document.document_id for document in documents)
    yield from (statement.statement for statement in statements)
    for item in declaration.goods_items:
        yield from (document.document_id for document in item.previous_documents + item.documents)
        yield from (statement.statement for statement in item.additional_information)


def _signature(number: bytes, key: bytes) -> bytes:
    return hmac.digest(key, _SIGNATURE + number, "sha256")[: QuoteId.SIGNATURE_BYTES]
