from collections.abc import Callable

import pytest
from compiler.domain.parse import Parsed
from dailies_contracts import Beat

Read = Callable[..., Parsed]


def test_the_demo_prompt_is_sorted_into_its_parts(read: Read) -> None:
    shot = read("A ceramic cup on a walnut desk, slow dolly-in, morning light").shot
    assert (shot.subject, shot.scene, shot.camera) == (
        "A ceramic cup on a walnut desk",
        "morning light",
        "slow dolly-in",
    )
    assert shot.motion == shot.style == shot.continuity == ""
    assert shot.negative == shot.beats == ()


@pytest.mark.parametrize(
    ("prompt", "camera", "subject"),
    [
        ("Slow pan across a quiet lake at dawn", "Slow pan", "a quiet lake at dawn"),
        ("A chef chops onions while the camera orbits", "while the camera orbits", "A chef chops onions"),
        ("A cup on a desk with a slow zoom in", "slow zoom in", "A cup on a desk"),
        ("Orbit clockwise, a statue in a park", "Orbit clockwise", "a statue in a park"),
        ("A statue. The camera tilts up slowly.", "The camera tilts up slowly", "A statue"),
    ],
)
def test_camera_language_is_taken_out_of_the_description(read: Read, prompt: str, camera: str, subject: str) -> None:
    shot = read(prompt).shot
    assert (shot.camera, shot.subject) == (camera, subject)


@pytest.mark.parametrize(
    "prompt",
    [
        "A frying pan on a stove",
        "A crane by the harbour",
        "A satellite in orbit around the earth",
        "A truck on a dirt road",
        "A TV with static on its screen",
    ],
)
def test_everyday_words_are_not_taken_for_camera_language(read: Read, prompt: str) -> None:
    shot = read(prompt).shot
    assert (shot.subject, shot.camera) == (prompt, "")


@pytest.mark.parametrize(
    ("prompt", "negative", "subject"),
    [
        ("A cup, no text", ("text",), "A cup"),
        ("A cup, no text, logos or watermarks", ("text", "logos", "watermarks"), "A cup"),
        ("A cup, no text, logos, or people", ("text", "logos", "people"), "A cup"),
        ("A street without people at night", ("people",), "A street at night"),
        ("An empty room with no windows", ("windows",), "An empty room"),
        ("A cup. Don't show hands or text.", ("hands", "text"), "A cup"),
        ("A cup. Avoid fast cuts and lens flare.", ("fast cuts", "lens flare"), "A cup"),
        ("A cup, no text and no people", ("text", "people"), "A cup"),
    ],
)
def test_exclusions_become_negatives(read: Read, prompt: str, negative: tuple[str, ...], subject: str) -> None:
    shot = read(prompt).shot
    assert (shot.negative, shot.subject) == (negative, subject)


def test_an_enumeration_after_an_exclusion_stays_what_is_shown(read: Read) -> None:
    shot = read("A candle, no text, slow zoom in, red or blue balloons").shot
    assert shot.negative == ("text",)
    assert (shot.camera, shot.scene) == ("slow zoom in", "red or blue balloons")


@pytest.mark.parametrize(
    "prompt",
    [
        "A runner who never stops, no matter the weather",
        "A car drives without stopping",
        "A bridge that is no longer used",
    ],
)
def test_idioms_with_no_and_without_exclude_nothing(read: Read, prompt: str) -> None:
    assert read(prompt).shot.negative == ()


def test_beats_with_times_are_read(read: Read) -> None:
    shot = read("First 2 s a fox stands still in the snow, then it runs to the right").shot
    assert shot.beats == (
        Beat(start_s=0.0, end_s=2.0, action="a fox stands still in the snow"),
        Beat(start_s=2.0, end_s=5.0, action="it runs to the right"),
    )
    assert shot.subject == "a fox stands still in the snow"


@pytest.mark.parametrize(
    ("prompt", "times"),
    [
        ("0-2s: a cup. 2-5s: steam rises", [(0, 2), (2, 5)]),
        ("[00:00-00:03] a cup [00:03-00:05] steam", [(0, 3), (3, 5)]),
        ("A fox waits, then it jumps, finally it sleeps", [(0, 1.67), (1.67, 3.33), (3.33, 5)]),
        ("In the first second, a door opens. After 3 seconds, a cat enters.", [(0, 1), (3, 5)]),
        ("A cup stands there. Last 2 seconds: it falls.", [(0, 3), (3, 5)]),
        ("First two seconds a door opens, next 2 s a cat enters, then it sits down", [(0, 2), (2, 4), (4, 5)]),
        ("From 1 to 3 seconds a ball rolls, at 4 s it stops", [(1, 3), (4, 5)]),
    ],
)
def test_times_are_understood_in_many_wordings(read: Read, prompt: str, times: list[tuple[float, float]]) -> None:
    assert [(beat.start_s, beat.end_s) for beat in read(prompt).shot.beats] == times


def test_times_outside_the_clip_are_spread_and_reported(read: Read) -> None:
    parsed = read("First 20 s a door opens, then a cat enters", duration_s=4)
    assert [(beat.start_s, beat.end_s) for beat in parsed.shot.beats] == [(0, 2), (2, 4)]
    assert "spread" in parsed.warnings[0]


@pytest.mark.parametrize(
    "prompt", ["A cup next to a plate", "First snow falls on a roof", "A clock at 5 in the morning"]
)
def test_words_that_only_look_like_times_make_no_beats(read: Read, prompt: str) -> None:
    assert read(prompt).shot.beats == ()


def test_style_and_continuity_are_recognised(read: Read) -> None:
    shot = read("A knight rides, cinematic, 35mm film grain, same character throughout").shot
    assert (shot.style, shot.continuity) == ("cinematic, 35mm film grain", "same character throughout")


def test_what_moves_is_recognised(read: Read) -> None:
    shot = read("A cup on a desk, steam rising slowly, golden hour").shot
    assert (shot.motion, shot.scene) == ("steam rising slowly", "golden hour")


def test_quotations_are_never_taken_apart(read: Read) -> None:
    quotation = '"Hello, no problem, then slow pan"'
    shot = read(f"A man says {quotation}, warm light").shot
    assert quotation in shot.subject
    assert shot.negative == shot.beats == ()
    assert shot.camera == ""


def test_prose_keeps_its_order(read: Read) -> None:
    shot = read("An old man sits on a bench. He feeds the birds. Leaves fall around him. The light is soft.").shot
    told = f"{shot.subject}. {shot.scene}. {shot.motion}"
    positions = [told.index(words) for words in ("old man", "feeds", "Leaves", "light is soft")]
    assert positions == sorted(positions)


def test_adjectives_stay_with_their_noun(read: Read) -> None:
    shot = read("A small, red, shiny cup on a desk").shot
    assert f"{shot.subject}, {shot.scene}" == "A small, red, shiny cup on a desk"


def test_other_languages_stay_as_they_are(read: Read) -> None:
    prompt = "一只狐狸在雪地里奔跑，缓慢推镜头。"  # noqa: RUF001
    assert read(prompt).shot.subject == prompt


def test_lists_and_line_breaks_are_sentences(read: Read) -> None:
    shot = read("A cup on a desk\n- slow dolly-in\n- no text\n").shot
    assert (shot.subject, shot.camera, shot.negative) == ("A cup on a desk", "slow dolly-in", ("text",))


def test_a_prompt_of_camera_language_alone_is_its_own_subject(read: Read) -> None:
    assert read("slow dolly-in").shot.subject == "slow dolly-in"


def test_a_prompt_of_exclusions_alone_shows_nothing(read: Read) -> None:
    assert read("no text, without people").shot.subject == ""


def test_labelled_parts_are_taken_at_their_word(read: Read) -> None:
    shot = read(
        "Subject: a fox\nScene: a snowy forest, dusk\nCamera: slow pan left\nNegative prompt: text, blurry faces"
    ).shot
    assert (shot.subject, shot.scene, shot.camera) == ("a fox", "a snowy forest, dusk", "slow pan left")
    assert shot.negative == ("text", "blurry faces")


@pytest.mark.parametrize(
    ("prompt", "subject"),
    [
        ("Make a video of a dragon flying over a castle", "a dragon flying over a castle"),
        ("Please create a short cinematic clip showing a red car", "a red car"),
        ("A video of a cat on a sofa", "a cat on a sofa"),
        ("Create chaos: a video wall falls", "Create chaos: a video wall falls"),
        ("A video wall of old screens", "A video wall of old screens"),
    ],
)
def test_commands_to_the_machine_are_not_shown(read: Read, prompt: str, subject: str) -> None:
    assert read(prompt).shot.subject == subject


def test_settings_in_the_text_are_left_to_the_requests_fields(read: Read) -> None:
    parsed = read("Vertical video, a cup on a desk, 5 seconds, 16:9, 720p")
    assert (parsed.shot.subject, parsed.shot.scene) == ("a cup on a desk", "")
    assert parsed.warnings == (
        "Left out of the prompt, because the request has fields for it: Vertical video, 5 seconds, 16:9, 720p.",
    )


def test_semicolons_separate_like_commas(read: Read) -> None:
    shot = read("A perfume bottle; soft studio light; slow orbit").shot
    assert (shot.subject, shot.scene, shot.camera) == ("A perfume bottle", "soft studio light", "slow orbit")
