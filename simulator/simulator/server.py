"""Serve the simulator with uvicorn until SIGTERM, and say when it is ready."""

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

import msgspec
import uvicorn

from simulator.app import Simulator
from simulator.http import DroppableProtocol
from simulator.settings import Settings

GRACE_S = 2  # open requests get this long after SIGTERM
# Longer than any client keeps an idle connection (httpx: 5 s). Otherwise both may let go of it at the same moment, and
# a submit that was sent meanwhile looks like a lost answer that no fault has ordered.
KEEP_ALIVE_S = 75
BACKLOG = 2048
ANSWERED_S = 0.05


class Server(uvicorn.Server):
    """Uvicorn without its signal handlers, which would end the process by the signal."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so in one line of JSON."""
        await super().startup(sockets)
        host, port = (sockets or self.servers[0].sockets)[0].getsockname()[:2]
        base_url = f"http://{host}:{port}"
        ready = {"status": "ready", "base_url": base_url, "control_url": f"{base_url}/_control", "port": port}
        sys.stdout.write(msgspec.json.encode(ready).decode() + "\n")
        sys.stdout.flush()

    async def refuse(self, seconds: float) -> None:
        """Close the listening sockets for a while: new connections are refused, requests under way are finished."""
        addresses = [listener.getsockname()[:2] for server in self.servers for listener in server.sockets]
        for server in self.servers:
            server.close()
        self.servers = []
        await asyncio.sleep(ANSWERED_S)  # whoever asked for this gets the answer first
        for connection in list(self.server_state.connections):
            connection.shutdown()
        await asyncio.sleep(seconds)
        kind: Any = self.config.http_protocol_class
        protocol = partial(
            kind,
            config=self.config,
            server_state=self.server_state,
            app_state=self.lifespan.state,
        )
        loop = asyncio.get_running_loop()
        for host, port in addresses:
            listener = socket.create_server((host, port), backlog=BACKLOG)
            self.servers.append(await loop.create_server(protocol, sock=listener, backlog=BACKLOG))

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to `serve`."""
        yield


def new_server(simulator: Simulator) -> Server:
    """Describe the server of a simulator; give it a listening socket to serve."""
    config = uvicorn.Config(
        simulator.asgi,
        http=DroppableProtocol,
        lifespan="off",
        access_log=False,
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = Server(config)
    simulator.engine.refuse_connections = lambda seconds: simulator.background.start(server.refuse(seconds))
    return server


async def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT.

    Returns:
        The exit status: 0, or 1 when something in the background died.
    """
    listener = socket.create_server((settings.host, settings.port), backlog=BACKLOG)
    async with Simulator(settings) as simulator:
        server = new_server(simulator)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        serving = loop.create_task(server.serve(sockets=[listener]))
        waits = [loop.create_task(event.wait()) for event in (stop, simulator.background.died)]
        await asyncio.wait([serving, *waits], return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await serving
        for task in waits:
            task.cancel()
        return 1 if simulator.background.died.is_set() else 0
