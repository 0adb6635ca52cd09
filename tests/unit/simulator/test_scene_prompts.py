"""Prompts become scenes, and what the grammar does not know is said."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simulator.scenes import Subject, caption, ignored_words, parse_prompt, sample_scene, vocabulary
from simulator.scenes.captions import usual_colour


def test_the_cup_on_the_desk_is_fully_understood() -> None:
    scene = parse_prompt("A ceramic cup on a walnut desk, slow dolly-in, morning light")
    assert scene.subjects == (Subject(name="cup", colour="white"),)
    assert (scene.place, scene.place_colour, scene.light, scene.camera) == ("desk", "brown", "morning", "dolly_in")
    assert scene.unknown_words == ()


def test_words_outside_the_grammar_are_reported_once_and_in_order() -> None:
    scene = parse_prompt("A corgi surfing with a red ball, the corgi and a zeppelin, cinematic 4k shot")
    assert scene.unknown_words == ("corgi", "surfing", "zeppelin")
    assert scene.subjects[0].name == "ball"


@pytest.mark.parametrize(
    ("prompt", "camera", "motion"),
    [
        ("a yellow taxi driving on a street, camera pans to the left", "pan_left", "right"),
        ("a sailboat drifting left on the sea", "static", "left"),
        ("slow zoom out of a spinning star", "dolly_out", "rotating"),
        ("a star, orbit shot", "orbit", "still"),
        ("the camera orbits the star clockwise", "orbit_clockwise", "still"),
        ("a star, counter-clockwise orbit shot", "orbit_counterclockwise", "still"),
        ("a star spinning clockwise", "static", "rotating"),
        ("handheld footage of a kitten hopping", "handheld", "bouncing"),
        ("a rocket lifting off, crane up", "tilt_up", "rising"),
    ],
)
def test_camera_and_motion_are_told_apart(prompt: str, camera: str, motion: str) -> None:
    scene = parse_prompt(prompt)
    assert (scene.camera, scene.subjects[0].motion) == (camera, motion)


def test_each_colour_belongs_to_the_noun_that_follows() -> None:
    scene = parse_prompt("a tiny green fish and a purple umbrella in a white room at night")
    assert [(s.name, s.colour, s.size) for s in scene.subjects] == [
        ("fish", "green", "small"),
        ("umbrella", "purple", "medium"),
    ]
    assert (scene.place, scene.place_colour, scene.light) == ("room", "white", "night")


def test_a_third_subject_is_unknown() -> None:
    scene = parse_prompt("a cup, a ball and a car")
    assert [s.name for s in scene.subjects] == ["cup", "ball"]
    assert scene.unknown_words == ("car",)


def test_the_sky_yields_to_a_place_on_the_ground() -> None:
    assert parse_prompt("a kite in the sky over a field").place == "field"
    assert parse_prompt("a kite in the sky").place == "sky"


def test_plurals_are_understood() -> None:
    scene = parse_prompt("kites over meadows")
    assert (scene.subjects[0].name, scene.place, scene.unknown_words) == ("kite", "field", ())


def test_an_empty_prompt_is_an_empty_scene() -> None:
    assert parse_prompt("").subjects == ()


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_caption_says_the_scene_and_stays_inside_the_vocabulary(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scene = sample_scene(rng)
    text = caption(scene, rng)
    read = parse_prompt(text)
    assert read.unknown_words == (), text
    assert [s.name for s in read.subjects] == [s.name for s in scene.subjects], text
    assert [usual_colour(s) for s in read.subjects] == [usual_colour(s) for s in scene.subjects], text
    assert (read.place, read.light) == (scene.place, scene.light), text
    assert read.place_colour == scene.place_colour, text


@given(st.text(max_size=200))
def test_any_text_can_be_read(text: str) -> None:
    assert len(parse_prompt(text).subjects) <= 2


def test_vocabulary_and_ignored_words_do_not_overlap_much() -> None:
    assert {"mug", "scarlet", "dunes", "dusk", "dolly", "hopping"} <= vocabulary()
    assert "the" not in vocabulary()
    assert "cinematic" in ignored_words()


def test_what_must_not_be_seen_is_not_drawn() -> None:
    scene = parse_prompt("A cup on a desk. No text, no people. Avoid: cars, sudden cuts, night.")
    assert ([s.name for s in scene.subjects], scene.light, scene.unknown_words) == (["cup"], None, ())


def test_motion_of_what_is_not_drawn_moves_no_subject() -> None:
    for prompt in ("a cup, steam rises from it", "a cup while the camera moves", "a cup and a corgi running"):
        assert parse_prompt(prompt).subjects[0].motion == "still", prompt


def test_the_camera_moves_closer() -> None:
    scene = parse_prompt(
        "A white cup stands on a walnut desk; steam rises from it while the camera slowly moves closer."
    )
    assert (scene.camera, scene.steam, scene.unknown_words) == ("dolly_in", True, ())


def test_film_phrases_name_no_place() -> None:
    assert parse_prompt("a fox, shallow depth of field").place is None
