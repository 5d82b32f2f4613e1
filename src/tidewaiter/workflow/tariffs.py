"""Tariffs brought in from published files, and which edition is in force for a jurisdiction on a day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from tidewaiter.data.nomenclature import nearest_edition
from tidewaiter.messages import archives
from tidewaiter.model.canonical import digest
from tidewaiter.model.errors import MessageError, NotFoundError, TidewaiterError
from tidewaiter.regimes import Regime, load_regime
from tidewaiter.regimes.library import joins_tariffs, lineage
from tidewaiter.tariff.coverage import Coverage, Thin, counted, coverage, laid_over, thin, thin_in_words
from tidewaiter.tariff.importing import FileReport, Heading, Imported, Source, TariffFileError, imported
from tidewaiter.tariff.importing.limits import FILE_BYTES_MAX, FILES_MAX
from tidewaiter.tariff.tariff import Tariff

KIND = "tariff"  # of its content among the kept knowledge
TARIFFS_KEPT = 4  # at hand in one process: a whole one is large


class SourceReport(Struct, frozen=True):
    """A file that an edition was made of."""

    digest: str
    file: FileReport


class Edition(Struct, frozen=True, kw_only=True):
    """A tariff as it was imported; `digest` is that of its content."""

    edition_id: int
    jurisdiction_code: str
    in_force_from: date
    digest: str
    imported_at: datetime
    imported_by: str
    sources: tuple[SourceReport, ...] = ()
    gap_count: int = 0


class Brought(Struct, frozen=True, kw_only=True):
    """What an import came to: the edition, which chapters and how many codes the files have, and what that is held against.

    `measured_by` is the edition before, in words, or the Harmonized System where there was none. `words` say what
    the edition means for amounts.
    """

    edition: Edition
    covered: Coverage
    measured_by: str
    before: Coverage
    left_out: tuple[Thin, ...]
    words: tuple[str, ...]


class PartialTariffError(TidewaiterError):
    """The files hold far less than a whole tariff, and it was not said that they are meant as a part of one."""

    code = "tariff.partial"


class NewEdition(Struct, frozen=True, kw_only=True):
    """An edition about to be kept, with its content."""

    tariff: Tariff
    imported_at: datetime
    imported_by: str
    sources: tuple[SourceReport, ...]


class Editions(Protocol):
    """What importing needs of the store."""

    def add(self, new: NewEdition) -> Edition:
        """Keep an edition and its content in one transaction; the one there is where it is the same already."""

    def all(self) -> tuple[Edition, ...]:
        """Every edition, the earliest first."""

    def version(self) -> int:
        """The number of the last edition; 0 where none is imported."""

    def content(self, digest: str) -> bytes:
        """The content of an edition. Raises NotFoundError."""


class Library(Protocol):
    """Where editions and contents are found; a store is one."""

    @property
    def tariffs(self) -> Editions:
        """The editions."""

    def knowledge(self, digest: str) -> bytes:
        """The content kept under a digest. Raises NotFoundError."""


class Known(Struct, frozen=True):
    """The editions there are and where their contents come from: what a shelf of law needs to find a tariff.

    Sent to another process it brings the way to the contents, not the contents.
    """

    editions: tuple[Edition, ...] = ()
    contents: Callable[[str], bytes] | None = None
    version: int = 0  # of the last edition

    def tariff(self, jurisdiction_code: str, on: date) -> Tariff | None:
        """The tariff for a jurisdiction on a day, its own or the nearest parent's; None where none is imported."""
        edition = self.edition(jurisdiction_code, on)
        return self.by_digest(edition.digest) if edition is not None else None

    def edition(self, jurisdiction_code: str, on: date) -> Edition | None:
        """The edition for a jurisdiction on a day, its own or the nearest parent's; None where none is imported."""
        if not self.editions:
            return None
        found = (in_force(self.editions, book.code, on) for book in reversed(lineage(jurisdiction_code)))
        return next((each for each in found if each is not None), None)

    def regime(self, jurisdiction_code: str, on: date) -> Regime:
        """The law of a jurisdiction on a day, by the tariff that is imported for it. Raises as `load_regime` does."""
        tariff = self.tariff(jurisdiction_code, on)
        return load_regime(jurisdiction_code, on) if tariff is None else load_regime(jurisdiction_code, on, tariff)

    def next_edition(self, jurisdiction_code: str, after: date) -> date | None:
        """The first later day from which another edition is in force for a jurisdiction; None where none is imported."""
        codes = {book.code for book in lineage(jurisdiction_code)}
        days = [e.in_force_from for e in self.editions if e.in_force_from > after and e.jurisdiction_code in codes]
        return min(days, default=None)

    def by_digest(self, digest: str) -> Tariff:
        """The tariff of this digest, read once and kept at hand. Raises NotFoundError."""
        if self.contents is None:
            raise NotFoundError(f"no tariff is kept under {digest}")
        return _by_digest(digest, self.contents)


NOTHING_IMPORTED = Known()


def known(library: Library) -> Known:
    """The editions as they stand in a store."""
    version = library.tariffs.version()
    return Known(library.tariffs.all(), library.knowledge, version) if version else NOTHING_IMPORTED


@lru_cache(maxsize=TARIFFS_KEPT)
def _by_digest(digest: str, contents: Callable[[str], bytes]) -> Tariff:
    return Tariff.from_content(contents(digest))


def in_force(editions: Iterable[Edition], jurisdiction_code: str, on: date) -> Edition | None:
    """The edition of a jurisdiction on a day: the last that is in force from it or before, imported last; or None."""
    mine = [each for each in editions if each.jurisdiction_code == jurisdiction_code and each.in_force_from <= on]
    return max(mine, key=lambda each: (each.in_force_from, each.edition_id), default=None)


def sources_of(paths: Sequence[Path]) -> list[Source]:
    """The files, archives unpacked. Raises TariffFileError for what is too large, damaged or too much."""
    found: list[Source] = []
    for path in paths:
        with path.open("rb") as stream:
            try:
                for member in archives.members(stream, path.name):
                    body = member.stream.read(FILE_BYTES_MAX + 1)
                    if len(body) > FILE_BYTES_MAX:
                        raise TariffFileError(f"it has more than {FILE_BYTES_MAX:,} bytes", place=member.name)
                    found.append(Source(member.name, body))
                    if len(found) > FILES_MAX:
                        raise TariffFileError(f"there are more than {FILES_MAX:,} files", place=path.name)
            except MessageError as error:
                raise TariffFileError(error.detail, hint=error.hint, place=error.place or path.name) from error
    return found


def import_files(sources: Sequence[Source], heading: Heading, editions: Editions, by: str, at: datetime) -> Brought:
    """Read the files as one tariff and keep it, whole or not at all.

    Files that are said to be a part of a tariff are laid over the edition before: the chapters in them are theirs, all
    others stay. Raises TariffFileError; NotInForceError for a jurisdiction whose law is not modelled; and
    PartialTariffError for files that hold far less than the edition before, or than the Harmonized System where there
    was none, without being said to be a part; and for a part in which a chapter is cut.
    """
    lineage(heading.jurisdiction_code)
    read: Imported = imported(sources, heading)
    on = heading.in_force_from
    edition = in_force(editions.all(), heading.jurisdiction_code, on)
    standing = Tariff.from_content(editions.content(edition.digest)) if edition is not None else None
    system = nearest_edition(on)
    before = coverage(standing, on) if standing is not None else counted(system.subheadings)
    measured_by = f"edition {edition.edition_id}" if edition is not None else system.title
    if standing is not None and standing.states_duty and not read.tariff.states_duty:
        raise PartialTariffError(
            f"the files state no duties, and {measured_by} does: it would end them; nothing was imported",
            hint="import the codes together with the file of their measures",
        )
    covered = coverage(read.tariff, on)
    left_out = thin(covered, before)
    if left_out and not heading.is_partial:
        raise _partial(covered, measured_by, before, left_out)
    if standing is not None and (cut := [each for each in left_out if each.codes]):
        raise _cut(measured_by, cut)
    tariff = laid_over(read.tariff, standing) if standing is not None and heading.is_partial else read.tariff
    reports = tuple(SourceReport(digest(each.body), file) for each, file in zip(sources, read.files, strict=True))
    kept = editions.add(NewEdition(tariff=tariff, imported_at=at, imported_by=by, sources=reports))
    words = (*_what_of_the_rest(heading, edition, left_out), *_use(heading, tariff))
    return Brought(
        edition=kept, covered=covered, measured_by=measured_by, before=before, left_out=left_out, words=words
    )


def _partial(covered: Coverage, measured_by: str, before: Coverage, left_out: Sequence[Thin]) -> PartialTariffError:
    return PartialTariffError(
        f"the files hold {covered.total:,} codes in chapters {covered.chapters or 'none'}, where {measured_by} has "
        f"{before.total:,}: {thin_in_words(left_out)}; nothing was imported",
        hint="import all files of the tariff together; or, if these are meant to change their chapters alone, say --partial",
    )


def _cut(measured_by: str, cut: Sequence[Thin]) -> PartialTariffError:
    """A part takes the place of whole chapters, and these are none."""
    return PartialTariffError(
        f"against {measured_by} chapter {thin_in_words(cut)} codes: the others would be gone; nothing was imported",
        hint="a part changes whole chapters: import all codes of each chapter that is in it",
    )


def _what_of_the_rest(heading: Heading, before: Edition | None, left_out: Sequence[Thin]) -> Sequence[str]:
    """What became of the chapters that are not in the files."""
    if not heading.is_partial:
        return ()
    if before is not None:
        number, day = before.edition_id, before.in_force_from
        return (f"The chapters in the files are as the files say; all others stay as in edition {number} from {day}.",)
    if not left_out:
        return ()
    return ("There was no edition before: goods of chapters that are not in the files have no duty rate from now on.",)


def _use(heading: Heading, tariff: Tariff) -> Sequence[str]:
    """What the law makes of the tariff, where that is not what everybody expects."""
    code = heading.jurisdiction_code
    if not tariff.states_duty:
        return ("It states no duties: commodity codes are looked up in it, and amounts do not change.",)
    if joins_tariffs(code, heading.in_force_from):
        return ()
    title = lineage(code)[-1].jurisdiction.title
    return (
        f"The law of {title} on {heading.in_force_from}, as it is entered here, does not say how an imported tariff joins it: "
        "commodity codes and controls are looked up in it, and amounts do not change.",
    )


def tariff_on(editions: Editions, jurisdiction_code: str, on: date) -> tuple[Edition, Tariff]:
    """The edition of a jurisdiction in force on a day, with its tariff. Raises NotFoundError where there is none."""
    every = editions.all()
    edition = in_force(every, jurisdiction_code, on)
    if edition is None:
        known = sorted({f"{each.jurisdiction_code} from {each.in_force_from}" for each in every})
        raise NotFoundError(
            f"no tariff of {jurisdiction_code} is imported that is in force on {on}",
            hint=f"imported: {', '.join(known)}" if known else "import one: tidewaiter tariff import FILE…",
        )
    return edition, Tariff.from_content(editions.content(edition.digest))
