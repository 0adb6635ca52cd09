"""The control API under `/_control`: read the ledger, switch faults, change settings, end tasks by hand."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from simulator.callbacks import Announcer
from simulator.engine import REFUSED_S, Engine, describe
from simulator.faults import read_fault
from simulator.http import json_reply
from simulator.settings import patched
from simulator.tasks import ENDED, State


class Control:
    """Handlers of the control API. It has no key: it is for the machine that runs the simulator."""

    def __init__(self, *, engine: Engine, announcer: Announcer) -> None:
        self._engine = engine
        self._announcer = announcer

    def routes(self) -> list[Route]:
        """List the routes."""

        def route(path: str, method: str, handler: Callable[[Request], Awaitable[Response]]) -> Route:
            return Route(f"/_control{path}", handler, methods=[method])

        return [
            Route("/healthz", self.health),
            Route("/livez", self.health),
            Route("/readyz", self.health),
            route("/health", "GET", self.health),
            route("/ledger", "GET", self.ledger),
            route("/callbacks", "GET", self.callbacks),
            route("/faults", "GET", self.faults),
            route("/faults", "POST", self.add_fault),
            route("/faults", "DELETE", self.clear_faults),
            route("/settings", "GET", self.settings),
            route("/settings", "POST", self.change_settings),
            route("/tasks/{vendor}/{id}/finish", "POST", self.finish),
            route("/reset", "POST", self.reset),
        ]

    async def health(self, _: Request) -> Response:
        """Say whether the simulator works."""
        died = self._engine.background.died.is_set()
        n_open = sum(task.is_open for task in self._engine.ledger.tasks())
        return json_reply({"status": "failed" if died else "ok", "n_open": n_open}, 503 if died else 200)

    async def ledger(self, request: Request) -> Response:
        """Show accepted tasks (filters: vendor, reference, state, model) and the totals of each vendor."""
        wanted = request.query_params
        entries = [describe(task) for task in self._engine.ledger.tasks(wanted.get("vendor"))]
        for name in ("reference", "state", "model", "id"):
            if name in wanted:
                entries = [entry for entry in entries if entry[name] == wanted[name]]
        return json_reply({"entries": entries, "totals": self._engine.ledger.totals()})

    async def callbacks(self, _: Request) -> Response:
        """Show the last attempts to deliver callbacks."""
        return json_reply({"deliveries": list(self._announcer.deliveries)})

    async def faults(self, _: Request) -> Response:
        """Show the faults that are on, and how often each fired."""
        return json_reply({"faults": self._engine.faults.listing()})

    async def add_fault(self, request: Request) -> Response:
        """Switch a fault on."""
        try:
            fault = read_fault(await _object(request))
        except (msgspec.ValidationError, msgspec.DecodeError) as err:
            return _bad(err)
        if fault.kind == "connection_refused":  # of the machine, not of a request: it begins now
            self._engine.refuse_connections(fault.duration_s or REFUSED_S)
            return json_reply(fault, 201)
        return json_reply(self._engine.faults.add(fault), 201)

    async def clear_faults(self, request: Request) -> Response:
        """Switch faults off: all of them, one vendor's (`?vendor=`) or one (`?id=`)."""
        wanted = request.query_params
        n_cleared = self._engine.faults.clear(vendor=wanted.get("vendor"), fault_id=wanted.get("id"))
        return json_reply({"n_cleared": n_cleared})

    async def settings(self, _: Request) -> Response:
        """Show what can be changed."""
        return json_reply(self._engine.tuning)

    async def change_settings(self, request: Request) -> Response:
        """Change some settings; they hold for tasks accepted from now on. Answers when small clips are ready."""
        try:
            self._engine.tuning = patched(self._engine.tuning, await _object(request))
        except (msgspec.ValidationError, msgspec.DecodeError) as err:
            return _bad(err)
        self._engine.look_again()
        await self._engine.prepare()
        return json_reply(self._engine.tuning)

    async def finish(self, request: Request) -> Response:
        """End an open task now, e.g. one that is stuck: `{"state": "succeeded" | "failed" | "filtered"}`."""
        task = self._engine.ledger.get(request.path_params["vendor"], request.path_params["id"])
        if task is None:
            return json_reply({"error": "no such task"}, 404)
        try:
            ending = msgspec.convert((await _object(request)).get("state", "succeeded"), State)
        except (msgspec.ValidationError, msgspec.DecodeError) as err:
            return _bad(err)
        if not task.is_open or ending not in ENDED:
            return json_reply({"error": "the task has ended, or that is no ending"}, 409)
        self._engine.finish(task, ending)
        return json_reply(describe(task), 202)

    async def reset(self, _: Request) -> Response:
        """Forget tasks, faults and deliveries; settings stay."""
        self._engine.forget_all()
        self._engine.faults.forget()
        self._announcer.deliveries.clear()
        return json_reply({"status": "ok"})


async def _object(request: Request) -> dict[str, Any]:
    raw = await request.body()
    return msgspec.json.decode(raw, type=dict[str, Any]) if raw else {}


def _bad(err: Exception) -> Response:
    return json_reply({"error": str(err)}, 422)
