"""The evaluator: what scoring a clip costs next to a bare decode, how it scales, and whether its memory stays flat."""

import asyncio
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

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

CUP = "a white ceramic cup on a walnut desk, morning light, slow dolly in"
RATES_MBIT = {"1_2_mbit": 1.2, "8_4_mbit": 8.4}
"""A clip as vendors deliver it, and one of the heaviest seen."""
N_CLIPS = 8
N_FRAMES = 512
N_SMALL_CLIPS = 2_000
WARM_CLIPS = 200
"""By then every cache is filled."""


async def measure(runs: int) -> list[Figure]:
    """Measure the cost of a clip by stage, clips per second, images per second and memory."""
    return await asyncio.to_thread(_measure, runs)


def _measure(runs: int) -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        figures: list[Figure] = []
        for name, mbit in RATES_MBIT.items():
            clip = _clip(Path(folder) / f"{name}.mp4", mbit)
            figures += _cost(name, clip, runs)
        scorer = load_scorer(Settings())
        figures += _throughput(scorer, Path(folder) / "1_2_mbit.mp4", runs)
        figures += _images(Path(folder) / "1_2_mbit.mp4", runs)
        return [*figures, _memory(scorer, Path(folder))]


def _clip(path: Path, mbit: float) -> Path:
    """Render 5 s at 720p; noise is what fills a high bit rate."""
    noise = (Defect(kind="noise", strength=0.3),) if mbit > 2 else ()
    path.write_bytes(render_clip(CUP, duration_s=5, bitrate_bps=int(mbit * 1e6), defects=noise))
    return path


def _cost(name: str, clip: Path, runs: int) -> list[Figure]:
    rounds = [{stage.name: stage.cpu_ms for stage in time_stages(clip, CUP, Settings())} for _ in range(runs)]
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
            list(pool.map(lambda _: scorer.score(clip, CUP), range(N_CLIPS)))
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


def _memory(scorer: Scorer, folder: Path) -> Figure:
    """Score many small clips and compare the memory of the process at the end with that once it was warm."""
    clip = folder / "small.mp4"
    clip.write_bytes(render_clip(CUP, duration_s=0.5, size_px=(160, 90)))
    warm = 0.0
    for number in range(N_SMALL_CLIPS):
        scorer.score(clip, f"{CUP} {number}")  # another prompt each time, so that nothing is answered from memory
        if number == WARM_CLIPS:
            warm = resident_mb()
    note = f"baseline: after {WARM_CLIPS} clips; now after {N_SMALL_CLIPS}"
    return Figure("evaluator_resident_mb", "MB", (resident_mb(),), warm, note)


def resident_mb() -> float:
    """Give the memory that the process holds now."""
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * 4096 / 1e6
