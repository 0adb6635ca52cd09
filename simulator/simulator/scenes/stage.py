"""A scene painted once, to be seen from any camera position: a background larger than the view, a sprite a subject.

`build_stage` is the expensive step (once a clip); `frame_at` only moves and blends. Used by `render.py` and by
the training set of the small CLIP.
"""

import math
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
from msgspec import structs

from simulator.scenes.canvas import RGB, UInt8Frame
from simulator.scenes.grammar import LightName, PlaceName, Scene, Subject
from simulator.scenes.light import LIGHTS, grade, grade_sprite
from simulator.scenes.palette import USUAL, tint
from simulator.scenes.places import Place, Setting
from simulator.scenes.poses import Pose, View, camera_view, subject_pose
from simulator.scenes.subjects import KINDS, Sprite, paint_sprite
from simulator.scenes.wilds import PLACES, paint_place

_MARGIN = 1.3  # the background is this much larger than the view, on each axis
_HEIGHT = {"small": 0.36, "medium": 0.5, "large": 0.66}  # of the view
_SPRITE_SPAN = 1.12  # the sprite's side over the painter's square
_MOVES_SIDEWAYS = frozenset({"left", "right"})
_N_WISPS = 3
_WISP_LIFE_S = 3.0
_WISP_ALPHA = 110
_N_MOTES = {"snow": 26, "plain": 0}


def _soft_disc(side_px: int) -> Sprite:
    y, x = np.ogrid[-1 : 1 : side_px * 1j, -1 : 1 : side_px * 1j]
    share = np.clip(1.0 - np.sqrt(x * x + y * y), 0, 1)
    return np.repeat(np.asarray(_WISP_ALPHA * share, np.uint8)[..., None], 4, axis=2)


_WISP = _soft_disc(96)  # premultiplied white; alike in all channels


class Actor(NamedTuple):
    """One subject on the stage."""

    subject: Subject
    sprite: Sprite
    shadow: Sprite | None
    x: float
    y: float
    size: float  # height of the painter's square, in view heights


class Motes(NamedTuple):
    """Specks that drift through the air: x, y, speed down and speed right a second, one row each."""

    state: npt.NDArray[np.float64]
    colour: RGB


class Stage(NamedTuple):
    """Everything that is painted once."""

    scene: Scene
    background: Sprite
    actors: tuple[Actor, ...]
    motes: Motes
    size_px: tuple[int, int]

    @property
    def aspect(self) -> float:
        """Width over height of the view."""
        return self.size_px[0] / self.size_px[1]


def build_stage(scene: Scene, *, size_px: tuple[int, int], seed: int) -> Stage:
    """Paint a scene.

    Args:
        scene: What to show; without a subject only the place is painted.
        size_px: Width and height of the frames.
        seed: Chooses shades, layout and texture; the same seed paints the same pixels.
    """
    rng = np.random.default_rng(seed)
    light: LightName = scene.light or "day"
    place: PlaceName = scene.place or "plain"
    width, height = size_px
    colour = None if scene.place_colour is None else tint(scene.place_colour, rng)
    canvas_px = (math.ceil(width * _MARGIN), math.ceil(height * _MARGIN))
    setting = Setting(light=light, colour=colour, rng=rng)
    painted = paint_place(place, setting, size_px=canvas_px, unit_px=float(height))
    # Four channels, because cv2 warps them twice as fast as three.
    background = cv2.cvtColor(_grained(grade(painted, light), rng), cv2.COLOR_RGB2RGBA)
    actors = _cast(scene, place, light, size_px=size_px, rng=rng)
    return Stage(scene, np.asarray(background, np.uint8), actors, _motes(place, light, rng), size_px)


def _grained(pixels: UInt8Frame, rng: np.random.Generator) -> UInt8Frame:
    """A fixed, fine texture; flat colour would give optical flow nothing to hold on to."""
    height, width = pixels.shape[:2]
    noise = 128 + 5.0 * rng.standard_normal((max(height // 3, 2), max(width // 3, 2)), np.float32)
    grain = cv2.resize(noise.astype(np.uint8), (width, height), interpolation=cv2.INTER_LINEAR)
    grey = cv2.cvtColor(grain, cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.addWeighted(pixels, 1.0, grey, 1.0, -128.0), np.uint8)


def _cast(
    scene: Scene, place: PlaceName, light: LightName, *, size_px: tuple[int, int], rng: np.random.Generator
) -> tuple[Actor, ...]:
    n = len(scene.subjects)
    fit = min(1.0, 1.15 * size_px[0] / size_px[1])
    actors = []
    for index, subject in enumerate(scene.subjects):
        kind = KINDS[subject.name]
        size = _HEIGHT[subject.size] * kind.scale * fit * (1.0 if n == 1 else 0.76)
        x = 0.0 if n == 1 else (index - 0.5) * 0.52 * fit
        ground = PLACES[place].ground
        y = -0.06 if kind.foot is None or place == "sky" else ground - kind.foot * size
        side_px = max(8, round(size * size_px[1] * _SPRITE_SPAN))
        sprite = grade_sprite(
            paint_sprite(subject.name, tint(subject.colour or USUAL[subject.name], rng), side_px=side_px), light
        )
        if subject.motion == "left":
            sprite = np.ascontiguousarray(sprite[:, ::-1])
        shadow = None if kind.foot is None or place == "sky" else _shadow(side_px)
        actors.append(Actor(subject, sprite, shadow, x + float(rng.uniform(-0.04, 0.04)), y, size))
    return tuple(actors)


def _shadow(width_px: int) -> Sprite:
    height_px = max(4, width_px // 8)
    y, x = np.ogrid[-1 : 1 : height_px * 1j, -1 : 1 : width_px * 1j]
    shadow = np.zeros((height_px, width_px, 4), np.uint8)
    shadow[..., 3] = np.asarray(120 * np.clip(1.15 - (x * x / 0.72 + y * y / 0.8), 0, 1))
    return shadow


def _motes(place: PlaceName, light: LightName, rng: np.random.Generator) -> Motes:
    n = _N_MOTES.get(place, 9)
    low, high = (
        (-0.75, -0.5, 0.05 if place == "snow" else -0.02, 0.01),
        (0.75, 0.5, 0.14 if place == "snow" else 0.02, 0.05),
    )
    gain = LIGHTS[light].ground_gain
    r, g, b = (int(min(255, 170 + 85 * channel)) for channel in gain)
    return Motes(rng.uniform(low, high, (n, 4)), (r, g, b))


def frame_at(stage: Stage, *, u: float, t_s: float, ripple: float = 0.0, phase: float = 0.0) -> UInt8Frame:
    """See the stage at one moment.

    Args:
        stage: The painted scene.
        u: Share of the clip that has passed, in [0, 1].
        t_s: Seconds since the start.
        ripple: How much the subjects lose their shape, in sprite sides; 0 keeps it.
        phase: Where the ripple is, radians.
    """
    view = camera_view(stage.scene.camera, u=u, t_s=t_s, aspect=stage.aspect)
    place = PLACES[stage.scene.place or "plain"]
    frame = _see(stage.background, view, stage.size_px) if view.sweep == 0.0 else _see_around(stage, view, place)
    for actor in stage.actors:
        pose = _pose(actor, u=u, t_s=t_s, reach=1.0 if len(stage.actors) == 1 else 0.4)
        if actor.shadow is not None:
            below = Pose(x=pose.x, scale_x=1.0 + 1.2 * pose.y)
            foot = KINDS[actor.subject.name].foot or 0.0
            _blend(frame, actor.shadow, view, actor._replace(y=actor.y + foot * actor.size), pose=below)
        sprite = actor.sprite if ripple == 0.0 else _rippled(actor.sprite, ripple, phase)
        _blend(frame, sprite, view, actor, pose=pose)
    if stage.scene.steam and stage.actors:
        _steam(frame, view, stage.actors[0], t_s=t_s)
    _drift(frame, stage.motes, view, t_s=t_s)
    return np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGBA2RGB), np.uint8)


def _pose(actor: Actor, *, u: float, t_s: float, reach: float) -> Pose:
    pose = subject_pose(actor.subject.motion, u=u, t_s=t_s, stands=KINDS[actor.subject.name].foot is not None)
    return structs.replace(pose, x=reach * pose.x)


def _see(background: Sprite, view: View, size_px: tuple[int, int]) -> Sprite:
    width, height = size_px
    turn = math.radians(view.roll)
    cos, sin = math.cos(turn) / view.zoom, math.sin(turn) / view.zoom
    middle_x = background.shape[1] / 2 + view.x * height
    middle_y = background.shape[0] / 2 + view.y * height
    if view.zoom == 1.0 and view.roll == 0.0 and view.x == 0.0 and view.y == 0.0:
        left, top = round(middle_x - width / 2), round(middle_y - height / 2)
        return np.array(background[top : top + height, left : left + width], np.uint8, order="C")
    matrix = np.array(
        [
            [cos, -sin, middle_x - cos * width / 2 + sin * height / 2],
            [sin, cos, middle_y - sin * width / 2 - cos * height / 2],
        ]
    )
    seen = cv2.warpAffine(
        background,
        matrix,
        (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(seen, np.uint8)


def _see_around(stage: Stage, view: View, place: Place) -> Sprite:
    """See the background from a camera that circles the subjects.

    All above the back of the ground passes by as one. The ground turns about the place where the subjects stand: its
    points pass the slower the nearer they are to it, and what is before it passes the other way. With the camera level
    this grows evenly from row to row: a shear.
    """
    width, height = stage.size_px
    scale = 1.0 / view.zoom
    left = stage.background.shape[1] / 2 + view.sweep * height - scale * width / 2
    top = stage.background.shape[0] / 2 - scale * height / 2
    back_row = round(height / 2 + place.back * view.zoom * height)
    lean = -view.sweep * scale / (place.ground - place.back)
    seen = np.empty((height, width, 4), np.uint8)
    for first, last, slope in ((0, back_row, 0.0), (back_row, height, lean)):
        matrix = np.array([[scale, slope, left], [0.0, scale, top + scale * first]])
        cv2.warpAffine(
            stage.background,
            matrix,
            (width, last - first),
            dst=seen[first:last],
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
    return seen


def _blend(frame: Sprite, sprite: Sprite, view: View, actor: Actor, *, pose: Pose) -> None:
    """Lay a sprite over the frame, in place, touching only the box that it covers."""
    height, width = frame.shape[:2]
    matrix = _turn_and_scale(actor, pose, view, per_px=height * _SPRITE_SPAN / sprite.shape[1])
    centre = np.array(
        [
            width / 2 + (actor.x + pose.x - view.x) * view.zoom * height,
            height / 2 + (actor.y + pose.y - view.y) * view.zoom * height,
        ]
    )
    extent = np.array([sprite.shape[1], sprite.shape[0]])
    reach = np.abs(matrix) @ extent / 2 + 1
    left, top = np.maximum(centre - reach, 0).astype(int)
    right, bottom = np.minimum(centre + reach + 1, (width, height)).astype(int)
    if right <= left or bottom <= top:
        return
    offset = centre - (left, top) - 0.5 - matrix @ ((extent - 1) / 2)
    # Sprites shrink little here, so linear sampling does not alias.
    whole = np.column_stack([matrix, offset])
    patch = cv2.warpAffine(sprite, whole, (int(right - left), int(bottom - top)), flags=cv2.INTER_LINEAR)
    clear = cv2.cvtColor(cv2.bitwise_not(cv2.extractChannel(patch, 3)), cv2.COLOR_GRAY2RGBA)
    under = frame[top:bottom, left:right]
    clear[..., 3] = 255
    frame[top:bottom, left:right] = cv2.add(cv2.multiply(under, clear, scale=1 / 255), patch)


def _turn_and_scale(actor: Actor, pose: Pose, view: View, *, per_px: float) -> npt.NDArray[np.float64]:
    scale = actor.size * per_px * view.zoom
    turn = math.radians(pose.angle - view.roll)
    along = scale * pose.scale_x * (1.0 - 0.16 * view.swing**2)
    down = scale * pose.scale_y
    cos, sin = math.cos(turn), math.sin(turn)
    return np.array([[cos * along, -sin * down], [sin * along, cos * down]])


def _steam(frame: Sprite, view: View, actor: Actor, *, t_s: float) -> None:
    """Three soft wisps that rise from the top of a subject, widen and fade."""
    for index in range(_N_WISPS):
        age = (t_s / _WISP_LIFE_S + index / _N_WISPS) % 1.0
        wisp = np.asarray(cv2.convertScaleAbs(_WISP, alpha=math.sin(math.pi * age)), np.uint8)
        x = 0.08 * actor.size * math.sin(2.2 * t_s + 2.1 * index)
        y = -actor.size * (0.28 + 0.42 * age)
        widening = Pose(x=x, y=y, scale_x=0.16 + 0.16 * age, scale_y=0.3 + 0.1 * age)
        _blend(frame, wisp, view, actor, pose=widening)


def _rippled(sprite: Sprite, ripple: float, phase: float) -> Sprite:
    side = sprite.shape[0]
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    turn = 2 * math.pi / side
    shift = ripple * side
    moved_x = x + shift * np.sin(2 * turn * y + phase) + 0.6 * shift * np.sin(5 * turn * y - 2 * phase)
    moved_y = y + shift * np.cos(3 * turn * x + 1.3 * phase)
    warped = cv2.remap(sprite, moved_x.astype(np.float32), moved_y.astype(np.float32), cv2.INTER_LINEAR)
    return np.asarray(warped, np.uint8)


def _drift(frame: Sprite, motes: Motes, view: View, *, t_s: float) -> None:
    height, width = frame.shape[:2]
    if height < 200:  # noqa: PLR2004 - below this a speck would be larger than a pixel's share of it
        return
    for x, y, down, right in motes.state:
        # Specks are between the camera and the subjects: in an orbit they pass against the background.
        at_x = ((x + right * t_s + 0.85) % 1.7 - 0.85 - view.x + view.sweep) * view.zoom * height + width / 2
        at_y = ((y + down * t_s + 0.55) % 1.1 - 0.55 - view.y) * view.zoom * height + height / 2
        centre = (round(at_x * 16), round(at_y * 16))
        cv2.circle(frame, centre, round(0.0035 * height * 16), motes.colour, -1, cv2.LINE_AA, 4)
