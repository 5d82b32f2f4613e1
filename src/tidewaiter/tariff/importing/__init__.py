"""Published tariff files, told by what stands in them and never by their names, read whole or not at all.

    imported(sources, heading) -> Imported     raises TariffFileError (file, line, what to do) with nothing half-read

`Imported.tariff` is the tariff, `Imported.files` what each file was taken for and how much came of it. What was said and
could not be understood stands in the tariff's gaps, with its place.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from tidewaiter.tariff.importing import lists, nomenclatures, uk_api, us
from tidewaiter.tariff.importing.assembling import assembled
from tidewaiter.tariff.importing.limits import FILE_BYTES_MAX, FILES_MAX
from tidewaiter.tariff.importing.parts import Heading, Parts, Source, TariffFileError, refusal
from tidewaiter.tariff.importing.tables import Table, table
from tidewaiter.tariff.tariff import Tariff

__all__ = ["FileReport", "Heading", "Imported", "Source", "TariffFileError", "imported", "layout_of"]

UNKNOWN_HINT = "docs/how-to/tariff.md lists the published files that are read"


class Layout(Struct, frozen=True):
    """A layout of published files as tables: `columns` that all must be there."""

    title: str
    columns: frozenset[str]
    read: Callable[[Table, Parts], None]


LAYOUTS = (
    Layout("TARIC nomenclature", nomenclatures.TARIC, nomenclatures.read_taric),
    Layout("Harmonized System", nomenclatures.HS, nomenclatures.read_hs),
    Layout("UK commodities", nomenclatures.UK_COMMODITIES, nomenclatures.read_uk_commodities),
    Layout("UK measures on declarable commodities", lists.UK_MEASURES, lists.read_uk_measures),
    Layout("US annual 8-digit rates", us.RATES, us.read_rates),
    Layout("US schedule (USITC export, CSV)", us.EXPORT, us.read_export_table),
    Layout("table of rates", lists.RATES, lists.read_rates),
)
US_JSON = "US schedule (USITC export, JSON)"
COMMODITY = "UK tariff API, commodity"
AREAS = "UK tariff API, geographical areas"


class FileReport(Struct, frozen=True, omit_defaults=True):
    """What one file was taken for and how much came of it."""

    name: str
    layout: str
    lines: int
    measures: int
    areas: int
    gaps: int
    notes: tuple[str, ...] = ()


class Imported(Struct, frozen=True):
    """A tariff with what became of each file."""

    tariff: Tariff
    files: tuple[FileReport, ...]


def imported(sources: Sequence[Source], heading: Heading) -> Imported:
    """The tariff of these files. Raises TariffFileError where one of them is not read or something is wrong."""
    if not sources:
        raise TariffFileError("no file was given")
    if len(sources) > FILES_MAX:
        raise TariffFileError(f"{len(sources):,} files are more than {FILES_MAX:,}")
    read = [_read(source, number, heading) for number, source in enumerate(sources, 1)]
    if faults := [fault for parts in read for fault in parts.faults]:
        raise refusal(faults)
    files = tuple(
        FileReport(
            name=parts.source.name,
            layout=parts.layout,
            lines=len(parts.lines),
            measures=len(parts.measures),
            areas=len(parts.areas),
            gaps=len(parts.gaps),
            notes=tuple(parts.notes),
        )
        for parts in read
    )
    return Imported(Tariff.of(assembled(read, heading)), files)


def layout_of(source: Source) -> str:
    """The title of the layout a file has; "" where it is none that is read. Raises nothing for what cannot be read."""
    try:
        if _is_json(source.body):
            return _json_layout(_document(source))
        found = table(source)
        layout = _layout(found) if found is not None else None
        return layout.title if layout is not None else ""
    except TariffFileError:
        return ""


def _read(source: Source, number: int, heading: Heading) -> Parts:
    parts = Parts(source, number, heading)
    if len(source.body) > FILE_BYTES_MAX:
        raise TariffFileError(f"the file has more than {FILE_BYTES_MAX:,} bytes", place=source.name)
    if _is_json(source.body):
        _read_json(_document(source), parts)
        return parts
    found = table(source)
    layout = _layout(found) if found is not None else None
    if found is None or layout is None:
        columns = f"; its columns are {', '.join(found.columns[:12])}"[:300] if found is not None else ""
        raise TariffFileError(f"this is no tariff file that is read{columns}", hint=UNKNOWN_HINT, place=source.name)
    parts.layout = layout.title
    layout.read(found, parts)
    return parts


def _layout(found: Table) -> Layout | None:
    columns = set(found.columns)
    for layout in LAYOUTS:
        if layout.columns <= columns and (
            layout.read is not lists.read_rates or any(each.endswith(lists.RATE_SUFFIX) for each in columns)
        ):
            return layout
    return None


def _is_json(body: bytes) -> bool:
    return body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")


def _document(source: Source) -> Any:
    try:
        return json.loads(source.body.decode("utf-8-sig"), parse_float=Decimal)
    except RecursionError:
        raise TariffFileError("the document is nested too deeply", place=source.name) from None
    except json.JSONDecodeError as error:
        place = f"{source.name} line {error.lineno}"
        raise TariffFileError(f"it is no JSON: {error.msg}", hint="was it cut short?", place=place) from error
    except ValueError as error:
        raise TariffFileError("it is not UTF-8", hint="save it as UTF-8", place=source.name) from error


def _json_layout(document: Any) -> str:
    document = uk_api.nested(document)
    if uk_api.is_commodity(document):
        return COMMODITY
    if uk_api.is_areas(document):
        return AREAS
    if (
        isinstance(document, list)
        and document
        and isinstance(document[0], dict)
        and set(document[0]) >= us.EXPORT_FIELDS
    ):
        return US_JSON
    return ""


def _read_json(document: Any, parts: Parts) -> None:
    parts.layout, document = _json_layout(document), uk_api.nested(document)
    if parts.layout == COMMODITY:
        uk_api.read_commodity(document, parts)
    elif parts.layout == AREAS:
        uk_api.read_areas(document, parts)
    elif parts.layout == US_JSON:
        us.read_export_json(document, parts)
    else:
        raise TariffFileError("this is no tariff document that is read", hint=UNKNOWN_HINT, place=parts.source.name)
