"""Frames of a scene, one after the other, with the faults that were asked for.

Used by `encode.py` for files, and directly by tests that need no file.
"""

from collections.abc import Iterator, Sequence

from msgspec import structs

from simulator.scenes.canvas import UInt8Frame
from simulator.scenes.defects import Faults, spoil_scene, strengths
from simulator.scenes.grammar import Defect, Scene, Subject
from simulator.scenes.lighting import lit
from simulator.scenes.stage import build_stage, frame_at


def render_frames(
    scene: Scene,
    *,
    duration_s: float,
    fps: int,
    size_px: tuple[int, int],
    seed: int,
    defects: Sequence[Defect] = (),
) -> Iterator[UInt8Frame]:
    """Render a scene.

    Args:
        scene: What to show.
        duration_s: Length, > 0; the number of frames is `round(duration_s * fps)`, at least 1.
        fps: Frames per second, > 0.
        size_px: Width and height, both even.
        seed: Same seed, same pixels.
        defects: Faults to paint in.

    Yields:
        RGB frames, shape (height, width, 3), uint8.

    Raises:
        ValueError: a length, rate or size that cannot be rendered.
    """
    width, height = size_px
    if duration_s <= 0 or fps <= 0 or width < 16 or height < 16 or width % 2 or height % 2:  # noqa: PLR2004
        raise ValueError(f"cannot render {duration_s} s at {fps} fps and {width}x{height}")
    return _frames(scene, round(duration_s * fps) or 1, fps=fps, size_px=size_px, seed=seed, defects=defects)


def _frames(
    scene: Scene, n_frames: int, *, fps: int, size_px: tuple[int, int], seed: int, defects: Sequence[Defect]
) -> Iterator[UInt8Frame]:
    wished = strengths(defects)
    faults = Faults(wished, n_frames=n_frames, seed=seed)
    shown = spoil_scene(scene, wished, seed=seed)
    stages = [build_stage(shown, size_px=size_px, seed=seed)]
    if faults.has_cuts:
        stages.append(build_stage(_other_angle(shown), size_px=size_px, seed=seed + 1))
    for index in range(n_frames):
        moment = faults.moment(index)
        ripple, phase = faults.ripple(index)
        frame = frame_at(
            stages[faults.shot(index)],
            u=moment / max(n_frames - 1, 1),
            t_s=moment / fps,
            ripple=ripple,
            phase=phase,
        )
        t_s = moment / fps
        yield faults.finish(lit(frame, shown.light_change, u=moment / max(n_frames - 1, 1), t_s=t_s), index, t_s=t_s)


def _other_angle(scene: Scene) -> Scene:
    """The same things seen closer or from farther away, as after a cut."""
    subjects = tuple(
        Subject(name=s.name, colour=s.colour, size="small" if s.size != "small" else "large", motion=s.motion)
        for s in scene.subjects
    )
    return structs.replace(scene, subjects=subjects[::-1])
