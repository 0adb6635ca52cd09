"""Runway Gen-4: camera and movement first, short, and only what is seen.

Vendor facts (read 2026-11-22): the prompt describes motion, in the order camera, subject, scene, style; simple prompts
work best; negative phrases are advised against because they may bring about what they exclude, and no field takes them,
so exclusions are left out and reported. Prompts have at most 1,000 UTF-16 units. A first frame shows the subject: then
the description is given up before the movement is.
https://help.runwayml.com/hc/en-us/articles/39789879462419-Gen-4-Prompting-Guide
"""

from dailies_contracts import VideoRequest
from runtime.catalog import Model

from compiler.domain.brief import Brief
from compiler.domain.dialects.kling import camera_sentence, timeline
from compiler.domain.text import sentence
from compiler.domain.writing import KEPT, Line, Written, describe

FROM_A_PICTURE = 4
"""Rank of the description where a picture shows the same."""


def write(brief: Brief, request: VideoRequest, model: Model, *, people: frozenset[str]) -> Written:  # noqa: ARG001
    """Put a brief into Runway's words."""
    has_picture = request.first_frame is not None
    body = Line("the description", describe(brief), FROM_A_PICTURE if has_picture and brief.beats else KEPT)
    beats = Line("the beats", timeline(brief.beats), 1)
    lines = (
        Line("the camera", camera_sentence(brief.camera), 2),
        *((beats, body) if brief.told_by_beats or has_picture else (body, beats)),
        Line("the motion rule", sentence(brief.motion_rule), 6),
        Line("the style", sentence(brief.style), 3),
        Line("continuity", sentence(brief.continuity), 5),
    )
    return Written(lines, warnings=_warnings(brief))


def _warnings(brief: Brief) -> tuple[str, ...]:
    if not (brief.client_negative or brief.preset_negative):
        return ()
    return ("Takes no negative prompt and may show what a prompt excludes: what is excluded is left out.",)
