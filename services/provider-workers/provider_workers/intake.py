"""Take a finished clip in: download at once (vendor URLs expire), probe, store with us."""

import asyncio
import logging
import tempfile
from pathlib import Path

from dailies_contracts import AssetRef, MediaFacts
from media.layout import SOURCE, SOURCE_TYPE, clip_key, tags_of
from media.probe import Unreadable, probe
from media.stills import STILL, STILL_TYPE, first_frame
from opentelemetry.trace import SpanKind
from runtime.errors import DependencyUnavailable
from runtime.telemetry import span

from provider_workers.domain.adapter import Output
from provider_workers.domain.facts import Stored
from provider_workers.domain.failures import ProviderError
from provider_workers.domain.progress import Clip
from provider_workers.ports import Desk

log = logging.getLogger(__name__)


class Intake:
    """Turns a vendor's output into an asset of ours."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def take(self, clip: Clip, output: Output) -> Stored:
        """Download, probe and store one clip; doing it again replaces the same object.

        Raises:
            ExpiredOutput: The vendor's URL is no longer good.
            ProviderError: Kind `bad_output`: the file cannot be used; `unavailable`: it did not come through.
            DependencyUnavailable: The store does not answer.
        """
        desk, request = self._desk, clip.request
        with tempfile.NamedTemporaryFile(prefix="clip-", suffix=".mp4") as file:
            path = Path(file.name)
            with span(
                "vendor.download",
                kind=SpanKind.CLIENT,
                clip__id=clip.clip_id,
                gen_ai__provider__name=request.provider,
            ):
                download = await desk.adapter.download(output, path)
            with span("clip.probe", clip__id=clip.clip_id):
                media, picture = await asyncio.to_thread(_read, path, clip)
            key = clip_key(request.job_id, clip.clip_id, SOURCE)
            asset, frame = await asyncio.gather(
                desk.objects.put(key, path, media_type=SOURCE_TYPE, tags=tags_of(request.stage)),
                self._keep_still(clip, picture),
            )
        if asset.sha256 != download.sha256:
            raise DependencyUnavailable("clip.changed_on_disk", clip.clip_id)
        return Stored(asset, media, frame)

    async def _keep_still(self, clip: Clip, picture: bytes | None) -> AssetRef | None:
        if picture is None:
            return None
        key = clip_key(clip.request.job_id, clip.clip_id, STILL)
        return await self._desk.objects.put(key, picture, media_type=STILL_TYPE, tags=tags_of(clip.request.stage))


def _read(path: Path, clip: Clip) -> tuple[MediaFacts, bytes | None]:
    """Read what is in the file, and of a draft the picture that may anchor a final; without one, words promote it.

    Raises:
        ProviderError: Kind `bad_output`: it is no whole clip.
    """
    try:
        media = probe(path)
    except Unreadable as err:
        raise ProviderError("bad_output", clip.request.provider, vendor_code=err.code) from err
    if clip.request.stage != "draft":
        return media, None
    try:
        return media, first_frame(path)
    except Unreadable as err:
        log.warning("clip.no_first_frame", extra={"clip.id": clip.clip_id, "code": err.code})
        return media, None
