"""Veo 3.x: camera first, then subject, action, scene and style; beats as time ranges in brackets.

Vendor facts (read 2026-11-22): the prompt leads with the camera, and ranges such as `[00:00-00:02]` order a clip; the
negative prompt is a field of its own and lists things, without "no"; people can be ruled out natively by
`personGeneration: dont_allow`; sound is part of the prompt.
https://cloud.google.com/vertex-ai/generative-ai/docs/video/video-gen-prompt-guide
"""

from dailies_contracts import Beat, VideoRequest
from runtime.catalog import Model

from compiler.domain.brief import Brief
from compiler.domain.camera import Camera, CameraMove
from compiler.domain.text import sentence
from compiler.domain.writing import Line, Written, describe, excludes_people, listed

MOVES = {
    "static": "static camera",
    "dolly_in": "dolly-in",
    "dolly_out": "dolly-out",
    "zoom_in": "zoom-in",
    "zoom_out": "zoom-out",
    "pan_left": "pan left",
    "pan_right": "pan right",
    "pan": "pan",
    "tilt_up": "tilt up",
    "tilt_down": "tilt down",
    "crane_up": "crane up",
    "crane_down": "crane down",
    "track_left": "truck left",
    "track_right": "truck right",
    "follow": "tracking shot",
    "orbit": "orbit shot around the subject",
    "orbit_clockwise": "clockwise orbit shot around the subject",
    "orbit_counterclockwise": "counterclockwise orbit shot around the subject",
    "handheld": "handheld camera",
    "fly_over": "aerial drone shot",
}


def write(brief: Brief, request: VideoRequest, model: Model, *, people: frozenset[str]) -> Written:
    """Put a brief into Veo's words."""
    body = Line("the description", describe(brief))
    timeline = Line("the beats", _timeline(brief.beats), 1)
    excluded = (*brief.client_negative, *brief.preset_negative)
    inline = "" if model.negative_prompt else sentence(listed(excluded, each="no "))
    lines = (
        Line("the camera", _camera(brief.camera), 2),
        *((timeline, body) if brief.told_by_beats else (body, timeline)),
        Line("the motion rule", sentence(brief.motion_rule), 5),
        Line("the style", sentence(brief.style), 3),
        Line("continuity", sentence(brief.continuity), 4),
        Line("what is excluded", inline, 1),
        Line("the sound", "Audio: natural ambience of the scene." if request.audio and not brief.sound else "", 6),
    )
    no_people = excludes_people(brief.client_negative, people)
    return Written(
        lines,
        negative=listed(excluded) if model.negative_prompt else "",
        parameters={"personGeneration": "dont_allow"} if no_people else {},
    )


def _camera(camera: Camera) -> str:
    if camera.text:
        return sentence(camera.text)
    return sentence(", then ".join(_move(move) for move in camera.moves)) if camera.moves else ""


def _move(move: CameraMove) -> str:
    words = [word for word in (move.speed, "smooth" if move.smooth else "") if word]
    return " ".join(word for word in (", ".join(words), MOVES[move.name]) if word)


def _timeline(beats: tuple[Beat, ...]) -> str:
    return " ".join(f"[{_clock(beat.start_s)}-{_clock(beat.end_s)}] {sentence(beat.action)}" for beat in beats)


def _clock(at_s: float) -> str:
    minutes, rest = divmod(at_s, 60)
    fraction = f"{rest % 1:.1f}"[1:] if round(rest % 1, 1) else ""
    return f"{int(minutes):02d}:{int(rest):02d}{fraction}"
