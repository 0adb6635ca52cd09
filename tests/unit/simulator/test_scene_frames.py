"""Frames show the scene, move as asked, and carry the faults that were asked for."""

from itertools import pairwise

import cv2
import numpy as np
import pytest
from simulator.scenes import Defect, UInt8Frame, draft_defects, parse_prompt, render_frames
from simulator.scenes.grammar import CAMERAS, LIGHTS, MOTIONS, PLACES, SUBJECTS, Scene, Subject

CUP = parse_prompt("a red cup on a desk, slow dolly-in")


def frames_of(scene: Scene, *defects: Defect, seed: int = 1, size_px: tuple[int, int] = (160, 90)) -> list[UInt8Frame]:
    return list(render_frames(scene, duration_s=1.0, fps=12, size_px=size_px, seed=seed, defects=defects))


def first_of(scene: Scene, *defects: Defect, seed: int = 1, size_px: tuple[int, int] = (160, 90)) -> np.ndarray:
    frames = render_frames(scene, duration_s=1.0, fps=12, size_px=size_px, seed=seed, defects=defects)
    return next(iter(frames)).astype(int)


def steps(frames: list[UInt8Frame]) -> list[float]:
    return [float(np.abs(a.astype(int) - b.astype(int)).mean()) for a, b in pairwise(frames)]


def test_frames_have_the_asked_number_size_and_type() -> None:
    frames = frames_of(CUP)
    assert len(frames) == 12
    assert all(frame.shape == (90, 160, 3) and frame.dtype == np.uint8 for frame in frames)


def test_the_same_seed_gives_the_same_pixels_and_another_seed_others() -> None:
    assert all(np.array_equal(a, b) for a, b in zip(frames_of(CUP), frames_of(CUP), strict=True))
    assert not np.array_equal(first_of(CUP), first_of(CUP, seed=2))


@pytest.mark.parametrize("name", SUBJECTS)
def test_every_subject_is_visible_in_its_colour(name: str) -> None:
    with_it = first_of(Scene(subjects=(Subject(name=name, colour="red", size="large"),)))
    without = first_of(Scene())
    changed = np.abs(with_it - without).sum(axis=2) > 60
    assert 0.02 < changed.mean() < 0.6
    red = with_it[changed][:, 0] - with_it[changed][:, 1:].mean(axis=1)
    assert (red > 60).mean() > 0.15


@pytest.mark.parametrize("place", PLACES)
def test_every_place_fills_the_frame_under_every_light(place: str) -> None:
    means = {light: first_of(Scene(place=place, light=light)).mean(axis=(0, 1)) for light in LIGHTS}
    assert means["night"].sum() < 0.7 * means["day"].sum()
    assert means["sunset"][0] - means["sunset"][2] > means["day"][0] - means["day"][2] + 20
    assert all(np.abs(means["day"] - mean).max() > 8 for light, mean in means.items() if light != "day")


@pytest.mark.parametrize("camera", [camera for camera in CAMERAS if camera != "static"])
def test_every_camera_move_moves_smoothly(camera: str) -> None:
    changes = steps(frames_of(Scene(subjects=CUP.subjects, place="street", camera=camera)))
    assert max(changes) > 0.5
    assert max(changes) < 25


@pytest.mark.parametrize(("camera", "side"), [("orbit", 1), ("orbit_clockwise", 1), ("orbit_counterclockwise", -1)])
def test_in_an_orbit_the_wall_passes_behind_the_subject_and_the_ground_before_it_the_other_way(
    camera: str, side: int
) -> None:
    def way(rows: slice) -> float:
        first, last = (cv2.cvtColor(frames[index], cv2.COLOR_RGB2GRAY)[rows].astype(np.float32) for index in (5, 6))
        return float(cv2.phaseCorrelate(first, last, cv2.createHanningWindow(first.shape[::-1], cv2.CV_32F))[0][0])

    frames = frames_of(Scene(subjects=CUP.subjects, place="street", camera=camera), size_px=(640, 360))
    assert side * way(slice(0, 150)) < -1
    assert side * way(slice(320, 360)) > 0.5
    red = [np.nonzero(frame[..., 0].astype(int) - frame[..., 1:].max(axis=2) > 60)[1].mean() for frame in frames]
    assert np.ptp(red) < 6, "the subject stays where it is"


@pytest.mark.parametrize("motion", MOTIONS)
def test_every_motion_moves_the_subject(motion: str) -> None:
    scene = Scene(subjects=(Subject(name="ball", colour="blue", motion=motion),))
    frames = frames_of(scene, size_px=(320, 180))
    assert not np.array_equal(frames[0], frames[6])


def test_upright_and_square_frames_show_the_subject_whole() -> None:
    for size_px in ((90, 160), (128, 128)):
        frame = first_of(Scene(subjects=(Subject(name="ball", colour="red", size="large"),)), size_px=size_px)
        red = (frame[..., 0] - frame[..., 1:].max(axis=2)) > 60
        assert red.sum() > 100
        assert not red[:, 0].any()
        assert not red[:, -1].any()


def test_two_subjects_stand_side_by_side() -> None:
    frame = first_of(parse_prompt("a red ball and a blue cup on a plain background"))
    red = np.nonzero(frame[..., 0] - frame[..., 2] > 100)[1].mean()
    blue = np.nonzero(frame[..., 2] - frame[..., 0] > 80)[1].mean()
    assert red < 80 < blue


def test_a_freeze_repeats_the_last_frames() -> None:
    assert steps(frames_of(CUP, Defect(kind="freeze")))[-1] == 0
    assert steps(frames_of(CUP))[-1] > 0


def test_a_jump_cut_is_the_largest_step_by_far() -> None:
    changes = sorted(steps(frames_of(parse_prompt("a red cup on a desk"), Defect(kind="jump_cut", strength=0.0)))[-1:])
    cut = sorted(steps(frames_of(parse_prompt("a red cup on a desk"), Defect(kind="jump_cut", strength=0.2))))
    assert cut[-1] > 5 * max(cut[-2], changes[0])


def test_flicker_changes_the_brightness_from_frame_to_frame() -> None:
    def swing(*defects: Defect) -> float:
        means = [frame.mean() for frame in frames_of(CUP, *defects)]
        return float(np.abs(np.diff(means, n=2)).mean())

    assert swing(Defect(kind="flicker")) > 10 * swing()


def test_blur_softens_and_noise_roughens() -> None:
    def roughness(*defects: Defect) -> float:
        frame = first_of(CUP, *defects, size_px=(320, 180))
        return float(np.abs(np.diff(frame, axis=1)).mean())

    assert roughness(Defect(kind="blur")) < 0.7 * roughness() < roughness() < 0.7 * roughness(Defect(kind="noise"))


@pytest.mark.parametrize("kind", ["wrong_subject", "wrong_colour", "morph"])
def test_a_spoiled_subject_looks_different(kind: str) -> None:
    spoiled = first_of(CUP, Defect(kind=kind))
    assert np.abs(spoiled - first_of(CUP)).mean() > 0.5


def test_drafts_of_different_seeds_are_worn_differently() -> None:
    assert len({draft_defects(seed) for seed in range(20)}) == 20
    assert draft_defects(3) == draft_defects(3)


@pytest.mark.parametrize("strength", [-0.1, 1.1])
def test_a_strength_outside_its_range_is_refused(strength: float) -> None:
    with pytest.raises(ValueError, match="strength"):
        Defect(kind="blur", strength=strength)


@pytest.mark.parametrize(("duration_s", "fps", "size_px"), [(0, 24, (64, 64)), (1, 0, (64, 64)), (1, 24, (63, 64))])
def test_what_cannot_be_rendered_is_refused(duration_s: float, fps: int, size_px: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="cannot render"):
        render_frames(CUP, duration_s=duration_s, fps=fps, size_px=size_px, seed=0)


def test_steam_rises_above_the_subject() -> None:
    wet = frames_of(Scene(subjects=CUP.subjects, steam=True), size_px=(320, 180))
    dry = frames_of(Scene(subjects=CUP.subjects), size_px=(320, 180))
    changed = np.abs(wet[6].astype(int) - dry[6].astype(int)).sum(axis=2) > 6
    rows = np.nonzero(changed)[0]
    assert changed.sum() > 30
    assert rows.max() < 110


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ("as the light fades", "darkening"),
        ("and it gets dark", "darkening"),
        ("then the sun comes out", "brightening"),
        ("with flashing lights", "pulsing"),
        ("at sunset", "steady"),
    ],
)
def test_a_prompt_can_let_the_light_change(words: str, change: str) -> None:
    scene = parse_prompt(f"a red cup on a desk {words}")
    assert (scene.light_change, scene.unknown_words) == (change, ())
    assert scene.subjects == parse_prompt("a red cup on a desk").subjects


def test_changing_light_moves_the_brightness_smoothly_and_nothing_else() -> None:
    def brightness(words: str) -> np.ndarray:
        scene = parse_prompt(f"a cup on a desk {words}")
        frames = render_frames(scene, duration_s=4.0, fps=12, size_px=(160, 90), seed=1)
        return np.array([frame.mean() for frame in frames])

    dark, bright, pulse = map(brightness, ("the light fades", "the light comes up", "flashing lights"))
    assert dark[-1] < 0.5 * dark[0]
    assert bright[-1] > 2.0 * bright[0]
    assert np.abs(np.diff(dark)).max() < 0.05 * dark[0], "no jump"
    assert np.sign(np.diff(pulse)).max() > 0 > np.sign(np.diff(pulse)).min()
    assert np.ptp(brightness("")) < 0.05 * dark[0]


def test_the_stand_in_for_an_unsafe_clip_covers_the_scene_and_moves() -> None:
    covered = frames_of(CUP, Defect(kind="unsafe"))
    assert not np.abs(covered[0].astype(int) - frames_of(parse_prompt("a blue car"), Defect(kind="unsafe"))[0]).any()
    assert min(steps(covered)) > 0
