"""How long each stage of scoring takes on one file, next to a bare decode: `evaluator bench`."""

import time
from collections.abc import Callable
from pathlib import Path

import av
from msgspec import Struct

from evaluator.adapters.decode import decode_clip
from evaluator.domain.motion import measure_motion
from evaluator.domain.sampling import spread
from evaluator.domain.technical import measure_technical
from evaluator.loading import load_alignment, load_safety, load_scorer
from evaluator.settings import Settings

NOBODY_PASSES = 1e-9
"""Limit of safety below which every picture goes to every classifier: the dearest clip there is."""


class Stage(Struct, frozen=True, kw_only=True):
    """One stage at its best.

    Attributes:
        name: What was timed.
        ms: Milliseconds on the clock.
        cpu_ms: Milliseconds of processor time: what counts where other processes run beside.
        ratio: `cpu_ms` over that of a bare decode.
    """

    name: str
    ms: float
    cpu_ms: float
    ratio: float


def time_stages(path: Path, prompt: str, settings: Settings, *, rounds: int = 3) -> list[Stage]:
    """Time every stage, best of some rounds; the rounds take turns, so that a slow moment hits all alike.

    Args:
        path: A clip that decodes.
        prompt: What it is scored against.
        settings: Names the models.
        rounds: Repetitions, >= 1.

    Raises:
        InvalidClip: The file does not decode.
    """
    scorer, alignment = load_scorer(settings), load_alignment(settings)
    doubting = load_scorer(settings.model_copy(update={"safe_below": NOBODY_PASSES}))
    safety = load_safety(settings)
    doubtful = load_safety(settings.model_copy(update={"safe_below": NOBODY_PASSES}))
    clip = decode_clip(path, n_sampled=settings.n_frames, limits=scorer.limits)
    checked = [clip.frames[index] for index in spread(len(clip.frames), settings.n_checked)]
    stages: dict[str, Callable[[], object]] = {
        "bare decode": lambda: _decode_only(path),
        "decode and sample": lambda: decode_clip(path, n_sampled=settings.n_frames, limits=scorer.limits),
        "motion": lambda: measure_motion(clip.luma),
        "technical quality": lambda: measure_technical(checked),
        "alignment, pictures": lambda: alignment.embed_images(clip.frames),
        "safety": lambda: safety.unsafe(checked),
        "safety, all in doubt": lambda: doubtful.unsafe(checked),
        "all, prompt cached": lambda: scorer.score(path, prompt),
        "all, every picture in doubt": lambda: doubting.score(path, prompt),
    }
    taken = [{name: _taken(stage) for name, stage in stages.items()} for _ in range(rounds)]
    best = {name: tuple(min(each) for each in zip(*(one[name] for one in taken), strict=True)) for name in stages}
    floor = best["bare decode"][1]
    return [
        Stage(name=name, ms=round(ms, 2), cpu_ms=round(cpu_ms, 2), ratio=round(cpu_ms / floor, 3))
        for name, (ms, cpu_ms) in best.items()
    ]


def _taken(stage: Callable[[], object]) -> tuple[float, float]:
    """Give the milliseconds on the clock and of processor time."""
    started, cpu_started = time.perf_counter(), time.process_time()
    stage()
    return (time.perf_counter() - started) * 1000, (time.process_time() - cpu_started) * 1000


def _decode_only(path: Path) -> int:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        stream.codec_context.thread_count = 1
        return sum(1 for _ in container.decode(stream))
