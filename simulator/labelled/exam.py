"""Marks of a judge on a labelled set, and what they say: how well each fault is told, and whether stronger is worse.

The judge is a function, so that this knows nothing about who judges.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import cv2
import numpy as np

from labelled.draw import HARD_KINDS, STRENGTHS, Case
from labelled.film import write_case, write_clip
from labelled.footage import Take, takes
from labelled.hard import HARD, cross_fade, with_room
from labelled.injections import INJECTIONS, Frames

METRIC: Mapping[str, str] = MappingProxyType({
    "flicker": "motion", "jump_cut": "motion", "morph": "motion", "freeze": "motion", "pop": "motion",
    "jitter": "motion", "wrong_camera": "motion", "blur": "aesthetic", "noise": "aesthetic",
    "wrong_subject": "alignment", "wrong_colour": "alignment", "unsafe": "safety",
})  # fmt: skip
"""The metric that is there to see each fault."""
MEDIUM = 2
REAL_CRFS = (18, 23, 28)
ANY_CLIP = "a clip"
ASKED_OF_FOOTAGE: Mapping[str, tuple[str, str]] = MappingProxyType({
    "strobe": (f"{ANY_CLIP}, under strobe lighting", ""), "handheld_shake": (ANY_CLIP, "handheld"),
})  # fmt: skip
"""What is asked for where a real take is made hard: prompt and move."""


class Mark(NamedTuple):
    """What the judge said of one clip: its metrics by name, and whether it passed."""

    kind: str
    strength: int
    name: str
    metrics: Mapping[str, float]
    passed: bool


Judge = Callable[[Path, str, str], tuple[Mapping[str, float], bool]]
"""Judges a file by what was asked for: the prompt, and the camera's move or nothing."""


MEASURED = ("alignment", "motion", "aesthetic", "safety", "aggregate")


def graded(scores: Any) -> tuple[Mapping[str, float], bool]:
    """Read a judge's answer off an event's scores; what was not measured counts as in the middle."""
    values = {name: getattr(scores, name) for name in MEASURED}
    return {name: 0.5 if value is None else value for name, value in values.items()}, scores.passed


def examine(cases: Iterable[Case], judge: Judge, folder: Path) -> list[Mark]:
    """Make every clip of a set, have it judged, and throw it away."""
    marks = []
    for case in cases:
        path = write_case(case, folder)
        marks.append(Mark(case.kind, case.strength, case.name, *judge(path, case.prompt, case.camera)))
        path.unlink()
    return marks


def examine_footage(
    seed: int,
    judge: Judge,
    folder: Path,
    *,
    faults: Sequence[str],
    strengths: Sequence[int],
    every: int = 1,
    clean_views: int = 1,
    hard_views: int = 0,
    part: tuple[int, int] = (0, 1),
) -> list[Mark]:
    """Do the same to real takes: every so many of them with each fault, all of them clean and hard in several views.

    Args:
        seed: Of the views and the faults.
        judge: Judges each clip.
        folder: Where the clips are written, one at a time.
        faults: What is injected into the first views.
        strengths: Of each fault.
        every: Of the pairs of a take and a fault, one in so many.
        clean_views: Of each take, framed, mirrored and graded otherwise.
        hard_views: Of those, so many once more as each hard kind.
        part: `(index, n)`: one part of the takes of n.
    """
    marks = []
    before: Frames | None = None
    for position, take in enumerate(takes(seed, n_views=clean_views)):
        index, view = divmod(position, clean_views)
        other, before = before if before is not None else take.frames[::-1], take.frames
        if index % part[1] != part[0]:
            continue
        wished = [("clean", 0)]
        if view == 0:
            pairs = [(fault, strength) for fault in faults for strength in strengths]
            wished += [pair for number, pair in enumerate(pairs, start=1) if (index + number) % every == 0]
        wished += [(kind, 0) for kind in HARD_KINDS if view < hard_views]
        for kind, strength in wished:
            rng = np.random.default_rng([seed, index, strength])
            frames = _as_kind(kind, strength, take, other, rng)
            # A coarse encoding would take the grain away again.
            crf = min(REAL_CRFS[index % 3], 23) if kind == "noise" else REAL_CRFS[index % 3]
            path = write_clip(frames, folder / f"{take.name}-{kind}-{strength}.mp4", fps=take.fps, crf=crf)
            prompt, camera = ASKED_OF_FOOTAGE.get(kind, (ANY_CLIP, ""))
            marks.append(Mark(kind, strength, take.name, *judge(path, prompt, camera)))
            path.unlink()
    return marks


def _as_kind(kind: str, strength: int, take: Take, other: Frames, rng: np.random.Generator) -> Frames:
    """Make the take what is wished: as it is, with a fault, or hard to judge."""
    if kind == "clean":
        return take.frames
    if kind in HARD:
        return HARD[kind](with_room(take.frames), take.fps, rng)
    if kind == "cross_fade":
        width, height = take.frames.shape[2], take.frames.shape[1]
        after = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA) for frame in other]
        return cross_fade(take.frames, np.stack([after[min(n, len(after) - 1)] for n in range(len(take.frames))]))
    return INJECTIONS[kind](take.frames, strength, rng)


class Told(NamedTuple):
    """How well one fault is told from clean clips.

    Attributes:
        auc: By strength: probability that a clean clip scores above a broken one, by the metric meant for the fault.
        auc_aggregate: The same by the aggregate, at medium strength.
        means: Mean of the metric by strength, clean first.
    """

    fault: str
    auc: tuple[float, ...]
    auc_aggregate: float
    means: tuple[float, ...]

    @property
    def medium(self) -> float:
        """AUC at medium strength."""
        return self.auc[MEDIUM - 1]

    @property
    def falls(self) -> bool:
        """Stronger is never better; a hundredth is forgiven where the metric has reached its floor."""
        return all(later <= earlier + 0.01 for earlier, later in zip(self.means, self.means[1:], strict=False))


def told(marks: Sequence[Mark], faults: Sequence[str]) -> list[Told]:
    """Say how well each fault is told."""
    values: dict[tuple[str, int], list[Mark]] = defaultdict(list)
    for mark in marks:
        values[mark.kind, mark.strength].append(mark)
    clean = values["clean", 0]
    found = []
    for fault in faults:
        metric = METRIC[fault]
        of = {strength: values[fault, strength] for strength in STRENGTHS if values[fault, strength]}
        found.append(
            Told(
                fault,
                tuple(auc(_metric(clean, metric), _metric(of.get(s, ()), metric)) for s in STRENGTHS),
                auc(_metric(clean, "aggregate"), _metric(of.get(MEDIUM, ()), "aggregate")),
                tuple(float(np.mean(_metric(each, metric))) for each in (clean, *of.values())),
            )
        )
    return found


def wrongly_failed(marks: Sequence[Mark], kinds: Sequence[str] = HARD_KINDS) -> list[str]:
    """Name the clips without a fault that did not pass."""
    return [mark.name for mark in marks if mark.kind in kinds and not mark.passed]


def auc(good: Sequence[float], bad: Sequence[float]) -> float:
    """Probability that a good clip scores above a bad one; ties count half; 1 where there is nothing to compare."""
    if not len(good) or not len(bad):
        return 1.0
    above = np.subtract.outer(np.asarray(good, float), np.asarray(bad, float))
    return float(((above > 0) + 0.5 * (above == 0)).mean())


def _metric(marks: Sequence[Mark], name: str) -> list[float]:
    return [mark.metrics[name] for mark in marks]
