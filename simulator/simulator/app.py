"""Composition root: build the simulator and hand out its ASGI application."""

import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from types import TracebackType
from typing import Self

import httpx
from starlette.routing import Router
from starlette.types import ASGIApp

from simulator.background import Background
from simulator.callbacks import TIMEOUT_S, Announcer
from simulator.control import Control
from simulator.engine import Engine
from simulator.faults import FaultBook
from simulator.fetch import fetch_image
from simulator.http import ByPrefix, DropConnections
from simulator.ledger import Ledger
from simulator.media import MediaStore
from simulator.settings import Settings, Tuning
from simulator.vendors import VENDORS


class Simulator:
    """All vendors over one engine; use it as an async context manager and serve `asgi`."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        folder = settings.state_dir
        self._ledger = Ledger(folder / "ledger.jsonl" if folder else None)
        self._media = MediaStore(folder / "clips" if folder else None, n_workers=settings.render_workers)
        # Callbacks go where the client said, over our own connection, with no proxy between.
        self._http = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False)
        faults = FaultBook(clock)
        self._announcer = Announcer(http=self._http, faults=faults, tuning=lambda: self.engine.tuning, clock=clock)
        self.engine = Engine(
            ledger=self._ledger,
            media=self._media,
            faults=faults,
            tuning=Tuning(
                time_compression=settings.time_compression,
                zero_latency=settings.zero_latency,
                small_clips=settings.small_clips,
                seed=settings.seed,
                latency={kind.name: kind.latency for kind in VENDORS},
                retention_s={kind.name: kind.retention_s for kind in VENDORS},
                max_parallel={kind.name: 0 for kind in VENDORS},
            ),
            announce=self._announcer.announce,
            fetch_image=partial(fetch_image, self._http),
            http=self._http,
            clock=clock,
        )
        self.asgi: ASGIApp = DropConnections(self._applications())
        self._stack = AsyncExitStack()

    def _applications(self) -> ASGIApp:
        vendors: dict[str, ASGIApp] = {}
        for kind in VENDORS:
            vendor = kind(engine=self.engine, settings=self._settings)
            self._announcer.register(vendor)
            vendors[vendor.name] = Router(routes=vendor.routes())
        control = Control(engine=self.engine, announcer=self._announcer)
        return ByPrefix(vendors, otherwise=Router(routes=control.routes()))

    @property
    def background(self) -> Background:
        """The owner of everything that runs beside the requests."""
        return self.engine.background

    async def __aenter__(self) -> Self:
        """Load the ledger and go on with open tasks."""
        await self._stack.enter_async_context(self._http)
        self._stack.enter_context(self._ledger)
        self._stack.enter_context(self._media)
        self._stack.push_async_callback(self.engine.close)
        await self.engine.prepare()
        self.engine.resume()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, err: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Stop in reverse order."""
        await self._stack.aclose()
