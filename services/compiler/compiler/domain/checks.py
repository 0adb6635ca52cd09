"""What the types cannot say about a request: exactly one of prompt and shot, sensible beats, known names.

First step of a compilation. A platform team may publish a request straight to the bus, so everything is checked again.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

import msgspec
from dailies_contracts import Shot, VideoRequest, roles_fault

from compiler.domain.text import normalize


class Fault(NamedTuple):
    """What is wrong with a request.

    Attributes:
        code: Stable and dotted.
        message: A sentence that says what to change.
    """

    code: str
    message: str


def find_fault(request: VideoRequest, *, presets: Collection[str], providers: Collection[str]) -> Fault | None:
    """Check a request; None where it can be compiled.

    Args:
        request: As it came over the bus.
        presets: Names of the style presets.
        providers: Names of the catalogue's vendors.
    """
    return next(_faults(request, presets, providers), None)


def _faults(request: VideoRequest, presets: Collection[str], providers: Collection[str]) -> Iterator[Fault]:
    yield from _shape(request)
    yield from _content(request)
    if request.style_preset and request.style_preset not in presets:
        known = ", ".join(sorted(presets))
        yield Fault("request.unknown_style_preset", f"Set style_preset to one of {known}, or leave it out.")
    if request.provider is not None and request.provider not in providers:
        known = ", ".join(sorted(providers))
        yield Fault("request.unknown_provider", f"Pin provider to one of {known}, or leave it out.")
    if any(not image.media_type.startswith("image/") for image in request.reference_images):
        yield Fault("request.reference_not_image", "Give reference images with a media type of image/….")
    if roles := roles_fault(request.reference_images):
        yield Fault("request.image_roles", f"Correct the roles: reference_images {roles}.")


def _shape(request: VideoRequest) -> Iterator[Fault]:
    """Types are checked when bytes are decoded; a request built in a process of ours has not been through that."""
    try:
        msgspec.convert(msgspec.to_builtins(request), VideoRequest)
    except msgspec.ValidationError as err:
        yield Fault("request.out_of_range", f"Correct the request: {err}.")


def _content(request: VideoRequest) -> Iterator[Fault]:
    if request.shot is None:
        if not normalize(request.prompt):
            yield Fault("request.prompt_missing", "Say what the video shows: give a prompt or a shot.")
        return
    if request.prompt.strip():
        yield Fault("request.prompt_and_shot", "Give either prompt or shot, not both.")
    yield from _shot(request.shot, request.duration_s)


def _shot(shot: Shot, duration_s: int) -> Iterator[Fault]:
    if not normalize(shot.subject):
        yield Fault("request.prompt_missing", "Say what the video shows: give the shot a subject.")
    for beat in shot.beats:
        if beat.end_s <= beat.start_s:
            yield Fault("request.beat_times", "Let every beat end after it starts.")
        if beat.end_s > duration_s:
            yield Fault("request.beat_outside", f"Let every beat end within the {duration_s} s of the clip.")
    for before, after in zip(shot.beats, shot.beats[1:], strict=False):
        if after.start_s < before.end_s:
            yield Fault("request.beats_overlap", "Give the beats in order of time, each starting after the last.")
