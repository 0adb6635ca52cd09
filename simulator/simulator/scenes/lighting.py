"""Light that changes while a clip runs: what a prompt says of it, and what it does to a frame.

Read apart from the grammar's words: the small CLIP knows kinds of light, not their changes.
"""

import math
import re

import cv2
import numpy as np

from simulator.scenes.canvas import UInt8Frame
from simulator.scenes.grammar import LightChange

_THING = r"(?:the )?(?:lights?|lighting|sun|sunlight|daylight|lamps?|scene|room|sky|day)"
_PATTERNS: dict[LightChange, re.Pattern[str]] = {
    "darkening": re.compile(
        rf"\b{_THING} (?:fades?|dims?|darkens?|goes? out|go down|goes? down|grows? dark(?:er)?|sets?|turns? to night)\b"
        r"|\b(?:fading|dimming|failing) lights?\b|\b(?:it )?(?:gets?|grows?) dark(?:er)?\b"
        r"|\bday (?:turns?|fades?) to night\b"
    ),
    "brightening": re.compile(
        rf"\b{_THING} (?:brightens?|comes? on|comes? up|comes? out|grows? bright(?:er)?|rises)\b"
        r"|\bbrightening lights?\b|\b(?:it )?(?:gets?|grows?) (?:light|brighter)\b|\bnight turns? to day\b"
    ),
    "pulsing": re.compile(
        rf"\b{_THING} (?:pulses?|blinks?|flashes)\b|\b(?:pulsing|blinking|flashing) lights?\b"
        r"|\bcandle ?light\b|\bneon\b"
    ),
}
_DARK, _BRIGHT = 0.38, 1.22
_PULSE, _PULSE_HZ = 0.16, 0.6


def light_change_in(text: str) -> tuple[LightChange, str]:
    """Read how the light changes.

    Args:
        text: A prompt in lower case.

    Returns:
        The change, and the text without the phrases that told it.
    """
    for change, pattern in _PATTERNS.items():
        rest = pattern.sub(" ", text)
        if rest != text:
            return change, rest
    return "steady", text


def lit(frame: UInt8Frame, change: LightChange, *, u: float, t_s: float) -> UInt8Frame:
    """Lay the light of one moment over a frame.

    Args:
        frame: RGB.
        change: How the light changes over the clip.
        u: Share of the clip that has passed, in [0, 1].
        t_s: Seconds since the start.
    """
    match change:
        case "darkening":
            gain = 1.0 + (_DARK - 1.0) * _eased(u)
        case "brightening":
            gain = _DARK + (_BRIGHT - _DARK) * _eased(u)
        case "pulsing":
            gain = 1.0 + _PULSE * math.sin(2 * math.pi * _PULSE_HZ * t_s)
        case _:
            return frame
    return np.asarray(cv2.convertScaleAbs(frame, alpha=gain), np.uint8)


def _eased(u: float) -> float:
    return u * u * (3.0 - 2.0 * u)
