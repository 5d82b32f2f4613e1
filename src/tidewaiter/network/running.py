"""A member's process from its folder: logging, event loop, service."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Callable
from pathlib import Path

from tidewaiter.network.home import Home
from tidewaiter.network.node import Node


def run(folder: Path, told: Callable[[], None] | None = None) -> None:
    """Run a member until it is told to stop; `told` is called once it listens."""
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(folder, told))


async def _serve(folder: Path, told: Callable[[], None] | None) -> None:
    async with Node(Home(folder)) as node:
        gc.collect()
        gc.freeze()  # what is there now stays; entries that come are in no cycles
        gc.set_threshold(50_000, 20, 20)
        await node.serve(told)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop
