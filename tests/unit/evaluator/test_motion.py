from collections.abc import Callable

import cv2
import numpy as np
import pytest
from evaluator.domain.asked import Asked
from evaluator.domain.errors import InvalidClip
from evaluator.domain.flow import track_flow
from evaluator.domain.motion import MotionParts, is_too_still, measure_motion, score_motion

CLEAN = ("pan", "fast pan", "slow pan", "zoom", "turn", "handheld", "fade", "dark")
BROKEN = {
    "flicker": 0.08,
    "boiling": 4.0,
    "noise": 24.0,
    "freeze": 0.65,
    "jitter": 6.0,
    "cuts": 1.0,
    "flashes": 1.0,
    "pops": 1.0,
}
LENGTHS = (20, 44)


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("kind", CLEAN)
def test_clean_motion_scores_high_at_any_length(film: Callable[..., np.ndarray], kind: str, n: int) -> None:
    parts = measure_motion(film(kind, n=n))
    assert score_motion(parts) > 0.93, parts


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("defect", BROKEN)
def test_broken_motion_scores_low_at_any_length(film: Callable[..., np.ndarray], defect: str, n: int) -> None:
    parts = measure_motion(film("pan", n=n, **{defect: BROKEN[defect]}))
    assert score_motion(parts) < 0.6, parts


@pytest.mark.parametrize(
    ("defect", "strengths"),
    [
        ("flicker", (0.03, 0.05, 0.1)),
        ("boiling", (0.4, 1.0, 5.0)),
        ("noise", (8.0, 16.0, 30.0)),
        ("freeze", (0.3, 0.6, 1.0)),
        ("cuts", (1, 2, 3)),
    ],
)
def test_a_stronger_defect_never_scores_higher(
    film: Callable[..., np.ndarray], defect: str, strengths: tuple[float, ...]
) -> None:
    scores = [score_motion(measure_motion(film("pan", n=24, **{defect: strength}))) for strength in strengths]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] - scores[-1] > 0.2


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("count", [1, 2])
def test_cuts_and_flashes_are_counted_once_each(film: Callable[..., np.ndarray], count: int, n: int) -> None:
    cut = measure_motion(film("pan", n=n, cuts=count)).interruptions
    flash = measure_motion(film("pan", n=n, flashes=count)).interruptions
    assert (cut.n_cuts, cut.total) == (count, count)
    assert (flash.n_flashes, flash.total) == (count, count)


def test_an_object_that_pops_in_and_out_is_two_jumps(film: Callable[..., np.ndarray]) -> None:
    moments = measure_motion(film("slow pan", n=40, pops=1)).interruptions
    assert (moments.n_cuts, moments.n_jumps, moments.n_flashes) == (0, 2, 0)


def test_what_passes_for_several_frames_is_no_jump(film: Callable[..., np.ndarray]) -> None:
    clip = film("slow pan", n=40)
    for index in range(40):
        cv2.rectangle(clip[index], (10 * index - 60, 40), (10 * index, 140), 250, -1)
    assert measure_motion(clip).interruptions.n_jumps == 0


def test_a_thing_that_pops_into_a_fast_pan_is_seen(film: Callable[..., np.ndarray]) -> None:
    assert measure_motion(film("fast pan", n=40, pops=1)).interruptions.n_jumps >= 1


def test_things_that_move_fast_and_go_on_do_not_boil(film: Callable[..., np.ndarray]) -> None:
    clip = film("still", n=24)
    world = film("still", n=1, seed=3)[0]
    for index in range(24):
        clip[index, 40:140, 10 * index : 10 * index + 80] = world[40:140, 100:180]
    going, boiling = measure_motion(clip), measure_motion(film("still", n=24, boiling=2.0))
    assert going.reversal < 0.15
    assert boiling.reversal > 0.6


def test_a_camera_that_swings_is_not_taken_for_things_that_boil(film: Callable[..., np.ndarray]) -> None:
    assert measure_motion(film("handheld", n=40)).reversal < 0.1


def test_a_picture_that_stops_does_not_hide_what_was_wrong_before(film: Callable[..., np.ndarray]) -> None:
    boiling, stopped = (measure_motion(film("pan", n=40, boiling=3.0, freeze=share)) for share in (0.05, 0.6))
    assert stopped.reversal > 0.8 * boiling.reversal > 0.6
    assert score_motion(stopped) < score_motion(measure_motion(film("pan", n=40, freeze=0.6)))


def test_a_stop_is_worse_than_as_many_copies_here_and_there(film: Callable[..., np.ndarray]) -> None:
    smooth = film("pan", n=40)
    stuttering = measure_motion(np.repeat(smooth[::2], 2, axis=0))
    stopped = measure_motion(film("pan", n=40, freeze=0.5))
    assert stuttering.frozen == pytest.approx(stopped.frozen, abs=0.05)
    assert score_motion(stopped) < score_motion(stuttering) < score_motion(measure_motion(smooth))


def test_one_flash_costs_the_same_in_a_short_and_a_long_clip(film: Callable[..., np.ndarray]) -> None:
    scores = [score_motion(measure_motion(film("pan", n=n, flashes=1))) for n in (24, 72)]
    assert scores[0] == pytest.approx(scores[1], abs=0.08)


def test_a_still_clip_keeps_a_fifth_and_says_it_is_frozen(film: Callable[..., np.ndarray]) -> None:
    parts = measure_motion(film("still", n=16))
    assert parts.frozen == 1.0
    assert parts.speed_px == pytest.approx(0.0, abs=0.01)
    assert score_motion(parts) == pytest.approx(0.2)


def test_flicker_does_not_make_a_frozen_clip_look_alive(film: Callable[..., np.ndarray]) -> None:
    still = score_motion(measure_motion(film("still", n=16)))
    assert score_motion(measure_motion(film("still", n=16, flicker=0.05))) <= still


def test_light_that_was_asked_to_flash_is_no_fault(film: Callable[..., np.ndarray]) -> None:
    clip = film("pan", n=24).astype(np.float32)
    clip[np.arange(24) % 6 < 3] *= 0.4
    flashing = clip.astype(np.uint8)
    assert score_motion(measure_motion(flashing)) < 0.3
    asked = Asked(flashes=True)
    assert score_motion(measure_motion(flashing, flashes=True), asked) > 0.8
    boiling = film("pan", n=24, boiling=4.0)
    assert score_motion(measure_motion(boiling, flashes=True), asked) < 0.6


@pytest.mark.parametrize(("n", "every"), [(23, 5), (24, 7), (31, 4), (40, 9)])
def test_a_strobe_may_flash_in_any_rhythm(film: Callable[..., np.ndarray], n: int, every: int) -> None:
    clip = film("pan", n=n).astype(np.float32)
    clip[np.arange(n) % every < every / 2] *= 0.4
    assert score_motion(measure_motion(clip.astype(np.uint8), flashes=True), Asked(flashes=True)) > 0.8


def test_cuts_that_were_asked_for_cost_nothing(film: Callable[..., np.ndarray]) -> None:
    parts = measure_motion(film("pan", n=24, cuts=1))
    assert score_motion(parts, Asked(cuts=True)) > score_motion(parts) * 1.5


def test_a_still_costs_by_what_was_asked_to_move(film: Callable[..., np.ndarray]) -> None:
    parts = measure_motion(film("still", n=16))
    asked = (Asked(moves=True), Asked(), Asked(camera=("static",)), Asked(still=True))
    scores = [score_motion(parts, each) for each in asked]
    assert scores == pytest.approx([0.2, 0.2, 0.6, 1.0])
    assert [is_too_still(parts, each) for each in asked] == [True, False, False, False]


def test_a_clip_that_hardly_moves_costs_only_where_motion_was_asked_for(film: Callable[..., np.ndarray]) -> None:
    parts = measure_motion(film("slow pan", n=8))
    assert score_motion(parts, Asked(moves=True)) < score_motion(parts) - 0.2


def test_the_flow_finds_how_far_the_camera_moved(film: Callable[..., np.ndarray]) -> None:
    flow = track_flow(film("pan", n=8)).flow
    assert np.median(flow[..., 0]) == pytest.approx(1.5, abs=0.1)
    assert np.median(flow[..., 1]) == pytest.approx(0.4, abs=0.1)


def test_the_same_clip_gives_the_same_numbers(film: Callable[..., np.ndarray]) -> None:
    clip = film("handheld", n=16, noise=8.0)
    assert measure_motion(clip) == measure_motion(clip.copy())


def test_two_frames_are_enough(film: Callable[..., np.ndarray]) -> None:
    assert isinstance(measure_motion(film("pan", n=2)), MotionParts)


@pytest.mark.parametrize(
    "luma",
    [
        np.zeros((1, 180, 320), np.uint8),
        np.zeros((4, 180, 320), np.float32),
        np.zeros((4, 180, 320, 3), np.uint8),
        np.zeros((4, 181, 320), np.uint8),
    ],
)
def test_arrays_that_are_no_clip_are_refused(luma: np.ndarray) -> None:
    with pytest.raises(InvalidClip):
        measure_motion(luma)
