"""The asset store on a real bus and a real object store."""

import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from assets.app import NAME, open_desk
from assets.handlers import Handlers
from assets.ports import Desk
from assets.settings import Settings
from dailies_contracts import AssetRef, ClipReady, ClipRequested, Event
from media.layout import clip_key, tags_of
from msgspec import structs
from pydantic import SecretStr
from runtime.service import open_service
from simulator.scenes import render_clip
from testkit.builders import clip_ready
from testkit.clients import s3_client
from testkit.servers import S3Server

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
        s3_url=s3.url,
        s3_access_key=SecretStr(s3.access_key),
        s3_secret_key=SecretStr(s3.secret_key),
        s3_bucket=s3_bucket,
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
        return Store(desk, Handlers(desk), client, settings.s3_bucket)

    return opened


@pytest.fixture
async def store(open_store: Callable[[AsyncExitStack], Any]) -> AsyncIterator[Store]:
    async with AsyncExitStack() as stack:
        yield await open_store(stack)


@pytest.fixture(scope="session")
def clip() -> bytes:
    return render_clip("A red ball on a table", duration_s=0.75, size_px=(320, 180), audio=True)
