"""`tidewaiter serve`: the pages and the REST interface."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter


def serve(
    *,
    host: Annotated[
        str, Parameter(help="Address to listen on; this machine only unless told otherwise.")
    ] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port to listen on.")] = 8400,
    workers: Annotated[
        int | None, Parameter(help="Processes that serve; one for each processor, 8 at most, unless told otherwise.")
    ] = None,
) -> int:
    """Serve pages and REST; starts the embedded PostgreSQL and finishes messages that a crash left half done."""
    from tidewaiter.web.serve import serve as serve_web

    serve_web(host=host, port=port, workers=workers)
    return 0
