"""The whole pipeline, pure: request and catalogue in, one prompt per vendor and model out, or a refusal.

check → read → policy → brief → for each model: limits → dialect → fit. Called by `handlers.py`; the same request,
rules, catalogue and version give the same bytes.
"""

import hashlib
from typing import Any, NamedTuple

import msgspec
from dailies_contracts import CompiledPrompt, Shot, Unsuitable, VideoRequest, roles_of
from runtime.catalog import Catalog, Listing, Model

from compiler.domain.ask import ask_of
from compiler.domain.brief import Brief, Briefed, brief_of
from compiler.domain.checks import find_fault
from compiler.domain.dialects import DIALECTS
from compiler.domain.kinds import prompt_class
from compiler.domain.limits import Settings, Unfit, references_for, settings_for
from compiler.domain.parse import Parsed, parse
from compiler.domain.policy import check_policy
from compiler.domain.rules import Rules
from compiler.domain.softening import soften
from compiler.domain.text import normalize, sentence, shorten
from compiler.domain.writing import Written, describe, fit

COMPILER_VERSION = "1.2.0"
"""Raised with every change of the code that changes a prompt; the rule files add their own digest to it."""
SCORE_PROMPT_MAX_CHARS = 300
"""CLIP reads 77 tokens; what comes later is not looked at."""
REFUSED = "prompt.refused"
MAX_BASIC = 0xFFFF


class Compiled(NamedTuple):
    """The parts of a PromptCompiled."""

    compiler_version: str
    fingerprint: str
    prompt_class: str
    prompts: tuple[CompiledPrompt, ...]
    unsuitable: tuple[Unsuitable, ...]
    warnings: tuple[str, ...]


class Refused(NamedTuple):
    """The parts of a JobFailed.

    Attributes:
        code: `prompt.refused`, or `request.…` where the request itself is wrong.
        reason: Normalised reason of a policy refusal; empty otherwise.
        message: A sentence that says what to change.
    """

    code: str
    message: str
    reason: str = ""


def version_of(rules: Rules, version: str = COMPILER_VERSION) -> str:
    """Name code and rules together, for example `1.0.0+rules.1a2b3c4d`."""
    return f"{version}+rules.{rules.digest}"


def compile_request(
    request: VideoRequest, catalog: Catalog, rules: Rules, version: str = COMPILER_VERSION
) -> Compiled | Refused:
    """Compile one request for every model of the catalogue.

    Args:
        request: What the client asks for.
        catalog: The models and their limits.
        rules: Vocabulary, presets and policy.
        version: Of the code.

    Returns:
        For each model either a prompt or the reason why it cannot serve the request; or one refusal.
    """
    vendors = [provider.name for provider in catalog.provider]
    fault = find_fault(request, presets=rules.presets, providers=vendors)
    if fault is not None:
        return Refused(fault.code, fault.message)
    parsed = read_shot(request, rules)
    if not any(char.isalnum() for char in parsed.shot.subject):
        return Refused("request.prompt_missing", "Say what the video shows: the prompt only says what to leave out.")
    refusal = check_policy(parsed.shot, rules.policy)
    if refusal is not None:
        return Refused(REFUSED, f"{refusal.message} Change the prompt and send it as a new job.", refusal.reason)
    preset = rules.presets[request.style_preset or rules.default_preset]
    briefed = brief_of(parsed.shot, preset, rules.vocabulary, duration_s=request.duration_s)
    return _compile_all(request, catalog, rules, Briefed(briefed.brief, parsed.warnings + briefed.warnings), version)


def read_shot(request: VideoRequest, rules: Rules) -> Parsed:
    """Give the request's shot: the structured one as it is, or the free text parsed."""
    if request.shot is not None:
        return Parsed(request.shot)
    return parse(request.prompt, rules.vocabulary, duration_s=request.duration_s)


def score_prompt(brief: Brief) -> str:
    """Say what should be seen, without camera, exclusions, preset or vendor dialect."""
    told = " ".join(sentence(beat.action) for beat in brief.beats) if brief.told_by_beats else ""
    text = " ".join(part for part in (told, describe(brief)) if part)
    return shorten(text, SCORE_PROMPT_MAX_CHARS)


def _compile_all(request: VideoRequest, catalog: Catalog, rules: Rules, briefed: Briefed, version: str) -> Compiled:
    prompts: list[CompiledPrompt] = []
    unsuitable: list[Unsuitable] = []
    for listing in catalog.listings():
        answer = _compile_one(request, listing, rules, briefed.brief)
        (prompts if isinstance(answer, CompiledPrompt) else unsuitable).append(answer)  # type: ignore[arg-type]
    full_version = version_of(rules, version)
    return Compiled(
        compiler_version=full_version,
        fingerprint=_fingerprint(request, full_version, prompts),
        prompt_class=prompt_class(briefed.brief, rules.vocabulary),
        prompts=tuple(prompts),
        unsuitable=tuple(unsuitable),
        warnings=briefed.warnings,
    )


def _compile_one(request: VideoRequest, listing: Listing, rules: Rules, brief: Brief) -> CompiledPrompt | Unsuitable:
    provider, model = listing
    dialect = DIALECTS.get(provider.dialect or provider.name)
    if dialect is None:
        return _unsuitable(listing, Unfit("dialect.missing", f"The compiler has no dialect for {provider.name}."))
    settings = settings_for(request, model)
    if isinstance(settings, Unfit):
        return _unsuitable(listing, settings)
    stretched = _stretch(brief, request.duration_s, settings.duration_s)
    written = dialect(stretched, request, model, people=rules.vocabulary.people)
    compiled = _prompt(request, listing, settings, written, score=score_prompt(brief))
    softer = soften(compiled.prompt, rules.softer, max_chars=model.prompt_max_chars)
    return msgspec.structs.replace(compiled, softer_prompt=softer, ask=ask_of(stretched, settings))


def _prompt(
    request: VideoRequest, listing: Listing, settings: Settings, written: Written, *, score: str
) -> CompiledPrompt:
    # A vendor may count UTF-16 units (Runway does): then a character beyond the basic plane is two of them.
    n_pairs = sum(ord(char) > MAX_BASIC for line in written.lines for char in line.text)
    max_chars = max(1, listing.model.prompt_max_chars - n_pairs)
    fitted = fit(written.lines, max_chars=max_chars)
    negative = shorten(written.negative, max_chars)
    cut = ("The negative prompt was shortened.",) if negative != written.negative else ()
    return CompiledPrompt(
        provider=listing.provider.name,
        model=listing.model.name,
        prompt=fitted.text,
        score_prompt=score,
        duration_s=settings.duration_s,
        aspect_ratio=settings.aspect_ratio,
        resolution=settings.resolution,
        negative_prompt=negative,
        audio=settings.audio,
        camera=written.camera,
        parameters=dict(sorted(written.parameters.items())),
        last_frame=request.last_frame,
        references=references_for(request, listing.model),
        warnings=(*settings.warnings, *written.warnings, *fitted.warnings, *cut, *_unexpressed(request, listing)),
    )


def _unexpressed(request: VideoRequest, listing: Listing) -> tuple[str, ...]:
    warnings = []
    if request.seed is not None and not listing.model.seed:
        warnings.append("Takes no seed: the clip cannot be reproduced.")
    asked = [
        str(place) for place, role in enumerate(roles_of(request.reference_images), start=1) if role == "reference"
    ]
    left_out = asked[len(references_for(request, listing.model)) :]
    if left_out:
        images = f"image {left_out[0]} is" if len(left_out) == 1 else f"images {', '.join(left_out)} are"
        warnings.append(f"{_what_it_takes(request, listing.model)}: {images} left out.")
    return tuple(warnings)


def _what_it_takes(request: VideoRequest, model: Model) -> str:
    if model.references is None:
        return "Takes no reference images"
    if request.first_frame is not None:
        return "Takes no reference images together with a first frame"
    return f"Takes {model.references.at_most} reference images at most"


def _stretch(brief: Brief, asked_s: int, rendered_s: int) -> Brief:
    """Let the last beat go on to the end of a clip that is longer than asked for."""
    if not brief.beats or rendered_s <= asked_s or brief.beats[-1].end_s < asked_s:
        return brief
    last = msgspec.structs.replace(brief.beats[-1], end_s=float(rendered_s))
    told = brief.told_by_beats
    stretched = brief._replace(beats=(*brief.beats[:-1], last))
    return stretched if stretched.told_by_beats == told else brief


def _unsuitable(listing: Listing, unfit: Unfit) -> Unsuitable:
    return Unsuitable(provider=listing.provider.name, model=listing.model.name, code=unfit.code, reason=unfit.reason)


def _fingerprint(request: VideoRequest, version: str, prompts: list[CompiledPrompt]) -> str:
    """Digest what decides how the clip looks; who asked, where to report and what it may cost are left out."""
    looks: dict[str, Any] = {
        "prompt": normalize(request.prompt),
        "shot": request.shot if request.shot is not None else Shot(subject=""),
        "duration_s": request.duration_s,
        "aspect_ratio": request.aspect_ratio,
        "resolution": request.resolution,
        "reference_images": [image.sha256 for image in request.reference_images],
        "image_roles": roles_of(request.reference_images),
        "audio": request.audio,
        "seed": request.seed,
        "style_preset": request.style_preset,
    }
    # Which of the images a model is sent follows from what is digested already; where they are stored does not count.
    sent = [msgspec.structs.replace(prompt, last_frame=None, references=()) for prompt in prompts]
    canonical = msgspec.json.encode([looks, version, sent], order="sorted")
    return hashlib.sha256(canonical).hexdigest()
