"""Published schemas and rules in use: which apply to the messages of a form for a jurisdiction.

They are named in a TOML file, read and checked as a whole when a process opens:

    [[book]]
    form = "ens"
    jurisdiction = "GB"
    folder = "hmrc"       # from where the file lies; rule files in its folder `rules`, schemas anywhere below
    edition = "New"       # the base if left out

What was used is kept by its digest, so that a decision can be run again when the folder has changed.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from tidewaiter.messages.ens.checks import EnsChecks
from tidewaiter.model.declaration import Declaration
from tidewaiter.model.errors import TidewaiterError

BOOKS_VARIABLE: Final = "TIDEWAITER_RULE_BOOKS"
KIND: Final = "rules"  # of what is kept
FORMS: Final = ("ens",)


class BooksError(TidewaiterError):
    """The file that names the published rules cannot be used; no process opens with half of it."""

    code = "rulebook.setting"


class _Book(Struct, frozen=True, forbid_unknown_fields=True):
    form: str
    jurisdiction: str
    folder: str
    edition: str = ""


class _Books(Struct, frozen=True, forbid_unknown_fields=True):
    book: tuple[_Book, ...] = ()


class Books:
    """The checks in use, by form and jurisdiction. Sent to another process it brings the contents, not what is compiled."""

    def __init__(self, contents: Mapping[tuple[str, str], bytes] | None = None) -> None:
        self._checks = {key: EnsChecks(content) for key, content in (contents or {}).items()}

    def __reduce__(self) -> tuple[type[Books], tuple[dict[tuple[str, str], bytes]]]:
        return Books, ({key: checks.content for key, checks in self._checks.items()},)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Books:
        """Those that TIDEWAITER_RULE_BOOKS names; none where it is unset. Raises BooksError, RulebookError, MessageError."""
        values = os.environ if environment is None else environment
        named = values.get(BOOKS_VARIABLE, "")
        return cls.from_file(Path(named).expanduser()) if named else cls()

    @classmethod
    def from_file(cls, path: Path) -> Books:
        """Those that a TOML file names. Raises BooksError, RulebookError, MessageError."""
        try:
            said = msgspec.convert(tomllib.loads(path.read_text("utf-8")), _Books)
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
            raise BooksError(
                f"{path} does not name published rules: {error}",
                hint="Write [[book]] with form, jurisdiction, folder and perhaps edition.",
            ) from error
        contents = {}
        for book in said.book:
            key = (book.form, book.jurisdiction)
            if book.form not in FORMS or key in contents:
                words = "has no published rules" if book.form not in FORMS else f"has two books for {book.jurisdiction}"
                raise BooksError(f"{path}: the form “{book.form}” {words}", hint=f"Forms are {', '.join(FORMS)}.")
            contents[key] = EnsChecks.from_folder(path.parent / book.folder, book.edition).content
        return cls(contents)

    @property
    def contents(self) -> dict[str, tuple[str, bytes]]:
        """What has to be kept before anything is decided by it: digest → (kind, content)."""
        return {checks.digest: (KIND, checks.content) for checks in self._checks.values()}

    def of(self, form: str, declaration: Declaration | None) -> EnsChecks | None:
        """The checks for a declaration that came in this form; None where there are none."""
        return None if declaration is None else self._checks.get((form, declaration.jurisdiction_code))
