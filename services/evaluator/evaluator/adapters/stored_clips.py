"""Clips in the object store, scored off the event loop: download, decode in a few threads, models in one.

What the handler calls. PyAV, OpenCV and ONNX Runtime release the interpreter lock, so threads are enough.
"""

import asyncio
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from dailies_contracts import AssetRef, ClipReady, Scores
from runtime.errors import NotFound, Permanent
from runtime.telemetry import span

from evaluator.domain.asked import read_ask
from evaluator.domain.errors import InvalidClip
from evaluator.scoring import Scorer


class Downloads(Protocol):
    """The part of the object store that scoring needs."""

    async def download(self, ref: AssetRef, path: Path) -> None:
        """Write the asset's bytes to a local file."""
        ...


class StoredClips:
    """Scores stored clips.

    Args:
        scorer: What judges a file.
        objects: Where the files are.
        decode_workers: Clips decoded at once: one core each.
        device_slots: Clips at the models at once: one per device.
    """

    def __init__(self, *, scorer: Scorer, objects: Downloads, decode_workers: int = 2, device_slots: int = 1) -> None:
        self._scorer = scorer
        self._objects = objects
        self._decoding = ThreadPoolExecutor(decode_workers, thread_name_prefix="decode")
        self._judging = ThreadPoolExecutor(device_slots, thread_name_prefix="models")

    async def __aenter__(self) -> Self:
        """Open."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let running work end, drop what waits: its messages come again."""
        for pool in (self._decoding, self._judging):
            await asyncio.to_thread(pool.shutdown, wait=True, cancel_futures=True)

    async def score(self, event: ClipReady) -> Scores:
        """Score the clip of an event; a file that cannot be judged ends in the scores.

        Raises:
            Transient: The object store does not answer.
        """
        loop = asyncio.get_running_loop()
        asked = read_ask(event.prompt, event.ask)
        try:
            with tempfile.TemporaryDirectory(prefix="evaluator-") as folder:
                path = Path(folder) / "clip"
                await self._download(event.asset, path)
                with span("evaluator.look"):
                    seen = await loop.run_in_executor(self._decoding, self._scorer.look, path, asked)
            with span("evaluator.judge"):
                return await loop.run_in_executor(self._judging, self._scorer.judge, seen)
        except InvalidClip as err:
            return self._scorer.refuse(err)

    async def _download(self, asset: AssetRef, path: Path) -> None:
        limit = self._scorer.limits.size_bytes
        if asset.size_bytes > limit:
            raise InvalidClip("clip.too_large", f"the file has {asset.size_bytes} bytes, at most {limit} are read")
        try:
            await self._objects.download(asset, path)
        except (NotFound, Permanent) as err:
            # Waiting would not bring the file back: the job must hear that this clip is lost.
            raise InvalidClip("clip.gone", "the stored file is gone or is not what was stored") from err
