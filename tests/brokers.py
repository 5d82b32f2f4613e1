"""A real MQTT broker for tests: in a thread of its own, on a free port of this machine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from amqtt.broker import Broker

from tidewaiter.network.ports import free_port

START_SECONDS = 60


@contextmanager
def broker() -> Iterator[int]:
    """A broker that lets anybody in; its port."""
    port, loop, started = free_port(), asyncio.new_event_loop(), threading.Event()
    config = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    running: list[Broker] = []

    async def start() -> None:
        running.append(Broker(config, loop=loop))
        await running[0].start()
        started.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(start())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(START_SECONDS), "the broker did not start"
    try:
        yield port
    finally:
        asyncio.run_coroutine_threadsafe(running[0].shutdown(), loop).result(START_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(START_SECONDS)
        loop.close()
