"""A publisher's schemas and rules together, in one edition, as one content that is kept by its digest."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from tidewaiter.messages import xml
from tidewaiter.messages.ens.form import document_of
from tidewaiter.messages.ens.schemas import Schemas
from tidewaiter.messages.ens.verdict import verdict
from tidewaiter.messages.form import Reading
from tidewaiter.messages.rulebooks import Rulebook
from tidewaiter.messages.rulebooks.book import files_in
from tidewaiter.model.errors import MessageError

MESSAGES = ("CC315A", "CC313A")


class _Content(Struct, frozen=True):
    """What the checks are, to the byte; files by name or path."""

    edition: str
    rules: dict[str, bytes]
    schemas: dict[str, bytes]


class EnsChecks:
    """Schemas and rules that messages of the form "ens" are checked by. Compiled when first asked."""

    def __init__(self, content: bytes) -> None:
        """`content` is what another of these has as its `content`."""
        self.content = content
        self.digest = hashlib.sha256(content).hexdigest()

    @classmethod
    def from_folder(cls, folder: Path, edition: str = "") -> EnsChecks:
        """The checks of the rule files in `folder`/rules and the schemas below `folder`, all of them or none.

        Raises RulebookError or MessageError for files that cannot be used, or an edition that the rules do not have.
        """
        rules, schemas = files_in(folder / "rules"), Schemas.from_folder(folder).files
        Rulebook.from_files(rules, str(folder / "rules")).rules(edition)
        found = cls(msgspec.msgpack.encode(_Content(edition, rules, schemas), order="deterministic"))
        for name in MESSAGES:
            problem = found._schemas.problem(name, edition)
            if problem:
                raise MessageError(problem, hint=f"the schemas below {folder} have to compile")
        return found

    @cached_property
    def _files(self) -> _Content:
        return msgspec.msgpack.decode(self.content, type=_Content)

    @cached_property
    def _schemas(self) -> Schemas:
        return Schemas(self._files.schemas)

    @cached_property
    def _rules(self) -> Rulebook:
        return Rulebook.from_files(self._files.rules)

    def checked(self, reading: Reading, body: bytes) -> Reading:
        """The reading of a record, with what its publisher's schemas and rules find in it."""
        if reading.declaration is None:
            return reading
        try:
            root = document_of(xml.parse(body))
        except xml.XmlFault:
            return reading
        found = verdict(root, self._schemas, self._rules, self._files.edition)
        return replace(reading, findings=(*reading.findings, *found))
