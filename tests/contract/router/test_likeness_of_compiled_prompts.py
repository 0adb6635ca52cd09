"""What the prompt cache takes for the same request, on prompts as the compiler writes them."""

from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest
from compiler.adapters.rule_files import load_rules
from compiler.domain.compile import COMPILER_VERSION, Compiled, compile_request
from dailies_contracts import PromptCompiled, ReferenceImage, VideoRequest
from router.domain.likeness import Likeness, likeness_of, similarity
from runtime.catalog import load_catalog
from testkit.builders import JOB, NOW, TENANT

CATALOG = load_catalog(Path(__file__).parents[3] / "deploy" / "catalog.toml")
THRESHOLD = CATALOG.policy.reuse.similarity
POTTER = (
    "A potter shapes a clay bowl on a wheel in a sunlit studio, dust in the air, warm light from the left window, "
    "wooden shelves full of pots behind her, a black cat sleeps on a chair, soft focus background, calm mood"
)
PICTURE = ReferenceImage(uri="s3://dailies/uploads/acme/a.png", sha256="a" * 64, size_bytes=9, media_type="image/png")
OTHER_PICTURE = ReferenceImage(
    uri="s3://dailies/uploads/acme/b.png", sha256="b" * 64, size_bytes=9, media_type="image/png"
)
rules = cache(load_rules)


def seen(prompt: str, *, version: str = COMPILER_VERSION, **fields: Any) -> Likeness:
    request = VideoRequest(prompt=prompt, **fields)
    compiled = compile_request(request, CATALOG, rules(), version)
    assert isinstance(compiled, Compiled)
    return likeness_of(request, PromptCompiled(job_id=JOB, tenant_id=TENANT, occurred_at=NOW, **compiled._asdict()))


def is_near(one: Likeness, other: Likeness) -> bool:
    return one.near == other.near and similarity(one.signature, other.signature) >= THRESHOLD


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A red ball on a table", "a red ball on the table."),
        ("A red ball on a table", "Red ball on table!"),
        ("A red ball on a table", "A  red\nball on a  table"),
        (
            "A red kite over a beach at sunset, slow pan left",
            "A red kite over the beach at sunset; slow pan to the left",
        ),
        ("A dog is running through a garden", "A dog running through the garden"),
        (POTTER, POTTER.replace("in a sunlit studio", "in the sunlit studio").replace(", calm", " and calm")),
    ],
)
def test_the_same_in_nearly_the_same_words_is_near(one: str, other: str) -> None:
    assert is_near(seen(one), seen(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A red ball on a table", "A blue ball on a table"),
        ("A red ball on a table", "A red ball under a table"),
        ("A red kite over a beach", "Two red kites over a beach"),
        ("A kite over a beach", "Kites over a beach"),
        ("A dog chases a cat through a garden", "A cat chases a dog through a garden"),
        ("A beach with people, waves", "A beach without people, waves"),
        ("People on a beach", "A beach. No people"),
        ("A red kite over a beach, slow pan left", "A red kite over a beach, slow pan right"),
        (POTTER, POTTER.replace("black cat", "white cat")),
        (POTTER, POTTER.replace("left window", "right window")),
        (POTTER, POTTER.replace("sleeps on a chair", "sleeps on a chair, no dust")),
    ],
)
def test_what_shows_something_else_is_not_near_however_alike_it_reads(one: str, other: str) -> None:
    assert not is_near(seen(one), seen(other))
    assert seen(one).exact != seen(other).exact


def test_likeness_alone_would_take_a_white_cat_for_a_black_one() -> None:
    black, white = seen(POTTER), seen(POTTER.replace("black cat", "white cat"))
    assert similarity(black.signature, white.signature) >= THRESHOLD
    assert black.near != white.near


@pytest.mark.parametrize(
    "fields",
    [
        {"seed": 7},
        {"quality": "premium"},
        {"duration_s": 6},
        {"aspect_ratio": "9:16"},
        {"resolution": "1080p"},
        {"audio": True},
        {"style_preset": "product"},
        {"provider": "kling"},
        {"allow_providers": ("kling", "veo")},
        {"deny_providers": ("pika",)},
        {"use_case": "social"},
        {"allow_lower_tier": False},
        {"reference_images": (PICTURE,)},
        {"version": "9.9.9"},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_every_parameter_counts(fields: dict[str, Any]) -> None:
    plain, other = seen("A red ball on a table"), seen("A red ball on a table", **fields)
    assert plain.exact != other.exact
    assert plain.near != other.near


def test_pictures_count_by_what_they_show_not_by_where_they_lie() -> None:
    elsewhere = ReferenceImage(
        uri="s3://dailies/uploads/other/c.png", sha256="a" * 64, size_bytes=9, media_type="image/png"
    )
    one = seen("A red ball", reference_images=(PICTURE,))
    assert one == seen("A red ball", reference_images=(elsewhere,))
    assert one.exact != seen("A red ball", reference_images=(OTHER_PICTURE,)).exact


def test_pictures_count_by_what_they_are_to_the_clip() -> None:
    ends = seen("A red ball", reference_images=(PICTURE, msgspec.structs.replace(OTHER_PICTURE, role="last_frame")))
    shows = seen("A red ball", reference_images=(PICTURE, msgspec.structs.replace(OTHER_PICTURE, role="reference")))
    assert ends.exact != shows.exact
    assert ends.near != shows.near
    assert shows == seen("A red ball", reference_images=(PICTURE, OTHER_PICTURE))


def test_who_asks_and_what_it_may_cost_does_not_count() -> None:
    asked = seen(
        "A red ball",
        metadata={"campaign": "spring"},
        webhook_url="https://example.com/hook",
        budget_usd_micros=5,
        deadline_s=600,
        review=True,
        reuse="near",
    )
    assert asked == seen("A red ball")


def test_a_beat_that_comes_at_another_time_is_not_near() -> None:
    early = seen("0-2s: the cup stands empty. 2-6s: tea is poured.", duration_s=6)
    late = seen("0-4s: the cup stands empty. 4-6s: tea is poured.", duration_s=6)
    assert not is_near(early, late)
