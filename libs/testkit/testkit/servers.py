"""Start real private servers for a test: each on free ports, with its data in a folder of its own.

```python
async with nats_server() as nats, s3_server() as s3:
    ...                       # nats.url, s3.url, s3.access_key
    await nats.kill()         # SIGKILL, as a crash
    await nats.start()        # the same port and the same data
```
Every server answers before it is handed out, and is ended by its own pid: SIGTERM, then SIGKILL.
"""

import asyncio
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from local_stack import parts
from local_stack.ports import LOOPBACK, free_ports
from local_stack.process import Process, StartFailed

MAX_STARTS = 3  # a free port can be taken by somebody else before the server binds it


@dataclass(frozen=True, kw_only=True)
class Server:
    """A private server, running when handed out.

    Attributes:
        url: For clients.
        process: For synchronous code; async code uses the methods below.
        directory: Its data.
    """

    url: str
    process: Process
    directory: Path

    @property
    def pid(self) -> int:
        """Pid of the server; raises ProcessLookupError when it is down."""
        return self.process.pid

    async def start(self) -> None:
        """Start it again on the same port with the same data, and wait until it answers."""
        await asyncio.to_thread(self.process.start)

    async def stop(self) -> None:
        """End it gently: SIGTERM, SIGKILL after its grace period."""
        await asyncio.to_thread(self.process.stop)

    async def kill(self) -> None:
        """End it at once, as a crash would."""
        await asyncio.to_thread(self.process.kill)


@dataclass(frozen=True, kw_only=True)
class NatsServer(Server):
    """A nats-server with JetStream.

    Attributes:
        monitor_url: `/healthz`, `/jsz?streams=1&consumers=1`, `/connz`.
    """

    monitor_url: str


@dataclass(frozen=True, kw_only=True)
class S3Server(Server):
    """An object store.

    Attributes:
        access_key: The only key that it accepts.
        secret_key: Its secret.
        region: For the signatures.
    """

    access_key: str
    secret_key: str
    region: str = parts.S3_REGION

    def settings(self, bucket: str) -> dict[str, Any]:
        """Give the settings of a service that keeps its files in a bucket, as fields of `S3Settings`."""
        return {
            "s3_url": self.url,
            "s3_access_key": self.access_key,
            "s3_secret_key": self.secret_key,
            "s3_bucket": bucket,
        }


ServerT = TypeVar("ServerT", bound=Server)


@asynccontextmanager
async def nats_server(directory: Path | None = None, *, sync_interval: str = "2m") -> AsyncIterator[NatsServer]:
    """Run a private nats-server with JetStream on a file store.

    Args:
        directory: For its data; a temporary folder when None.
        sync_interval: See `local_stack.parts.nats_spec`.
    """
    with _folder(directory) as folder:
        server = await asyncio.to_thread(started, lambda: new_nats_server(folder, sync_interval=sync_interval))
        try:
            yield server
        finally:
            await server.stop()


@asynccontextmanager
async def mongo_server(directory: Path | None = None) -> AsyncIterator[Server]:
    """Run a private SecantusDB (MongoDB's wire protocol).

    Args:
        directory: For its data; a temporary folder when None.
    """
    with _folder(directory) as folder:
        server = await asyncio.to_thread(started, lambda: new_mongo_server(folder))
        try:
            yield server
        finally:
            await (server.stop() if directory else server.kill())


@asynccontextmanager
async def s3_server(directory: Path | None = None, *, buckets: tuple[str, ...] = ()) -> AsyncIterator[S3Server]:
    """Run a private SeaweedFS with its S3 gateway.

    Args:
        directory: For its data; a temporary folder when None.
        buckets: Buckets that exist at once.
    """
    with _folder(directory) as folder:
        server = await asyncio.to_thread(started, lambda: new_s3_server(folder, buckets=buckets))
        try:
            yield server
        finally:
            await (server.stop() if directory else server.kill())


def new_nats_server(directory: Path, *, sync_interval: str = "2m") -> NatsServer:
    """Describe a nats-server on free ports; it is not started yet."""
    port, monitor_port = free_ports(2)
    spec = parts.nats_spec(
        directory,
        port=port,
        monitor_port=monitor_port,
        log=directory / "nats.log",
        sync_interval=sync_interval,
    )
    return NatsServer(
        url=f"nats://{LOOPBACK}:{port}",
        monitor_url=f"http://{LOOPBACK}:{monitor_port}",
        process=Process(spec),
        directory=directory,
    )


def new_mongo_server(directory: Path) -> Server:
    """Describe a SecantusDB on a free port; it is not started yet."""
    (port,) = free_ports(1)
    spec = parts.mongo_spec(directory / "data", port=port, log=directory / "mongo.log")
    return Server(url=parts.mongo_url(port), process=Process(spec), directory=directory)


def new_s3_server(directory: Path, *, buckets: tuple[str, ...] = ()) -> S3Server:
    """Describe a SeaweedFS on free ports; it is not started yet."""
    ports = free_ports(len(parts.S3_PORT_NAMES))
    login = parts.S3Login(access_key="test", secret_key=secrets.token_hex(16))
    spec = parts.s3_spec(directory / "data", ports=ports, login=login, log=directory / "s3.log", buckets=buckets)
    return S3Server(
        url=f"http://{LOOPBACK}:{ports[0]}",
        process=Process(spec),
        directory=directory,
        access_key=login.access_key,
        secret_key=login.secret_key,
    )


def started(describe: Callable[[], ServerT]) -> ServerT:
    """Start a server; when it fails, describe it anew (on other ports) and try again.

    Raises:
        StartFailed: it failed `MAX_STARTS` times.
    """
    for _ in range(MAX_STARTS - 1):
        server = describe()
        try:
            server.process.start()
        except StartFailed:
            continue
        return server
    server = describe()
    server.process.start()
    return server


@contextmanager
def _folder(directory: Path | None) -> Iterator[Path]:
    if directory is not None:
        directory.mkdir(parents=True, exist_ok=True)
        yield directory
        return
    # A server that was just killed may still hold a file open; leaving it to the system is better than failing.
    with tempfile.TemporaryDirectory(prefix="dailies-", ignore_cleanup_errors=True) as temporary:
        yield Path(temporary)
