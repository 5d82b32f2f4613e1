"""What tests of sending share: an address on this machine, and a clock that is set."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver:
    """An address on this machine that answers as told, and keeps what it was sent."""

    def __init__(self) -> None:
        self.is_slow = False  # whether it answers a byte now and then, and so never
        self.answers: list[int] = []  # the next ones; 204 when there are none left
        self.got: list[tuple[dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                for _ in range(200 if outer.is_slow else 0):
                    self.wfile.write(b"H")
                    self.wfile.flush()
                    time.sleep(0.02)
                self.send_response(outer.answers.pop(0) if outer.answers else 204)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/notices"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def ids(self) -> list[int]:
        return [json.loads(body)["data"]["notice_id"] for _, body in self.got]


class Clock:
    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at
