from collections.abc import Callable

import msgspec
import pytest
from compiler.domain.compile import Compiled, compile_request
from compiler.domain.dialects import kling, veo
from compiler.domain.rules import Rules
from dailies_contracts import Beat, CompiledPrompt, ReferenceImage, Shot, VideoRequest
from runtime.catalog import Catalog

Compile = Callable[..., Compiled]
DEMO = "A ceramic cup on a walnut desk, slow dolly-in, morning light"


def both(result: Compiled) -> tuple[CompiledPrompt, CompiledPrompt]:
    """What Kling's first model and Veo's last are told."""
    at = {name: [prompt for prompt in result.prompts if prompt.provider == name] for name in ("kling", "veo")}
    return at["kling"][0], at["veo"][-1]


def test_the_demo_prompt_reads_naturally_at_both_vendors(compiled: Compile) -> None:
    at_kling, at_veo = both(compiled(DEMO))
    assert at_kling.prompt == (
        "A ceramic cup on a walnut desk, morning light. Only subtle natural motion. The camera slowly dollies in. "
        "Shapes, colours and proportions stay the same throughout. No flicker, no morphing, no sudden cuts."
    )
    assert at_veo.prompt == (
        "Slow dolly-in. A ceramic cup on a walnut desk, morning light. Only subtle natural motion. "
        "Shapes, colours and proportions stay the same throughout."
    )
    assert at_veo.negative_prompt == "flicker, morphing, sudden cuts"
    assert at_kling.score_prompt == at_veo.score_prompt == "A ceramic cup on a walnut desk, morning light."


def test_a_vendor_without_a_negative_prompt_gets_it_in_words(compiled: Compile) -> None:
    at_kling, at_veo = both(compiled("A street without people, no text"))
    assert "No people, no text." in at_kling.prompt
    assert at_kling.negative_prompt == ""
    assert any("no negative prompt" in warning for warning in at_kling.warnings)
    assert at_veo.negative_prompt.startswith("people, text, ")
    assert "people" not in at_veo.prompt


def test_excluded_people_use_veos_own_control(compiled: Compile) -> None:
    assert both(compiled("A street without people"))[1].parameters == {"personGeneration": "dont_allow"}
    assert both(compiled("A street, no cars"))[1].parameters == {}


def test_beats_are_worded_for_each_vendor(compiled: Compile) -> None:
    at_kling, at_veo = both(compiled("First 2 s a fox stands in the snow, then it runs to the right"))
    assert "In the first 2 seconds, a fox stands in the snow. From second 2 to 5, it runs" in at_kling.prompt
    assert "[00:00-00:02] A fox stands in the snow. [00:02-00:06] It runs" in at_veo.prompt
    assert at_veo.prompt.count("fox") == 1


@pytest.mark.parametrize(
    ("asked", "at_kling", "at_veo"),
    [
        ("slow pan left", "The camera slowly pans left.", "Slow pan left."),
        ("orbit clockwise", "The camera orbits the subject clockwise.", "Clockwise orbit shot around the subject."),
        ("fast zoom out", "The camera quickly zooms out.", "Fast zoom-out."),
        ("smooth slow dolly-in", "The camera slowly and smoothly dollies in.", "Slow, smooth dolly-in."),
        ("locked-off", "The camera is static, on a tripod.", "Static camera."),
        ("handheld camera", "The camera is handheld.", "Handheld camera."),
    ],
)
def test_camera_moves_are_worded_for_each_vendor(compiled: Compile, asked: str, at_kling: str, at_veo: str) -> None:
    kling_prompt, veo_prompt = both(compiled(f"A statue in a park, {asked}"))
    assert at_kling in kling_prompt.prompt
    assert veo_prompt.prompt.startswith(at_veo)


def test_camera_words_that_say_more_than_a_move_are_kept(compiled: Compile) -> None:
    for prompt in both(compiled("A statue in a park. The camera follows her at eye level.")):
        assert "The camera follows her at eye level." in prompt.prompt


def test_every_known_move_has_words_at_every_vendor(rules: Rules) -> None:
    names = {move.name for move in rules.vocabulary.moves}
    assert set(kling.MOVES) == set(veo.MOVES) == names


def test_wanted_sound_is_asked_for_unless_the_prompt_says_what_is_heard(compiled: Compile) -> None:
    silent, told = compiled("A beach", audio=True), compiled("A beach, sound of waves", audio=True)
    assert "Audio: natural ambience" in both(silent)[1].prompt
    assert "natural ambience" not in both(told)[1].prompt


def test_the_score_prompt_says_only_what_is_seen(compiled: Compile) -> None:
    text = "A red car on a coast road, driving to the right, slow pan left, cinematic, no text, same car throughout"
    for prompt in compiled(text, style_preset="product").prompts:
        assert prompt.score_prompt == "A red car on a coast road, driving to the right."


@pytest.mark.parametrize("has_field", [True, False])
def test_the_plain_dialect_excludes_where_the_model_lets_it(rules: Rules, catalog: Catalog, has_field: bool) -> None:
    vendor = msgspec.structs.replace(catalog.vendor("kling"), name="newcomer", dialect="plain")
    models = tuple(msgspec.structs.replace(model, negative_prompt=has_field) for model in vendor.model)
    catalog = msgspec.structs.replace(catalog, provider=(msgspec.structs.replace(vendor, model=models),))
    compiled = compile_request(VideoRequest(prompt="A cup on a desk, slow pan left, no text"), catalog, rules)
    assert isinstance(compiled, Compiled)
    prompt = compiled.prompts[0]
    assert prompt.prompt.startswith("A cup on a desk.")
    assert "The camera slowly pans left." in prompt.prompt
    assert ("text" in prompt.negative_prompt, "No text." in prompt.prompt) == (has_field, not has_field)
    assert bool(prompt.warnings) is not has_field


def at(catalog: Catalog, rules: Rules, model: str, prompt: str, **fields: object) -> CompiledPrompt:
    """Compile for one model of the shipped catalogue."""
    result = compile_request(VideoRequest(prompt=prompt, **fields), catalog, rules)
    assert isinstance(result, Compiled)
    return next(each for each in result.prompts if each.model == model)


def test_runway_is_told_the_camera_first_and_nothing_to_leave_out(every_vendor: Catalog, rules: Rules) -> None:
    prompt = at(every_vendor, rules, "gen4.5", "A cup on a desk, slow pan left, no text")
    assert prompt.prompt == (
        "The camera slowly pans left. A cup on a desk. Only subtle natural motion. "
        "Shapes, colours and proportions stay the same throughout."
    )
    assert any("left out" in warning for warning in prompt.warnings)


def test_runway_gives_up_what_a_picture_shows_before_what_moves(every_vendor: Catalog, rules: Rules) -> None:
    image = ReferenceImage(uri="s3://b/k", sha256="0" * 64, size_bytes=1, media_type="image/png")
    scene = "A very old wooden boat lies on a wide grey beach. " * 17
    shot = Shot(subject=scene, beats=(Beat(start_s=0, end_s=2, action="it rocks " * 30),))
    request = VideoRequest(shot=shot, duration_s=5, reference_images=(image,))
    result = compile_request(request, every_vendor, rules)
    assert isinstance(result, Compiled)
    prompt = next(each for each in result.prompts if each.model == "gen4_turbo")
    assert "it rocks" in prompt.prompt
    assert "Left out to fit 1000 characters: the description." in prompt.warnings


def test_a_prompt_is_measured_in_the_units_that_a_vendor_may_count(every_vendor: Catalog, rules: Rules) -> None:
    prompt = at(every_vendor, rules, "gen4.5", "A cup " + "\N{GRINNING FACE}" * 990).prompt
    assert len(prompt.encode("utf-16-le")) // 2 <= 1000


@pytest.mark.parametrize(
    ("asked", "concept", "is_told"),
    [
        ("pan left", "pan_left", False),
        ("slow pan left", "pan_left", True),
        ("dolly-in", "push_in", False),
        ("orbit clockwise", "", True),
        ("pan left and tilt up", "", True),
    ],
)
def test_luma_takes_one_camera_move_as_a_concept(
    every_vendor: Catalog, rules: Rules, asked: str, concept: str, is_told: bool
) -> None:
    prompt = at(every_vendor, rules, "ray-2", f"A statue in a park, {asked}")
    assert (prompt.camera, "The camera" in prompt.prompt) == (concept, is_told)


def test_luma_without_camera_control_is_told_in_words(every_vendor: Catalog, rules: Rules) -> None:
    prompt = at(every_vendor, rules, "ray-flash-2", "A statue in a park, pan left")
    assert (prompt.camera, "The camera pans left." in prompt.prompt) == ("", True)


def test_luma_says_that_its_lowest_has_more_lines(every_vendor: Catalog, rules: Rules) -> None:
    warnings = at(every_vendor, rules, "ray-2", "A statue in a park, no text", resolution="480p").warnings
    assert any("540 lines" in warning for warning in warnings)
    assert any("no negative prompt" in warning for warning in warnings)
