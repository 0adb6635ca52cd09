"""The asset store on a real bus and a real object store."""

import contextlib
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from assets.adapters.stream import FactStream
from assets.app import NAME, open_archiving, open_desk
from assets.archiving import Archiving
from assets.handlers import Handlers
from assets.ports import Desk
from assets.settings import Settings
from dailies_contracts import VIDEO, AssetDeleted, AssetRef, ClipReady, ClipRequested, Event, JobArchived, job_filter
from media.layout import clip_key, tags_of
from msgspec import json as msgspec_json
from msgspec import structs
from nats.aio.client import Client
from runtime.archive import log_prefix
from runtime.clock import utc_clock
from runtime.direct_get import DirectGet
from runtime.log import EventLog, History
from runtime.service import open_service
from simulator.scenes import render_clip
from testkit.builders import NOW, clip_ready
from testkit.clients import s3_client
from testkit.servers import S3Server
from testkit.stories import promoted_job

CATALOG = Path(__file__).parents[3] / "deploy" / "catalog.toml"


class Store(NamedTuple):
    """An asset store as a test uses it."""

    desk: Desk
    handlers: Handlers
    s3: Any
    bucket: str

    async def stored(self, order: ClipRequested, content: bytes) -> ClipReady:
        """Do what a worker does with a finished clip: store it; the fact is the caller's to write."""
        key = clip_key(order.job_id, order.clip_id, "source.mp4")
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=content, Tagging=f"stage={order.stage}")
        asset = AssetRef(
            uri=f"s3://{self.bucket}/{key}",
            sha256=hashlib.sha256(content).hexdigest(),
            size_bytes=len(content),
            media_type="video/mp4",
        )
        return structs.replace(clip_ready(order), asset=asset)

    async def tell(self, *events: Event) -> None:
        """Write facts into the log."""
        for event in events:
            assert await self.desk.log.append_fact(event)

    def names(self, order: ClipRequested) -> set[str]:
        """Files of a clip that can be read."""
        prefix = clip_key(order.job_id, order.clip_id, "")
        listed = self.s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", ())
        return {each["Key"].removeprefix(prefix) for each in listed}

    def tags(self, order: ClipRequested) -> set[str]:
        """Every value of the tag `stage` among a clip's files."""
        found = set()
        for name in self.names(order):
            key = clip_key(order.job_id, order.clip_id, name)
            tags = self.s3.get_object_tagging(Bucket=self.bucket, Key=key)["TagSet"]
            found |= {each["Value"] for each in tags if each["Key"] in tags_of("")}
        return found


@pytest.fixture
def settings(nats_url: str, s3: S3Server, s3_bucket: str, tmp_path: Path) -> Settings:
    return Settings(
        nats_url=nats_url,
        **s3.settings(s3_bucket),
        catalog=CATALOG,
        development_keys=tmp_path / "keys",
        preset="ultrafast",
    )


@pytest.fixture
def open_store(settings: Settings, s3: S3Server) -> Callable[[AsyncExitStack], Any]:
    """Open an asset store; two on one stack are two replicas."""

    async def opened(stack: AsyncExitStack) -> Store:
        service = await stack.enter_async_context(open_service(NAME, settings))
        desk = await open_desk(settings, service, stack)
        client = stack.enter_context(contextlib.closing(s3_client(s3)))
        return Store(desk, Handlers(desk, open_archiving(settings, service, desk)), client, settings.s3_bucket)

    return opened


@pytest.fixture
async def store(open_store: Callable[[AsyncExitStack], Any]) -> AsyncIterator[Store]:
    async with AsyncExitStack() as stack:
        yield await open_store(stack)


@pytest.fixture(scope="session")
def clip() -> bytes:
    return render_clip("A red ball on a table", duration_s=0.75, size_px=(320, 180), audio=True)


HOT = timedelta(hours=72)
OLD_JOB = "job_old"


def later() -> datetime:
    """Four days on: whatever a test wrote is old enough."""
    return utc_clock() + timedelta(days=4)


class DiedError(Exception):
    """The process was killed."""


class Dying:
    """Stands before a part; the process dies at its n-th write over all parts, before or after it."""

    def __init__(self, part: Any, writes: tuple[str, ...], life: dict[str, int], *, after: bool) -> None:
        self._part = part
        self._writes = writes
        self._life = life
        self._after = after

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._part, name)
        if name not in self._writes:
            return call

        async def counted(*args: Any, **kwargs: Any) -> Any:
            self._life["left"] -= 1
            if self._life["left"] < 0 or (self._life["left"] == 0 and not self._after):
                raise DiedError
            result = await call(*args, **kwargs)
            if self._life["left"] == 0:
                raise DiedError
            return result

        return counted


class House:
    """An asset store, and archiving replicas that share its stream and bucket."""

    def __init__(self, store: Store, bus: Client) -> None:
        self.store, self.bus, self.desk = store, bus, store.desk
        self.log: EventLog = store.desk.log
        self.reader = DirectGet(bus)

    def replica(self, clock: Callable[[], Any] = later, **parts: Any) -> Archiving:
        wanted = {
            "stream": FactStream(self.bus),
            "log_of_jobs": self.log,
            "objects": self.desk.objects,
            "keeper": self.desk.keeper,
        }
        return Archiving(**(wanted | parts), holds=self.desk.holds, clock=clock, hot=HOT)

    async def dies_at(self, n: int, act: Callable[[Archiving], Awaitable[Any]], *, after: bool) -> bool:
        """Let a replica act that is killed at its n-th write, before or after it; tells whether it came so far."""
        life = {"left": n}
        parts = {
            "stream": Dying(FactStream(self.bus), ("delete",), life, after=after),
            "log_of_jobs": Dying(self.log, ("append",), life, after=after),
            "objects": Dying(self.desk.objects, ("put_once",), life, after=after),
            "keeper": Dying(self.desk.keeper, ("erase",), life, after=after),
        }
        with contextlib.suppress(DiedError):
            await act(self.replica(**parts))
        return life["left"] <= 0

    async def facts_in_stream(self, job_id: str = OLD_JOB) -> list[str]:
        stored = await self.reader.last_of_each(VIDEO, (job_filter(job_id),))
        return [each.subject.split(".")[3] for each in stored]

    async def mark(self, job_id: str = OLD_JOB) -> JobArchived:
        stored = await self.reader.last_of_each(VIDEO, (f"video.v1.{job_id}.job_archived.*",))
        return msgspec_json.decode(stored[-1].body, type=JobArchived)

    def parts(self, job_id: str = OLD_JOB) -> list[str]:
        listed = self.store.s3.list_objects_v2(Bucket=self.store.bucket, Prefix=log_prefix(job_id))
        return [each["Key"] for each in listed.get("Contents", ())]

    async def whole_stream(self, job_id: str = OLD_JOB) -> bytes:
        return b"".join(each.body for each in await self.reader.last_of_each(VIDEO, (job_filter(job_id),)))

    def every_version(self, job_id: str = OLD_JOB) -> list[bytes]:
        s3, bucket = self.store.s3, self.store.bucket
        listed = s3.list_object_versions(Bucket=bucket, Prefix=log_prefix(job_id))["Versions"]
        found = [s3.get_object(Bucket=bucket, Key=x["Key"], VersionId=x["VersionId"]) for x in listed]
        return [each["Body"].read() for each in found]

    def read(self, key: str) -> bytes:
        return self.store.s3.get_object(Bucket=self.store.bucket, Key=key)["Body"].read()

    def later(self) -> datetime:
        """Four days on: whatever a test wrote is old enough."""
        return later()

    async def tell_job(self, job_id: str = OLD_JOB, **request: Any) -> History:
        await self.store.tell(*promoted_job(job_id, **request))
        return await self.log.history(job_id)

    async def tell_deletions(self, *orders: ClipRequested) -> None:
        names = ("job_id", "tenant_id", "clip_id", "provider", "model", "stage")
        for order in orders:
            about = {name: getattr(order, name) for name in names}
            await self.store.tell(AssetDeleted(occurred_at=NOW, sha256s=(), reason="asked for", **about))

    @staticmethod
    def same(before: History, after: History) -> bool:
        return (before.events, before.trace_id) == (after.events, after.trace_id)


@pytest.fixture
async def house(store: Store, bus: Client) -> House:
    return House(store, bus)
