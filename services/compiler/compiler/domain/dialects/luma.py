"""Luma Dream Machine: plain sentences, and a single camera move as one of the vendor's own concepts.

Vendor facts (read 2026-11-22): prompts of 3 to 5,000 characters; camera concepts are keys of a list that the API gives
out, taken by models with camera control; no negative prompt, no seed and no sound at creation; the lowest resolution
has 540 lines. https://docs.lumalabs.ai/docs/video-generation
"""

from dailies_contracts import VideoRequest
from runtime.catalog import Model

from compiler.domain.brief import Brief
from compiler.domain.camera import Camera
from compiler.domain.dialects.kling import in_sentences
from compiler.domain.writing import Written

CONCEPTS = {
    "static": "static",
    "dolly_in": "push_in",
    "dolly_out": "pull_out",
    "zoom_in": "zoom_in",
    "zoom_out": "zoom_out",
    "pan_left": "pan_left",
    "pan_right": "pan_right",
    "tilt_up": "tilt_up",
    "tilt_down": "tilt_down",
    "crane_up": "crane_up",
    "crane_down": "crane_down",
    "track_left": "truck_left",
    "track_right": "truck_right",
    "handheld": "handheld",
    "fly_over": "aerial_drone",
}
"""Moves that the vendor has a key for. It does not say which way its orbits turn, so those are told in words."""


def write(brief: Brief, request: VideoRequest, model: Model, *, people: frozenset[str]) -> Written:  # noqa: ARG001
    """Put a brief into Luma's words."""
    concept = _concept(brief.camera) if model.camera_control else ""
    camera = "" if concept and _says_it_all(brief.camera) else None
    warnings = []
    if brief.client_negative or brief.preset_negative:
        warnings.append("Takes no negative prompt: what is excluded is written into the prompt.")
    if request.resolution == "480p":
        warnings.append("Renders 540 lines, its lowest, for the 480p asked for.")
    return Written(in_sentences(brief, request, excludes=True, camera=camera), camera=concept, warnings=tuple(warnings))


def _concept(camera: Camera) -> str:
    return CONCEPTS.get(camera.moves[0].name, "") if len(camera.moves) == 1 else ""


def _says_it_all(camera: Camera) -> bool:
    (move,) = camera.moves
    return not camera.text and not move.speed and not move.smooth
