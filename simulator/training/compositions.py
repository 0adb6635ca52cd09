"""Which scenes the model may see while it learns, and scenes that differ in exactly one attribute.

The training set and the held-out sets both come from here, so that no held-out composition is ever rendered in
training.
"""

import zlib
from collections.abc import Callable
from typing import Literal, get_args

import numpy as np
from msgspec import structs
from simulator.scenes import grammar as g
from simulator.scenes.captions import sample_scene, usual_colour

Attribute = Literal["subject", "colour", "place", "light"]
ATTRIBUTES: tuple[Attribute, ...] = get_args(Attribute)
_HELD_OUT_PERCENT = 12


def is_held_out(scene: g.Scene) -> bool:
    """Whether any composition of subject, shown colour and place in the scene belongs to the held-out share."""
    return any(
        zlib.crc32(f"{s.name}|{usual_colour(s)}|{scene.place}".encode()) % 100 < _HELD_OUT_PERCENT
        for s in scene.subjects
    )


def draw_scene(rng: np.random.Generator, *, held_out: bool) -> g.Scene:
    """Draw scenes until one is on the wanted side of the split."""
    while True:
        scene = sample_scene(rng)
        if is_held_out(scene) == held_out:
            return scene


def draw_full_scene(rng: np.random.Generator) -> g.Scene:
    """Draw a held-out scene with one subject that names colour, place and light."""
    while True:
        scene = draw_scene(rng, held_out=True)
        named = len(scene.subjects) == 1 and scene.place is not None and scene.light is not None
        if named and scene.subjects[0].colour is not None:
            return scene


def _other(rng: np.random.Generator, options: tuple[str, ...], current: str | None) -> str:
    rest = [option for option in options if option != current]
    return rest[int(rng.integers(len(rest)))]


def _another_subject(scene: g.Scene, rng: np.random.Generator) -> g.Scene:
    index = int(rng.integers(len(scene.subjects)))
    shown = tuple(s.name for s in scene.subjects)
    name = _other(rng, tuple(n for n in g.SUBJECTS if n not in shown), None)
    return _with_subject(scene, index, structs.replace(scene.subjects[index], name=name))


def _another_colour(scene: g.Scene, rng: np.random.Generator) -> g.Scene:
    index = int(rng.integers(len(scene.subjects)))
    subject = scene.subjects[index]
    colour = _other(rng, g.COLOURS, usual_colour(subject))
    return _with_subject(scene, index, structs.replace(subject, colour=colour))


def _another_place(scene: g.Scene, rng: np.random.Generator) -> g.Scene:
    return structs.replace(scene, place=_other(rng, g.PLACES, scene.place or "plain"), place_colour=None)


def _another_light(scene: g.Scene, rng: np.random.Generator) -> g.Scene:
    return structs.replace(scene, light=_other(rng, g.LIGHTS, scene.light or "day"))


def _with_subject(scene: g.Scene, index: int, subject: g.Subject) -> g.Scene:
    subjects = (*scene.subjects[:index], subject, *scene.subjects[index + 1 :])
    return structs.replace(scene, subjects=subjects)


_CHANGES: dict[Attribute, Callable[[g.Scene, np.random.Generator], g.Scene]] = {
    "subject": _another_subject,
    "colour": _another_colour,
    "place": _another_place,
    "light": _another_light,
}


def change(scene: g.Scene, attribute: Attribute, rng: np.random.Generator) -> g.Scene:
    """Give the same scene with one attribute changed to something that looks different."""
    return _CHANGES[attribute](scene, rng)


def swap_colours(scene: g.Scene) -> g.Scene:
    """Exchange the colours of the two subjects."""
    first, second = scene.subjects
    colours = usual_colour(second), usual_colour(first)
    swapped = (structs.replace(first, colour=colours[0]), structs.replace(second, colour=colours[1]))
    return structs.replace(scene, subjects=swapped)
