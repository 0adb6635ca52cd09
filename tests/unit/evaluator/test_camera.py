from collections.abc import Callable

import numpy as np
import pytest
from evaluator.domain.asked import Asked
from evaluator.domain.camera import CameraParts, agree_camera, is_unclear, measure_camera
from evaluator.domain.motion import measure_motion, score_motion
from evaluator.domain.parallax import Parallax

Film = Callable[..., np.ndarray]
WAYS = {
    "right": CameraParts(pan=0.2, path=0.2),
    "left": CameraParts(pan=-0.2, path=0.2),
    "up": CameraParts(tilt=0.2, path=0.2),
    "down": CameraParts(tilt=-0.2, path=0.2),
    "in": CameraParts(dolly=0.2, path=0.2),
    "out": CameraParts(dolly=-0.2, path=0.2),
    "static": CameraParts(),
}


@pytest.mark.parametrize("asked", WAYS)
@pytest.mark.parametrize("shown", WAYS)
def test_a_move_agrees_with_itself_alone(asked: str, shown: str) -> None:
    agreement = agree_camera(WAYS[shown], (asked,))
    assert agreement is not None
    assert agreement == pytest.approx(1.0) if asked == shown else agreement <= 0.25


def test_standing_still_is_nearer_than_another_move_and_that_than_the_opposite_one() -> None:
    values = [agree_camera(WAYS[shown], ("left",)) for shown in ("left", "static", "up", "right")]
    assert values == pytest.approx([1.0, 0.25, 0.1, 0.0])


@pytest.mark.parametrize(("shown", "agreement"), [("left", 1.0), ("right", 1.0), ("static", 0.25), ("in", 0.1)])
@pytest.mark.parametrize("asked", ["orbit", "sideways"])
def test_an_orbit_without_depth_to_tell_it_by_and_a_pan_without_a_side_go_either_way(
    asked: str, shown: str, agreement: float
) -> None:
    assert agree_camera(WAYS[shown], (asked,)) == pytest.approx(agreement)


def sideways(pan: float, anchored: float | None, counter: float | None) -> CameraParts:
    return CameraParts(pan=pan, path=abs(pan), parallax=Parallax(sweep=pan, anchored=anchored, counter=counter))


CIRCLING, PANNING, FOLLOWING = (1.0, 1.4), (0.0, 0.0), (1.0, 0.0)


@pytest.mark.parametrize(
    ("asked", "pan", "depth", "agreement"),
    [
        ("orbit", 0.2, CIRCLING, 1.0),
        ("orbit", -0.2, CIRCLING, 1.0),
        ("clockwise", 0.2, CIRCLING, 1.0),
        ("clockwise", -0.2, CIRCLING, 0.0),
        ("counterclockwise", -0.2, CIRCLING, 1.0),
        ("orbit", 0.2, PANNING, 0.1),
        ("clockwise", 0.2, PANNING, 0.1),
        ("orbit", 0.2, FOLLOWING, 0.55),
        ("right", 0.2, CIRCLING, 0.1),
        ("sideways", 0.2, CIRCLING, 0.1),
        ("right", 0.2, PANNING, 1.0),
        ("left", 0.2, PANNING, 0.0),
        ("right", 0.2, FOLLOWING, 1.0),
        ("right", 0.2, (None, None), 1.0),
        ("orbit", 0.2, (None, None), 1.0),
    ],
)
def test_depth_tells_an_orbit_from_a_pan(
    asked: str, pan: float, depth: tuple[float | None, float | None], agreement: float
) -> None:
    assert agree_camera(sideways(pan, *depth), (asked,)) == pytest.approx(agreement)


def test_an_orbit_that_may_be_a_pan_after_its_subject_is_said_to_be_unclear() -> None:
    assert is_unclear(sideways(0.2, *FOLLOWING), ("orbit",))
    assert is_unclear(sideways(0.2, None, None), ("clockwise",))
    assert not is_unclear(sideways(0.2, *CIRCLING), ("orbit",))
    assert not is_unclear(sideways(0.2, *PANNING), ("orbit",))
    assert not is_unclear(sideways(0.2, *FOLLOWING), ("right",))
    assert not is_unclear(sideways(0.0, None, None), ("orbit",))


def test_of_several_moves_each_counts_its_part() -> None:
    both = CameraParts(pan=0.1, dolly=0.1, path=0.2)
    assert agree_camera(both, ("right", "in")) == pytest.approx(1.0)
    assert agree_camera(both, ("left", "in")) == pytest.approx(0.5)


def test_what_the_flow_cannot_tell_is_not_judged() -> None:
    assert agree_camera(CameraParts(), ()) is None
    assert agree_camera(CameraParts(), ("handheld",)) is None
    assert agree_camera(WAYS["left"], ("free", "left")) == pytest.approx(1.0)


def test_what_too_little_of_the_picture_shows_is_not_judged() -> None:
    assert agree_camera(CameraParts(pan=-0.2, path=0.2, support=0.2), ("right",)) is None


@pytest.mark.parametrize("n", [12, 48])
def test_the_cameras_way_is_found_in_the_picture_at_any_length(film: Film, n: int) -> None:
    pan = measure_camera(film("pan", n=n), speed_px=1.55)
    assert pan.pan * 320 == pytest.approx(-1.5 * (n - 1), rel=0.1)
    assert pan.tilt * 180 == pytest.approx(0.4 * (n - 1), rel=0.25)
    zoom = measure_camera(film("zoom", n=n), speed_px=0.2)
    assert zoom.dolly * 2 == pytest.approx((n - 1) * np.log(1.002), rel=0.15)
    turn = measure_camera(film("turn", n=n), speed_px=0.6)
    assert abs(turn.roll) == pytest.approx(0.35 * (n - 1), rel=0.15)
    assert abs(turn.pan) + abs(turn.tilt) < 0.01


def test_a_subject_that_moves_is_not_taken_for_the_camera(film: Film) -> None:
    clip = film("still", n=24)
    thing = film("pan", n=24, seed=3)
    clip[:, 60:150, 100:220] = thing[:, 60:150, 100:220]
    parts = measure_camera(clip, speed_px=0.3)
    assert agree_camera(parts, ("static",)) == 1.0


def test_a_camera_off_its_course_costs_half_the_motion_score(film: Film) -> None:
    parts = measure_motion(film("pan", n=24))
    right, wrong = (score_motion(parts, Asked(camera=(move,), moves=True)) for move in ("left", "in"))
    assert right > 0.9
    assert wrong < 0.55
    assert score_motion(parts) == pytest.approx(right)
