"""The rights record of a clip: everything that was known about who made it, from what, and how it was judged.

Pure: the same history gives the same bytes. No prompt stands in it: its fingerprint, and the id of the compiled one.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import msgspec
from dailies_contracts import (
    AnyEvent,
    AssetRef,
    ClipReady,
    ClipRequested,
    ClipReused,
    ClipScored,
    CompiledPrompt,
    Event,
    JobCompleted,
    JobRequested,
    Origin,
    PromptCompiled,
    Scores,
    Stage,
    StoredClip,
)
from dailies_contracts.base import Value
from media.layout import clip_key, record_file

SCHEMA = "dailies.rights.v1"
E = TypeVar("E", bound=Event)
_canonical = msgspec.json.Encoder(order="sorted")


class Bytes(Value, frozen=True, kw_only=True, omit_defaults=False):
    """A file of the clip, by its digest."""

    sha256: str
    size_bytes: int
    media_type: str


class PolicyView(Value, frozen=True, kw_only=True, omit_defaults=False):
    """What the policy said about the request.

    Attributes:
        status: `allowed`: the compiler's policy let it pass, else no clip would have been ordered.
        warnings: What the compiler filled in, shortened or could not express.
        rewritten: The vendor got the softer wording, because one refused the first.
    """

    status: str
    warnings: tuple[str, ...]
    rewritten: bool


class RightsRecord(Value, frozen=True, kw_only=True, omit_defaults=False):
    """One version of the record; it never changes, a later one stands beside it.

    Attributes:
        version: 1: judged; 2: delivered.
        model_version: The vendor's own id of the model, which names its version.
        compiled_prompt_id: Digest of the vendor's prompt with its parameters.
        prompt_fingerprint: Of the request and all compiled prompts.
        reference_images: Digests of the images that anchored the look, the draft's frame included.
        licence: Under whose terms it was rendered.
        vendor_manifest: What the vendor's own C2PA manifest told when the file came.
        files: By name; the final and its derivatives once it is delivered.
        reused_from: The clip that was rendered, where this one is a copy of it.
    """

    schema: str = SCHEMA
    version: int
    asset_id: str
    job_id: str
    tenant_id: str
    stage: Stage
    vendor: str
    model: str
    model_version: str
    provider_task_id: str
    prompt_fingerprint: str
    compiled_prompt_id: str
    compiler_version: str
    seed: int | None
    reference_images: tuple[str, ...]
    policy: PolicyView
    scores: Scores | None
    licence: str
    vendor_manifest: dict[str, Any]
    files: dict[str, Bytes]
    requested_at: datetime | None
    ordered_at: datetime
    ready_at: datetime
    scored_at: datetime | None
    delivered_at: datetime | None
    reused_from: Origin | None = None


class Made(NamedTuple):
    """How a clip came about: rendered for its job, or reused.

    Attributes:
        clip: The fact that tells of its file.
        prompt: What the vendor was sent.
        frame: The draft's frame that anchored it.
    """

    clip: StoredClip
    prompt: CompiledPrompt
    ordered_at: datetime
    scores: Scores | None
    scored_at: datetime | None
    seed: int | None
    rewritten: bool = False
    frame: AssetRef | None = None
    origin: Origin | None = None


class Told(NamedTuple):
    """What the log does not know.

    Attributes:
        licence: Of the vendor, from the catalogue.
        vendor_manifest: What reading the source found.
        files: Derivatives, and the final once there is one.
    """

    licence: str
    vendor_manifest: Mapping[str, Any]
    files: Mapping[str, AssetRef]


def rights_of(events: tuple[AnyEvent, ...], clip_id: str, told: Told) -> RightsRecord | None:
    """Write the record of a clip from the facts about its job.

    Returns:
        None where the clip was not ordered, or its file has not come.
    """
    made = _made(events, clip_id)
    if made is None:
        return None
    clip, prompt = made.clip, made.prompt
    requested, compiled = _first(JobRequested, events), _first(PromptCompiled, events)
    completed = _first(JobCompleted, events)
    is_delivered = completed is not None and completed.clip_id == clip_id
    return RightsRecord(
        version=2 if is_delivered else 1,
        asset_id=clip_id,
        job_id=clip.job_id,
        tenant_id=clip.tenant_id,
        stage=clip.stage,
        vendor=clip.provider,
        model=clip.model,
        model_version=clip.model,
        provider_task_id=clip.provider_task_id,
        prompt_fingerprint=compiled.fingerprint if compiled else "",
        compiled_prompt_id=compiled_prompt_id(prompt),
        compiler_version=compiled.compiler_version if compiled else "",
        seed=made.seed,
        reference_images=_references(requested, made),
        policy=PolicyView(status="allowed", warnings=compiled.warnings if compiled else (), rewritten=made.rewritten),
        scores=made.scores,
        licence=told.licence,
        vendor_manifest=dict(told.vendor_manifest),
        files={name: _bytes(ref) for name, ref in {"source": clip.asset, **told.files}.items()},
        requested_at=requested.occurred_at if requested else None,
        ordered_at=made.ordered_at,
        ready_at=clip.occurred_at,
        scored_at=made.scored_at,
        delivered_at=completed.occurred_at if completed and is_delivered else None,
        reused_from=made.origin,
    )


def stored_clip(events: tuple[AnyEvent, ...], clip_id: str) -> StoredClip | None:
    """Give the fact that tells of a clip's file, None where it has not come."""
    return _about(ClipReady, events, clip_id) or _about(ClipReused, events, clip_id)


def prompt_of(events: tuple[AnyEvent, ...], clip: StoredClip) -> CompiledPrompt | None:
    """Give what the vendor of a clip was sent, None where its order is not known."""
    if isinstance(clip, ClipReused):
        return clip.compiled
    ordered = _about(ClipRequested, events, clip.clip_id)
    return ordered.prompt if ordered else None


def record_bytes(record: RightsRecord) -> bytes:
    """Write a record as the file that is stored."""
    return msgspec.json.format(_canonical.encode(record), indent=1) + b"\n"


def record_keys(job_id: str, clip_id: str) -> tuple[str, ...]:
    """Name every version of a clip's record in the store."""
    return tuple(clip_key(job_id, clip_id, record_file(version)) for version in (1, 2))


def compiled_prompt_id(prompt: CompiledPrompt) -> str:
    """Name a compiled prompt by the digest of all its parts."""
    return f"prompt_{hashlib.sha256(_canonical.encode(prompt)).hexdigest()[:32]}"


def generation_of(clip: StoredClip, prompt: CompiledPrompt | None) -> dict[str, Any]:
    """Tell in a manifest who rendered a clip, and for which job where that is another one."""
    told = {
        "vendor": clip.provider,
        "model": clip.model,
        "job_id": clip.job_id,
        "asset_id": clip.clip_id,
        "seed": clip.seed,
        "compiled_prompt_id": compiled_prompt_id(prompt) if prompt else None,
    }
    if isinstance(clip, ClipReused):
        told |= {"rendered_for_job_id": clip.origin.job_id, "rendered_as_asset_id": clip.origin.clip_id}
    return {name: value for name, value in told.items() if value is not None}


def _made(events: tuple[AnyEvent, ...], clip_id: str) -> Made | None:
    clip, ordered = stored_clip(events, clip_id), _about(ClipRequested, events, clip_id)
    if isinstance(clip, ClipReused):
        at = clip.occurred_at
        return Made(clip, clip.compiled, at, clip.scores, at, clip.seed, origin=clip.origin)
    if clip is None or ordered is None:
        return None
    scored = _about(ClipScored, events, clip_id)
    return Made(
        clip,
        ordered.prompt,
        ordered.occurred_at,
        scored.scores if scored else None,
        scored.occurred_at if scored else None,
        clip.seed if clip.seed is not None else ordered.seed,
        ordered.rewritten,
        ordered.first_frame,
    )


def _references(requested: JobRequested | None, made: Made) -> tuple[str, ...]:
    """Name what the clip was rendered from; where that is a draft's frame, also what the draft began with."""
    first = requested.request.first_frame if requested else None
    images = (first, made.prompt.last_frame, *made.prompt.references, made.frame)
    return tuple(dict.fromkeys(image.sha256 for image in images if image is not None))


def _bytes(ref: AssetRef) -> Bytes:
    return Bytes(sha256=ref.sha256, size_bytes=ref.size_bytes, media_type=ref.media_type)


def _about(kind: type[E], events: tuple[AnyEvent, ...], clip_id: str) -> E | None:
    return next((x for x in events if isinstance(x, kind) and getattr(x, "clip_id", "") == clip_id), None)


def _first(kind: type[E], events: tuple[AnyEvent, ...]) -> E | None:
    return next((x for x in events if isinstance(x, kind)), None)
