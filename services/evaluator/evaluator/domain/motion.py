"""Does the clip move like one continuous take, and as it was asked to? Measured from optical flow; every part is kept.

One of the four metrics of the aggregate. The parts are blind to the prompt, but for light that is asked to flash, whose
changes are left out. Scoring them is not: cuts, stillness and the camera's way count by what was asked.
"""

from dataclasses import dataclass, field

import numpy as np

from evaluator.domain.arrays import Floats, LumaClip
from evaluator.domain.asked import Asked
from evaluator.domain.camera import CameraParts, agree_camera, measure_camera
from evaluator.domain.flow import FlowEngine, FlowTrack, track_flow
from evaluator.domain.interruptions import Interruptions, find_interruptions, worst_blocks
from evaluator.domain.similarity import fit_similarity, votes_of

CALIBRATION = "4"
"""Names the thresholds below in every score, after the flow that they were set for (DIS)."""
PAIR = 2
STILL_LEVELS = 0.3  # grey levels; no block of the frame changed by more: the frame is a copy of the one before
INTERRUPTION_FACTOR = 0.55  # each cut, jump or flash leaves this share of the score
FROZEN_SHARE = 0.2  # what a clip that never moves keeps of the score
CALM_SHARE = 0.6  # the same where nothing was asked to move
STILL_WAY = (0.004, 0.02)  # of the picture's width: (a standing picture, something has moved), for clips asked to move
BUSY_PX = (0.8, 1.2)  # own motion up to which nothing is allowed for, and by how much more it takes to allow twice
FLASH = 0.06  # change of the logarithm of brightness from frame to frame: more is a flash
LOOKED_AROUND = 0.5  # of the picture's width passed by: half of what is seen is new
OFF_COURSE = 0.45  # what a clip keeps whose camera does not do what was asked
GOES_ON = (
    0.4  # of motion that goes on is forgiven as much turning back: fast things hide one another, and the flow errs
)
OFTEN = 0.7  # quantile over time: something large that rushes past confuses the flow for a while only
RESTLESS_SHARE = 0.2  # of the blocks: what loses its shape is a part of the picture
TRIM = 0.25  # of the largest flicker values: isolated flashes are counted elsewhere, not averaged in

# (good, bad): full score up to the first value, none from the second on. Set on generated clips and on real footage.
RESIDUAL = (0.12, 0.40)
LOCAL_RESIDUAL = (0.27, 0.65)
FAILURE = (0.30, 0.75)
REVERSAL = (0.15, 0.60)
JITTER = (0.70, 1.80)
FLICKER = (0.005, 0.026)
LOCAL_FLICKER = (0.030, 0.090)


@dataclass(frozen=True, slots=True)
class MotionParts:
    """The measured parts, before any judgement. Lower is better but for `speed_px`, which is neither.

    Attributes:
        residual: What motion leaves unexplained against local contrast, median over time of the mean block, >= 0.
        local_residual: The same in the worst tenth of the blocks.
        failure: Share of pixels whose forward and backward flow disagree, median over time, [0, 1].
        reversal: Own motion of the blocks that turns back in the next pair, beyond 0.4 of what goes on, px, 0.7
            quantile over time in the worst fifth of them, >= 0: things that move go on, shapes that boil come back.
        jitter: Change of the whole picture's motion from pair to pair, relative to how fast it moves, >= 0.
        flicker: Change of brightness that reverses, along the motion, relative to brightness, trimmed mean, >= 0.
        local_flicker: The same in the worst tenth of the blocks.
        frozen: Share of frames that are copies of the one before, [0, 1].
        standstill: The longest run of them, share of the clip, [0, 1].
        speed_px: Mean motion at analysis size (320 px wide for 16:9), px per frame.
        own_px: Mean motion of the blocks against the whole picture's, px per frame: what moves by itself.
        way: How far the part that moves most has moved in all, shares of the picture's width.
        interruptions: Cuts, jumps and flashes.
        camera: The camera's way.
    """

    residual: float
    local_residual: float
    failure: float
    reversal: float
    jitter: float
    flicker: float
    local_flicker: float
    frozen: float
    standstill: float
    speed_px: float
    interruptions: Interruptions
    own_px: float = 0.0
    way: float = 1.0
    camera: CameraParts = field(default_factory=CameraParts)


def measure_motion(luma: LumaClip, flow: FlowEngine | None = None, *, flashes: bool = False) -> MotionParts:
    """Measure every part of motion consistency in one pass.

    Args:
        luma: Brightness at analysis size, shape (T, H, W), uint8, T >= 2, at most 30 frames per second.
        flow: What measures the flow; None: DIS.
        flashes: Light that flashes was asked for: the moments in which it changes are left out.

    Raises:
        InvalidClip: Fewer than two frames, or another shape or type.
    """
    track = between_flashes(luma, flow) if flashes else track_flow(luma, flow)
    speed_px = float(np.median(np.linalg.norm(track.flow, axis=-1).mean(axis=(1, 2))))
    camera = measure_camera(luma, speed_px=speed_px)
    return fold_motion(track, camera, width_px=luma.shape[2], flashes=flashes)


def fold_motion(track: FlowTrack, camera: CameraParts, *, width_px: int, flashes: bool = False) -> MotionParts:
    """Reduce a clip's flow to the parts of the metric."""
    copies = track.change < STILL_LEVELS
    # What a standing picture does not show would hide what is wrong with the rest.
    alive = track.only(~copies) if (~copies).sum() >= PAIR else track
    own = own_motion(alive, width_px=width_px)
    flicker, local_flicker = _flicker(alive)
    looked_for = alive.failure[np.isfinite(alive.failure)]
    return MotionParts(
        residual=float(np.median(alive.residual.mean(axis=(1, 2)))),
        local_residual=float(np.median(worst_blocks(alive.residual))),
        failure=float(np.median(looked_for)) if len(looked_for) else 0.0,
        reversal=_reversal(own, votes_of(alive.contrast)),
        jitter=_jitter(alive.flow),
        flicker=flicker,
        local_flicker=local_flicker,
        frozen=float(copies.mean()),
        standstill=_longest_run(copies) / len(copies),
        speed_px=float(np.linalg.norm(track.flow, axis=-1).mean()),
        interruptions=find_interruptions(track, light=not flashes),
        own_px=float(np.linalg.norm(alive.flow - np.median(alive.flow, axis=(1, 2))[:, None, None], axis=-1).mean()),
        way=float(np.quantile(np.linalg.norm(track.flow, axis=-1).sum(axis=0), 0.95)) / width_px,
        camera=camera,
    )


def between_flashes(luma: LumaClip, flow: FlowEngine | None = None) -> FlowTrack:
    """Leave out the pairs in which the light changes; where that leaves too few, even the light out instead."""
    track = track_flow(luma, flow)
    means = np.maximum(luma.reshape(len(luma), -1).mean(axis=1), 1)
    steady = np.abs(np.diff(np.log(means))) < FLASH
    if steady.sum() < max(PAIR, len(steady) / 3) or not np.isfinite(track.failure[steady]).any():
        gains = np.clip(np.median(means) / means, 0.25, 4)
        evened = np.clip(luma * gains[:, None, None].astype(np.float32), 0, 255)
        return track_flow(evened.astype(np.uint8), flow)
    return track.only(steady)


def score_motion(parts: MotionParts, asked: Asked | None = None) -> float:
    """Fold the parts into one number.

    Args:
        parts: As measured.
        asked: What was asked to move, and how; None: anything may, and nothing must.

    Returns:
        Motion in [0, 1]: the product of what each part leaves, times 0.55 per interruption that was not asked for,
        times what standing still and a camera off its course leave.
    """
    asked = asked or Asked()
    busy = is_busy(parts)
    consistency = (
        ramp(parts.residual / busy, RESIDUAL)
        * ramp(parts.local_residual / busy, LOCAL_RESIDUAL)
        * ramp(parts.failure, FAILURE)
        * ramp(parts.reversal, REVERSAL)
        * ramp(parts.jitter, JITTER)
        * (
            1.0
            if asked.flashes
            else ramp(parts.flicker / busy, FLICKER) * ramp(parts.local_flicker / busy, LOCAL_FLICKER)
        )
    )
    moments = parts.interruptions
    n_broken = moments.n_jumps + (0 if asked.cuts else moments.n_cuts) + (0 if asked.flashes else moments.n_flashes)
    return float(consistency * INTERRUPTION_FACTOR**n_broken * _liveliness(parts, asked) * _on_course(parts, asked))


def is_busy(parts: MotionParts) -> float:
    """Give how much more may be left unexplained where things move fast and cover one another, >= 1."""
    return 1 + max(0.0, parts.own_px - BUSY_PX[0]) / BUSY_PX[1]


def is_too_still(parts: MotionParts, asked: Asked) -> bool:
    """Tell whether something was asked to move and hardly anything does."""
    return asked.moves and not asked.still and parts.way < STILL_WAY[0]


def shows_other_parts(parts: MotionParts, asked: Asked) -> bool:
    """Tell whether the clip shows other parts of its scene at its end, so that drift says nothing about the subject."""
    return asked.flashes or asked.cuts or parts.camera.path > LOOKED_AROUND


def _liveliness(parts: MotionParts, asked: Asked) -> float:
    """Give what standing still leaves: nothing is lost where a still was asked for, most where a move was."""
    if asked.still:
        return 1.0
    least = CALM_SHARE if asked.camera == ("static",) and not asked.moves else FROZEN_SHARE
    lively = (1 - parts.frozen) * (1 - parts.standstill)  # a stop is worse than as many copies here and there
    if asked.moves:
        standing, moved = STILL_WAY
        lively = min(lively, float(np.clip((parts.way - standing) / (moved - standing), 0, 1)))
    return least + (1 - least) * lively


def _on_course(parts: MotionParts, asked: Asked) -> float:
    agreement = agree_camera(parts.camera, asked.camera)
    return 1.0 if agreement is None else OFF_COURSE + (1 - OFF_COURSE) * agreement


def ramp(value: float, limits: tuple[float, float]) -> float:
    """Give 1 up to the good limit, 0 from the bad limit on, linear between."""
    good, bad = limits
    return float(min(1.0, max(0.0, (bad - value) / (bad - good))))


def own_motion(track: FlowTrack, *, width_px: int) -> Floats:
    """Give what the camera does not account for in the motion of the blocks, px, (P, R, C, 2)."""
    height_px = width_px * track.flow.shape[1] // track.flow.shape[2]
    return fit_similarity(track.flow, votes_of(track.contrast), size_px=(width_px, height_px))[1]


def _reversal(own: Floats, votes: Floats) -> float:
    """Measure how far things come back; where there is no texture the flow is a guess, and hardly counts."""
    if len(own) < PAIR:
        return 0.0
    along = (own[1:] * own[:-1]).sum(axis=-1)
    seen = np.minimum(votes[1:], votes[:-1])
    back, on = (np.quantile(np.sqrt(np.maximum(0, way)) * seen, OFTEN, axis=0) for way in (-along, along))
    return float(worst_blocks(np.maximum(0, back - GOES_ON * on)[None], RESTLESS_SHARE)[0])


def _jitter(flow: Floats) -> float:
    if len(flow) < PAIR:
        return 0.0
    whole = np.median(flow, axis=(1, 2))
    steps = np.linalg.norm(np.diff(whole, axis=0), axis=-1)
    return float(np.median(steps)) / (float(np.linalg.norm(whole, axis=-1).mean()) + 1.0)


def _longest_run(marked: Floats) -> int:
    longest = run = 0
    for mark in marked.tolist():
        run = run + 1 if mark else 0
        longest = max(longest, run)
    return longest


def _flicker(track: FlowTrack) -> tuple[float, float]:
    """Measure brightness that goes up and down: a steady fade has a constant drift and counts for nothing."""
    if len(track.drift) < PAIR:
        return 0.0, 0.0
    reversal = np.abs(np.diff(track.drift, axis=0)) / 2
    scale = track.luma + 16  # Weber: the same step is seen more in the dark; 16 levels keep black from dividing by 0
    return _trimmed(reversal.mean(axis=(1, 2))) / scale, _trimmed(worst_blocks(reversal)) / scale


def _trimmed(series: Floats) -> float:
    kept = np.sort(series)[: max(1, round(len(series) * (1 - TRIM)))]
    return float(kept.mean())
