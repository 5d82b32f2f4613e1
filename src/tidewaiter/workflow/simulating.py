"""A simulated world as files: messages in a wire form, the truth apart, and what it takes to make it again.

FOLDER/messages/…  one file for each day, or for each flight and day
FOLDER/truth.csv   one row for each parcel with something wrong
FOLDER/world.json  seed, version, parameters, digests, counts; written last, so that a folder with it is whole
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterator
from datetime import date
from enum import StrEnum
from itertools import count, islice
from pathlib import Path

import msgspec

from tidewaiter.messages import forms
from tidewaiter.messages.form import Form
from tidewaiter.model.canonical import canonical_bytes
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import TidewaiterError
from tidewaiter.simulation import VERSION
from tidewaiter.simulation.oracle import Oracle
from tidewaiter.simulation.parameters import Kind
from tidewaiter.simulation.summary import Manifest, Summary
from tidewaiter.simulation.world import TRUTH_COLUMNS, Parcel, World

FILE_PARCELS_MAX = 20_000  # in one file, and in memory
_SUFFIXES = {"csv": ".csv", "json": ".jsonl", "postal": ".json", "marketplace": ".json"}
WORLD, TRUTH, MESSAGES = "world.json", "truth.csv", "messages"


class SimulationFolderError(TidewaiterError):
    """The folder holds no whole simulation, or one that was changed."""

    code = "simulation.folder"


class By(StrEnum):
    """What one file holds."""

    DAY = "day"
    FLIGHT = "flight"


def writable(form_name: str) -> Form:
    """The form of that name. Raises NotFoundError for unknown ones, SimulationFolderError for forms that are read only."""
    form = forms.by_name(form_name)
    if form_name in forms.READ_ONLY:
        names = ", ".join(name for name in forms.forms() if name not in forms.READ_ONLY)
        raise SimulationFolderError(
            f"messages of the form “{form_name}” are not written", hint=f"Choose one of {names}."
        )
    return form


def publish(world: World, form: Form, by: By, folder: Path, told: Callable[[int], None]) -> Manifest:
    """Write the world into an empty or new folder; `told` hears of each number of parcels written.

    Raises SimulationFolderError where the folder holds anything.
    """
    if folder.exists() and any(folder.iterdir()):
        raise SimulationFolderError(f"{folder} is not empty", hint="Name a new folder.")
    (folder / MESSAGES).mkdir(parents=True, exist_ok=True)
    summary, truth_digest = Summary(), hashlib.sha256()
    with (folder / TRUTH).open("wb") as truth:

        def keep(rows: list[tuple[str, ...]]) -> None:
            written = _csv(rows)
            truth_digest.update(written)
            truth.write(written)

        keep([TRUTH_COLUMNS])
        for day, parcels in world.days():
            week = (day - world.parameters.first_day).days // 7
            for part in count(1):
                some = tuple(islice(parcels, FILE_PARCELS_MAX))
                if not some:
                    break
                for parcel in some:
                    summary.add(week, parcel)
                keep([parcel.truth.row() for parcel in some if parcel.truth])
                for name, declarations in _files(day, part, some, by):
                    suffix = _SUFFIXES.get(form.name, ".xml")
                    (folder / MESSAGES / f"{name}{suffix}").write_bytes(form.write(declarations))
                told(len(some))
    manifest = _manifest(world, summary, form=form.name, by=by, truth_digest=truth_digest.hexdigest())
    (folder / WORLD).write_bytes(msgspec.json.format(canonical_bytes(manifest), indent=1) + b"\n")
    return manifest


def opened(folder: Path) -> Manifest:
    """What `world.json` says. Raises SimulationFolderError where there is none or the truth is not the one it was made with."""
    try:
        manifest = msgspec.json.decode((folder / WORLD).read_bytes(), type=Manifest)
        digest = hashlib.sha256((folder / TRUTH).read_bytes()).hexdigest()
    except FileNotFoundError as error:
        detail = f"{folder} holds no whole simulation: {error.filename} is missing"
        raise SimulationFolderError(detail, hint="tidewaiter simulate world --out FOLDER makes one.") from error
    except msgspec.DecodeError as error:
        raise SimulationFolderError(f"{folder / WORLD}: {error}", hint="Make the world anew.") from error
    if digest != manifest.truth_digest:
        raise SimulationFolderError(f"{folder / TRUTH} was changed after it was made", hint="Make the world anew.")
    return manifest


def truths(folder: Path) -> Iterator[dict[str, str]]:
    """The rows of `truth.csv` by their columns."""
    with (folder / TRUTH).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def oracle_of(folder: Path) -> Oracle:
    """Who examines parcels of this folder's world."""
    manifest = opened(folder)
    schemes = {row["parcel"]: Kind(row["scheme"]) for row in truths(folder)}
    return Oracle(manifest.seed, manifest.parcels, manifest.parameters, schemes)


def declarations(folder: Path) -> Iterator[tuple[date, Declaration]]:
    """Every declaration of the folder's messages with its day of arrival, read by the house's own readers."""
    form = forms.by_name(opened(folder).form)
    for path in sorted((folder / MESSAGES).iterdir()):
        with path.open("rb") as stream:
            for record in form.split(stream):
                declaration = form.read(record.body).declaration
                if declaration is None:
                    raise SimulationFolderError(
                        f"{path}: record {record.position} cannot be read", hint="Make the world anew."
                    )
                yield declaration.consignment.arrival_on or date.fromisoformat(path.name[:10]), declaration


def _files(day: date, part: int, parcels: tuple[Parcel, ...], by: By) -> Iterator[tuple[str, list[Declaration]]]:
    """Names, without suffix, and what goes into each file."""
    groups: dict[str, list[Declaration]] = {}
    for parcel in parcels:
        transport = parcel.declaration.consignment.border_transport
        flight = f"-{transport.means_id}" if by is By.FLIGHT and transport else ""
        groups.setdefault(flight, []).append(parcel.declaration)
    for flight in sorted(groups):
        yield f"{day.isoformat()}{flight}-{part:02d}", groups[flight]


def _csv(rows: list[tuple[str, ...]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _manifest(world: World, summary: Summary, *, form: str, by: By, truth_digest: str) -> Manifest:
    return Manifest(
        simulator=VERSION,
        seed=world.size.seed,
        weeks=world.size.weeks,
        parcels=world.size.parcels,
        identities="noisy" if world.is_noisy else "clean",
        form=form,
        by=by,
        parameters_digest=world.parameters.digest,
        parcels_digest=summary.parcels_digest,
        truth_digest=truth_digest,
        channels=summary.channels,
        countries=summary.countries,
        declared_bands=summary.declared_bands,
        by_week=summary.by_week,
        parameters=world.parameters,
    )
