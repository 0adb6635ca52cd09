"""What a clip will be held against: the order in canonical words, for the evaluator.

Only what the client asked for counts: a clip is not marked down for a camera that the preset chose.
"""

from typing import Literal

from dailies_contracts import Ask, Beat

from compiler.domain.brief import Brief
from compiler.domain.limits import Settings


def ask_of(brief: Brief, settings: Settings) -> Ask:
    """Say what one model's clip is held against.

    Args:
        brief: Its beats end with the clip that the model renders.
        settings: What is ordered of the model.
    """
    return Ask(
        camera=brief.client_camera,
        moves=_moves(brief),
        beats=tuple(_told(beat) for beat in brief.beats) if brief.client_beats else (),
        negative=tuple(dict.fromkeys((*brief.client_negative, *brief.preset_negative))),
        duration_s=float(settings.duration_s),
        aspect_ratio=settings.aspect_ratio,
        resolution=settings.resolution,
        audio=settings.audio,
    )


def _moves(brief: Brief) -> Literal["", "static", "camera", "action"]:
    if brief.action:
        return "action"
    if any(name != "static" for name in brief.client_camera):
        return "camera"
    return "static" if brief.client_camera else ""


def _told(beat: Beat) -> Beat:
    """Leave out the stand-in that makes a beat a sentence: it names nothing that can be seen."""
    return Beat(start_s=beat.start_s, end_s=beat.end_s, action=beat.action.removeprefix("the subject "))
