"""A simulator in this process (no sockets), the same behind a real server, and clients with its keys."""

import asyncio
import base64
import hashlib
import hmac
import json
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from simulator.app import Simulator
from simulator.engine import USUAL_DURATIONS_S, small_clip
from simulator.faults import read_fault
from simulator.media import clip_key, render
from simulator.server import new_server
from simulator.settings import Settings, Tuning, patched
from simulator.tasks import Task
from simulator.vendors import VENDORS

FAST = {"small_clips": True, "latency": {kind.name: {"median_s": 1.0, "p95_s": 2.0} for kind in VENDORS}}
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes....").decode()
BASE_URL = "http://simulator.test"


class Bench:
    """A running simulator and what tests do to it."""

    def __init__(self, simulator: Simulator, base_url: str) -> None:
        self.simulator = simulator
        self.engine = simulator.engine
        self.base_url = base_url

    def tune(self, **patch: Any) -> Tuning:
        self.engine.tuning = patched(self.engine.tuning, patch)
        return self.engine.tuning

    def fault(self, kind: str, **fields: Any) -> None:
        self.engine.faults.add(read_fault({"kind": kind, **fields}))

    async def ended(self, n: int = 1, *, timeout_s: float = 20.0) -> list[Task]:
        """Wait until so many tasks have ended."""
        async with asyncio.timeout(timeout_s):
            await self.engine.until(lambda: sum(not task.is_open for task in self.tasks) >= n)
        return self.tasks

    @property
    def tasks(self) -> list[Task]:
        return self.engine.ledger.tasks()

    @property
    def totals(self) -> dict[str, dict[str, Any]]:
        return self.engine.ledger.totals()


class KlingClient:
    """Kling's new dialect, as one would call it by hand."""

    headers = {"authorization": "Bearer sim-kling-key"}

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def submit(
        self, prompt: str = "a cup", *, model: str = "kling-2.6", settings: Any = None, **options: Any
    ) -> httpx.Response:
        body = {"prompt": prompt, "settings": settings or {}, "options": options}
        return await self.http.post(f"/kling/text-to-video/{model}", json=body, headers=self.headers)

    async def task(self, **params: str) -> Any:
        reply = await self.http.get("/kling/tasks", params=params, headers=self.headers)
        assert reply.status_code == 200
        assert reply.json()["code"] == 0
        return reply.json()["data"]


class VeoClient:
    """Veo's Gemini dialect, as one would call it by hand."""

    headers = {"x-goog-api-key": "sim-veo-key"}

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def submit(
        self, prompt: str = "a cup", *, model: str = "veo-3.1-fast-generate-preview", **parameters: Any
    ) -> httpx.Response:
        body = {"instances": [{"prompt": prompt}], "parameters": {"durationSeconds": 4, **parameters}}
        path = f"/veo/v1beta/models/{model}:predictLongRunning"
        return await self.http.post(path, json=body, headers=self.headers)

    async def operation(self, name: str) -> Any:
        return (await self.http.get(f"/veo/v1beta/{name}", headers=self.headers)).json()


class PikaClient:
    """fal's queue for Pika, as one would call it by hand."""

    headers = {"authorization": "Key sim-pika-key"}
    app = "/pika/fal-ai/pika"

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def submit(
        self, prompt: str = "a cup", *, operation: str = "text-to-video", query: str = "", **fields: Any
    ) -> httpx.Response:
        path = f"{self.app}/v2.2/{operation}{query}"
        return await self.http.post(path, json={"prompt": prompt, **fields}, headers=self.headers)

    async def get(self, rest: str) -> httpx.Response:
        return await self.http.get(f"{self.app}/requests/{rest}", headers=self.headers)

    async def cancel(self, request_id: str) -> httpx.Response:
        return await self.http.put(f"{self.app}/requests/{request_id}/cancel", headers=self.headers)


class MinimaxClient:
    """MiniMax's V1, as one would call it by hand."""

    headers = {"authorization": "Bearer sim-minimax-key"}

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def submit(self, prompt: str = "a cup", *, model: str = "MiniMax-Hailuo-2.3", **fields: Any) -> Any:
        body = {"model": model, "prompt": prompt, **fields}
        reply = await self.http.post("/minimax/v1/video_generation", json=body, headers=self.headers)
        assert reply.status_code == 200
        return reply.json()

    async def query(self, task_id: str) -> Any:
        path = "/minimax/v1/query/video_generation"
        return (await self.http.get(path, params={"task_id": task_id}, headers=self.headers)).json()

    async def file(self, file_id: str | int) -> Any:
        path = "/minimax/v1/files/retrieve"
        return (await self.http.get(path, params={"file_id": file_id}, headers=self.headers)).json()


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small clips, rendered once for the session."""
    folder = tmp_path_factory.mktemp("clips")
    for duration_s in USUAL_DURATIONS_S:
        clip = small_clip(duration_s)
        (folder / f"{clip_key(clip)}.mp4").write_bytes(render(clip))
    return folder


@pytest.fixture
def state_dir(rendered: Path, tmp_path: Path) -> Path:
    """A state folder in which the small clips lie ready."""
    folder = tmp_path / "state"
    shutil.copytree(rendered, folder / "clips")
    return folder


@pytest.fixture
def settings(state_dir: Path) -> Settings:
    keys = (SecretStr("sim-kling-key"), SecretStr("second-kling-key"))
    return Settings(state_dir=state_dir, keys={"kling": keys}, webhook_secrets={"kling": SecretStr(WEBHOOK_SECRET)})


@pytest.fixture
async def bench(settings: Settings) -> AsyncIterator[Bench]:
    async with Simulator(settings) as simulator:
        bench = Bench(simulator, BASE_URL)
        bench.tune(**FAST)
        yield bench


@pytest.fixture
async def http(bench: Bench) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=bench.simulator.asgi)
    async with httpx.AsyncClient(transport=transport, base_url=BASE_URL) as client:
        yield client


@pytest.fixture
def kling(http: httpx.AsyncClient) -> KlingClient:
    return KlingClient(http)


@pytest.fixture
def veo(http: httpx.AsyncClient) -> VeoClient:
    return VeoClient(http)


@pytest.fixture
def pika(http: httpx.AsyncClient) -> PikaClient:
    return PikaClient(http)


@pytest.fixture
def minimax(http: httpx.AsyncClient) -> MinimaxClient:
    return MinimaxClient(http)


@asynccontextmanager
async def serving(bench: Bench) -> AsyncIterator[httpx.AsyncClient]:
    """Serve on a free port."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = new_server(bench.simulator)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
            yield client
    finally:
        server.should_exit = True
        await running


@pytest.fixture
async def real_http(bench: Bench) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a real server: the socket listens before the first request, so nobody has to wait."""
    async with serving(bench) as client:
        yield client


@pytest.fixture
def sign_token() -> Callable[..., str]:
    return jwt


def jwt(*, exp: int, nbf: int, access_key: str = "sim-ak", secret_key: str = "sim-sk") -> str:  # noqa: S107 - the simulator's development key
    """Sign a token as a client of Kling's legacy dialect does."""

    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).rstrip(b"=").decode()

    signed = f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part({'iss': access_key, 'exp': exp, 'nbf': nbf})}"
    digest = hmac.new(secret_key.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"
