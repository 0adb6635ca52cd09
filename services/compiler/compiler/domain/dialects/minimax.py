"""MiniMax Hailuo 02 and 2.3: plain sentences, with the camera in the vendor's bracketed commands.

Vendor facts (read 2026-11-22): prompt of at most 2,000 characters; fifteen commands such as `[Push in]`, obeyed in the
order in which they stand; words before a command say how fast; moves without a command are told in words. No negative
prompt, seed, sound or aspect ratio: a clip from text is wide, a clip from a picture follows the picture.
https://platform.minimax.io/docs/api-reference/video-generation-t2v
"""

from dailies_contracts import VideoRequest
from runtime.catalog import Model

from compiler.domain.brief import Brief
from compiler.domain.camera import Camera, CameraMove
from compiler.domain.dialects.kling import ADVERBS, in_sentences, move_words, usual_warnings
from compiler.domain.text import sentence
from compiler.domain.writing import Written

COMMANDS = {
    "static": "Static shot",
    "dolly_in": "Push in",
    "dolly_out": "Pull out",
    "zoom_in": "Zoom in",
    "zoom_out": "Zoom out",
    "pan_left": "Pan left",
    "pan_right": "Pan right",
    "tilt_up": "Tilt up",
    "tilt_down": "Tilt down",
    "crane_up": "Pedestal up",
    "crane_down": "Pedestal down",
    "track_left": "Truck left",
    "track_right": "Truck right",
    "follow": "Tracking shot",
    "handheld": "Shake",
}
"""All fifteen. Orbits, flights and a pan without a direction have none."""


def write(brief: Brief, request: VideoRequest, model: Model, *, people: frozenset[str]) -> Written:  # noqa: ARG001
    """Put a brief into Hailuo's words."""
    excluded = bool(brief.client_negative or brief.preset_negative)
    lines = in_sentences(brief, request, excludes=True, camera=_camera(brief.camera))
    return Written(lines, warnings=usual_warnings(request, excludes=excluded))


def _camera(camera: Camera) -> str:
    if camera.text:
        return sentence(camera.text)
    return sentence(", then ".join(_move(move) for move in camera.moves)) if camera.moves else ""


def _move(move: CameraMove) -> str:
    if move.name not in COMMANDS:
        return f"the camera {move_words(move)}"
    words = [word for word in (ADVERBS[move.speed], "smoothly" if move.smooth else "") if word]
    return " ".join([" and ".join(words), f"[{COMMANDS[move.name]}]"]).strip()
