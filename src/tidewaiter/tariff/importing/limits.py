"""Limits on tariff files. The largest published one (the UK's measures on declarable commodities) has some 200 MB."""

from __future__ import annotations

from typing import Final

FILE_BYTES_MAX: Final = 512 * 1024 * 1024  # one tariff file, unpacked
FILES_MAX: Final = 50_000  # in one import, archives unpacked (the UK API gives one for each commodity)
ROWS_MAX: Final = 5_000_000  # lines of one file
COLUMNS_MAX: Final = 200
TEXT_LENGTH_MAX: Final = 20_000  # one field
FAULTS_SHOWN: Final = 20  # what is wrong with a file, listed at once
