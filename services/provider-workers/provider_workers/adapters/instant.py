"""A vendor without network and without latency, for benchmarks: what remains is our own work.

It accepts everything, has finished at once, bills nothing of its own (the catalogue's price counts) and hands out one
small real MP4 that is encoded at start-up. It is chosen with `WORKER_ADAPTER=instant` and never by default.
"""

import io
from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import av
import httpx
import numpy as np
from runtime.clock import Clock

from provider_workers.adapters.download import save_inline
from provider_workers.domain.account import Account
from provider_workers.domain.adapter import (
    CallbackHint,
    Download,
    Order,
    Outcome,
    Output,
    Submission,
    Succeeded,
    TaskRef,
)

WIDTH_PX, HEIGHT_PX, FPS, N_FRAMES = 320, 180, 24, 24


class Instant:
    """A vendor that is always done."""

    can_find = True
    keeps_reference = True
    polls_at_once = True
    takes_samples = False
    takes_last_frame = True
    takes_references = True

    def __init__(self, account: Account, client: httpx.AsyncClient, clock: Clock) -> None:
        del account, client, clock
        self._output = Output(content=small_clip())

    async def submit(self, order: Order) -> Submission:
        """Accept anything; our reference is the task's id."""
        return Submission(provider_task_id=order.reference, reference=order.reference)

    async def poll(self, task: TaskRef) -> Outcome:
        """Every task has succeeded."""
        return Succeeded(output=self._output, reference=task.provider_task_id, render_ms=0)

    async def find(self, reference: str, *, since: datetime) -> Submission | None:
        """Every reference names a task."""
        del since
        return Submission(provider_task_id=reference, reference=reference)

    async def cancel(self, task: TaskRef) -> bool:
        """There is nothing left to cancel."""
        del task
        return False

    async def parse_callback(self, headers: Mapping[str, str], body: bytes) -> CallbackHint | None:
        """Nobody calls back."""
        del headers, body
        return None

    async def download(self, output: Output, target: Path) -> Download:
        """Write the clip."""
        return save_inline(output.content, target)


ADAPTERS = {"instant": Instant}


def small_clip() -> bytes:
    """Encode one second of a square moving over a gradient: H.264 in MP4, a few kilobytes."""
    file = io.BytesIO()
    with av.open(file, mode="w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=Fraction(FPS))
        stream.width, stream.height, stream.pix_fmt = WIDTH_PX, HEIGHT_PX, "yuv420p"
        ramp = np.linspace(40, 160, WIDTH_PX, dtype=np.uint8)
        for number in range(N_FRAMES):
            picture = np.repeat(np.tile(ramp, (HEIGHT_PX, 1))[:, :, None], 3, axis=2)
            left = 20 + number * 8
            picture[60:120, left : left + 60] = (220, 60, 40)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()
