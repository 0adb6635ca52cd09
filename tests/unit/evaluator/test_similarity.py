import numpy as np
import pytest
from evaluator.domain.similarity import fit_similarity, votes_of

SIZE_PX = (320, 180)
X, Y = np.meshgrid((np.arange(16) + 0.5) * 20 - 160, (np.arange(9) + 0.5) * 20 - 90)
TEXTURED = votes_of(np.full((1, 9, 16), 30.0))


def moved(*, across: float = 0.0, down: float = 0.0, scale: float = 0.0, roll: float = 0.0) -> np.ndarray:
    return np.stack([across + scale * X - roll * Y, down + scale * Y + roll * X], axis=-1)[None]


@pytest.mark.parametrize(
    "move", [{"across": 3.0}, {"down": -2.0}, {"scale": 0.02}, {"roll": 0.03}, {"across": 1.0, "scale": -0.01}]
)
def test_what_the_camera_does_is_found_and_nothing_is_left(move: dict[str, float]) -> None:
    fitted, left = fit_similarity(moved(**move), TEXTURED, size_px=SIZE_PX)
    wanted = [move.get(name, 0.0) for name in ("across", "down", "scale", "roll")]
    assert fitted[0] == pytest.approx(wanted, abs=1e-6)
    assert np.abs(left).max() < 1e-4


def test_a_thing_that_moves_by_itself_is_voted_down_and_left_over() -> None:
    motion = moved(across=2.0)
    motion[0, 3:6, 5:9] += (6.0, 0.0)
    fitted, left = fit_similarity(motion, TEXTURED, size_px=SIZE_PX)
    assert fitted[0] == pytest.approx([2.0, 0.0, 0.0, 0.0], abs=0.05)
    assert left[0, 4, 6] == pytest.approx([6.0, 0.0], abs=0.1)


def test_blocks_without_texture_have_hardly_a_say() -> None:
    motion = moved(across=2.0)
    motion[0, :, :10] = 0.0
    contrast = np.full((1, 9, 16), 30.0)
    contrast[0, :, :10] = 0.01
    fitted, _ = fit_similarity(motion, votes_of(contrast), size_px=SIZE_PX)
    assert fitted[0] == pytest.approx([2.0, 0.0, 0.0, 0.0], abs=0.05)


def test_steps_are_fitted_each_by_itself() -> None:
    both = np.concatenate([moved(across=3.0), moved(roll=0.02)])
    fitted, _ = fit_similarity(both, np.repeat(TEXTURED, 2, axis=0), size_px=SIZE_PX)
    alone, _ = fit_similarity(both[1:], TEXTURED, size_px=SIZE_PX)
    assert fitted[1] == pytest.approx(alone[0])
