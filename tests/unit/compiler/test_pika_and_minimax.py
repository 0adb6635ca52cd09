"""How Pika and Hailuo are spoken to, and what they are passed over for."""

from collections.abc import Callable

import pytest
from compiler.domain.compile import Compiled, compile_request
from compiler.domain.dialects import minimax
from compiler.domain.rules import Rules
from dailies_contracts import CompiledPrompt, ReferenceImage, VideoRequest
from runtime.catalog import Catalog

PICTURE = ReferenceImage(uri="s3://b/k", sha256="0" * 64, size_bytes=1, media_type="image/png")


@pytest.fixture
def compile_it(every_vendor: Catalog, rules: Rules) -> Callable[..., Compiled]:
    def compiled(prompt: str, **fields: object) -> Compiled:
        result = compile_request(VideoRequest(prompt=prompt, **fields), every_vendor, rules)
        assert isinstance(result, Compiled), result
        return result

    return compiled


def at(result: Compiled, provider: str) -> CompiledPrompt:
    return next(prompt for prompt in result.prompts if prompt.provider == provider)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("slow dolly-in", "Slowly [Push in]."),
        ("smooth slow pan left", "Slowly and smoothly [Pan left]."),
        ("locked-off", "[Static shot]."),
        ("handheld camera", "[Shake]."),
        ("tracking shot", "[Tracking shot]."),
        ("pan left and tilt up", "[Pan left], then [Tilt up]."),
        ("orbit clockwise", "The camera orbits the subject clockwise."),
    ],
)
def test_hailuo_is_told_by_its_commands_where_it_has_them(
    compile_it: Callable[..., Compiled], asked: str, told: str
) -> None:
    assert told in at(compile_it(f"A statue in a park, {asked}"), "minimax").prompt


def test_hailuos_commands_are_the_fifteen_that_it_documents() -> None:
    sideways = {f"{move} {way}" for move in ("Truck", "Pan") for way in ("left", "right")}
    upright = {f"{move} {way}" for move in ("Pedestal", "Tilt") for way in ("up", "down")}
    rest = {"Push in", "Pull out", "Zoom in", "Zoom out", "Shake", "Tracking shot", "Static shot"}
    assert sorted(minimax.COMMANDS.values()) == sorted(sideways | upright | rest)
    assert len(minimax.COMMANDS) == 15


def test_what_hailuo_cannot_express_is_told(compile_it: Callable[..., Compiled]) -> None:
    prompt = at(compile_it("A street without people", reference_images=(PICTURE,), seed=7), "minimax")
    assert "No people" in prompt.prompt
    assert prompt.negative_prompt == ""
    told = " ".join(prompt.warnings)
    for word in ("no negative prompt", "no seed", "aspect ratio follows the image", "Renders 6 s"):
        assert word in told


def test_hailuo_is_passed_over_for_sound(compile_it: Callable[..., Compiled]) -> None:
    passed_over = {item.model: item.code for item in compile_it("a cup", audio=True).unsuitable}
    assert passed_over["MiniMax-Hailuo-2.3"] == passed_over["MiniMax-Hailuo-02"] == "limit.audio"
    assert passed_over["pika-v2.2"] == "limit.audio"


def test_hailuos_tall_and_small_clips_need_a_picture(compile_it: Callable[..., Compiled]) -> None:
    without = {item.model: item.code for item in compile_it("a cup", aspect_ratio="9:16").unsuitable}
    assert without["MiniMax-Hailuo-2.3"] == without["MiniMax-Hailuo-02"] == "limit.aspect_ratio"
    assert without["MiniMax-Hailuo-2.3-Fast"] == "limit.needs_image"
    tall = compile_it("a cup", aspect_ratio="9:16", resolution="480p", reference_images=(PICTURE,))
    at_hailuo = {prompt.model: prompt.resolution for prompt in tall.prompts if prompt.provider == "minimax"}
    assert at_hailuo == {
        "MiniMax-Hailuo-2.3": "720p",
        "MiniMax-Hailuo-2.3-Fast": "720p",
        "MiniMax-Hailuo-02": "480p",
    }


def test_hailuo_renders_ten_seconds_below_full_resolution_only(compile_it: Callable[..., Compiled]) -> None:
    passed_over = {item.model: item.code for item in compile_it("a cup", duration_s=8, resolution="1080p").unsuitable}
    assert passed_over["MiniMax-Hailuo-2.3"] == "limit.duration"
    assert at(compile_it("a cup", duration_s=8), "minimax").duration_s == 10


def test_pika_has_a_field_for_what_is_excluded(compile_it: Callable[..., Compiled]) -> None:
    prompt = at(compile_it("A street without people, no text, slow pan left"), "pika")
    assert prompt.negative_prompt.startswith("people, text, ")
    assert "people" not in prompt.prompt
    assert "The camera slowly pans left." in prompt.prompt
    assert prompt.warnings == ()
