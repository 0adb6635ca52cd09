"""The list of a labelled set: which scene, which camera, which light, which compression, and what is wrong with it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from msgspec.structs import replace
from simulator.scenes import Scene, caption, sample_scene
from simulator.scenes.grammar import COLOURS, LIGHTS, SUBJECTS, CameraName, ColourName, LightName
from simulator.scenes.palette import BASE, USUAL

from labelled.hard import HARD
from labelled.injections import INJECTIONS

STRENGTHS = (1, 2, 3)
SCENE_FAULTS = ("wrong_subject", "wrong_colour", "wrong_camera")
HARD_KINDS = (*HARD, "cross_fade")
SIZES_PX = ((640, 360), (640, 360), (360, 640), (480, 480))
RATES_FPS = (12, 16, 24)
CRFS = (18, 23, 28, 33)
CRF_THAT_KEEPS_GRAIN = 23  # a coarser encoding takes the noise away again, and with it the fault
DRAFT_PX = (480, 270)
DRAFT_FAULTS = (*(kind for kind in INJECTIONS if kind != "unsafe"), "wrong_subject", "wrong_colour")
"""What spoils a draft: all but what is caught by the safety limit, and a move that the scene may not name."""
OPPOSITE: Mapping[CameraName, CameraName] = {
    "dolly_in": "dolly_out", "dolly_out": "dolly_in", "pan_left": "pan_right", "pan_right": "pan_left",
    "tilt_up": "tilt_down", "tilt_down": "tilt_up",
    "orbit_clockwise": "orbit_counterclockwise", "orbit_counterclockwise": "orbit_clockwise",
}  # fmt: skip
LOOK_ALIKE: Mapping[CameraName, tuple[CameraName, ...]] = {
    "orbit_clockwise": ("pan_left", "pan_right"),
    "orbit_counterclockwise": ("pan_left", "pan_right"),
    "pan_left": ("orbit_clockwise", "orbit_counterclockwise"),
    "pan_right": ("orbit_clockwise", "orbit_counterclockwise"),
}  # fmt: skip
"""Moves that carry the background sideways as well: only depth tells them apart, so every other wrong move is one."""
CLEARLY_OTHER = 130.0  # distance in RGB: neighbours such as orange and yellow are no clear mistake


class Case(NamedTuple):
    """One clip to be made.

    Attributes:
        kind: `clean`, a hard kind, or a fault.
        strength: 1 to 3 of a fault, else 0.
        prompt: What was asked for.
        camera: The move asked for; empty where none was.
        asked: The scene of the prompt.
        shown: The scene that is drawn; what follows the middle of the clip may be another.
        later: The scene from the middle on.
    """

    kind: str
    strength: int
    prompt: str
    camera: str
    asked: Scene
    shown: Scene
    later: Scene
    seed: int
    size_px: tuple[int, int]
    fps: int
    duration_s: float
    crf: int

    @property
    def name(self) -> str:
        """Unique within a set."""
        return f"{self.kind}-{self.strength}-{self.seed}"


def draw_set(
    seed: int, *, n_clean: int, n_hard: int, n_fault: int, faults: Sequence[str] = (*INJECTIONS, *SCENE_FAULTS)
) -> list[Case]:
    """Draw a set.

    Args:
        seed: Another seed, another set.
        n_clean: Plain clips without a fault.
        n_hard: Clips of each hard kind.
        n_fault: Clips of each fault and strength; the strengths of a fault share their scenes.
        faults: Which faults.
    """
    wished = [("clean", 0, index) for index in range(n_clean)]
    wished += [(kind, 0, index) for kind in HARD_KINDS for index in range(n_hard)]
    wished += [(fault, strength, index) for fault in faults for strength in STRENGTHS for index in range(n_fault)]
    kinds = ["clean", *HARD_KINDS, *INJECTIONS, *SCENE_FAULTS]
    return [_draw(kind, strength, seed * 1_000_000 + kinds.index(kind) * 1_000 + i) for kind, strength, i in wished]


def draw_trios(seed: int, n: int) -> list[tuple[Case, Case, Case]]:
    """Draw drafts of one scene whose order is known: without a fault, with one that anybody sees, with a gross one."""
    trios = []
    for index in range(n):
        rng = np.random.default_rng([seed, index, 5])
        best = _draw("clean", 0, seed * 1_000_000 + 900_000 + index)
        best = best._replace(size_px=DRAFT_PX, fps=12, crf=23, duration_s=2.0)
        plain, gross = rng.choice([*DRAFT_FAULTS], size=2, replace=False)
        trios.append((best, _spoilt(best, str(plain), 2), _spoilt(best, str(gross), 3)))
    return trios


def _spoilt(case: Case, fault: str, strength: int) -> Case:
    shown, later = _shown(fault, strength, case.asked, np.random.default_rng([case.seed, 1]))
    return case._replace(kind=fault, strength=strength, shown=shown, later=later)


def _draw(kind: str, strength: int, seed: int) -> Case:
    rng = np.random.default_rng(seed)
    scene = _scene(kind, rng)
    prompt = caption(scene, rng)
    camera: str = scene.camera
    if kind == "strobe":
        prompt += ", under strobe lighting"
    if kind in HARD_KINDS:
        scene, camera = replace(scene, camera="static"), {"handheld_shake": "handheld"}.get(kind, "")
    if kind == "wrong_camera" and scene.camera == "orbit":
        # Without a side there would be no opposite one.
        scene = replace(scene, camera="orbit_clockwise" if seed % 2 else "orbit_counterclockwise")
        camera = scene.camera
    shown, later = _shown(kind, strength, scene, np.random.default_rng([seed, 1]))
    return Case(
        kind=kind,
        strength=strength,
        prompt=prompt,
        camera=camera,
        asked=scene,
        shown=shown,
        later=later,
        seed=seed,
        size_px=SIZES_PX[int(rng.integers(len(SIZES_PX)))],
        fps=RATES_FPS[int(rng.integers(len(RATES_FPS)))],
        duration_s=float(rng.uniform(1.8, 3.0)),
        crf=min(CRFS[int(rng.integers(len(CRFS)))], CRF_THAT_KEEPS_GRAIN if kind == "noise" else CRFS[-1]),
    )


def _scene(kind: str, rng: np.random.Generator) -> Scene:
    """Draw a scene in which the kind can be seen: a wrong colour needs a colour, a wrong move a move."""
    while True:
        scene = sample_scene(rng)
        if kind in HARD_KINDS:
            # The prompt names no move here: the hard kinds bring their own.
            scene = replace(scene, camera="handheld" if kind == "handheld_shake" else "static")
        if kind == "wrong_camera" and scene.camera not in {*OPPOSITE, "orbit"}:
            continue
        if kind == "wrong_colour" and any(subject.colour is None for subject in scene.subjects):
            continue
        return scene


def _shown(kind: str, strength: int, scene: Scene, rng: np.random.Generator) -> tuple[Scene, Scene]:
    if kind == "wrong_subject":
        wrong = _other_subjects(scene, rng)
        if strength == 3:  # noqa: PLR2004 - gross: nothing of it is right
            wrong = _other_colours(wrong, rng)
        return (scene if strength == 1 else wrong), wrong
    if kind == "wrong_colour":
        wrong = _other_colours(scene, rng)
        if strength == 3:  # noqa: PLR2004 - gross: nothing has its colour
            wrong = replace(wrong, light=_other_light(scene, rng))
        return (scene if strength == 1 else wrong), wrong
    if kind == "wrong_camera":
        opposite = OPPOSITE[scene.camera]
        others: Sequence[CameraName] = [name for name in OPPOSITE if name not in (scene.camera, opposite)]
        if scene.camera in LOOK_ALIKE and rng.random() < 0.5:  # noqa: PLR2004 - every other one
            others = LOOK_ALIKE[scene.camera]
        moves: tuple[CameraName, ...] = ("static", others[int(rng.integers(len(others)))], opposite)
        wrong = replace(scene, camera=moves[strength - 1])
        return wrong, wrong
    return scene, scene


def _other_subjects(scene: Scene, rng: np.random.Generator) -> Scene:
    shown = {subject.name for subject in scene.subjects}
    others = rng.permutation([name for name in SUBJECTS if name not in shown])
    return replace(
        scene,
        subjects=tuple(
            replace(subject, name=str(other), colour=subject.colour or USUAL[subject.name])
            for subject, other in zip(scene.subjects, others, strict=False)
        ),
    )


def _other_light(scene: Scene, rng: np.random.Generator) -> LightName:
    others = [light for light in LIGHTS if light != (scene.light or "day")]
    return others[int(rng.integers(len(others)))]


def _other_colours(scene: Scene, rng: np.random.Generator) -> Scene:
    return replace(
        scene,
        subjects=tuple(
            replace(subject, colour=_other_colour(subject.colour or USUAL[subject.name], rng))
            for subject in scene.subjects
        ),
    )


def _other_colour(colour: ColourName, rng: np.random.Generator) -> ColourName:
    distances = {name: float(np.linalg.norm(np.subtract(BASE[name], BASE[colour]))) for name in COLOURS}
    others = [name for name in COLOURS if distances[name] > CLEARLY_OTHER]
    return others[int(rng.integers(len(others)))]
