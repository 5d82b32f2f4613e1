"""The law, lists and targeting at hand: loaded once for each jurisdiction and day, and sent to other processes as bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Protocol

import msgspec
from msgspec import Struct

from tidewaiter.model.errors import NotInForceError
from tidewaiter.regimes import Regime
from tidewaiter.risk import Part, PartKind, RiskKnowledge, Targeting, WatchListEntry, load_knowledge
from tidewaiter.risk.policy import Budget, Policy, read_policy
from tidewaiter.risk.targeting import Contents as PartContents
from tidewaiter.workflow.books import Books
from tidewaiter.workflow.budgets import budgets_of
from tidewaiter.workflow.records import WatchList
from tidewaiter.workflow.targeting import NOTHING_IN_USE, InUse, Parts, in_use
from tidewaiter.workflow.tariffs import NOTHING_IMPORTED, Editions, known
from tidewaiter.workflow.tariffs import Known as KnownTariffs

LAWS_MAX = 256  # senders may name any country; what is not modelled is remembered, too


class Law(Struct, frozen=True):
    """Law and lists for one jurisdiction and day; `absent` says why there is none."""

    regime: Regime | None
    knowledge: RiskKnowledge | None
    absent: str = ""
    targeting: Targeting | None = None


Contents = Mapping[str, tuple[str, bytes]]
Loaded = Mapping[tuple[str, date], tuple[bytes, bytes]]  # jurisdiction and day → law and lists as bytes


class Shelf:
    """The law and lists at hand, loaded once for each jurisdiction and day; safe in threads.

    `keep` is called with what was loaded (digest → (kind, content)) before
    anything is decided by it.
    """

    def __init__(
        self,
        watch_list: WatchList,
        keep: Callable[[Contents], None],
        *,
        loaded: Loaded | None = None,
        tariffs: KnownTariffs = NOTHING_IMPORTED,
        books: Books | None = None,
        in_use: InUse = NOTHING_IN_USE,
    ) -> None:
        self.watch_list = watch_list
        self.tariffs = tariffs
        self.books = books or Books()
        self.in_use = in_use
        self._entries = msgspec.json.decode(watch_list.entries, type=tuple[WatchListEntry, ...])
        self._keep = keep
        self._laws = {key: self._from_contents(contents) for key, contents in (loaded or {}).items()}
        self._loading = threading.Lock()

    @cached_property
    def wants_history(self) -> bool:
        """Whether rules in use, or on trial, name a feature, or there is a model: history is then kept and looked up."""
        if self.in_use.contents is None:
            return False
        return any(
            each.part.kind is PartKind.MODEL
            or (each.part.kind is PartKind.RULES and b"feature(" in self.in_use.contents(each.part.digest))
            for each in self.in_use.parts
        )

    @cached_property
    def budgets(self) -> Mapping[str, Budget]:
        """The budgets of every policy in use, by office: where there are any, what is looked at is counted."""
        return budgets_of(self.in_use)

    def law(self, jurisdiction_code: str, on: date) -> Law:
        """The law of a jurisdiction on a day."""
        found = self._laws.get((jurisdiction_code, on))
        if found is None:
            with self._loading:
                found = self._laws.get((jurisdiction_code, on)) or self._load(jurisdiction_code, on)
                if len(self._laws) >= LAWS_MAX:
                    self._laws.clear()
                self._laws[jurisdiction_code, on] = found
        return found

    def sent(self) -> Shelved:
        """What is on the shelf, for another process: reading law from its files is slow."""
        loaded = {
            key: (law.regime.content, law.knowledge.content)
            for key, law in list(self._laws.items())
            if law.regime is not None and law.knowledge is not None
        }
        return Shelved(self.watch_list, loaded, self.tariffs, self.books, self.in_use)

    def is_as_in(self, store: Stocked) -> bool:
        """Whether the watch list, the tariffs and what is in use for targeting are still those of a store."""
        mine = (self.watch_list.version, self.tariffs.version, self.in_use.version)
        return mine == (store.watch_list_version(), store.tariffs.version(), store.parts.version())

    def _load(self, jurisdiction_code: str, on: date) -> Law:
        if not jurisdiction_code:
            return Law(None, None, "no jurisdiction is named")
        version = f"watch list {self.watch_list.version}" if self.watch_list.version else ""
        try:
            regime = self.tariffs.regime(jurisdiction_code, on)
            parts = self.in_use.of(jurisdiction_code)
            knowledge = load_knowledge(
                jurisdiction_code,
                on,
                watch_list=self._entries,
                watch_list_version=version,
                policy=self._policy(parts),
                parts=parts,
            )
        except NotInForceError as error:
            return Law(None, None, error.detail)
        self._keep({regime.digest: ("regime", regime.content), knowledge.digest: ("risk", knowledge.content)})
        return law_of(regime, knowledge, self.in_use.contents)

    def _policy(self, parts: Sequence[Part]) -> Policy | None:
        """The policy that was published; None where the one that ships is in use."""
        part = next((each for each in parts if each.kind is PartKind.POLICY and not each.is_shadow), None)
        if part is None or self.in_use.contents is None:
            return None
        return read_policy(self.in_use.contents(part.digest), f"policy {part.name}")

    def _from_contents(self, contents: tuple[bytes, bytes]) -> Law:
        regime = Regime.from_content(contents[0], self.tariffs.by_digest)
        return law_of(regime, RiskKnowledge.from_content(contents[1]), self.in_use.contents)


def law_of(regime: Regime, knowledge: RiskKnowledge, contents: PartContents | None) -> Law:
    """Law and lists, with what officers published compiled for the day; `contents` gives the bytes of its parts."""
    return Law(regime, knowledge, targeting=Targeting(knowledge, contents, regime.unit_rates))


class Shelved(Struct, frozen=True):
    """A shelf on its way to another process."""

    watch_list: WatchList
    loaded: Loaded
    tariffs: KnownTariffs
    books: Books
    in_use: InUse

    def taken(self, keep: Callable[[Contents], None]) -> Shelf:
        """The shelf as it was, in the process it came to."""
        return Shelf(
            self.watch_list,
            keep,
            loaded=self.loaded,
            tariffs=self.tariffs,
            books=self.books,
            in_use=self.in_use,
        )


class Stocked(Protocol):
    """What a shelf is filled from: a store."""

    @property
    def tariffs(self) -> Editions:
        """The tariffs that were imported."""

    @property
    def parts(self) -> Parts:
        """What is in use for targeting."""

    def watch_list(self) -> WatchList:
        """The watch list as it stands."""

    def watch_list_version(self) -> int:
        """Its version."""

    def knowledge(self, digest: str) -> bytes:
        """The content kept under a digest. Raises NotFoundError."""

    def keep_knowledge(self, contents: Contents) -> None:
        """Keep contents by digest: digest → (kind, content)."""


def shelf_of(store: Stocked, books: Books | None = None) -> Shelf:
    """The law and lists of a store as they stand."""
    return Shelf(store.watch_list(), store.keep_knowledge, tariffs=known(store), books=books, in_use=in_use(store))
