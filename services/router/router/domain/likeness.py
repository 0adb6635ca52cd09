"""How alike two requests are: equal by fingerprint, nearly so by MinHash over normalised compiled prompts. Pure.

Compiled prompts share most of their words with each other (presets, exclusions), so that likeness alone would take red
for blue (docs/decisions/0027-the-prompt-cache.md). Two requests can be nearly equal only where the compiled prompts are
of the same words but for articles, fillers and endings; what likeness then measures is their order.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any

import msgspec
from dailies_contracts import Ask, CompiledPrompt, PromptCompiled, VideoRequest, roles_of
from rensa import RMinHash

N_PERMUTATIONS = 128
"""The estimate scatters by 0.03 at most."""
SHINGLE_WORDS = 3
"""Two words that change places break up to six shingles."""
WEAK_WORDS = frozenset(
    "a an the some there is are was were be being and then also just very really quite please".split()  # noqa: SIM905 (reads better)
)
"""They say nothing of what is seen."""
ENDINGS = (("ing", 6), ("ly", 6), ("ed", 5))
"""Endings that change no picture, and how long a word must be to lose one. A plural is another picture."""
_WORD = re.compile(r"[^\W_]+")
_canonical = msgspec.json.Encoder(order="sorted")


class Likeness(msgspec.Struct, frozen=True, kw_only=True):
    """What of a request decides which earlier clip answers it.

    Attributes:
        exact: Digest of the fingerprint and of what the vendor is chosen by: equal requests have the same.
        near: Digest of everything but the order and the form of the words.
        signature: MinHash of the words in their order, `N_PERMUTATIONS` numbers.
    """

    exact: str
    near: str
    signature: tuple[int, ...]


def likeness_of(request: VideoRequest, compiled: PromptCompiled) -> Likeness:
    """Describe a request by which others it is like.

    Args:
        request: The request. Who asked, where to report and what it may cost do not count.
        compiled: Its compiled prompts.
    """
    choice = (
        request.quality,
        request.provider,
        sorted(request.allow_providers),
        sorted(request.deny_providers),
        request.use_case,
        request.allow_lower_tier,
    )
    frame = (
        choice,
        compiled.compiler_version,
        request.seed,
        request.style_preset,
        images_by_role(request),
        (request.duration_s, request.aspect_ratio, request.resolution, request.audio),
    )
    texts = {
        prompt: words(prompt) for prompt in {f"{each.prompt}\n{each.negative_prompt}" for each in compiled.prompts}
    }
    stems = {text: sorted(map(stem, told)) for text, told in texts.items()}
    parts = [_parts(prompt, stems[f"{prompt.prompt}\n{prompt.negative_prompt}"]) for prompt in compiled.prompts]
    return Likeness(
        exact=_digest(choice, compiled.fingerprint),
        near=_digest(RMinHash.ALGORITHM_VERSION, frame, parts),
        signature=_signature(texts.values()),
    )


def similarity(one: Sequence[int], other: Sequence[int]) -> float:
    """Estimate which share of their shingles two signatures have in common, [0, 1]; 0 where they cannot be compared."""
    if len(one) != len(other) or not one:
        return 0.0
    return sum(a == b for a, b in zip(one, other, strict=True)) / len(one)


def words(text: str) -> list[str]:
    """Give the words of a text in one form, weak ones left out."""
    told = _WORD.findall(unicodedata.normalize("NFKC", text).casefold())
    return [word for word in told if word not in WEAK_WORDS]


def stem(word: str) -> str:
    """Take off an ending that changes no picture."""
    for ending, n_chars in ENDINGS:
        if len(word) >= n_chars and word.endswith(ending):
            return word.removesuffix(ending)
    return word


def images_by_role(request: VideoRequest) -> list[tuple[str, str]]:
    """Name a request's images by role and bytes, wherever they are stored."""
    images = request.reference_images
    return [(role, image.sha256) for role, image in zip(roles_of(images), images, strict=True)]


def _text(prompt: CompiledPrompt) -> str:
    return f"{prompt.prompt}\n{prompt.negative_prompt}"


def _parts(prompt: CompiledPrompt, stems: list[str]) -> tuple[Any, ...]:
    """Give what must be the same of two prompts for one model: parameters and words, but not how the words stand."""
    settings = (prompt.duration_s, prompt.aspect_ratio, prompt.resolution, prompt.audio)
    return prompt.provider, prompt.model, settings, prompt.camera, prompt.parameters, _asked(prompt.ask), stems


def _asked(ask: Ask | None) -> Any:
    """Exclusions and beats are told among the words: what they are told of must be the same."""
    if ask is None:
        return None
    beats = [(beat.start_s, beat.end_s, sorted(map(stem, words(beat.action)))) for beat in ask.beats]
    return ask.camera, ask.moves, sorted(" ".join(map(stem, words(each))) for each in ask.negative), beats


def _signature(texts: Iterable[list[str]]) -> tuple[int, ...]:
    minhash = RMinHash(num_perm=N_PERMUTATIONS, seed=1)
    minhash.update(sorted({shingle for text in texts for shingle in _shingles(text)}))
    return tuple(minhash.digest())


def _shingles(told: list[str]) -> Iterable[str]:
    last = max(1, len(told) - SHINGLE_WORDS + 1)
    return (" ".join(told[start : start + SHINGLE_WORDS]) for start in range(last))


def _digest(*parts: Any) -> str:
    return sha256(_canonical.encode(parts)).hexdigest()
