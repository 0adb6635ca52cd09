"""Hard limits: which of a model's own settings serve a request, or why none does. Pure; facts are in the catalogue."""

from typing import NamedTuple

from dailies_contracts import AspectRatio, AssetRef, Resolution, VideoRequest
from runtime.catalog import Model

RESOLUTIONS: tuple[Resolution, ...] = ("480p", "720p", "1080p", "4k")
"""Ascending."""


class Settings(NamedTuple):
    """A model's own settings for a request.

    Attributes:
        duration_s: Its shortest length that is not shorter than asked.
        resolution: Its lowest resolution that is not lower than asked.
    """

    duration_s: int
    aspect_ratio: AspectRatio
    resolution: Resolution
    audio: bool
    warnings: tuple[str, ...] = ()


class Unfit(NamedTuple):
    """Why a model cannot serve a request."""

    code: str
    reason: str


def settings_for(request: VideoRequest, model: Model) -> Settings | Unfit:
    """Choose the settings of a model that serve a request at the least cost.

    Returns:
        Settings with a warning for each one that is more than was asked for, or the first limit that rules it out.
    """
    from_image = request.first_frame is not None
    if model.needs_first_frame and not from_image:
        return Unfit("limit.needs_image", f"{model.name} renders from a first frame only.")
    if not model.takes_aspect(request.aspect_ratio, from_image=from_image):
        offered = ", ".join(model.aspect_ratios)
        return Unfit("limit.aspect_ratio", f"{model.name} renders {offered}, not {request.aspect_ratio}.")
    unfit = _images(request, model)
    if unfit is not None:
        return unfit
    ordered = model.ordered_with(
        last_frame=request.last_frame is not None, references=bool(references_for(request, model))
    )
    if request.audio and not ordered.audio_resolutions:
        with_ = " with these images" if model.audio_resolutions else ""
        return Unfit("limit.audio", f"{model.name} renders no sound{with_}.")
    return _choose(request, ordered)


def references_for(request: VideoRequest, model: Model) -> tuple[AssetRef, ...]:
    """Give the references that a model is sent: no vendor takes them together with a first frame."""
    if model.references is None or request.first_frame is not None:
        return ()
    return request.images_as("reference")[: model.references.at_most]


def _images(request: VideoRequest, model: Model) -> Unfit | None:
    """Say which image a model would have to take and does not; references beside a first frame are left out instead."""
    if request.first_frame is not None and not model.first_frame:
        return Unfit("limit.reference_image", f"{model.name} takes no first frame.")
    if request.last_frame is not None and model.last_frame is None:
        return Unfit("limit.last_frame", f"{model.name} takes no last frame.")
    if request.first_frame is None and request.reference_images and model.references is None:
        return Unfit("limit.reference_image", f"{model.name} takes no reference images.")
    return None


def _choose(request: VideoRequest, model: Model) -> Settings | Unfit:
    enough = RESOLUTIONS[RESOLUTIONS.index(request.resolution) :]
    offered = model.resolutions_for(audio=request.audio, from_image=request.first_frame is not None)
    fitting = [resolution for resolution in enough if resolution in offered]
    if not fitting:
        sound = " with sound" if request.audio else ""
        return Unfit("limit.resolution", f"{model.name} renders {', '.join(offered)}{sound}, not {request.resolution}.")
    for resolution in fitting:
        lengths = [length for length in model.durations_at(resolution) if length >= request.duration_s]
        if lengths:
            return _settings(request, min(lengths), resolution)
    longest = max((max(model.durations_at(x), default=0) for x in fitting), default=0)
    return Unfit("limit.duration", f"{model.name} renders at most {longest} s, not {request.duration_s} s.")


def _settings(request: VideoRequest, duration_s: int, resolution: Resolution) -> Settings:
    warnings: list[str] = []
    if duration_s != request.duration_s:
        warnings.append(f"Renders {duration_s} s, its own step at or above the {request.duration_s} s asked for.")
    if resolution != request.resolution:
        sound = " with sound" if request.audio else ""
        warnings.append(f"Renders {resolution}, its lowest{sound} at or above the {request.resolution} asked for.")
    return Settings(duration_s, request.aspect_ratio, resolution, request.audio, tuple(warnings))
