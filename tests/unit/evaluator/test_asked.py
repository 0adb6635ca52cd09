import pytest
from dailies_contracts import Ask, Beat
from evaluator.domain.asked import MOVES, read_ask


@pytest.mark.parametrize(
    ("prompt", "camera"),
    [
        ("a red cup, slow dolly-in", ("in",)),
        ("the camera pulls back from a house", ("out",)),
        ("a fox, pan to the left, then tilt up", ("left", "up")),
        ("a vase, orbit shot", ("orbit",)),
        ("a vase, the camera orbits clockwise", ("clockwise",)),
        ("counter-clockwise orbit shot of a vase", ("counterclockwise",)),
        ("a boat, locked-off static shot", ("static",)),
        ("handheld camera, a fox", ("handheld",)),
        ("a frying pan and a zoom lens", ()),
    ],
)
def test_without_an_order_the_camera_is_read_from_the_prompt(prompt: str, camera: tuple[str, ...]) -> None:
    assert read_ask(prompt).camera == camera


def test_an_order_counts_before_what_the_prompt_says() -> None:
    asked = read_ask("a cup, dolly in", Ask(camera=("orbit_clockwise", "static"), moves="camera"))
    assert asked.camera == ("clockwise", "static")
    assert asked.moves


@pytest.mark.parametrize(
    ("ask", "moves"),
    [
        (Ask(), False),
        (Ask(moves="static", camera=("static",)), False),
        (Ask(camera=("handheld",)), False),
        (Ask(moves="action"), True),
        (Ask(camera=("pan_left",)), True),
    ],
)
def test_motion_is_expected_where_something_was_asked_to_move(ask: Ask, moves: bool) -> None:
    assert read_ask("a cup", ask).moves == moves


@pytest.mark.parametrize(
    ("prompt", "effects"),
    [
        ("a dancer under strobe lighting", (True, False, False)),
        ("a flickering candle", (True, False, False)),
        ("a street, then cut to a beach", (False, True, False)),
        ("a still photograph of a lamp", (False, False, True)),
        ("a red cup on a desk", (False, False, False)),
    ],
)
def test_effects_that_were_asked_for_are_no_faults(prompt: str, effects: tuple[bool, bool, bool]) -> None:
    asked = read_ask(prompt)
    assert (asked.flashes, asked.cuts, asked.still) == effects


def test_effects_are_looked_for_in_the_beats_too() -> None:
    assert read_ask("a city", Ask(beats=(Beat(start_s=0, end_s=1, action="lightning strikes"),))).flashes


def test_the_ordered_format_is_read_in_numbers() -> None:
    asked = read_ask("a cup", Ask(duration_s=5.0, aspect_ratio="9:16", resolution="1080p", audio=True))
    assert (asked.duration_s, asked.aspect, asked.shorter_px, asked.audio) == (5.0, 0.5625, 1080, True)
    assert read_ask("a cup", Ask(resolution="4k")).shorter_px == 2160


def test_every_move_that_the_compiler_knows_is_known_here() -> None:
    names = (
        "static dolly_in dolly_out zoom_in zoom_out pan_left pan_right pan tilt_up tilt_down crane_up crane_down "
        "track_left track_right follow orbit_clockwise orbit_counterclockwise orbit handheld fly_over"
    )
    assert set(MOVES) == set(names.split())
