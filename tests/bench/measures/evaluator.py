"""The evaluator: what scoring a clip costs next to a bare decode, how it scales, and whether its memory stays flat."""

import asyncio
import io
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np
from evaluator.adapters.batching import BatchedEngine
from evaluator.adapters.decode import decode_clip
from evaluator.adapters.onnx_clip import OnnxClip
from evaluator.adapters.weights import TINY_MODEL
from evaluator.loading import load_scorer
from evaluator.scoring import Scorer
from evaluator.settings import Settings
from evaluator.stages import time_stages
from simulator.scenes import Defect, render_clip

from measures.figures import Figure

FOX = "a red fox in the snow, morning light, slow dolly in"
RATES_MBIT = {"1_2_mbit": 1.2, "8_4_mbit": 8.4}
"""A clip as vendors deliver it, and one of the heaviest seen."""
N_CLIPS = 8
N_FRAMES = 512
AFTER_CLIPS = (200, 500, 1_000, 1_500, 2_000)
"""Memory is read after so many; by the first every cache is filled."""


async def measure(runs: int) -> list[Figure]:
    """Measure the cost of a clip by stage, clips per second and images per second."""
    return await asyncio.to_thread(_measure, runs)


async def measure_memory(runs: int) -> list[Figure]:
    """Measure the memory of the process over 2,000 clips, once: it takes minutes."""
    del runs
    return await asyncio.to_thread(_memory)


def _measure(runs: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        figures: list[Figure] = []
        for name, mbit in RATES_MBIT.items():
            clip = _clip(Path(folder) / f"{name}.mp4", mbit)
            figures += _cost(name, clip, runs)
        figures += _throughput(load_scorer(Settings()), Path(folder) / "1_2_mbit.mp4", runs)
        return [*figures, *_images(Path(folder) / "1_2_mbit.mp4", runs)]


def _clip(path: Path, mbit: float) -> Path:
    """Write 5 s at 720p, coded as vendors code them: x264's High profile; noise is what fills the rate.

    The simulator's own clips are quick to make: without arithmetic coding and deblocking they decode in a third
    of the time.
    """
    source = io.BytesIO(
        render_clip(FOX, duration_s=5, bitrate_bps=int(8.4e6), defects=(Defect(kind="noise", strength=0.3),))
    )
    bps = int(mbit * 1e6)
    limits = {"preset": "medium", "maxrate": str(bps * 3 // 2), "bufsize": str(bps * 2)}
    with av.open(source) as drawn, av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options=limits)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 1280, 720, "yuv420p", bps
        for frame in drawn.decode(video=0):
            frame.pict_type = 0  # what the source's coder chose is nothing to keep
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _cost(name: str, clip: Path, runs: int) -> list[Figure]:
    rounds = [{stage.name: stage.cpu_ms for stage in time_stages(clip, FOX, Settings())} for _ in range(runs)]
    mbit = clip.stat().st_size * 8 / 5 / 1e6
    floor = float(np.median([stages["bare decode"] for stages in rounds]))
    return [
        Figure(
            f"evaluator_{name}_{_snake(stage)}",
            "ms CPU",
            tuple(stages[stage] for stages in rounds),
            floor,
            f"baseline: bare decode of 5 s at 720p, {mbit:.1f} Mbit/s",
        )
        for stage in rounds[0]
    ]


def _snake(stage: str) -> str:
    return stage.replace(",", "").replace(" ", "_")


def _throughput(scorer: Scorer, clip: Path, runs: int) -> list[Figure]:
    def clips_per_s(workers: int) -> float:
        with ThreadPoolExecutor(workers) as pool:
            started = time.perf_counter()
            list(pool.map(lambda _: scorer.score(clip, FOX), range(N_CLIPS)))
            return N_CLIPS / (time.perf_counter() - started)

    one = tuple(clips_per_s(1) for _ in range(runs))
    two = tuple(clips_per_s(2) for _ in range(runs))
    return [
        Figure("evaluator_clips_per_s_1_worker", "1/s", one),
        Figure("evaluator_clips_per_s_2_workers", "1/s", two, float(np.median(one)), "baseline: one worker"),
    ]


def _images(clip: Path, runs: int) -> list[Figure]:
    """Run the CLIP stage as clips come, in shared runs, next to the same model on prepared pictures alone."""
    engine = OnnxClip(TINY_MODEL)
    frames = decode_clip(clip).frames
    squares = np.concatenate([engine.squares(frames)] * (64 // len(frames)))
    shared = BatchedEngine(engine, size=64, wait_s=0.01)

    def stage() -> None:
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda _: shared.embed_images(frames), range(N_FRAMES // len(frames))))

    def alone() -> None:
        for _ in range(N_FRAMES // len(squares)):
            engine.embed_squares(squares)

    baseline = float(np.median([_images_per_s(alone) for _ in range(runs)]))
    found = tuple(_images_per_s(stage) for _ in range(runs))
    note = "baseline: the model alone; device: CPU, small CLIP (cutting and scaling cost more than the model here)"
    return [Figure("evaluator_clip_images_per_s", "1/s", found, baseline, note)]


def _images_per_s(run: Callable[[], None]) -> float:
    started = time.perf_counter()
    run()
    return N_FRAMES / (time.perf_counter() - started)


def _memory() -> list[Figure]:
    """Score many small clips and compare the memory of the process on the way with that once it was warm."""
    scorer = load_scorer(Settings(n_checked=1))
    held = {}
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "small.mp4"
        clip.write_bytes(render_clip(FOX, duration_s=0.5, size_px=(160, 90)))
        for number in range(1, AFTER_CLIPS[-1] + 1):
            scorer.score(clip, f"{FOX} {number}")  # another prompt each time, so that nothing is answered from memory
            if number in AFTER_CLIPS:
                held[number] = resident_mb()
    note = f"baseline: after {AFTER_CLIPS[0]} clips, when every cache is filled; then after {AFTER_CLIPS[1:]}"
    warm, *later = held.values()
    return [Figure("evaluator_resident_mb", "MB", tuple(later), warm, note)]


def resident_mb() -> float:
    """Give the memory that the process holds now."""
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * 4096 / 1e6
