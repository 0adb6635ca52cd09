from collections.abc import Callable

import msgspec
import pytest
from compiler.domain.compile import Refused
from dailies_contracts import Beat, ReferenceImage, Shot

Refuse = Callable[..., Refused]
VIDEO_FILE = ReferenceImage(uri="s3://b/k", sha256="0" * 64, size_bytes=1, media_type="video/mp4")


@pytest.mark.parametrize("prompt", ["", "   ", "\n\t ", "\u0000\u0007", "no text"])
def test_a_request_that_shows_nothing_is_refused(refused: Refuse, prompt: str) -> None:
    assert refused(prompt).code == "request.prompt_missing"


def test_a_shot_without_a_subject_is_refused(refused: Refuse) -> None:
    for nothing in (" ", ".", "?!"):
        assert refused(shot=Shot(subject=nothing)).code == "request.prompt_missing"


def test_prompt_and_shot_together_are_refused(refused: Refuse) -> None:
    assert refused("a cup", shot=Shot(subject="a cup")).code == "request.prompt_and_shot"


@pytest.mark.parametrize(
    "fields",
    [
        {"duration_s": 61},
        {"duration_s": 0},
        {"aspect_ratio": "21:9"},
        {"prompt": "x" * 4_001},
        {"budget_usd_micros": -1},
    ],
)
def test_values_out_of_range_are_refused_where_no_decoder_stopped_them(
    refused: Refuse, fields: dict[str, object]
) -> None:
    refusal = refused(**({"prompt": "a cup"} | fields))
    assert refusal.code == "request.out_of_range"
    assert refusal.message.startswith("Correct the request: ")


@pytest.mark.parametrize(
    ("beats", "code"),
    [
        ([(2, 1)], "request.beat_times"),
        ([(0, 9)], "request.beat_outside"),
        ([(0, 3), (2, 5)], "request.beats_overlap"),
        ([(3, 5), (0, 2)], "request.beats_overlap"),
    ],
)
def test_beats_that_cannot_be_are_refused(refused: Refuse, beats: list[tuple[float, float]], code: str) -> None:
    shot = Shot(subject="a cup", beats=tuple(Beat(start_s=a, end_s=b, action="it falls") for a, b in beats))
    assert refused(shot=shot, duration_s=5).code == code


def test_an_unknown_preset_is_refused_with_the_known_ones(refused: Refuse) -> None:
    refusal = refused("a cup", style_preset="gothic")
    assert refusal.code == "request.unknown_style_preset"
    assert "cinematic" in refusal.message


def test_an_unknown_vendor_is_refused_with_the_known_ones(refused: Refuse) -> None:
    refusal = refused("a cup", provider="acme")
    assert refusal.code == "request.unknown_provider"
    assert all(name in refusal.message for name in ("kling", "veo"))


def test_a_reference_that_is_no_image_is_refused(refused: Refuse) -> None:
    assert refused("a cup", reference_images=(VIDEO_FILE,)).code == "request.reference_not_image"


@pytest.mark.parametrize(
    ("roles", "told"),
    [
        ((None, "first_frame"), "one first frame at most"),
        (("first_frame", "last_frame", "last_frame"), "one last frame at most"),
        (("last_frame",), "must have a first frame"),
        (("reference", "last_frame"), "must have a first frame"),
    ],
)
def test_images_that_cannot_all_be_what_they_are_said_to_be_are_refused(
    refused: Refuse, roles: tuple[str | None, ...], told: str
) -> None:
    image = msgspec.structs.replace(VIDEO_FILE, media_type="image/png")
    images = tuple(msgspec.structs.replace(image, role=role) for role in roles)
    refusal = refused("a cup", reference_images=images)
    assert refusal.code == "request.image_roles"
    assert told in refusal.message
