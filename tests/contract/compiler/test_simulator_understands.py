"""Our words at a vendor must mean what the client's words mean: the simulator's reader is the judge."""

from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest
from compiler.adapters.rule_files import load_rules
from compiler.domain.compile import Compiled, compile_request
from compiler.domain.dialects import luma
from dailies_contracts import CompiledPrompt, VideoRequest
from runtime.catalog import load_catalog
from simulator.scenes.grammar import Scene
from simulator.scenes.parse import parse_prompt
from simulator.vendors import luma_wire

CATALOG = load_catalog(Path(__file__).parents[3] / "deploy" / "catalog.toml")
RULES = load_rules()
SUBJECTS = [
    "A ceramic cup on a walnut desk",
    "A red kite over a beach",
    "A small blue car on a street",
    "A fox in the snow",
]
CAMERAS = ["", "slow dolly-in", "slow pan left", "orbit shot", "tilt up", "zoom out"]
LIGHTS = ["morning light", "sunset", "at night"]
PRESETS = sorted(RULES.presets)


def rendered(prompt: CompiledPrompt) -> Scene:
    """What the vendor shows: its prompt, and the camera move that it takes by a name of its own."""
    move = prompt.camera.replace("_", " ")
    return parse_prompt(f"{prompt.prompt} Camera: {move}." if move else prompt.prompt)


def what_is_seen(scene: Scene) -> tuple[object, ...]:
    return scene.subjects, scene.place, scene.place_colour, scene.light


def compile_text(prompt: str, preset: str = "") -> Compiled:
    result = compile_request(VideoRequest(prompt=prompt, style_preset=preset), CATALOG, RULES)
    assert isinstance(result, Compiled)
    return result


@pytest.mark.parametrize(("subject", "camera", "light"), list(product(SUBJECTS, CAMERAS, LIGHTS)))
def test_every_vendors_words_show_what_the_client_asked_for(subject: str, camera: str, light: str) -> None:
    text = ", ".join(part for part in (subject, camera, light) if part)
    asked = parse_prompt(text)
    for prompt in compile_text(text).prompts:
        assert what_is_seen(parse_prompt(prompt.prompt)) == what_is_seen(asked), prompt.prompt
        assert rendered(prompt).camera == asked.camera, prompt.prompt
        assert what_is_seen(parse_prompt(prompt.score_prompt)) == what_is_seen(asked), prompt.score_prompt


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_add_nothing_to_what_is_seen(preset: str) -> None:
    for subject in SUBJECTS:
        for prompt in compile_text(subject, preset).prompts:
            assert what_is_seen(parse_prompt(prompt.prompt)) == what_is_seen(parse_prompt(subject)), prompt.prompt


def test_a_motion_of_the_client_is_kept(read_motion: Callable[[str], str]) -> None:
    for text in (
        "A red ball on a desk, bouncing",
        "A boat on the sea, sailing to the left",
        "A balloon rises over a field",
    ):
        for prompt in compile_text(text).prompts:
            assert read_motion(prompt.prompt) == read_motion(text), prompt.prompt


@pytest.fixture
def read_motion() -> Callable[[str], str]:
    return lambda text: parse_prompt(text).subjects[0].motion


def test_every_camera_name_that_we_send_is_one_of_the_vendors() -> None:
    assert set(luma.CONCEPTS.values()) <= set(luma_wire.CONCEPTS)
