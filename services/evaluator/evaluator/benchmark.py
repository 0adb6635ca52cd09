"""How a vendor's or a model's recent clips stand against a reference set: `evaluator fvd`.

A scheduled job, beside the service: reads clips from files or from the log and the object store, folds their
features, compares, and publishes the result where the catalogue's health is read.
"""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from dailies_contracts import ClipReady, subject_filter
from nats.aio.client import Client
from runtime.archive import ArchiveReader, open_archive
from runtime.benchmarks import BUCKET, Benchmark, Comparison
from runtime.buckets import open_bucket
from runtime.direct_get import DirectGet
from runtime.errors import DependencyUnavailable, InvalidRequest, NotFound, Permanent
from runtime.objects import ObjectStore, open_objects
from runtime.replay import replay

from evaluator.adapters.clip_features import N_FRAMES
from evaluator.adapters.decode import DecodeLimits, decode_clip
from evaluator.adapters.reference_sets import load_reference
from evaluator.domain.comparison import Gathered, Gathering, compare
from evaluator.domain.errors import InvalidClip
from evaluator.loading import decode_limits, load_features
from evaluator.ports import ClipFeatures
from evaluator.settings import Settings

CONNECT_TIMEOUT_S = 10.0
VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".mkv", ".webm"})

log = logging.getLogger(__name__)


class Vendor(msgspec.Struct, frozen=True, kw_only=True):
    """Whose clips are looked at.

    Attributes:
        provider: Vendor, as in the catalogue.
        model: Only of this model; empty: all.
        hours: Only clips stored in the last so many hours.
    """

    provider: str
    model: str = ""
    hours: float = 168.0

    @property
    def key(self) -> str:
        """Key of its result."""
        return f"{self.provider}.{self.model}" if self.model else self.provider


class Gatherer:
    """Folds the features of files.

    Args:
        features: What makes them.
        limits: What one file may cost.
    """

    def __init__(self, features: ClipFeatures, limits: DecodeLimits) -> None:
        self._features = features
        self._limits = limits
        self._gathering = Gathering(extractor=features.id, n_features=features.n_features)
        self.n_unreadable = 0

    def add(self, path: Path) -> None:
        """Take one file in; one that is no clip is counted and passed over."""
        try:
            clip = decode_clip(path, n_sampled=N_FRAMES, limits=self._limits)
        except InvalidClip as err:
            self.n_unreadable += 1
            log.warning("benchmark.unreadable", extra={"file": path.name, "code": err.code})
            return
        self._gathering.add(self._features.extract(clip.frames))

    def result(self) -> Gathered:
        """Give what was folded so far."""
        return self._gathering.result()


def gather_files(paths: Iterable[Path], gatherer: Gatherer) -> Gathered:
    """Fold local files, and the clips in local folders, in the order of their names."""
    for path in paths:
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in found:
            if file.suffix.lower() in VIDEO_SUFFIXES:
                gatherer.add(file)
    return gatherer.result()


def compare_files(paths: Sequence[Path], reference: Path, settings: Settings) -> Comparison:
    """Compare local clips with a reference set or with a folder of reference clips.

    Raises:
        InvalidRequest: Too few readable clips, or features that cannot be compared.
        Permanent: The reference or a model cannot be read.
    """
    features, limits = load_features(settings), decode_limits(settings)
    known = reference_of(reference, features, limits)
    return _compared(gather_files(paths, Gatherer(features, limits)), known, features)


def reference_of(path: Path, features: ClipFeatures, limits: DecodeLimits) -> Gathered:
    """Read a reference set, or make one of a folder of clips."""
    return gather_files([path], Gatherer(features, limits)) if path.is_dir() else load_reference(path)


async def measure_vendor(vendor: Vendor, reference: Path, settings: Settings, *, publish: bool) -> Benchmark:
    """Compare a vendor's recent clips with a reference, and publish the result if asked to.

    Raises:
        InvalidRequest: Too few readable clips, or features that cannot be compared.
        DependencyUnavailable: NATS or the object store does not answer.
    """
    features, limits = load_features(settings), decode_limits(settings)
    known = reference_of(reference, features, limits)
    now = datetime.now(UTC)
    since = now - timedelta(hours=vendor.hours)
    gatherer = Gatherer(features, limits)
    async with AsyncExitStack() as stack:
        connection = await connected(stack, settings)
        objects = await stack.enter_async_context(open_objects(settings, create_bucket=False))
        async for clip in recent_clips(connection, vendor, since, archive=open_archive(settings, stack)):
            await _take(clip, objects, gatherer)
        result = _compared(gatherer.result(), known, features)
        benchmark = Benchmark(provider=vendor.provider, model=vendor.model, since=since, measured_at=now, result=result)
        if publish:
            bucket = await open_bucket(connection, DirectGet(connection), BUCKET, replicas=settings.stream_replicas)
            await bucket.put(vendor.key, msgspec.json.encode(benchmark))
            log.info("benchmark.published", extra={"provider.name": vendor.provider, "distance": result.distance})
    return benchmark


async def recent_clips(
    connection: Client, vendor: Vendor, since: datetime, *, archive: ArchiveReader
) -> AsyncIterator[ClipReady]:
    """List the stored clips of a vendor since a time, those of archived jobs last."""
    filters = (subject_filter(ClipReady, provider=vendor.provider),)
    async for event in replay(connection, filters, since=since, archive=archive):
        if isinstance(event, ClipReady) and vendor.model in {"", event.model}:
            yield event


async def _take(clip: ClipReady, objects: ObjectStore, gatherer: Gatherer) -> None:
    with tempfile.TemporaryDirectory(prefix="evaluator-") as folder:
        path = Path(folder) / "clip.mp4"
        try:
            await objects.download(clip.asset, path)
        except (NotFound, Permanent):
            # A draft's bytes expire before its facts do: what is left is compared.
            log.info("benchmark.clip_gone", extra={"clip.id": clip.clip_id})
            return
        await asyncio.to_thread(gatherer.add, path)


async def connected(stack: AsyncExitStack, settings: Settings) -> Client:
    """Connect to NATS for as long as the stack is open.

    Raises:
        DependencyUnavailable: It does not answer.
    """
    import nats  # noqa: PLC0415 - comparing local files should not wait for it

    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            client = await nats.connect(settings.nats_url.split(","), allow_reconnect=False)
    except (TimeoutError, OSError, nats.errors.Error) as err:
        raise DependencyUnavailable(
            "nats.unreachable", f"No NATS server answers at {settings.nats_url}: set EVALUATOR_NATS_URL."
        ) from err
    stack.push_async_callback(client.close)
    return client


def _compared(clips: Gathered, reference: Gathered, features: ClipFeatures) -> Comparison:
    try:
        return compare(clips, reference, is_i3d=features.is_i3d)
    except ValueError as err:
        raise InvalidRequest("benchmark.cannot_compare", str(err)) from err
