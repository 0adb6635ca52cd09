"""The training set: groups of four stills, a scene and three that differ from it in one attribute each.

Drawn once at the start of a run and kept in memory as uint8.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from simulator.scenes import grammar as g
from simulator.scenes.captions import usual_colour

from training.compositions import ATTRIBUTES, change, draw_scene, is_held_out, swap_colours
from training.pictures import draw_still

GROUP = 4
_UNSAID = -1
_SWAPPED = 0.3  # share of neighbours of a scene with two subjects that exchange their colours


class Dataset(NamedTuple):
    """Pictures (N, 64, 64, 3) uint8 and their scenes; rows 4k to 4k + 3 are one group."""

    pictures: npt.NDArray[np.uint8]
    scenes: list[g.Scene]


def draw_group(rng: np.random.Generator) -> list[g.Scene]:
    """One base scene and three neighbours, all on the training side of the split."""
    base = draw_scene(rng, held_out=False)
    group = [base]
    while len(group) < GROUP:
        attribute = ATTRIBUTES[int(rng.integers(len(ATTRIBUTES)))]
        if len(base.subjects) > 1 and rng.random() < _SWAPPED:
            neighbour = swap_colours(base)
        else:
            neighbour = change(base, attribute, rng)
        if not is_held_out(neighbour):
            group.append(neighbour)
    return group


def draw_dataset(n_groups: int, *, seed: int) -> Dataset:
    """Draw the training set."""
    rng = np.random.default_rng(seed)
    scenes = [scene for _ in range(n_groups) for scene in draw_group(rng)]
    return Dataset(np.stack([draw_still(scene, rng) for scene in scenes]), scenes)


class Labels(NamedTuple):
    """Attributes as indices, one row a scene.

    Attributes:
        subjects: (N, 18) 1 where the subject is shown.
        colours: (N, 12) 1 where a subject has the colour.
        place: (N,) index into PLACES.
        light: (N,) index into LIGHTS.
    """

    subjects: npt.NDArray[np.float32]
    colours: npt.NDArray[np.float32]
    place: npt.NDArray[np.int64]
    light: npt.NDArray[np.int64]


def labels_of(scenes: list[g.Scene]) -> Labels:
    """What each scene shows, for the attribute heads."""
    subjects = np.zeros((len(scenes), len(g.SUBJECTS)), np.float32)
    colours = np.zeros((len(scenes), len(g.COLOURS)), np.float32)
    for row, scene in enumerate(scenes):
        for subject in scene.subjects:
            subjects[row, g.SUBJECTS.index(subject.name)] = 1
            colours[row, g.COLOURS.index(usual_colour(subject))] = 1
    place = np.array([g.PLACES.index(scene.place or "plain") for scene in scenes])
    light = np.array([g.LIGHTS.index(scene.light or "day") for scene in scenes])
    return Labels(subjects, colours, place, light)


def also_true(scenes: list[g.Scene]) -> npt.NDArray[np.bool_]:
    """(N, N): whether the words of scene i are also true of picture j, i != j; such pairs are no negatives.

    A caption that leaves something unsaid fits several pictures of a batch.
    """
    shown = [{(s.name, usual_colour(s)) for s in scene.subjects} for scene in scenes]
    names = [{s.name for s in scene.subjects} for scene in scenes]
    labels = labels_of(scenes)
    said_place = np.array([_UNSAID if scene.place is None else labels.place[i] for i, scene in enumerate(scenes)])
    said_light = np.array([_UNSAID if scene.light is None else labels.light[i] for i, scene in enumerate(scenes)])
    fits = (said_place[:, None] == _UNSAID) | (said_place[:, None] == labels.place[None])
    fits &= (said_light[:, None] == _UNSAID) | (said_light[:, None] == labels.light[None])
    for i, j in zip(*np.nonzero(fits), strict=True):
        things = all(
            subject.name in names[j] if subject.colour is None else (subject.name, subject.colour) in shown[j]
            for subject in scenes[i].subjects
        )
        fits[i, j] = i != j and things and scenes[i].place_colour in {None, scenes[j].place_colour}
    return np.asarray(fits, np.bool_)
