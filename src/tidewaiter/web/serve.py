"""Starting the server: settings checked, store opened, what a crash left half done finished."""

from __future__ import annotations

import contextlib
import gc
import ipaddress
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable
from functools import partial
from multiprocessing.context import SpawnProcess
from multiprocessing.synchronize import Event
from types import FrameType
from typing import Final, NamedTuple, NoReturn

import uvicorn
from msgspec.structs import replace

from tidewaiter.store import PostgresStore, Settings, open_store
from tidewaiter.web import beside
from tidewaiter.web.app import create_app
from tidewaiter.web.bookkeeping import posting
from tidewaiter.web.connecting import connecting
from tidewaiter.web.deliveries import delivering
from tidewaiter.web.house import House
from tidewaiter.web.linking import linking
from tidewaiter.web.refusing import refusing
from tidewaiter.web.scoring import scoring
from tidewaiter.web.sealing import REST_SECONDS, sealing
from tidewaiter.web.settings import HOSTS_VARIABLE, PASSWORD_VARIABLE, SettingsError, WebSettings
from tidewaiter.web.stocking import stocking
from tidewaiter.web.subscribing import subscribing
from tidewaiter.web.watching import watching
from tidewaiter.web.workers import Staff, bound, leave_with_parent, process, workers_wanted
from tidewaiter.workflow.books import Books
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake

LOCAL_SENDER: Final = "local"  # in whose name pages submit where nobody else is known
SWITCH_SECONDS: Final = 0.0005
GRACE_SECONDS: Final = 10  # for answers under way when the server is told to stop


def serve(
    *, host: str = "127.0.0.1", port: int = 8400, workers: int | None = None, store: PostgresStore | None = None
) -> None:
    """Serve pages and REST until interrupted, on `store` or on the one the environment names.

    By `workers` processes, one for each processor unless told otherwise.
    Raises SettingsError or ServeError.
    """
    count = workers_wanted(workers)
    settings = reachable(WebSettings.from_environment(), host)
    with contextlib.ExitStack() as leaving:
        opened = store or leaving.enter_context(open_store(Settings.from_environment()))
        leaving.enter_context(beside.kept(opened.url, posting))
        leaving.enter_context(beside.kept(opened.url, sealing, rest=REST_SECONDS))
        leaving.enter_context(
            beside.kept(opened.url, delivering, connecting, scoring, refusing, linking, stocking, subscribing, watching)
        )
        door = leaving.enter_context(bound(host, port))
        if count == 1:
            house = furnish(opened, settings)
            house.intake.prepare()
            run(house, door)
            return
        signal.signal(signal.SIGTERM, _leave)
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts what it leaves running without it
        with contextlib.suppress(KeyboardInterrupt):
            Staff(partial(_one_of, count, Open(door, settings, opened.settings)), count).run()


class Open(NamedTuple):
    """What several serving processes have in common."""

    door: socket.socket
    settings: WebSettings
    store: Settings


def _one_of(count: int, common: Open, number: int, is_serving: Event) -> SpawnProcess:
    # Of those that start together one sees to what was left half done; one that replaces another, to what that left.
    return process(work, common, is_serving, number == 0 or number >= count)


def work(common: Open, is_serving: Event, is_finisher: bool) -> None:  # noqa: FBT001
    """What one of several serving processes does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # until it serves: whoever started it hears Ctrl-C, too, and ends it
    leave_with_parent()
    with open_store(common.store) as store:
        house = furnish(store, common.settings)
        house.intake.prepare()
        run(house, common.door, is_finisher=is_finisher, told=is_serving.set)


def furnish(store: PostgresStore, settings: WebSettings) -> House:
    """A house on this store: intake, officers' desk, senders."""
    store.senders.ensure(LOCAL_SENDER)
    return House(
        store=store, intake=Intake(store, books=Books.from_environment()), desk=Desk(store), senders=store.senders,
        accounts=store.accounts, quality=store.quality, connectors=store.connectors, settings=settings,
    )  # fmt: skip


def reachable(settings: WebSettings, host: str) -> WebSettings:
    """The settings for listening on `host`. Raises SettingsError where strangers could come in without a password."""
    if is_loopback(host):
        return settings
    if settings.is_local:
        raise SettingsError(
            f"listening on {host} without a password would let anyone act as an officer",
            hint=f"set {PASSWORD_VARIABLE}, or listen on 127.0.0.1",
        )
    own = () if ipaddress_or_none(host) in (None, UNSPECIFIED_4, UNSPECIFIED_6) else (host,)
    if not own and len(settings.hosts) == len(WebSettings().hosts):
        raise SettingsError(f"listening on {host} under no name", hint=f"list the names people use in {HOSTS_VARIABLE}")
    return replace(settings, hosts=settings.hosts + own)


UNSPECIFIED_4: Final = ipaddress.IPv4Address(0)
UNSPECIFIED_6: Final = ipaddress.IPv6Address(0)


def is_loopback(host: str) -> bool:
    """True where only this machine can reach the address."""
    address = ipaddress_or_none(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def ipaddress_or_none(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address written in `host`; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


class _Server(uvicorn.Server):
    """Tells when it listens."""

    told: Callable[[], None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn starts up."""
        await super().startup(sockets)
        if self.started and self.told is not None:
            self.told()


def server(house: House, host: str = "127.0.0.1", port: int = 0) -> _Server:
    """The server, not yet running; its log says what fails, not who asks."""
    return _Server(
        uvicorn.Config(
            create_app(house),
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=bool(house.settings.proxies),
            forwarded_allow_ips=list(house.settings.proxies),
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )


def run(house: House, door: socket.socket, *, is_finisher: bool = True, told: Callable[[], None] | None = None) -> None:
    """Run until interrupted; a finisher works in the background on what a crash left half done.

    `told` is called when it listens.
    """
    prepared = server(house)
    prepared.told = told
    if is_finisher:
        threading.Thread(target=finish, args=[house], name="finishing", daemon=True).start()
    gc.collect()
    # A thread that comes back from the database waits for at most this long until the event loop lets it go on.
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()  # what is loaded now stays: collecting it again and again would make single answers late
    signal.signal(signal.SIGTERM, _leave)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            prepared.run(sockets=[door])
    finally:
        house.counter.close()
        house.intake.close()


def _leave(number: int, _: FrameType | None) -> NoReturn:
    """On SIGTERM unwind, so that the store and the embedded server are closed as on Ctrl-C."""
    sys.exit(128 + number)


def finish(house: House) -> None:
    """Work through what was kept and not yet decided. What fails is logged; the rest, and serving, go on."""
    for resume in (house.intake.resume, house.returning.resume):
        try:
            resume()
        except Exception:  # whatever is wrong with an old message must not stop new ones
            logging.getLogger("tidewaiter.web").exception("messages left half done could not be finished")
