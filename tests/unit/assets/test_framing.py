import math
import random

import cv2
import numpy as np
import pytest
from assets.domain.framing import REACH, CropPath, best_window, crop_size
from assets.domain.saliency import Saliency, analysis_size
from simulator.scenes.grammar import CAMERAS, LIGHTS, PLACES, SUBJECTS, Subject

N_CLIPS = 20
N_FRAMES = 60
SIZE_PX = (192, 108)
SHARE = (108 * 9 / 16) / 192
"""Of a wide picture's width that an upright crop covers."""
PATHS = {
    "left": lambda _: -0.48,
    "right": lambda _: 0.45,
    "middle": lambda _: 0.06,
    "across": lambda u: 0.96 * u - 0.48,
    "there and back": lambda u: 0.42 * math.cos(1.5 * math.pi * u),
}


def places_of(pictures) -> list[float]:
    """Middle of the crop in each frame, as a share of the width."""
    look, path = Saliency(along_width=True), CropPath(SHARE)
    for picture in pictures:
        small = cv2.resize(picture, analysis_size(*SIZE_PX), interpolation=cv2.INTER_AREA)
        profile, is_cut = look.profile(small)
        path.add(profile, is_cut=is_cut)
    return [path.centre(index) for index in range(len(pictures))]


def holds(centre: float, subject: tuple[int, int]) -> bool:
    """The crop shows nine tenths of what it could show of the subject."""
    width = SHARE * SIZE_PX[0]
    left = min(max(centre * SIZE_PX[0] - width / 2, 0), SIZE_PX[0] - width)
    shown = min(left + width, subject[1]) - max(left, subject[0])
    return shown >= 0.9 * min(width, subject[1] - subject[0])


@pytest.fixture(scope="session")
def clips(known_subject):
    """Random scenes, random subjects that stand, cross or turn back anywhere in the picture."""
    rng = random.Random(2026)
    drawn = []
    for _ in range(N_CLIPS):
        subject = Subject(
            name=rng.choice(SUBJECTS),
            size=rng.choice(("small", "medium")),
            motion=rng.choice(("still", "bouncing", "swaying")),
        )
        scene = {"place": rng.choice(PLACES), "camera": rng.choice(CAMERAS), "light": rng.choice(LIGHTS)}
        path = rng.choice(list(PATHS.values()))
        seed = rng.randrange(10**6)
        drawn.append(list(known_subject(subject, path=path, n_frames=N_FRAMES, size_px=SIZE_PX, seed=seed, **scene)))
    return drawn


@pytest.fixture(scope="session")
def paths(clips):
    return [places_of([seen.picture for seen in clip]) for clip in clips]


def test_the_subject_stays_in_the_crop(clips, paths) -> None:
    held = [
        holds(c, seen.subject)
        for clip, path in zip(clips, paths, strict=True)
        for c, seen in zip(path, clip, strict=True)
    ]
    in_the_middle = [holds(0.5, seen.subject) for clip in clips for seen in clip]
    assert np.mean(held) >= 0.95
    assert np.mean(in_the_middle) < 0.5  # the set is one on which a crop that does not follow fails


def test_the_crop_does_not_jitter(paths) -> None:
    for path in paths:
        steps = np.diff(path) * SIZE_PX[0]
        turns = np.sum(np.diff(np.sign(steps[np.abs(steps) > 0.05])) != 0)
        assert turns <= 6, "a crop that shakes turns back again and again"
        assert np.abs(np.diff(steps)).max() <= 0.01 * SIZE_PX[0], "a crop that jerks changes its speed at once"


def test_the_crop_stands_still_for_a_subject_that_does(known_subject) -> None:
    pictures = known_subject(Subject(name="car", colour="red"), path=lambda _: 0.3, n_frames=40, place="field")
    path = places_of([seen.picture for seen in pictures])
    assert max(path) - min(path) < 0.03


def test_a_cut_is_not_smoothed_over(known_subject) -> None:
    first = [
        seen.picture for seen in known_subject(Subject(name="ball"), path=lambda _: -0.5, n_frames=30, place="snow")
    ]
    second = [
        seen.picture
        for seen in known_subject(Subject(name="ball"), path=lambda _: 0.5, n_frames=30, place="room", light="night")
    ]
    path = places_of([*first, *second])
    assert abs(path[29] - path[0]) < 0.05
    assert path[30] - path[29] > 0.3


def test_a_picture_without_a_subject_is_cropped_in_the_middle() -> None:
    assert best_window(np.zeros(96, np.float32), 0.3) == 0.5
    assert places_of([np.full((108, 192, 3), 90, np.uint8)] * 8) == pytest.approx([0.5] * 8)


def test_a_place_is_final_once_enough_frames_are_known(clips) -> None:
    look, whole, growing = Saliency(along_width=True), CropPath(SHARE), CropPath(SHARE)
    profiles = [look.profile(cv2.resize(seen.picture, analysis_size(*SIZE_PX))) for seen in clips[0]]
    for profile, is_cut in profiles:
        whole.add(profile, is_cut=is_cut)
    early = []
    for profile, is_cut in profiles:
        growing.add(profile, is_cut=is_cut)
        while len(early) + growing.reach < growing.n_frames:
            early.append(growing.centre(len(early)))
    assert len(early) == N_FRAMES - REACH
    assert early == [whole.centre(index) for index in range(len(early))]


@pytest.mark.parametrize(
    ("size", "ratio", "expected"),
    [
        ((1280, 720), (9, 16), (404, 720)),
        ((1280, 720), (1, 1), (720, 720)),
        ((720, 1280), (16, 9), (720, 404)),
        ((720, 720), (16, 9), (720, 404)),
        ((1281, 721), (1, 1), (720, 720)),
    ],
)
def test_a_crop_is_the_largest_window_of_its_ratio(size, ratio, expected) -> None:
    assert crop_size(*size, ratio) == expected
