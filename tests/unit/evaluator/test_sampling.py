import pytest
from evaluator.domain.sampling import analysis_size, motion_step, spread


@pytest.mark.parametrize(
    ("clip", "size"),
    [
        ((1280, 720), (320, 180)),
        ((3840, 2160), (320, 180)),
        ((720, 1280), (180, 320)),
        ((1024, 1024), (240, 240)),
        ((640, 480), (280, 200)),
        ((10_000, 16), (6000, 40)),
    ],
)
def test_motion_is_measured_at_one_area_in_the_shape_of_the_clip(clip: tuple[int, int], size: tuple[int, int]) -> None:
    assert analysis_size(*clip) == size


@pytest.mark.parametrize(("fps", "step"), [(8, 1), (24, 1), (30, 1), (29.97, 1), (48, 2), (60, 2), (120, 4)])
def test_fast_clips_are_thinned_to_thirty_frames_a_second(fps: float, step: int) -> None:
    assert motion_step(fps) == step


@pytest.mark.parametrize(
    ("n_frames", "n_wanted", "picked"),
    [(15, 8, [0, 2, 4, 6, 8, 10, 12, 14]), (3, 8, [0, 1, 2]), (9, 1, [4]), (8, 4, [0, 2, 5, 7]), (0, 4, [])],
)
def test_samples_are_spread_over_the_whole_clip(n_frames: int, n_wanted: int, picked: list[int]) -> None:
    assert spread(n_frames, n_wanted) == picked
