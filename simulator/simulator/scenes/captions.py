"""Scenes drawn by chance, and scenes put into words: the two halves of the small CLIP's training set.

Also used by tests that want prompts whose content is known.
"""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from simulator.scenes import grammar as g
from simulator.scenes import words as w
from simulator.scenes.palette import USUAL

T = TypeVar("T")

_PLACE_PHRASES: dict[g.PlaceName, str] = {
    "plain": "against a {c}backdrop|on a {c}plain background",
    "desk": "on a {c}desk|on a {c}table|on top of a {c}desk|on a {c}tabletop|on the {c}table",
    "beach": "on a {c}beach|on the {c}sand|at the seaside|on the shore|at the {c}beach",
    "forest": "in a {c}forest|in the woods|in a woodland|deep in a forest",
    "street": "on a {c}street|on a {c}road|in a street|on the {c}highway|on an avenue",
    "field": "in a {c}field|in a {c}meadow|on the {c}grass|in a {c}garden|on a {c}lawn|over a {c}field",
    "room": "in a {c}room|in a {c}living room|in a {c}bedroom|in a {c}kitchen|indoors|in an office",
    "sea": "on the {c}sea|on the {c}ocean|on {c}water|on a {c}lake|over the {c}sea|among the {c}waves",
    "sky": "in the {c}sky|high in the sky|among the clouds|up in the clouds|in a cloudy sky",
    "snow": "in the snow|in a snowy field|on the snow|in winter|in a snowy landscape",
    "city": "in a city|in the city|before a city skyline|in a town|downtown|before the skyscrapers",
    "desert": "in a {c}desert|in the desert|among the dunes|on a {c}sand dune|over the {c}dunes",
    "mountains": "in the mountains|before the mountains|in front of a mountain range|under the peaks|in the alps",
}
_LIGHT_PHRASES: dict[g.LightName, str] = {
    "day": "in daylight|by day|at noon|on a sunny day|in bright sunlight|in the daytime",
    "morning": "in the morning|morning light|at dawn|at sunrise|in soft morning light|in the early light",
    "sunset": "at sunset|at dusk|golden hour|in the evening|in warm sunset light|in the golden hour",
    "night": "at night|in the moonlight|at midnight|on a starry night|night time|under the moonlit night",
    "studio": "in studio light|under studio lighting|lit by a spotlight|studio lighting|with a softbox",
}
_CAMERA_PHRASES: dict[g.CameraName, str] = {
    "static": "static shot|static camera|locked off",
    "dolly_in": "slow dolly-in|the camera pushes in|slow zoom in|slow dolly in|smooth push in",
    "dolly_out": "slow dolly out|the camera pulls back|zoom out|slow pull back",
    "pan_left": "camera pans left|slow pan left|pan to the left",
    "pan_right": "camera pans right|slow pan right|pan to the right",
    "tilt_up": "slow tilt up|the camera tilts up",
    "tilt_down": "slow tilt down|the camera tilts down",
    "orbit": "slow orbit|orbit shot|the camera orbits",
    "orbit_clockwise": "orbit clockwise|clockwise orbit shot|the camera orbits clockwise",
    "orbit_counterclockwise": "orbit counterclockwise|counterclockwise orbit shot|the camera orbits counterclockwise",
    "handheld": "handheld camera|handheld",
}
_MOTION_PHRASES: dict[g.MotionName, str] = {
    "still": "standing still|resting|sitting",
    "left": "moving left|drifting to the left|moving from right to left",
    "right": "moving right|moving|moving from left to right|gliding",
    "bouncing": "bouncing|jumping|hopping",
    "rotating": "rotating|spinning|turning slowly",
    "rising": "rising|going up|rising slowly",
    "falling": "falling|descending|falling slowly",
    "swaying": "swaying|swaying gently|floating|rocking",
}
_STYLE = [
    "cinematic",
    "4k",
    "shallow depth of field",
    "soft light",
    "film grain",
    "photorealistic",
    "high quality",
    "smooth motion",
    "detailed",
]


def sample_scene(rng: np.random.Generator) -> g.Scene:
    """Draw a scene: three in four have one subject, most name colour, place and light."""
    n = 1 if _happens(rng, 0.78) else 2
    names = rng.choice(len(g.SUBJECTS), size=n, replace=False)
    place = _maybe(rng, g.PLACES, 0.92)
    tintable = place in {"desk", "room", "plain"}
    return g.Scene(
        subjects=tuple(
            _sample_subject(g.SUBJECTS[int(index)], rng, first=not order) for order, index in enumerate(names)
        ),
        place=place,
        place_colour=_maybe(rng, g.COLOURS, 0.5) if tintable else None,
        light=_maybe(rng, g.LIGHTS, 0.85),
        camera=_pick(rng, g.CAMERAS),
        steam=bool(names[0] == g.SUBJECTS.index("cup")) and _happens(rng, 0.3),
    )


def _sample_subject(name: g.SubjectName, rng: np.random.Generator, *, first: bool) -> g.Subject:
    return g.Subject(
        name=name,
        colour=_maybe(rng, g.COLOURS, 0.88),
        size=_pick(rng, g.SIZES) if _happens(rng, 0.4) else "medium",
        motion=_pick(rng, g.MOTIONS) if first else "still",
    )


def _happens(rng: np.random.Generator, share: float) -> bool:
    return bool(rng.random() < share)


def _pick(rng: np.random.Generator, options: Sequence[T]) -> T:
    return options[int(rng.integers(len(options)))]


def _maybe(rng: np.random.Generator, options: Sequence[T], share: float) -> T | None:
    return _pick(rng, options) if rng.random() < share else None


def _phrase(rng: np.random.Generator, choices: str) -> str:
    # The first choice is the plainest and the one that prompts use most.
    options = choices.split("|")
    return options[0] if _happens(rng, 0.35) else _pick(rng, options)


def _synonym(rng: np.random.Generator, synonyms: str) -> str:
    return _phrase(rng, synonyms.replace(", ", "|"))


def caption(scene: g.Scene, rng: np.random.Generator) -> str:
    """Put a scene into words; forms, synonyms and order vary.

    Every attribute that the scene names is said, except that camera, motion and size are sometimes left out.
    """
    nouns = [_noun_phrase(subject, rng) for subject in scene.subjects] or ["an empty scene"]
    if scene.steam and _happens(rng, 0.8):
        nouns[0] += _pick(rng, (" with steam", " with steam rising from it", " full of steam"))
    subjects = " and ".join(nouns)
    motion = _motion(scene, rng)
    place = _place(scene, rng)
    light = _phrase(rng, _LIGHT_PHRASES[scene.light]) if scene.light else ""
    camera = _phrase(rng, _CAMERA_PHRASES[scene.camera]) if _happens(rng, 0.4) else ""
    style = _pick(rng, _STYLE) if _happens(rng, 0.25) else ""
    return _arrange(
        rng, subjects=" ".join(filter(None, (subjects, motion))), place=place, light=light, extras=(camera, style)
    )


def _arrange(rng: np.random.Generator, *, subjects: str, place: str, light: str, extras: tuple[str, str]) -> str:
    camera, style = extras
    what = f"{subjects} {place}".strip()
    opening = _pick(rng, ("a shot of", "a video of", "a clip of", "a close view of", ""))
    forms: tuple[tuple[str, ...], ...] = (
        (what, camera, light, style),
        (f"{what} {light}".strip(), camera, style),
        (light, what, style, camera),
        (f"{camera} of {what}" if camera else what, light, style),
        (f"{opening} {what}".strip(), light, camera),
    )
    parts = _pick(rng, forms)
    text = ", ".join(part for part in parts if part)
    return text[:1].upper() + text[1:] if _happens(rng, 0.5) else text


def _noun_phrase(subject: g.Subject, rng: np.random.Generator) -> str:
    noun = _synonym(rng, w.SUBJECT_WORDS[subject.name])
    colour = "" if subject.colour is None else _colour(subject.colour, rng)
    if subject.colour and f"{colour} {noun}" in w.SUBJECT_WORDS[subject.name].split(", "):
        colour = subject.colour  # an "oak tree" is a kind of tree, not a brown one
    size = _synonym(rng, "small, little, tiny" if subject.size == "small" else "large, big, huge")
    says_size = subject.size != "medium" and _happens(rng, 0.7)
    return _with_article(" ".join(filter(None, (size if says_size else "", colour, noun))))


def _colour(colour: g.ColourName, rng: np.random.Generator) -> str:
    return colour if _happens(rng, 0.6) else _synonym(rng, w.COLOUR_WORDS[colour])


def _with_article(phrase: str) -> str:
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def _motion(scene: g.Scene, rng: np.random.Generator) -> str:
    if not scene.subjects or _happens(rng, 0.6):
        return ""
    return _phrase(rng, _MOTION_PHRASES[scene.subjects[0].motion])


def _place(scene: g.Scene, rng: np.random.Generator) -> str:
    if scene.place is None:
        return ""
    options = _PLACE_PHRASES[scene.place]
    if scene.place_colour is None:
        return _phrase(rng, options).replace("{c}", "")
    colour = _colour(scene.place_colour, rng)
    tinted = "|".join(option for option in options.split("|") if "{c}" in option)
    return _phrase(rng, tinted).replace("{c}", f"{colour} ").replace("a o", "an o").replace("a i", "an i")


def usual_colour(subject: g.Subject) -> g.ColourName:
    """The colour that is seen: the named one, else the usual one of its kind."""
    return subject.colour or USUAL[subject.name]
