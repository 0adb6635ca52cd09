"""uvicorn inside our own shutdown ladder: the service decides when it stops, not uvicorn's signal handlers."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI
from runtime.errors import Permanent

BACKLOG = 2_048
KEEP_ALIVE_S = 75
"""Longer than the idle time of common balancers, so that they never write into a closing connection."""


class HttpServer:
    """Serves one app on one socket."""

    def __init__(self, app: FastAPI, listener: socket.socket, *, drain_s: float) -> None:
        """Prepare to serve.

        Args:
            app: The app.
            listener: Bound already, see `bind`.
            drain_s: Requests in flight get so long when the service stops.
        """
        self._listener = listener
        config = uvicorn.Config(
            app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=max(1, round(drain_s)),
        )
        self._server = _Server(config)
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)

    async def serve(self) -> None:
        """Serve until cancelled; then take no new request and finish those in flight."""
        serving = asyncio.create_task(self._server.serve(sockets=[self._listener]), name="uvicorn")
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            self._server.should_exit = True
            await serving
            raise


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the service."""
        yield


def bind(host: str, port: int) -> socket.socket:
    """Take the port, or say at once that it cannot be had.

    Raises:
        Permanent: Somebody else has it.
    """
    try:
        return socket.create_server((host, port), backlog=BACKLOG)
    except OSError as err:
        raise Permanent(
            "gateway.port_taken", f"{host}:{port} cannot be used ({err.strerror}): free it, or set GATEWAY_PORT."
        ) from err
