"""Clips on disk, and clips whose subject is known, drawn with the simulator's scenes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from simulator.scenes import render_clip
from simulator.scenes.grammar import Scene, Subject
from simulator.scenes.stage import build_stage, frame_at

Rgb = npt.NDArray[np.uint8]
VISIBLE_LEVELS = 24
"""A pixel that the subject changes by more belongs to it."""


class Seen(NamedTuple):
    """One frame, and the columns that the subject covers (first, one past the last)."""

    picture: Rgb
    subject: tuple[int, int]


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of a wide clip with sound."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    prompt = "A red kite over a beach at sunset, slow pan left"
    path.write_bytes(render_clip(prompt, duration_s=2, size_px=(640, 360), audio=True))
    return path


@pytest.fixture(scope="session")
def known_subject() -> Callable[..., Iterator[Seen]]:
    """Draw a scene whose one subject is moved along a path, and tell where it is in each frame."""

    def draw(
        subject: Subject,
        *,
        path: Callable[[float], float],
        n_frames: int,
        fps: int = 24,
        size_px: tuple[int, int] = (192, 108),
        seed: int = 0,
        **scene: str,
    ) -> Iterator[Seen]:
        stage = build_stage(Scene(subjects=(subject,), **scene), size_px=size_px, seed=seed)
        for index in range(n_frames):
            u, t_s = index / (n_frames - 1), index / fps
            moved = stage._replace(actors=tuple(actor._replace(x=path(u)) for actor in stage.actors))
            picture = frame_at(moved, u=u, t_s=t_s)
            without = frame_at(stage._replace(actors=()), u=u, t_s=t_s)
            changed = np.abs(picture.astype(int) - without).max(2) > VISIBLE_LEVELS
            columns = np.flatnonzero(changed.sum(0) > 1)
            yield Seen(picture, (int(columns[0]), int(columns[-1]) + 1))

    return draw
