"""A member's process from its folder: logging, event loop, service."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import Callable
from pathlib import Path

from tidewaiter.ledger.keys import SignerKey
from tidewaiter.network.changing import Changing
from tidewaiter.network.envelopes import Envelopes
from tidewaiter.network.handing_in import HandingIn
from tidewaiter.network.home import Home
from tidewaiter.network.keyring import KeyringError
from tidewaiter.network.node import Node
from tidewaiter.network.operating import Operating
from tidewaiter.network.relaying import Relay
from tidewaiter.network.vault import Vault
from tidewaiter.store import Settings, open_store


def run(folder: Path, told: Callable[[], None] | None = None) -> None:
    """Run a member until it is told to stop; `told` is called once it listens."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(folder, told))


async def _serve(folder: Path, told: Callable[[], None] | None) -> None:
    home = Home(folder)
    vault = Vault(home.folder / "postgres") if home.config.database == "own" else None
    leaving = contextlib.ExitStack()
    try:
        if vault is not None:
            vault.open()
        async with Node(home) as node:
            handing_in = None if vault is None else HandingIn(vault, _submitter(home))
            operating = Operating(node, vault, handing_in)
            node.operator_routes += [*operating.routes(), *Changing(node, handing_in).routes()]
            if vault is not None and handing_in is not None:
                leaving.callback(asyncio.create_task(handing_in.run(operating.charter)).cancel)
                node.more_routes += Envelopes(vault, home.keyring, node).routes()
                if home.config.house:
                    store = leaving.enter_context(open_store(Settings(data_folder=home.folder / "postgres")))
                    relay = Relay(store.logs, vault, handing_in, operating.charter)
                    node.operator_routes += relay.routes()
                    leaving.callback(asyncio.create_task(relay.run()).cancel)
            gc.collect()
            gc.freeze()  # what is there now stays; entries that come are in no cycles
            gc.set_threshold(50_000, 20, 20)
            await node.serve(told)
    finally:
        leaving.close()
        if vault is not None:
            vault.close()


def _submitter(home: Home) -> SignerKey:
    """The oldest key to submit with. Raises KeyringError where there is none."""
    for key in home.keyring.submitters():
        return key
    raise KeyringError(
        "there is no key to submit with", hint="tidewaiter node rotate FOLDER --lost NUMBER has it followed"
    )


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
