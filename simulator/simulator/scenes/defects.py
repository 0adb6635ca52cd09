"""Faults painted into a clip on purpose: what each kind does to the scene, to time and to the finished frame.

Used by `render.py`; drafts get a mild mixture of them, the simulator's faults and the evaluator's tests ask for
gross ones.
"""

from collections.abc import Mapping, Sequence

import cv2
import msgspec
import numpy as np

from simulator.scenes.canvas import UInt8Frame
from simulator.scenes.grammar import COLOURS, SUBJECTS, ColourName, Defect, DefectKind, Scene, Subject
from simulator.scenes.palette import USUAL
from simulator.scenes.skin import skin_tones

_FLICKER_GAIN = 0.3  # brightness change at strength 1
_RIPPLE = 0.09  # of the sprite's side at strength 1
_N_NOISE_PLATES = 4
_PLATE_SPARE_ROWS = 64
MIN_DURATION_S = 0.5


def draft_defects(seed: int) -> tuple[Defect, ...]:
    """The small flaws of a cheap render, by seed: softness, a little noise, sometimes an unsteady shape."""
    rng = np.random.default_rng([seed, 71])
    flaws = [
        Defect(kind="blur", strength=round(float(rng.uniform(0.02, 0.35)), 3)),
        Defect(kind="noise", strength=round(float(rng.uniform(0.0, 0.15)), 3)),
        Defect(kind="flicker", strength=round(float(rng.uniform(0.0, 0.1)), 3)),
    ]
    if rng.random() < 0.3:  # noqa: PLR2004 - share of drafts whose subject wobbles
        flaws.append(Defect(kind="morph", strength=round(float(rng.uniform(0.04, 0.2)), 3)))
    return tuple(flaws)


def take_flaws(seed: int) -> tuple[Defect, ...]:
    """What tells one good take of a scene from another, by seed: half the flaws of a cheap render."""
    return tuple(msgspec.structs.replace(flaw, strength=flaw.strength / 2) for flaw in draft_defects(seed))


def strengths(defects: Sequence[Defect]) -> dict[DefectKind, float]:
    """The strongest wish for each kind."""
    found: dict[DefectKind, float] = {}
    for defect in defects:
        found[defect.kind] = max(defect.strength, found.get(defect.kind, 0.0))
    return found


def shown_duration_s(duration_s: float, wished: Mapping[DefectKind, float]) -> float:
    """Give the length that is rendered: up to 60 % shorter than ordered."""
    return max(MIN_DURATION_S, duration_s * (1.0 - 0.6 * wished.get("wrong_duration", 0.0)))


def spoil_scene(scene: Scene, wished: Mapping[DefectKind, float], *, seed: int) -> Scene:
    """Swap subjects or colours for others; what strength > 0 means for the two 'wrong' kinds."""
    rng = np.random.default_rng([seed, 72])
    subjects = scene.subjects
    if wished.get("wrong_subject", 0.0) > 0:
        shown = {subject.name for subject in subjects}
        others = [name for name in SUBJECTS if name not in shown]
        subjects = tuple(
            msgspec.structs.replace(subject, name=others[int(rng.integers(len(others)))], colour=_shown_colour(subject))
            for subject in subjects
        )
    if wished.get("wrong_colour", 0.0) > 0:
        subjects = tuple(_recoloured(subject, rng) for subject in subjects)
    return msgspec.structs.replace(scene, subjects=subjects)


def _shown_colour(subject: Subject) -> ColourName:
    return subject.colour or USUAL[subject.name]


def _recoloured(subject: Subject, rng: np.random.Generator) -> Subject:
    others = [colour for colour in COLOURS if colour != _shown_colour(subject)]
    return msgspec.structs.replace(subject, colour=others[int(rng.integers(len(others)))])


class Faults:
    """The faults of one clip, laid out over its frames."""

    def __init__(self, wished: Mapping[DefectKind, float], *, n_frames: int, seed: int) -> None:
        self._wished = wished
        self._rng = np.random.default_rng([seed, 73])
        self._gains = 1.0 + _FLICKER_GAIN * wished.get("flicker", 0.0) * self._rng.uniform(-1, 1, n_frames)
        self._phases = self._rng.uniform(0, 2 * np.pi, n_frames)
        self._frozen_from = n_frames
        if wished.get("freeze", 0.0) > 0:
            self._frozen_from = int((n_frames - 1) * (1.0 - 0.9 * wished["freeze"]))
        self._cuts = self._cut_frames(n_frames)
        self._plates: list[UInt8Frame] = []

    def _cut_frames(self, n_frames: int) -> list[int]:
        strength = self._wished.get("jump_cut", 0.0)
        n_cuts = 0 if strength == 0 else 1 + round(2 * strength)
        return [round(n_frames * (index + 1) / (n_cuts + 1)) for index in range(n_cuts)]

    @property
    def has_cuts(self) -> bool:
        """Whether a second stage is needed."""
        return bool(self._cuts)

    def moment(self, index: int) -> int:
        """The frame whose moment is shown at `index`: later ones repeat it once the clip has frozen."""
        return min(index, self._frozen_from)

    def shot(self, index: int) -> int:
        """Which of the two stages is seen: 0, or 1 after every other cut."""
        return sum(cut <= index for cut in self._cuts) % 2

    def ripple(self, index: int) -> tuple[float, float]:
        """Size and phase of the loss of shape: it grows over the clip and jumps from frame to frame."""
        size = _RIPPLE * self._wished.get("morph", 0.0)
        return size * (0.5 + 0.5 * index / max(len(self._phases) - 1, 1)), float(self._phases[index])

    def finish(self, frame: UInt8Frame, index: int, *, t_s: float = 0.0) -> UInt8Frame:
        """Cover, blur, darken or brighten, and add noise.

        Args:
            frame: RGB.
            index: Its number.
            t_s: The moment that it shows.
        """
        blurred = self._blurred(self._covered(frame, t_s))
        gain = float(self._gains[index])
        lit = blurred if gain == 1.0 else cv2.convertScaleAbs(blurred, alpha=gain)
        return self._noisy(np.asarray(lit, np.uint8), index)

    def _covered(self, frame: UInt8Frame, t_s: float) -> UInt8Frame:
        """What must not be delivered, over the whole clip; half of the strength is enough for a classifier."""
        strength = min(1.0, 2.0 * self._wished.get("unsafe", 0.0))
        if strength == 0:
            return frame
        shapes = skin_tones((frame.shape[1], frame.shape[0]), t_s=t_s)
        return np.asarray(cv2.addWeighted(shapes, strength, frame, 1.0 - strength, 0.0), np.uint8)

    def _blurred(self, frame: UInt8Frame) -> UInt8Frame:
        strength = self._wished.get("blur", 0.0)
        side = 2 * round(strength * frame.shape[0] / 72) + 1
        return frame if side <= 1 else np.asarray(cv2.blur(frame, (side, side)), np.uint8)

    def _noisy(self, frame: UInt8Frame, index: int) -> UInt8Frame:
        strength = self._wished.get("noise", 0.0)
        if strength == 0:
            return frame
        if not self._plates:
            self._plates = self._noise_plates(frame, sigma=45.0 * strength)
        plate = self._plates[index % _N_NOISE_PLATES]
        first = 37 * index % _PLATE_SPARE_ROWS
        shifted = plate[first : first + frame.shape[0]]
        return np.asarray(cv2.addWeighted(frame, 1.0, shifted, 1.0, -128.0), np.uint8)

    def _noise_plates(self, frame: UInt8Frame, *, sigma: float) -> list[UInt8Frame]:
        """Grey noise around 128, a little higher than the frame so that it can be shifted instead of drawn anew."""
        shape = (frame.shape[0] + _PLATE_SPARE_ROWS, frame.shape[1])
        plates = []
        for _ in range(_N_NOISE_PLATES):
            noise = 128.0 + sigma * self._rng.standard_normal(shape, np.float32)
            plates.append(cv2.cvtColor(np.clip(noise, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2RGB))
        return [np.asarray(plate, np.uint8) for plate in plates]
