"""The evaluator as its own process, between a real bus and a real object store."""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from hashlib import sha256
from pathlib import Path

import pytest
from dailies_contracts import VIDEO, AssetRef, ClipReady, ClipScored, stream_configs, subject_filter
from msgspec import structs
from msgspec.json import decode
from nats.aio.client import Client
from runtime.jetstream import declare_stream
from runtime.log import EventLog
from testkit.builders import clip_ready
from testkit.clients import s3_client
from testkit.servers import S3Server
from testkit.stories import clip_requested

CUP = "a white ceramic cup on a walnut desk, morning light, slow dolly in"
TIMEOUT_S = 60


class Pipeline:
    """Stores clips, tells the evaluator of them and waits for the scores."""

    def __init__(self, connection: Client, s3: S3Server, bucket: str) -> None:
        self.connection = connection
        self.log = EventLog(connection, source="test")
        self.s3, self.bucket = s3, bucket
        self.scored: asyncio.Queue[ClipScored] = asyncio.Queue()

    async def prepare(self) -> None:
        for config in stream_configs():
            await declare_stream(self.connection, config)

        async def on_scored(message) -> None:
            await self.scored.put(decode(message.data, type=ClipScored))

        await self.connection.jetstream().subscribe(
            subject_filter(ClipScored), stream=VIDEO, ordered_consumer=True, cb=on_scored
        )

    def stored(self, body: bytes, job_id: str) -> ClipReady:
        key = f"jobs/{job_id}/source.mp4"
        with contextlib.closing(s3_client(self.s3)) as client:
            client.put_object(Bucket=self.bucket, Key=key, Body=body)
        asset = AssetRef(
            uri=f"s3://{self.bucket}/{key}",
            sha256=sha256(body).hexdigest(),
            size_bytes=len(body),
            media_type="video/mp4",
        )
        return structs.replace(clip_ready(clip_requested(job_id)), asset=asset, prompt=CUP)

    async def scores_of(self, event: ClipReady) -> ClipScored:
        async with asyncio.timeout(TIMEOUT_S):
            scored = await self.scored.get()
        assert scored.clip_id == event.clip_id
        return scored


@pytest.fixture
async def pipeline(bus: Client, s3: S3Server, s3_bucket: str) -> Pipeline:
    pipeline = Pipeline(bus, s3, s3_bucket)
    await pipeline.prepare()
    return pipeline


@pytest.fixture
async def start(nats_url: str, pipeline: Pipeline) -> AsyncIterator[Callable[..., "asyncio.Future[Process]"]]:
    processes: list[Process] = []

    async def run(**settings: str) -> Process:
        environment = {
            "PATH": os.environ["PATH"],
            "EVALUATOR_NATS_URL": nats_url,
            "EVALUATOR_S3_URL": pipeline.s3.url,
            "EVALUATOR_S3_ACCESS_KEY": pipeline.s3.access_key,
            "EVALUATOR_S3_SECRET_KEY": pipeline.s3.secret_key,
            "EVALUATOR_S3_BUCKET": pipeline.bucket,
        } | settings
        processes.append(await asyncio.create_subprocess_exec(sys.executable, "-m", "evaluator", env=environment))
        return processes[-1]

    yield run
    for process in processes:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def test_good_and_broken_clips_are_scored_once_each(
    pipeline: Pipeline, start: Callable[..., "asyncio.Future[Process]"], render: Callable[..., Path]
) -> None:
    process = await start()
    good = pipeline.stored(render().read_bytes(), "job_good")
    await pipeline.log.append_fact(good)
    scored = await pipeline.scores_of(good)
    assert scored.scores.passed
    assert scored.scoring_cost_usd_micros > 0
    broken = pipeline.stored(b"<html>503</html>", "job_broken")
    await pipeline.log.append_fact(broken)
    assert (await pipeline.scores_of(broken)).scores.flags[0] == "invalid_clip"
    gone = structs.replace(pipeline.stored(b"x", "job_gone"), asset=good.asset)
    gone = structs.replace(gone, asset=structs.replace(gone.asset, uri=f"s3://{pipeline.bucket}/jobs/none"))
    await pipeline.log.append_fact(gone)
    assert "clip.gone" in (await pipeline.scores_of(gone)).scores.flags
    process.terminate()
    assert await process.wait() == 0


async def test_a_clip_that_was_in_hand_at_a_kill_is_scored_by_the_next(
    pipeline: Pipeline, start: Callable[..., "asyncio.Future[Process]"], render: Callable[..., Path]
) -> None:
    event = pipeline.stored(render(duration_s=4.0, size_px=(1280, 720)).read_bytes(), "job_kill")
    first = await start()
    await pipeline.log.append_fact(event)
    first.kill()
    await first.wait()
    await start()
    assert (await pipeline.scores_of(event)).scores.passed
    history = await pipeline.log.history(event.job_id)
    assert [type(each) for each in history.events] == [ClipReady, ClipScored]


async def test_the_constant_scorer_runs_without_an_object_store(
    pipeline: Pipeline, start: Callable[..., "asyncio.Future[Process]"]
) -> None:
    event = clip_ready(clip_requested("job_constant"))
    await pipeline.log.append_fact(event)
    await start(EVALUATOR_ENGINE="constant", EVALUATOR_S3_URL="http://127.0.0.1:9")
    scored = await pipeline.scores_of(event)
    assert scored.scores.models["motion"] == "constant-benchmark-only"
