"""From a case to frames, and from frames to a file."""

import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from msgspec.structs import replace
from simulator.scenes import Scene, render_frames

from labelled.draw import Case
from labelled.hard import HARD, ROOM, cross_fade
from labelled.injections import INJECTIONS, Frames


def film(case: Case) -> Frames:
    """Draw the clip of a case, shape (T, H, W, 3)."""
    rng = np.random.default_rng([case.seed, 2])
    if case.kind in HARD:
        size_px = tuple(2 * round(side * ROOM / 2) for side in case.size_px)
        return HARD[case.kind](_drawn(case, case.shown, size_px=(size_px[0], size_px[1])), case.fps, rng)
    if case.kind == "cross_fade":
        return _faded(case)
    frames = _drawn(case, case.shown)
    if case.later != case.shown:
        middle = len(frames) // 2
        frames = np.concatenate([frames[:middle], _drawn(case, case.later)[middle:]])
    return INJECTIONS[case.kind](frames, case.strength, rng) if case.kind in INJECTIONS else frames


def write_clip(frames: Frames, path: Path, *, fps: int, crf: int) -> Path:
    """Write frames as H.264 in MP4."""
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=fps, options={"preset": "veryfast", "crf": str(crf)})
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        for index, frame in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            picture.pts, picture.time_base = index, Fraction(1, fps)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))
    return path


def write_case(case: Case, folder: Path | None = None) -> Path:
    """Draw a case and write it; rendered once for each folder."""
    path = (folder or Path(tempfile.gettempdir())) / f"{case.name}.mp4"
    return path if path.is_file() else write_clip(film(case), path, fps=case.fps, crf=case.crf)


def _drawn(case: Case, scene: Scene, *, size_px: tuple[int, int] | None = None, seed: int | None = None) -> Frames:
    frames = render_frames(
        scene,
        duration_s=case.duration_s,
        fps=case.fps,
        size_px=size_px or case.size_px,
        seed=case.seed if seed is None else seed,
    )
    return np.stack(list(frames))


def _faded(case: Case) -> Frames:
    """Fade to another take of the same scene, or to the same take in another light where the prompt names none."""
    if case.asked.light is None:
        return cross_fade(_drawn(case, case.shown), _drawn(case, replace(case.shown, light="sunset")))
    return cross_fade(_drawn(case, case.shown), _drawn(case, case.shown, seed=case.seed + 1))
