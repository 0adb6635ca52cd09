"""Read camera language: which canonical moves a text names, how fast, and whether it says anything else.

Called by the parser for free text and by `brief.py` for the camera line of a structured request.
"""

import re
from typing import Literal, NamedTuple

from compiler.domain.patterns import words_of
from compiler.domain.rules import MovePatterns, Vocabulary
from compiler.domain.text import trim

Speed = Literal["", "slow", "fast"]


class CameraMove(NamedTuple):
    """One move of the camera.

    Attributes:
        name: Canonical name, as in `vocabulary.toml`.
        speed: Empty where the text says nothing about it.
        smooth: Asked for as smooth or steady.
    """

    name: str
    speed: Speed = ""
    smooth: bool = False


class Camera(NamedTuple):
    """What a request says about the camera.

    Attributes:
        moves: In the order they are named.
        text: The client's own words where they say more than the moves; empty where the moves say it all.
    """

    moves: tuple[CameraMove, ...] = ()
    text: str = ""

    def __bool__(self) -> bool:
        """Tell whether anything is said at all."""
        return bool(self.moves or self.text)


class Framed(NamedTuple):
    """A clause with its camera part taken out."""

    camera: str
    rest: str


_TRAILING = re.compile(r"(?:^|[\s,]+)(?:(?:as|while|and|with)\s+)?(?:the\s+)?camera(?:\s+[\w-]+)+$", re.IGNORECASE)
_WITH = re.compile(r"\s+with\s+(?:an?\s+)?([\w\s-]+)$", re.IGNORECASE)
_ONTO = re.compile(
    r"^(?P<camera>[\w\s-]+?)\s+"
    r"(?:of|across|over|around|through|towards?|into|along|past|onto|following)\s+(?P<rest>(?:an?|the|two|three|some)\s.+)$",
    re.IGNORECASE,
)


def read_camera(text: str, vocabulary: Vocabulary) -> Camera:
    """Read one text that is all about the camera.

    Args:
        text: For example "slow dolly-in" or "orbit clockwise, then tilt up".
        vocabulary: The known moves.
    """
    moves = tuple(_move(found, text, vocabulary) for found in _find(text, vocabulary, alone=True))
    return Camera(moves, "" if is_camera_only(text, vocabulary) else trim(text))


def names_camera(text: str, vocabulary: Vocabulary) -> tuple[CameraMove, ...]:
    """Find the moves that a text about something else names in passing."""
    return tuple(_move(found, text, vocabulary) for found in _find(text, vocabulary, alone=False))


def is_camera_only(text: str, vocabulary: Vocabulary) -> bool:
    """Tell whether a clause names a move and nothing else."""
    found = _find(text, vocabulary, alone=True)
    if not found:
        return False
    left = text
    for start, end, _ in reversed(found):
        left = left[:start] + " " + left[end:]
    for pattern in (vocabulary.slow, vocabulary.fast, vocabulary.smooth):
        left = pattern.sub(" ", left)
    return all(word in vocabulary.camera_filler for word in words_of(left))


def take_camera(clause: str, vocabulary: Vocabulary) -> Framed:
    """Take the camera part off a clause: "a cup while the camera orbits", "slow pan across a beach".

    Returns:
        An empty camera where the clause has none, or where taking it out would change what is shown.
    """
    trailing = _TRAILING.search(clause)
    if trailing and names_camera(trailing.group(), vocabulary):
        return Framed(trim(trailing.group()), trim(clause[: trailing.start()]))
    with_move = _WITH.search(clause)
    if with_move and is_camera_only(with_move.group(1), vocabulary):
        return Framed(trim(with_move.group(1)), trim(clause[: with_move.start()]))
    onto = _ONTO.match(clause)
    if onto and is_camera_only(onto["camera"], vocabulary):
        return Framed(trim(onto["camera"]), trim(onto["rest"]))
    return Framed("", clause)


class _Found(NamedTuple):
    start: int
    end: int
    move: MovePatterns


def _find(text: str, vocabulary: Vocabulary, *, alone: bool) -> tuple[_Found, ...]:
    """Find the moves in order; of overlapping ones the longest phrase counts ("pan left" over "pan")."""
    hits = [
        _Found(match.start(), match.end(), move)
        for move in vocabulary.moves
        for match in (move.alone if alone else move.anywhere).finditer(text)
    ]
    chosen: list[_Found] = []
    for hit in sorted(hits, key=lambda x: (x.start - x.end, x.start, x.move.name)):
        if all(hit.end <= other.start or hit.start >= other.end for other in chosen):
            chosen.append(hit)
    return tuple(sorted(chosen, key=lambda x: x.start))


def _move(found: _Found, text: str, vocabulary: Vocabulary) -> CameraMove:
    near = text[max(0, found.start - 30) : found.end + 30]
    if found.move.name == "static":
        return CameraMove("static")
    speed: Speed = "slow" if vocabulary.slow.search(near) else "fast" if vocabulary.fast.search(near) else ""
    return CameraMove(found.move.name, speed, smooth=bool(vocabulary.smooth.search(near)))
