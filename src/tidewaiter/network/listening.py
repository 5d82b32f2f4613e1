"""Where a member's process listens, and the server that answers there."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Final

import uvicorn

from tidewaiter.network.home import HomeError
from tidewaiter.network.serving import Service

CONNECTIONS_MAX: Final = 512
IDLE_SECONDS: Final = 75
STOP_SECONDS: Final = 5


class _Server(uvicorn.Server):
    """Leaves signals to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """As uvicorn has it, but catching none."""
        yield


def server_of(service: Service) -> uvicorn.Server:
    """A server that answers by this service, on sockets that it is given."""
    return _Server(
        uvicorn.Config(
            service,
            http="httptools",
            loop="none",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            limit_concurrency=CONNECTIONS_MAX,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
            interface="asgi3",
        )
    )


@contextlib.contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that listens at an address. Raises HomeError where it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((host, port))
        except OSError as error:
            hint = "is it in use, or no address of this machine?"
            raise HomeError(f"{host}:{port} cannot be listened on: {error.strerror}", hint=hint) from error
        door.listen(1024)
        yield door
