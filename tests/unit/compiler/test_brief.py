from collections.abc import Callable

import pytest
from compiler.domain.compile import Compiled
from compiler.domain.rules import Rules
from dailies_contracts import Beat, Shot

Compile = Callable[..., Compiled]


def filled(compiled: Compiled) -> set[str]:
    """Which parts were filled in: the word before the second colon of each warning."""
    return {warning.split(": ")[1].split(":")[0] for warning in compiled.warnings if "Filled in" in warning}


def test_a_bare_prompt_gets_a_steady_camera_and_subtle_motion(compiled: Compile) -> None:
    result = compiled("A ceramic cup on a walnut desk")
    assert filled(result) == {"camera", "motion", "continuity", "excluded"}
    prompt = result.prompts[0].prompt
    assert "The camera is static" in prompt
    assert "Only subtle natural motion." in prompt


def test_what_the_client_says_is_not_filled_in(compiled: Compile) -> None:
    result = compiled("A fox runs through the snow, slow dolly-in, same fox throughout")
    assert filled(result) == {"excluded"}


def test_a_camera_named_within_a_beat_is_a_camera(compiled: Compile) -> None:
    assert "camera" not in filled(compiled("First 2 s a cup on a desk, then the camera pulls back"))


@pytest.mark.parametrize("name", ["natural", "cinematic", "product", "social", "documentary", "animation"])
def test_every_preset_compiles_and_reports_itself(compiled: Compile, name: str) -> None:
    result = compiled("A ceramic cup on a walnut desk", style_preset=name)
    assert any(f"preset {name!r}" in warning for warning in result.warnings)
    assert result.prompts


def test_a_preset_brings_beats_where_the_clip_is_long_enough(compiled: Compile) -> None:
    long, short = (compiled("A perfume bottle", style_preset="product", duration_s=x) for x in (5, 2))
    assert "In the first 2 seconds, the whole product is in view." in long.prompts[0].prompt
    assert "beats" not in filled(short)


def test_an_exclusion_that_contradicts_the_prompt_is_not_added(compiled: Compile) -> None:
    veo = compiled("A candle flickers in the dark").prompts[-1]
    assert "flicker" not in veo.negative_prompt
    assert "sudden cuts" in veo.negative_prompt


def test_what_is_meant_to_change_is_not_told_to_stay_the_same(compiled: Compile) -> None:
    result = compiled("A caterpillar transforms into a butterfly")
    assert "continuity" not in filled(result)
    assert "morphing" not in result.prompts[-1].negative_prompt


def test_a_structured_shot_keeps_its_beats(compiled: Compile) -> None:
    shot = Shot(
        subject="a fox",
        scene="a snowy forest",
        camera="slow dolly-in",
        beats=(Beat(start_s=0, end_s=2, action="it looks around"), Beat(start_s=2, end_s=5, action="runs away")),
    )
    prompt = compiled(shot=shot).prompts[0].prompt
    assert "A fox, a snowy forest." in prompt
    assert "In the first 2 seconds, it looks around. From second 2 to 5, the subject runs away." in prompt


def test_shipped_presets_leave_nothing_about_time_open(rules: Rules) -> None:
    for preset in rules.presets.values():
        assert preset.camera
        assert preset.motion
        assert all(0 < beat.until <= 1 for beat in preset.beats)
        assert [beat.until for beat in preset.beats] == sorted(beat.until for beat in preset.beats)
