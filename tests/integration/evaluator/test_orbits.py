"""Drawn clips through encoder, decoder and flow: orbits agree with orbits, pans with pans, and not with each other."""

from pathlib import Path

import numpy as np
import pytest
from evaluator.adapters.decode import DecodeLimits, decode_clip
from evaluator.domain.asked import Move
from evaluator.domain.camera import CameraParts, agree_camera
from evaluator.domain.motion import measure_motion
from labelled.film import write_clip
from labelled.footage import takes
from labelled.hard import look
from msgspec.structs import replace
from simulator.scenes import parse_prompt, render_frames
from simulator.scenes.grammar import CameraName

PROMPTS = ("a red car on a street", "a blue cup on a desk", "a white house in the mountains", "a fox in a forest")
SIZES_PX = ((640, 360), (360, 640))


def filmed(frames: np.ndarray, folder: Path) -> CameraParts:
    path = write_clip(frames, folder / "clip.mp4", fps=12, crf=23)
    return measure_motion(decode_clip(path, n_sampled=8, limits=DecodeLimits()).luma).camera


def drawn(prompt: str, camera: CameraName, size_px: tuple[int, int], folder: Path) -> CameraParts:
    scene = replace(parse_prompt(prompt), camera=camera)
    return filmed(np.stack(list(render_frames(scene, duration_s=2.0, fps=12, size_px=size_px, seed=8))), folder)


def agreement(parts: CameraParts, asked: Move) -> float:
    found = agree_camera(parts, (asked,))
    assert found is not None
    return found


@pytest.mark.parametrize("size_px", SIZES_PX)
@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_drawn_orbit_is_one_and_no_pan(prompt: str, size_px: tuple[int, int], tmp_path: Path) -> None:
    for camera, asked, other in (
        ("orbit_clockwise", "clockwise", "counterclockwise"),
        ("orbit_counterclockwise", "counterclockwise", "clockwise"),
    ):
        parts = drawn(prompt, camera, size_px, tmp_path)
        assert min(agreement(parts, asked), agreement(parts, "orbit")) > 0.7, parts
        assert max(agreement(parts, move) for move in (other, "left", "right", "sideways", "static", "in")) < 0.45, (
            parts
        )
        assert (parts.orbit > 0) == (asked == "clockwise")


@pytest.mark.parametrize("size_px", SIZES_PX)
@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_drawn_pan_is_one_and_no_orbit(prompt: str, size_px: tuple[int, int], tmp_path: Path) -> None:
    for camera, asked, other in (("pan_left", "left", "right"), ("pan_right", "right", "left")):
        parts = drawn(prompt, camera, size_px, tmp_path)
        assert agreement(parts, asked) > 0.95, parts
        assert max(agreement(parts, move) for move in (other, "orbit", "clockwise", "counterclockwise")) < 0.3, parts


def test_a_pan_over_real_footage_is_no_orbit(tmp_path: Path) -> None:
    # Towers at night, filmed from a tripod: what moves is the camera that is added.
    for take in (take for take in takes(7, n_views=1) if take.name.startswith("cityCC0")):
        across = np.linspace(-0.5, 0.5, len(take.frames))
        parts = filmed(look(take.frames, across, np.zeros(len(across))), tmp_path)
        assert agreement(parts, "orbit") < 0.4, parts
        assert agreement(parts, "right") > 0.9, parts
