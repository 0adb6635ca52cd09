"""Where the camera and the subjects are at each moment of a clip; pure functions of time.

Used by `stage.py` for every frame. Lengths are view heights, angles degrees, `u` is the share of the clip that
has passed.
"""

import math

from msgspec import Struct

from simulator.scenes.grammar import CameraName, MotionName

ZOOM_REACH = 0.25  # a dolly move ends this much closer
_PAN_REACH = 0.12
_TILT_REACH = 0.09
_ORBIT_REACH = 0.126  # half of the way that the background goes behind the subjects
_BREATH = 0.004  # radius of the slow drift that even a camera on a tripod has in generated video


class View(Struct, frozen=True, kw_only=True):
    """What the camera sees: the point at the middle of the frame, the zoom (1 = the whole view) and the roll."""

    x: float = 0.0
    y: float = 0.0
    zoom: float = 1.0
    roll: float = 0.0
    swing: float = 0.0  # orbit: -1 to 1, turns the subjects
    sweep: float = 0.0  # orbit: how far the background has passed to the left behind the subjects, view heights


class Pose(Struct, frozen=True, kw_only=True):
    """How a subject differs from standing still."""

    x: float = 0.0
    y: float = 0.0
    angle: float = 0.0
    scale_x: float = 1.0
    scale_y: float = 1.0


def _ease(u: float) -> float:
    return u * u * (3.0 - 2.0 * u)


def camera_view(camera: CameraName, *, u: float, t_s: float, aspect: float) -> View:
    """Where the camera is.

    Args:
        camera: The camera move.
        u: Share of the clip that has passed, in [0, 1].
        t_s: Seconds since the start.
        aspect: Width over height of the frame; narrow frames leave less room to pan.
    """
    across = (2.0 * _ease(u) - 1.0) * _PAN_REACH * min(1.0, aspect)
    along = (2.0 * _ease(u) - 1.0) * _TILT_REACH
    views: dict[CameraName, View] = {
        "static": View(x=_BREATH * math.cos(0.9 * t_s), y=_BREATH * math.sin(0.9 * t_s)),
        "dolly_in": View(zoom=1.0 + ZOOM_REACH * _ease(u)),
        "dolly_out": View(zoom=1.0 + ZOOM_REACH * (1.0 - _ease(u))),
        "pan_left": View(x=-across),
        "pan_right": View(x=across),
        "tilt_up": View(y=-along),
        "tilt_down": View(y=along),
        "orbit": _orbit(1.0, u=u, aspect=aspect),
        "orbit_clockwise": _orbit(1.0, u=u, aspect=aspect),
        "orbit_counterclockwise": _orbit(-1.0, u=u, aspect=aspect),
        "handheld": _handheld(t_s),
    }
    return views[camera]


def _orbit(side: float, *, u: float, aspect: float) -> View:
    """Circle the subjects: they stay in the middle, what is behind passes one way and what is before the other."""
    swing = side * (2.0 * _ease(u) - 1.0)
    return View(zoom=1.06, swing=swing, sweep=swing * _ORBIT_REACH * min(1.0, aspect))


def _handheld(t_s: float) -> View:
    x = 0.010 * math.sin(2.1 * t_s) + 0.004 * math.sin(5.3 * t_s + 1.0)
    y = 0.008 * math.sin(2.7 * t_s + 0.5) + 0.004 * math.sin(4.4 * t_s)
    return View(x=x, y=y, zoom=1.05, roll=0.5 * math.sin(1.7 * t_s))


def subject_pose(motion: MotionName, *, u: float, t_s: float, stands: bool) -> Pose:
    """How a subject moves; a thing that stands turns about its upright axis, one that floats about the view axis."""
    reach = 2.0 * _ease(u) - 1.0
    step = -0.006 * abs(math.sin(6.0 * t_s))
    breath = math.sin(1.8 * t_s)
    # What stands on the ground rises from it; what floats passes through the middle.
    lift = 0.13 if stands else 0.0
    turn = Pose(scale_x=0.72 + 0.28 * math.cos(1.6 * t_s)) if stands else Pose(angle=60.0 * t_s)
    poses: dict[MotionName, Pose] = {
        "still": Pose(y=0.0 if stands else 0.012 * breath, scale_x=1.0 - 0.004 * breath, scale_y=1.0 + 0.006 * breath),
        "left": Pose(x=-0.2 * reach, y=step),
        "right": Pose(x=0.2 * reach, y=step),
        "bouncing": Pose(y=-0.2 * abs(math.sin(2.6 * t_s))),
        "rotating": turn,
        "rising": Pose(y=-0.15 * reach - lift),
        "falling": Pose(y=0.15 * reach - lift),
        "swaying": Pose(x=0.018 * math.sin(1.9 * t_s), angle=7.0 * math.sin(1.9 * t_s)),
    }
    return poses[motion]
