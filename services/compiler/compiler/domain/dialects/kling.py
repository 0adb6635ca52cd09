"""Kling 2.x: plain sentences in the order subject, movement, scene, camera, atmosphere.

Vendor facts (read 2026-11-22): prompt of at most 2,500 characters; no negative prompt, no seed and no native camera
control in the current API, so all three are written into the prompt or reported; with a first frame the picture follows
the image's aspect ratio. https://kling.ai/document-api/apiReference/model/textToVideo
"""

from dailies_contracts import Beat, VideoRequest
from runtime.catalog import Model

from compiler.domain.brief import Brief
from compiler.domain.camera import Camera, CameraMove
from compiler.domain.text import lower_first, sentence
from compiler.domain.writing import Line, Written, describe, listed, seconds

# {how} is where the adverb goes.
MOVES = {
    "static": "is static, on a tripod",
    "dolly_in": "{how}dollies in",
    "dolly_out": "{how}pulls back",
    "zoom_in": "{how}zooms in",
    "zoom_out": "{how}zooms out",
    "pan_left": "{how}pans left",
    "pan_right": "{how}pans right",
    "pan": "{how}pans across the scene",
    "tilt_up": "{how}tilts up",
    "tilt_down": "{how}tilts down",
    "crane_up": "{how}performs a crane up",
    "crane_down": "{how}performs a crane down",
    "track_left": "is {how}tracking left alongside the subject",
    "track_right": "is {how}tracking right alongside the subject",
    "follow": "{how}follows the subject in a tracking shot",
    "orbit": "{how}orbits the subject",
    "orbit_clockwise": "{how}orbits the subject clockwise",
    "orbit_counterclockwise": "{how}orbits the subject counterclockwise",
    "handheld": "is handheld",
    "fly_over": "gives an aerial drone view",
}
ADVERBS = {"": "", "slow": "slowly", "fast": "quickly"}


def write(brief: Brief, request: VideoRequest, model: Model, *, people: frozenset[str]) -> Written:  # noqa: ARG001
    """Put a brief into Kling's words."""
    excluded = bool(brief.client_negative or brief.preset_negative)
    return Written(in_sentences(brief, request, excludes=True), warnings=usual_warnings(request, excludes=excluded))


def in_sentences(brief: Brief, request: VideoRequest, *, excludes: bool, camera: str | None = None) -> tuple[Line, ...]:
    """Tell a brief in plain sentences.

    Args:
        brief: The brief.
        request: For what only the request says.
        excludes: What is left out is told as well, because the vendor has no field for it.
        camera: What the camera does in the vendor's own words; None: in a plain sentence.
    """
    body = Line("the description", describe(brief))
    beats = Line("the beats", timeline(brief.beats), 1)
    left_out = (brief.client_negative, brief.preset_negative) if excludes else ((), ())
    return (
        *((beats, body) if brief.told_by_beats else (body, beats)),
        Line("the motion rule", sentence(brief.motion_rule), 5),
        Line("the camera", camera_sentence(brief.camera) if camera is None else camera, 2),
        Line("the style", sentence(brief.style), 3),
        Line("the sound", "Sound: natural ambience of the scene." if request.audio and not brief.sound else "", 6),
        Line("continuity", sentence(brief.continuity), 4),
        Line("what is excluded", sentence(listed(left_out[0], each="no ")), 1),
        Line("what the preset excludes", sentence(listed(left_out[1], each="no ")), 6),
    )


def usual_warnings(request: VideoRequest, *, excludes: bool) -> tuple[str, ...]:
    """Say what a vendor without a negative prompt, whose clips follow their first frame, cannot express."""
    warnings = []
    if excludes:
        warnings.append("Takes no negative prompt: what is excluded is written into the prompt.")
    if request.first_frame is not None:
        warnings.append("With a first frame the aspect ratio follows the image.")
    return tuple(warnings)


def camera_sentence(camera: Camera) -> str:
    """Tell the camera's moves in a sentence, empty where there are none."""
    if camera.text:
        return sentence(camera.text)
    return sentence("the camera " + ", then ".join(move_words(move) for move in camera.moves)) if camera.moves else ""


def move_words(move: CameraMove) -> str:
    """Say one move, as what follows "the camera"."""
    adverbs = [word for word in (ADVERBS[move.speed], "smoothly" if move.smooth else "") if word]
    return MOVES[move.name].format(how=" and ".join(adverbs) + " " if adverbs else "")


def timeline(beats: tuple[Beat, ...]) -> str:
    """Tell the beats in sentences that say when."""
    return " ".join(sentence(f"{_when(beat)}, {lower_first(beat.action)}") for beat in beats)


def _when(beat: Beat) -> str:
    if beat.start_s == 0:
        return "In the first second" if beat.end_s == 1 else f"In the first {seconds(beat.end_s)} seconds"
    return f"From second {seconds(beat.start_s)} to {seconds(beat.end_s)}"
