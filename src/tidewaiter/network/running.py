"""A member's process from its folder: logging, event loop, service."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable
from pathlib import Path

from tidewaiter.network.handing_in import HandingIn
from tidewaiter.network.home import Home
from tidewaiter.network.node import Node
from tidewaiter.network.operating import Operating
from tidewaiter.network.vault import Vault


def run(folder: Path, told: Callable[[], None] | None = None) -> None:
    """Run a member until it is told to stop; `told` is called once it listens."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(folder, told))


async def _serve(folder: Path, told: Callable[[], None] | None) -> None:
    home = Home(folder)
    vault = Vault(home.folder / "postgres") if home.config.database == "own" else None
    try:
        if vault is not None:
            vault.open()
        async with Node(home) as node:
            handing_in = None if vault is None else HandingIn(vault, next(home.keyring.submitters()))
            node.operator_routes += Operating(node, vault, handing_in).routes()
            gc.collect()
            gc.freeze()  # what is there now stays; entries that come are in no cycles
            gc.set_threshold(50_000, 20, 20)
            await node.serve(told)
    finally:
        if vault is not None:
            vault.close()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
