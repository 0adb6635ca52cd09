from collections.abc import Callable

import msgspec
import pytest
from compiler.domain.compile import Compiled, compile_request
from compiler.domain.limits import Settings, Unfit, settings_for
from compiler.domain.rules import Rules
from dailies_contracts import CompiledPrompt, ReferenceImage, VideoRequest
from runtime.catalog import Catalog, Model, Pictures

Compile = Callable[..., Compiled]
IMAGE = ReferenceImage(uri="s3://b/k", sha256="0" * 64, size_bytes=1, media_type="image/png")


def model_of(**limits: object) -> Model:
    required = {"tier": "draft", "prompt_max_chars": 100, "quality": 0.5, "latency_s": 1.0, "first_frame": True}
    shape = {"durations_s": (5,), "aspect_ratios": ("16:9",), "resolutions": ("720p",)}
    return Model(name="m", **(required | shape | limits))


def images(*roles: str | None) -> tuple[ReferenceImage, ...]:
    """Give an image for each role, told apart by its bytes."""
    return tuple(msgspec.structs.replace(IMAGE, sha256=str(n) * 64, role=role) for n, role in enumerate(roles))


def of(result: Compiled, provider: str) -> CompiledPrompt:
    return next(prompt for prompt in result.prompts if prompt.provider == provider)


@pytest.mark.parametrize(("asked", "kling", "veo"), [(1, 5, 4), (4, 5, 4), (5, 5, 6), (6, 10, 6), (7, 10, 8)])
def test_the_duration_is_the_vendors_step_at_or_above_what_was_asked(
    compiled: Compile, asked: int, kling: int, veo: int
) -> None:
    result = compiled("a cup", duration_s=asked)
    assert (of(result, "kling").duration_s, of(result, "veo").duration_s) == (kling, veo)


def test_a_rounded_duration_is_reported(compiled: Compile) -> None:
    assert any("Renders 6 s" in warning for warning in of(compiled("a cup", duration_s=5), "veo").warnings)


def test_a_resolution_may_narrow_the_durations(compiled: Compile) -> None:
    assert of(compiled("a cup", duration_s=5, resolution="1080p"), "veo").duration_s == 8


def test_a_resolution_below_the_vendors_lowest_is_raised_and_reported(compiled: Compile) -> None:
    prompt = of(compiled("a cup", resolution="480p"), "kling")
    assert prompt.resolution == "720p"
    assert any("Renders 720p" in warning for warning in prompt.warnings)


def test_sound_may_raise_the_resolution(compiled: Compile) -> None:
    prompt = of(compiled("a cup", audio=True, resolution="720p"), "kling")
    assert (prompt.model, prompt.resolution, prompt.audio) == ("kling-2.6", "1080p", True)


@pytest.mark.parametrize(
    ("fields", "unsuitable"),
    [
        ({"duration_s": 60}, {"kling": "limit.duration", "veo": "limit.duration"}),
        ({"duration_s": 9}, {"veo": "limit.duration"}),
        ({"aspect_ratio": "1:1"}, {"veo": "limit.aspect_ratio"}),
        ({"resolution": "4k"}, {"kling": "limit.resolution"}),
    ],
)
def test_hard_limits_rule_a_vendor_out_with_a_reason(
    compiled: Compile, fields: dict[str, object], unsuitable: dict[str, str]
) -> None:
    result = compiled("a cup", **fields)
    found = {item.provider: item.code for item in result.unsuitable if item.provider in ("kling", "veo")}
    assert found == unsuitable
    assert all(item.model in item.reason for item in result.unsuitable)


def test_a_model_without_sound_is_ruled_out_for_sound(compiled: Compile) -> None:
    silent = {item.model: item.code for item in compiled("a cup", audio=True).unsuitable}
    assert silent["kling-2.5-turbo"] == "limit.audio"
    assert "kling-2.6" not in silent


def test_a_model_that_takes_no_image_is_ruled_out_for_references(catalog: Catalog, rules: Rules) -> None:
    veo = catalog.vendor("veo")
    blind = tuple(msgspec.structs.replace(model, first_frame=False) for model in veo.model)
    changed = msgspec.structs.replace(catalog, provider=(msgspec.structs.replace(veo, model=blind),))
    result = compile_request(VideoRequest(prompt="a cup", reference_images=(IMAGE,)), changed, rules)
    assert isinstance(result, Compiled)
    assert {item.code for item in result.unsuitable} == {"limit.reference_image"}


def test_a_vendor_without_a_dialect_is_ruled_out(catalog: Catalog, rules: Rules) -> None:
    stranger = msgspec.structs.replace(catalog.vendor("veo"), name="stranger")
    changed = msgspec.structs.replace(catalog, provider=(stranger,))
    result = compile_request(VideoRequest(prompt="a cup"), changed, rules)
    assert isinstance(result, Compiled)
    assert {item.code for item in result.unsuitable} == {"dialect.missing"}


def test_what_a_vendor_cannot_take_is_reported(compiled: Compile) -> None:
    result = compiled("a cup", seed=7, reference_images=(IMAGE, IMAGE))
    kling, veo = (" ".join(of(result, name).warnings) for name in ("kling", "veo"))
    assert "Takes no seed" in kling
    assert "seed" not in veo
    assert "no reference images: image 2 is left out" in kling
    assert "aspect ratio follows the image" in kling


@pytest.mark.parametrize("max_chars", [20, 80, 200, 400])
def test_a_prompt_is_shortened_to_the_vendors_length_and_says_so(
    catalog: Catalog, rules: Rules, max_chars: int
) -> None:
    provider = tuple(
        msgspec.structs.replace(
            vendor, model=tuple(msgspec.structs.replace(m, prompt_max_chars=max_chars) for m in vendor.model)
        )
        for vendor in catalog.provider
    )
    prompt = "A ceramic cup stands on a walnut desk. " + "Morning light falls on it through the window. " * 20
    result = compile_request(VideoRequest(prompt=prompt), msgspec.structs.replace(catalog, provider=provider), rules)
    assert isinstance(result, Compiled)
    for item in result.prompts:
        assert len(item.prompt) <= max_chars
        assert item.prompt.startswith("A ceramic cup"[: max_chars - 1])
        assert item.prompt.split()[-1].strip(".") in prompt
        assert any("to fit" in warning for warning in item.warnings)


def test_what_the_client_excluded_outlives_what_the_preset_added(catalog: Catalog, rules: Rules) -> None:
    kling = catalog.vendor("kling")
    short = tuple(msgspec.structs.replace(model, prompt_max_chars=90) for model in kling.model)
    changed = msgspec.structs.replace(catalog, provider=(msgspec.structs.replace(kling, model=short),))
    result = compile_request(VideoRequest(prompt="A cup on a desk, slow dolly-in, no text"), changed, rules)
    assert isinstance(result, Compiled)
    assert result.prompts[0].prompt == "A cup on a desk. The camera slowly dollies in. No text."


def test_a_model_that_renders_from_a_picture_only_says_so() -> None:
    model = model_of(needs_first_frame=True)
    assert settings_for(VideoRequest(prompt="a cup"), model) == Unfit(
        "limit.needs_image", "m renders from a first frame only."
    )
    assert isinstance(settings_for(VideoRequest(prompt="a cup", reference_images=(IMAGE,)), model), Settings)


def test_a_picture_may_decide_the_shape_and_open_a_resolution() -> None:
    model = model_of(aspect_from_frame=True, first_frame_resolutions=("480p",))
    wanted = {"prompt": "a cup", "aspect_ratio": "9:16", "resolution": "480p"}
    assert settings_for(VideoRequest(**wanted), model).code == "limit.aspect_ratio"
    chosen = settings_for(VideoRequest(**wanted, reference_images=(IMAGE,)), model)
    assert (chosen.resolution, chosen.warnings) == ("480p", ())


def test_a_picture_may_open_a_shape() -> None:
    model = model_of(first_frame_aspect_ratios=("1:1",))
    wanted = {"prompt": "a cup", "aspect_ratio": "1:1"}
    assert settings_for(VideoRequest(**wanted), model).code == "limit.aspect_ratio"
    assert settings_for(VideoRequest(**wanted, reference_images=(IMAGE,)), model).aspect_ratio == "1:1"


FIRST_AND_LAST = (None, "last_frame")


def test_a_model_that_takes_no_last_frame_is_passed_over_for_one() -> None:
    request = VideoRequest(prompt="a cup", reference_images=images(*FIRST_AND_LAST))
    assert settings_for(request, model_of()) == Unfit("limit.last_frame", "m takes no last frame.")
    assert isinstance(settings_for(request, model_of(last_frame=Pictures())), Settings)


def test_a_last_frame_may_need_a_length_and_a_resolution_of_its_own() -> None:
    model = model_of(
        durations_s=(4, 6, 8),
        resolutions=("720p", "1080p"),
        last_frame=Pictures(durations_s=(8,), resolutions=("1080p",)),
    )
    asked = {"prompt": "a cup", "duration_s": 5}
    without = settings_for(VideoRequest(**asked, reference_images=images(None)), model)
    between = settings_for(VideoRequest(**asked, reference_images=images(*FIRST_AND_LAST)), model)
    assert (without.duration_s, without.resolution) == (6, "720p")
    assert (between.duration_s, between.resolution) == (8, "1080p")
    assert [warning.split(",")[0] for warning in between.warnings] == ["Renders 8 s", "Renders 1080p"]


def test_a_model_may_render_no_sound_with_a_last_frame() -> None:
    model = model_of(audio_resolutions=("720p",), last_frame=Pictures(audio=False))
    asked = {"prompt": "a cup", "audio": True}
    assert isinstance(settings_for(VideoRequest(**asked, reference_images=images(None)), model), Settings)
    assert settings_for(VideoRequest(**asked, reference_images=images(*FIRST_AND_LAST)), model) == Unfit(
        "limit.audio", "m renders no sound with these images."
    )


def test_a_model_that_takes_no_references_is_passed_over_where_there_is_no_first_frame() -> None:
    request = VideoRequest(prompt="a cup", reference_images=images("reference"))
    assert settings_for(request, model_of()) == Unfit("limit.reference_image", "m takes no reference images.")
    assert isinstance(settings_for(request, model_of(references=Pictures())), Settings)
    needy = model_of(references=Pictures(), needs_first_frame=True)
    assert settings_for(request, needy) == Unfit("limit.needs_image", "m renders from a first frame only.")


@pytest.mark.parametrize(
    ("roles", "n_sent", "told"),
    [
        (("reference", "reference"), 2, ""),
        (("reference",) * 4, 3, "Takes 3 reference images at most: image 4 is left out."),
        (
            (None, "last_frame", "reference", "reference"),
            0,
            "Takes no reference images together with a first frame: images 3, 4 are left out.",
        ),
    ],
)
def test_references_that_a_model_cannot_take_are_left_out_and_named(
    catalog: Catalog, rules: Rules, roles: tuple[str | None, ...], n_sent: int, told: str
) -> None:
    veo = catalog.vendor("veo")
    able = tuple(
        msgspec.structs.replace(each, last_frame=Pictures(), references=Pictures(at_most=3)) for each in veo.model
    )
    changed = msgspec.structs.replace(catalog, provider=(msgspec.structs.replace(veo, model=able),))
    asked = images(*roles)
    result = compile_request(VideoRequest(prompt="a cup", reference_images=asked), changed, rules)
    assert isinstance(result, Compiled)
    for prompt in result.prompts:
        assert prompt.references == tuple(image.stored for image in asked[:n_sent])
        assert [warning for warning in prompt.warnings if "left out" in warning] == [told] * bool(told)
    ends = next((image.stored for image in asked if image.role == "last_frame"), None)
    assert [prompt.last_frame for prompt in result.prompts] == [ends] * len(result.prompts)


def test_which_models_take_a_last_frame_and_which_take_references(every_vendor: Catalog, rules: Rules) -> None:
    def compiled(*roles: str | None, **fields: object) -> Compiled:
        request = VideoRequest(prompt="a cup", reference_images=images(*roles), **fields)
        result = compile_request(request, every_vendor, rules)
        assert isinstance(result, Compiled)
        return result

    between = compiled(*FIRST_AND_LAST)
    assert {(x.model, x.resolution, x.duration_s) for x in between.prompts} == {
        ("kling-2.6", "1080p", 5),
        ("veo-3.1-fast-generate-001", "720p", 8),
        ("veo-3.1-generate-001", "720p", 8),
        ("pika-v2.2", "720p", 5),
        ("ray-flash-2", "720p", 5),
        ("ray-2", "720p", 5),
        ("MiniMax-Hailuo-02", "720p", 6),
    }
    passed_over = {item.model: item.code for item in between.unsuitable}
    assert passed_over["gen4.5"] == passed_over["kling-2.5-turbo"] == "limit.last_frame"
    shown = compiled("reference", "reference")
    assert [(x.model, x.duration_s, len(x.references)) for x in shown.prompts] == [("veo-3.1-generate-001", 8, 2)]
    sounding = compiled(*FIRST_AND_LAST, audio=True)
    assert {x.provider for x in sounding.prompts} == {"veo"}
