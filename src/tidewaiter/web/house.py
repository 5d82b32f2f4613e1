"""What every handler is handed: the store to read, the intake to submit to, the settings of the doors."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any, BinaryIO, Final, Protocol

from anyio import CapacityLimiter

from tidewaiter.model.decision import HoldKind
from tidewaiter.store.accounts import Accounts
from tidewaiter.store.connectors import PostgresConnectors
from tidewaiter.store.devices import PostgresDevices
from tidewaiter.store.following import PostgresFollowing
from tidewaiter.store.quality import PostgresQuality
from tidewaiter.store.webhooks import PostgresWebhooks
from tidewaiter.web.counter import Counter
from tidewaiter.web.listeners import Listeners
from tidewaiter.web.pace import Pace
from tidewaiter.web.principal import Senders
from tidewaiter.web.sessions import Throttle
from tidewaiter.web.settings import WebSettings
from tidewaiter.web.standing import open_holds
from tidewaiter.workflow.capturing import CaptureStore, Capturing, Follower
from tidewaiter.workflow.compliance import EstimatedStore
from tidewaiter.workflow.connector_events import ConnectorEvents
from tidewaiter.workflow.covering import why_uncovered
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.devices import Devices, devices_of
from tidewaiter.workflow.elections import Elections
from tidewaiter.workflow.following import Following
from tidewaiter.workflow.following_ports import FollowingStore
from tidewaiter.workflow.lists import Lists, ListStore
from tidewaiter.workflow.models import Keeping as ModelStore
from tidewaiter.workflow.models import Models
from tidewaiter.workflow.outcomes import Examinations
from tidewaiter.workflow.policies import Policies
from tidewaiter.workflow.ports import Outcome
from tidewaiter.workflow.quoting import Quoting
from tidewaiter.workflow.recording_opened import RecordStore
from tidewaiter.workflow.records import Arriving, Receipt
from tidewaiter.workflow.returning import Returning
from tidewaiter.workflow.rule_sets import RuleSets
from tidewaiter.workflow.rule_trials import RuleTrials, TrialStore
from tidewaiter.workflow.stock import StockKeeper
from tidewaiter.workflow.stock_acts import StockActs
from tidewaiter.workflow.stock_following import StockFollower
from tidewaiter.workflow.stock_records import StockStore
from tidewaiter.workflow.together import Answer, Left

SUBMISSIONS_AT_ONCE: Final = 2  # messages of several records being decided: more threads only wait for one another
TELLINGS_AT_ONCE: Final = 1  # messages of events being carried out: acts go one after another anyway
UPLOADS_AT_ONCE: Final = 14  # messages still coming in while they are kept; one that comes slowly holds up no other


class HouseStore(TrialStore, ListStore, EstimatedStore, ModelStore, RecordStore, StockStore, CaptureStore, Protocol):
    """What the doors need of a store."""

    @property
    def webhooks(self) -> PostgresWebhooks:
        """Where senders are told."""

    @property
    def devices(self) -> PostgresDevices:
        """Devices, their readings and flights."""

    @property
    def following(self) -> PostgresFollowing:
        """What events told of declarations, and what followed."""


class FollowedStore(CaptureStore, FollowingStore, Protocol):
    """What taking events in, and doing what follows, needs of a store."""


class Submitter(Protocol):
    """The intake as the doors use it."""

    def submit(
        self,
        stream: BinaryIO,
        *,
        sender_id: int,
        file_name: str,
        transport: str,
        form_name: str | None = None,
        idempotency_key: str | None = None,
        legal_day: date | None = None,
    ) -> Receipt:
        """Keep a message, decide what is in it, and give a receipt. Raises ConflictError."""

    def arriving(
        self,
        body: bytes,
        *,
        sender_id: int,
        file_name: str,
        transport: str,
        form_name: str | None = None,
        idempotency_key: str | None = None,
        legal_day: date | None = None,
        api_key_digest: str = "",
    ) -> Arriving:
        """A small message as it is handed in at this moment."""

    def submit_together(self, arriving: Sequence[Arriving]) -> list[Answer | Left]:
        """Keep small messages, and settle at once those that are one new declaration each; what is left of the others."""

    def prepare(self) -> None:
        """Have forms, rules, law and lists at hand before the first message."""

    def close(self) -> None:
        """Finish what is being written; take nothing more."""

    def resume(self) -> Sequence[Receipt]:
        """Finish the messages that were kept and not wholly processed."""


@dataclass(frozen=True)
class House:
    """Put together once by whoever starts the server; handlers only read it."""

    store: HouseStore
    intake: Submitter
    desk: Desk
    senders: Senders
    settings: WebSettings
    accounts: Accounts
    quality: PostgresQuality
    connectors: PostgresConnectors
    throttle: Throttle = field(default_factory=Throttle)
    quote_pace: Pace = field(default_factory=Pace)
    description_pace: Pace = field(default_factory=Pace)
    track_pace: Pace = field(default_factory=Pace)
    submissions: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(SUBMISSIONS_AT_ONCE))
    tellings: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(TELLINGS_AT_ONCE))
    uploads: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(UPLOADS_AT_ONCE))
    counter: Counter = field(init=False)
    going_on: set[asyncio.Task[Any]] = field(default_factory=set)  # work whose sender was already answered

    def __post_init__(self) -> None:
        """The counter serves by the intake."""
        object.__setattr__(self, "counter", Counter(self.intake))

    @cached_property
    def returning(self) -> Returning:
        """Where returns and exit events are handed in, and cases decided."""
        return Returning(self.store)

    @cached_property
    def stock(self) -> StockKeeper:
        """Where entries, orders, returns and stock-takings of free zones and warehouses are taken in."""
        return StockKeeper(self.store, self.intake)

    @cached_property
    def stock_acts(self) -> StockActs:
        """Where officers act on stock accounts."""
        return StockActs(self.store)

    @cached_property
    def lists(self) -> Lists:
        """Lists of whom and what to look for: proposing and answering."""
        return Lists(self.store, now)

    @cached_property
    def models(self) -> Models:
        """Models of scores: registering, approving, on trial."""
        return Models(self.store, now)

    @cached_property
    def elections(self) -> Elections:
        """Where alternatives of the law are elected."""
        return Elections(self.store)

    @cached_property
    def rule_sets(self) -> RuleSets:
        """Where rule sets pass through their life."""
        return RuleSets(self.store)

    @cached_property
    def policies(self) -> Policies:
        """Where policies pass through theirs."""
        return Policies(self.store)

    @cached_property
    def examinations(self) -> Examinations:
        """Where outcomes of examinations are recorded and approved."""
        return Examinations(self.store)

    @cached_property
    def rule_trials(self) -> RuleTrials:
        """Where rule sets are held against what was decided; in this process, for parcels come in meanwhile."""
        return RuleTrials(self.store, outcomes=self.store.outcomes, workers=1)

    @cached_property
    def events(self) -> ConnectorEvents:
        """Where what connectors tell is carried out."""
        return ConnectorEvents(self.store, self.connectors, self.desk)

    @cached_property
    def listeners(self) -> Listeners:
        """Who is connected by web socket."""
        return Listeners()

    @cached_property
    def capturing(self) -> Capturing:
        """Where events of movement are taken in, and what follows from them is done."""
        return Capturing(self.store, followers_of(self.store, self.following))

    @cached_property
    def following(self) -> Following:
        """What follows from events for declarations."""
        return Following(self.store, self.desk)

    @cached_property
    def devices(self) -> Devices:
        """Where readings of devices are taken in."""
        return devices_of(self.store, self.capturing)

    @cached_property
    def quoting(self) -> Quoting:
        """Quotes given and found again on this store."""
        return Quoting(self.store)

    def uncovered(self, file: Outcome) -> tuple[str, ...]:
        """Why nothing that a parcel held for payment names covers what it owes; empty where it is not so held."""
        if all(hold.kind is not HoldKind.PAYMENT for hold in open_holds(file)):
            return ()
        return why_uncovered(self.store, self.accounts.guarantees, file.row.declaration_id, file.row.version)


def capturing_on(store: HouseStore) -> Capturing:
    """Where events of movement are taken in on a store, with all that follows from them."""
    return Capturing(store, followers_of(store, Following(store, Desk(store))))


def followers_of(store: HouseStore, following: Following) -> tuple[Follower, ...]:
    """What follows from events: for declarations, and for goods in free zones and warehouses."""
    return following, StockFollower(store)


def now() -> datetime:
    """The present moment in UTC. Web and workflow are where a clock may be read."""
    return datetime.now(UTC)
