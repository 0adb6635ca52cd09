"""Read a prompt: find the longest known phrases, give colours and sizes to the noun that follows, report the rest.

Called by the vendors' simulated renderers for every clip, and by the evaluator's tests; pure.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, cast

from msgspec import structs

from simulator.scenes import words as w
from simulator.scenes.grammar import (
    MAX_SUBJECTS,
    CameraName,
    ColourName,
    LightName,
    MotionName,
    PlaceName,
    Scene,
    SizeName,
    Subject,
)
from simulator.scenes.lighting import light_change_in

_TABLES: dict[w.Kind, dict[str, str]] = {
    "effect": w.EFFECT_WORDS,
    "direction": w.DIRECTION_WORDS,
    "motion": w.MOTION_WORDS,
    "camera": w.CAMERA_WORDS,
    "light": w.LIGHT_WORDS,
    "place": w.PLACE_WORDS,
    "size": w.SIZE_WORDS,
    "colour": w.COLOUR_WORDS,
    "subject": w.SUBJECT_WORDS,
}
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?|\d+[a-z]*")
_FILM_PHRASES = re.compile("|".join(w.FILM_PHRASES))
# "No text, no people" and "Avoid: cars, blur." name what must not be seen.
_NEGATED = re.compile(r"\b(?:avoid(?:ing)?|excluding|negative prompt)\b[^.;\n]*|\b(?:no|not|never|without)\b[^.,;\n]*")
_SIDE = re.compile(r"\b(?P<other>counter ?|anti ?)?clockwise\b")
"""The way round of an orbit. Read apart from the grammar's words: the small CLIP does not know it."""
_VIEWERS = frozenset({"camera", "view", "shot", "lens", "frame"})
_HAS_DIGIT = re.compile(r"\d")


class _Token(NamedTuple):
    kind: w.Kind
    value: str


def _phrases() -> dict[tuple[str, ...], _Token]:
    table: dict[tuple[str, ...], _Token] = {}
    for kind, entries in _TABLES.items():
        for value, synonyms in entries.items():
            for phrase in synonyms.split(", "):
                table[tuple(phrase.split())] = _Token(kind, value)
    return table


_PHRASES = _phrases()
_LONGEST = max(len(phrase) for phrase in _PHRASES)
_IGNORED = w.STOP_WORDS | w.FILM_WORDS


def vocabulary() -> frozenset[str]:
    """Every single word that means something to the grammar, synonyms included, stop words and film words excluded."""
    return frozenset(word for phrase in _PHRASES for word in phrase) - w.STOP_WORDS


def ignored_words() -> frozenset[str]:
    """Words that carry no content here: stop words and the vocabulary of film making."""
    return _IGNORED


class _Draft:
    """The scene while the words are read from left to right."""

    def __init__(self) -> None:
        self.subjects: list[dict[str, Any]] = []
        self.places: list[tuple[str, str | None]] = []
        self.light: str | None = None
        self.camera: str | None = None
        self.motion: str | None = None
        self.colour: str | None = None
        self.size: str | None = None
        self.last_mover: w.Kind = "motion"
        self.steam = False
        # Whether the last thing named is not drawn (a camera, an unknown noun, steam): its motion moves no subject.
        self.stranger = False
        self.unknown: dict[str, None] = {}

    def take(self, token: _Token, words: tuple[str, ...]) -> None:
        """Add what the next phrase says."""
        match token.kind:
            case "subject":
                self._take_subject(token.value, words)
            case "place":
                self.places.append((token.value, self.colour))
                self.colour = None
            case "motion":
                self._take_motion(token.value)
            case "direction":
                self._take_direction(token.value)
            case "effect":
                self.steam = self.stranger = True
            case _:
                self._take_quality(token)

    def _take_quality(self, token: _Token) -> None:
        match token.kind:
            case "colour":
                self.colour = token.value
            case "size":
                self.size = token.value
            case "light":
                self.light = self.light or token.value
            case _:
                self.camera, self.last_mover = self.camera or token.value, "camera"

    def _take_subject(self, name: str, words: tuple[str, ...]) -> None:
        self.stranger = False
        known = [subject["name"] for subject in self.subjects]
        if name in known:
            self._refine(known.index(name))
        elif len(known) < MAX_SUBJECTS:
            self.subjects.append({"name": name, "colour": self.colour, "size": self.size})
        else:
            self.unknown.update(dict.fromkeys(words))
        self.colour = self.size = None

    def _refine(self, index: int) -> None:
        subject = self.subjects[index]
        subject["colour"] = subject["colour"] or self.colour
        subject["size"] = subject["size"] or self.size

    def _take_motion(self, motion: str) -> None:
        if self.stranger:
            return
        self.last_mover = "motion"
        # "floating" or "standing" never overrides a clearer motion that was named before it.
        if self.motion in (None, "still") or (self.motion == "right" and motion == "left"):
            self.motion = motion

    def _take_direction(self, direction: str) -> None:
        if self.last_mover == "camera" and self.camera in {"pan_left", "pan_right"}:
            self.camera = f"pan_{direction}"
        elif self.motion in {"left", "right"}:
            self.motion = direction

    def finish(self) -> Scene:
        """Hang what was left over ("a cup, red") on the first subject that lacks it, and freeze."""
        if self.subjects:
            lacking = next((s for s in self.subjects if s["colour"] is None), None)
            if lacking is not None:
                lacking["colour"] = self.colour
            self.subjects[0]["size"] = self.subjects[0]["size"] or self.size
        place, place_colour = _choose_place(self.places)
        return Scene(
            subjects=tuple(self._subject(index, fields) for index, fields in enumerate(self.subjects)),
            place=cast("PlaceName | None", place),
            place_colour=cast("ColourName | None", place_colour),
            light=cast("LightName | None", self.light),
            camera=cast("CameraName", self.camera or "static"),
            steam=self.steam,
            unknown_words=tuple(self.unknown),
        )

    def _subject(self, index: int, fields: dict[str, Any]) -> Subject:
        motion = cast("MotionName", self.motion or "still") if index == 0 else "still"
        size = cast("SizeName", fields["size"] or "medium")
        return Subject(name=fields["name"], colour=fields["colour"], size=size, motion=motion)


def _choose_place(places: list[tuple[str, str | None]]) -> tuple[str | None, str | None]:
    """The first place that is not the sky: "a kite in the sky over a field" stands in a field."""
    if not places:
        return None, None
    return next((place for place in places if place[0] != "sky"), places[0])


def _match(tokens: list[str], start: int) -> tuple[_Token, int] | None:
    for length in range(min(_LONGEST, len(tokens) - start), 0, -1):
        found = _PHRASES.get(tuple(tokens[start : start + length]))
        if found is not None:
            return found, length
    singular = _singular(tokens[start])
    found = _PHRASES.get((singular,))
    return (found, 1) if found is not None and tokens[start] not in _IGNORED else None


def _singular(word: str) -> str:
    for ending, kept in (("shes", 2), ("ches", 2), ("xes", 1), ("ies", 0), ("s", 0)):
        if word.endswith(ending):
            stem = word[: len(word) - len(ending) + kept]
            return stem + "y" if ending == "ies" else stem
    return word


def _read(tokens: list[str]) -> Iterator[tuple[_Token | None, tuple[str, ...]]]:
    position = 0
    while position < len(tokens):
        found = _match(tokens, position)
        length = found[1] if found else 1
        yield (found[0] if found else None), tuple(tokens[position : position + length])
        position += length


def _is_content(words: Iterable[str]) -> bool:
    return any(word not in _IGNORED and not _HAS_DIGIT.search(word) and len(word) > 1 for word in words)


def parse_prompt(text: str) -> Scene:
    """Read free text as a scene.

    Args:
        text: A prompt in English, any length.

    Returns:
        The scene; words that name nothing in the grammar are listed in `unknown_words`.
    """
    plain = text.lower().replace("-", " ").replace("’", "'")  # noqa: RUF001
    light_change, rest = light_change_in(_NEGATED.sub(" ", plain))
    side = _SIDE.search(rest)
    tokens = _WORD.findall(_FILM_PHRASES.sub(" ", _SIDE.sub(" ", rest)))
    draft = _Draft()
    for token, words in _read(tokens):
        if token is not None:
            draft.take(token, words)
        elif _is_content(words):
            draft.stranger = True
            draft.unknown.update(dict.fromkeys(words))
        elif not _VIEWERS.isdisjoint(words):
            draft.stranger = True
    scene = structs.replace(draft.finish(), light_change=light_change)
    if side is None or scene.camera != "orbit":
        return scene
    return structs.replace(scene, camera="orbit_counterclockwise" if side["other"] else "orbit_clockwise")
