"""Rendered clips: made once each, in a process of their own, and kept by what decides their bytes.

The engine asks for clips when a task starts; vendors read them when a client downloads.
"""

import asyncio
import hashlib
import multiprocessing
import os
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Self

import msgspec

from simulator.tasks import ClipSpec

MEMORY_BYTES = 96 * 1024 * 1024  # clips kept at hand when they also lie on disk
NICENESS = 10  # rendering must not slow down the answers


class MediaStore:
    """Clips by key; renders what is missing."""

    def __init__(self, folder: Path | None, *, n_workers: int) -> None:
        self._folder = folder
        self._n_workers = n_workers
        self._clips: OrderedDict[str, bytes] = OrderedDict()
        self._n_bytes = 0
        self._pictures: dict[str, bytes] = {}
        self._rendering: dict[str, asyncio.Future[bytes]] = {}
        self._pool: ProcessPoolExecutor | None = None
        self._lifeline: Connection | None = None

    def __enter__(self) -> Self:
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        for running in self._rendering.values():
            running.cancel()
        if self._pool is not None and self._lifeline is not None:
            self._lifeline.close()
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def peek(self, clip: ClipSpec) -> bytes | None:
        """Return the clip if it was rendered before."""
        return self._load(clip_key(clip))

    def keep_picture(self, picture: bytes) -> str:
        """Keep a picture that came with a request; returns its digest."""
        digest = hashlib.blake2b(picture, digest_size=16).hexdigest()
        self._pictures[digest] = picture
        if self._folder is not None:
            (self._folder / f"{digest}.image").write_bytes(picture)
        return digest

    def keep_frame(self, picture: str | bytes | None) -> str | None:
        """Keep a picture that came as bytes; returns its digest, or what was given: a URL, or nothing."""
        return self.keep_picture(picture) if isinstance(picture, bytes) else picture

    async def clip(self, clip: ClipSpec, *, anchors: Sequence[ClipSpec] = ()) -> bytes:
        """Return the clip, rendering it when it is not there.

        Args:
            clip: What to render.
            anchors: Clips that its first frame may have been taken from.
        """
        key = clip_key(clip)
        if (known := self._load(key)) is not None:
            return known
        if (running := self._rendering.get(key)) is None:
            running = asyncio.ensure_future(self._render(key, clip, anchors))
            self._rendering[key] = running
            running.add_done_callback(lambda _: self._rendering.pop(key, None))
        return await asyncio.shield(running)

    async def _render(self, key: str, clip: ClipSpec, anchors: Sequence[ClipSpec]) -> bytes:
        pool = self._pool or self._start_pool()
        loop = asyncio.get_running_loop()
        if clip.first_frame is None and clip.last_frame is None:
            content = await loop.run_in_executor(pool, render, clip)
        else:
            known = [(anchor, kept) for anchor in anchors if (kept := self.peek(anchor)) is not None]
            first, last = self._picture(clip.first_frame), self._picture(clip.last_frame)
            content = await loop.run_in_executor(pool, render_on, first, clip, known, last)
        self._save(key, content)
        return content

    def _picture(self, digest: str | None) -> bytes | None:
        if digest is None:
            return None
        if digest not in self._pictures and self._folder is not None:
            self._pictures[digest] = (self._folder / f"{digest}.image").read_bytes()
        return self._pictures[digest]

    def _start_pool(self) -> ProcessPoolExecutor:
        # Spawned, not forked: the parent has threads, and a child must not inherit its sockets.
        context = multiprocessing.get_context("spawn")
        watched, self._lifeline = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(
            self._n_workers, mp_context=context, initializer=_start_worker, initargs=(watched,)
        )
        return self._pool

    def _load(self, key: str) -> bytes | None:
        if (content := self._clips.get(key)) is not None:
            self._clips.move_to_end(key)
            return content
        if self._folder is None:
            return None
        try:
            content = (self._folder / f"{key}.mp4").read_bytes()
        except FileNotFoundError:
            return None
        self._keep(key, content)
        return content

    def _save(self, key: str, content: bytes) -> None:
        if self._folder is not None:
            # Renamed into place, so that a killed process leaves no half clip under a good name.
            partial = self._folder / f"{key}.part"
            partial.write_bytes(content)
            partial.replace(self._folder / f"{key}.mp4")
        self._keep(key, content)

    def _keep(self, key: str, content: bytes) -> None:
        self._clips[key] = content
        self._n_bytes += len(content)
        # Without a folder memory is the only copy: then nothing is let go.
        while self._folder is not None and self._n_bytes > MEMORY_BYTES and len(self._clips) > 1:
            _, oldest = self._clips.popitem(last=False)
            self._n_bytes -= len(oldest)


def clip_key(clip: ClipSpec) -> str:
    """Name a clip by what decides its bytes."""
    return hashlib.blake2b(msgspec.json.encode(clip), digest_size=16).hexdigest()


def render(clip: ClipSpec, last_frame: bytes | None = None, *, take: int | None = None) -> bytes:
    """Render one clip, that ends with a picture if there is one; runs in a worker process.

    Another take of it differs by small flaws.
    """
    from simulator.anchor import decoded  # noqa: PLC0415 - OpenCV and PyAV load in the worker only
    from simulator.scenes import Defect, render_clip, take_flaws  # noqa: PLC0415 - OpenCV and PyAV load in the worker only

    wished = tuple(Defect(kind=defect.kind, strength=defect.strength) for defect in clip.defects)
    return render_clip(
        clip.prompt,
        duration_s=clip.duration_s,
        fps=clip.fps,
        size_px=clip.size_px,
        seed=clip.seed,
        defects=wished if take is None else (*wished, *take_flaws(take)),
        quality=clip.quality,
        audio=clip.audio,
        last_frame=None if last_frame is None else decoded(last_frame),
    )


def render_on(
    picture: bytes | None,
    clip: ClipSpec,
    known: list[tuple[ClipSpec, bytes]],
    last_frame: bytes | None = None,
) -> bytes:
    """Render a clip that starts from a picture, ends with one, or both; runs in a worker process."""
    from simulator.anchor import push_in, recognised  # noqa: PLC0415 - OpenCV and PyAV load in the worker only

    if picture is None:
        return render(clip, last_frame)
    source = recognised(picture, known)
    if source is None:
        return push_in(picture, clip, last_frame)
    shown = msgspec.structs.replace(clip, prompt=clip.prompt or source.prompt, seed=source.seed)
    return render(shown, last_frame, take=None if clip.seed == source.seed else clip.seed)


def _start_worker(lifeline: Connection) -> None:
    os.nice(NICENESS)
    threading.Thread(target=_end_with_parent, args=(lifeline,), daemon=True).start()


def _end_with_parent(lifeline: Connection) -> None:
    # A pool's worker would finish its clip, or wait for work for ever, after its parent closed or was killed.
    try:
        lifeline.recv()
    except EOFError:
        os._exit(0)
