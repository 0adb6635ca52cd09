import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from compiler.adapters.rule_files import load_rules
from compiler.domain.compile import COMPILER_VERSION, Compiled, Refused, compile_request
from compiler.domain.rules import Rules
from dailies_contracts import Beat, ReferenceImage, Shot, VideoRequest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from runtime.catalog import Catalog, load_catalog

Compile = Callable[..., Compiled]
RULES = load_rules()
CATALOG = load_catalog(Path(__file__).parents[3] / "deploy" / "catalog.toml")
UNHURRIED = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])

CLAUSES = [
    "a ceramic cup on a walnut desk", "morning light", "slow dolly-in", "no text", "without people", "cinematic",
    "then it falls", "first 2 s a door opens", "steam rises", "same cup throughout", "the camera orbits",
    'he says "no"', "in a dark forest", "which glows", "after 3 seconds the camera pulls back", "a fox runs",
    "35mm film", "golden hour",
]  # fmt: skip
prompts = st.one_of(
    st.text(max_size=300),
    st.lists(st.sampled_from(CLAUSES), min_size=1, max_size=12).map(", ".join),
    st.lists(st.sampled_from(CLAUSES), min_size=1, max_size=12).map(". ".join),
)
images = st.builds(
    ReferenceImage,
    uri=st.just("s3://b/k"),
    sha256=st.just("0" * 64),
    size_bytes=st.just(1),
    media_type=st.just("image/png"),
    role=st.sampled_from([None, "first_frame", "last_frame", "reference"]),
)


@st.composite
def beats(draw: st.DrawFn) -> tuple[Beat, ...]:
    times = sorted(draw(st.sets(st.integers(0, 60), max_size=6)))
    return tuple(
        Beat(start_s=float(a), end_s=float(b), action=draw(st.text(min_size=1, max_size=40)))
        for a, b in pairwise(times)
    )


shots = st.builds(
    Shot,
    subject=st.text(min_size=1, max_size=60),
    scene=st.text(max_size=60),
    camera=st.sampled_from(["", "slow orbit", "whatever comes"]),
    motion=st.text(max_size=60),
    beats=beats(),
    style=st.text(max_size=30),
    continuity=st.text(max_size=30),
    negative=st.lists(st.text(min_size=1, max_size=20), max_size=5).map(tuple),
)
common: dict[str, Any] = {
    "duration_s": st.integers(1, 60),
    "aspect_ratio": st.sampled_from(["16:9", "9:16", "1:1"]),
    "resolution": st.sampled_from(["480p", "720p", "1080p", "4k"]),
    "audio": st.booleans(),
    "seed": st.none() | st.integers(0, 2**32 - 1),
    "style_preset": st.sampled_from(["", "cinematic", "product"]),
    "reference_images": st.lists(images, max_size=5).map(tuple),
}
requests = st.one_of(st.builds(VideoRequest, prompt=prompts, **common), st.builds(VideoRequest, shot=shots, **common))


@given(request=requests)
@UNHURRIED
def test_any_request_is_answered_for_every_model_within_its_limits(request: VideoRequest) -> None:
    result = compile_request(request, CATALOG, RULES)
    if isinstance(result, Refused):
        assert result.code
        assert result.message
        return
    answered = [(x.provider, x.model) for x in (*result.prompts, *result.unsuitable)]
    assert sorted(answered) == sorted((x.provider.name, x.model.name) for x in CATALOG.listings())
    for prompt in result.prompts:
        listing = CATALOG.find(prompt.provider, prompt.model)
        assert listing is not None
        assert 0 < len(prompt.prompt) <= listing.model.prompt_max_chars
        assert len(prompt.negative_prompt) <= listing.model.prompt_max_chars
        assert prompt.duration_s >= request.duration_s
        ordered = listing.model.ordered_as(prompt)
        assert prompt.duration_s in ordered.durations_at(prompt.resolution)
        assert ordered.price_usd_micros(duration_s=prompt.duration_s, resolution=prompt.resolution, audio=prompt.audio)
        assert 0 < len(prompt.score_prompt) <= 300
        assert prompt.last_frame == request.last_frame
        n_left_out = len(request.images_as("reference")) - len(prompt.references)
        assert bool(n_left_out) == any("left out" in warning and "image" in warning for warning in prompt.warnings)


@given(request=requests)
@UNHURRIED
def test_the_same_request_and_version_give_the_same_bytes(request: VideoRequest) -> None:
    again = msgspec.json.decode(msgspec.json.encode(request), type=VideoRequest)
    first, second = (msgspec.json.encode(compile_request(x, CATALOG, RULES)) for x in (request, again))
    assert first == second


def test_another_process_with_another_hash_seed_gives_the_same_bytes() -> None:
    code = (
        "import sys, hashlib, msgspec; from pathlib import Path; from dailies_contracts import VideoRequest;"
        "from runtime.catalog import load_catalog; from compiler.adapters.rule_files import load_rules;"
        "from compiler.domain.compile import compile_request;"
        "r = VideoRequest(prompt='A cup, no people, slow pan, then it falls', metadata={'b': '1', 'a': '2'});"
        "print(hashlib.sha256(msgspec.json.encode("
        "compile_request(r, load_catalog(Path(sys.argv[1])), load_rules()))).hexdigest())"
    )
    catalog = Path(__file__).parents[3] / "deploy" / "catalog.toml"
    digests = {
        subprocess.run(  # noqa: S603  # our own code
            [sys.executable, "-c", code, str(catalog)],
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


@given(clauses=st.lists(st.sampled_from(CLAUSES), min_size=1, max_size=8))
@UNHURRIED
def test_no_word_that_shows_something_is_lost(clauses: list[str]) -> None:
    result = compile_request(VideoRequest(prompt=", ".join(["a lighthouse", *clauses])), CATALOG, RULES)
    assert isinstance(result, Compiled)
    shown = ["ceramic", "walnut", "morning", "steam", "golden", "forest", "glows", "lighthouse", "35mm", "door"]
    for prompt in (x for x in result.prompts if not any("fit" in warning for warning in x.warnings)):
        told = prompt.prompt.lower()
        assert all(word in told for word in shown if any(word in clause for clause in [*clauses, "a lighthouse"]))


def test_the_fingerprint_ignores_who_asks_and_what_it_may_cost(compiled: Compile) -> None:
    plain = compiled("a cup")
    assert compiled("a cup", budget_usd_micros=5, metadata={"a": "b"}, review=True).fingerprint == plain.fingerprint
    assert compiled("a  cup ").fingerprint == plain.fingerprint


@pytest.mark.parametrize(
    "fields", [{"seed": 1}, {"duration_s": 6}, {"aspect_ratio": "9:16"}, {"style_preset": "cinematic"}, {"audio": True}]
)
def test_the_fingerprint_changes_with_what_is_seen(compiled: Compile, fields: dict[str, Any]) -> None:
    assert compiled("a cup", **fields).fingerprint != compiled("a cup").fingerprint


def test_the_fingerprint_changes_with_the_version(rules: Rules, catalog: Catalog) -> None:
    request = VideoRequest(prompt="a cup")
    results = [compile_request(request, catalog, rules, version) for version in (COMPILER_VERSION, "0.0.0")]
    assert len({x.fingerprint for x in results if isinstance(x, Compiled)}) == 2


def test_the_version_names_the_rules(compiled: Compile, rules: Rules) -> None:
    assert compiled("a cup").compiler_version == f"{COMPILER_VERSION}+rules.{rules.digest}"


FROZEN = [
    "A ceramic cup on a walnut desk, slow dolly-in, morning light",
    "First 2 s a fox stands in the snow, then it runs to the right, no text, without people, same fox throughout",
    "Slow pan across a quiet lake at dawn, cinematic, mist rising",
]


def test_a_change_of_the_compiler_raises_its_version(compiled: Compile) -> None:
    """Change this digest only together with COMPILER_VERSION, unless the rule files alone changed."""
    told = [
        [each for each in compiled(prompt, style_preset=preset).prompts if each.provider in ("kling", "veo")]
        for prompt in FROZEN
        for preset in ("", "product")
    ]
    digest = hashlib.sha256(msgspec.json.encode([COMPILER_VERSION, told])).hexdigest()
    assert digest[:16] == "3bbc7518b101cbb5"


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("A ceramic cup on a walnut desk", "object.static"),
        ("A ceramic cup on a walnut desk, slow dolly-in", "object.camera"),
        ("A fox runs through the snow", "animal.action"),
        ("A woman walks her dog", "person.action"),
        ("Waves on a beach at night", "nature.static"),
        ("Drone shot over a city", "place.camera"),
        ("Something abstract and blue", "other.static"),
    ],
)
def test_prompts_are_classed_by_subject_and_motion(compiled: Compile, prompt: str, expected: str) -> None:
    assert compiled(prompt).prompt_class == expected
