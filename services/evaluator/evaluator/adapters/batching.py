"""Pictures of several clips in one call of the model: what fills a GPU.

Between the scoring threads and a model. A batch is run as soon as it is full, or a moment after its first picture came.
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np

from evaluator.domain.arrays import Embedding, RgbFrame, Squares
from evaluator.ports import AlignmentModel, BatchableEngine

Model = Callable[[Squares], Embedding]


class _Asked(NamedTuple):
    pixels: Squares
    answer: "Future[Embedding]"


class Batcher:
    """Runs a model on the pictures of several callers at once; every method may be called from any thread.

    Batches are filled up to their fixed size with blank pictures. The model's kernels, and with them the last digits
    of an embedding, depend on the size of a batch: this way the same clip has the same numbers on a busy node and on
    an idle one.

    Args:
        model: From pictures to embeddings, row by row; called by one thread.
        size: Pictures a batch, >= 1. A caller with more than that gets batches of its own.
        wait_s: How long the first picture of a batch waits for others.
    """

    def __init__(self, model: Model, *, size: int, wait_s: float) -> None:
        self._model = model
        self._size = size
        self._wait_s = wait_s
        self._asked: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._left: _Asked | None = None
        self._thread = threading.Thread(target=self._serve, name="batcher", daemon=True)
        self._thread.start()
        self.n_batches = 0

    def __call__(self, pixels: Squares) -> Embedding:
        """Embed pictures, and wait for it.

        Raises:
            Exception: Whatever the model raised on these very pictures.
        """
        answers = []
        for start in range(0, len(pixels), self._size):
            asked = _Asked(pixels[start : start + self._size], Future())
            self._asked.put(asked)
            answers.append(asked.answer)
        return np.concatenate([answer.result() for answer in answers])

    @property
    def n_waiting(self) -> int:
        """Requests that no batch has taken yet."""
        return self._asked.qsize()

    def __enter__(self) -> Self:
        """Open."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the thread once everything that was asked is answered."""
        self._asked.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (first := self._take()) is not None:
            batch = [first]
            self._fill(batch)
            self._run(batch)

    def _take(self, timeout_s: float | None = None) -> _Asked | None:
        if self._left is not None:
            asked, self._left = self._left, None
            return asked
        return self._asked.get(timeout=timeout_s)

    def _fill(self, batch: list[_Asked]) -> None:
        """Wait for more until the batch is full, the time is over, or the end is asked for."""
        room = self._size - len(batch[0].pixels)
        ready_at = time.monotonic() + self._wait_s
        while room > 0:
            try:
                asked = self._take(max(0.0, ready_at - time.monotonic()))
            except queue.Empty:
                return
            if asked is None:
                self._asked.put(None)
                return
            if len(asked.pixels) > room:
                self._left = asked
                return
            batch.append(asked)
            room -= len(asked.pixels)

    def _run(self, batch: list[_Asked]) -> None:
        try:
            vectors = self._embed(np.concatenate([asked.pixels for asked in batch]))
        except Exception as err:  # noqa: BLE001 - it belongs to a caller, and this thread serves all of them
            if len(batch) == 1:
                batch[0].answer.set_exception(err)
            else:
                for asked in batch:
                    self._run([asked])
            return
        at = 0
        for asked in batch:
            asked.answer.set_result(vectors[at : at + len(asked.pixels)])
            at += len(asked.pixels)

    def _embed(self, pixels: Squares) -> Any:
        self.n_batches += 1
        n_blank = self._size - len(pixels)
        blank = np.zeros((n_blank, *pixels.shape[1:]), np.uint8)
        return self._model(np.concatenate([pixels, blank]))[: len(pixels)]


class BatchedEngine:
    """A CLIP that embeds the pictures of several clips in one run.

    Args:
        engine: The CLIP; pictures are prepared in the callers' threads.
        size: Pictures a run.
        wait_s: How long the first picture of a run waits for others.
    """

    def __init__(self, engine: BatchableEngine, *, size: int, wait_s: float) -> None:
        self._engine = engine
        self._batcher = Batcher(engine.embed_squares, size=size, wait_s=wait_s)

    @property
    def model(self) -> AlignmentModel:
        """What it runs."""
        return self._engine.model

    def embed_images(self, frames: Sequence[RgbFrame]) -> Embedding:
        """Embed pictures of any size: unit vectors, (N, D)."""
        return self._batcher(self._engine.squares(frames))

    def embed_text(self, prompt: str) -> Embedding:
        """Embed a prompt: a unit vector, (D,)."""
        return self._engine.embed_text(prompt)
