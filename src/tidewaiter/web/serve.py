"""Starting the server: settings checked, store opened, what a crash left half done finished."""

from __future__ import annotations

import contextlib
import gc
import ipaddress
import logging
import signal
import sys
import threading
from types import FrameType
from typing import Final, NoReturn

import uvicorn
from msgspec.structs import replace

from tidewaiter.store import PostgresStore, Settings, open_store
from tidewaiter.web import bookkeeping
from tidewaiter.web.app import create_app
from tidewaiter.web.house import House
from tidewaiter.web.settings import HOSTS_VARIABLE, PASSWORD_VARIABLE, SettingsError, WebSettings
from tidewaiter.workflow.desk import Desk
from tidewaiter.workflow.intake import Intake

LOCAL_SENDER: Final = "local"  # in whose name pages submit where nobody else is known
SWITCH_SECONDS: Final = 0.0005
GRACE_SECONDS: Final = 10  # for answers under way when the server is told to stop


def serve(*, host: str = "127.0.0.1", port: int = 8400, store: PostgresStore | None = None) -> None:
    """Serve pages and REST until interrupted, on `store` or on the one the environment names. Raises SettingsError."""
    settings = reachable(WebSettings.from_environment(), host)
    if store is not None:
        with bookkeeping.kept(store.url):
            run(furnish(store, settings), host, port)
        return
    with open_store(Settings.from_environment()) as opened, bookkeeping.kept(opened.url):
        run(furnish(opened, settings), host, port)


def furnish(store: PostgresStore, settings: WebSettings) -> House:
    """A house on this store: intake, officers' desk, senders."""
    store.senders.ensure(LOCAL_SENDER)
    return House(
        store=store, intake=Intake(store), desk=Desk(store), senders=store.senders, accounts=store.accounts, settings=settings,
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


def server(house: House, host: str, port: int) -> uvicorn.Server:
    """The server, not yet running; its log says what fails, not who asks."""
    return uvicorn.Server(
        uvicorn.Config(
            create_app(house),
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    )


def run(house: House, host: str, port: int) -> None:
    """Run until interrupted, finishing in the background what a crash left half done."""
    prepared = server(house, host, port)
    house.intake.prepare()
    threading.Thread(target=finish, args=[house], name="finishing", daemon=True).start()
    gc.collect()
    # A thread that comes back from the database waits for at most this long until the event loop lets it go on.
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()  # what is loaded now stays: collecting it again and again would make single answers late
    signal.signal(signal.SIGTERM, _leave)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            prepared.run()
    finally:
        house.intake.close()


def _leave(number: int, _: FrameType | None) -> NoReturn:
    """On SIGTERM unwind, so that the store and the embedded server are closed as on Ctrl-C."""
    sys.exit(128 + number)


def finish(house: House) -> None:
    """Work through messages that were kept and not yet decided. What fails is logged; serving goes on."""
    try:
        house.intake.resume()
        house.returning.resume()
    except Exception:  # whatever is wrong with an old message must not stop new ones
        logging.getLogger("tidewaiter.web").exception("messages left half done could not be finished")
