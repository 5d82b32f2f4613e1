"""Limits on what comes from outside. Documented in `docs/reference/limits.md`, which is generated from here."""

from __future__ import annotations

from typing import Final

RECORD_BYTES_MAX: Final = 32 * 1024 * 1024  # one declaration as bytes
MESSAGE_MEMORY_BYTES_MAX: Final = 256 * 1024**2  # memory for a message of up to 1 MiB, as `bench fuzz` measures it
GOODS_ITEMS_MAX: Final = 9_999  # lines in one declaration (EU H7: 9,999)
TEXT_LENGTH_MAX: Final = 100_000  # characters in one value; more is refused, not cut
XML_DEPTH_MAX: Final = 64  # nested elements
XML_ELEMENTS_MAX: Final = 1_000_000  # elements in one XML document
XML_ATTRIBUTES_MAX: Final = 64  # attributes of one XML element
EXTRAS_MAX: Final = 200_000  # elements of one declaration kept without being interpreted
CEB_RECORDS_MAX: Final = 10_000  # records in one cross-border e-commerce message (the specification: 100)
CEB_AROUND_BYTES_MAX: Final = 64 * 1024  # what stands around them: who transmits, the signature
JSON_DEPTH_MAX: Final = 64  # nested objects and lists
TEXT_LINES_MAX: Final = 30_000  # lines of one teletype text
CSV_COLUMNS_MAX: Final = 2_000  # columns in one header
NUMBER_DIGITS_MAX: Final = 18  # digits before the decimal point of an amount, mass or quantity
WHOLE_NUMBER_MAX: Final = 2**31 - 1  # of packages, items, lines
FRACTION_DIGITS_MAX: Final = 12  # digits after its decimal point
FAULTS_MAX: Final = 50  # findings reported on one unreadable declaration
ARCHIVE_RATIO_MAX: Final = 200  # decompressed bytes for each compressed byte
ARCHIVE_MEMBERS_MAX: Final = 100_000  # files in one zip
ARCHIVE_DIRECTORY_BYTES_MAX: Final = 64 * 1024**2  # the table of contents of one zip
ARCHIVE_BYTES_MAX: Final = 64 * 1024**3  # decompressed bytes in all
REQUEST_BYTES_MAX: Final = 1024**3  # one request to the REST API
RETURN_MESSAGE_BYTES_MAX: Final = 16 * 1024 * 1024  # one message with returns or exit events
QUOTE_BYTES_MAX: Final = 256 * 1024  # one basket to be quoted, as JSON
QUOTE_ITEMS_MAX: Final = 500  # lines in one basket to be quoted; a larger load is declared
QUOTES_A_MINUTE_MAX: Final = 60  # quotes given in one minute to one address that sends no key
DESCRIPTION_BYTES_MAX: Final = 256 * 1024  # descriptions asked about in one request, as JSON
DESCRIPTIONS_MAX: Final = 100  # descriptions asked about in one request
DESCRIPTIONS_A_MINUTE_MAX: Final = 60  # requests about descriptions in one minute from one address that sends no key
QUOTE_VALID_DAYS: Final = 30  # that a quote is good for at most; less where the law is known to change
QUOTE_KEPT_DAYS: Final = 1_100  # that a quote is kept and can be named: the three years in which customs may come back to a debt (Union Customs Code, Article 103), and a little more
