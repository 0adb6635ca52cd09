"""What was asked of a clip beside its content: camera, beats, exclusions, format, and effects that are no faults here.

From the event's `Ask` where there is one, else read from the prompt, so that a local file is judged by the same rules.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from dailies_contracts import Ask, Beat

Move = Literal[
    "static", "in", "out", "left", "right", "sideways", "up", "down", "orbit", "clockwise", "counterclockwise",
    "handheld", "free",
]  # fmt: skip
"""What the flow field can tell apart. `sideways` is either way, and so is `orbit`, whose sides are as seen from above;
`free` moves in ways that nothing was said about."""

MOVES: Mapping[str, Move] = MappingProxyType({
    "static": "static",
    "dolly_in": "in", "zoom_in": "in", "dolly_out": "out", "zoom_out": "out",
    "pan_left": "left", "track_left": "left", "pan_right": "right", "track_right": "right", "pan": "sideways",
    "tilt_up": "up", "crane_up": "up", "tilt_down": "down", "crane_down": "down",
    "orbit": "orbit", "orbit_clockwise": "clockwise", "orbit_counterclockwise": "counterclockwise",
    "handheld": "handheld", "follow": "free", "fly_over": "free",
})  # fmt: skip
"""From the compiler's canonical moves. A pan and a track look alike in the flow, and so do a zoom and a dolly."""

_ORBIT = r"orbit(?:s|ing)?(?: shot)?"
_OTHER_WAY = r"(?:counter[ -]?|anti[ -]?)clockwise"
_SPOKEN: tuple[tuple[Move, str], ...] = (
    ("static", r"static (?:camera|shot)|locked[ -]off|fixed camera|(?:on a )?tripod|camera (?:holds|stays|is) still"),
    ("in", r"doll(?:y|ies|ying)[ -]in|push(?:es|ing)?[ -]in|zoom(?:s|ing)?[ -]in|camera moves (?:closer|forward)"),
    ("out", r"doll(?:y|ies|ying)[ -](?:out|back)|pull(?:s|ing)?[ -](?:back|out)|zoom(?:s|ing)?[ -]out"),
    ("left", r"(?:pan|truck|track)(?:s|ning|ing)?(?: to the)? left"),
    ("right", r"(?:pan|truck|track)(?:s|ning|ing)?(?: to the)? right"),
    ("up", r"(?:tilt|crane|pedestal)(?:s|ing)? up"),
    ("down", r"(?:tilt|crane|pedestal)(?:s|ing)? down"),
    ("clockwise", rf"{_ORBIT} clockwise|(?<!counter )(?<!anti )(?<!-)clockwise {_ORBIT}"),
    ("counterclockwise", rf"{_ORBIT} {_OTHER_WAY}|{_OTHER_WAY} {_ORBIT}"),
    ("orbit", rf"{_ORBIT}|arc shot|camera circles"),
    ("handheld", r"hand[ -]?held|shaky cam(?:era)?"),
    ("free", r"tracking shot|follow(?:ing)? shot|camera follows|drone shot|aerial shot|fly[ -]?over shot"),
)
_FLASHING = re.compile(
    r"\b(?:strob\w*|flash(?:es|ing)\b|flicker\w*|lightning|blinking|disco|fireworks?|emergency lights|police lights)",
    re.IGNORECASE,
)
_CUTS = re.compile(
    r"\b(?:cuts? to|hard cuts?|quick cuts|montage|multi[ -]?shot|scene changes|second shot)\b", re.IGNORECASE
)
_STILL = re.compile(
    r"\b(?:freeze[ -]frame|still (?:image|picture|photo\w*)|frozen in time|motionless)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The order, in the words of the metrics.

    Attributes:
        prompt: What should be seen.
        camera: Moves in order; empty where none was asked for.
        stays: The picture may hardly move: asked for as static, or nothing was said to move.
        moves: Something was asked to move: the camera or the subject.
        flashes: Light that flashes was asked for, so flicker is no fault.
        cuts: Cuts were asked for.
        still: A standing picture was asked for.
        beats: What should be seen when, in seconds.
        negative: What must not be seen.
        duration_s: Length ordered; None where nothing was said, as with the rest.
        aspect: Width over height ordered.
        shorter_px: Lines ordered of the shorter side.
        audio: Sound was ordered.
    """

    prompt: str = ""
    camera: tuple[Move, ...] = ()
    moves: bool = False
    flashes: bool = False
    cuts: bool = False
    still: bool = False
    beats: tuple[Beat, ...] = ()
    negative: tuple[str, ...] = ()
    duration_s: float | None = None
    aspect: float | None = None
    shorter_px: int | None = None
    audio: bool = False


def read_ask(prompt: str, ask: Ask | None = None) -> Asked:
    """Say what a clip is held against.

    Args:
        prompt: What should be seen.
        ask: What the compiler made of the request; None: the camera is read from the prompt, and no format is known.
    """
    told = " ".join((prompt, *(beat.action for beat in ask.beats))) if ask else prompt
    camera = tuple(MOVES[name] for name in ask.camera if name in MOVES) if ask else spoken_moves(prompt)
    return Asked(
        prompt=prompt,
        camera=camera,
        moves=(ask is not None and ask.moves in {"camera", "action"}) or bool(set(camera) - {"static", "handheld"}),
        flashes=bool(_FLASHING.search(told)),
        cuts=bool(_CUTS.search(told)),
        still=bool(_STILL.search(told)),
        beats=ask.beats if ask else (),
        negative=ask.negative if ask else (),
        duration_s=ask.duration_s if ask else None,
        aspect=_ratio(ask.aspect_ratio) if ask and ask.aspect_ratio else None,
        shorter_px=_lines(ask.resolution) if ask and ask.resolution else None,
        audio=ask is not None and ask.audio,
    )


def spoken_moves(prompt: str) -> tuple[Move, ...]:
    """Find the camera moves that a prompt names, in the order of their first mention."""
    found = [
        (match.start(), move)
        for move, words in _SPOKEN
        if (match := re.search(rf"\b(?:{words})\b", prompt, re.IGNORECASE))
    ]
    moves = dict.fromkeys(move for _, move in sorted(found))
    if "clockwise" in moves or "counterclockwise" in moves:
        moves.pop("orbit", None)
    return tuple(moves)


def _ratio(aspect_ratio: str) -> float:
    wide, high = aspect_ratio.split(":")
    return int(wide) / int(high)


def _lines(resolution: str) -> int:
    return {"4k": 2160}.get(resolution) or int(resolution.removesuffix("p"))
