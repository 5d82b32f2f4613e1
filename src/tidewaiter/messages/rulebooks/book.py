"""A book of rules: loaded as a whole from its files, or not at all; asked what a message breaks.

A book may hold several *editions* of the same rules. A file whose name is that
of another with a suffix (`a_New.json` beside `a.json`), about the same element
and with error codes that the other has too, is the edition "New" of it and
stands in its place there; without a code in common it is a further file of
every edition.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any, Final

from lxml import etree
from msgspec import Struct

from tidewaiter.messages.faults import seen
from tidewaiter.messages.rulebooks.compile import ExpressionError, compiled
from tidewaiter.messages.rulebooks.nodes import Node, Path, WorkExceededError, contexts, document
from tidewaiter.model.errors import TidewaiterError

FILES_MAX: Final = 2_000
FILE_BYTES_MAX: Final = 1024 * 1024
ASSERTS_MAX: Final = 2_000  # in one file
FAULTS_SHOWN: Final = 20
BREACHES_MAX: Final = 1_000  # of one message
BASE: Final = ""  # the edition that has no name of its own

_KEYS: Final = ("element", "name", "asserts")
_ASSERT_KEYS: Final = ("test", "errorCode", "errorMessage")
_OPTIONAL_KEYS: Final = ("localErrorMessage",)


class RulebookError(TidewaiterError):
    """Rule files that cannot all be used; none of them is. The detail names every fault with its file and place."""

    code = "rulebook.malformed"


class Assert(Struct, frozen=True):
    """One assert: the code and words of the error where its test comes to false."""

    code: str
    words: str
    holds: Callable[[Node], bool]


class Rule(Struct, frozen=True):
    """One file: what is asserted of each element at a path."""

    file_name: str
    name: str
    element: tuple[str, ...]
    asserts: tuple[Assert, ...]


class Breach(Struct, frozen=True):
    """An assert that does not hold. `place` is the element, in local names with positions: /CC315A[1]/HEAHEA[1]."""

    code: str
    words: str
    place: str
    rule: str
    value: str = ""


class Rulebook:
    """Rules of one publisher for one kind of message, in one or several editions."""

    def __init__(self, editions: Mapping[str, tuple[Rule, ...]], digest: str, file_count: int) -> None:
        self._editions = dict(editions)
        self.digest = digest  # SHA-256 over the names and contents of the files, hexadecimal
        self.file_count = file_count

    @classmethod
    def from_folder(cls, folder: FilePath) -> Rulebook:
        """The book that the .json files of a folder make. Raises RulebookError with every fault."""
        return cls.from_files(files_in(folder), str(folder))

    @classmethod
    def from_files(cls, files: Mapping[str, bytes], source: str = "") -> Rulebook:
        """The book that files by name make. Raises RulebookError with every fault."""
        if not files:
            raise RulebookError(
                f"no rule file was found in {source}", hint="A rule file is JSON; its name ends in .json."
            )
        rules, faults = [], []
        for name in sorted(files):
            try:
                rules.append(_rule(name, files[name]))
            except _FileFaults as found:
                faults += found.faults
        if faults:
            listed = "\n".join(faults[:FAULTS_SHOWN])
            more = f"\nand {len(faults) - FAULTS_SHOWN} more" if len(faults) > FAULTS_SHOWN else ""
            raise RulebookError(
                f"{len(faults)} faults in the rules; none of them is used:\n{listed}{more}",
                hint="Correct the files, or leave out those that are not rules.",
            )
        return cls(_editions(rules), _digest(files), len(files))

    @property
    def editions(self) -> tuple[str, ...]:
        """The names of the editions; "" is the one without a name."""
        return tuple(self._editions)

    @property
    def assert_count(self) -> int:
        """How many asserts there are, each counted once however many editions have it."""
        files = {rule.file_name: rule for rules in self._editions.values() for rule in rules}
        return sum(len(rule.asserts) for rule in files.values())

    def rules(self, edition: str = BASE) -> tuple[Rule, ...]:
        """The rules of an edition. Raises RulebookError for one that the book does not have."""
        found = self._editions.get(edition)
        if found is None:
            known = ", ".join(f"“{name}”" for name in self._editions if name) or "none with a name"
            raise RulebookError(f"the rules have no edition “{edition}”", hint=f"There are: {known}.")
        return found

    def codes(self, edition: str = BASE) -> frozenset[str]:
        """Every error code that the rules of an edition can give."""
        return frozenset(each.code for rule in self.rules(edition) for each in rule.asserts)

    def breaches(self, root: etree._Element, edition: str = BASE) -> tuple[Breach, ...]:
        """What a message breaks, in the order of the rules and then of its elements; at most BREACHES_MAX.

        Where the rules would look at more than the message can need, a last
        breach, with the code "", says that they were not applied to the end.
        """
        found = []
        top = document(root)
        base = next(iter(top.by_name))
        try:
            for breach in _breaches(top, base, self.rules(edition)):
                found.append(breach)
                if len(found) >= BREACHES_MAX:
                    break
        except WorkExceededError:
            words = "the rules could not be applied to the end: the message repeats too much of what they compare"
            found.append(Breach("", words, f"/{base}", ""))
        return tuple(found)


def _breaches(top: Node, base: str, rules: tuple[Rule, ...]) -> Iterator[Breach]:
    places: dict[tuple[str, ...], list[tuple[str, Node]]] = {}
    for rule in rules:
        if rule.element not in places:
            places[rule.element] = contexts(top, (base, *rule.element))
        for place, node in places[rule.element]:
            for each in rule.asserts:
                if not each.holds(node):
                    value = "" if node.by_name else seen(node.text)
                    yield Breach(each.code, each.words, place, rule.file_name, value)


class _FileFaults(Exception):
    def __init__(self, faults: list[str]) -> None:
        super().__init__(faults)
        self.faults = faults


def files_in(folder: FilePath) -> dict[str, bytes]:
    """The rule files of a folder by name. Raises RulebookError where there are too many."""
    paths = sorted(path for path in folder.glob("*.json") if path.is_file()) if folder.is_dir() else []
    if len(paths) > FILES_MAX:
        raise RulebookError(f"{folder} holds {len(paths):,} files; a book has at most {FILES_MAX:,}")
    return {path.name: _bytes(path) for path in paths}


def _bytes(path: FilePath) -> bytes:
    with path.open("rb") as file:
        return file.read(FILE_BYTES_MAX + 1)


def _rule(name: str, data: bytes) -> Rule:
    """The rule of one file. Raises _FileFaults."""
    content = _content(name, data)
    faults = [*_missing(name, content, _KEYS), *_unknown(name, content, _KEYS)]
    element = content.get("element")
    if not faults and not (isinstance(element, str) and element.startswith("/")):
        faults.append(f"{name}: “element” is {element!r}; a path begins with “/”")
    asserts = content.get("asserts", [])
    if not faults and not (isinstance(asserts, list) and 0 < len(asserts) <= ASSERTS_MAX):
        faults.append(f"{name}: “asserts” is not a list of 1 to {ASSERTS_MAX:,} asserts")
    if faults:
        raise _FileFaults(faults)
    made = []
    for position, each in enumerate(asserts, start=1):
        found = _assert(f"{name}: asserts[{position}]", each)
        if isinstance(found, Assert):
            made.append(found)
        else:
            faults += found
    if faults:
        raise _FileFaults(faults)
    return Rule(name, str(content["name"]), Path(str(element)).names, tuple(made))


def _content(name: str, data: bytes) -> dict[str, Any]:
    if len(data) > FILE_BYTES_MAX:
        raise _FileFaults([f"{name}: the file is longer than {FILE_BYTES_MAX:,} bytes"])
    try:
        content = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_no_duplicates)
    except json.JSONDecodeError as error:
        raise _FileFaults([f"{name}: line {error.lineno}, column {error.colno}: not JSON: {error.msg}"]) from error
    except UnicodeDecodeError as error:
        raise _FileFaults([f"{name}: byte {error.start + 1}: not text in UTF-8"]) from error
    except (ValueError, RecursionError) as error:
        raise _FileFaults([f"{name}: {error}"]) from error
    if not isinstance(content, dict):
        raise _FileFaults([f"{name}: a rule is a JSON object with {', '.join(_KEYS)}"])
    return content


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"“{twice}” stands twice in one object")
    return content


def _assert(where: str, content: Any) -> Assert | list[str]:
    if not isinstance(content, dict):
        return [f"{where}: an assert is a JSON object with {', '.join(_ASSERT_KEYS)}"]
    faults = _missing(where, content, _ASSERT_KEYS)
    faults += _unknown(where, content, (*_ASSERT_KEYS, *_OPTIONAL_KEYS))
    faults += [f"{where}: “{name}” is not a text" for name, value in content.items() if not isinstance(value, str)]
    if faults:
        return faults
    try:
        holds = compiled(content["test"])
    except ExpressionError as error:
        hint = f" ({error.hint})" if error.hint else ""
        return [f"{where}, column {error.column} of the test: {error.words}{hint}"]
    return Assert(content["errorCode"], content["errorMessage"], holds)


def _missing(where: str, content: Mapping[str, Any], keys: tuple[str, ...]) -> list[str]:
    return [f"{where}: “{key}” is missing" for key in keys if key not in content]


def _unknown(where: str, content: Mapping[str, Any], keys: tuple[str, ...]) -> list[str]:
    known = ", ".join(keys)
    return [f"{where}: “{key}” is not known (known are {known})" for key in content if key not in keys]


def _editions(rules: list[Rule]) -> dict[str, tuple[Rule, ...]]:
    by_stem = {rule.file_name.removesuffix(".json"): rule for rule in rules}
    replaced: dict[str, dict[str, Rule]] = {}
    for stem, rule in by_stem.items():
        for other, namesake in by_stem.items():
            suffix = stem.removeprefix(other)
            if suffix != stem and suffix[:1] in ("_", "-") and _is_edition_of(rule, namesake):
                replaced.setdefault(suffix[1:], {})[other] = rule
    special = {rule.file_name for edition in replaced.values() for rule in edition.values()}
    ordinary = {stem: rule for stem, rule in by_stem.items() if rule.file_name not in special}
    editions = {BASE: tuple(ordinary.values())}
    for name, edition in replaced.items():
        editions[name] = tuple(edition.get(stem, rule) for stem, rule in ordinary.items())
    return editions


def _is_edition_of(rule: Rule, namesake: Rule) -> bool:
    codes = {each.code for each in namesake.asserts}
    return rule.element == namesake.element and any(each.code in codes for each in rule.asserts)


def _digest(files: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(hashlib.sha256(name.encode()).digest() + hashlib.sha256(files[name]).digest())
    return digest.hexdigest()
