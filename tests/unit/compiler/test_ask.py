from collections.abc import Callable

import pytest
from compiler.domain.compile import Compiled
from dailies_contracts import Beat, Shot

Compile = Callable[..., Compiled]


@pytest.mark.parametrize(
    ("prompt", "camera", "moves"),
    [
        ("a red cup on a desk", (), ""),
        ("a red cup on a desk, static camera", ("static",), "static"),
        ("a red cup on a desk, slow dolly-in and tilt up", ("dolly_in", "tilt_up"), "camera"),
        ("a red fox runs through a forest, pan left", ("pan_left",), "action"),
    ],
)
def test_a_clip_is_held_against_the_clients_camera(
    compiled: Compile, prompt: str, camera: tuple[str, ...], moves: str
) -> None:
    asks = [one.ask for one in compiled(prompt).prompts]
    assert {(ask.camera, ask.moves) for ask in asks if ask} == {(camera, moves)}
    assert None not in asks


def test_the_camera_and_beats_of_a_preset_are_not_held_against_a_clip(compiled: Compile) -> None:
    for one in compiled("a red cup on a desk", style_preset="product").prompts:
        assert one.ask is not None
        assert (one.ask.camera, one.ask.beats) == ((), ())


def test_beats_reach_to_the_end_of_the_clip_that_is_rendered(compiled: Compile) -> None:
    shot = Shot(
        subject="a fox",
        beats=(Beat(start_s=0, end_s=2, action="a fox sits"), Beat(start_s=2, end_s=5, action="jumps over a log")),
        negative=("no text", "people"),
    )
    for one in compiled(shot=shot, duration_s=5).prompts:
        assert one.ask is not None
        assert [beat.action for beat in one.ask.beats] == ["a fox sits", "jumps over a log"]
        assert one.ask.beats[-1].end_s == one.duration_s == one.ask.duration_s
        assert one.ask.negative[:2] == ("text", "people")


def test_a_clip_is_held_against_what_its_model_was_sent(compiled: Compile) -> None:
    for one in compiled("a red cup", duration_s=6, aspect_ratio="9:16", resolution="1080p", audio=True).prompts:
        assert one.ask is not None
        sent = (one.duration_s, one.aspect_ratio, one.resolution, one.audio)
        assert (one.ask.duration_s, one.ask.aspect_ratio, one.ask.resolution, one.ask.audio) == sent
