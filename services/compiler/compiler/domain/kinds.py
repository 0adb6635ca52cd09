"""The coarse class of a prompt that quality is learned by: kind of subject times kind of motion."""

from typing import Literal

from compiler.domain.brief import Brief
from compiler.domain.rules import Vocabulary

MotionKind = Literal["static", "camera", "action"]


def prompt_class(brief: Brief, vocabulary: Vocabulary) -> str:
    """Class a prompt, for example `object.camera`.

    Returns:
        `<subject>.<motion>`; the subject is `other` where no known word names it.
    """
    return f"{subject_kind(brief, vocabulary)}.{motion_kind(brief)}"


def subject_kind(brief: Brief, vocabulary: Vocabulary) -> str:
    """Name the kind of the earliest known noun, of the subject first and of the rest after it."""
    for text in (brief.subject, brief.motion, brief.scene):
        found = [
            (match.start(), -len(match.group()), kind)
            for kind, words in vocabulary.kinds
            if (match := words.search(text))
        ]
        if found:
            return min(found)[2]
    return "other"


def motion_kind(brief: Brief) -> MotionKind:
    """Tell what moves most: the subject, only the camera, or nothing to speak of."""
    if brief.action:
        return "action"
    return "camera" if brief.camera_moves else "static"
