"""What a store keeps beside messages and decisions: accounts, returns, lists, events, devices, the record …"""

from __future__ import annotations

from tidewaiter.store.accounts import Accounts
from tidewaiter.store.connections import Connections
from tidewaiter.store.connectors import PostgresConnectors
from tidewaiter.store.devices import PostgresDevices
from tidewaiter.store.draws import PostgresDraws
from tidewaiter.store.following import PostgresFollowing
from tidewaiter.store.history import PostgresHistory
from tidewaiter.store.lists import PostgresLists
from tidewaiter.store.models import PostgresModels
from tidewaiter.store.movements import PostgresEvents
from tidewaiter.store.opened import OpenedBlocks
from tidewaiter.store.outcomes import PostgresLinks, PostgresOutcomes
from tidewaiter.store.parts import Parts
from tidewaiter.store.periods import Periods, StreamRows
from tidewaiter.store.quality import PostgresQuality
from tidewaiter.store.quotes import Quotes
from tidewaiter.store.record import RecordKeeper
from tidewaiter.store.record_logs import PostgresLogs
from tidewaiter.store.returns import Returns
from tidewaiter.store.rule_sets import RuleSetTables
from tidewaiter.store.senders import Senders
from tidewaiter.store.stock import PostgresStock
from tidewaiter.store.tariffs import TariffEditions
from tidewaiter.store.webhooks import PostgresWebhooks
from tidewaiter.store.workload import PostgresWorkloads


class Rooms:
    """One room for each kind of thing, all on the same connections."""

    def __init__(self, connections: Connections, blocks: OpenedBlocks) -> None:
        self.senders = Senders(connections)
        self.record_keeper = RecordKeeper(connections)
        self.logs = PostgresLogs(connections, self.record_keeper, blocks)
        self.accounts = Accounts(connections, self.record_keeper)
        self.returns = Returns(connections, self.record_keeper)
        self.tariffs = TariffEditions(connections)
        self.lists = PostgresLists(connections)
        self.models = PostgresModels(connections)
        self.parts = Parts(connections)
        self.rule_sets = RuleSetTables(connections)
        self.periods = Periods(connections)
        self.events = PostgresEvents(connections)
        self.streams = StreamRows(connections)
        self.draws = PostgresDraws(connections)
        self.workloads = PostgresWorkloads(connections)
        self.history = PostgresHistory(connections.lend)
        self.outcomes = PostgresOutcomes(connections.lend)
        self.following = PostgresFollowing(connections.lend)
        self.devices = PostgresDevices(connections)
        self.links = PostgresLinks(connections)
        self.stock = PostgresStock(connections.lend)
        self.quotes = Quotes(connections)
        self.webhooks = PostgresWebhooks(connections)
        self.connectors = PostgresConnectors(connections)
        self.quality = PostgresQuality(connections)
