"""An orbit is told from a pan by the flow of what is behind, in the middle and before: fields made by arithmetic."""

import numpy as np
import pytest
from evaluator.domain.parallax import Parallax, measure_parallax

ROWS, COLUMNS, N_STEPS = 18, 32, 10
SIZE_PX = (320, 180)
Y, X = np.meshgrid((np.arange(ROWS) + 0.5) / ROWS - 0.5, (np.arange(COLUMNS) + 0.5) / COLUMNS - 0.5, indexing="ij")
SUBJECT = (abs(X) < 0.12) & (abs(Y) < 0.25)


def field(across: np.ndarray, down: np.ndarray | float = 0.0) -> np.ndarray:
    return np.repeat(np.dstack([across, np.broadcast_to(down, across.shape)])[None], N_STEPS, axis=0)


def pan(px: float) -> np.ndarray:
    return np.full_like(X, -px)


def follow(px: float) -> np.ndarray:
    return np.where(SUBJECT, 0.0, pan(px))


def orbit(px: float) -> np.ndarray:
    """Clockwise: the wall goes left, the ground turns about the subject's foot, 0.2 below the middle."""
    depth = np.clip((0.2 - Y) / 0.2, -2, 1)
    return np.where(SUBJECT, 0.0, -px * depth)


def measure(
    motion: np.ndarray, *, growth: float = 0.0, edges: float = 6.0, noise: float = 0.0, blank: np.ndarray | None = None
) -> Parallax:
    rng = np.random.default_rng(1)
    seen = np.full(motion.shape[:3], edges)
    if blank is not None:
        seen[:, blank] = 0.0
    shaken = motion + rng.normal(0, noise, motion.shape)
    return measure_parallax(shaken, seen, np.full(N_STEPS, growth), size_px=SIZE_PX)


@pytest.mark.parametrize("noise", [0.0, 0.5])
@pytest.mark.parametrize("px", [4.0, -4.0])
def test_an_orbit_a_pan_and_a_pan_that_follows_are_three_things(px: float, noise: float) -> None:
    circling, panning, following = (measure(field(move(px)), noise=noise) for move in (orbit, pan, follow))
    for parts in (circling, panning, following):
        assert parts.sweep == pytest.approx(px * N_STEPS / SIZE_PX[0], rel=0.15)
    assert circling.turning == pytest.approx(1.0, abs=0.1)
    assert panning.turning == pytest.approx(0.0, abs=0.15)
    assert following.turning == pytest.approx(0.5, abs=0.15)


def test_growth_and_roll_change_nothing() -> None:
    angle, growth = 0.02, 0.01
    turned_x = -angle * Y * SIZE_PX[1] + growth * X * SIZE_PX[0]
    turned_y = angle * X * SIZE_PX[0] + growth * Y * SIZE_PX[1]
    for move in (orbit, pan, follow):
        plain, turned = measure(field(move(4.0))), measure(field(move(4.0) + turned_x, turned_y), growth=growth)
        assert turned.sweep == pytest.approx(plain.sweep, rel=0.05)
        assert turned.turning == pytest.approx(plain.turning, abs=0.1)


def test_a_dolly_a_tilt_and_a_roll_pass_nothing_sideways() -> None:
    growth, angle = 0.02, 0.02
    fields = (
        (field(growth * X * SIZE_PX[0], growth * Y * SIZE_PX[1]), growth),
        (field(np.zeros_like(X), 4.0), 0.0),
        (field(-angle * Y * SIZE_PX[1], angle * X * SIZE_PX[0]), 0.0),
    )
    for motion, grown in fields:
        parts = measure(motion, growth=grown)
        assert abs(parts.sweep) < 0.012
        assert parts.turning is None


def test_a_truck_whose_foreground_passes_faster_the_same_way_is_no_orbit() -> None:
    assert measure(field(-4.0 * (1 + np.clip(Y, 0, 1) * 2))).turning == pytest.approx(0.0, abs=0.05)


def test_a_subject_that_passes_through_one_corner_is_not_the_ground() -> None:
    motion = pan(4.0)
    motion[(X > 0.2) & (Y > -0.2)] = 6.0
    assert measure(field(motion)).counter == pytest.approx(0.0, abs=0.05)


def test_without_texture_nothing_is_said_and_without_ground_no_more_than_half() -> None:
    assert measure(field(orbit(4.0)), edges=0.2).turning is None
    assert measure(field(orbit(4.0)), blank=(abs(X) < 0.15) & (Y > -0.2) | (Y > 0.3)).turning is None
    groundless = measure(field(orbit(4.0)), blank=Y > 0.3)
    assert groundless.counter is None
    assert groundless.turning == pytest.approx(0.5, abs=0.05)
